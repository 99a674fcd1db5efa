import json

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


def test_the_nearest_name_shares_the_beginning():
    known = ["resnet18", "resnet20", "resnet32"]
    assert "Did you mean 'resnet20'?" in str(unknown("model", "resnet2", known))
    assert "Did you mean" not in str(unknown("model", "xyz", known))
