import dataclasses
import json
import math
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_course import integrity, schedules, timing, training, variables
from keras_course.data.splits import Splits
from keras_course.errors import UserError
from keras_course.guards import Diverged
from keras_course.models.test_time_augmentation import shifted
from keras_course.rates import EndInTime, FollowRates
from keras_course.recipes import Recipe
from keras_course.records import SaveBest, seconds_of_saving
from keras_course.runs import Run

TINY = Recipe(
    dataset="bright channel", model="simple_cnn", epochs=3, batch_size=16, augmentation="flip"
)


@pytest.fixture(scope="module")
def run(splits, tmp_path_factory):
    return training.fit(TINY, tmp_path_factory.mktemp("run"), splits=splits)


def test_a_run_leaves_its_recipe_history_metrics_model_and_picture(run):
    names = {path.name for path in run.folder.iterdir()}
    assert names >= {"recipe.json", "history.csv", "metrics.json", "best.keras", "curves.png"}
    assert ("logs" in names) == (keras.backend.backend() == "tensorflow")
    assert Run.load(run.folder) == run
    assert [row["epoch"] for row in run.history] == [1, 2, 3]
    assert set(run.history[0]) >= {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}
    metrics = run.metrics
    assert metrics["status"] == "finished" and metrics["test_set_opened"] == 0
    assert metrics["device"] and metrics["precision"] and metrics["seconds"] > 0
    assert metrics["versions"]["keras"] == keras.__version__


def test_the_model_of_a_run_has_the_weights_of_the_best_epoch(run, splits):
    model = run.model()
    logits = model.predict(splits.validation.images.astype("float32"), verbose=0)
    accuracy = np.mean(logits.argmax(-1) == splits.validation.labels)
    best = max(row["val_accuracy"] for row in run.history)
    assert accuracy == pytest.approx(best, abs=1e-6)
    assert run.history[run.metrics["best_epoch"] - 1]["val_accuracy"] == best


def test_the_best_weights_are_kept_when_later_epochs_are_worse(splits, tmp_path):
    path = tmp_path / "best.keras"
    model = training.build(TINY, splits)
    save = SaveBest(path, "val_accuracy")
    save.set_model(model)
    before = keras.ops.convert_to_numpy(model.weights[0])
    save.on_epoch_end(0, {"val_accuracy": 0.9, "val_loss": 1.0})
    model.weights[0].assign(np.zeros_like(before))
    save.on_epoch_end(1, {"val_accuracy": 0.8, "val_loss": 0.1})
    np.testing.assert_array_equal(keras.saving.load_model(path).weights[0], before)
    assert save.epoch == 1 and save.metrics == {"accuracy": 0.9, "loss": 1.0}


def test_equal_recipes_give_equal_histories(run, splits, tmp_path):
    again = training.fit(TINY, tmp_path, splits=splits)
    for first, second in zip(run.history, again.history, strict=True):
        assert {**first, "seconds": 0} == {**second, "seconds": 0}


def test_a_finished_run_is_not_trained_again(run, splits):
    written = (run.folder / "best.keras").stat().st_mtime_ns
    assert training.fit(TINY, run.folder, splits=splits) == run
    assert (run.folder / "best.keras").stat().st_mtime_ns == written


def test_another_recipe_does_not_go_into_the_same_folder(run, splits):
    with pytest.raises(UserError, match="another recipe: seed 0 instead of 1"):
        training.fit(dataclasses.replace(TINY, seed=1), run.folder, splits=splits)


def test_the_test_set_is_opened_once(splits, tmp_path):
    run = training.fit(dataclasses.replace(TINY, epochs=1), tmp_path, splits=splits)
    first = training.test(run, splits=splits)
    assert first.metrics["test_set_opened"] == 1 and first.metrics["test"]["images"] == 30
    wrong = Splits(splits.train, splits.validation, splits.train, splits.class_names)
    assert training.test(Run.load(tmp_path), splits=wrong) == first  # it does not look again
    logits = first.model().predict(splits.test.images.astype("float32"), verbose=0)
    expected = np.mean(logits.argmax(-1) == splits.test.labels)
    assert first.metrics["test"]["accuracy"] == pytest.approx(expected)
    log_softmax = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    by_hand = -np.mean(log_softmax[np.arange(30), splits.test.labels])
    assert first.metrics["test"]["loss"] == pytest.approx(by_hand, rel=1e-4)


def test_a_test_that_was_cut_off_and_is_made_again_is_counted(splits, tmp_path, monkeypatch):
    recipe = dataclasses.replace(TINY, epochs=1)
    run = training.fit(recipe, tmp_path, splits=splits)
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "predict", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            training.test(run, splits=splits)
    opened = training.test(Run.load(tmp_path), splits=splits).metrics["test_set_opened"]
    assert opened == 2
    integrity.write_sealed(  # a training that is started again does not forget
        tmp_path / "metrics.json", {**Run.load(tmp_path).metrics, "status": "interrupted"}
    )
    assert training.fit(recipe, tmp_path, splits=splits).metrics["test_set_opened"] == 2


def test_measuring_an_epoch_changes_nothing(splits):
    model = training.build(TINY, splits)
    train, steps = training.batches(TINY, splits)
    validation = training.pipeline.evaluation_batches(*splits.validation)
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    before = [keras.ops.convert_to_numpy(variable) for variable in variables]
    seconds = timing.measure_epoch(model, train, steps, validation)
    assert 0 < seconds < 60
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize("batches, expected", [(1, 5), (2, 7), (3, 9), (50, 103)])
def test_the_start_of_a_validation_is_counted_once(batches, expected, monkeypatch):
    clock = [0]  # seconds
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])

    class Model:
        def evaluate(self, validation, steps, verbose):
            assert steps <= len(validation)
            clock[0] += 3 + 2 * steps

    assert timing._seconds_of_looking(Model(), range(batches), together=1) == expected


def test_minutes_become_epochs():
    assert timing.epochs_within(60, 6) == 9  # a twentieth is kept back
    assert timing.epochs_within(60, 6, spent=30) == 4
    assert timing.epochs_within(60, 6, spent=59) == 1  # too late, but begun
    assert timing.epochs_within(120, 6, saving=6) == 9
    assert timing.epochs_within(6.5, 6, saving=6) == 1
    with pytest.raises(UserError, match=r"One epoch takes 6\.0 s .* gives 5\.0 s"):
        timing.epochs_within(5, 6)


def test_the_run_says_how_many_epochs_fitted(splits, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "measure_epoch", lambda *_: 100)  # seconds
    run = training.fit(TINY, tmp_path, splits=splits, minutes=7)
    assert run.recipe == dataclasses.replace(TINY, epochs=3)
    assert len(run.history) == 3


def test_a_machine_that_slows_down_loses_epochs_and_not_the_appointment(
    splits, tmp_path, monkeypatch
):
    monkeypatch.setattr(timing, "measure_epoch", lambda *_: 0.001)  # seconds
    monkeypatch.setattr(training, "seconds_of_saving", lambda *_: 0)
    recipe = dataclasses.replace(TINY, patience=1000)
    run = training.fit(recipe, tmp_path, splits=splits, minutes=0.1)
    assert len(run.history) < run.recipe.epochs  # 5,700 had been promised


def test_minutes_leave_time_to_save_each_epoch(splits, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "measure_epoch", lambda *_: 100)  # seconds
    monkeypatch.setattr(training, "seconds_of_saving", lambda *_: 100)
    assert training.fit(TINY, tmp_path, splits=splits, minutes=11).recipe.epochs == 3


def test_saving_is_measured_and_leaves_nothing(splits, tmp_path):
    model = training.build(TINY, splits)
    assert 0 < seconds_of_saving(model, tmp_path) < 60
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "seconds, text", [(0.42, "0.4 s"), (48.3, "48 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_as_people_say_them(seconds, text):
    assert timing.duration(seconds) == text


def test_a_loss_that_is_not_finite_ends_the_run_at_its_step(splits, tmp_path):
    recipe = dataclasses.replace(TINY, learning_rate=10.0, schedule="constant")

    class Explode(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:  # as a too large step would
                self.model.weights[-1].assign(np.full(3, np.inf))

    with pytest.raises(Diverged, match="at step 3 with the learning rate 10") as caught:
        training.fit(recipe, tmp_path, splits=splits, extra_callbacks=[Explode()])
    assert caught.value.step == 3 and not math.isfinite(caught.value.loss)
    run = Run.load(tmp_path)
    assert run.metrics["status"] == "diverged" and run.metrics["best_epoch"] == 0
    assert not (tmp_path / "best.keras").exists()


@pytest.mark.parametrize(
    "schedule, expected",
    [("constant", [1e-3] * 3), ("decay", [1e-3, 1e-3 / 1.1, 1e-3 / 1.21])],
)
def test_the_history_has_the_learning_rate_of_the_schedule(splits, tmp_path, schedule, expected):
    run = training.fit(dataclasses.replace(TINY, schedule=schedule), tmp_path, splits=splits)
    assert [row["learning_rate"] for row in run.history] == pytest.approx(expected, rel=1e-4)


def test_a_second_schedule_is_refused_before_training(splits, tmp_path):
    plateau = keras.callbacks.ReduceLROnPlateau()
    recipe = dataclasses.replace(TINY, schedule="cosine")
    with pytest.raises(UserError, match="both set the learning rate"):
        training.fit(recipe, tmp_path, splits=splits, extra_callbacks=[plateau])
    assert list(tmp_path.iterdir()) == []


def test_a_batch_larger_than_the_training_set_is_refused(splits, tmp_path):
    with pytest.raises(UserError, match="more than the 96 training images"):
        training.fit(dataclasses.replace(TINY, batch_size=128), tmp_path, splits=splits)


def test_early_stopping_ends_a_run_that_does_not_improve(splits, tmp_path):
    recipe = dataclasses.replace(TINY, learning_rate=1e-9, epochs=10, patience=2)
    run = training.fit(recipe, tmp_path, splits=splits)
    assert len(run.history) == run.metrics["best_epoch"] + 2 < 10


LONG_STEP = """
import hashlib, os, signal, sys, threading, time
from keras_course import guards

guards.PATIENCE = {patience}
interrupt = guards.EndOnInterrupt(lambda: print("the best so far", flush=True))
interrupt.listen()
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
try:
    {work}
except guards.Terminated:
    interrupt.close()
    sys.exit(7)
"""
BEFORE_THE_FIRST_STEP = """
import hashlib, os, signal, sys, threading, time
from keras_course import guards

guards.PATIENCE = {patience}
try:
    with guards.heeding_signals():
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        {work}
except guards.Terminated:
    sys.exit(7)
"""
IN_PYTHON = "while True: time.sleep(0.01)"
IN_A_LIBRARY = "hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)"


@pytest.mark.parametrize(
    ("program", "work", "patience", "code", "said"),
    [
        (LONG_STEP, IN_PYTHON, 0.5, 7, ""),
        (LONG_STEP, IN_A_LIBRARY, 0.5, 143, "the best so far\n"),
        (BEFORE_THE_FIRST_STEP, IN_PYTHON, 60, 7, ""),  # at once: the test is less patient
        (BEFORE_THE_FIRST_STEP, IN_A_LIBRARY, 0.5, 143, "Interrupted.\n"),
    ],
    ids=["step in Python", "step in a library", "before in Python", "before in a library"],
)
def test_what_does_not_come_to_its_end_is_not_waited_for(program, work, patience, code, said):
    command = [sys.executable, "-c", program.format(work=work, patience=patience)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (code, said), done.stderr


FORKED = """
import os, signal, sys, time
from keras_course import guards

interrupt = guards.EndOnInterrupt()
interrupt.listen()
reader, writer = os.pipe()
child = os.fork()
if not child:
    os.write(writer, b"here")
    time.sleep(60)
    os._exit(0)
os.read(reader, 4)
os.kill(child, signal.SIGTERM)
_, status = os.waitpid(child, 0)
interrupt.end_if_asked()
interrupt.close()
sys.exit(os.WTERMSIG(status))
"""


def test_a_process_that_a_user_forks_is_ended_by_its_own_signal():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, timeout=60)
    assert done.returncode == signal.SIGTERM, done.stderr


def test_an_interrupt_waits_for_the_end_of_the_step_and_the_next_one_does_not(splits, tmp_path):
    class PressCtrlC(keras.callbacks.Callback):
        def __init__(self, times):
            super().__init__()
            self.times, self.waited = times, 0

        def on_train_batch_begin(self, batch, logs=None):
            for _ in range(self.times if batch == 2 else 0):
                signal.raise_signal(signal.SIGINT)
                self.waited += 1

    before = signal.getsignal(signal.SIGINT)
    for times, steps in ((1, 3), (2, 2)):  # the step goes on to its end, or does not
        press, folder = PressCtrlC(times), tmp_path / str(times)
        with pytest.raises(KeyboardInterrupt):
            training.fit(TINY, folder, splits=splits, extra_callbacks=[press])
        assert press.waited == 1
        assert int(press.model.optimizer.iterations) == steps
        assert signal.getsignal(signal.SIGINT) == before
        run = Run.load(folder)
        assert run.metrics["status"] == "interrupted" and run.model()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_ctrl_c_keeps_the_best_weights_and_ends_with_code_130(tmp_path):
    options = "--model logistic_regression --epochs 10000 --patience 10000 --augmentation none"
    child = subprocess.Popen(
        [sys.executable, "-m", "keras_course", "train", *options.split(), "--output", tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in child.stdout:
        if "epoch   2/" in line:
            child.send_signal(signal.SIGINT)
            break
    out, err = child.communicate(timeout=10)
    assert child.returncode == 130
    assert "The best weights so far" in out and "Traceback" not in err
    run = Run.load(tmp_path)
    assert run.metrics["status"] == "interrupted" and run.metrics["epochs"] >= 2
    assert run.model().name == "logistic_regression"


def test_a_damaged_run_folder_is_named(run, tmp_path):
    with pytest.raises(UserError, match="not a run folder"):
        Run.load(tmp_path)
    (tmp_path / "recipe.json").write_text(TINY.to_json())
    with pytest.raises(UserError, match=r"not finished: metrics.json is missing"):
        Run.load(tmp_path)
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        Run.load(tmp_path)
    (tmp_path / "history.csv").write_text("epoch\n1\n")
    Run(tmp_path, TINY, [], {}).write_metrics()
    (tmp_path / "best.keras").write_bytes((run.folder / "best.keras").read_bytes()[:1000])
    with pytest.raises(UserError, match="best.keras is damaged"):
        Run.load(tmp_path).model()


def test_two_processes_do_not_open_the_test_set_of_one_run(splits, tmp_path, monkeypatch):
    run = training.fit(dataclasses.replace(TINY, epochs=1), tmp_path, splits=splits)
    first = training.test(run, splits=splits)
    assert training.test(run, splits=splits) == first  # `run` does not know of it

    def taken(folder):
        raise UserError("Process 1 is working in here")

    monkeypatch.setattr(training.lock, "alone", taken)
    with pytest.raises(UserError, match="Process 1"):
        training.test(run, splits=splits)


@pytest.mark.parametrize("change", ["an image", "a label", "a name"])
def test_the_test_set_of_data_that_have_changed_is_not_opened(change, run, splits):
    train = splits.train._replace(
        images=splits.train.images.copy(), labels=splits.train.labels.copy()
    )
    names = list(splits.class_names)
    if change == "an image":
        train.images[5, 0, 0, 0] += 1
    elif change == "a label":
        train.labels[5] = (train.labels[5] + 1) % 3
    else:
        names[0] = "renamed"
    other = splits._replace(train=train, class_names=tuple(names))
    with pytest.raises(UserError, match="has changed since the run in .* was trained"):
        training.test(run, splits=other)
    assert Run.load(run.folder).metrics["test_set_opened"] == 0


def test_precision_auto_is_what_the_hardware_has(monkeypatch):
    from keras_course import devices

    monkeypatch.setattr(devices, "gpus", list)
    monkeypatch.setattr(devices, "_cpuinfo", lambda: {"flags": "avx2 amx_bf16"})
    on_tensorflow = keras.backend.backend() == "tensorflow"  # JAX makes no use of it
    assert devices.choose_precision("auto") == ("bfloat16" if on_tensorflow else "float32")
    monkeypatch.setattr(devices, "_cpuinfo", lambda: {"flags": "avx2"})
    assert devices.choose_precision("auto") == "float32"
    assert devices.choose_precision("bfloat16") == "bfloat16"


def test_a_model_keeps_its_precision_after_clear_session(splits):
    model = training.build(dataclasses.replace(TINY, precision="bfloat16"), splits)
    keras.backend.clear_session()
    assert keras.config.dtype_policy().name == "float32"
    assert model.layers[2].compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"
    assert json.loads(model.to_json())  # and it can be saved


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_trains_and_float16_scales_its_loss(splits, tmp_path, precision):
    recipe = dataclasses.replace(TINY, precision=precision, normalization="batch", epochs=2)
    model = training.build(recipe, splits)
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (precision == "float16")
    run = training.fit(recipe, tmp_path, splits=splits, model=model)
    assert run.metrics["precision"] == precision
    assert run.history[-1]["loss"] < run.history[0]["loss"]
    assert run.history[0]["learning_rate"] == pytest.approx(1e-3, rel=1e-4)


class Clock(keras.callbacks.Callback):
    """Epochs of 10 s, then of 20 s from the second on."""

    now = 0.0

    def on_epoch_end(self, epoch, logs=None):
        logs["seconds"] = 10 if epoch == 0 else 20
        Clock.now += logs["seconds"]


def test_a_machine_that_slows_down_trains_fewer_epochs_and_the_rate_still_falls_to_zero(
    monkeypatch,
):
    Clock.now = 0.0
    monkeypatch.setattr("keras_course.rates.time.perf_counter", lambda: Clock.now)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    rates = schedules.rates("cosine", 1.0, decay=0, steps_per_epoch=8, epochs=6)
    follow = FollowRates(rates)
    seen = []

    class See(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(self.model.optimizer.learning_rate))

    # 6 epochs of 10 s fit into 75 s; after the second, which took 20, only 2 more.
    ending = EndInTime(75.0, follow)
    model.fit(
        np.zeros((8, 1)), np.zeros((8, 1)), batch_size=1, epochs=6, verbose=0,
        callbacks=[Clock(), follow, See(), ending],
    )  # fmt: skip
    assert len(seen) == 4 * 8
    np.testing.assert_allclose(seen[:16], rates[:16], rtol=1e-6)
    assert seen[16] == pytest.approx(rates[16]) and seen[-1] == pytest.approx(rates[-1], abs=1e-9)
    assert all(np.diff(seen) <= 0)


def test_a_save_as_long_as_an_epoch_halves_the_epochs_still_to_come(monkeypatch):
    Clock.now = 0.0
    monkeypatch.setattr("keras_course.rates.time.perf_counter", lambda: Clock.now)

    class Save(keras.callbacks.Callback):
        """As a run does: before the first epoch and after each."""

        def on_train_begin(self, logs=None):
            Clock.now += 10

        def on_epoch_end(self, epoch, logs=None):
            Clock.now += 10

    class Epoch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["seconds"] = 10
            Clock.now += 10

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    fitted = model.fit(
        np.zeros((8, 1)), np.zeros((8, 1)), batch_size=8, epochs=9, verbose=0,
        callbacks=[Epoch(), EndInTime(103.0), Save()],
    )  # fmt: skip
    assert len(fitted.epoch) == 5  # of 9, which would fit without saving; the last ends at 100 s


def test_the_ideas_of_the_race_train_and_the_run_answers_with_a_mean(splits, tmp_path):
    recipe = Recipe(
        model="simple_cnn",
        augmentation="none",
        alternating_flip=True,
        label_smoothing=0.1,
        weight_decay=1e-3,
        averaging=0.5,
        mirrored=True,
        shifted=1,
        schedule="triangular",
        batch_size=16,
        epochs=2,
        learning_rate=1e-3,
    )
    run = training.test(training.fit(recipe, tmp_path, splits=splits), splits=splits)
    best = keras.saving.load_model(tmp_path / "best.keras", compile=False)
    images = splits.test.images.astype("float32")
    both = [shifted(best, 1).predict(it, verbose=0) for it in (images, images[:, :, ::-1])]
    found = run.model().predict(images, verbose=0)
    np.testing.assert_allclose(found, (both[0] + both[1]) / 2, atol=1e-4 * np.abs(found).max())
    accuracy = np.mean(found.argmax(-1) == splits.test.labels)
    assert run.metrics["test"]["accuracy"] == pytest.approx(accuracy)


def test_a_constant_schedule_leaves_the_rate_to_callbacks(splits, tmp_path):
    recipe = dataclasses.replace(TINY, schedule="constant", patience=9)
    halved = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-3 / 2**epoch)
    run = training.fit(recipe, tmp_path, splits=splits, extra_callbacks=[halved])
    rates = [row["learning_rate"] for row in run.history]
    assert rates == pytest.approx([1e-3, 5e-4, 2.5e-4])


def test_the_averages_are_validated_and_kept(splits, tmp_path):
    """An average that keeps everything is that of the first step, which is at rate zero here; the
    weights themselves have moved when the epoch ends."""
    first_weights = Recipe(
        model="simple_cnn", augmentation="none", batch_size=32, epochs=1, averaging=0.99999,
        learning_rate=1e-9, optimizer="sgd", schedule="constant",
    )  # fmt: skip
    model = training.build(first_weights, splits)
    before, moved = model.get_weights(), []

    def jump(batch, logs):
        variables.catch_up(model)
        model.optimizer.learning_rate = 0.1
        moved.append(np.abs(keras.ops.convert_to_numpy(model.weights[0]) - before[0]).max())

    jumping = keras.callbacks.LambdaCallback(on_train_batch_end=jump)
    training.fit(first_weights, tmp_path, splits=splits, model=model, extra_callbacks=[jumping])
    assert moved[-1] > 1e-3
    best = keras.saving.load_model(tmp_path / "best.keras", compile=False)
    for kept, first in zip(best.get_weights(), before, strict=True):
        np.testing.assert_allclose(kept, first, atol=1e-5)
