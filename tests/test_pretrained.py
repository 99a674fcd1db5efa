"""`load_pretrained` against `keras.applications`, every weight of which is drawn at random.

Fresh biases and statistics are 0 and 1 and would hide most mistakes; a square image would hide
those that exchange height and width.
"""

import http.server
import itertools
import threading

import keras
import numpy as np
import pytest

from keras_course import fetch
from keras_course.errors import UserError
from keras_course.layers import BatchNormalization
from keras_course.models import build, imagenet, pretrained
from keras_course.models.pretrained import load_pretrained

PREPROCESS = {
    "vgg": keras.applications.vgg16.preprocess_input,
    "resnet": keras.applications.resnet.preprocess_input,
    "densenet": keras.applications.densenet.preprocess_input,
}
SIZE = (64, 96, 3)


def random_weights(model, seed=0):
    """Draw each weight, bias and statistic at random, so that the signal stays in range."""
    random = np.random.default_rng(seed)
    first = next(weight for weight in model.weights if weight.name == "kernel")
    for weight in model.weights:
        if weight.name == "kernel":
            scale = np.sqrt(2 / np.prod(weight.shape[:-1]))  # He's
            scale /= 64 if weight is first else 1  # what comes in may be as large as 150
            weight.assign(random.normal(0, scale, weight.shape))
        elif weight.name in ("gamma", "moving_variance"):
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
        else:  # bias, beta, moving_mean
            weight.assign(random.normal(0, 0.3, weight.shape))
    return model


def application(name, input_shape=SIZE):
    return random_weights(
        imagenet.APPLICATIONS[name](
            weights=None, input_shape=input_shape, classes=7, classifier_activation=None
        )
    )


def ours_of(name, input_shape=SIZE):
    return build(name, input_shape=input_shape, num_classes=7, stem="imagenet")


def difference(ours, theirs):
    """The largest difference of the logits, as a share of the largest logit."""
    pixels = np.random.default_rng(1).uniform(0, 255, (2, *ours.input_shape[1:])).astype("float32")
    preprocess = PREPROCESS[theirs.name.rstrip("0123456789")]
    expected = keras.ops.convert_to_numpy(theirs(preprocess(pixels.copy()), training=False))
    got = keras.ops.convert_to_numpy(ours(pixels, training=False))
    return np.max(np.abs(got - expected)) / np.max(np.abs(expected))


@pytest.mark.parametrize(
    "name, input_shape",
    [
        ("densenet121", SIZE),
        # 3 to 10 s each
        pytest.param("vgg16", (32, 64, 3), marks=pytest.mark.slow),
        pytest.param("vgg19", (32, 64, 3), marks=pytest.mark.slow),
        pytest.param("vgg19", (224, 224, 3), marks=pytest.mark.slow),
        pytest.param("resnet50", (224, 224, 3), marks=pytest.mark.slow),
        pytest.param("densenet121", (224, 224, 3), marks=pytest.mark.slow),
        pytest.param("resnet152", SIZE, marks=pytest.mark.slow),
        pytest.param("densenet201", SIZE, marks=pytest.mark.slow),
    ],
)
def test_ours_on_pixels_equals_keras_applications_on_its_preprocessed_input(name, input_shape):
    theirs = application(name, input_shape)
    ours = load_pretrained(ours_of(name, input_shape), theirs)
    assert difference(ours, theirs) < 1e-4


# The same for ResNet-50, and what mistakes would look like ---------------------------------------


@pytest.fixture(scope="module")
def resnet50():
    return ours_of("resnet50"), application("resnet50")


def test_resnet50_equals_that_of_keras_applications(resnet50):
    ours, theirs = resnet50
    assert difference(load_pretrained(ours, theirs), theirs) < 1e-4


def wrong_epsilon(ours, theirs):
    for layer in ours.layers:
        if isinstance(layer, BatchNormalization):
            layer.epsilon = 1e-3


def bias_not_folded(ours, theirs):
    for (conv, twin), (norm, _) in itertools.pairwise(pretrained._body_pairs(ours, theirs)):
        if isinstance(conv, keras.layers.Conv2D):
            norm.moving_mean.assign(norm.moving_mean + twin.bias)


def kernel_not_turned(ours, theirs):
    first = next(layer for layer in ours.layers if isinstance(layer, keras.layers.Conv2D))
    first.kernel.assign(np.asarray(first.kernel)[:, :, ::-1])


def input_of_another_network(ours, theirs):
    ours.layers[1].scale, ours.layers[1].offset, _ = imagenet.TORCH


def statistics_not_copied(ours, theirs):
    for layer in ours.layers:
        if isinstance(layer, BatchNormalization):
            layer.moving_variance.assign(np.ones(layer.moving_variance.shape))


@pytest.mark.parametrize(
    "mistake",
    [
        bias_not_folded,
        kernel_not_turned,
        input_of_another_network,
        statistics_not_copied,
        wrong_epsilon,  # the last: nothing sets it back
    ],
)
def test_a_mistake_moves_the_logits_by_ten_times_the_tolerance(mistake, resnet50):
    ours, theirs = resnet50
    load_pretrained(ours, theirs)
    mistake(ours, theirs)
    assert difference(ours, theirs) > 1e-3


def stride_on_the_3x3(layers):
    for first, second in itertools.pairwise(layers):
        if first["strides"] == (2, 2) and second["kernel_size"] == (3, 3):
            first["strides"], second["strides"] = second["strides"], first["strides"]


def same_padding_in_the_stem(layers):
    layers[0]["padding"] = "same"


@pytest.mark.slow  # 8 s each
@pytest.mark.parametrize("mistake", [stride_on_the_3x3, same_padding_in_the_stem])
def test_a_mistake_of_structure_moves_the_logits_too(mistake, resnet50):
    ours, theirs = resnet50
    load_pretrained(ours, theirs)
    convolutions = [it for it in ours.layers if isinstance(it, keras.layers.Conv2D)]
    configs = {it.name: it.get_config() for it in convolutions}
    mistake(list(configs.values()))
    padded = mistake is same_padding_in_the_stem

    def clone(layer):
        if padded and isinstance(layer, keras.layers.ZeroPadding2D):
            return keras.layers.Identity()
        return type(layer).from_config(configs.get(layer.name, layer.get_config()))

    if padded:
        configs |= {
            it.name: {**it.get_config(), "padding": "same"}
            for it in ours.layers
            if isinstance(it, keras.layers.MaxPooling2D)
        }
    mutant = keras.models.clone_model(ours, clone_function=clone)
    mutant.set_weights(ours.get_weights())
    assert difference(ours, theirs) < 1e-4 and difference(mutant, theirs) > 1e-3


# Between networks of ours ------------------------------------------------------------------------

IMAGES = np.random.default_rng(2).uniform(0, 255, (4, 32, 32, 3)).astype("float32")


def small(num_classes=10, name="resnet20", seed=None, **options):
    model = build(name, num_classes=num_classes, **options)
    return model if seed is None else random_weights(model, seed)


def values(weights):
    return [keras.ops.convert_to_numpy(weight) for weight in weights]


def same(these, those):
    return all(np.array_equal(a, b) for a, b in zip(values(these), values(those), strict=True))


def body(model):
    return [weight for layer in model.layers[:-1] for weight in layer.weights]


def head(model):
    return model.layers[-1].weights


def test_a_file_gives_its_body_and_a_new_head_stays_new(tmp_path, capsys):
    source = small(5, seed=1)
    source.save(tmp_path / "best.keras")
    model = small(5)
    before = values(head(model))
    assert load_pretrained(model, tmp_path) is model  # a run folder: classes are not told
    assert same(body(model), body(source))
    assert same(head(model), before)
    assert "38 of 39 layers" in capsys.readouterr().out
    load_pretrained(model, tmp_path / "best.keras", head=True)  # the same classes: all of it
    np.testing.assert_allclose(model(IMAGES), source(IMAGES), rtol=1e-5)
    assert "39 of 39" in capsys.readouterr().out


def test_other_classes_and_another_image_size_take_the_body():
    source = small(5, seed=1)
    model = load_pretrained(small(3, input_shape=(48, 40, 3)), source)
    assert same(body(model), body(source))


def test_dense_layers_are_copied_as_far_as_they_fit(capsys):
    load_pretrained(small(5, "simple_cnn"), small(7, "simple_cnn", seed=1))
    assert "4 of 5 layers" in capsys.readouterr().out  # two convolutions, dense 120 and 60
    larger = small(5, "simple_cnn", input_shape=(40, 40, 3))
    load_pretrained(larger, small(7, "simple_cnn", seed=1))
    assert "2 of 5 layers" in capsys.readouterr().out  # dense 60 would see other features


def test_a_head_among_equal_numbers_can_be_left_out():
    source, model = small(5, "simple_cnn", seed=1), small(5, "simple_cnn")
    before = values(head(model))
    load_pretrained(model, source, head=False)
    assert same(head(model), before)


def test_the_input_convention_travels_on_also_into_what_was_traced_before(tmp_path):
    source = small(5, "simple_cnn", seed=1)
    source.layers[1].scale, source.layers[1].offset, _ = imagenet.TORCH
    model = small(5, "simple_cnn")
    model.predict(IMAGES, verbose=0)
    load_pretrained(model, source)
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), source(IMAGES), rtol=1e-4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(IMAGES), source(IMAGES), rtol=1e-4)


@pytest.mark.parametrize(
    "model, source, message",
    [
        (lambda: small(), lambda: small(name="resnet32"), "do not fit"),
        (lambda: small(), lambda: small(name="plain20"), "do not fit"),  # the same shapes
        (lambda: small(), lambda: small(normalization="group"), "do not fit"),
        (lambda: small(), lambda: small(input_shape=(32, 32, 1)), "kernel 3x3x1x16"),
        (
            lambda: small(name="vgg11"),
            lambda: small(name="vgg11", normalization="batch"),
            "not fit",
        ),
        (lambda: small(name="mlp"), lambda: small(), "do not fit"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_and_nothing_copied(model, source, message):
    model = model()
    before = values(model.weights)
    with pytest.raises(UserError, match=message):
        load_pretrained(model, source())
    assert same(model.weights, before)


def test_a_stride_or_an_epsilon_that_differs_is_refused():
    model = small(name="simple_cnn", normalization="batch")
    for change in ({"strides": (2, 2)}, {"epsilon": 1e-3}):
        other = small(name="simple_cnn", normalization="batch")
        for layer in other.layers:
            for option, value in change.items():
                if hasattr(layer, option):
                    setattr(layer, option, value)
        with pytest.raises(UserError, match="do not fit"):
            load_pretrained(model, other)


def test_of_a_damaged_run_the_best_network_before_is_taken(tmp_path, capsys):
    older = random_weights(small(name="simple_cnn"))
    older.save(tmp_path / "best.older.keras")
    (tmp_path / "best.keras").write_bytes((tmp_path / "best.older.keras").read_bytes()[:-1000])
    model = load_pretrained(small(name="simple_cnn"), tmp_path)
    assert "The older best.older.keras is used." in capsys.readouterr().out
    for found, right in zip(model.get_weights()[:-2], older.get_weights(), strict=False):
        np.testing.assert_array_equal(found, right)  # all but those of the head


def test_what_is_asked_for_and_cannot_be_is_an_error(tmp_path):
    with pytest.raises(UserError, match="The head of simple_cnn does not fit"):
        load_pretrained(small(5, "simple_cnn"), small(7, "simple_cnn"), head=True)
    with pytest.raises(UserError, match="No pretrained model can be read"):
        load_pretrained(small(name="simple_cnn"), tmp_path)
    inputs = keras.Input((32, 32, 3))
    bare = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Flatten()(inputs)), name="bare")
    with pytest.raises(UserError, match="does not say how pixels become its input"):
        load_pretrained(small(5, "logistic_regression"), bare)
    with pytest.raises(UserError, match="has no Rescaling"):
        load_pretrained(bare, small(5, "logistic_regression"))


# The weights of ImageNet -------------------------------------------------------------------------


@pytest.fixture
def host(monkeypatch, tmp_path):
    """A host of this machine: /whole answers, /half stops in the middle, /silent never answers."""
    end = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if "silent" in self.path:
                end.wait(20)
                return
            self.send_response(404 if "missing" in self.path else 200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(bytes(1000 if "whole" in self.path else 10))

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    yield f"http://127.0.0.1:{server.server_port}"
    end.set()
    server.shutdown()
    server.server_close()


def test_a_download_is_whole_or_not_there_at_all_and_says_its_size(host, tmp_path, capsys):
    fetch.fetch(f"{host}/whole", tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_bytes() == bytes(1000)
    assert "Downloading 0.001 MB" in capsys.readouterr().out
    for path in ("half", "missing", "silent"):
        with pytest.raises(OSError):
            fetch.fetch(f"{host}/{path}", tmp_path / "b.h5", seconds=0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_a_host_that_does_not_answer_ends_in_the_ways_that_there_are(host, monkeypatch, tmp_path):
    monkeypatch.setattr(imagenet, "HOST", f"{host}/silent")
    monkeypatch.setattr(fetch, "SECONDS", 0.5)
    monkeypatch.setitem(
        imagenet.APPLICATIONS, "resnet50", lambda **_: small(1000, "simple_cnn_gap")
    )
    model = small(3, "simple_cnn_gap")
    model.name = "resnet50"
    with pytest.raises(UserError, match="_notop.h5 .no answer in 0.5 s.*or give a run folder"):
        load_pretrained(model, "imagenet")
    assert not list(tmp_path.rglob("*.h5"))


def test_the_weights_of_imagenet_are_those_that_keras_loads(monkeypatch, tmp_path):
    """As if they had been downloaded: the head too, where there are 1000 classes."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    source, asked = small(1000, "simple_cnn_gap", seed=4), []

    def application(weights, include_top=True, classifier_activation="softmax"):
        asked.append((weights, include_top))
        return source

    monkeypatch.setitem(imagenet.APPLICATIONS, "resnet50", application)
    for classes, top in ((1000, ""), (3, "_notop")):
        model = small(classes, "simple_cnn_gap")
        model.name = "resnet50"
        name = f"resnet50_weights_tf_dim_ordering_tf_kernels{top}.h5"
        (tmp_path / "models" / name).write_bytes(b"")
        load_pretrained(model, "imagenet")
        assert same(body(model), body(source))
        assert same(head(model), head(source)) == (classes == 1000)
    assert [it for it in asked if it[0]] == [("imagenet", True), ("imagenet", False)]


def test_a_network_without_imagenet_weights_names_those_that_have_them():
    with pytest.raises(UserError, match="must be one of vgg16.*densenet201. Received: 'lenet'"):
        load_pretrained(small(name="lenet"), "imagenet")


@pytest.mark.parametrize(
    "name",
    [
        "vgg16",
        "resnet50",
        *(
            pytest.param(name, marks=pytest.mark.slow)  # to build them takes 2 to 8 s
            for name in imagenet.APPLICATIONS
            if name not in ("vgg16", "resnet50")
        ),
    ],
)
def test_the_files_are_those_that_keras_would_download(name, monkeypatch):
    """Keras' own address and name of each file."""
    asked = []

    class Stop(Exception):
        pass

    def get_file(file_name, address, **_):
        asked.append((file_name, address))
        raise Stop

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    monkeypatch.setattr(imagenet.fetch, "fetch", lambda url, path: asked.append((path.name, url)))
    monkeypatch.setenv("KERAS_HOME", "/nowhere")
    monkeypatch.setattr(imagenet.Path, "mkdir", lambda *_, **__: None)
    with pytest.raises(UserError):
        imagenet.load(name, top=False)
    assert asked[0] == asked[1]
