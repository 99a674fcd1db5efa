import hashlib

import numpy as np
import pytest

from keras_course.data import drawing, scenes, shapes


@pytest.fixture(scope="module")
def drawn():
    return scenes.draw(300, seed=5)


def test_the_same_seed_gives_the_same_bytes_on_every_machine():
    digest = hashlib.sha256()
    for part in scenes.draw(100, seed=0):
        digest.update(part.astype(part.dtype.newbyteorder("<")).tobytes())
    # To change it is to change the scenes: what was published about them has to be measured again.
    assert digest.hexdigest() == "d13602fbe61244dc6e292124b1ff56b8a5b00e80369a944ba9d8a70fe90a31d3"


def test_types_and_sizes_are_as_promised(drawn):
    images, boxes, labels = drawn
    assert images.shape == (300, 64, 64, 3) and images.dtype == np.uint8
    assert boxes.shape == (300, 5, 4) and boxes.dtype == np.float32
    assert labels.shape == (300, 5) and labels.dtype == np.int64
    assert scenes.CLASS_NAMES == shapes.CLASS_NAMES
    counts = (labels >= 0).sum(axis=1)
    assert set(counts) == {1, 2, 3, 4, 5} and np.bincount(counts)[1:].min() > 40  # of 300
    of_each = np.bincount(labels[labels >= 0], minlength=10)
    assert of_each.min() > 0.7 * of_each.mean()


def test_absent_shapes_come_last_and_have_no_box(drawn):
    absent = drawn.labels < 0
    assert (np.diff(absent.astype(int), axis=1) >= 0).all()
    assert not drawn.boxes[absent].any()


def test_the_first_scenes_do_not_depend_on_how_many_are_drawn(drawn):
    for few, many in zip(scenes.draw(70, seed=5), drawn, strict=True):
        np.testing.assert_array_equal(few, many[:70])


def test_the_parts_have_no_scene_in_common(monkeypatch):
    assert scenes.SIZES == {"train": 3_000, "validation": 500, "test": 500}
    assert len(set(scenes.SEEDS.values())) == 3
    monkeypatch.setattr(scenes, "SIZES", dict.fromkeys(scenes.SIZES, 50))
    seen = {image.tobytes() for part in scenes.SIZES for image in scenes.load(part).images}
    assert len(seen) == 150


def test_a_box_is_the_smallest_around_a_mask():
    masks = np.zeros((2, 6, 8), bool)
    masks[0, 2, 3] = masks[1, 1, 2] = masks[1, 4, 7] = True
    assert drawing.boxes(masks).tolist() == [[2, 3, 3, 4], [1, 2, 5, 8]]


def test_a_box_holds_what_is_seen_of_its_shape(monkeypatch):
    """Compared with each shape alone: what lies over it can only make its box smaller."""
    alone = []
    paint_shape = drawing.paint_shape

    def recorded(chance, images, labels, x, y, size):
        alone.append(paint_shape(chance, images, labels, x, y, size))
        return alone[-1]

    monkeypatch.setattr(drawing, "paint_shape", recorded)
    _, boxes, labels = scenes.draw(scenes.BATCH)
    whole = drawing.boxes(np.stack(alone, axis=1).reshape(-1, 64, 64) >= 0.5).reshape(boxes.shape)
    there = labels >= 0
    boxes, whole = boxes[there], whole[there]
    assert (boxes[:, :2] >= whole[:, :2]).all() and (boxes[:, 2:] <= whole[:, 2:]).all()
    same = (boxes == whole).all(axis=1)
    assert 0.5 < same.mean() < 0.95  # some shapes lie below others or a bar
    assert boxes.min() >= 0 and boxes.max() <= 64


def test_shapes_overlap_and_can_still_be_seen(drawn):
    from keras_course.boxes import iou

    height, width = np.moveaxis(drawn.boxes[..., 2:] - drawn.boxes[..., :2], -1, 0)
    there = drawn.labels >= 0
    assert min(height[there].min(), width[there].min()) >= 6
    assert (height * width)[there].min() >= 50
    overlaps = [
        np.triu(iou(boxes[its], boxes[its]), 1).max()
        for boxes, its in zip(drawn.boxes, there, strict=True)
    ]
    assert np.mean(np.array(overlaps) > 0) > 0.3
    assert max(overlaps) < 0.6


def test_a_shape_is_brighter_than_what_is_around_it(drawn):
    """Mean of a box against mean of its scene: the boxes lie where the shapes are."""
    inside, outside = [], []
    for image, boxes, labels in zip(*drawn, strict=True):
        for top, left, bottom, right in boxes[labels >= 0].astype(int):
            inside.append(image[top:bottom, left:right].mean())
            outside.append(image.mean())
    assert np.mean(np.array(inside) > outside) > 0.85
