"""A class that is graded with nbgrader: its own commands, on our notebooks, unchanged."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from keras_course.lessons import handout
from tests.test_repository import ROOT

pytestmark = [pytest.mark.lessons, pytest.mark.staff]
LESSON = "ex01_convolution"
POINTS = 5  # of its checks; questions are graded by a person


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The scores of a right, a half-right and an untouched submission."""
    pytest.importorskip("nbgrader")
    course = tmp_path_factory.mktemp("course")
    handout.build_for_nbgrader(ROOT / "solutions", course, only={1})
    source = course / "source" / LESSON / f"{LESSON}.ipynb"
    solved = {cell["id"]: cell for cell in json.loads(source.read_text())["cells"]}

    def nbgrader(*arguments):
        command = [sys.executable, "-m", "nbgrader", *arguments]
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # alembic
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": programs}
        ended = subprocess.run(
            command, cwd=course, env=environment, capture_output=True, text=True, timeout=600
        )
        assert ended.returncode == 0, ended.stderr[-3000:]

    nbgrader("generate_assignment", LESSON)
    released = course / "release" / LESSON / f"{LESSON}.ipynb"
    assert "tensordot" not in released.read_text()
    for student, todos in (
        ("right", {"todo-1-1", "todo-1-2", "todo-1-3", "todo-1-4", "todo-1-5"}),
        ("half", {"todo-1-1", "todo-1-4"}),
        ("untouched", set()),
    ):
        path = course / "submitted" / student / LESSON / released.name
        path.parent.mkdir(parents=True)
        shutil.copy(released, path)
        notebook = json.loads(path.read_text())
        for cell in notebook["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("grade_id") in todos:
                cell["source"] = solved[cell["id"]]["source"]
        path.write_text(json.dumps(notebook))
    nbgrader("autograde", LESSON)

    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        submissions = gradebook.assignment_submissions(LESSON)
        return {each.student.id: (each.code_score, each.max_code_score) for each in submissions}


@pytest.mark.parametrize(("student", "score"), [("right", POINTS), ("half", 2), ("untouched", 0)])
def test_nbgrader_gives_the_points(graded, student, score):
    assert graded[student] == (score, POINTS)
