"""`folder:PATH`: images of one's own."""

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from keras_course import data, predict
from keras_course.data import folder
from keras_course.errors import UserError


def write(path, value, size=(4, 3), mode="RGB"):
    """Write an image of one colour; size is width x height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)


@pytest.fixture
def pets(tmp_path):
    """Ten images of each class, whose red value is 10 * number + label."""
    for i in range(10):
        for label, name in enumerate(("cat", "dog")):
            write(tmp_path / "pets" / name / f"{i}.png", (10 * i + label, 100, 200))
    return tmp_path / "pets"


def test_a_folder_becomes_stratified_parts(pets):
    train, validation, test, names = data.load(f"folder:{pets}")
    assert names == ("cat", "dog")
    assert train.images.shape == (14, 3, 4, 3) and train.images.dtype == np.uint8
    for part, count in ((train, 7), (validation, 1), (test, 2)):
        assert np.bincount(part.labels).tolist() == [count, count]
        assert np.array_equal(part.images[:, 0, 0, 0] % 10, part.labels)
        assert np.all(part.images[..., 1:] == [100, 200])


def test_the_order_is_fixed_and_mixes_the_classes(pets):
    first, again = folder.read(pets), folder.read(pets)
    assert np.array_equal(first.train.images, again.train.images)
    assert set(first.train.labels[:10]) == {0, 1}


def test_folders_named_train_and_test_are_kept_apart(tmp_path):
    for part, count in (("train", 4), ("test", 2)):
        for i in range(count):
            for label, name in enumerate("ab"):
                value = (i, label, part == "test")
                write(tmp_path / part / name / f"{i}.png", value)
    train, validation, test, _ = data.load(f"folder:{tmp_path}")
    assert [len(part.labels) for part in (train, validation, test)] == [6, 2, 4]
    assert np.all(test.images[..., 2] == 1) and np.all(train.images[..., 2] == 0)
    assert np.array_equal(test.images[:, 0, 0, 1], test.labels)


def test_a_part_by_another_name_is_no_class(tmp_path):
    for place in ("train/cat", "train/dog", "val/cat", "val/dog"):
        write(tmp_path / place / "1.png", 0)
    with pytest.raises(UserError, match="train holds a folder, cat; .* the parts train and test"):
        folder.read(tmp_path)


def test_train_and_test_must_have_the_same_classes(tmp_path):
    for place in ("train/a", "train/b", "test/a", "test/c"):
        write(tmp_path / place / "1.png", 0)
    with pytest.raises(UserError, match=r"same names. Only in one of them: b, c\."):
        folder.read(tmp_path)


def test_grey_images_keep_one_channel(tmp_path):
    for name in "ab":
        write(tmp_path / name / "1.png", 77, mode="L")
    images = folder.read(tmp_path).train.images
    assert images.shape == (2, 3, 4, 1) and np.all(images == 77)


def test_one_colour_image_makes_all_rgb(tmp_path):
    write(tmp_path / "a" / "1.png", 77, mode="L")
    write(tmp_path / "b" / "1.png", (1, 2, 3), mode="RGB")
    images, labels = folder.read(tmp_path).train
    assert images.shape == (2, 3, 4, 3)
    assert {tuple(image[0, 0]) for image in images} == {(77, 77, 77), (1, 2, 3)}
    assert set(labels) == {0, 1}


def test_images_are_read_as_predict_reads_them(tmp_path):
    turned, clear = tmp_path / "a" / "1.jpg", tmp_path / "b" / "1.png"
    turned.parent.mkdir()
    clear.parent.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 3), "uint8")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # the camera lay on its side
    Image.fromarray(pixels).save(turned, exif=exif)
    transparent = np.concatenate([pixels, pixels[..., :1]], axis=2).transpose(1, 0, 2)
    Image.fromarray(transparent).save(clear)
    images, labels = folder.read(tmp_path).train
    for path, label in ((turned, 0), (clear, 1)):
        expected = predict.read_image(path, (4, 3, 3))
        np.testing.assert_array_equal(images[labels == label][0], expected)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_an_image_that_xmp_turns_is_turned(tmp_path, suffix):
    xmp = b'<x:xmpmeta xmlns:tiff="t"><a tiff:Orientation="6"/></x:xmpmeta>'
    for name in ("a", "b"):
        write(tmp_path / name / "0.png", 10, size=(3, 4))
        write(tmp_path / name / "1.png", 20, size=(3, 4))
        image = Image.new("RGB", (4, 3), (9, 9, 9))
        if suffix == "jpg":
            image.save(tmp_path / name / "2.jpg", xmp=xmp)
        else:
            told = PngImagePlugin.PngInfo()
            told.add_itxt("XML:com.adobe.xmp", xmp.decode())
            image.save(tmp_path / name / "2.png", pnginfo=told)
    assert folder.read(tmp_path).train.images.shape[1:] == (4, 3, 3)


def test_damaged_exif_data_are_named(pets):
    image = Image.new("RGB", (4, 3))
    image.save(pets / "cat" / "odd.png", exif=b"Exif\0\0garbage!")
    with pytest.raises(UserError, match="odd.png cannot be read as an image"):
        folder.read(pets)


def test_images_that_the_memory_does_not_hold_are_told(pets, monkeypatch):
    empty = np.empty

    def no_room(shape, kind):
        if len(np.shape(shape)) == 1 and len(shape) == 4:
            raise MemoryError
        return empty(shape, kind)

    monkeypatch.setattr("keras_course.data.folder.np.empty", no_room)
    with pytest.raises(UserError, match="images of 4x3 pixels are 0.0 GB, more than the memory"):
        folder.read(pets)


def test_hidden_files_and_folders_are_passed_over(pets):
    (pets / "cat" / ".DS_Store").write_bytes(b"x")
    (pets / ".cache").mkdir()
    assert len(folder.read(pets).train.labels) == 20


def test_images_of_two_sizes_are_named_with_their_sizes(pets):
    write(pets / "dog" / "large.png", 0, size=(9, 8))
    with pytest.raises(UserError, match=r"(4x3|9x8).*(4x3|9x8).*resize") as caught:
        folder.read(pets)
    message = str(caught.value)
    assert "large.png is 9x8" in message and ".png is 4x3" in message


def truncated(path):
    noise = np.random.default_rng(0).integers(0, 256, (3, 4, 3), "uint8")
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text("not an image"),
        lambda path: path.write_bytes(b""),
        truncated,
    ],
)
def test_a_file_that_is_no_image_is_named(pets, spoil):
    spoil(pets / "dog" / "wrong.png")
    with pytest.raises(UserError, match=r"wrong\.png cannot be read as an image"):
        folder.read(pets)


def test_sixteen_bits_a_channel_are_refused(pets):
    write(pets / "dog" / "deep.png", 1000, mode="I;16")
    with pytest.raises(UserError, match=r"deep\.png has pixels of type I;16"):
        folder.read(pets)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"there is no folder .*nowhere"):
        data.load(f"folder:{tmp_path / 'nowhere'}")


def test_an_empty_folder_a_single_class_and_an_empty_class_are_refused(tmp_path):
    with pytest.raises(UserError, match="no folder; expected one folder per class"):
        folder.read(tmp_path)
    write(tmp_path / "cat" / "1.png", 0)
    with pytest.raises(UserError, match="holds one folder, cat; expected"):
        folder.read(tmp_path)
    (tmp_path / "dog").mkdir()
    with pytest.raises(UserError, match="dog is empty"):
        folder.read(tmp_path)


def test_a_class_with_too_few_images_is_named(pets):
    write(pets / "rare" / "1.png", 0)
    with pytest.raises(UserError, match=r"class 'rare' of folder:.* has 1 training image"):
        data.load(f"folder:{pets}")
