"""What the staff is told of a course that does not hold together."""

import pytest

from keras_course import cli
from keras_course.lessons import handout, hints, staff, student
from tests.test_lessons_handout import LESSON

CHECKED = """\
from keras_course.lessons.check import Check
Check(
    "5.1", slides="25", right=lambda x: x + x, cases=lambda random: [{"x": 2}], mistakes={}
)(twice)"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A course of one lesson with all that it needs; its checks say what they should."""
    for folder in ("solutions", "tests/mistakes", "tests/answers"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "solutions" / "ex05_twice.py").write_text(LESSON)
    handout.build(tmp_path / "solutions", tmp_path / "exercises")
    (tmp_path / "ex05_twice.md").write_text("## 5.1\n1. One.\n2. Two.\n3. Three.\n")
    for folder, count in (("mistakes", staff.MISTAKES), ("answers", staff.STYLES)):
        text = "\n".join(f"def twice__{number}(): pass" for number in range(count))
        (tmp_path / "tests" / folder / "ex05_twice.py").write_text(text)
    monkeypatch.setattr(hints, "FOLDER", tmp_path)
    monkeypatch.setattr(student, "of_lesson", lambda name: {"5.1": ("twice", None)})

    def check_all(jobs):
        def state(job):
            return "ok" if "### BEGIN SOLUTION" in job.path.read_text() else "todo"

        return [[{"state": state(job), "message": "5.1 is what it is"}] for job in jobs]

    monkeypatch.setattr(student, "check_all", check_all)
    return tmp_path


def wrong(root):
    return [
        (finding.lesson, finding.wrong) for finding in staff.verify(root, say=lambda line: None)
    ]


def test_all_is_well(root, capsys, monkeypatch):
    for theirs in ("runs", "pictures"):  # of a notebook that was run there
        (root / "exercises" / theirs).mkdir()
    for theirs in (".DS_Store", "mine-2026-11-26-120000-ex05_twice.py"):
        (root / "exercises" / theirs).touch()
    assert wrong(root) == []
    monkeypatch.chdir(root)
    assert cli.main(["staff", "verify"]) == 0
    assert "All is well." in capsys.readouterr().out


def spoil(path, text):
    path.write_text(text)


@pytest.mark.parametrize(
    ("change", "lesson", "said"),
    [
        (lambda root: spoil(root / "exercises" / "a.py", ""), "exercises", "nothing makes a.py"),
        (
            lambda root: spoil(root / "exercises" / "runs_old.py", ""),
            "exercises",
            "nothing makes runs_old.py",
        ),
        (
            lambda root: spoil(root / "exercises" / "ex05_twice.ipynb", "{}"),
            "exercises",
            "is not what the solutions make",
        ),
        (lambda root: spoil(root / "ex05_twice.md", ""), "ex05_twice", "hints for "),
        (
            lambda root: spoil(root / "ex05_twice.md", "## 5.1\n1. One.\n"),
            "ex05_twice",
            "5.1 has 1 hints instead of 3",
        ),
        (
            lambda root: spoil(root / "tests" / "mistakes" / "ex05_twice.py", "def twice__a(): 1"),
            "ex05_twice",
            "5.1 has 1",
        ),
        (
            lambda root: (root / "tests" / "answers" / "ex05_twice.py").unlink(),
            "ex05_twice",
            "is missing",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_lesson(root, change, lesson, said, capsys, monkeypatch):
    change(root)
    ((where, text),) = wrong(root)
    assert where == lesson and said in text
    monkeypatch.chdir(root)
    assert cli.main(["staff", "verify"]) == 1
    assert "1 findings." in capsys.readouterr().out


def test_a_part_of_the_lessons_is_verified_as_it_was_handed_out(root, capsys, monkeypatch):
    spoil(root / "solutions" / "ex06_twice.py", LESSON.replace("5", "6"))
    monkeypatch.chdir(root)
    assert cli.main(["staff", "verify", "--only", "5"]) == 0
    assert "All is well." in capsys.readouterr().out
    assert cli.main(["staff", "verify"]) == 1
    assert "ex06_twice.py is not what the solutions make" in capsys.readouterr().out


def test_a_solution_that_does_not_pass_is_told(root, monkeypatch):
    def check_all(jobs):
        return [[{"state": "wrong", "message": "5.1 three times, not twice"}] for _ in jobs]

    monkeypatch.setattr(student, "check_all", check_all)
    assert wrong(root) == [("ex05_twice", "5.1 three times, not twice")] * 2


def test_a_check_without_a_todo_is_told(root, monkeypatch):
    both = {"5.1": ("twice", None), "5.2": ("twice", None)}
    monkeypatch.setattr(student, "of_lesson", lambda name: both)
    assert ("ex05_twice", "checks of 5.1, 5.2") in wrong(root)


def test_in_full_the_solution_must_run_and_the_exercise_stop_at_its_first_todo(root):
    lesson = root / "solutions" / "ex05_twice.py"
    for called in ("assert twice(2) == 4", CHECKED):
        spoil(lesson, LESSON.replace("checks.twice(twice)", called))
        handout.build(root / "solutions", root / "exercises")
        assert staff.verify(root, full=True, say=lambda line: None) == []
    spoil(lesson, LESSON.replace("checks.twice(twice)", "pass"))
    handout.build(root / "solutions", root / "exercises")
    (finding,) = staff.verify(root, full=True, say=lambda line: None)
    assert finding.what == "exercise stops at TODO 5.1"
    assert finding.wrong == "it ended with code 0: "
    spoil(lesson, LESSON.replace("checks.twice(twice)", "twice(no_such_name)"))
    handout.build(root / "solutions", root / "exercises")
    assert "NameError" in staff.verify(root, full=True, say=lambda line: None)[0].wrong
