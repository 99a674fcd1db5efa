"""The rules of Keras in one operation: the same weights come out."""

import keras
import numpy as np
import pytest

from keras_course import fused_optimizers
from keras_course.optimizers import optimizer
from tests.conftest import bright_channel

OPTIONS = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "adam": {"beta_1": 0.8, "epsilon": 1e-4},
}


def both(name, **options):
    kind = "Adam" if name == "adam" else "SGD"
    options = {"learning_rate": 0.03, **OPTIONS[name], **options}
    return getattr(fused_optimizers, kind)(**options), getattr(keras.optimizers, kind)(**options)


def applied(chosen, steps=20):
    """Return two weights after steps with random gradients."""
    random = np.random.default_rng(0)
    weights = [keras.Variable(random.normal(size=shape).astype("float32")) for shape in ((5, 3), 7)]
    for _ in range(steps):
        gradients = [
            keras.ops.convert_to_tensor(random.normal(size=w.shape), "float32") for w in weights
        ]
        chosen.apply(gradients, weights)
    chosen.finalize_variable_values(weights)
    return [keras.ops.convert_to_numpy(weight) for weight in weights]


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"weight_decay": 0.1, "use_ema": True, "ema_momentum": 0.5},
        {"clipnorm": 0.5},
        {"gradient_accumulation_steps": 2},
        {"learning_rate": keras.optimizers.schedules.CosineDecay(0.1, 10)},
    ],
    ids=["as it is", "decay and averaging", "clipped", "accumulated", "on a schedule"],
)
def test_after_twenty_steps_the_weights_are_those_of_keras(name, more):
    ours, theirs = both(name, **more)
    for one, other in zip(applied(ours), applied(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    for one, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6, err_msg=one.path)


def test_amsgrad_is_that_of_keras():
    ours, theirs = both("adam", amsgrad=True)
    for one, other in zip(applied(ours), applied(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("name", ["nesterov", "adam"])
def test_it_trains_on_from_a_saved_model(name, tmp_path):
    images, labels = bright_channel(16)
    model = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer(name, 1e-4), loss)
    model.fit(images, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.optimizer) is type(model.optimizer)
    for each in (model, again):
        each.fit(images, labels, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
