import json
import math

import keras
import numpy as np
import pytest

from keras_course import training
from keras_course.errors import UserError
from keras_course.search.range_test import RangeTest, StepLosses, interpret, range_test
from tests.search_rows import LINEAR, SPLITS


def parabola(curvature=2.0, images=1000):
    """Return a model with the loss curvature / 2 * w^2 and the first weight w = 1, and its data."""
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x = np.full((images, 1), math.sqrt(curvature / 2), "float32")
    return model, x, np.zeros((images, 1), "float32")


def test_the_loss_of_a_step_is_its_own_and_not_keras_running_mean():
    model, x, y = parabola(images=8)
    losses = StepLosses()
    model.fit(x, y, batch_size=4, epochs=2, callbacks=[losses], verbose=0)
    # loss w^2, gradient 2 w, so w shrinks by 1 - 2 * 0.1 at each step: 1, 0.8, 0.64, 0.512
    assert losses.losses == pytest.approx([1, 0.64, 0.4096, 0.262144], rel=1e-5)


def test_the_loss_of_a_smaller_last_batch_is_exact_too():
    model, _, _ = parabola()
    model.optimizer.learning_rate = 0.0
    x = np.array([[1.0]] * 4 + [[3.0]], "float32")
    losses = StepLosses()
    model.fit(x, 0 * x, batch_size=4, shuffle=False, epochs=2, callbacks=[losses], verbose=0)
    assert losses.losses == pytest.approx([1, 9, 1, 9], rel=1e-5)


def test_the_rate_grows_by_the_same_factor_at_each_step():
    model, x, y = parabola()
    test = RangeTest(steps=13, low=1e-6, high=1e-3)
    model.fit(x, y, batch_size=5, epochs=5, callbacks=[test], verbose=0)
    assert len(test.losses) == 13
    ratios = np.divide(test.rates[1:], test.rates[:-1])
    assert ratios == pytest.approx(10**0.25)
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)


def test_a_parabola_of_curvature_two_gives_a_band_that_ends_where_descent_turns_into_growth():
    # w shrinks by |1 - 2 rate| at each step: fastest at 0.5, and grows above 1.
    model, x, y = parabola()
    test = RangeTest(steps=120, low=1e-5, high=100.0)
    model.fit(x, y, batch_size=5, callbacks=[test], verbose=0)
    assert len(test.losses) < 120  # ended by the explosion
    low, high = test.result().band
    assert 0.4 < high <= 1.05
    assert high / 100 <= low <= high / 10
    assert low < test.result().suggestion < high


def test_the_band_moves_with_the_curvature():
    tops = []
    for curvature in (2.0, 200.0):
        model, x, y = parabola(curvature)
        test = RangeTest(steps=120, low=1e-6, high=100.0)
        model.fit(x, y, batch_size=5, callbacks=[test], verbose=0)
        tops.append(test.result().band[1])
    assert tops[0] / tops[1] == pytest.approx(100, rel=0.3)


def test_it_stops_at_the_first_loss_that_is_not_finite():
    model, x, y = parabola()
    x[:] = np.nan
    test = RangeTest(steps=50)
    model.fit(x, y, batch_size=5, epochs=5, callbacks=[test], verbose=0)
    assert len(test.losses) == 1
    with pytest.raises(UserError, match="1000 times lower"):
        test.result()


def test_a_loss_that_never_falls_is_an_error_that_says_what_to_try():
    rates = np.geomspace(1e-6, 1, 60).tolist()
    losses = (2.3 + 0.05 * np.random.default_rng(0).standard_normal(60)).tolist()
    with pytest.raises(UserError, match=r"from 1e-06 to 1, as far as 60 steps show.* more steps"):
        interpret(rates, losses, 1.0)


def test_a_loss_that_still_falls_at_the_end_is_noted():
    rates = np.geomspace(1e-6, 1e-3, 60)
    losses = 2.3 - 1000 * rates
    result = interpret(rates.tolist(), losses.tolist(), 1e-3)
    assert result.band[1] == pytest.approx(1e-3)
    assert "larger" in result.note and "larger" in result.text()


def test_one_outlier_does_not_move_the_band():
    rates = np.geomspace(1e-6, 1, 90)
    decades = np.log10(rates)
    curve = 2.3 - 1.0 / (1 + np.exp(-4 * (decades + 3))) + np.exp(6 * (decades + 1))
    clean = interpret(rates.tolist(), np.minimum(curve, 50).tolist(), 1.0)
    curve[20] = 0.9  # at 2.2e-5
    spoilt = interpret(rates.tolist(), np.minimum(curve, 50).tolist(), 1.0)
    assert spoilt.band[1] == clean.band[1]


def test_a_second_valley_beyond_the_first_does_not_count_even_if_it_is_deeper():
    # As ResNet-20 gives: lowest at 3e-3, up again at 3e-2, down once more at 3e-1.
    rates = np.geomspace(1e-6, 1, 60)
    decades = np.log10(rates)
    valley = np.exp(-4 * (decades + 2.5) ** 2) + 1.1 * np.exp(-4 * (decades + 0.5) ** 2)
    result = interpret(rates.tolist(), (2.9 - 0.5 * valley).tolist(), 1.0)
    assert result.band[1] == pytest.approx(10**-2.5, rel=0.3)
    assert not result.note


@pytest.mark.parametrize(
    "arguments", [{"low": 0.0}, {"low": 1.0, "high": 0.1}, {"high": math.nan}, {"steps": 3}]
)
def test_impossible_arguments_are_user_errors(arguments):
    with pytest.raises(UserError, match="range test needs"):
        RangeTest(**arguments)


def test_a_recipe_gets_a_band_in_which_its_network_learns_and_its_picture(tmp_path, capsys):
    result = range_test(LINEAR, splits=SPLITS, steps=80, folder=tmp_path)
    report = json.loads((tmp_path / "range_test.json").read_text())
    assert report["suggestion"] == result.suggestion
    assert report["dataset"] == "rows" and report["model"] == "logistic_regression"
    assert len(report["losses"]) == len(report["rates"]) <= 80
    assert (tmp_path / "range_test.png").read_bytes().startswith(b"\x89PNG")
    assert "logistic_regression on rows" in capsys.readouterr().out
    low, high = result.band
    assert 1e-4 < low < high <= 1

    def accuracy(rate):
        model = training.build(LINEAR, SPLITS)
        model.optimizer.learning_rate = rate
        train, steps = training.batches(LINEAR, SPLITS)
        model.fit(train, steps_per_epoch=steps, epochs=2, shuffle=False, verbose=0)
        images, labels = SPLITS.validation
        return model.evaluate(images.astype("float32"), labels, verbose=0)[1]

    assert accuracy(result.suggestion) > 0.9
    # Hardly more than the first weights know; on JAX those of this seed know more.
    assert accuracy(low / 1000) < (0.7 if keras.backend.backend() == "tensorflow" else 0.8)


def test_the_range_test_says_the_same_when_it_is_repeated():
    first, second = (range_test(LINEAR, splits=SPLITS, steps=20, high=0.1) for _ in range(2))
    assert first.losses == second.losses


def test_chance_at_rates_far_too_large_is_no_deeper_valley():
    # ResNet-20 on shapes begins at 2.97, learns best near 0.003, and comes to chance, 2.3, at 1.
    rates = list(np.geomspace(1e-6, 1.0, 80))
    decades = np.log10(rates)
    learning = 2.97 - 0.55 / (1 + np.exp(-3 * (decades + 3.4)))
    wandering = 0.08 * np.exp(-(((decades + 0.9) / 0.4) ** 2)) + 0.02 * np.sin(9 * decades)
    losses = learning + wandering - 0.06 * np.clip(decades + 1, 0, 1)
    found = interpret(rates, losses.tolist(), 1.0)
    assert min(losses[-5:]) < min(losses[:60])
    assert 1e-3 < found.band[1] < 0.05
