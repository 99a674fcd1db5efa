"""A training that was cut off goes on to the result of one that was not, bit for bit."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time

import keras
import numpy as np
import pytest

from keras_course import (
    checkpoint,
    cli,
    data,
    devices,
    files,
    folders,
    loop,
    replicas,
    training,
    transfer,
)
from keras_course.errors import Terminated, UserError
from keras_course.progress import Progress
from keras_course.rates import EndInTime
from keras_course.recipes import Recipe
from keras_course.records import WriteHistory
from keras_course.runs import Run

TINY = Recipe(
    dataset="bright channel",
    model="simple_cnn",
    normalization="batch",
    dropout=0.3,
    epochs=4,
    batch_size=16,
    augmentation="flip_shift_color",
)
# Where the network plays no part.
LIGHT = Recipe(
    dataset="bright channel",
    model="logistic_regression",
    epochs=4,
    batch_size=16,
    augmentation="none",
)
RECIPES = {
    "patience that runs out": dataclasses.replace(
        TINY, learning_rate=0.1, patience=2, epochs=9, monitor="val_loss"
    ),
    "a schedule within the epoch": dataclasses.replace(
        TINY, schedule="cosine", optimizer="momentum", learning_rate=0.01
    ),
    "averaged weights and alternating flips": dataclasses.replace(
        TINY,
        augmentation="shift2",
        alternating_flip=True,
        averaging=0.9,
        schedule="triangular",
        optimizer="nesterov",
        weight_decay=0.01,
        mirrored=True,
        learning_rate=0.02,
    ),
    "bfloat16": dataclasses.replace(TINY, precision="bfloat16", optimizer="adadelta"),
    "a network that takes several steps at a time": dataclasses.replace(
        TINY, model="mlp", normalization="paper", dropout=0.5, schedule="constant"
    ),
}


class CutOff(Exception):
    """Takes the place of a loss of power."""


def cut_off_after(epoch, monkeypatch):
    """Let training end in the middle of the epoch after this one."""

    begin = Progress.on_epoch_begin

    def begun(callback, number, logs=None):
        if number == epoch:
            raise CutOff
        begin(callback, number, logs)

    monkeypatch.setattr(Progress, "on_epoch_begin", begun)


def result(folder):
    """Return all that must be equal: history, weights, metrics, without times and dates."""
    run = Run.load(folder)
    history = [{**row, "seconds": 0} for row in run.history]
    kept = {
        name: run.metrics[name]
        for name in run.metrics
        if name not in ("seconds", "date", "checksums")
    }
    last = checkpoint.read(folder / "last.npz")
    return history, run.model().get_weights(), kept, last.values, run.recipe


def assert_equal(one, other):
    for mine, its in zip(one, other, strict=True):
        if isinstance(mine, list) and isinstance(mine[0], np.ndarray):
            assert all(map(np.array_equal, mine, its))
        else:
            assert mine == its


@pytest.mark.parametrize(
    "name, epochs",
    [
        ("averaged weights and alternating flips", [1]),
        *(pytest.param(name, [0, 1, 3], marks=pytest.mark.slow) for name in RECIPES),
    ],
)
def test_a_run_that_was_cut_off_in_any_epoch_ends_as_one_that_was_not(
    name, epochs, splits, tmp_path, monkeypatch, capsys
):
    recipe = RECIPES[name]
    training.fit(recipe, tmp_path / "whole", splits=splits)
    whole = result(tmp_path / "whole")
    with monkeypatch.context() as patch:
        for epoch in epochs:
            cut_off_after(epoch, patch)
            with pytest.raises(CutOff):
                training.fit(recipe, tmp_path / "cut", splits=splits)
            patch.undo()
    capsys.readouterr()
    training.fit(recipe, tmp_path / "cut", splits=splits)
    assert f"continues after epoch {epochs[-1]}" in capsys.readouterr().out
    assert_equal(result(tmp_path / "cut"), whole)


def test_a_training_that_had_reached_its_last_epoch_only_writes_what_is_missing(splits, tmp_path):
    recipe = dataclasses.replace(LIGHT, epochs=2)
    training.fit(recipe, tmp_path, splits=splits)
    whole = result(tmp_path)
    written = (tmp_path / "best.keras").stat().st_mtime_ns
    for name in ("metrics.json", "history.csv", "curves.png"):
        (tmp_path / name).unlink()
    training.fit(recipe, tmp_path, splits=splits)
    assert_equal(result(tmp_path), whole)
    assert (tmp_path / "best.keras").stat().st_mtime_ns == written
    assert (tmp_path / "curves.png").exists()


def test_the_epochs_that_minutes_chose_are_kept(splits, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training.timing, "measure_epoch", lambda *_: 100)  # seconds
    cut_off_after(0, monkeypatch)
    with pytest.raises(CutOff):
        training.fit(LIGHT, tmp_path, splits=splits, minutes=6)
    monkeypatch.undo()
    monkeypatch.setattr(training.timing, "measure_epoch", lambda *_: 1)
    capsys.readouterr()
    run = training.fit(LIGHT, tmp_path, splits=splits, minutes=6)
    assert run.recipe.epochs == len(run.history) == 3
    assert "at most 3 epochs" in capsys.readouterr().out


def test_fewer_epochs_on_a_machine_that_slows_down_stay_fewer(
    splits, tmp_path, monkeypatch, capsys
):
    recipe = dataclasses.replace(LIGHT, schedule="cosine")
    monkeypatch.setattr(training.timing, "measure_epoch", lambda *_: 1)
    end = EndInTime.on_epoch_end

    def slow(callback, epoch, logs=None):
        now = time.perf_counter()
        callback.deadline = now + 1.5 * (now - callback.before)  # for one more
        end(callback, epoch, logs)

    monkeypatch.setattr(EndInTime, "on_epoch_end", slow)
    cut_off_after(1, monkeypatch)
    with pytest.raises(CutOff):
        training.fit(recipe, tmp_path, splits=splits, minutes=1)
    monkeypatch.undo()
    capsys.readouterr()
    run = training.fit(recipe, tmp_path, splits=splits, minutes=1)
    assert "at most 1 epochs" in capsys.readouterr().out  # which had been chosen before the cut
    assert len(run.history) == 2 and run.history[-1]["learning_rate"] < 1e-4


@pytest.mark.parametrize("epoch", [3, *(pytest.param(i, marks=pytest.mark.slow) for i in (1, 2))])
def test_transfer_goes_on_in_the_part_where_it_was(epoch, splits, tmp_path, monkeypatch):
    source = training.fit(dataclasses.replace(TINY, epochs=1), tmp_path / "source", splits=splits)
    recipe = dataclasses.replace(TINY, schedule="constant", frozen_epochs=2, epochs=2)
    transfer.transfer(source.folder, recipe, tmp_path / "whole", splits=splits)
    cut_off_after(epoch, monkeypatch)
    with pytest.raises(CutOff):
        transfer.transfer(source.folder, recipe, tmp_path / "cut", splits=splits)
    monkeypatch.undo()
    run = transfer.transfer(source.folder, recipe, tmp_path / "cut", splits=splits)
    assert_equal(result(tmp_path / "cut"), result(tmp_path / "whole"))
    assert run.metrics["transfer"]["frozen_epochs"] == 2


def whole_and_cut(splits, tmp_path, monkeypatch):
    """Train in the folder "whole", and again in one that is cut off after epoch 3; return that."""
    training.fit(TINY, tmp_path / "whole", splits=splits)
    with monkeypatch.context() as patched:
        cut_off_after(3, patched)
        with pytest.raises(CutOff):
            training.fit(TINY, tmp_path / "cut", splits=splits)
    return tmp_path / "cut"


def test_a_damaged_state_or_model_is_noticed_and_the_one_before_it_is_used(
    splits, tmp_path, monkeypatch, capsys
):
    folder = whole_and_cut(splits, tmp_path, monkeypatch)
    state = bytearray((folder / "last.npz").read_bytes())
    state[len(state) // 2] ^= 1
    (folder / "last.npz").write_bytes(state)
    training.fit(TINY, folder, splits=splits)
    said = capsys.readouterr().out
    assert "last.npz is damaged" in said and "continues after epoch 2" in said
    assert_equal(result(folder), result(tmp_path / "whole"))
    best = folder / "best.keras"
    before = keras.saving.load_model(files.older(best), compile=False).get_weights()
    best.write_bytes(best.read_bytes()[:-100])
    weights = Run.load(folder).model().get_weights()
    assert "best.keras is damaged" in capsys.readouterr().out
    assert all(map(np.array_equal, weights, before))
    files.older(best).unlink()
    with pytest.raises(UserError, match="best.keras is damaged"):
        Run.load(folder).model()


def test_a_damaged_best_model_is_written_anew_from_the_last_state(
    splits, tmp_path, monkeypatch, capsys
):
    folder = whole_and_cut(splits, tmp_path, monkeypatch)
    for path in (folder / "best.keras", folder / "best.older.keras"):
        path.write_bytes(path.read_bytes()[:-100])
    training.fit(TINY, folder, splits=splits)
    said = capsys.readouterr().out
    assert "best.keras is damaged. It is written again from last.npz." in said
    assert "continues after epoch 3" in said
    assert_equal(result(folder), result(tmp_path / "whole"))


@pytest.mark.parametrize("name", ["metrics.json", "history.csv", "recipe.json"])
def test_a_number_that_changed_in_a_finished_run_is_noticed(name, splits, tmp_path):
    training.fit(dataclasses.replace(LIGHT, epochs=1), tmp_path, splits=splits)
    text = (tmp_path / name).read_text()
    (tmp_path / name).write_text(text.replace("1", "2", 1))
    with pytest.raises(UserError, match=f"{name} is damaged: its checksum does not match"):
        Run.load(tmp_path)


def test_the_state_remembers_arrays_lists_of_them_and_numbers_exactly(tmp_path):
    arrays = {}
    values = {"rates": np.geomspace(1, 2, 5), "list": [np.ones(2), np.zeros(3)], "best": np.pi / 3}
    packed = {name: checkpoint._packed(value, arrays) for name, value in values.items()}
    again = checkpoint._unpacked(json.loads(json.dumps(packed)), arrays)
    np.testing.assert_array_equal(again["rates"], values["rates"])
    np.testing.assert_array_equal(again["list"][1], np.zeros(3))
    assert again["best"] == values["best"]
    assert checkpoint._packed(np.float32(0.1), {}) == float(np.float32(0.1))


def test_a_state_with_other_callbacks_is_refused(splits, tmp_path, monkeypatch):
    cut_off_after(1, monkeypatch)
    with pytest.raises(CutOff):
        training.fit(LIGHT, tmp_path, splits=splits)
    monkeypatch.undo()
    with pytest.raises(UserError, match="with other callbacks"):
        other = keras.callbacks.EarlyStopping("val_loss")
        training.fit(LIGHT, tmp_path, splits=splits, extra_callbacks=[other])


def test_a_run_that_began_with_other_images_is_refused(splits, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(CutOff):
        cut_off_after(1, patch)
        training.fit(TINY, tmp_path, splits=splits)
    fewer = splits._replace(train=type(splits.train)(*(part[16:] for part in splits.train)))
    with pytest.raises(UserError, match="began with other images, labels or classes"):
        training.fit(TINY, tmp_path, splits=fewer)


def test_a_run_of_another_backend_is_refused(splits, tmp_path, monkeypatch):
    cut_off_after(1, monkeypatch)
    with pytest.raises(CutOff):
        training.fit(TINY, tmp_path, splits=splits)
    monkeypatch.undo()
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(UserError, match="Set KERAS_BACKEND="):
        loop.Loop(tmp_path, "val_accuracy", "float32")


def test_a_run_in_another_precision_or_on_another_number_of_devices_is_refused(
    splits, tmp_path, monkeypatch, capsys
):
    recipe = dataclasses.replace(LIGHT, precision="float32")
    cut_off_after(1, monkeypatch)
    with pytest.raises(CutOff):
        training.fit(recipe, tmp_path, splits=splits)
    monkeypatch.undo()
    with pytest.raises(UserError, match="began in float32, but this machine would continue in b"):
        loop.Loop(tmp_path, "val_accuracy", "bfloat16")
    with pytest.raises(UserError, match="began with 1 devices to .*, but would continue with 2"):
        training.fit(recipe, tmp_path, splits=splits, replicas=2)
    state = checkpoint.read(tmp_path / "last.npz")
    assert (state.precision, state.replicas) == ("float32", 1)
    begun = dataclasses.replace(state, replicas=2)
    monkeypatch.setattr(checkpoint, "newest", lambda *_: begun)
    assert loop.Loop(tmp_path, "val_accuracy", "float32").replicas == 2
    monkeypatch.setattr(replicas, "devices", lambda: ["CPU:0"])
    monkeypatch.setattr(data, "load", lambda *_: splits)
    assert cli.main(["train", "--resume", str(tmp_path)]) == 2
    assert "2 devices share each batch of this run, but TensorFlow" in capsys.readouterr().err
    assert cli.main(["train", "--resume", str(tmp_path), "--devices", "1"]) == 2
    said = capsys.readouterr().err
    assert "began with 2 devices to share each batch, but would continue with 1" in said
    model = training.build(recipe, splits)  # as `run` brings one
    with pytest.raises(UserError, match="began with 2 devices"):
        training.fit(recipe, tmp_path, splits=splits, model=model)
    with pytest.raises(UserError, match="built for 1 of the devices .* replicas is 2"):
        training.fit(recipe, tmp_path, splits=splits, model=model, replicas=2)


def test_callbacks_of_a_user_can_be_remembered(splits, tmp_path, monkeypatch):
    class Counting(keras.callbacks.Callback):
        remembered = ("count",)
        count = 0

        def on_epoch_end(self, epoch, logs=None):
            self.count += 1

    cut_off_after(2, monkeypatch)
    with pytest.raises(CutOff):
        training.fit(LIGHT, tmp_path, splits=splits, extra_callbacks=[Counting()])
    monkeypatch.undo()
    counting = Counting()
    training.fit(LIGHT, tmp_path, splits=splits, extra_callbacks=[counting])
    assert counting.count == LIGHT.epochs


@pytest.mark.parametrize(
    "number, code, error",
    [(signal.SIGTERM, 143, Terminated), (signal.SIGINT, 130, KeyboardInterrupt)],
)
def test_a_signal_ends_training_at_the_end_of_its_step_and_names_the_best_so_far(
    number, code, error, splits, tmp_path, monkeypatch, capsys
):
    class Sends(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if len(Run_rows()) == 2:
                os.kill(os.getpid(), number)

    def Run_rows():  # noqa: N802
        text = (tmp_path / "history.csv").read_text()
        return text.splitlines()[1:]

    def command(given):
        return training.fit(LIGHT, tmp_path, splits=splits, extra_callbacks=[Sends()])

    monkeypatch.setitem(cli.COMMANDS, "report", (command, *cli.COMMANDS["report"][1:]))
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert cli.main(["report", "x"]) == code
    finally:
        signal.signal(signal.SIGTERM, before)
    said = capsys.readouterr().out
    assert "Interrupted in epoch 3" in said and "validation accuracy" in said
    assert Run.load(tmp_path).metrics["status"] == "interrupted"


def test_a_signal_after_the_last_step_is_not_lost(splits, tmp_path, monkeypatch):
    write = WriteHistory.on_epoch_end

    def signalled(callback, epoch, logs=None):
        write(callback, epoch, logs)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(WriteHistory, "on_epoch_end", signalled)
    recipe = dataclasses.replace(LIGHT, epochs=1)
    with pytest.raises(KeyboardInterrupt):
        training.fit(recipe, tmp_path, splits=splits)
    assert Run.load(tmp_path).metrics["status"] == "finished"


PROGRAM = """
import sys
from keras_course import cli
sys.exit(cli.main(sys.argv[1:]))
"""
COMMAND = ["train", "--model", "logistic_regression", "--epochs", "40", "--seed", "3"]


def started(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments, "--output", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for_epoch(folder, number, process):
    path = folder / "history.csv"
    for _ in range(1200):
        if path.exists() and len(path.read_text().splitlines()) > number:
            return
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    raise AssertionError("it took a minute and more")


@pytest.mark.slow
def test_a_command_that_was_killed_and_ended_goes_on_with_resume(tmp_path):
    whole = started(tmp_path / "whole", *COMMAND)
    folder = tmp_path / "cut"
    cut = started(folder, *COMMAND)
    wait_for_epoch(folder, 3, cut)
    cut.kill()
    cut.wait()
    cut = started(folder, *COMMAND)
    wait_for_epoch(folder, 6, cut)
    cut.terminate()
    said = cut.communicate(timeout=10)[0]
    assert cut.returncode == 143
    assert "The best weights so far" in said and "validation accuracy" in said
    assert whole.wait() == 0
    resumed = [sys.executable, "-c", PROGRAM, "train", "--resume", str(folder)]
    assert subprocess.run(resumed, check=False).returncode == 0
    assert_equal(result(folder), result(tmp_path / "whole"))


def test_resume_takes_the_recipe_of_the_run_and_nothing_else(tmp_path, capsys):
    assert cli.main(["train", "--resume", str(tmp_path), "--epochs", "3"]) == 2
    assert "with its own recipe: leave out --recipe and its parts" in capsys.readouterr().err
    assert cli.main(["train", "--resume", str(tmp_path)]) == 2
    assert "is not a run folder" in capsys.readouterr().err


def test_resume_looks_at_the_devices_that_were_asked_for(tmp_path, monkeypatch, capsys):
    folders.mark(tmp_path, dataclasses.replace(TINY, pretrained="imagenet"))
    (tmp_path / "last.npz").touch()
    assert cli.main(["train", "--resume", str(tmp_path), "--devices", "2"]) == 2
    assert "transfer trains on one device" in capsys.readouterr().err
    monkeypatch.setattr(devices, "gpus", list)
    assert cli.main(["train", "--resume", str(tmp_path), "--device", "gpu"]) == 2
    assert "A GPU was asked for" in capsys.readouterr().err


def test_a_transfer_from_a_model_that_is_not_on_the_disk_says_who_can_go_on(tmp_path, capsys):
    folders.mark(tmp_path, dataclasses.replace(TINY, pretrained="resnet50:0123456789ab"))
    (tmp_path / "last.npz").touch()
    assert cli.main(["train", "--resume", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "began with the weights of resnet50:0123456789ab, which is not a folder or" in told
    assert f"`transfer(model, recipe, {str(tmp_path)!r})`" in told


def test_a_resumed_run_that_is_interrupted_says_how_it_goes_on(tmp_path, monkeypatch, capsys):
    folders.mark(tmp_path, TINY)
    (tmp_path / "last.npz").touch()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "fit", interrupted)
    assert cli.main(["train", "--resume", str(tmp_path)]) == 130
    told = f"To continue, run `keras-course train --resume {tmp_path}`.\n"
    assert capsys.readouterr().out == told


def test_where_no_training_has_begun_there_is_none_to_resume(tmp_path, capsys):
    folders.mark(tmp_path, TINY)  # as a search does, which looks for the rate
    told = f"To continue, run the same command as before with --output {tmp_path}."
    assert cli.main(["train", "--resume", str(tmp_path)]) == 2
    assert f"No training has begun in {tmp_path}, at most a search. {told}" in (
        capsys.readouterr().err
    )
    with pytest.raises(UserError, match=f"is not finished: metrics.json is missing. {told}"):
        Run.load(tmp_path)


def test_an_unfinished_run_says_how_it_goes_on(tmp_path):
    folders.mark(tmp_path, TINY)
    (tmp_path / "last.npz").touch()
    with pytest.raises(UserError, match="train --resume"):
        Run.load(tmp_path)


def test_damaged_metrics_are_found_out_anew(splits, tmp_path, capsys):
    recipe = dataclasses.replace(LIGHT, epochs=1)
    run = training.test(training.fit(recipe, tmp_path, splits=splits), splits=splits)
    whole = result(tmp_path)
    (tmp_path / "metrics.json").write_text("{}")
    again = training.fit(recipe, tmp_path, splits=splits)
    assert "metrics.json is damaged" in capsys.readouterr().out
    assert again.metrics["test_set_opened"] == 1  # it was
    assert training.test(again, splits=splits).metrics["test"] == run.metrics["test"]
    whole[2]["test_set_opened"] = 2  # a second look, told as one
    assert_equal(result(tmp_path), whole)


def test_training_in_a_thread_gets_no_signals_and_works(splits, tmp_path):
    recipe = dataclasses.replace(LIGHT, epochs=1)
    thread = threading.Thread(
        target=training.fit, args=(recipe, tmp_path), kwargs={"splits": splits}
    )
    thread.start()
    thread.join()
    assert Run.load(tmp_path).metrics["status"] == "finished"
