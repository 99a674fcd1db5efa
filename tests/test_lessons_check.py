"""What a check says of an answer, whatever the lesson."""

import keras
import numpy as np
import pytest

from keras_course.lessons import check as checking
from keras_course.lessons import networks
from keras_course.lessons.check import NOTHING_USUAL, Check, CheckFailed, Unusable
from keras_course.lessons.compare import difference, same


def twice(x):
    return 2 * x


CHECK = Check(
    "5.1",
    slides="25",
    right=twice,
    cases=lambda random: [{"x": random.normal(size=(3, 4))}, {"x": random.normal(size=(3, 4))}],
    mistakes={
        "three times, not twice.": lambda x: 3 * x,
        "the two were added.": lambda x: 2 + x,
        "this has no inverse": lambda x: x @ x,
    },
)


def told(function, check=CHECK):
    with pytest.raises(CheckFailed) as failed:
        check(function)
    return str(failed.value), failed.value.state


def test_right_is_ok_and_says_so(capsys):
    CHECK(lambda x: x + x)
    assert capsys.readouterr().out == "5.1 ok\n"


def test_a_mistake_is_told_with_the_call_the_difference_the_cause_and_the_slide():
    def three_times(x):
        return x * 3

    text, state = told(three_times)
    assert state == "wrong"
    assert text.startswith("5.1 three_times(x=an array of shape 3x4) returned ")
    assert "and 12 of 12 numbers are wrong\n" in text
    assert "\n    Usual cause: three times, not twice.\n" in text
    assert text.endswith("\n    Slide 25; `keras-course hint 5.1` says more.")


def test_a_constant_is_told_though_the_draws_begin_and_end_alike():
    draws = [{"x": number} for number in (1.0, 2.0, 1.0)]
    check = Check("1.4", slides="9", right=twice, cases=lambda random: draws, mistakes={})
    assert checking.ANY_INPUT in told(lambda x: 4.5, check)[0]


def test_an_exception_that_a_mistake_raises_as_well_is_that_mistake():
    text, state = told(lambda x: np.matmul(x, x))
    assert state == "error"
    assert "raised ValueError in line" in text and "np.matmul(x, x)" in text
    assert "Usual cause: this has no inverse" in text


def test_another_exception_says_where_it_happened():
    text, state = told(lambda x: x.no_such_thing)
    assert "raised AttributeError in line" in text and "`text, state = told(" in text
    assert state == "error" and "Usual cause" not in text


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: None, "returned None; expected an array of shape 3x4. Is the `return` missing?"),
        (lambda x: (2 * x).tolist(), "returned a list; expected an array of shape 3x4"),
        (lambda x: 2 * x[:2], "returned an array of shape 2x4; expected 3x4"),
        (lambda x: np.where(x > 0, 2 * x, np.nan), "numbers that are not finite"),
        (lambda x: (2 * x).astype(str), "returned numbers of type <U"),
        (lambda x: -2 * x, "Usual cause: everything has the wrong sign"),
        (lambda x: 2 * x[::-1, ::-1], "upside down, or from right to left"),
        (lambda x: np.ones((3, 4)), "whatever it is given"),
        (lambda x: 2.5 * x, NOTHING_USUAL),
    ],
)
def test_what_every_function_can_get_wrong(function, said):
    assert said in told(function)[0]


def test_an_answer_of_another_kind_needs_no_more_words():
    check = Check(
        "1.1",
        slides="3",
        right=lambda x: [x, x + 1],
        cases=lambda random: [{"x": 1}, {"x": 2}],
        mistakes={},
    )
    text, state = told(lambda x: {x, x + 1}, check)
    assert state == "wrong" and "returned {1, 2}; expected a list of 2 values" in text
    assert NOTHING_USUAL not in text and NOTHING_USUAL in told(lambda x: [x, 7], check)[0]


def test_changing_an_argument_is_wrong():
    def in_place(x):
        x *= 2
        return x.copy()

    assert "changed its argument x" in told(in_place)[0]


def test_taking_something_out_of_an_argument_is_changing_it():
    def emptied(results):
        results.pop("a")
        return 1

    check = Check(
        "1.1",
        slides="3",
        right=lambda results: 1,
        cases=lambda random: [{"results": {"a": 1, "b": 2}}],
        mistakes={},
    )
    assert "changed its argument results" in told(emptied, check)[0]


def test_a_todo_is_told_apart_from_a_mistake():
    def todo(x):
        raise NotImplementedError("TODO 5.1: double it")

    text, state = told(todo)
    assert (state, text.splitlines()[0]) == ("todo", "5.1 is still to be done: double it")


def test_nbgraders_words_for_a_todo_are_none():
    def todo(x):
        raise NotImplementedError

    text, state = told(todo)
    assert (state, text.splitlines()[0]) == ("todo", "5.1 is still to be done: what the TODO says")


def test_an_exception_in_the_check_names_no_line_of_the_students():
    check = Check(
        "1.1",
        slides="3",
        right=lambda: keras.Sequential([keras.layers.Dense(1)]),
        cases=lambda random: [{"images": np.ones((2, 3), "float32")}],
        mistakes={},
        observe=networks.network,
    )
    text, state = told(keras.Sequential, check)
    assert state == "error" and "raised ValueError: " in text


def test_no_function_at_all_is_told():
    assert "got 3; expected a function" in told(3)[0]


def test_a_loop_that_never_stops_is_ended(monkeypatch):
    monkeypatch.setattr(checking, "SECONDS", 0.2)

    def endless(x):
        while True:
            try:
                sum(range(1000))
            except Exception:
                continue

    text, state = told(endless)
    assert state == "error" and "did not finish within 0.2 s" in text


def test_an_observer_says_what_it_cannot_look_at():
    def observe(function, x):
        raise Unusable("returned a shoe; expected a Keras model")

    check = Check(
        "1.1",
        slides="3 to 9",
        right=twice,
        cases=lambda random: [{"x": 1}],
        mistakes={},
        observe=lambda function, x: 2 if function is twice else observe(function, x),
    )

    def shoe(x, y, z=0):
        return x

    assert told(shoe, check)[0].splitlines() == [
        "1.1 shoe(x=1, y=...) returned a shoe; expected a Keras model",  # as it can be called
        "    Slides 3 to 9; `keras-course hint 1.1` says more.",
    ]


def test_a_notebook_shows_the_message_alone():
    assert CheckFailed("5.1 no", "wrong")._render_traceback_() == ["5.1 no"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (np.float32(2), 2),
        (20_000.0, 20_000),
        (np.array(2.00001), 2.0),
        ((1, 2.0), [1, 2]),
        ({"a": 1, "b": 2}, {"a": 1}),
        (np.ones(3, "float32"), np.ones(3)),
        (np.arange(3), np.arange(3.0)),
        ("same", "same"),
        (True, True),
        (float("nan"), float("nan")),
        (np.array([1, np.nan]), np.array([1, np.nan])),
    ],
)
def test_equal_up_to_rounding_and_type(answer, expected):
    assert same(answer, expected)


@pytest.mark.parametrize(
    ("answer", "expected", "said"),
    [
        (True, 1, "returned True; expected a number"),
        (1, True, "returned 1; expected True"),
        ("2", 2, "returned '2'; expected a number"),
        (2.1, 2, "returned 2.1; expected 2"),
        (20_001, 20_000, "returned 20,001; expected 20,000"),  # a count is right or wrong
        (float("nan"), 2, "returned nan; expected 2"),
        (np.array([1.0, 2.0]), np.array([1, np.nan]), "1 finite numbers where nan or inf was"),
        (np.array([1, np.nan]), np.array([1.0, 2.0]), "1 numbers that are not finite"),
        ([1], (1, 2), "returned 1 values; expected 2"),
        ([1, 3], (1, 2), "returned 3; expected 2 (value 2 of 2)"),
        (3, (1, 2), "returned 3; expected a list of 2 values"),
        ({}, {"a": 1}, "returned a dictionary without a"),
        ({"a": 2}, {"a": 1}, "gave 2; expected 1 (a)"),
        (np.zeros(3), np.zeros(3, "uint8"), "returned numbers of type float64; expected uint8"),
        (np.array([1, 2]), np.array([1, 3]), "returned [1., 2.]; expected [1., 3.]"),
        (np.zeros((2, 2), complex), np.zeros((2, 2)), "returned numbers of type complex128"),
        (keras.Input((2,)), np.zeros((1, 2)), "returned a Keras tensor of shape Nonex2, which has"),
        (keras.Input((2,)), 2, "returned a Keras tensor of shape Nonex2, which has no numbers yet"),
    ],
)
def test_a_difference_in_words(answer, expected, said):
    assert said in difference(answer, expected)
