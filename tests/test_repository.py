"""What holds for the files of the project: who imports whom, and what the README promises."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "keras_course"

# A module imports only from floors below its own, or from its own folder.
FLOORS = [
    {
        "errors",
        "versions",
        "time_limit",
        "image_file",
        "model_table",
        "fused_optimizers",
        "__init__",
    },
    {"files", "quiet", "signals"},
    {
        "apart",
        "fetch",
        "integrity",
        "lock",
        "devices",
        "layers",
        "schedules",
        "optimizers",
        "losses",
        "jax_step",
        "plots",
        "architecture",
        "boxes",
        "overlap",
        "replicas",
    },
    {
        "step",
        "augmentation",
        "average_precision",
        "box_plots",
        "compare_plot",
        "mask_plots",
        "receptive_field",
    },
    {"data", "models", "drawing"},
    {"recipes", "preview", "describe"},
    {"runs", "variables"},
    {"out_of_memory", "folders", "guards"},
    {"timing"},
    {"rates", "records", "progress"},
    {"checkpoint"},
    {"loop"},
    {"training", "task"},
    {"search", "export", "predict", "report", "transfer", "detection", "segmentation"},
    {"job", "compare", "doctor", "testing", "lessons"},
    {"cli"},
    {"__main__"},
]


def room(path):
    """The module or folder of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor(name):
    return next(number for number, names in enumerate(FLOORS) if name in names)


def imports(path):
    """The rooms of this package that a file imports from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "keras_course":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keras_course."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("keras_course."):
                    yield alias.name.split(".")[1]


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path):
    for name in imports(path):
        if name not in (room(path), "__version__"):
            assert floor(name) < floor(room(path)), f"{path} imports {name}"


def test_contributing_shows_every_floor():
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("| floor |")[2]
    rows = [line.split("|")[1] for line in table.partition("\n\n")[0].splitlines()[2:]]
    shown = re.findall(r"`(\w+)(?:\.py|/)`", " ".join(rows))
    assert sorted(shown) == sorted(set().union(*FLOORS) - {"__init__"})


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_file_opens_with_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_the_command_line_starts_without_keras():
    script = (
        "import sys, keras_course.cli; keras_course.cli.parser().format_help();"
        "from keras_course.lessons import course, hints, source, student;"  # list, hint, watch, ...
        "sys.exit(bool({'keras', 'tensorflow', 'numpy', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 0


def test_the_commands_of_the_readme_exist():
    from keras_course.cli import COMMANDS

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    used = set(re.findall(r"(?:keras-course|python -m keras_course) ([a-z][a-z-]+)", text))
    assert used and used <= set(COMMANDS)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert {"demo", "test"} <= set(re.findall(r"make ([a-z-]+)", text)) <= targets


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *ROOT.glob("docs/*.md")], ids=lambda p: p.name
)
def test_the_commands_of_the_documents_are_understood(path):
    from keras_course.cli import parser

    blocks = re.findall(r"^```\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
    lines = re.findall(r"^(?:\$ |[A-Z_]+=\w+ )*keras-course (.*)", "\n".join(blocks), re.M)
    assert lines or path.name == "speed.md"
    for line in lines:
        parser().parse_args(shlex.split(line, comments=True))  # or ends in SystemExit


def test_the_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http)([^)#]+)", text) + re.findall(r'src="(?!http)([^"]+)', text)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_requirements_are_pinned_to_the_tested_versions():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    packages = [line.split("#")[0].strip() for line in lines if line and line[0] != "#"]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", package) for package in packages)


def test_both_backends_have_the_same_versions_of_what_they_share():
    def pins(name):
        return dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / name).read_text(), re.M))

    tensorflow, jax = pins("requirements.txt"), pins("requirements-jax.txt")
    assert all(jax[name] == tensorflow[name] for name in jax if name in tensorflow)
    extra = re.search(r"^jax = \[(.*)\]", (ROOT / "pyproject.toml").read_text(), re.M)[1]
    assert dict(re.findall(r'"(\w+)==([\w.]+)"', extra)) == {
        name: jax[name] for name in ("jax", "six")
    }
    assert "tensorflow" not in jax
