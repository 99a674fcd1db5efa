import itertools

import keras
import numpy as np
import pytest

from keras_course.augmentation import Draws, augment, layers_of
from keras_course.data.pipeline import evaluation_batches, order, training_batches
from keras_course.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)).astype("uint8")
LABELS = np.arange(40)
KEY = "uint32" if keras.backend.backend() == "jax" else "int32"


def epochs(count, **options):
    """The batches of some epochs, of four steps each."""
    dataset = training_batches(IMAGES, LABELS, 10, **options)
    steps = itertools.islice(dataset, 4 * count)
    return [(np.asarray(x), np.asarray(y)) for x, y in steps]


def test_an_epoch_shows_every_image_once_in_an_order_of_its_own():
    labels = [y for _, y in epochs(2)]
    first, second = np.concatenate(labels[:4]), np.concatenate(labels[4:])
    assert sorted(first) == sorted(second) == list(range(40))
    assert list(first) != list(second)


def test_what_a_last_batch_would_lack_is_left_out():
    indices, keys = order(43, 10, seed=0, epoch=0)
    assert indices.shape == (4, 10) and keys.shape == (4, 2)
    assert len(np.unique(indices)) == 40


def test_order_and_draws_depend_on_seed_and_epoch_alone():
    layers = layers_of("flip_shift_color")
    once, again = epochs(3, layers=layers, seed=5), epochs(3, layers=layers, seed=5)
    resumed = epochs(1, layers=layers, seed=5, first_epoch=2)
    for (x, y), (x2, y2) in zip(once, again, strict=True):
        assert np.array_equal(x, x2) and np.array_equal(y, y2)
    for (x, y), (x2, y2) in zip(once[8:], resumed, strict=True):
        assert np.array_equal(x, x2) and np.array_equal(y, y2)
    other = epochs(1, layers=layers, seed=6)
    assert not np.array_equal(once[0][1], other[0][1])


@pytest.mark.tensorflow
def test_how_many_steps_are_gathered_at_once_changes_nothing(monkeypatch):
    from keras_course.data import tf_batches

    layers = layers_of("flip_shift_color")
    at_once = epochs(2, layers=layers)
    monkeypatch.setattr(tf_batches, "CHUNK", 3 * 10 * IMAGES[0].nbytes)  # of four steps
    for (x, y), (x2, y2) in zip(at_once, epochs(2, layers=layers), strict=True):
        assert np.array_equal(x, x2) and np.array_equal(y, y2)


def test_two_epochs_augment_the_same_image_differently():
    batches = epochs(2, layers=layers_of("color"))
    seen = {}
    for x, y in batches:
        for image, label in zip(x, y, strict=True):
            seen.setdefault(int(label), []).append(image)
    assert all(not np.array_equal(first, second) for first, second in seen.values())


def test_without_augmentation_the_images_are_those_of_the_array():
    for x, y in epochs(1):
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, IMAGES[y])


def test_evaluation_leaves_no_image_out():
    labels = np.concatenate([y for _, y in evaluation_batches(IMAGES, LABELS, 16)])
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.tensorflow
def test_the_end_of_a_data_set_does_not_wait_for_the_autotuner():
    for dataset in (training_batches(IMAGES, LABELS, 10), evaluation_batches(IMAGES, LABELS)):
        assert dataset.options().autotune.enabled is False


def test_flip_mirrors_about_half_of_the_images():
    key = keras.ops.convert_to_tensor([1, 2], KEY)
    images = np.repeat(IMAGES[:1], 400, axis=0).astype("float32")
    flipped = np.asarray(augment(images, layers_of("flip"), key))
    mirrored = (flipped == images[:, :, ::-1]).all((1, 2, 3))
    assert ((flipped == images).all((1, 2, 3)) != mirrored).all()
    assert 150 < mirrored.sum() < 250


def test_cutout_makes_a_square_of_each_image_grey_and_leaves_the_rest():
    key = keras.ops.convert_to_tensor([1, 2], KEY)
    images = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3)).astype("float32")
    cut = np.asarray(augment(images, layers_of("cutout"), key))
    changed = (cut != images).any(-1)  # no image has the grey, which is between two of its values
    assert (cut[changed] == 127.5).all()
    corners = set()
    for places in changed:
        rows, columns = np.where(places)
        assert (np.unique(rows).size, np.unique(columns).size) == (12, 12)
        assert np.ptp(rows) == np.ptp(columns) == 11 and places.sum() == 144
        corners.add((rows[0], columns[0]))
    assert len(corners) > 40


def test_draws_are_new_at_each_call_and_the_same_for_a_key():
    key = keras.ops.convert_to_tensor([1, 2], KEY)
    draws = Draws(key)
    first, second = (np.asarray(keras.random.uniform((4,), seed=draws)) for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, keras.random.uniform((4,), seed=Draws(key)))


@pytest.mark.parametrize("name", ["flp", "flip_flip", "", "flip+shift"])
def test_an_unknown_augmentation_is_refused(name):
    with pytest.raises(UserError, match="augmentation must"):
        layers_of(name)


def test_alternating_flip_shows_every_image_both_ways_in_two_epochs():
    images = np.arange(20 * 4, dtype="uint8").reshape(20, 1, 4, 1)
    batches = itertools.islice(training_batches(images, np.arange(20), 10, alternate=True), 4)
    seen = [
        (label, tuple(row))
        for x, y in batches
        for label, row in zip(np.asarray(y), np.asarray(x).reshape(10, 4).astype(int), strict=True)
    ]
    flipped = [row[0] > row[-1] for _, row in seen]
    for epoch in (slice(20), slice(20, 40)):
        assert 3 < sum(flipped[epoch]) < 17
    for label in range(20):
        first, second = (row for it, row in seen if it == label)
        assert first == second[::-1] and sorted(first) == list(images[label].ravel())
