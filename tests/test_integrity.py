import contextlib
import errno
import os
import zipfile

import pytest

from keras_course import files, integrity


def test_the_generation_before_is_kept_and_used_where_the_newer_is_damaged(tmp_path, capsys):
    path = tmp_path / "state.json"
    for number in range(3):
        integrity.write_sealed(path, {"number": number}, keep_older=True)
    assert integrity.read_sealed(path) == {"number": 2}
    assert integrity.read_sealed(files.older(path)) == {"number": 1}
    assert {found.name for found in tmp_path.iterdir()} == {"state.json", "state.older.json"}
    path.write_text(path.read_text().replace("2", "3", 1))
    assert integrity.newest(path, integrity.read_sealed) == {"number": 1}
    assert "state.json is damaged" in capsys.readouterr().out
    damaged = path.read_bytes()
    path.unlink()
    assert integrity.newest(path, integrity.read_sealed) == {"number": 1}
    assert "state.json is missing. The older state.older.json is used." in capsys.readouterr().out
    path.write_bytes(damaged)
    files.older(path).unlink()
    with pytest.raises(integrity.Damaged):
        integrity.newest(path, integrity.read_sealed)
    assert integrity.newest(tmp_path / "nothing", integrity.read_sealed) is None


def test_without_hard_links_the_older_generation_is_a_copy(tmp_path, monkeypatch):
    def no_links(self, other):
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(files.Path, "hardlink_to", no_links)
    for number in range(2):
        integrity.write_sealed(tmp_path / "state.json", {"number": number}, keep_older=True)
    assert integrity.read_sealed(tmp_path / "state.older.json") == {"number": 0}


def test_every_bit_that_turns_in_a_sealed_file_is_noticed(tmp_path):
    path = tmp_path / "state.json"
    written = {"rate": 0.1, "name": "a", "list": [1, None]}
    integrity.write_sealed(path, written)
    right = path.read_bytes()
    for bit in range(8 * len(right)):
        wrong = bytearray(right)
        wrong[bit // 8] ^= 1 << bit % 8
        path.write_bytes(wrong)
        with contextlib.suppress(integrity.Damaged):  # else a space became a line's end
            assert integrity.read_sealed(path) == written
    for length in range(len(right) - 1):  # the last byte ends the line
        path.write_bytes(right[:length])
        with pytest.raises(integrity.Damaged):
            integrity.read_sealed(path)


def test_every_bit_that_turns_in_the_content_of_a_zip_file_is_noticed(tmp_path):
    path, content = tmp_path / "a.npz", os.urandom(50)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("values", content)
    right = path.read_bytes()
    assert integrity.check_zip(path) == path
    for bit in range(8 * len(right)):
        wrong = bytearray(right)
        wrong[bit // 8] ^= 1 << bit % 8
        path.write_bytes(wrong)
        with (
            contextlib.suppress(integrity.Damaged),
            zipfile.ZipFile(integrity.check_zip(path)) as archive,
        ):
            assert [archive.read(name) for name in archive.namelist()] == [content]
    for length in range(len(right)):
        path.write_bytes(right[:length])
        with pytest.raises(integrity.Damaged):
            integrity.check_zip(path)
