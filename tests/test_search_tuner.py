import gc
import json
import re
import signal
import subprocess
import sys
import weakref

import keras
import keras_tuner as kt
import numpy as np
import pytest

from keras_course import files, training, variables
from keras_course.data import pipeline
from keras_course.errors import Terminated, UserError
from keras_course.search import deaths, fingerprint, journal, memory_kills, oracles, tune
from keras_course.search.one_model import OneModel
from keras_course.search.tuner import PairedTuner, _SaveState, execution_seed
from tests.search_rows import LINEAR, SPLITS, compiled_once

__all__ = ["compiled_once"]

ACCURACY = kt.Objective("val_accuracy", "max")
IMAGES, LABELS = SPLITS.train.images.astype("float32"), SPLITS.train.labels


class Perceptron(kt.HyperModel):
    """What a user of KerasTuner writes, with a rate that spoils the trial on demand."""

    nan_at = ()
    eagerly = True  # to trace a graph takes longer than these few steps

    def build(self, hp):
        rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
        inputs = keras.Input(IMAGES.shape[1:])
        x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
        x = keras.layers.Dropout(0.2)(keras.layers.Dense(8, activation="relu")(x))
        model = keras.Model(inputs, keras.layers.Dense(2)(x))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(
            keras.optimizers.Adam(rate), loss, metrics=["accuracy"], run_eagerly=self.eagerly
        )
        return model

    def fit(self, hp, model, images, labels, **kwargs):
        trial = sum(path.startswith("trial_") for path in self.folders())
        if trial in self.nan_at:
            model.trainable_variables[-1].assign([np.nan, np.nan])  # a ReLU would swallow it
        return model.fit(images, labels, batch_size=64, **kwargs)


def tuner_of(folder, hypermodel=None, *, oracle=None, nan_at=(), trials=4, **options):
    hypermodel = hypermodel or Perceptron()
    hypermodel.nan_at = nan_at
    hypermodel.folders = lambda: [path.name for path in (folder / "tuner").glob("*")]
    oracle = oracle or oracles.oracle("grid", trials, ACCURACY, seed=0)
    return PairedTuner(oracle, hypermodel, directory=folder, project_name="tuner", **options)


def search(tuner, epochs=2):
    validation = (SPLITS.validation.images.astype("float32"), SPLITS.validation.labels)
    tuner.search(IMAGES, LABELS, validation_data=validation, epochs=epochs, verbose=0)
    return [tuner.history(name) for name in sorted(tuner.oracle.trials)]


def one_model(band=(1e-3, 1e-2), steps=3, model=None):
    train, _ = training.batches(LINEAR, SPLITS)
    validation = pipeline.evaluation_batches(*SPLITS.validation)
    model = model or training.build(LINEAR, SPLITS)
    first = variables.read(model)
    return OneModel(model, band, lambda seed: (first, train), validation, steps, LINEAR.seed)


def test_a_keras_tuner_user_takes_the_tuner_with_a_hypermodel_and_an_oracle_of_their_own(tmp_path):
    oracle = kt.oracles.RandomSearchOracle(ACCURACY, max_trials=3, seed=1)
    tuner = tuner_of(tmp_path, oracle=oracle)
    histories = search(tuner)
    assert [history["status"] for history in histories] == ["finished"] * 3
    assert all(len(history["executions"][0]["losses"]) == 2 * 4 for history in histories)
    best = tuner.get_best_hyperparameters()[0]
    assert 1e-4 <= best.get("learning_rate") <= 1e-1
    model = tuner.get_best_models()[0]
    score = model.evaluate(
        SPLITS.validation.images.astype("float32"), SPLITS.validation.labels, verbose=0
    )[1]
    assert score == pytest.approx(tuner.oracle.get_best_trials()[0].score)


def test_equal_rates_give_equal_trials_bit_by_bit_whatever_was_tried_before(tmp_path):
    class OneRate(Perceptron):
        def build(self, hp):
            hp.Float("unused", 0, 1)
            hp.Fixed("learning_rate", 1e-2)
            keras.random.uniform((int(100 * hp.get("unused")),))  # as much chance as it likes
            return super().build(hp)

    oracle = kt.oracles.RandomSearchOracle(ACCURACY, max_trials=3, seed=1)
    losses = [
        history["executions"][0]["losses"]
        for history in search(tuner_of(tmp_path, OneRate(), oracle=oracle))
    ]
    assert losses[0] == losses[1] == losses[2]


@pytest.mark.usefixtures("compiled_once")
def test_trials_of_one_model_are_paired_and_equal_those_of_a_model_built_for_each(tmp_path):
    hypermodel = one_model()
    tuner = PairedTuner(oracles.oracle("grid", 3, ACCURACY, seed=0), hypermodel, directory=tmp_path)
    hp = kt.HyperParameters()
    hp.Float("learning_rate", 1e-3, 1e-2, sampling="log")
    histories = {}
    for name, rate in enumerate((0.01, 0.001, 0.01)):
        hp.values["learning_rate"] = rate
        trial = kt.engine.trial.Trial(hp.copy(), str(name))
        tuner.run_trial(trial, verbose=0)
        histories[name] = tuner.history(str(name))["executions"][0]["losses"]
    assert histories[0] == histories[2]
    assert histories[0][0] == histories[1][0]  # before the first update the rate plays no part
    assert histories[0] != histories[1]
    hp.values["learning_rate"] = 0.01
    alone = one_model()
    alone.build(hp)
    result = alone.fit(hp, alone.model, verbose=0)
    means = np.cumsum(histories[0]) / np.arange(1, 4)
    assert result.history["loss"][0] == pytest.approx(means[-1], rel=1e-6)


def test_executions_differ_in_their_seed_and_trials_do_not(tmp_path):
    tuner = tuner_of(tmp_path, trials=2, executions_per_trial=2)
    first, second = search(tuner, epochs=1)
    seeds = [execution["seed"] for execution in first["executions"]]
    assert seeds == [execution["seed"] for execution in second["executions"]]
    assert seeds == [0, execution_seed(0, 1)] and seeds[0] != seeds[1]
    one, two = (execution["losses"][0] for execution in first["executions"])
    assert one != two
    assert one == second["executions"][0]["losses"][0]


def test_a_diverged_trial_ends_at_its_step_gets_the_worst_score_and_the_search_goes_on(tmp_path):
    # Four in a row: KerasTuner alone gives up after three.
    tuner = tuner_of(tmp_path, nan_at=(1, 2, 3, 4), trials=5)
    histories = search(tuner, epochs=1)
    statuses = [history["status"] for history in histories]
    assert statuses == ["diverged"] * 4 + ["finished"]
    assert [history["steps"] for history in histories] == [1] * 4 + [4]
    scores = [tuner.oracle.trials[name].score for name in sorted(tuner.oracle.trials)]
    assert scores[:4] == [0.0] * 4 and min(scores[4:]) > 0
    assert tuner.oracle.get_best_trials()[0].score == max(scores)


def test_a_result_that_is_not_finite_counts_as_diverged_without_a_guard(tmp_path):
    class Careless(Perceptron):
        def fit(self, hp, model, *args, **kwargs):
            return {"val_accuracy": float("nan")}

    histories = search(tuner_of(tmp_path, Careless(), trials=2))
    assert [history["status"] for history in histories] == ["diverged"] * 2


def test_nothing_stays_in_memory_of_a_network_that_was_built_for_a_trial(tmp_path):
    graphs = []

    class Remembered(Perceptron):
        def build(self, hp):
            model = super().build(hp)
            cross_entropy = model.loss

            def loss(labels, logits):
                graphs.append(weakref.ref(logits.graph))
                return cross_entropy(labels, logits)

            model.compile(model.optimizer, loss, metrics=["accuracy"])
            return model

    tuner = tuner_of(tmp_path, Remembered(), trials=2)
    search(tuner, epochs=1)
    del tuner
    keras.utils.clear_session()
    gc.collect()
    assert len(graphs) >= 2 and not any(graph() for graph in graphs)


@pytest.mark.usefixtures("compiled_once")
def test_a_promoted_trial_is_bit_equal_to_one_that_ran_through(tmp_path):
    oracle = oracles.oracle("hyperband", 5, ACCURACY, seed=0)
    hypermodel = one_model(steps=2)
    tuner = PairedTuner(oracle, hypermodel, directory=tmp_path)
    tuner.search(verbose=0)
    promoted = next(
        trial for trial in oracle.trials.values() if "tuner/trial_id" in trial.hyperparameters
    )
    before = tuner.history(promoted.hyperparameters["tuner/trial_id"])["executions"][0]["losses"]
    after = tuner.history(promoted.trial_id)["executions"][0]["losses"]
    hp = promoted.hyperparameters
    through = tmp_path / "through"
    straight = PairedTuner(
        oracles.oracle("grid", 1, ACCURACY, seed=0), hypermodel, directory=through
    )
    plain = kt.HyperParameters()
    plain.Float("learning_rate", 1e-3, 1e-2, sampling="log")
    plain.values["learning_rate"] = hp["learning_rate"]
    straight.run_trial(kt.engine.trial.Trial(plain, "0"), verbose=0, epochs=3)
    assert before + after == straight.history("0")["executions"][0]["losses"]


def test_a_full_disk_is_no_fault_of_a_trial(tmp_path):
    class Full(Perceptron):
        def fit(self, *args, **kwargs):
            raise files.DiskFull(tmp_path, 0, 0)

    tuner = tuner_of(tmp_path, Full())
    with pytest.raises(files.DiskFull):
        search(tuner)
    assert len(tuner.oracle.end_order) == 0


def test_a_search_goes_on_in_the_process_in_which_the_disk_was_full(tmp_path, monkeypatch):
    tuner, full, add = tuner_of(tmp_path), [True], journal.Journal.add

    def refused_once(its, event):
        if event["event"] == "create" and full:
            raise files.DiskFull(tmp_path, 0, full.pop())
        add(its, event)

    monkeypatch.setattr(journal.Journal, "add", refused_once)
    with pytest.raises(files.DiskFull):
        search(tuner)
    search(tuner)
    again = tuner_of(tmp_path)
    assert again.oracle.end_order == tuner.oracle.end_order and len(again.oracle.end_order) > 1


def test_an_exception_in_build_is_shown_with_its_cause(tmp_path, capsys):
    class Broken(Perceptron):
        built = 0

        def build(self, hp):
            self.built += 1
            if self.built > 1:  # the first one only asks for the space
                raise LookupError("the cause")
            return super().build(hp)

    search(tuner_of(tmp_path, Broken()))
    assert "Trial 0 failed. LookupError: the cause\n" in capsys.readouterr().out


ORACLES = {
    "GridSearch": lambda: kt.oracles.GridSearchOracle(ACCURACY, 7, seed=1),
    "RandomSearch": lambda: kt.oracles.RandomSearchOracle(ACCURACY, max_trials=5, seed=1),
    "Hyperband": lambda: kt.oracles.HyperbandOracle(ACCURACY, max_epochs=3, seed=1),
    "BayesianOptimization": lambda: kt.oracles.BayesianOptimizationOracle(
        ACCURACY, max_trials=6, num_initial_points=3, seed=1
    ),
}


class Arithmetic(kt.HyperModel):
    """Trains nothing: the score is a function of two values."""

    stop_at, calls = None, 0

    def build(self, hp):
        hp.Float("rate", 1e-4, 1e-1, step=10, sampling="log")
        hp.Choice("width", [1, 2, 3])
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp, model, **kwargs):
        self.calls += 1
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        if "tuner/epochs" in hp.values:  # whose state is to be saved
            model.compile("sgd", "mse")
            model.fit(np.ones((2, 1)), np.ones((2, 1)), verbose=0, **kwargs)
        return {"val_accuracy": hp.get("width") / 4 + hp.get("rate")}


@pytest.mark.parametrize(
    "name",
    [
        "GridSearch",
        "Hyperband",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ORACLES if name[0] not in "GH"),
    ],
)
def test_every_oracle_of_keras_tuner_is_taken_up_where_it_was(name, tmp_path, capsys):
    def run(folder, stop_at=None):
        hypermodel = Arithmetic()
        hypermodel.stop_at = stop_at
        tuner = PairedTuner(
            ORACLES[name](), hypermodel, seed=3, directory=folder, project_name="tuner"
        )
        tuner.search(verbose=0)
        trials = tuner.oracle.trials.values()
        return [(trial.trial_id, trial.hyperparameters.values, trial.score) for trial in trials]

    whole = run(tmp_path / "whole")
    for stop_at in (1, 3, 2):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", stop_at)
    assert run(tmp_path / "cut") == whole
    capsys.readouterr()
    assert run(tmp_path / "cut") == whole  # nothing is left to do
    assert capsys.readouterr().out == ""  # and to tell


def test_another_space_or_another_search_is_refused_and_told_apart(tmp_path):
    class Wider(Perceptron):
        def build(self, hp):
            hp.Choice("width", [1, 2])
            return super().build(hp)

    search(tuner_of(tmp_path, trials=2), epochs=1)
    with pytest.raises(UserError, match="holds another search: oracle .* space .*width"):
        tuner_of(tmp_path, Wider(), oracle=kt.oracles.RandomSearchOracle(ACCURACY, 2, seed=1))
    with pytest.raises(UserError, match="seed of the trials 1 instead of 0"):
        tuner_of(tmp_path, trials=2, seed=1)
    with pytest.raises(UserError, match="data 'b' instead of None"):
        tuner_of(tmp_path, trials=2, search_of={"data": "b"})
    with pytest.raises(UserError, match="executions_per_trial 2 instead of 1"):
        tuner_of(tmp_path, trials=2, executions_per_trial=2)
    with pytest.raises(UserError, match="worst_score -1.0 instead of 0.0"):
        tuner_of(tmp_path, trials=2, worst_score=-1.0)


@pytest.mark.parametrize(
    "kind, settings, other, told",
    [
        (kt.oracles.HyperbandOracle, {"max_epochs": 4}, {"max_epochs": 8}, "max_epochs 8"),
        (kt.oracles.HyperbandOracle, {}, {"factor": 4}, "factor 4 instead of 3"),
        (kt.oracles.HyperbandOracle, {}, {"hyperband_iterations": 2}, "hyperband_iterations 2"),
        (kt.oracles.BayesianOptimizationOracle, {}, {"beta": 3.0}, "beta 3.0 instead of 2.6"),
        (
            kt.oracles.BayesianOptimizationOracle,
            {"max_trials": 9, "num_initial_points": 2},
            {"max_trials": 9},
            "num_initial_points None instead of 2",
        ),
    ],
)
def test_an_oracle_of_other_settings_is_refused(kind, settings, other, told, tmp_path):
    tuner_of(tmp_path, Arithmetic(), oracle=kind(ACCURACY, seed=1, **settings))
    tuner_of(tmp_path, Arithmetic(), oracle=kind(ACCURACY, seed=1, **settings))
    with pytest.raises(UserError, match=f"holds another search: {told}"):
        tuner_of(tmp_path, Arithmetic(), oracle=kind(ACCURACY, seed=1, **other))


def test_what_a_search_is_of_is_compared_as_it_is_read_again(tmp_path, monkeypatch):
    class Choosing(Perceptron):
        def build(self, hp):
            hp.Choice("width", (1, 2))
            return super().build(hp)

    def made(**search_of):
        oracle = kt.oracles.RandomSearchOracle(ACCURACY, 2, seed=1)
        return tuner_of(tmp_path, Choosing(), oracle=oracle, search_of=search_of)

    made(sizes=(8, 8), data="a")
    made(sizes=(8, 8), data="a")
    with pytest.raises(UserError, match="data None instead of 'a'"):
        made(sizes=(8, 8))
    monkeypatch.setattr(fingerprint.metadata, "version", lambda name: f"of {name}")
    monkeypatch.setattr(fingerprint.versions, "imported", lambda: {"keras": "of keras"})
    with pytest.raises(UserError, match="version of keras 'of keras' instead of .*; version of"):
        made(sizes=(8, 8), data="a")


def test_what_is_damaged_in_a_project_is_made_anew(tmp_path, capsys):
    def made():
        oracle = kt.oracles.RandomSearchOracle(ACCURACY, max_trials=3, seed=1)
        return PairedTuner(oracle, Arithmetic(), directory=tmp_path, project_name="tuner")

    def scores(tuner):
        tuner.search(verbose=0)
        return [tuner.oracle.trials[name].score for name in sorted(tuner.oracle.trials)]

    whole = scores(made())
    journal = tmp_path / "tuner" / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    better = b"".join(lines).replace(b'"val_accuracy": 0.', b'"val_accuracy": 1.')
    for damage in (
        lambda: journal.write_bytes(b"".join(lines)[:-30]),
        lambda: journal.write_bytes(better),
        lambda: journal.write_bytes(b"".join(lines[:3] + lines[4:])),
        lambda: (tmp_path / "tuner" / "trial_1" / "history.json").write_text("{}"),
        lambda: (tmp_path / "tuner" / "trial_2" / "history.json").unlink(),
    ):
        damage()
        again = made()
        assert "damaged" in capsys.readouterr().out
        assert len(again.oracle.end_order) < 3
        assert scores(again) == whole


def test_without_pairs_each_trial_has_weights_and_batches_of_its_own(tmp_path):
    first, second = search(tuner_of(tmp_path, trials=2, paired=False), epochs=1)
    seeds = [history["executions"][0]["seed"] for history in (first, second)]
    assert seeds == [execution_seed(0, 0, 0), execution_seed(0, 0, 1)]
    losses = [history["executions"][0]["losses"][0] for history in (first, second)]
    assert losses[0] != losses[1]


def test_the_dtype_policy_survives_keras_tuners_clearing_of_the_session(tmp_path):
    class Policy(Perceptron):
        seen = ()

        def build(self, hp):
            self.seen = (*self.seen, keras.config.dtype_policy().name)
            return super().build(hp)

    before = keras.config.dtype_policy()
    hypermodel = Policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        search(tuner_of(tmp_path, hypermodel, trials=2), epochs=1)
    finally:
        keras.config.set_dtype_policy(before)
    assert set(hypermodel.seen) == {"mixed_bfloat16"}


def test_a_loss_as_objective_needs_a_worst_score_that_is_large(tmp_path):
    loss = kt.Objective("val_loss", "min")
    with pytest.raises(ValueError, match="give a large worst_score"):
        tuner_of(tmp_path, oracle=oracles.oracle("grid", 2, loss, seed=0))
    oracle = oracles.oracle("grid", 2, loss, seed=0)
    tuner = tuner_of(tmp_path, oracle=oracle, nan_at=(1,), worst_score=9.0)
    search(tuner)
    assert [oracle.trials[name].score for name in ("0", "1")] == [9.0, pytest.approx(0.5, abs=0.5)]


def test_seed_zero_is_a_seed():
    draws = [oracles.oracle("random", 3, ACCURACY, seed=0).seed for _ in range(2)]
    assert draws[0] == draws[1] > 0
    assert oracles.oracle("random", 3, ACCURACY, seed=1).seed != draws[0]


@pytest.mark.parametrize(
    "optimum, cliff, places",
    [
        (0.1, 9, (0, 0.5, -0.5, 0.25)),
        (0.4, 9, (0, 0.5, 1.0, 0.25)),
        (1.4, 9, (0, 0.5, 1.0, 1.5)),
        (-0.8, 9, (0, 0.5, -0.5, -1.0)),
        (5.0, 9, (0, 0.5, 1.0, 1.5, 2.0, 1.75, 1.875)),  # and no further than the space
        (-5.0, 9, (0, 0.5, -0.5, -1.0, -1.5, -2.0, -1.75)),
        (0.4, 0.4, (0, 0.5, -0.5, 0.25)),  # beyond the cliff training diverges
        (-1.5, -0.6, (0, -0.5, -1.0, -1.5)),  # from where all diverge, downwards
    ],
)
def test_climbing_finds_the_top_of_a_hill(optimum, cliff, places):
    assert climbed(len(places), optimum, cliff) == pytest.approx(places)


@pytest.mark.parametrize("optimum", [0.4, 5.0, -5.0])
def test_climbing_ends_where_steps_tell_no_rates_apart(optimum):
    tried = climbed(100, optimum)
    assert len(tried) == len(set(tried)) < 40
    best = min(max(optimum, -2), 2)  # within the space
    assert min(abs(place - best) for place in tried) < oracles.Climb.FINEST


def climbed(trials, optimum, cliff=9):
    """Return the places that `climb` tries, in decades from the middle of its four, on a hill with
    this optimum; beyond the cliff training diverges."""
    oracle = oracles.oracle("climb", trials, ACCURACY, seed=0)
    hp = kt.HyperParameters()
    hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
    oracle.update_space(hp)
    oracle.save = oracle._save_trial = lambda *_: None
    oracle.worst_score, tried = 0.0, []
    while (trial := oracle.create_trial("tuner0")).status == "RUNNING":
        assert oracle.create_trial("tuner1").status != "RUNNING"  # one at a time
        place = np.log10(trial.hyperparameters.get("learning_rate")) + 2
        tried.append(place)
        score = 1 / (1 + (place - optimum) ** 2) if place < cliff else 0.0
        oracle.update_trial(trial.trial_id, {"val_accuracy": score})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    assert trial.status == "STOPPED"
    return tried


@pytest.mark.parametrize("asked, rates, epochs", [(4, 5, 3), (5, 5, 3), (6, 17, 9), (18, 49, 27)])
def test_hyperband_rounds_the_number_of_rates_up(asked, rates, epochs):
    # Li et al. 2018 with KerasTuner's brackets: 3 + 2; 9 + 5 + 3; 27 + 12 + 6 + 4.
    oracle = oracles.oracle("hyperband", asked, ACCURACY, seed=0)
    assert oracle.max_epochs == epochs
    assert sum(size for size, first, _ in oracle.plan() if first == 0) == rates


def test_the_variables_of_a_model_come_back_from_a_file(tmp_path):
    model = training.build(LINEAR, SPLITS)
    before = variables.read(model)
    variables.save(model, tmp_path / "state.npz")
    model.fit(IMAGES[:32], LABELS[:32], verbose=0)
    assert not all(map(np.array_equal, before, variables.read(model)))
    variables.load(model, tmp_path / "state.npz")
    assert all(map(np.array_equal, before, variables.read(model)))


def spoil(monkeypatch, limit):
    """Make every trial with a rate of `limit` or more produce NaN."""
    fit = OneModel.fit

    def spoilt(hypermodel, hp, model, **kwargs):
        if hp.get("learning_rate") >= limit:
            kernel = model.trainable_variables[0]
            kernel.assign(kernel * np.nan)
        return fit(hypermodel, hp, model, **kwargs)

    monkeypatch.setattr(OneModel, "fit", spoilt)


QUICK = {"splits": SPLITS, "steps": 3, "trials": 4, "search": "grid", "band": (1e-4, 1e-1)}


@pytest.mark.usefixtures("compiled_once")
def test_diverged_trials_are_counted_ranked_last_and_shown(tmp_path, monkeypatch, capsys):
    spoil(monkeypatch, 0.005)
    found = tune.tune(LINEAR, tmp_path, **QUICK)
    assert [trial["status"] for trial in found.leaderboard["trials"]] == (
        ["finished"] * 2 + ["diverged"] * 2
    )
    assert found.leaderboard["trials"][-1]["score"] == 0.0
    assert found.leaderboard["trials"][-1]["loss"] is None
    assert "2 diverged" in found.text()
    assert capsys.readouterr().out.count("diverged") == 2
    json.loads((tmp_path / "search" / "leaderboard.json").read_text(), parse_constant=pytest.fail)


@pytest.mark.usefixtures("compiled_once")
def test_if_all_diverge_the_error_names_the_range_and_a_better_one(tmp_path, monkeypatch):
    spoil(monkeypatch, 0.0)
    for _ in range(2):  # the finished search says it again
        with pytest.raises(tune.AllDiverged, match=r"between 0.0001 and 0.1 .*--band 1e-06 0.0001"):
            tune.tune(LINEAR, tmp_path, **QUICK)
    board = json.loads((tmp_path / "search" / "leaderboard.json").read_text())
    assert board["best_learning_rate"] is None
    assert (tmp_path / "search" / "search.png").exists()


@pytest.mark.usefixtures("compiled_once")
def test_trials_that_failed_are_not_called_diverged(tmp_path, monkeypatch):
    spoil(monkeypatch, 0.005)
    fit = OneModel.fit

    def broken(hypermodel, hp, model, **kwargs):
        if hp.get("learning_rate") < 0.005:
            raise LookupError("the cause")
        return fit(hypermodel, hp, model, **kwargs)

    monkeypatch.setattr(OneModel, "fit", broken)
    said = "No trial finished: 2 failed, 2 diverged. The first that failed: LookupError: the cause"
    with pytest.raises(tune.NoneFinished, match=said):
        tune.tune(LINEAR, tmp_path, **QUICK)


@pytest.mark.usefixtures("compiled_once")
def test_a_trial_that_is_promoted_from_one_that_failed_has_failed(tmp_path, monkeypatch, capsys):
    def broken(*_, **__):
        raise LookupError("the cause")

    monkeypatch.setattr(OneModel, "fit", broken)
    with pytest.raises(tune.NoneFinished, match="6 failed, 0 diverged"):
        tune.tune(LINEAR, tmp_path, **QUICK | {"search": "hyperband", "trials": 5})
    told = r"Trial \d+ failed: trial \d+, the rung below, failed\."
    assert re.search(told, capsys.readouterr().out)


@pytest.mark.usefixtures("compiled_once")
def test_hyperband_promotes_although_most_trials_diverge(tmp_path, monkeypatch):
    settings = QUICK | {"search": "hyperband", "trials": 5}
    clean = tune.tune(LINEAR, tmp_path / "clean", **settings)
    rates = sorted(trial["learning_rate"] for trial in clean.leaderboard["trials"])
    spoil(monkeypatch, rates[1])  # all but the lowest one
    found = tune.tune(LINEAR, tmp_path / "spoilt", **settings)
    trials = found.leaderboard["trials"]
    assert len(trials) == 6
    assert sum(trial["status"] == "diverged" for trial in trials) >= 3
    assert found.best_learning_rate == rates[0] and trials[0]["steps"] == 3


def test_a_promoted_trial_goes_on_with_the_weights_and_not_with_their_averages(tmp_path):
    model = keras.Sequential([keras.Input(IMAGES.shape[1:]), keras.layers.Flatten()])
    model.add(keras.layers.Dense(2))
    optimizer = keras.optimizers.SGD(1e-4, use_ema=True, ema_momentum=0.9)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.layers[-1].get_weights()[0])
    )
    saving = _SaveState(tmp_path / "state.npz")
    model.fit(IMAGES, LABELS, epochs=1, batch_size=64, callbacks=[watch], verbose=0)
    assert not np.array_equal(model.layers[-1].get_weights()[0], seen[-1])  # Keras' averages
    model.fit(IMAGES, LABELS, epochs=2, batch_size=64, callbacks=[watch, saving], verbose=0)
    variables.load(model, tmp_path / "state.npz")
    np.testing.assert_array_equal(model.layers[-1].get_weights()[0], seen[-1])


@pytest.mark.parametrize("number, kind", [(signal.SIGTERM, Terminated), (signal.SIGINT, None)])
def test_a_signal_where_keras_tuner_would_swallow_it_ends_the_search_after_the_step(
    number, kind, tmp_path, monkeypatch
):
    expected = search(tuner_of(tmp_path / "whole", trials=2))
    copied = PairedTuner._deepcopy_callbacks

    def signalled(tuner, callbacks):
        signal.raise_signal(number)
        return copied(tuner, callbacks)

    monkeypatch.setattr(PairedTuner, "_deepcopy_callbacks", signalled)
    before = signal.getsignal(number)
    tuner = tuner_of(tmp_path / "cut", trials=2)
    with pytest.raises(kind or KeyboardInterrupt):
        search(tuner)
    assert signal.getsignal(number) == before
    assert not tuner.oracle.end_order  # no trial has to pay for it
    monkeypatch.undo()
    found = search(tuner_of(tmp_path / "cut", trials=2))
    assert [{**each, "seconds": 0} for each in found] == [
        {**each, "seconds": 0} for each in expected
    ]


def test_an_impossible_network_is_one_failed_trial(tmp_path):
    class Sometimes(Perceptron):
        def build(self, hp):
            model = super().build(hp)
            if hp.get("learning_rate") > 0.01:
                raise UserError("images of 16 pixels are too small for this network.")
            return model

    histories = search(tuner_of(tmp_path, Sometimes()))
    reasons = {history["reason"] for history in histories}
    assert {history["status"] for history in histories} == {"finished", "failed"}
    assert reasons == {None, "UserError: images of 16 pixels are too small for this network."}


def test_a_trial_that_takes_the_process_along_for_memory_is_given_up(tmp_path, monkeypatch, capsys):
    class Killed(BaseException):
        pass

    class Hungry(Perceptron):
        def fit(self, hp, *args, **kwargs):
            if hp.get("learning_rate") < 5e-4:
                memory.append("killed")
                raise Killed
            return super().fit(hp, *args, **kwargs)

    memory = []
    monkeypatch.setattr(memory_kills, "count", lambda: len(memory))
    for _ in range(2):
        with pytest.raises(Killed):
            search(tuner_of(tmp_path, Hungry()))
    histories = search(tuner_of(tmp_path, Hungry(), nan_at=()))
    assert [each["status"] for each in histories] == ["failed", *["finished"] * 3]
    assert histories[0]["reason"] == "its process ended 2 times: the memory was full"
    assert "Trial 0 failed: its process ended 2 times: the memory was full." in (
        capsys.readouterr().out
    )


def test_a_trial_at_which_the_process_ends_again_and_again_is_given_up(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    monkeypatch.setattr(deaths, "OF_ANY_KIND", 3)
    ends = [KeyboardInterrupt, Killed, KeyboardInterrupt, Killed, Killed]  # Ctrl-C is no death

    def fit(self, *args, **kwargs):
        raise ends.pop()

    with monkeypatch.context() as patched:
        patched.setattr(Perceptron, "fit", fit)
        while ends:
            with pytest.raises((KeyboardInterrupt, Killed)):
                search(tuner_of(tmp_path, trials=2))
    first, second = search(tuner_of(tmp_path, trials=2))
    assert first["reason"] == "its process ended 3 times" and second["status"] == "finished"
    events = journal.Journal(tmp_path / "tuner" / "journal").events
    begun = [event for event in events if event["event"] == "begin" and event["trial"] == "0"]
    assert len(begun) == 4


def test_what_befell_the_groups_of_others_is_not_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_kills, "GROUPS", tmp_path)
    monkeypatch.setattr(memory_kills, "OF_THE_MACHINE", tmp_path / "vmstat")
    assert memory_kills.count() is None
    (tmp_path / "vmstat").write_text("nr_free_pages 5\noom_kill 7\n")
    assert memory_kills.count() == 7
    events = tmp_path / memory_kills._group() / "memory.events"
    events.parent.mkdir(parents=True, exist_ok=True)
    events.write_text("low 0\noom 4\noom_kill 2\n")
    assert memory_kills.count() == 2


@pytest.mark.parametrize("error", [files.DiskFull, OSError])
def test_a_storage_that_fails_ends_the_search_and_no_trial_has_failed(tmp_path, error):
    class Broken(Perceptron):
        def fit(self, hp, model, *args, **kwargs):
            path = tmp_path / "tuner" / "trial_0" / "best.npz"
            raise (
                OSError(5, "Input/output error", str(path))
                if error is OSError
                else error(path, 0, 0)
            )

    with pytest.raises(error):
        search(tuner_of(tmp_path, Broken()))
    events = journal.Journal(tmp_path / "tuner" / "journal").events
    assert [event["event"] for event in events if event.get("trial") == "0"][-1] == "left"
    assert [each["status"] for each in search(tuner_of(tmp_path))] == ["finished"] * 4


def test_a_search_with_other_images_is_refused(tmp_path):
    tuner = tuner_of(tmp_path, trials=2)
    search(tuner)
    with pytest.raises(UserError, match="argument 1 '[0-9a-f]+' instead of '[0-9a-f]+'"):
        tuner_of(tmp_path, trials=2).search(
            IMAGES + 1,
            LABELS,
            validation_data=(SPLITS.validation.images.astype("float32"), SPLITS.validation.labels),
            epochs=2,
            verbose=0,
        )


def test_what_overwrites_waits_for_the_end_of_the_other_search(tmp_path):
    first = search(tuner_of(tmp_path, trials=2))
    script = (
        "import sys, time\nfrom keras_course import lock\n"
        f"with lock.alone({str(tmp_path / 'tuner')!r}):\n"
        "    print('in', flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(UserError, match="is working in"):
            tuner_of(tmp_path, trials=2, overwrite=True)
        other.kill()
    assert search(tuner_of(tmp_path, trials=2)) == first
    anew = tuner_of(tmp_path, trials=2, overwrite=True)
    assert not list((tmp_path / "tuner").glob("trial_*")) and not anew.oracle.trials
    assert len(search(anew)) == 2


def test_a_trial_whose_weights_are_damaged_is_made_again(tmp_path, capsys):
    first = search(tuner_of(tmp_path, trials=2))
    path = tmp_path / "tuner" / "trial_1" / "best.npz"
    path.write_bytes(path.read_bytes()[:-100])
    again = tuner_of(tmp_path, trials=2)
    assert "Files of trial 1 are damaged" in capsys.readouterr().out
    found = search(again)
    assert [each["executions"] for each in found] == [each["executions"] for each in first]
    assert again.get_best_models(2)


def test_a_second_process_is_refused_while_a_tuner_searches(tmp_path):
    script = f"from keras_course import lock\nwith lock.alone({str(tmp_path / 'tuner')!r}): pass"
    ended = []

    class Asks(Perceptron):
        def fit(self, *args, **kwargs):
            command = [sys.executable, "-c", script]
            ended.append(subprocess.run(command, capture_output=True, text=True, check=False))
            return super().fit(*args, **kwargs)

    search(tuner_of(tmp_path, Asks(), trials=1))
    assert "is working in" in ended[0].stderr


def test_a_tuner_does_not_go_on_from_where_another_one_went_on(tmp_path):
    one, other = tuner_of(tmp_path, trials=2), tuner_of(tmp_path, trials=2)
    search(one)
    with pytest.raises(UserError, match="since this tuner was made. Make a new tuner"):
        search(other)


def test_a_search_goes_on_with_the_settings_of_its_training(tmp_path):
    search(tuner_of(tmp_path, trials=1), epochs=1)
    with pytest.raises(UserError, match="epochs 2 instead of 1"):
        search(tuner_of(tmp_path, trials=1), epochs=2)
