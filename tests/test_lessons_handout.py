"""What is handed out: exercises, notebooks, the settings for nbgrader."""

import json
import re
import zipfile

import pytest

from keras_course.errors import UserError
from keras_course.lessons import handout, notebook
from keras_course.lessons.lesson import Lesson
from tests.test_repository import ROOT

LESSON = """\
# %% [markdown]
# # 5 Twice
# Slides 25 to 26.
# %%
def twice(x):
    # TODO 5.1: double it
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %%
checks.twice(twice)
# %% [markdown]
# **Question 5.a** Why?
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION
"""


@pytest.fixture
def solutions(tmp_path):
    folder = tmp_path / "solutions"
    folder.mkdir()
    (folder / "ex05_twice.py").write_text(LESSON)
    (folder / "ex06_twice.py").write_text(LESSON.replace("5", "6"))
    return folder


def test_a_lesson_says_what_it_is():
    assert Lesson.of("ex05_twice", LESSON) == Lesson("ex05_twice", 5, "Twice", "25 to 26", ("5.1",))
    with pytest.raises(UserError, match="ex05 begins with its title"):
        Lesson.of("ex05", "# %% [markdown]\n# Twice\n")


def test_a_handout_is_the_same_every_time_and_has_no_solutions(solutions, tmp_path):
    for folder in ("a", "b"):
        written = handout.build(solutions, tmp_path / folder)
        assert [path.name for path in written] == [
            "ex05_twice.py",
            "ex05_twice.ipynb",
            "ex06_twice.py",
            "ex06_twice.ipynb",
            "README.md",
            "originals.zip",
        ]
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
        assert b"return 2 * x" not in path.read_bytes() and b"Because" not in path.read_bytes()
    with zipfile.ZipFile(tmp_path / "a" / "originals.zip") as archive:
        assert archive.read("ex05_twice.py") == (tmp_path / "a" / "ex05_twice.py").read_bytes()
    text = (tmp_path / "a" / "README.md").read_text()
    assert "| [5 Twice](ex05_twice.py) | 25 to 26 | 1 |  |" in text


def test_only_some_lessons(solutions, tmp_path):
    written = handout.build(solutions, tmp_path / "a", only={6})
    assert "ex05_twice.py" not in [path.name for path in written]
    with pytest.raises(UserError, match="has no lessons with the numbers 7, like ex05_resnet.py"):
        handout.build(solutions, tmp_path / "a", only={7})


def test_a_malformed_lesson_is_named(solutions, tmp_path):
    (solutions / "ex05_twice.py").write_text(LESSON.replace("    ### END SOLUTION\n", "", 1))
    with pytest.raises(UserError, match=r"ex05_twice\.py, line 7: BEGIN SOLUTION has no END"):
        handout.build(solutions, tmp_path / "a")


def test_a_notebook_is_valid_and_carries_what_nbgrader_wants():
    nbformat = pytest.importorskip("nbformat")
    text = notebook.notebook(LESSON, "ex05_twice")
    nbformat.validate(json.loads(text))
    title, todo, check, question = json.loads(text)["cells"]
    assert [cell["id"] for cell in (title, todo, check, question)] == [
        "ex05-01",
        "ex05-02",
        "ex05-03",
        "ex05-04",
    ]
    assert "".join(title["source"]) == "# 5 Twice\nSlides 25 to 26."
    assert title["metadata"] == {}
    assert todo["metadata"]["nbgrader"] == {
        "cell_type": "code",
        "grade": False,
        "grade_id": "todo-5-1",
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    assert check["metadata"]["nbgrader"] == {
        "cell_type": "code",
        "grade": True,
        "grade_id": "check-twice",
        "locked": True,
        "points": 1,
        "schema_version": 3,
        "solution": False,
        "task": False,
    }
    graded = question["metadata"]["nbgrader"]
    assert (graded["grade"], graded["solution"], graded["cell_type"]) == (True, True, "markdown")


def test_with_a_repository_notebooks_open_in_colab(solutions, tmp_path):
    handout.build(solutions, tmp_path, repository="anna/course")
    badge, set_up, here, *_ = json.loads((tmp_path / "ex05_twice.ipynb").read_text())["cells"]
    assert "github/anna/course/blob/main/exercises/ex05_twice.ipynb" in badge["source"][0]
    assert "git clone --quiet --depth 1 https://github.com/anna/course" in set_up["source"][0]
    assert here["source"] == ["%cd /content/course/exercises"]
    assert "colab" not in (tmp_path / "ex05_twice.py").read_text()
    with pytest.raises(UserError, match="--repository must be OWNER/NAME"):
        handout.build(solutions, tmp_path, repository="https://github.com/anna/course")


def test_a_folder_for_nbgrader_has_the_solutions(solutions, tmp_path):
    written = handout.build_for_nbgrader(solutions, tmp_path / "course", only={5})
    names = [str(path.relative_to(tmp_path / "course")) for path in written]
    assert names == ["nbgrader_config.py", "source/ex05_twice/ex05_twice.ipynb"]
    assert "### BEGIN SOLUTION" in written[1].read_text()


@pytest.mark.staff
def test_every_slide_of_the_lecture_has_its_lesson():
    named = set()
    for name, text in handout.texts(ROOT / "solutions").items():
        for part in re.split(", | and ", Lesson.of(name, text).slides):
            first, _, last = part.partition(" to ")
            named |= set(range(int(first), int(last or first) + 1))
    # 10 to 12, 19, 28 and 51 are titles and pictures.
    taught = {*range(3, 10), *range(13, 19), *range(20, 28), *range(29, 51), *range(52, 55)}
    assert named >= taught


@pytest.mark.staff
def test_the_exercises_are_what_the_solutions_make():
    minutes = handout.measured_minutes(ROOT)
    made = handout.handout(handout.texts(ROOT / "solutions"), minutes=minutes)
    for name, content in made.items():
        path = ROOT / "exercises" / name
        assert path.read_bytes() == content, "keras-course handout build makes them anew"
