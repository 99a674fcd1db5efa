import errno
import json
import os

import pytest

from keras_course import files
from keras_course.errors import unknown


def test_a_file_appears_whole(tmp_path):
    files.write_json(tmp_path / "a.json", {"x": 1})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_name_keeps_the_suffix_that_libraries_look_at(tmp_path):
    with files.whole(tmp_path / "model.keras") as temporary:
        assert temporary.suffix == ".keras" and temporary.parent == tmp_path
        temporary.write_text("model")


def test_a_full_disk_is_told_with_path_and_bytes_and_the_old_file_stays(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    told = r"model\.keras: 4 bytes of it were written, [\d,]+ bytes are free"
    with pytest.raises(files.DiskFull, match=told), files.whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("HDF5 says: No space left on device")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(files.DiskFull, match="folder"), files.whole_folder(tmp_path / "folder"):
        raise OSError(errno.ENOSPC, "full")


def test_a_full_disk_is_known_by_its_words_however_it_is_told(tmp_path):
    full = os.strerror(errno.ENOSPC)
    with pytest.raises(files.DiskFull, match="events: 0 bytes"), files.telling_when_full(tmp_path):
        raise OSError(errno.ENOSPC, full, str(tmp_path / "events"))
    with pytest.raises(files.DiskFull), files.telling_when_full(tmp_path):
        raise RuntimeError(f"RESOURCE_EXHAUSTED: {full}")  # as TensorFlow does
    assert files.says_full(files.DiskFull(tmp_path, 0, 0))
    with pytest.raises(OSError, match="denied"), files.telling_when_full(tmp_path):
        raise OSError(errno.EACCES, "denied")


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / f"{files.UNFINISHED}abc.keras").write_text("half")
    (tmp_path / f"{files.UNFINISHED}def" / "model").mkdir(parents=True)
    (tmp_path / "other").write_text("")
    files.remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_the_nearest_name_shares_the_beginning():
    known = ["resnet18", "resnet20", "resnet32"]
    assert "Did you mean 'resnet20'?" in str(unknown("model", "resnet2", known))
    assert "Did you mean" not in str(unknown("model", "xyz", known))


def test_a_file_is_for_those_whom_the_system_says(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
