"""Every mistake of a user ends in one message, with exit code 2 and nothing half-written."""

import dataclasses
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_course import data
from keras_course.cli import COMMANDS, main
from keras_course.data.splits import Splits
from keras_course.recipes import RECIPES, Recipe
from tests.conftest import bright_channel


def folder_of_images(path, classes=("cat", "dog"), count=6, size=16):
    """Noise as PNG files, one folder a class."""
    random = np.random.default_rng(0)
    for name in classes:
        (path / name).mkdir(parents=True)
        for i in range(count):
            pixels = random.integers(0, 256, (size, size, 3)).astype("uint8")
            Image.fromarray(pixels).save(path / name / f"{i}.png")
    return path


TRAIN = ["train", "--model", "simple_cnn", "--batch-size", "4", "--epochs", "1"]


def one_class(path):
    return [*TRAIN, "--dataset", f"folder:{folder_of_images(path / 'pets', ('cat',))}"]


def empty_class(path):
    (folder_of_images(path / "pets") / "empty").mkdir()
    return [*TRAIN, "--dataset", f"folder:{path / 'pets'}"]


def tiny_class(path):
    pets = folder_of_images(path / "pets")
    folder_of_images(pets, ("owl",), count=1)
    return [*TRAIN, "--dataset", f"folder:{pets}"]


def not_an_image(path):
    (folder_of_images(path / "pets") / "cat" / "notes.png").write_text("no image")
    return [*TRAIN, "--dataset", f"folder:{path / 'pets'}"]


def several_sizes(path):
    pets = folder_of_images(path / "pets")
    folder_of_images(pets, ("owl",), size=20)
    return [*TRAIN, "--dataset", f"folder:{pets}"]


def foreign_folder(path):
    (path / "out").mkdir()
    (path / "out" / "thesis.doc").write_text("mine")
    return [*TRAIN, "--output", str(path / "out")]


def other_recipe(path):
    from keras_course.recipes import Recipe

    (path / "out").mkdir()
    (path / "out" / "recipe.json").write_text(Recipe(seed=7).to_json())
    return [*TRAIN, "--output", str(path / "out")]


def damaged_recipe(path):
    (path / "out").mkdir()
    (path / "out" / "recipe.json").write_text("{")
    return ["report", str(path / "out")]


def damaged_metrics(path):
    from keras_course.recipes import Recipe

    (path / "out").mkdir()
    (path / "out" / "recipe.json").write_text(Recipe().to_json())
    (path / "out" / "history.csv").write_text("")
    (path / "out" / "metrics.json").write_text('{"status": "fin')
    return ["export", str(path / "out")]


def binary_recipe(path):
    (path / "best.keras").write_bytes(b"PK\xff\xfe")
    return ["train", "--recipe", str(path / "best.keras")]


# What is typed -> what the one message must say.
MISTAKES = {
    "unknown command": (["trian"], "Did you mean 'train'"),
    "unknown model": (["train", "--model", "resnet2"], "Did you mean 'resnet20'"),
    "unknown data set": (["train", "--dataset", "cifar"], "Did you mean 'cifar10"),
    "unknown optimizer": (["train", "--optimizer", "adamm"], "Did you mean 'adam'"),
    "unknown schedule": (["train", "--schedule", "cosin"], "Did you mean 'cosine'"),
    "unknown augmentation": (["train", "--augmentation", "filp"], "Did you mean 'flip'"),
    "unknown normalization": (["train", "--normalization", "bach"], "Did you mean 'batch'"),
    "unknown precision": (["train", "--precision", "bfloat"], "Did you mean 'bfloat16'"),
    "unknown recipe": (["train", "--recipe", "defualt"], "Did you mean 'default'"),
    "unknown search": (["tune", "--search", "gird"], "Did you mean 'grid'"),
    "missing folder": (["train", "--dataset", "folder:/no/such"], "/no/such"),
    "empty folder": (lambda path: ["train", "--dataset", f"folder:{path}"], "one folder"),
    "one class": (one_class, "at least two classes"),
    "empty class": (empty_class, "empty"),
    "class with too few images": (tiny_class, "'owl'"),
    "not an image": (not_an_image, "notes.png"),
    "images of several sizes": (several_sizes, "20"),
    "data set that is not prepared": (["train", "--dataset", "cifar100"], "What you can do: "),
    "output is read-only": ([*TRAIN, "--output", "/proc/out"], "Cannot write into /proc/out"),
    "output holds other files": (foreign_folder, "holds other files"),
    "output holds another recipe": (other_recipe, "another recipe"),
    "damaged recipe": (damaged_recipe, "not JSON"),
    "damaged metrics": (damaged_metrics, "damaged"),
    "no run": (lambda path: ["report", str(path)], "not a run folder"),
    "no run to predict with": (lambda path: ["predict", str(path), "a.png"], "SavedModel"),
    "plateau with a schedule": (["train", "--schedule", "plateau_cosine"], "each undoing"),
    "negative rate": (["train", "--learning-rate", "-0.1"], "above 0"),
    "zero rate": (["train", "--learning-rate", "0"], "above 0"),
    "absurd rate": (["train", "--learning-rate", "1e9"], "at most 10"),
    "rate that is no number": (["train", "--learning-rate", "nan"], "above 0"),
    "zero epochs": (["train", "--epochs", "0"], "at least 1"),
    "epochs beside minutes": (["train", "--epochs", "3", "--minutes", "1"], "leave out --epochs"),
    "a rate beside its search": (["run", "--learning-rate", "0.1"], "searches for the learning"),
    "a rate for tune": (["tune", "--learning-rate", "0.1"], "searches for the learning rate"),
    "a rate for a range test": (["find-lr", "--learning-rate", "1"], "searches for the learning"),
    "a band of one rate": (["find-lr", "--band", "1", "1"], "0 < low < high"),
    "a recipe that is no text": (binary_recipe, "cannot be read"),
    "a backbone for U-Net": (["segment", "--model", "unet", "--backbone", "vgg11"], "no backbone"),
    "zero steps": (["tune", "--steps", "0"], "--steps must be positive"),
    "band upside down": (["tune", "--band", "0.1", "0.001"], "the lower one first"),
    "zero minutes": (["train", "--minutes", "0"], "--minutes must be positive"),
    "negative trials": (["tune", "--trials", "-3"], "--trials must be positive"),
    "dropout where the paper has none": (["train", "--dropout", "0.5"], "no option 'dropout'"),
    "no GPU": (["train", "--device", "gpu"], "A GPU was asked for"),
    "import of nothing": (["data", "import", "cifar10", "/no/such"], "/no/such"),
    "preview of nothing": (["data", "preview", "cifar"], "Did you mean 'cifar10"),
}


@pytest.fixture
def quarters(tmp_path, monkeypatch):
    """An empty folder to work in, and none of the data sets of this machine."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "no_data"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.mark.parametrize("typed, expected", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_ends_in_one_message(typed, expected, quarters, tmp_path, capsys, monkeypatch):
    if expected == "A GPU was asked for":
        monkeypatch.setattr("keras_course.devices.gpus", list)
    place = tmp_path / "place"
    place.mkdir()
    arguments = typed(place) if callable(typed) else typed
    before = {path for path in place.rglob("*")}
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert err.startswith("keras-course: ") and expected in err
    assert err.count("\n") == 1 and "Traceback" not in err
    assert {path for path in place.rglob("*")} == before
    assert not list(quarters.rglob("*")), "nothing half-written"


@pytest.mark.parametrize(
    "typed",
    [
        ["train", "--epochs", "many"],
        ["train", "--epoch-count", "3"],
        ["tune", "--slur"],  # an option is written out: batch scripts repeat what was typed
    ],
)
def test_what_argparse_refuses_is_exit_code_2_too(typed, capsys):
    with pytest.raises(SystemExit) as ended:
        main(typed)
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_every_command_has_help(capsys):
    for name in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert name in capsys.readouterr().out


@pytest.fixture
def shapes(monkeypatch):
    """The embedded set, made tiny."""
    parts = (bright_channel(96), bright_channel(30, seed=1), bright_channel(300, seed=2))
    monkeypatch.setattr(data, "load", lambda *_: Splits(*parts, ("red", "green", "blue")))


def test_the_main_job_from_search_to_report(shapes, quarters, capsys, monkeypatch):
    sizes = {"steps": 40, "range_test_steps": 40, "validation_images": 1000}
    monkeypatch.setattr("keras_course.job._search_sizes", lambda *_: sizes)
    small = "--model simple_cnn --batch-size 16 --trials 2 --patience 2 --minutes 0.5".split()
    arguments = ["run", *small]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "simple_cnn on shapes" in out and "opened once" in out
    folder = quarters / "runs" / "0001"
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "recipe.json", "history.csv", "metrics.json", "best.keras", "curves.png",
        "range_test.png", "search", "saved_model", "report.html", "test_predictions.npz",
    }  # fmt: skip

    image = quarters / "red.png"
    Image.fromarray(np.full((40, 40, 3), (200, 40, 40), "uint8")).save(image)
    text = quarters / "text.png"
    text.write_text("no image")
    assert main(["predict", str(folder), str(image)]) == 0
    assert "red" in capsys.readouterr().out
    assert main(["predict", str(folder), str(text), str(image)]) == 2
    out, err = capsys.readouterr()
    assert "text.png" in out + err and "red.png" in out

    assert main(["test", str(folder)]) == 0
    assert "as measured when the test set was opened" in capsys.readouterr().out
    written = (folder / "best.keras").stat().st_mtime_ns
    assert main(["run", *small, "--output", str(folder)]) == 0  # finished: used as it is
    assert (folder / "best.keras").stat().st_mtime_ns == written


def test_the_demo_is_that_job_in_three_minutes(quarters, monkeypatch):
    given = []
    monkeypatch.setattr(
        "keras_course.job.run", lambda *values, **named: given.append((values, named))
    )
    assert main(["demo"]) == 0
    (((recipe, folder), options),) = given
    assert recipe == RECIPES["timed"] and (recipe.dataset, recipe.model) == ("shapes", "resnet20")
    assert recipe.schedule == "cosine" and Path(folder).name == "0001"
    assert options == {"minutes": 2.75, "search": "climb", "trials": 3}


def test_every_command_works_alone(shapes, quarters, capsys):
    small = ["--model", "logistic_regression", "--batch-size", "16", "--epochs", "2"]
    assert main(["train", *small, "--output", "a"]) == 0
    for name in ("test", "export", "report"):
        assert main([name, "a"]) == 0
    assert main(["export", "a", "--format", "keras"]) == 0
    assert main(["find-lr", *small]) == 0
    typed = ["tune", *small, "--trials", "2", "--band", "1e-3", "1e-2", "--steps", "4"]
    assert main([*typed, "--output", "searched"]) == 0
    assert capsys.readouterr().out.endswith("\nThe search is in searched.\n")
    board = json.loads(Path("searched/search/leaderboard.json").read_text())
    assert board["band"] == [1e-3, 1e-2]
    assert [trial["steps"] for trial in board["trials"]] == [4, 4]
    assert main(["data", "list"]) == 0
    assert main(["data", "preview", "shapes"]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_a_run_that_diverges_is_exit_code_1(shapes, quarters, capsys, monkeypatch):
    import keras

    from keras_course import training

    class Poison(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.weights[-1].assign(np.full(3, np.nan))

    fit = training.fit
    monkeypatch.setattr(training, "fit", lambda *a, **k: fit(*a, **k, extra_callbacks=[Poison()]))
    assert main([*TRAIN, "--output", "a"]) == 1
    err = capsys.readouterr().err
    assert "at step 2" in err and "learning rate 0.001" in err


def test_help_is_quiet_and_python_m_is_the_same_command():
    script = [sys.executable, "-m", "keras_course", "--help"]
    done = subprocess.run(script, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0 and done.stderr == "" and "find-lr" in done.stdout


def test_tensorflow_is_quiet():
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-m", "keras_course", "doctor", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and "GPU" in done.stdout
    assert done.stderr == ""


def test_doctor_finds_nothing_missing_here_and_says_so(capsys):
    assert main(["doctor", "--quick"]) == 0
    out = capsys.readouterr().out
    for word in ("Python", "tensorboard", "importlib_resources", "GPU", "bfloat16", "disk"):
        assert word in out
    assert "Everything that is needed is here" in out


def test_doctor_tells_what_is_missing_and_how_to_mend_it(capsys, monkeypatch):
    from importlib import metadata

    version = metadata.version

    def without_tensorboard(name):
        if name == "tensorboard":
            raise metadata.PackageNotFoundError
        return version(name)

    monkeypatch.setattr(metadata, "version", without_tensorboard)
    assert main(["doctor", "--quick"]) == 1
    out = capsys.readouterr().out
    assert "tensorboard is not installed" in out and "pip install tensorboard==" in out


def test_doctor_knows_the_backend_of_keras_own_settings(tmp_path, monkeypatch):
    from keras_course import doctor

    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert "tensorflow" in doctor.tested_versions()
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    assert "jax" in doctor.tested_versions() and "tensorflow" not in doctor.tested_versions()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert "tensorflow" in doctor.tested_versions()
    monkeypatch.delenv("KERAS_BACKEND")
    (tmp_path / "keras.json").write_text("{")
    assert "tensorflow" in doctor.tested_versions()


def test_doctor_explains_native_windows(monkeypatch):
    from keras_course import doctor

    monkeypatch.setattr("keras_course.devices.gpus", list)
    monkeypatch.setattr(sys, "platform", "win32")
    (finding,) = doctor.gpu()
    assert "native Windows" in finding.text and "WSL2" in finding.mend


def test_the_options_of_a_search_reach_it(quarters, monkeypatch):
    given = []

    class Found:
        def text(self):
            return "found"

    def tune(recipe, folder, **options):
        given.append((recipe, Path(folder), options))
        return Found()

    monkeypatch.setattr("keras_course.search.tune.tune", tune)
    recipe = Recipe(model="vgg11", normalization="batch", dropout=0.5, width_multiplier=0.5)
    Path("mine.json").write_text(recipe.to_json())
    typed = "--recipe mine.json --unpaired --workers 2 --trial-minutes 1.5 --steps 7"
    assert main(["tune", *typed.split(), "--search", "grid", "--output", "o"]) == 0
    ((searched, folder, options),) = given
    assert searched == recipe and folder == Path("o")
    assert options == {
        "search": "grid", "trials": 4, "steps": 7, "band": None, "paired": False,
        "trial_seconds": 90.0, "workers": 2, "parallel_rates": None,
    }  # fmt: skip


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_of_ours_is_trained_by_its_name(name, quarters, monkeypatch):
    given = []

    def fit(recipe, folder, **options):
        given.append(recipe)
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_course.training.fit", fit)
    typed = "--optimizer nesterov --schedule cosine --learning-rate 0.5 --precision float32"
    assert main(["train", "--recipe", name, *typed.split(), "--dataset", "shapes"]) == 130
    changes = {"optimizer": "nesterov", "schedule": "cosine", "learning_rate": 0.5}
    changes |= {"precision": "float32", "dataset": "shapes"}
    assert given == [dataclasses.replace(RECIPES[name], **changes)]


def test_who_reads_no_further_gets_no_traceback():
    for command in ("list", "models"):
        process = subprocess.Popen(
            [sys.executable, "-m", "keras_course", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait() == 141
        process.stderr.close()


def test_a_folder_of_somebody_else_is_named_without_a_traceback(monkeypatch, capsys):
    def refused(given):
        raise PermissionError(errno.EACCES, "Permission denied", "theirs/report.html")

    monkeypatch.setitem(COMMANDS, "doctor", (refused, *COMMANDS["doctor"][1:]))
    assert main(["doctor"]) == 2
    assert capsys.readouterr().err == (
        "keras-course: theirs/report.html: Permission denied. Use a folder or a copy that you can "
        "read and write.\n"
    )


@pytest.mark.parametrize("command", [["data", "preview", "shapes"], ["models", "describe", "mlp"]])
def test_pictures_that_cannot_be_written_are_told(command, tmp_path, monkeypatch, capsys):
    few = Splits(*(bright_channel(10, seed=seed) for seed in range(3)), ("a", "b", "c"))
    monkeypatch.setattr(data, "load", lambda name: few)
    (tmp_path / "file").touch()
    for folder in ("/proc/out", str(tmp_path / "file")):
        assert main([*command, "--output", folder]) == 2
        assert f"Cannot write into {folder}" in capsys.readouterr().err


def test_the_end_of_the_input_is_no_answer(tmp_path, monkeypatch, capsys):
    def at_its_end(question):
        raise EOFError

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", at_its_end)
    assert main(["data", "prepare", "cifar10"]) == 2
    assert "cifar10 is not here." in capsys.readouterr().err
