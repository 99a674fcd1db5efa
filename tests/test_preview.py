"""Pictures of a data set and of an augmentation."""

import numpy as np
from PIL import Image

from keras_course import preview


def test_two_pictures_are_written_and_returned(splits, tmp_path):
    paths = preview.preview(splits, "shapes", "flip_shift_color", tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["images.png", "augmentation.png"]
    for path in paths:
        picture = np.asarray(Image.open(path).convert("RGB"))
        assert picture.shape[1] > 600
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100


def test_as_many_images_of_each_class_as_it_goes():
    labels = np.array([2, 0, 0, 0, 0, 2, 1, 0])
    chosen = preview.of_each_class(labels, 5)
    assert chosen.tolist() == [1, 2, 6, 0, 5]
    assert labels[preview.of_each_class(labels, 100)].tolist() == [0, 0, 0, 0, 0, 1, 2, 2]
    assert preview.of_each_class(labels, 2).tolist() == [1, 6]


def test_every_draw_is_another_image_and_the_same_again_next_time(splits):
    image = splits.train.images[0]
    before = image.copy()
    drawn = preview.draws(image, "shift", 15)
    assert drawn.shape == (15, 16, 16, 3)
    assert len(np.unique(drawn.reshape(15, -1), axis=0)) > 8  # of 81 places
    assert np.array_equal(drawn, preview.draws(image, "shift", 15))
    assert np.array_equal(image, before)


def test_no_augmentation_leaves_the_image_as_it_is(splits):
    image = splits.train.images[0]
    assert (preview.draws(image, "none", 3) == image).all()
