"""What students hand in, and what a teacher sees of it."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from keras_course import cli, integrity
from keras_course.lessons import class_page, handin
from tests.test_repository import ROOT


@pytest.fixture
def run(tmp_path):
    """A run folder with all parts."""
    folder = tmp_path / "run"
    (folder / "saved_model" / "variables").mkdir(parents=True)
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"model")
    (folder / "saved_model" / "variables" / "a").write_bytes(b"weights")
    for name in ("history.csv", "report.html"):
        (folder / name).write_text("x")
    recipe = {"model": "resnet20", "dataset": "shapes", "learning_rate": 0.01, "seed": 0}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    integrity.write_sealed(folder / "metrics.json", metrics())
    (tmp_path / "ex12.ipynb").write_text('{"cells": []}')
    return folder


def metrics(accuracy=0.9, **changes):
    return {
        "validation": {"accuracy": 0.92},
        "test": {"accuracy": accuracy},
        "test_set_opened": 1,
        "epochs": 5,
        "seconds": 61.0,
        "device": "a laptop",
        **changes,
    }


def zipped(path, recipe, measured):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("recipe.json", json.dumps(recipe) if recipe is not None else "")
        archive.writestr(
            "metrics.json", measured if isinstance(measured, str) else json.dumps(measured)
        )
    return path


RECIPE = {"model": "resnet20", "dataset": "shapes", "learning_rate": 0.01, "seed": 0}


def test_a_hand_in_has_notebook_report_recipe_metrics_and_model(run, tmp_path, capsys):
    output = tmp_path / "new" / "anna.zip"
    arguments = ["handin", str(run), str(tmp_path / "ex12.ipynb"), "--output", str(output)]
    assert cli.main(arguments) == 0
    assert "ex12.ipynb, recipe.json" in capsys.readouterr().out
    assert sorted(zipfile.ZipFile(output).namelist()) == [
        "ex12.ipynb",
        "history.csv",
        "metrics.json",
        "recipe.json",
        "report.html",
        "saved_model/saved_model.pb",
        "saved_model/variables/a",
    ]


@pytest.mark.staff
def test_what_is_as_it_was_handed_out_is_named(run, tmp_path, capsys):
    lesson = ROOT / "exercises" / "ex05_resnet.py"
    for notebook in (lesson, lesson.with_suffix(".ipynb")):
        arguments = ["handin", str(run), str(notebook), "--output", str(tmp_path / "a.zip")]
        assert cli.main(arguments) == 0
        said = f"Not solved in {notebook.name}: 5.1, 5.2, 5.3, 5.4. If you worked in another file"
        assert said in capsys.readouterr().out
    answered = tmp_path / "ex05_resnet.py"
    text = lesson.read_text(encoding="utf-8")
    answered.write_text(text.replace("    raise NotImpl", "    # raise NotImpl"))
    assert handin.unsolved(answered) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run: (run / "report.html").unlink(), "`keras-course report"),
        (lambda run: (run / "recipe.json").unlink(), "`keras-course train"),
        (lambda run: (run.parent / "ex12.ipynb").write_text("{"), "ex12.ipynb is not a notebook"),
        (lambda run: (run.parent / "ex12.ipynb").unlink(), "NOTEBOOK must be the notebook or the"),
        (
            lambda run: integrity.write_sealed(run / "metrics.json", {"test_set_opened": 0}),
            "`keras-course test",
        ),
        (lambda run: (run / "metrics.json").write_text("{"), "metrics.json is damaged"),
    ],
)
def test_what_is_missing_is_said_with_the_command_that_makes_it(run, change, said, capsys):
    change(run)
    output = run.parent / "anna.zip"
    arguments = ["handin", str(run), str(run.parent / "ex12.ipynb"), "--output", str(output)]
    assert cli.main(arguments) == 2
    message = capsys.readouterr().err
    assert said in message and not output.exists()
    for command in re.findall("`keras-course (.+?)`", message):
        cli.parser().parse_args(command.split())  # or the program ends


def test_a_class_page_ranks_by_test_accuracy_and_escapes_names(tmp_path, capsys):
    paths = [
        zipped(tmp_path / "anna.zip", RECIPE, metrics(0.9)),
        zipped(tmp_path / "<b>.zip", {**RECIPE, "model": "<script>"}, metrics(0.95)),
    ]
    output = tmp_path / "new" / "class.html"
    assert cli.main(["class", *map(str, paths), "--output", str(output)]) == 0
    text = output.read_text()
    assert "<script>" not in text and text.index("&lt;b&gt;") < text.index("anna")
    assert "class.html: 2 hand-ins." in capsys.readouterr().out


def test_a_pattern_that_windows_leaves_stands_for_its_files(tmp_path, monkeypatch, capsys):
    for name in ("anna", "ben"):
        zipped(tmp_path / f"{name}.zip", RECIPE, metrics())
    monkeypatch.chdir(tmp_path)
    assert cli.main(["class", "*.zip"]) == 0
    assert "class.html: 2 hand-ins." in capsys.readouterr().out


def test_hand_ins_of_the_same_name_are_told_apart_by_their_folders(tmp_path, monkeypatch):
    for folder in ("anna", "ben", "carl"):
        (tmp_path / folder).mkdir()
        zipped(tmp_path / folder / "handin.zip", RECIPE, metrics())
    (tmp_path / "carl" / "handin.zip").write_text("no")
    other = zipped(tmp_path / "dora.zip", RECIPE, metrics())
    monkeypatch.chdir(tmp_path / "anna")
    handins = [Path("handin.zip"), *(tmp_path / each / "handin.zip" for each in ("ben", "carl"))]
    count, (wrong,) = class_page.class_page([*handins, other], tmp_path / "class.html")
    assert count == 3 and wrong.startswith("carl/handin.zip: ")
    text = (tmp_path / "class.html").read_text()
    assert all(f"<td>{name}</td>" in text for name in ("anna/handin", "ben/handin", "dora"))


@pytest.mark.parametrize(
    ("recipe", "measured", "said"),
    [
        (RECIPE, metrics(7), "7 is no number from 0 to 1"),
        (RECIPE, metrics("0.9"), "'0.9' is no number"),
        (RECIPE, metrics(True), "True is no number"),
        (RECIPE, json.dumps(metrics(float("nan"))), "nan is no number"),
        (RECIPE, {}, "lack 'validation'"),
        (RECIPE, "[" * 100_000, "is not JSON"),
        (RECIPE, "[1]", "is not a JSON object"),
        (RECIPE, " " * 2_000_000, "is longer than 1,000,000 bytes"),
        (RECIPE, metrics(10**400), "is no number from 0 to 1"),
        (RECIPE, metrics("9" * 1000), "99... is no number"),
        ({**RECIPE, "model": 3}, metrics(), "3 is no text"),
        (None, metrics(), "is not JSON"),
    ],
)
def test_a_hand_in_that_cannot_be_judged_is_named_and_the_others_are_shown(
    tmp_path, recipe, measured, said
):
    good = zipped(tmp_path / "good.zip", RECIPE, metrics())
    bad = zipped(tmp_path / "bad.zip", recipe, measured)
    count, wrong = class_page.class_page([bad, good], tmp_path / "class.html")
    assert count == 1 and len(wrong) == 1
    assert wrong[0].startswith("bad.zip: ") and said in wrong[0]


def test_a_damaged_zip_or_none_is_named(tmp_path):
    damaged = tmp_path / "damaged.zip"
    with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("recipe.json", json.dumps(RECIPE))
    content = bytearray(damaged.read_bytes())
    content[45:60] = b"\xff" * 15  # within the packed part
    damaged.write_bytes(content)
    (tmp_path / "a.zip").write_text("no")
    handins = [damaged, tmp_path / "a.zip", tmp_path / "b.zip"]
    count, wrong = class_page.class_page(handins, tmp_path / "class.html")
    assert count == 0 and len(wrong) == 3


def test_half_characters_do_not_keep_the_page_from_being_written(tmp_path):
    handin = zipped(tmp_path / "anna.zip", {**RECIPE, "model": "resnet\ud800"}, metrics())
    assert class_page.class_page([handin], tmp_path / "class.html") == (1, [])
    assert "resnet?" in (tmp_path / "class.html").read_text()
