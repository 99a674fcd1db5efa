"""Data sets by name, and their division into train, validation and test."""

import subprocess
import sys

import numpy as np
import pytest

from keras_course import data
from keras_course.data import shapes
from keras_course.data.splits import Source, Split, shuffled, split, stratified
from keras_course.errors import UserError


def numbered(counts, start=0):
    """Return images whose first two bytes are their number, `counts` of each class."""
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.zeros((len(labels), 2, 1, 1), "uint8")
    numbers = np.arange(start, start + len(labels))
    images[:, 0, 0, 0], images[:, 1, 0, 0] = numbers // 256, numbers % 256
    return Split(images, labels.astype("int64"))


def numbers(part):
    return part.images[:, 0, 0, 0].astype(int) * 256 + part.images[:, 1, 0, 0]


def test_the_parts_are_disjoint_and_complete_and_keep_their_labels():
    source = Source(numbered([100, 200, 300]), numbered([5, 5, 5], start=1000), ("a", "b", "c"))
    train, validation, test, names = split("x", source, 0.1, seed=0)
    assert sorted([*numbers(train), *numbers(validation)]) == list(range(600))
    assert list(numbers(test)) == list(range(1000, 1015))
    for part in (train, validation):
        assert np.array_equal(part.labels, source.train.labels[numbers(part)])
        assert part.images.dtype == np.uint8 and part.labels.dtype == np.int64
    assert names == ("a", "b", "c")


def test_every_class_gives_the_same_fraction_to_validation():
    parts = split("x", Source(numbered([100, 200, 300]), numbered([1, 1, 1]), tuple("abc")), 0.1, 0)
    assert np.bincount(parts.validation.labels).tolist() == [10, 20, 30]


def test_a_seed_gives_one_division_and_another_seed_another():
    source = Source(numbered([100, 100]), numbered([1, 1]), ("a", "b"))
    first, again, other = (numbers(split("x", source, 0.1, s).validation) for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_order_of_a_seed_is_the_same_on_every_machine():
    # The first number of NumPy's own table for this seed, kept equal over its versions.
    assert np.random.PCG64(0xDEADBEAF).random_raw() == 0x60D24054E17A0698
    assert shuffled(8, 0).tolist() == pcg_order(8, 0)
    assert shuffled(1000, 7).tolist() == pcg_order(1000, 7)


def pcg_order(count, seed):
    """PCG XSL RR 128/64 of O'Neill 2014 in whole numbers, from NumPy's state for the seed."""
    start = np.random.PCG64(seed).state["state"]
    state, increment, values = start["state"], start["inc"], []
    for _ in range(count):
        state = (state * 0x2360ED051FC65DA44385DF649FCCF645 + increment) % 2**128
        word, turn = (state >> 64) ^ (state % 2**64), state >> 122
        values.append((word >> turn | word << (64 - turn)) % 2**64)
    return sorted(range(count), key=values.__getitem__)


def test_without_test_images_a_fifth_of_each_class_is_held_out_whatever_the_seed():
    source = Source(numbered([50, 100]), None, ("a", "b"))
    first, second = split("x", source, 0.1, 0), split("x", source, 0.1, 1)
    assert np.bincount(first.test.labels).tolist() == [10, 20]
    assert np.array_equal(numbers(first.test), numbers(second.test))
    assert np.bincount(first.validation.labels).tolist() == [4, 8]
    everything = [*numbers(first.train), *numbers(first.validation), *numbers(first.test)]
    assert sorted(everything) == list(range(150))


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.99])
def test_the_smallest_classes_leave_an_image_on_each_side(fraction):
    rest, part = stratified(np.array([0, 0, 1, 1, 1]), fraction, seed=0)
    assert set(np.array([0, 0, 1, 1, 1])[rest]) == set(np.array([0, 0, 1, 1, 1])[part]) == {0, 1}


@pytest.mark.parametrize(
    "counts, test, words",
    [
        ([5, 1], numbered([1, 1]), "class 'b' of x has 1 training image"),
        ([5, 2], None, "class 'b' of x has 2 training image.*at least 3"),
        ([5, 0], numbered([1, 1]), "class 'b' of x has 0"),
    ],
)
def test_a_class_with_too_few_images_is_named(counts, test, words):
    train = numbered(counts)
    with pytest.raises(UserError, match=words):
        split("x", Source(train, test, ("a", "b")), 0.1, 0)


def test_one_class_is_not_enough():
    with pytest.raises(UserError, match="1 class; a classifier needs at least 2"):
        split("x", Source(numbered([9]), None, ("a",)), 0.1, 0)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, float("nan")])
def test_a_fraction_outside_0_and_1_is_refused(fraction):
    with pytest.raises(UserError, match="validation_fraction must be above 0"):
        split("x", Source(numbered([9, 9]), None, ("a", "b")), fraction, 0)


def test_a_negative_seed_is_refused():
    with pytest.raises(UserError, match="seed must be"):
        split("x", Source(numbered([9, 9]), None, ("a", "b")), 0.1, -1)


@pytest.mark.parametrize(
    "name, words",
    [
        ("cifar01", "Did you mean 'cifar10'"),
        ("", "one of shapes, cifar10, cifar100, tfds:NAME, folder:PATH"),
        ("tfds:", "tfds:NAME"),
        ("cifar10:x", "Received: 'cifar10:x'"),
        ("tfds:../../etc", "named NAME or NAME/CONFIG"),
    ],
)
def test_an_unknown_name_says_which_are_known(name, words):
    with pytest.raises(UserError, match=words):
        data.load(name)


def test_the_embedded_set_comes_in_the_same_form(monkeypatch):
    monkeypatch.setattr(shapes, "TRAIN_IMAGES", 200)
    monkeypatch.setattr(shapes, "TEST_IMAGES", 100)
    train, validation, test, names = data.load("shapes")
    assert [part.images.shape for part in (train, validation, test)] == [
        (180, 32, 32, 3),
        (20, 32, 32, 3),
        (100, 32, 32, 3),
    ]
    assert np.array_equal(test.images, shapes.draw(100, seed=1).images)
    assert np.bincount(validation.labels).tolist() == [2] * 10
    assert train.images.dtype == np.uint8 and train.labels.dtype == np.int64
    assert names == shapes.CLASS_NAMES


def test_importing_the_package_imports_neither_tensorflow_nor_pillow():
    program = (
        "import sys, keras_course.data;"
        "print(*[m for m in ('tensorflow', 'tensorflow_datasets', 'keras', 'PIL', 'matplotlib')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")
