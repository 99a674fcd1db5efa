"""The benchmark for GPUs: it goes on where it ended, and begins with what must be right."""

import json
import math
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from benchmarks import cifar10_files, gpu
from keras_course import data, devices, models
from keras_course.data.splits import Split, Splits
from keras_course.guards import Diverged
from keras_course.recipes import Recipe


@pytest.fixture
def measured(monkeypatch):
    """The names of what was measured, of two small pieces."""
    names = []

    def measure(name, result):
        names.append(name)
        return result

    right = {"loss": 0.0, "gradients": 1e-5}
    pieces = {
        "correctness": lambda asked: {"a": lambda: measure("a", right)},
        "steps": lambda asked: {key: (lambda key=key: measure(key, {"n": 1})) for key in "bcd"},
        "networks": lambda asked: {"e": lambda: measure("e", {"n": 1})},
    }
    monkeypatch.setattr(gpu, "PIECES", pieces)
    return names


def keep(results):
    """Writes nothing."""


def test_a_second_call_measures_what_the_first_left(measured, monkeypatch):
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr(gpu.time, "monotonic", lambda: next(clock))
    results, written = {"pieces": {}}, []
    assert not gpu.run(["correctness", "steps"], gpu.Asked(), results, written.append)
    assert measured == ["a", "b"] and len(written) == 4  # as they begin and as they end
    assert gpu.run(["correctness", "steps"], gpu.Asked(), results, written.append)
    assert measured == ["a", "b", "c", "d"]
    assert list(results["pieces"]["steps"]) == ["b", "c", "d"]


@pytest.mark.parametrize("minutes, begun", [(4, True), (6, False)])
def test_what_does_not_fit_into_the_rest_of_a_call_is_not_begun(
    measured, minutes, begun, monkeypatch
):
    clock = iter((0, 0, 0, 200, 200, 200, 440))  # seconds: 200 for correctness
    monkeypatch.setattr(gpu.time, "monotonic", lambda: next(clock))
    assert gpu.run(["networks"], gpu.Asked(minutes=minutes), {"pieces": {}}, keep) == begun
    assert measured == ["a", "e"][: 1 + begun]


def test_a_part_that_is_too_large_for_the_memory_fails_alone(measured, monkeypatch):
    def full():
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    steps = {"b": lambda: {"n": 1}, "c": full, "d": lambda: {"n": 2}}
    monkeypatch.setitem(gpu.PIECES, "steps", lambda asked: steps)
    monkeypatch.setattr(gpu.PIECES["steps"], "__doc__", "Numbers.")
    monkeypatch.setattr(gpu, "ROWS", {"steps": gpu.Rows("| n |", lambda case: str(case["n"]))})
    here = {"device": "GPU", "precision": "half", "versions": {}, "date": "today"}
    results = {"short": False, **here, "pieces": {}}
    assert gpu.run(["steps"], gpu.Asked(), results, keep)
    found = results["pieces"]["steps"]
    assert "memory" in found["c"]["failed"] and (found["b"]["n"], found["d"]["n"]) == (1, 2)
    text = gpu.table({"machines": [results]})
    assert "| d | 2.0 |\n\n- c failed: the memory of the device was full\n" in text
    steps["e"] = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        gpu.run(["steps"], gpu.Asked(), results, keep)


def test_a_part_that_is_cut_off_twice_or_ends_without_a_result_fails_alone(measured, monkeypatch):
    class Killed(BaseException):
        pass

    def killed():
        raise Killed

    def diverged():
        raise Diverged(3, 0.1, math.nan)

    steps = {"b": killed, "c": diverged, "d": lambda: {"n": 2}}
    monkeypatch.setitem(gpu.PIECES, "steps", lambda asked: steps)
    results = {"pieces": {}}
    for _ in range(2):
        with pytest.raises(Killed):
            gpu.run(["steps"], gpu.Asked(), results, keep)
    assert gpu.run(["steps"], gpu.Asked(), results, keep)
    found = results["pieces"]["steps"]
    assert found["b"]["failed"] == "it was cut off 2 times" and "step 3" in found["c"]["failed"]
    assert found["d"]["n"] == 2 and results["cut off"] == {}


def test_nothing_is_measured_on_a_device_that_computes_something_else(measured, monkeypatch):
    found = {"loss": 0.0, "gradients": 0.1}
    monkeypatch.setitem(gpu.PIECES, "correctness", lambda asked: {"a": lambda: dict(found)})
    results = {"pieces": {}}
    for piece in ("correctness", "steps"):  # no piece goes without it
        with pytest.raises(SystemExit, match="does not compute what it should"):
            gpu.run([piece], gpu.Asked(), results, keep)
    assert measured == []
    found["gradients"] = 0.01  # a later call tries again
    assert gpu.run(["steps"], gpu.Asked(), results, keep)
    assert measured == ["b", "c", "d"]


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="is JAX's")
def test_rounding_passes_and_a_mistake_or_nan_does_not():
    keras.utils.set_random_seed(0)
    model = models.build("simple_cnn", input_shape=(32, 32, 3))
    (images, labels), *_ = gpu.noise(16)
    images = images.astype("float32")
    right = gpu.loss_and_gradients(model, images, labels)
    rounded = gpu.loss_and_gradients(model, images * np.float32(1 + 1e-6), labels)
    assert gpu.is_rounding(gpu.difference(right, rounded))
    kernel = model.trainable_variables[2]
    assert len(kernel.shape) == 4
    kernel.assign(keras.ops.convert_to_numpy(kernel)[::-1])
    flipped = gpu.loss_and_gradients(model, images, labels)
    assert not gpu.is_rounding(gpu.difference(right, flipped))
    for wrong in ((math.nan, right[1]), (right[0], right[1] * math.nan)):
        assert not gpu.is_rounding(gpu.difference(right, wrong))
        assert not gpu.is_rounding(gpu.difference(wrong, right))


def test_without_a_gpu_only_small_versions_are_measured(measured, monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "gpus", list)
    with pytest.raises(SystemExit, match="sees no GPU"):
        gpu.go_on(["steps"], gpu.Asked(), tmp_path / "gpu.json")
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
        gpu.main()
    assert ended.value.code == 2 and said in capsys.readouterr().err
    assert measured == []


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="is JAX's")
@pytest.mark.parametrize(
    "pieces",
    [
        ("correctness", "steps", "rates", "searches"),
        pytest.param(("correctness", "race", "networks"), marks=pytest.mark.slow),
    ],
    ids=["quick", "slow"],
)
def test_a_short_run_measures_each_piece(pieces, monkeypatch, tmp_path):
    path = tmp_path / "gpu.json"
    monkeypatch.setattr(gpu, "TIMED", 0)
    typed = ["gpu", *pieces, "--short", "--minutes", "0.5", "--results", str(path)]
    monkeypatch.setattr(sys, "argv", typed)
    assert gpu.main() == 0
    (found,) = json.loads(path.read_text())["machines"]
    assert found["short"] and list(found["pieces"]) == list(pieces)
    for name, done in found["pieces"].items():
        assert list(done) == list(gpu.PIECES[name](gpu.Asked(short=True)))
        for case in done.values():
            assert "failed" not in case
            assert all(case[key] > 0 for key in ("alone", "milliseconds") if key in case)
            assert 0.1 < case.get("validation_accuracy", 0.5) < 1


def test_it_runs_on_jax_unless_told_otherwise(tmp_path):
    pytest.importorskip("jax")
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "steps", "--results", str(tmp_path / "gpu.json")],
        cwd=gpu.RESULTS.parents[2],
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
    monkeypatch.setattr(gpu, "ROWS", {"steps": gpu.Rows("| n |", lambda case: str(case["n"]))})
    monkeypatch.setattr(gpu.PIECES["steps"], "__doc__", "Numbers.")
    monkeypatch.setattr(devices, "gpus", lambda: ["one"])
    for device, short in (("processor", True), ("H100", False), ("H200", False), ("H100", False)):
        here = {"device": device, "precision": "float32", "versions": {"jax": "1"}, "date": "today"}
        monkeypatch.setattr(gpu.machine, "today", lambda here=here: here)
        assert gpu.go_on(["steps"], gpu.Asked(short), path) == 0
    assert measured == 3 * ["a", "b", "c", "d"]  # of H100 all was there
    machines = json.loads(path.read_text())["machines"]
    assert {each["device"] for each in machines} == {"processor", "H100", "H200"}
    text = gpu.table({"machines": machines})
    for device in ("### H100\n", "### H200\n", "### processor, shortened\n"):
        assert text.count(device) == 1
    assert "**The figures of a GPU are still to be measured" not in text
    assert text.count("Still to be measured there: networks.") == 3
    alone = gpu.table({"machines": machines}, "steps")
    assert alone.count("Numbers.") == 2 and "#" not in alone and "Still" not in alone
    assert gpu.table({"machines": machines}, "rates") == ""  # nobody has measured those
    shortened = [each for each in machines if each["short"]]
    assert "**The figures of a GPU are still to be measured" in gpu.table({"machines": shortened})


def test_seeds_of_a_recipe_are_one_row():
    tests, seconds = (0.90, 0.91, 0.95), (5.0, 7.0, 30.0)
    done = {
        f"mine, 1 min, seed {seed}": {"test_accuracy": test, "seconds": second, "precision": "half"}
        for seed, (test, second) in enumerate(zip(tests, seconds, strict=True))
    }
    (key, row), (alone, other) = gpu._over_seeds({**done, "rates": {"milliseconds": 3}}).items()
    assert (key, alone) == ("mine, 1 min", "rates")
    assert row["test_accuracy"] == pytest.approx(0.92) and row["seconds"] == 7
    assert (row["seeds"], row["range"], row["precision"]) == (3, "90.00% to 95.00%", "half")
    assert other == {"milliseconds": 3, "seeds": 1}


def test_figures_of_other_versions_stay_beside_those_of_todays(measured, monkeypatch, tmp_path):
    path = tmp_path / "gpu.json"
    monkeypatch.setattr(gpu, "ROWS", {"steps": gpu.Rows("| n |", lambda case: str(case["n"]))})
    monkeypatch.setattr(gpu.PIECES["steps"], "__doc__", "Numbers.")
    monkeypatch.setattr(devices, "gpus", lambda: ["one"])
    for jax, torch in ((1, 1), (2, 1), (1, 2)):
        versions = {"jax": str(jax), "torch": str(torch)}
        here = {"device": "H200", "precision": "half", "versions": versions, "date": "today"}
        monkeypatch.setattr(gpu.machine, "today", lambda here=here: here)
        assert gpu.go_on(["steps"], gpu.Asked(), path) == 0
    assert measured == 2 * ["a", "b", "c", "d"]  # another PyTorch changes nothing
    machines = json.loads(path.read_text())["machines"]
    assert sorted(each["versions"]["jax"] for each in machines) == ["1", "2"]
    text = gpu.table({"machines": machines}, "steps")
    assert "H200, half, jax 1," in text and "H200, half, jax 2," in text


def test_what_a_machine_has_not_measured_is_named(monkeypatch):
    def cases(*keys):
        return lambda asked: dict.fromkeys(keys)

    networks = cases("e, 5 min, seed 0", "e, 5 min, seed 1")
    pieces = {"steps": cases("a", "b", "c"), "rates": cases("d"), "networks": networks}
    monkeypatch.setattr(gpu, "PIECES", pieces)
    done = {"steps": {"b": {}}, "networks": {"e, 1 min, seed 0": {}}}
    missing = gpu._missing({"short": False, "pieces": done})
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
    assert gpu.peak_of(device) == peak


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
