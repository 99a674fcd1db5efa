"""The benchmark for GPUs: it goes on where it ended, and begins with what must be right."""

import numpy as np
import pytest

from benchmarks import cifar10_files, gpu
from keras_course import data
from keras_course.data.splits import Split, Splits
from keras_course.recipes import Recipe


@pytest.fixture
def measured(monkeypatch):
    """The names of what was measured, of two small pieces."""
    names = []

    def measure(name, result):
        names.append(name)
        return result

    right = {"loss": 0.0, "gradients": 1e-5}
    pieces = {
        "correctness": lambda short: {"a": lambda: measure("a", right)},
        "steps": lambda short: {key: (lambda key=key: measure(key, {"n": 1})) for key in "bcd"},
    }
    monkeypatch.setattr(gpu, "PIECES", pieces)
    return names


def test_a_second_call_measures_what_the_first_left(measured, monkeypatch):
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr(gpu.time, "monotonic", lambda: next(clock))
    results, written = {"pieces": {}}, []
    assert not gpu.run(["correctness", "steps"], False, results, lambda _: written.append(1))
    assert measured == ["a", "b"] and len(written) == 2
    assert gpu.run(["correctness", "steps"], False, results, written.append)
    assert measured == ["a", "b", "c", "d"]
    assert list(results["pieces"]["steps"]) == ["b", "c", "d"]


def test_nothing_is_measured_on_a_device_that_computes_something_else(measured, monkeypatch):
    monkeypatch.setitem(
        gpu.PIECES, "correctness", lambda short: {"a": lambda: {"loss": 0.0, "gradients": 0.1}}
    )
    with pytest.raises(SystemExit, match="do not compute the same"):
        gpu.run(["correctness", "steps"], False, {"pieces": {}}, lambda _: None)
    assert measured == []


def test_cifar10_travels_in_files(tmp_path, monkeypatch):
    random = np.random.default_rng(0)

    def images(count):
        labels = np.arange(count) % 10
        return Split(random.integers(256, size=(count, 32, 32, 3)).astype("uint8"), labels)

    splits = Splits(images(90), images(10), images(20), cifar10_files.NAMES)
    monkeypatch.setattr(data, "load", lambda *_: splits)
    monkeypatch.setattr(cifar10_files, "IMAGES", 40)
    paths = cifar10_files.write(tmp_path)
    assert [path.name[8:-4] for path in paths] == [
        "train_00000",
        "train_00040",
        "train_00080",
        "test_00000",
    ]
    monkeypatch.setattr(cifar10_files, "folder", tmp_path)
    found = cifar10_files.load(Recipe(dataset="cifar10", validation_fraction=0.1))
    assert [len(part.labels) for part in found[:3]] == [90, 10, 20]
    np.testing.assert_array_equal(found.test.images, splits.test.images)
    assert found.test.labels.tolist() == splits.test.labels.tolist()
    assert found.class_names == splits.class_names


def test_a_file_has_at_most_60_megabytes():
    assert cifar10_files.IMAGES * (32 * 32 * 3 + 1) < 59e6
