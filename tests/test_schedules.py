import numpy as np
import pytest

from keras_course import schedules
from keras_course.errors import UserError


def rates(name, **options):
    options = {"decay": 0.5, "steps_per_epoch": 2, "epochs": 3, **options}
    return schedules.rates(name, 0.1, **options)


def test_the_rule_of_the_slide_divides_again_each_epoch():
    np.testing.assert_allclose(rates("decay")[::2], [0.1, 0.1 / 1.5, 0.1 / 1.5**2], rtol=1e-5)


def test_inverse_time_decay_divides_by_a_growing_number():
    np.testing.assert_allclose(rates("inverse_time")[::2], [0.1, 0.1 / 1.5, 0.1 / 2], rtol=1e-5)


def test_both_keep_the_rate_within_an_epoch():
    for name in ("decay", "inverse_time"):
        np.testing.assert_array_equal(rates(name)[::2], rates(name)[1::2])


def test_cosine_falls_from_the_rate_to_zero():
    expected = 0.05 * (1 + np.cos(np.pi * np.arange(6) / 6))
    np.testing.assert_allclose(rates("cosine"), expected, atol=1e-7)


def test_constant_is_constant():
    np.testing.assert_array_equal(rates("constant"), np.full(6, 0.1))


def test_plateau_lowers_the_rate_before_early_stopping_ends_the_run():
    callback = schedules.plateau("val_accuracy", patience=5)
    assert callback.patience == 2 and callback.mode == "max"
    assert schedules.plateau("val_loss", patience=5).mode == "min"


def test_plateau_together_with_a_curve_is_refused():
    with pytest.raises(UserError, match="each undoing the other"):
        schedules.check("cosine+plateau")


def test_an_unknown_schedule_names_the_nearest():
    with pytest.raises(UserError, match="Did you mean 'cosine'"):
        schedules.check("cosin")


def test_triangular_rises_in_a_fifth_of_the_steps_and_falls_to_zero():
    found = schedules.rates("triangular", 0.1, decay=0.1, steps_per_epoch=5, epochs=2)
    np.testing.assert_allclose(found[:3], [0.02, 0.06, 0.1])
    np.testing.assert_allclose(found[2:], 0.1 * np.arange(8, 0, -1) / 8)
