"""The journal of a search: each event is whole, or not there."""

import io

from keras_course.search.journal import Journal


def test_a_write_that_the_system_cuts_short_is_gone_on_with(tmp_path, monkeypatch):
    class Short(io.FileIO):
        def write(self, data):
            return super().write(data[:7])

    path, events = tmp_path / "journal", [{"event": "search"}, {"event": "create", "trial": "0"}]
    journal = Journal(path)
    with monkeypatch.context() as patch:
        patch.setattr(type(path), "open", lambda path, mode, buffering: Short(path, mode[0]))
        for event in events:
            journal.add(event)
    again = Journal(path)
    assert again.events == events and again.lost == 0
