"""Many rates in one program: each copy learns what it would alone."""

import itertools
import weakref
from dataclasses import replace

import jax
import numpy as np
import pytest

from keras_course import devices, training, variables
from keras_course.errors import UserError
from keras_course.recipes import Recipe
from keras_course.search import memory_kills, side_by_side
from keras_course.search.copies import Copies
from keras_course.search.tune import NoneFinished, tune
from tests.search_rows import LINEAR, SPLITS

RATES = (1e-3, 1e-2, 0.1)
SMALL = Recipe(
    dataset="rows",
    model="simple_cnn_gap",
    normalization="batch",
    dropout=0.3,
    batch_size=32,
    augmentation="flip",
    precision="float32",
)
QUICK = {"splits": SPLITS, "steps": 4, "band": (1e-3, 1e-1)}


@pytest.fixture(autouse=True)
def whole_products():
    """Not TF32, by which a GPU multiplies float32 with three digits."""
    with jax.default_matmul_precision("highest"):
        yield


def copies_of(recipe, splits=SPLITS):
    model = training.build(recipe, splits)
    batches, _ = training.batches(recipe, splits)
    return Copies(model), variables.read(model), batches


def alone(model, values, rate, batch):
    """Take Keras' own step from these values; return its loss and the values after it."""
    variables.write(model, values)
    model.optimizer.learning_rate = rate
    loss = model.train_on_batch(*batch, return_dict=True)["loss"]
    return float(loss), variables.read(model)


@pytest.mark.parametrize(
    "recipe",
    [
        replace(SMALL, optimizer="adam"),
        replace(SMALL, optimizer="momentum", weight_decay=0.01, averaging=0.9),
        pytest.param(replace(SMALL, model="resnet20", dropout=None), marks=pytest.mark.slow),
    ],
    ids=["adam", "momentum", "resnet20"],
)
def test_from_the_same_state_a_copy_takes_the_step_of_the_single_run(recipe):
    copies, first, batches = copies_of(recipe)
    states = [first] * len(RATES)
    for batch in itertools.islice(batches, 20):
        copies.begin(states)
        losses = copies.train([batch], np.array([RATES]).T)["loss"][:, 0]
        for k, rate in enumerate(RATES):
            together = variables.read(copies.load(k))
            loss, after = alone(copies.model, states[k], rate, batch)
            assert losses[k] == pytest.approx(loss, rel=1e-4)
            for one, other in zip(together, after, strict=True):
                # Adam makes a step of nearly the whole rate of a gradient that is nearly nothing.
                np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-2 * rate)
            states[k] = after


def test_gradients_derived_for_all_copies_at_once_are_those_of_each(monkeypatch):
    found = []
    for seen in ([], ["a GPU"]):
        with monkeypatch.context() as patch:
            patch.setattr(devices, "gpus", lambda seen=seen: seen)
            copies, first, batches = copies_of(SMALL)
        assert (copies.gradients == copies._all_at_once) is bool(seen)
        copies.begin([first] * 3)
        rates = np.repeat(np.array([RATES]).T, 5, axis=1)
        logs = copies.train(itertools.islice(batches, 5), rates)
        found.append((logs, variables.read(copies.load(2))))
    (logs, values), (logs_too, values_too) = found
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(logs_too[name], logs[name], rtol=1e-4)
    for one, other in zip(values, values_too, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-2 * RATES[2])


def test_a_copy_that_diverges_touches_no_other():
    copies, first, batches = copies_of(SMALL)
    found = []
    for last in (1e-2, 1e30):
        copies.begin([first] * 3)
        rates = np.repeat([[1e-3], [3e-3], [last]], 6, axis=1)
        losses = copies.train(itertools.islice(batches, 6), rates)["loss"]
        found.append((losses, variables.read(copies.load(1))))
    (clean, weights), (spoilt, weights_beside) = found
    assert np.isfinite(clean).all() and not np.isfinite(spoilt[2]).all()
    most = 1e-3 if devices.gpus() else 0  # a GPU adds up in an order of its own each time
    np.testing.assert_allclose(spoilt[:2], clean[:2], rtol=most)
    for one, other in zip(weights, weights_beside, strict=True):
        np.testing.assert_allclose(other, one, rtol=most, atol=most)


def test_any_number_of_steps_and_other_beginnings_are_compiled_once(caplog):
    copies, first, batches = copies_of(LINEAR)

    def run(steps):
        copies.begin([first] * 3)
        copies.train(itertools.islice(batches, steps), np.full((3, steps), 1e-3))
        copies.evaluate(itertools.islice(batches, 2))

    run(2)
    with jax.log_compiles():
        copies.judge.clear_cache()
        copies.evaluate(itertools.islice(batches, 1))
        assert "Compiling" in caplog.text  # so the log does tell
        caplog.clear()
        run(5)
    assert not [text for text in caplog.messages if text.startswith("Compiling ")]


def trials(found):
    board = found.leaderboard["trials"]
    return [(row["trial"], row["learning_rate"], row["steps"], row["status"]) for row in board]


@pytest.mark.parametrize("search, count", [("grid", 5), ("random", 4), ("hyperband", 5)])
def test_the_search_tries_and_finds_what_it_does_one_by_one(search, count, tmp_path):
    settings = {**QUICK, "search": search, "trials": count}
    one_by_one = tune(LINEAR, tmp_path / "one", **settings)
    together = tune(LINEAR, tmp_path / "together", parallel_rates=3, **settings)
    assert trials(together) == trials(one_by_one)
    pairs = zip(one_by_one.histories().values(), together.histories().values(), strict=True)
    for one, other in pairs:
        one, other = one["executions"][0], other["executions"][0]
        assert other["losses"] == pytest.approx(one["losses"], rel=1e-4)
        assert other["metrics"] == pytest.approx(one["metrics"], rel=1e-4)
        assert [row["epoch"] for row in other["epochs"]] == [row["epoch"] for row in one["epochs"]]


def test_a_diverged_trial_ends_at_its_step(tmp_path, monkeypatch):
    train = Copies.train

    def spoilt(copies, batches, rates):
        found = train(copies, batches, rates)
        found["loss"][-1, 2:] = np.nan
        return found

    monkeypatch.setattr(Copies, "train", spoilt)
    found = tune(LINEAR, tmp_path, **QUICK, search="grid", trials=3, parallel_rates=3)
    assert trials(found)[-1] == ("2", pytest.approx(0.1), 3, "diverged")
    assert [row["status"] for row in found.leaderboard["trials"][:2]] == ["finished"] * 2


def test_an_interrupted_search_goes_on(tmp_path, monkeypatch):
    settings = {**QUICK, "search": "grid", "trials": 5, "parallel_rates": 2}
    whole = tune(LINEAR, tmp_path / "whole", **settings)
    train = side_by_side.SideBySide._train

    def interrupted(tuner, some):
        if len(tuner.oracle.end_order) == 2:
            raise KeyboardInterrupt
        return train(tuner, some)

    with monkeypatch.context() as patched:
        patched.setattr(side_by_side.SideBySide, "_train", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tune(LINEAR, tmp_path / "cut", **settings)
    again = tune(LINEAR, tmp_path / "cut", **settings)
    assert trials(again) == trials(whole)


@pytest.mark.parametrize(
    "most, sizes", [(2, [5, 2, 3, 1, 2, 1]), (1, [5, 2, 1, 1, 3, 1, 2, 1, 1, 1])]
)
def test_where_the_memory_is_too_small_fewer_are_trained_at_a_time(
    most, sizes, tmp_path, monkeypatch, capsys
):
    train, tried = side_by_side.SideBySide._train, []

    def limited(tuner, some):
        tried.append(len(some))
        if len(some) > most:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return train(tuner, some)

    monkeypatch.setattr(side_by_side.SideBySide, "_train", limited)
    found = tune(LINEAR, tmp_path, **QUICK, search="grid", trials=6, parallel_rates=5)
    assert tried == sizes
    assert sorted(row["trial"] for row in found.leaderboard["trials"]) == list("012345")
    assert [row["status"] for row in found.leaderboard["trials"]] == ["finished"] * 6
    assert "Too little memory for 5 copies: trying 2 at a time." in capsys.readouterr().out


def test_copies_that_did_not_fit_leave_the_memory_before_fewer_begin(tmp_path, monkeypatch):
    learn, begin, repeat, seen, alive = Copies._learn, Copies.begin, jax.numpy.repeat, [], []

    def limited(copies, state, rates, batch):
        if len(rates) > 1:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return learn(copies, state, rates, batch)

    def placed(*given, **options):
        alive.append(sum(array() is not None for array in seen))
        return repeat(*given, **options)

    def begun(copies, values):
        begin(copies, values)
        seen.extend(weakref.ref(array) for array in jax.tree.leaves(copies.state))
        begun.times += 1

    begun.times = 0
    monkeypatch.setattr(Copies, "_learn", limited)
    monkeypatch.setattr(Copies, "begin", begun)
    monkeypatch.setattr(jax.numpy, "repeat", placed)
    tune(LINEAR, tmp_path, **QUICK, search="grid", trials=3, parallel_rates=3)
    assert begun.times == 5  # for 3, 1, 2, 1 and 1
    assert alive and not any(alive)
    assert seen and not any(array() for array in seen)


def test_copies_begin_as_they_are_given_whether_equal_or_not():
    copies, first, _ = copies_of(SMALL)
    other = [value + 1 for value in first]
    for values in ([first, first], [first, other]):
        copies.begin(values)
        for number, right in enumerate(values):
            for one, value in zip(variables.read(copies.load(number)), right, strict=True):
                np.testing.assert_array_equal(one, value)


def test_a_full_memory_of_the_machine_is_one_of_the_device(tmp_path, monkeypatch):
    train = side_by_side.SideBySide._train

    def limited(tuner, some):
        if len(some) > 1:
            raise MemoryError("Unable to allocate 53 GiB")
        return train(tuner, some)

    monkeypatch.setattr(side_by_side.SideBySide, "_train", limited)
    found = tune(LINEAR, tmp_path, **QUICK, search="grid", trials=3, parallel_rates=3)
    assert [row["status"] for row in found.leaderboard["trials"]] == ["finished"] * 3


def test_a_memory_that_is_full_when_states_are_saved_ends_no_search(tmp_path, monkeypatch):
    settings = {**QUICK, "search": "hyperband", "trials": 5, "parallel_rates": 5}
    whole = tune(LINEAR, tmp_path / "whole", **settings)
    load, numbers = Copies.load, []

    def limited(copies, number):
        numbers.append(number)
        if len(numbers) == 3:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return load(copies, number)

    monkeypatch.setattr(Copies, "load", limited)
    found = tune(LINEAR, tmp_path / "full", **settings)
    assert trials(found) == trials(whole)
    assert len(numbers) > 3


def test_trials_that_raise_have_failed_and_the_search_goes_on(tmp_path, monkeypatch, capsys):
    train, tried = side_by_side.SideBySide._train, []

    def raises(tuner, some):
        tried.append(len(some))
        if len(tried) == 1:
            raise ZeroDivisionError("in the loss")
        return train(tuner, some)

    monkeypatch.setattr(side_by_side.SideBySide, "_train", raises)
    found = tune(LINEAR, tmp_path, **QUICK, search="grid", trials=4, parallel_rates=2)
    assert tried == [2, 2]
    statuses = [row["status"] for row in found.leaderboard["trials"]]
    assert sorted(statuses) == ["failed", "failed", "finished", "finished"]
    assert "Trial 0 failed: ZeroDivisionError: in the loss." in capsys.readouterr().out


def test_where_the_system_kills_for_memory_fewer_are_trained_the_next_time(
    tmp_path, monkeypatch, capsys
):
    class Killed(BaseException):
        pass

    memory, tried, train = [], [], side_by_side.SideBySide._train

    def hungry(tuner, some):
        tried.append(len(some))
        if len(some) > tuner.fitting:
            memory.append("killed")
            raise Killed
        return train(tuner, some)

    monkeypatch.setattr(memory_kills, "count", lambda: len(memory))
    monkeypatch.setattr(side_by_side.SideBySide, "_train", hungry)
    monkeypatch.setattr(side_by_side.SideBySide, "fitting", 0, raising=False)
    settings = {**QUICK, "search": "grid", "trials": 5, "parallel_rates": 4}
    for folder, ends in (("given up", 4), ("one by one", 2)):
        tried.clear()
        for _ in range(ends):
            with pytest.raises(Killed):
                tune(LINEAR, tmp_path / folder, **settings)
        said = capsys.readouterr().out
        if folder == "given up":  # and the fifth has its turn
            assert tried == [4, 2, 1, 1]
            assert said.count("failed: its process ended 3 times: the memory was full.") == 4
            monkeypatch.setattr(side_by_side.SideBySide, "fitting", 1)
    found = tune(LINEAR, tmp_path / folder, **settings)
    assert tried == [4, 2, *[1] * 5]
    assert [row["status"] for row in found.leaderboard["trials"]] == ["finished"] * 5


def test_a_trial_that_is_promoted_from_one_that_failed_has_failed(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(side_by_side.SideBySide, "_train", full)
    with pytest.raises(NoneFinished, match="6 failed, 0 diverged"):
        tune(LINEAR, tmp_path, **QUICK, search="hyperband", trials=5, parallel_rates=3)
    assert "the rung below, failed." in capsys.readouterr().out


def test_what_cannot_go_side_by_side_is_refused(tmp_path):
    with pytest.raises(UserError, match="Choose --search grid, random or hyperband"):
        tune(LINEAR, tmp_path, **QUICK, parallel_rates=2)
    with pytest.raises(UserError, match="leave out --unpaired"):
        tune(LINEAR, tmp_path, **QUICK, search="grid", paired=False, parallel_rates=2)
    with pytest.raises(UserError, match="at least 1"):
        tune(LINEAR, tmp_path, **QUICK, search="grid", parallel_rates=0)
