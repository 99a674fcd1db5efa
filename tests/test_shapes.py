import hashlib
import math

import numpy as np
import pytest

from keras_course import data
from keras_course.data import shapes
from keras_course.data.drawing import coverage


@pytest.fixture(scope="module")
def train():
    return shapes.train()


@pytest.fixture(scope="module")
def test_set():
    return shapes.test()


def upright(name, size=10.0, turn=0.0, stretch=1.0, mirror=1.0, x=15.5, y=15.5):
    """The coverage of one shape in the middle, (32, 32)."""
    values = [np.array([value], np.float32) for value in (x, y, size, turn, stretch, mirror)]
    return coverage(name, *values)[0]


def test_the_same_seed_gives_the_same_bytes_on_every_machine():
    digest = hashlib.sha256()
    for part in shapes.draw(1000, seed=0):
        digest.update(part.astype(part.dtype.newbyteorder("<")).tobytes())
    # NumPy 1.26 and 2.x, with and without AVX2 and AVX-512. To change it is to change the data
    # set: every published number with `shapes` beside it has to be measured again.
    expected = "7e0241c67b1c61e4e370453a365a951f2fc448d7607907431e19046b3d746da4"
    assert digest.hexdigest() == expected


def test_another_seed_gives_other_images():
    assert (shapes.draw(10, seed=3).images != shapes.draw(10, seed=4).images).mean() > 0.9


def test_the_first_images_do_not_depend_on_how_many_are_drawn():
    for few, many in zip(shapes.draw(130, seed=5), shapes.draw(250, seed=5), strict=True):
        np.testing.assert_array_equal(few, many[:130])


def test_each_ten_images_in_a_row_hold_every_class_once():
    labels = shapes.draw(500, seed=1).labels
    assert (np.sort(labels.reshape(-1, 10), axis=1) == np.arange(10)).all()
    assert (labels.reshape(-1, 10) != labels[:10]).any()


def test_types_and_sizes_are_as_promised(train, test_set):
    for drawing, count in ((train, 10_000), (test_set, 2_000)):
        assert drawing.images.shape == (count, 32, 32, 3)
        assert drawing.images.dtype == np.uint8
        assert drawing.labels.dtype == np.int64
        assert np.bincount(drawing.labels).tolist() == [count // 10] * 10
        assert drawing.masks.shape == (count, 32, 32)
        assert drawing.masks.dtype == bool
        assert drawing.boxes.shape == (count, 4)
    assert len(set(shapes.CLASS_NAMES)) == 10


def test_no_test_image_is_a_training_image(train, test_set):
    seen = {image.tobytes() for image in train.images}
    assert len(seen) == 10_000
    assert not any(image.tobytes() in seen for image in test_set.images)


def test_the_data_set_loads_by_its_name(train, test_set, monkeypatch):
    monkeypatch.setattr(shapes, "train", lambda: train)  # drawn already
    monkeypatch.setattr(shapes, "test", lambda: test_set)
    splits = data.load("shapes")
    assert [len(part.labels) for part in splits[:3]] == [9_000, 1_000, 2_000]
    assert splits.class_names == shapes.CLASS_NAMES
    images, labels = splits.test
    assert len(images) == len(labels)


def test_every_shape_can_be_seen(test_set):
    visible = test_set.masks.sum(axis=(1, 2))
    assert visible.min() >= 40  # of about 190 pixels
    assert 120 < visible.mean() < 250


def test_a_box_is_the_smallest_around_its_mask(test_set):
    for mask, (top, left, bottom, right) in zip(test_set.masks, test_set.boxes, strict=True):
        assert mask.sum() == mask[top:bottom, left:right].sum()
        for edge in (mask[top], mask[bottom - 1], mask[:, left], mask[:, right - 1]):
            assert edge.any()


def test_the_mask_lies_on_the_shape(test_set):
    """A shape has one colour, whereas its surroundings have at least two and clutter."""
    pairs = list(zip(test_set.images, test_set.masks, strict=True))
    inside = np.array([image[mask].std(axis=0).sum() for image, mask in pairs])
    outside = np.array([image[~mask].std(axis=0).sum() for image, mask in pairs])
    assert (inside < outside).mean() > 0.9


@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("circle", math.pi * 0.81**2),
        ("ring", math.pi * (0.96**2 - 0.5**2)),
        ("square", 1.44**2),
        ("cross", 2 * 1.9 * 0.64 - 0.64**2),
        ("heart", 2 * 0.76**2 + math.pi * 0.76**2 / 2),  # a square and two half discs
        ("star", 5 * 0.4**2 * math.tan(math.pi / 5) / math.cos(2 * math.pi / 5)),
    ],
)
@pytest.mark.parametrize("turn", [0.0, 0.2])
@pytest.mark.parametrize("stretch", [1.0, 0.9])
def test_a_shape_has_the_area_of_geometry(name, area, turn, stretch):
    covered = upright(name, turn=turn, stretch=stretch).sum()
    assert covered == pytest.approx(100 * area, rel=0.02)  # size 10: 100 square pixels a unit


@pytest.mark.parametrize("name", shapes.CLASS_NAMES)
def test_a_mirrored_shape_is_a_shape_of_the_same_class(name):
    shape = upright(name, turn=0.2, mirror=1.0, x=13.0)
    mirrored = upright(name, turn=-0.2, mirror=-1.0, x=18.0)
    np.testing.assert_allclose(mirrored, shape[:, ::-1], atol=1e-4)


@pytest.mark.parametrize("name", shapes.CLASS_NAMES)
def test_a_shape_turns_clockwise(name):
    quarter = upright(name, turn=1.0)  # the tangent of 45 degrees
    np.testing.assert_allclose(quarter, np.rot90(upright(name), -1), atol=1e-4)


def test_no_two_classes_look_the_same():
    upright_shapes = [upright(name) for name in shapes.CLASS_NAMES]
    for i, one in enumerate(upright_shapes):
        for other in upright_shapes[:i]:
            assert np.abs(one - other).sum() > 30  # pixels


def test_no_single_pixel_gives_the_class_away(train, test_set):
    """For each pixel the most frequent class of each of 125 colours."""
    levels = np.array([25, 5, 1])
    known = (train.images // 52) @ levels
    asked = (test_set.images // 52) @ levels
    best = 0
    for row in range(32):
        for column in range(32):
            pair = known[:, row, column] * 10 + train.labels
            table = np.bincount(pair, minlength=1250).reshape(125, 10).argmax(axis=1)
            best = max(best, (table[asked[:, row, column]] == test_set.labels).mean())
    assert 0.1 < best < 0.25


def test_the_mean_colour_does_not_give_the_class_away(train, test_set):
    """The most frequent class among the 50 training images of the nearest mean colour."""
    known = train.images.mean(axis=(1, 2))
    asked = test_set.images.mean(axis=(1, 2))
    distances = (known**2).sum(axis=1) - 2 * asked @ known.T  # squared, less a constant a row
    nearest = np.argpartition(distances, 50, axis=1)[:, :50]
    votes = [np.bincount(train.labels[fifty], minlength=10).argmax() for fifty in nearest]
    assert (votes == test_set.labels).mean() < 0.25


def test_a_linear_classifier_sees_something_but_not_much(train, test_set):
    """Ridge regression on the pixels at a quarter of the resolution, solved exactly."""

    def features(images):
        small = images.reshape(-1, 8, 4, 8, 4, 3).mean(axis=(2, 4)).reshape(len(images), -1)
        return np.column_stack([small / 127.5 - 1, np.ones(len(images))])

    x, targets = features(train.images), np.eye(10)[train.labels]
    weights = np.linalg.solve(x.T @ x + 10 * np.eye(x.shape[1]), x.T @ targets)
    predicted = (features(test_set.images) @ weights).argmax(axis=1)
    assert 0.2 < (predicted == test_set.labels).mean() < 0.45
