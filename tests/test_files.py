import contextlib
import errno
import json
import os
import zipfile

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


def test_the_generation_before_is_kept_and_used_where_the_newer_is_damaged(tmp_path, capsys):
    path = tmp_path / "state.json"
    for number in range(3):
        files.write_sealed(path, {"number": number}, keep_older=True)
    assert files.read_sealed(path) == {"number": 2}
    assert files.read_sealed(files.older(path)) == {"number": 1}
    assert {found.name for found in tmp_path.iterdir()} == {"state.json", "state.older.json"}
    path.write_text(path.read_text().replace("2", "3", 1))
    assert files.newest(path, files.read_sealed) == {"number": 1}
    assert "state.json is damaged" in capsys.readouterr().out
    files.older(path).unlink()
    with pytest.raises(files.Damaged):
        files.newest(path, files.read_sealed)
    assert files.newest(tmp_path / "nothing", files.read_sealed) is None


def test_without_hard_links_the_older_generation_is_a_copy(tmp_path, monkeypatch):
    def no_links(self, other):
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(files.Path, "hardlink_to", no_links)
    for number in range(2):
        files.write_sealed(tmp_path / "state.json", {"number": number}, keep_older=True)
    assert files.read_sealed(tmp_path / "state.older.json") == {"number": 0}


def test_every_bit_that_turns_in_a_sealed_file_is_noticed(tmp_path):
    path = tmp_path / "state.json"
    written = {"rate": 0.1, "name": "a", "list": [1, None]}
    files.write_sealed(path, written)
    right = path.read_bytes()
    for bit in range(8 * len(right)):
        wrong = bytearray(right)
        wrong[bit // 8] ^= 1 << bit % 8
        path.write_bytes(wrong)
        with contextlib.suppress(files.Damaged):  # else a space became a line's end
            assert files.read_sealed(path) == written
    for length in range(len(right) - 1):  # the last byte ends the line
        path.write_bytes(right[:length])
        with pytest.raises(files.Damaged):
            files.read_sealed(path)


def test_every_bit_that_turns_in_the_content_of_a_zip_file_is_noticed(tmp_path):
    path, content = tmp_path / "a.npz", os.urandom(50)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("values", content)
    right = path.read_bytes()
    assert files.check_zip(path) == path
    for bit in range(8 * len(right)):
        wrong = bytearray(right)
        wrong[bit // 8] ^= 1 << bit % 8
        path.write_bytes(wrong)
        with contextlib.suppress(files.Damaged), zipfile.ZipFile(files.check_zip(path)) as archive:
            assert [archive.read(name) for name in archive.namelist()] == [content]
    for length in range(len(right)):
        path.write_bytes(right[:length])
        with pytest.raises(files.Damaged):
            files.check_zip(path)


def test_a_full_disk_is_told_with_path_and_bytes_and_the_old_file_stays(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    told = r"model\.keras: of it 4 bytes were written, [\d,]+ bytes are free"
    with pytest.raises(files.DiskFull, match=told), files.whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("HDF5 says: No space left on device")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(files.DiskFull, match="folder"), files.whole_folder(tmp_path / "folder"):
        raise OSError(errno.ENOSPC, "full")


def test_a_full_disk_is_known_by_its_words_however_it_is_told(tmp_path):
    full = os.strerror(errno.ENOSPC)
    with pytest.raises(files.DiskFull, match="events: of it"), files.telling_when_full(tmp_path):
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
