"""The table of the models, and what `models describe` says of one."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import keras_course
from benchmarks.models import row
from keras_course import cli, describe, model_table, models
from keras_course.lessons import hints
from tests.builders import shape_of

QUICK = ("logistic_regression", "simple_cnn", "lenet", "alexnet", "resnet20")


@pytest.mark.parametrize(
    "name",
    [pytest.param(x, marks=() if x in QUICK else pytest.mark.slow) for x in models.BUILDERS],
)
def test_the_table_is_that_of_the_builders(name):
    assert model_table.rows()[name] == row(name, build=shape_of)


def test_the_table_has_a_row_for_every_model_and_no_other():
    assert list(model_table.rows()) == list(models.BUILDERS)


def test_the_year_is_that_of_the_paper_in_the_header():
    for name, values in model_table.rows().items():
        builder = getattr(models.BUILDERS[name], "func", models.BUILDERS[name])
        header = sys.modules[builder.__module__].__doc__
        assert values["year"] is None or f" {values['year']}" in header, name


def test_the_counts_are_those_of_the_papers():
    rows = model_table.rows()
    assert rows["vgg16"]["224"]["parameters"] == 138_357_544
    assert rows["resnet50"]["224"]["multiply_adds"] == pytest.approx(3.8e9, rel=0.02)  # Table 1
    assert rows["resnet20"]["32"] == {"parameters": 271_098, "multiply_adds": 40_551_040}


def test_the_table_is_printed_without_keras(capsys):
    assert cli.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(x for x in lines if x.startswith("resnet50")).split() == (
        "resnet50 2015 50 23.6M 1.22G 25.6M 3.86G".split()
    )
    script = (
        "import sys, keras_course.cli; keras_course.cli.main(['models']);"
        "sys.exit(bool({'keras', 'tensorflow', 'numpy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert done.returncode == 0 and done.stdout


@pytest.mark.parametrize(
    "number, words",
    [
        (600, "600"),
        (30_730, "30.7k"),
        (271_098, "271k"),
        (1_736_058, "1.74M"),
        (999_999, "1.00M"),
        (4.09e10, "40.9G"),
    ],
)
def test_a_count_is_shown_with_three_digits(number, words):
    assert model_table.short(number) == words


def test_the_file_and_the_hints_are_part_of_the_package():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["keras_course"]
    for path in (model_table.PATH, hints.FOLDER / "ex05_resnet.md"):
        inside = path.relative_to(Path(keras_course.__file__).parent)
        assert any(inside.match(pattern) for pattern in patterns), inside


def test_the_table_of_layers_has_sizes_and_receptive_fields():
    lines = describe.table(shape_of("simple_cnn")).splitlines()
    words = [re.split(r"\s{2,}", line) for line in lines]
    convolutions = [line[2:] for line in words if line[1:2] == ["Conv2D"]]
    assert convolutions == [
        ["28x28x12", "5x5", "912", "705,600"],
        ["12x12x24", "10x10", "2,616", "373,248"],
    ]
    assert ["logits", "Dense", "10", "all", "610", "600"] in words
    assert words[-2][2:] == ["115,198", "1,190,328"]
    assert lines[-1] == "simple_cnn: 5 layers with weights on the longest path"


def test_describe_prints_the_layers_and_draws_them(tmp_path, capsys):
    arguments = ["lenet", "--input-size", "28", "--num-classes", "7", "--output", str(tmp_path)]
    assert cli.main(["models", "describe", *arguments]) == 0
    printed = capsys.readouterr().out
    assert "28x28x3" in printed and f"Drawing: {tmp_path / 'lenet.png'}" in printed
    assert (tmp_path / "lenet.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["lenett"], "Did you mean 'lenet'?"),
        (["lenet", "--input-size", "8"], "at least 16x16"),
        (
            ["lenet", "--num-classes", "0"],
            "--num-classes must be positive",
        ),
    ],
)
def test_a_mistake_is_explained_and_leaves_no_folder(arguments, message, tmp_path, capsys):
    output = tmp_path / "new"
    assert cli.main(["models", "describe", *arguments, "--output", str(output)]) == 2
    assert message in capsys.readouterr().err and not output.exists()
