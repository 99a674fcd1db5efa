import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from keras_course import cli
from keras_course.cli import patterns
from keras_course.errors import UserError
from keras_course.export import saved_model
from keras_course.predict import predict, read_image, table

RED, GREEN, BLUE = (250, 5, 5), (5, 250, 5), (5, 5, 250)
SIZE = (32, 48, 3)  # height and width differ, so that exchanging them would show


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A network whose logits are the mean red, green and blue, by 1/50."""
    folder = tmp_path_factory.mktemp("run")
    inputs = keras.Input(SIZE)
    outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(inputs))
    model = keras.Model(inputs, outputs)
    model.layers[-1].set_weights([np.eye(3) / 50, np.zeros(3)])
    saved_model.write(model, ("red", "green", "blue"), folder / "saved_model")
    return folder


def save(path, colour, size=(100, 70), mode="RGB", **options):
    Image.new("RGB", size, colour).convert(mode).save(path, **options)
    return path


def best(prediction):
    return prediction.classes[0][0]


def test_the_probabilities_are_the_softmax_of_the_logits(run_folder, tmp_path):
    [prediction] = predict(run_folder, [save(tmp_path / "a.png", (100, 50, 50))], top=2)
    names, probabilities = zip(*prediction.classes, strict=True)
    assert names == ("red", "green")
    e = 2.718281828
    assert probabilities == pytest.approx((e / (e + 2), 1 / (e + 2)), abs=1e-5)
    assert str(prediction) == f"{tmp_path / 'a.png'}: red 57.6%, green 21.2%"


def test_png_and_jpeg_of_any_size_and_mode_are_read(run_folder, tmp_path):
    paths = [
        save(tmp_path / "large.jpg", GREEN, (900, 600)),
        save(tmp_path / "pixel.png", BLUE, (1, 1)),
        save(tmp_path / "palette.png", RED, mode="P"),
        save(tmp_path / "alpha.png", GREEN, mode="RGBA"),
        save(tmp_path / "print.jpg", RED, mode="CMYK"),
    ]
    predictions = predict(run_folder, paths)
    assert [best(p) for p in predictions] == ["green", "blue", "red", "green", "red"]
    assert [p.path for p in predictions] == paths


def test_a_pattern_that_the_shell_has_left_stands_for_its_files(run_folder, tmp_path, capsys):
    for name in ("b.png", "a.png", "[c].png"):
        save(tmp_path / name, RED)
    assert cli.main(["predict", str(run_folder), str(tmp_path / "?.png")]) == 0
    *_, first, second = capsys.readouterr().out.splitlines()
    assert "a.png" in first and "b.png" in second
    for kept in ("[c].png", "*.jpg", "a**.png"):  # a file of that name; none; no pattern
        assert list(patterns.spelt_out([str(tmp_path / kept)])) == [str(tmp_path / kept)]


def test_only_the_middle_of_a_long_image_is_seen(tmp_path):
    image = Image.new("RGB", (960, 96), BLUE)
    image.paste(RED, (400, 0, 560, 96))
    image.save(tmp_path / "long.png")
    pixels = read_image(tmp_path / "long.png", SIZE)
    assert pixels.shape == SIZE
    assert pixels.dtype == "uint8"
    assert np.all(pixels == RED)


def test_an_image_of_the_right_size_stays_as_it_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, SIZE, dtype="uint8")
    Image.fromarray(pixels).save(tmp_path / "same.png")
    np.testing.assert_array_equal(read_image(tmp_path / "same.png", SIZE), pixels)


def test_a_reduced_image_is_antialiased(tmp_path):
    columns = np.zeros((320, 480), "uint8")
    columns[:, ::2] = 255
    Image.fromarray(columns).save(tmp_path / "columns.png")
    pixels = read_image(tmp_path / "columns.png", SIZE)
    assert np.abs(pixels.astype(int) - 127).max() < 10


def test_a_photograph_is_turned_as_its_exif_data_say(tmp_path):
    image = Image.new("L", (48, 32))
    image.paste(255, (0, 0, 48, 16))  # white above
    exif = Image.Exif()
    exif[0x0112] = 3  # stored upside down
    image.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    pixels = read_image(tmp_path / "photo.jpg", (32, 48, 1))
    assert pixels.shape == (32, 48, 1)
    assert pixels[:8].max() < 10
    assert pixels[-8:].min() > 245


def test_sixteen_bits_become_eight(tmp_path):
    Image.fromarray(np.full((32, 48), 128 * 257, "uint16")).save(tmp_path / "deep.png")
    assert np.all(read_image(tmp_path / "deep.png", SIZE) == 128)


def test_transparent_pixels_become_white(tmp_path):
    image = Image.new("RGBA", (48, 32), (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, 24, 32))
    image.save(tmp_path / "sticker.png")
    pixels = read_image(tmp_path / "sticker.png", SIZE)
    assert np.all(pixels[:, :24] == RED)
    assert np.all(pixels[:, 24:] == 255)


def test_what_is_no_image_is_named_and_the_rest_goes_on(run_folder, tmp_path):
    (tmp_path / "text.png").write_text("not an image")
    save(tmp_path / "whole.png", GREEN, (500, 500))
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:300])
    names = ("text.png", "cut.png", "missing.png", "", "whole.png")
    *failed, good = predict(run_folder, [tmp_path / name for name in names])
    assert best(good) == "green"
    assert good.error is None
    assert all(not p.classes for p in failed)
    assert "readable PNG or JPEG" in str(failed[0])
    assert str(tmp_path / "text.png") in str(failed[0])
    assert "readable PNG or JPEG" in str(failed[1])
    assert table(failed).splitlines()[2] == f"{tmp_path / 'missing.png'}: no such file."
    assert failed[3].error


def test_the_folder_of_the_saved_model_will_do_as_well(run_folder, tmp_path):
    [prediction] = predict(run_folder / "saved_model", [save(tmp_path / "a.png", BLUE)], top=10)
    assert [name for name, _ in prediction.classes] == ["blue", "red", "green"]


def test_folders_without_a_usable_saved_model_are_refused(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        predict(tmp_path / "missing", [])
    with pytest.raises(UserError, match="contains no SavedModel"):
        predict(tmp_path, [])
    (tmp_path / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(UserError, match="cannot be loaded"):
        predict(tmp_path, [])
    with pytest.raises(UserError, match="top must be at least 1"):
        predict(tmp_path, [], top=0)


def test_a_saved_model_of_another_origin_is_refused(tmp_path):
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), tmp_path)
    with pytest.raises(UserError, match="no class names"):
        predict(tmp_path, [])


def test_prediction_needs_neither_keras_nor_the_models(run_folder, tmp_path):
    path = save(tmp_path / "a.png", BLUE)
    code = """
import sys
sys.modules["keras"] = sys.modules["keras_course.models"] = None
from keras_course.predict import predict
print(predict(*sys.argv[1:2], sys.argv[2:])[0].classes[0][0])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, run_folder, path], capture_output=True, text=True
    )
    assert done.stdout == "blue\n", done.stderr
