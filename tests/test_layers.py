import keras
import numpy as np
import pytest
from keras import ops

from keras_course.errors import UserError
from keras_course.layers import (
    GELU,
    BatchNormalization,
    RandomColorJitter,
    RandomRotation90,
    RandomShift,
    normalize,
)
from keras_course.layers.normalization import groups


def one_step(layer, x, upstream):
    """Outputs, gradients and moving statistics of a layer after one training batch."""
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        loss = tf.reduce_sum(y * upstream)
    gradients = tape.gradient(loss, [x, *(v.value for v in layer.trainable_variables)])
    return [np.asarray(t) for t in (y, *gradients, layer.moving_mean, layer.moving_variance)]


@pytest.mark.tensorflow
def test_fused_batch_normalization_equals_that_of_keras_over_20_batches():
    random = np.random.default_rng(0)
    ours = BatchNormalization()
    theirs = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    for _ in range(20):
        x = random.normal(3, 2, (6, 5, 4, 7)).astype("float32")
        upstream = random.normal(size=x.shape).astype("float32")
        for a, b in zip(one_step(ours, x, upstream), one_step(theirs, x, upstream), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * np.abs(b).max())
    x = random.normal(3, 2, (6, 5, 4, 7)).astype("float32")
    np.testing.assert_allclose(ours(x, training=False), theirs(x, training=False), atol=1e-4)


def float64_step(x, upstream, moving, momentum=0.9, epsilon=1e-5):
    """What `one_step` returns of a new layer, by hand; moving: mean and variance, are changed."""
    x, upstream = x.astype("float64"), upstream.astype("float64")
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    normal = (x - mean) / np.sqrt(variance + epsilon)
    d_gamma, d_beta = (upstream * normal).sum((0, 1, 2)), upstream.sum((0, 1, 2))
    n = x.size / x.shape[-1]
    d_x = (upstream - d_beta / n - normal * d_gamma / n) / np.sqrt(variance + epsilon)
    for kept, batch in zip(moving, (mean, variance), strict=True):
        kept += (1 - momentum) * (batch - kept)
    return [normal, d_x, d_gamma, d_beta, *moving]


@pytest.mark.tensorflow
@pytest.mark.parametrize("mean, deviation", [(0, 1), (3, 2), (30, 1)])
def test_fused_batch_normalization_is_as_exact_as_that_of_keras(mean, deviation):
    random = np.random.default_rng(0)
    layers = (
        BatchNormalization(),
        keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
    )
    moving = [np.zeros(7), np.ones(7)]
    errors = np.zeros((2, 6))  # of both layers, the largest of each tensor
    for _ in range(20):
        x = random.normal(mean, deviation, (16, 8, 8, 7)).astype("float32")
        upstream = random.normal(size=x.shape).astype("float32")
        expected = float64_step(x, upstream, moving)
        for row, layer in enumerate(layers):
            found = one_step(layer, x, upstream)
            worst = [np.abs(a - b).max() for a, b in zip(found, expected, strict=True)]
            errors[row] = np.maximum(errors[row], worst)
    assert np.all(errors[0] <= 2 * errors[1]), errors


@pytest.mark.tensorflow
@pytest.mark.parametrize("channels", [7, 16, 20])
def test_fused_batch_normalization_of_bfloat16_images(channels):
    random = np.random.default_rng(0)
    layer = BatchNormalization(dtype="mixed_bfloat16")
    moving = [np.zeros(channels), np.ones(channels)]
    for _ in range(3):
        x, upstream = (
            np.asarray(ops.cast(random.normal(1, 2, (16, 8, 8, channels)), "bfloat16"))
            for _ in range(2)
        )
        found = one_step(layer, x, upstream)
        expected = float64_step(x, upstream, moving)
        for a, b, tolerance in zip(found, expected, [1e-2] * 4 + [1e-4] * 2, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(
                a.astype("float64"), b, rtol=0, atol=tolerance * np.abs(b).max()
            )


def test_moving_variance_is_the_biased_one():
    x = np.array([0.0, 2.0], "float32").reshape(2, 1, 1, 1)  # variance 1 by n, 2 by n - 1
    layer = BatchNormalization(momentum=0.0)
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_variance, [1.0])


def test_frozen_batch_normalization_does_not_move():
    layer = BatchNormalization()
    layer.build((None, 4, 4, 2))
    layer.trainable = False
    layer(np.full((3, 4, 4, 2), 9.0, "float32"), training=True)
    np.testing.assert_array_equal(layer.moving_mean, [0, 0])


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "options",
    [{"renorm": True}, {"synchronized": True}, {"dtype": "float64"}, {"dtype": "float16"}],
)
def test_what_the_fused_operation_has_not_takes_the_path_of_keras(options, monkeypatch):
    layer = BatchNormalization(**options)
    monkeypatch.setattr(layer, "_fused", lambda *_: pytest.fail("it was fused"))
    theirs = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, **options)
    images = np.random.default_rng(0).normal(3, 2, (4, 5, 5, 2))
    for training in (True, True, False):
        ours, expected = (each(images, training=training) for each in (layer, theirs))
        np.testing.assert_array_equal(ops.convert_to_numpy(ours), ops.convert_to_numpy(expected))


def test_batch_normalization_of_vectors_takes_the_path_of_keras():
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    y = np.asarray(BatchNormalization()(x, training=True))
    np.testing.assert_allclose(y, (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), rtol=1e-4)


def test_batch_normalization_of_bfloat16_images_keeps_float32_statistics():
    layer = BatchNormalization(dtype="mixed_bfloat16")
    y = layer(np.ones((2, 4, 4, 3), "float32"), training=True)
    assert y.dtype == "bfloat16"
    assert layer.moving_mean.dtype == "float32"


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "leaky_relu", "elu"])
def test_any_activation_may_follow_batch_normalization(activation):
    """TensorFlow once fused convolution, normalization and tanh into what it could not run."""
    inputs = keras.Input((8, 8, 3))
    x = BatchNormalization()(keras.layers.Conv2D(4, 3, use_bias=False)(inputs))
    model = keras.Model(inputs, keras.layers.Activation(activation)(x))
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(
        model.predict(images, verbose=0), model(images, training=False), atol=1e-5
    )


@pytest.mark.parametrize("channels, expected", [(16, 8), (24, 4), (64, 32), (512, 32), (3, 1)])
def test_groups_divide_the_channels_with_at_least_two_in_each(channels, expected):
    assert groups(channels) == expected


def test_instance_and_group_normalization_equal_the_formula():
    x = np.random.default_rng(0).normal(5, 3, (2, 4, 4, 8)).astype("float32")
    instance = np.asarray(normalize(x, "instance"))
    mean, var = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    np.testing.assert_allclose(instance, (x - mean) / np.sqrt(var + 1e-5), atol=1e-4)
    grouped = x.reshape(2, 4, 4, 4, 2)  # groups(8) = 4
    mean, var = grouped.mean((1, 2, 4), keepdims=True), grouped.var((1, 2, 4), keepdims=True)
    expected = ((grouped - mean) / np.sqrt(var + 1e-5)).reshape(x.shape)
    np.testing.assert_allclose(np.asarray(normalize(x, "group")), expected, atol=1e-4)


def test_instance_normalization_of_a_single_pixel_is_refused():
    with pytest.raises(UserError, match="1x1"):
        normalize(np.ones((2, 1, 1, 4), "float32"), "instance")


def test_unknown_normalization_names_the_nearest():
    with pytest.raises(UserError, match="Did you mean 'batch'"):
        normalize(np.ones((2, 4, 4, 4), "float32"), "bach")


@pytest.fixture
def copies():
    """256 times the same image."""
    image = np.random.default_rng(0).integers(0, 256, (12, 12, 3)).astype("float32")
    return np.repeat(image[None], 256, axis=0)


@pytest.mark.parametrize(
    "layer, at_least",
    [(RandomShift(4, seed=0), 50), (RandomColorJitter(seed=0), 250), (RandomRotation90(seed=0), 4)],
)
def test_every_image_of_a_batch_gets_its_own_draw(copies, layer, at_least):
    changed = np.asarray(layer(copies, training=True))
    assert changed.shape == copies.shape
    assert len(np.unique(changed.reshape(256, -1), axis=0)) >= at_least
    assert np.array_equal(layer(copies, training=False), copies)


def test_shift_moves_by_whole_pixels_and_mirrors_the_border(copies):
    changed = np.asarray(RandomShift(2, seed=0)(copies, training=True))
    padded = np.pad(copies[0], ((2, 2), (2, 2), (0, 0)), mode="reflect")
    possible = {padded[i : i + 12, j : j + 12].tobytes() for i in range(5) for j in range(5)}
    assert {image.tobytes() for image in changed} == possible


def test_rotation_gives_the_four_rotations_of_numpy(copies):
    changed = np.asarray(RandomRotation90(seed=0)(copies, training=True))
    possible = {np.rot90(copies[0], k).tobytes() for k in range(4)}
    assert {image.tobytes() for image in changed} == possible


def test_a_shift_needs_images_larger_than_itself():
    images = np.zeros((2, 4, 9, 1), "float32")
    RandomShift(3)(images, training=True)
    with pytest.raises(UserError, match="of more than that in height and width. Received: 4x9"):
        RandomShift(4)(images, training=True)


def test_rotation_of_images_that_are_not_square_is_refused():
    with pytest.raises(UserError, match="square"):
        RandomRotation90()(np.zeros((1, 8, 12, 3), "float32"), training=True)


def test_colour_jitter_equals_its_three_blends():
    images = np.random.default_rng(0).uniform(0, 255, (1, 4, 4, 3)).astype("float32")
    draws = {"brightness": 1.1, "contrast": 0.9, "saturation": 1.2}
    jittered = np.asarray(RandomColorJitter().transform_images(images, draws))
    expected = images * 1.1
    expected = expected * 0.9 + expected.mean() * 0.1
    expected = expected * 1.2 - expected.mean(-1, keepdims=True) * 0.2
    np.testing.assert_allclose(jittered, expected.clip(0, 255), rtol=1e-4)


def test_colour_jitter_stays_a_picture():
    white = np.full((64, 4, 4, 3), 255, "float32")
    jittered = np.asarray(RandomColorJitter(seed=0)(white, training=True))
    assert jittered.min() >= 0 and jittered.max() <= 255
    assert 200 < jittered.min() < 210  # 255 * (1 - 0.2) = 204 at the darkest


def value_and_gradient(gelu, values, upstream, dtype):
    import tensorflow as tf

    x = tf.cast(values, dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = gelu(x)
    assert y.dtype == dtype
    gradient = tape.gradient(y, x, tf.cast(upstream, dtype))
    return [tf.cast(tensor, "float32").numpy() for tensor in (y, gradient)]


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype, exact", [("float32", 1e-5), ("bfloat16", 0.01)])
def test_gelu_and_its_gradient_are_those_of_keras(dtype, exact):
    values = np.random.default_rng(0).normal(0, 3, (2, 5, 5, 7)).astype("float32")
    upstream = np.random.default_rng(1).normal(size=values.shape).astype("float32")
    values = ops.cast(ops.cast(values, dtype), "float32")  # the same for both
    layer = GELU(dtype=dtype)
    ours = value_and_gradient(lambda x: layer(x, training=True), values, upstream, dtype)
    theirs = value_and_gradient(keras.activations.gelu, values, upstream, "float32")
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=exact, atol=exact)
    answer = ops.cast(layer(ops.cast(values, dtype)), "float32")  # as when it does not train
    np.testing.assert_allclose(ours[0], answer, rtol=exact, atol=exact)


def test_gelu_of_known_numbers():
    # x times the normal distribution function, from tables.
    x = np.array([-1.0, 0.0, 1.0, 2.0], "float32")
    np.testing.assert_allclose(
        GELU()(x, training=True), [-0.158655, 0, 0.841345, 1.954500], atol=1e-5
    )


def test_a_network_with_gelu_trains_is_saved_and_loaded(tmp_path):
    model = keras.Sequential(
        [keras.Input((4, 4, 2)), GELU(), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(8, 4, 4, 2)).astype("float32")
    losses = model.fit(x, x[:, 0, 0, :1], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6)
    assert again.layers[0](x).shape == x.shape
