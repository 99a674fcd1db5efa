import dataclasses
import functools
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_course import devices, export, files, models
from keras_course.data.splits import Split, Splits
from keras_course.errors import UserError
from keras_course.layers import BatchNormalization
from keras_course.models.resnet import resnet_cifar
from keras_course.recipes import Recipe
from keras_course.runs import Run

CLASS_NAMES = ("cat", "dög", "frog")
RNG = np.random.default_rng(0)
# Images of many colours and contrasts: a network without training hardly tells pure noise apart.
COLOURS, CONTRASTS = RNG.uniform(0, 255, (20, 1, 1, 3)), RNG.uniform(0, 100, (20, 1, 1, 1))
NOISE = RNG.normal(size=(20, 32, 32, 3))
IMAGES = np.clip(COLOURS + CONTRASTS * NOISE, 0, 255).astype("uint8")
SPLIT = Split(IMAGES, np.zeros(20, "int64"))
SPLITS = Splits(SPLIT, SPLIT, SPLIT, CLASS_NAMES)


def make_run(folder, name="simple_cnn", precision="float32", **options):
    """Return a run of an untrained network that has all a trained one has."""
    with devices.building_in(precision):
        model = models.build(name, num_classes=3, **options)
    for layer in model.layers:
        if isinstance(layer, BatchNormalization):
            gamma, _, mean, variance = layer.get_weights()
            gamma, variance = (RNG.uniform(0.5, 1.5, w.shape) for w in (gamma, variance))
            beta, mean = (RNG.normal(0, 0.3, mean.shape) for _ in range(2))
            layer.set_weights([gamma, beta, mean, variance])
    logits = np.asarray(model(IMAGES.astype("float32"), training=False))
    kernel, *bias = model.get_layer("logits").get_weights()
    scale = logits.std(axis=0).mean()
    if bias:  # centred, or one class would be certain
        bias = [-logits.mean(axis=0) / scale]
    model.get_layer("logits").set_weights([kernel / scale, *bias])
    model.save(folder / "best.keras")
    return Run(folder, Recipe(model=name), [], {})


def probabilities(run):
    """What the run's own model says, in eager mode; certain of nothing, so that a test can fail."""
    logits = np.asarray(run.model()(IMAGES.astype("float32"), training=False), "float64")
    exponentials = np.exp(logits)
    result = exponentials / exponentials.sum(axis=1, keepdims=True)
    assert 0.4 < result.max(axis=1).mean() < 0.9
    return result


def in_another_process(code, folder):
    np.save(folder / "images.npy", IMAGES)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """Three blocks have every kind of layer that the nine of ResNet-20 have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(models.BUILDERS, "resnet20", functools.partial(resnet_cifar, 8))
        return make_run(tmp_path_factory.mktemp("resnet"), "resnet20")


def test_tensorflow_alone_serves_the_saved_model(resnet):
    exported = export.export(resnet, splits=SPLITS)
    assert exported.path == resnet.folder / "saved_model"
    assert exported.images == 20
    assert exported.difference < 1e-5
    assert exported.from_trained is None
    code = """
import sys
sys.modules["keras"] = sys.modules["keras_course"] = None
import numpy as np, tensorflow as tf
model = tf.saved_model.load("saved_model")
images = np.load("images.npy")
np.save("bytes.npy", model.serve(images))
np.save("floats.npy", model.serve(images[:7].astype("float32")))
assert [name.decode() for name in model.class_names().numpy()] == ["cat", "dög", "frog"]
signature = model.signatures["serving_default"].structured_input_signature[1]["images"]
assert signature.shape.as_list() == [None, 32, 32, 3]
"""
    in_another_process(code, resnet.folder)
    from_bytes, from_floats = (np.load(resnet.folder / f"{x}.npy") for x in ("bytes", "floats"))
    expected = probabilities(resnet)
    assert from_bytes.dtype == "float32"
    np.testing.assert_allclose(from_bytes, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(from_floats, expected[:7], rtol=0, atol=1e-5)


def test_keras_alone_loads_the_keras_file(resnet):
    exported = export.export(resnet, "keras", splits=SPLITS)
    assert exported.path == resnet.folder / "model.keras"
    code = """
import sys
sys.modules["keras_course"] = None
import keras, numpy as np
model = keras.saving.load_model("model.keras")
images = np.load("images.npy").astype("float32")
np.save("floats.npy", keras.ops.softmax(model(images, training=False)))
"""
    in_another_process(code, resnet.folder)
    computed = np.load(resnet.folder / "floats.npy")
    np.testing.assert_allclose(computed, probabilities(resnet), rtol=0, atol=1e-5)


def test_a_network_trained_in_bfloat16_is_exported_in_float32(tmp_path):
    run = make_run(tmp_path, precision="bfloat16", normalization="batch", dropout=0.5)
    exported = export.export(run, splits=SPLITS)
    assert exported.difference < 1e-5
    assert 1e-5 < exported.from_trained < 0.1  # bfloat16 has 8 bits
    assert "float32 is within" in str(exported)
    served = export.saved_model.read(exported.path)(IMAGES)
    assert np.abs(served - probabilities(run)).max() == pytest.approx(exported.from_trained, 1e-3)


def test_a_network_in_float32_that_is_not_the_trained_one_is_not_exported(tmp_path, monkeypatch):
    run, rebuilt = make_run(tmp_path, precision="bfloat16"), export.rebuilt

    def another(model):
        model = rebuilt(model)
        logits = model.get_layer("logits")
        logits.bias.assign(np.array([1.0, 0.0, 0.0]))
        return model

    monkeypatch.setattr(export, "rebuilt", another)
    with pytest.raises(export.ExportDiffers, match="in float32 is not the one that was trained"):
        export.export(run, splits=SPLITS)
    assert not (tmp_path / "saved_model").exists()


def test_a_network_inside_a_network_is_rebuilt_in_float32_too():
    from keras_course.export.rebuilt import rebuilt
    from keras_course.models.unet import segmenter

    with devices.building_in("bfloat16"):
        trained = segmenter(backbone="resnet20", width=8)
    model = rebuilt(trained)
    inner = model.get_layer("backbone").layers
    assert {layer.compute_dtype for layer in trained.get_layer("backbone").layers[1:]} >= {
        "bfloat16"
    }
    assert {layer.compute_dtype for layer in (*model.layers, *inner)} == {"float32"}
    for ours, theirs in zip(model.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_litert_computes_the_same_and_knows_the_classes(resnet):
    pytest.importorskip("ai_edge_litert")
    exported = export.export(resnet, "litert", splits=SPLITS)
    assert exported.difference < 1e-4
    computed = export.litert.read(exported.path)(IMAGES[:7])
    np.testing.assert_allclose(computed, probabilities(resnet)[:7], rtol=0, atol=1e-4)
    labels = zipfile.ZipFile(exported.path).read("labels.txt").decode()
    assert labels == "cat\ndög\nfrog\n"


def test_onnx_computes_the_same_and_knows_the_classes(resnet):
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    exported = export.export(resnet, "onnx", splits=SPLITS)
    assert exported.difference < 1e-4
    computed = export.onnx.read(exported.path)(IMAGES[:7])
    np.testing.assert_allclose(computed, probabilities(resnet)[:7], rtol=0, atol=1e-4)
    metadata = onnxruntime.InferenceSession(exported.path).get_modelmeta()
    assert metadata.custom_metadata_map["class_names"] == '["cat", "d\\u00f6g", "frog"]'


def test_an_export_that_differs_is_an_error_and_keeps_the_older_one(tmp_path, monkeypatch):
    run = make_run(tmp_path)
    export.export(run, splits=SPLITS)
    write = export.FORMATS["savedmodel"].write

    def write_another(model, class_names, path):
        kernel, bias = model.get_layer("logits").get_weights()
        model.get_layer("logits").set_weights([kernel, bias + np.array([0, 0, 1e-3])])
        write(model, class_names, path)

    before = files_of(tmp_path)
    wrong = dataclasses.replace(export.FORMATS["savedmodel"], write=write_another)
    monkeypatch.setitem(export.FORMATS, "savedmodel", wrong)
    with pytest.raises(export.ExportDiffers, match="not kept"):
        export.export(run, splits=SPLITS)
    assert files_of(tmp_path) == before


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_second_export_takes_the_place_of_the_first(tmp_path):
    run = make_run(tmp_path)
    export.export(run, splits=SPLITS)
    make_run(tmp_path)
    exported = export.export(run, splits=SPLITS._replace(class_names=("a", "b", "c")))
    np.testing.assert_allclose(
        export.saved_model.read(exported.path)(IMAGES), probabilities(run), rtol=0, atol=1e-5
    )
    assert {path.name for path in tmp_path.iterdir()} == {"best.keras", "saved_model"}


def test_weights_that_are_not_finite_are_not_exported(tmp_path):
    run = make_run(tmp_path)
    model = run.model()
    model.get_layer("logits").set_weights([np.full((60, 3), np.nan), np.zeros(3)])
    model.save(tmp_path / "best.keras")
    with pytest.raises(export.ExportDiffers, match="nan"):
        export.export(run, splits=SPLITS)
    assert not (tmp_path / "saved_model").exists()


@keras.saving.register_keras_serializable(package="keras_course")
class Own(keras.layers.Layer):
    __module__ = "keras_course.layers.own"

    def call(self, x):
        return x


def test_a_layer_that_keras_lacks_is_no_part_of_a_keras_file(tmp_path):
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D()(Own()(inputs))
    keras.Model(inputs, keras.layers.Dense(3)(x)).save(tmp_path / "best.keras")
    with pytest.raises(UserError, match="Own"):
        export.export(Run(tmp_path, Recipe(), [], {}), "keras", splits=SPLITS)
    assert [path.name for path in tmp_path.iterdir()] == ["best.keras"]


def test_an_unknown_format_gets_the_nearest_known_one():
    with pytest.raises(UserError, match="Did you mean 'onnx'"):
        export.export(None, "onyx")


@pytest.mark.parametrize(
    "format, command",
    [("onnx", "pip install tf2onnx onnxruntime"), ("litert", "pip install ai-edge-litert")],
)
def test_a_missing_package_is_named_with_its_command(format, command, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=command):
        export.export(None, format)


def test_a_data_set_that_has_changed_is_refused(tmp_path):
    run = make_run(tmp_path)
    with pytest.raises(UserError, match=r"were \(32, 32, 3, 3\) and are \(32, 32, 3, 4\)"):
        export.export(run, splits=SPLITS._replace(class_names=("a", "b", "c", "d")))


def test_a_folder_that_cannot_be_renamed_leaves_the_older_one(tmp_path, monkeypatch):
    folder = tmp_path / "saved_model"
    folder.mkdir()
    (folder / "older.txt").write_text("older")
    rename = Path.rename

    def refuse(self, target):
        if self.name == "saved_model" and target == folder and (self / "newer.txt").exists():
            raise PermissionError("a file of it is open")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError), files.whole_folder(folder) as new:
        new.mkdir()
        (new / "newer.txt").write_text("newer")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.txt")] == [
        "saved_model/older.txt"
    ]


PACKAGES = {"savedmodel": "tensorflow", "litert": "ai_edge_litert", "onnx": "onnxruntime"}
# It is rebuilt in float32 before any format sees it.
QUICK = {("savedmodel", "bfloat16"), ("litert", "float32"), ("onnx", "float32")}


@pytest.mark.parametrize(
    "format, package, precision",
    [
        pytest.param(
            name, package, precision, marks=[] if (name, precision) in QUICK else pytest.mark.slow
        )
        for name, package in PACKAGES.items()
        for precision in ("float32", "bfloat16")
    ],
)
def test_averaged_answers_of_a_network_with_gelu_are_exported(format, package, precision, tmp_path):
    pytest.importorskip(package)
    run = make_run(tmp_path, "fastnet16", precision)
    run = dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, mirrored=True, shifted=1))
    exported = export.export(run, format, splits=SPLITS)
    assert exported.difference < 1e-5
    assert (exported.from_trained is None) == (precision == "float32")


def test_a_layer_of_ours_within_a_network_within_the_model_is_found(tmp_path):
    run = make_run(tmp_path, "fastnet16")
    run = dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, mirrored=True))
    with pytest.raises(UserError, match="only this package knows: GELU, Whitening"):
        export.export(run, "keras", splits=SPLITS)
