import pytest

from keras_course import files, folders
from keras_course.errors import UserError
from keras_course.recipes import Recipe


def test_the_folder_of_a_command_and_how_it_goes_on_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with folders.output(None) as folder:
        assert capsys.readouterr().out == (
            "Everything goes into runs/0001. To continue after an interruption, run the same "
            "command with --output runs/0001.\n"
        )
    for error in (KeyboardInterrupt(), files.DiskFull(folder, 0, 0)):
        with pytest.raises(type(error)), folders.output(folder):
            (folder / "recipe.json").touch()
            raise error
        told = "To continue, run the same command with --output runs/0001.\n"
        assert capsys.readouterr().out == told
    with folders.output(None, goes_on=False):
        assert capsys.readouterr().out == ""


def test_a_folder_that_another_process_made_is_not_removed(tmp_path):
    theirs, ours = tmp_path / "theirs", tmp_path / "new" / "ours"
    theirs.mkdir()
    for folder in (theirs, ours):
        with pytest.raises(UserError), folders.output(folder):
            raise UserError("no")
    assert list(tmp_path.iterdir()) == [theirs]


def test_runs_are_numbered(tmp_path):
    first, second = folders.new_folder(tmp_path / "runs"), folders.new_folder(tmp_path / "runs")
    assert (first.name, second.name) == ("0001", "0002")


def test_a_folder_with_other_files_is_not_written_into(tmp_path):
    (tmp_path / "thesis.doc").write_text("mine")
    with pytest.raises(UserError, match="holds other files"):
        folders.claim(tmp_path, Recipe())


def test_a_folder_that_cannot_be_written_is_refused():
    with pytest.raises(UserError, match="Cannot write into"):
        folders.claim("/proc/nowhere", Recipe())
