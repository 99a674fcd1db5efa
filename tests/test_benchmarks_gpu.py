"""The benchmark for GPUs: it goes on where it ended, and begins with what must be right."""

import functools
import json
import math
import os
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from benchmarks import cifar10_files
from benchmarks.gpu import __main__ as command
from benchmarks.gpu import calls, correctness, networks, pieces, report, steps
from benchmarks.gpu.noise import noise
from benchmarks.gpu.pieces import Asked
from keras_course import compare, data, devices, models
from keras_course.data.splits import Split, Splits
from keras_course.errors import Failure
from keras_course.guards import Diverged
from keras_course.recipes import Recipe


@pytest.fixture
def measured(monkeypatch):
    """The names of what was measured, of two small pieces."""
    names = []

    def parts(keys, result):
        def measure(key):
            names.append(key)
            return dict(result)

        return {key: functools.partial(measure, key) for key in keys}

    small = {
        "correctness": piece(parts("a", {"loss": 0.0, "gradients": 1e-5})),
        "steps": piece(parts("bcd", {"n": 1})),
        "networks": piece(parts("e", {"n": 1}), minutes=lambda asked: asked.minutes + 1),
    }
    monkeypatch.setattr(pieces, "PIECES", small)
    return names


def piece(parts, minutes=lambda asked: 1):
    """Return a piece as a module would be one."""
    return SimpleNamespace(
        __doc__="Numbers.\n\nOf something.",
        HEAD="| n |",
        cells=lambda case: str(case.get("n")),
        minutes=minutes,
        parts=lambda asked: parts,
    )


def keep(results):
    """Writes nothing."""


def test_a_second_call_measures_what_the_first_left(measured, monkeypatch):
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr(calls.time, "monotonic", lambda: next(clock))
    results, written = {"pieces": {}}, []
    assert not calls.run(["correctness", "steps"], Asked(), results, written.append)
    assert measured == ["a", "b"] and len(written) == 4  # as they begin and as they end
    assert calls.run(["correctness", "steps"], Asked(), results, written.append)
    assert measured == ["a", "b", "c", "d"]
    assert list(results["pieces"]["steps"]) == ["b", "c", "d"]


@pytest.mark.parametrize("minutes, begun", [(4, True), (6, False)])
def test_what_does_not_fit_into_the_rest_of_a_call_is_not_begun(
    measured, minutes, begun, monkeypatch
):
    clock = iter((0, 0, 0, 200, 200, 200, 440))  # seconds: 200 for correctness
    monkeypatch.setattr(calls.time, "monotonic", lambda: next(clock))
    assert calls.run(["networks"], Asked(minutes=minutes), {"pieces": {}}, keep) == begun
    assert measured == ["a", "e"][: 1 + begun]


def test_a_part_that_is_too_large_for_the_memory_fails_alone(measured, monkeypatch):
    def full():
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    parts = {"b": lambda: {"n": 1}, "c": full, "d": lambda: {"n": 2}}
    monkeypatch.setitem(pieces.PIECES, "steps", piece(parts))
    here = {"device": "GPU", "precision": "half", "versions": {}, "date": "today"}
    results = {"short": False, **here, "pieces": {}}
    assert calls.run(["steps"], Asked(), results, keep)
    found = results["pieces"]["steps"]
    assert "memory" in found["c"]["failed"] and (found["b"]["n"], found["d"]["n"]) == (1, 2)
    text = report.table({"machines": [results]})
    assert "| d | 2.0 |\n\n- c failed: the memory of the device was full\n" in text
    parts["e"] = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        calls.run(["steps"], Asked(), results, keep)


def test_a_part_that_is_cut_off_twice_or_ends_without_a_result_fails_alone(measured, monkeypatch):
    class Killed(BaseException):
        pass

    def killed():
        raise Killed

    def diverged():
        raise Diverged(3, 0.1, math.nan)

    parts = {"b": killed, "c": diverged, "d": lambda: {"n": 2}}
    monkeypatch.setitem(pieces.PIECES, "steps", piece(parts))
    results = {"pieces": {}}
    for _ in range(2):
        with pytest.raises(Killed):
            calls.run(["steps"], Asked(), results, keep)
    assert calls.run(["steps"], Asked(), results, keep)
    found = results["pieces"]["steps"]
    assert found["b"]["failed"] == "it was cut off 2 times" and "step 3" in found["c"]["failed"]
    assert found["d"]["n"] == 2 and results["cut off"] == {}


def test_nothing_is_measured_on_a_device_that_computes_something_else(measured, monkeypatch):
    found = {"loss": 0.0, "gradients": 0.1}
    monkeypatch.setitem(pieces.PIECES, "correctness", piece({"a": lambda: dict(found)}))
    results = {"pieces": {}}
    for name in ("correctness", "steps"):  # no piece goes without it
        with pytest.raises(SystemExit, match="does not compute what it should"):
            calls.run([name], Asked(), results, keep)
    assert measured == []
    found["gradients"] = 0.01  # a later call tries again
    assert calls.run(["steps"], Asked(), results, keep)
    assert measured == ["b", "c", "d"]


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="is JAX's")
def test_rounding_passes_and_a_mistake_or_nan_does_not():
    keras.utils.set_random_seed(0)
    model = models.build("simple_cnn", input_shape=(32, 32, 3))
    (images, labels), *_ = noise(16)
    images = images.astype("float32")
    right = correctness.loss_and_gradients(model, images, labels)
    rounded = correctness.loss_and_gradients(model, images * np.float32(1 + 1e-6), labels)
    assert correctness.is_rounding(correctness.difference(right, rounded))
    kernel = model.trainable_variables[2]
    assert len(kernel.shape) == 4
    kernel.assign(keras.ops.convert_to_numpy(kernel)[::-1])
    flipped = correctness.loss_and_gradients(model, images, labels)
    assert not correctness.is_rounding(correctness.difference(right, flipped))
    for wrong in ((math.nan, right[1]), (right[0], right[1] * math.nan)):
        assert not correctness.is_rounding(correctness.difference(right, wrong))
        assert not correctness.is_rounding(correctness.difference(wrong, right))


def test_the_networks_are_trained_with_the_rates_that_the_searches_found(monkeypatch):
    trained = []

    def train(recipe, folder, minutes, splits):
        trained.append((recipe.model, recipe.learning_rate, minutes))
        return {}

    monkeypatch.setattr(compare, "train", train)
    monkeypatch.setattr(cifar10_files, "load", lambda recipe: None)
    found = {"resnet20": {"learning_rate": 0.7}, "vgg16": {"failed": "it was cut off 2 times"}}
    parts = networks.parts(Asked(minutes=2, searches=found))
    parts["resnet20, 2 min, seed 1"]()
    assert trained == [("resnet20", 0.7, 2)]
    for without in ("vgg16", "alexnet"):
        with pytest.raises(Failure, match="its search found no learning rate"):
            parts[f"{without}, 2 min, seed 0"]()
    assert calls.with_what_they_need(["networks"]) == ["correctness", "searches", "networks"]
    assert calls.with_what_they_need(["rates", "steps"]) == ["correctness", "steps", "rates"]


def test_without_a_gpu_only_small_versions_are_measured(measured, monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "gpus", list)
    with pytest.raises(SystemExit, match="sees no GPU"):
        calls.go_on(["steps"], Asked(), tmp_path / "gpu.json")
    assert measured == [] and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "typed, said",
    [
        (["correctness", "stepps"], "Did you mean 'steps'?"),
        (["correctness", "networks"], "need CIFAR-10: --data FOLDER"),
        (["networks", "--data", "empty"], "need CIFAR-10: --data FOLDER"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_measured(
    typed, said, measured, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["gpu", *typed, "--results", "gpu.json"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2 and said in capsys.readouterr().err
    assert measured == []


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="is JAX's")
@pytest.mark.parametrize(
    "names",
    [
        ("correctness", "steps", "rates", "searches"),
        pytest.param(("correctness", "race", "searches", "networks"), marks=pytest.mark.slow),
    ],
    ids=["quick", "slow"],
)
def test_a_short_run_measures_each_piece(names, monkeypatch, tmp_path):
    path = tmp_path / "gpu.json"
    monkeypatch.setattr(steps, "TIMED", 0)
    typed = ["gpu", *names, "--short", "--minutes", "0.5", "--results", str(path)]
    monkeypatch.setattr(sys, "argv", typed)
    assert command.main() == 0
    (found,) = json.loads(path.read_text())["machines"]
    assert found["short"] and list(found["pieces"]) == list(names)
    for name, done in found["pieces"].items():
        assert list(done) == list(pieces.PIECES[name].parts(Asked(short=True, minutes=0.5)))
        for case in done.values():
            assert "failed" not in case
            assert all(case[key] > 0 for key in ("alone", "milliseconds") if key in case)
            assert 0.1 < case.get("validation_accuracy", 0.5) < 1


def test_it_runs_on_jax_unless_told_otherwise(tmp_path):
    pytest.importorskip("jax")
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "steps", "--results", str(tmp_path / "gpu.json")],
        cwd=report.RESULTS.parents[2],
        env={**environment, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1 and "jax sees no GPU" in ended.stderr
    assert not list(tmp_path.iterdir())


def test_the_results_of_each_machine_stand_beside_those_of_the_others(
    measured, monkeypatch, tmp_path
):
    path = tmp_path / "gpu.json"
    monkeypatch.setattr(devices, "gpus", lambda: ["one"])
    for device, short in (("processor", True), ("H100", False), ("H200", False), ("H100", False)):
        here = {"device": device, "precision": "float32", "versions": {"jax": "1"}, "date": "today"}
        monkeypatch.setattr(calls.machine, "today", lambda here=here: here)
        assert calls.go_on(["steps"], Asked(short), path) == 0
    assert measured == 3 * ["a", "b", "c", "d"]  # of H100 all was there
    machines = json.loads(path.read_text())["machines"]
    assert {each["device"] for each in machines} == {"processor", "H100", "H200"}
    text = report.table({"machines": machines})
    for device in ("### H100\n", "### H200\n", "### processor, shortened\n"):
        assert text.count(device) == 1
    assert "**The figures of a GPU are still to be measured" not in text
    assert text.count("Still to be measured there: networks.") == 3
    alone = report.table({"machines": machines}, "steps")
    assert alone.count("Numbers.") == 2 and "#" not in alone and "Still" not in alone
    assert report.table({"machines": machines}, "rates") == ""  # nobody has measured those
    shortened = [each for each in machines if each["short"]]
    assert "**The figures of a GPU are still to be measured" in report.table(
        {"machines": shortened}
    )


def test_seeds_of_a_recipe_are_one_row():
    tests, seconds = (0.90, 0.91, 0.95), (5.0, 7.0, 30.0)
    done = {
        f"mine, 1 min, seed {seed}": {"test_accuracy": test, "seconds": second, "precision": "half"}
        for seed, (test, second) in enumerate(zip(tests, seconds, strict=True))
    }
    (key, row), (alone, other) = report._over_seeds({**done, "rates": {"milliseconds": 3}}).items()
    assert (key, alone) == ("mine, 1 min", "rates")
    assert row["test_accuracy"] == pytest.approx(0.92) and row["seconds"] == 7
    assert (row["seeds"], row["range"], row["precision"]) == (3, "90.00% to 95.00%", "half")
    assert other == {"milliseconds": 3, "seeds": 1}


def test_figures_of_other_versions_stay_beside_those_of_todays(measured, monkeypatch, tmp_path):
    path = tmp_path / "gpu.json"
    monkeypatch.setattr(devices, "gpus", lambda: ["one"])
    for jax, torch in ((1, 1), (2, 1), (1, 2)):
        versions = {"jax": str(jax), "torch": str(torch)}
        here = {"device": "H200", "precision": "half", "versions": versions, "date": "today"}
        monkeypatch.setattr(calls.machine, "today", lambda here=here: here)
        assert calls.go_on(["steps"], Asked(), path) == 0
    assert measured == 2 * ["a", "b", "c", "d"]  # another PyTorch changes nothing
    machines = json.loads(path.read_text())["machines"]
    assert sorted(each["versions"]["jax"] for each in machines) == ["1", "2"]
    text = report.table({"machines": machines}, "steps")
    assert "H200, half, jax 1," in text and "H200, half, jax 2," in text


def test_what_a_machine_has_not_measured_is_named(monkeypatch):
    networks = ("e, 5 min, seed 0", "e, 5 min, seed 1")
    keys = {"steps": ("a", "b", "c"), "rates": ("d",), "networks": networks}
    wanted = {name: piece(dict.fromkeys(each)) for name, each in keys.items()}
    monkeypatch.setattr(pieces, "PIECES", wanted)
    done = {"steps": {"b": {}}, "networks": {"e, 1 min, seed 0": {}}}
    missing = report._missing({"short": False, "pieces": done})
    assert missing == "steps of a, c; rates; networks of e, seed 1"


@pytest.mark.parametrize(
    "device, peak",
    [
        ("1 x NVIDIA H100 80GB HBM3", 989e12),
        ("1 x NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H100 NVL, one of 2", 835e12),
        ("1 x NVIDIA A100-SXM4-40GB", 312e12),
        ("2 x NVIDIA L4", 121e12),
        ("1 x NVIDIA L40S", None),
    ],
)
def test_a_peak_is_that_of_the_whole_name(device, peak):
    assert steps.peak_of(device) == peak


def test_cifar10_travels_in_files(tmp_path, monkeypatch):
    random = np.random.default_rng(0)

    def images(count):
        labels = np.arange(count) % 10
        return Split(random.integers(256, size=(count, 32, 32, 3)).astype("uint8"), labels)

    splits = Splits(images(90), images(10), images(20), cifar10_files.NAMES)
    monkeypatch.setattr(data, "load", lambda *_: splits)
    monkeypatch.setattr(cifar10_files, "IMAGES", 40)
    paths = cifar10_files.write(tmp_path)
    assert [path.name[8:-4] for path in paths] == [
        "train_00000",
        "train_00040",
        "train_00080",
        "test_00000",
    ]
    train, test = cifar10_files._read("train", tmp_path), cifar10_files._read("test", tmp_path)
    np.testing.assert_array_equal(
        train.images, np.concatenate([splits.train.images, splits.validation.images])
    )
    np.testing.assert_array_equal(test.images, splits.test.images)
    monkeypatch.setattr(cifar10_files, "folder", tmp_path)
    found = cifar10_files.load(Recipe(dataset="cifar10", validation_fraction=0.1))
    assert [len(part.labels) for part in found[:3]] == [90, 10, 20]
    assert found.test.labels.tolist() == splits.test.labels.tolist()
    assert found.class_names == splits.class_names


def test_a_file_has_at_most_60_megabytes_however_its_images_are():
    assert cifar10_files.IMAGES * (32 * 32 * 3 + 1) < 59e6


def test_smooth_images_take_less_room(tmp_path, monkeypatch):
    slope = np.broadcast_to(np.arange(32, dtype="uint8")[:, None], (100, 32, 32, 3)).copy()
    slope += np.random.default_rng(0).integers(0, 200, (100, 1, 1, 3)).astype("uint8")
    splits = Splits(*3 * [Split(slope, np.zeros(100, int))], cifar10_files.NAMES)
    monkeypatch.setattr(data, "load", lambda *_: splits)
    for path in cifar10_files.write(tmp_path):
        assert path.stat().st_size < slope.nbytes / 10
