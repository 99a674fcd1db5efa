"""Decoded images in the user's cache folder."""

import json
import os

import numpy as np
import pytest

from keras_course.data import cache
from keras_course.errors import UserError

IMAGES = np.arange(7 * 2 * 2 * 3, dtype="uint8").reshape(7, 2, 2, 3)
LABELS = [0, 1, 0, 1, 0, 1, 1]


class Builder:
    """Writes IMAGES and counts how often."""

    def __init__(self, train=5):
        self.calls, self.train = 0, train

    def __call__(self, path):
        self.calls += 1
        np.save(path, IMAGES)
        return {"train": self.train, "labels": LABELS, "class_names": ["a", "b"]}


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_COURSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "records").write_bytes(b"records")
    return tmp_path / "source"


def files(suffix):
    return sorted((cache.location() / "set").glob(f"*{suffix}"))


def assert_right(found):
    assert np.array_equal(found.train.images, IMAGES[:5])
    assert np.array_equal(found.test.images, IMAGES[5:])
    assert found.train.labels.tolist() == LABELS[:5] and found.test.labels.tolist() == LABELS[5:]
    assert found.train.labels.dtype == np.int64
    assert found.class_names == ("a", "b")


def test_the_second_load_reads_the_mapped_file(source):
    build = Builder()
    assert_right(cache.cached("set", source, build))
    again = cache.cached("set", source, build)
    assert_right(again)
    assert build.calls == 1
    assert not again.train.images.flags.owndata and not again.train.images.flags.writeable


def test_a_set_without_test_images_has_none(source):
    assert cache.cached("set", source, Builder(train=7)).test is None


def flip_last_bit(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def forge(path):
    """A cache that is whole in form, with another set's checksum."""
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "crc32": content["crc32"] ^ 1}))


@pytest.mark.parametrize(
    "suffix, damage",
    [
        (".npy", flip_last_bit),
        (".npy", lambda path: path.write_bytes(path.read_bytes()[:50])),
        (".npy", lambda path: path.unlink()),
        (".json", lambda path: path.unlink()),
        (".json", lambda path: path.write_text('{"labels": [0')),
        (".json", lambda path: path.write_text("[]")),
        (".json", forge),
    ],
)
def test_a_damaged_cache_is_made_again(source, suffix, damage):
    build = Builder()
    cache.cached("set", source, build)
    damage(files(suffix)[0])
    assert_right(cache.cached("set", source, build))
    assert build.calls == 2


def test_a_changed_source_of_the_same_size_and_time_is_decoded_again(source):
    build = Builder()
    cache.cached("set", source, build)
    records = source / "records"
    time = records.stat().st_mtime_ns
    records.write_bytes(b"RECORDS")
    os.utime(records, ns=(time, time))
    cache.cached("set", source, build)
    assert build.calls == 2
    assert len(files(".npy")) == len(files(".json")) == 1  # the stale ones are gone


def test_a_build_that_fails_leaves_nothing_behind(source):
    def build(path):
        path.write_bytes(b"half")
        raise UserError("broken source")

    with pytest.raises(UserError, match="broken source"):
        cache.cached("set", source, build)
    assert {path.name for path in (cache.location() / "set").iterdir()} <= {".lock"}


def test_a_cache_folder_that_cannot_be_written_is_named(source, monkeypatch):
    monkeypatch.setenv("KERAS_COURSE_CACHE", str(source / "records" / "inside a file"))
    with pytest.raises(UserError, match=r"cannot be written.*set KERAS_COURSE_CACHE"):
        cache.cached("set", source, Builder())


def test_the_cache_is_in_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_COURSE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.location() == tmp_path / "keras-course"


def test_what_a_killed_process_left_is_removed(source):
    folder = cache.location() / "set"
    folder.mkdir(parents=True)
    (folder / ".unfinished-1.npy").write_bytes(b"half")
    assert_right(cache.cached("set", source, Builder()))
    assert not list(folder.glob(".unfinished*"))
