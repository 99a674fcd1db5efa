"""The exercises as a student has them, and the commands around them."""

import json
import os
import threading

import pytest

from keras_course import cli
from keras_course.errors import UserError
from keras_course.lessons import course as course_module
from keras_course.lessons import handout, hints, student
from keras_course.lessons.course import Course
from keras_course.time_limit import time_limit
from tests.test_lessons_handout import LESSON
from tests.test_repository import ROOT


@pytest.fixture
def course(tmp_path, monkeypatch):
    """One lesson of two functions; the present folder is the one above its exercises."""
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "ex05_twice.py").write_text(LESSON)
    handout.build(tmp_path / "solutions", tmp_path / "exercises")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hints, "FOLDER", tmp_path)
    (tmp_path / "ex05_twice.md").write_text("## 5.1\n1. One\n   line.\n2. Two.\n3. Three.\n")
    return Course.here()


@pytest.fixture
def checked(monkeypatch):
    """What checks say, instead of a process that imports Keras."""
    said = {"state": "wrong"}

    def check(job):
        return [
            {"number": number, "name": "twice", "message": f"{number} {said['state']}", **said}
            for number in job.numbers
        ]

    monkeypatch.setattr(student, "check", check)
    return said


def test_the_list_shows_how_far_one_is(course, checked, capsys):
    assert cli.main(["list"]) == 0
    assert "5 Twice" in (text := capsys.readouterr().out) and "0 of 1 ok, next 5.1" in text
    assert cli.main(["check", "5"]) == 1
    assert "ex05_twice.py, lesson 5: Twice\n5.1 wrong\n" in capsys.readouterr().out
    checked["state"] = "ok"
    assert cli.main(["check", "5.1"]) == 0
    capsys.readouterr()
    cli.main(["list"])
    assert "1 of 1 ok, done" in capsys.readouterr().out
    noted = json.loads((course.folder / "progress.json").read_text())
    assert noted == {"5.1": {"state": "ok", "passed": True}}


def test_check_speaks_json(course, checked, capsys):
    assert cli.main(["check", "5", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["results"][0]["state"] == "wrong" and said["file"].endswith("ex05_twice.py")


def test_a_hint_says_more_each_time(course, capsys):
    for step in (1, 2, 3, 3):
        assert cli.main(["hint", "5.1"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == step and lines[0] == "5.1, hint 1 of 3: One line."
    assert cli.main(["hint", "5"]) == 2
    assert "Give the number of a TODO, like 5.1" in capsys.readouterr().err


def test_without_exercises_a_hint_is_all_three(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["hint", "5.1"]) == 0
    assert capsys.readouterr().out.count("5.1, hint ") == hints.HINTS
    assert cli.main(["hint", "5.9"]) == 2
    assert "TODO must be one of 1.1" in capsys.readouterr().err


def test_hints_are_three(course, tmp_path):
    (tmp_path / "ex05_twice.md").write_text("## 5.1\n1. One.\n2. Two.\n")
    with pytest.raises(UserError, match=r"5\.1 has 2 hints instead of 3"):
        hints.of_lesson("ex05_twice")


def test_a_solution_is_shown_after_the_check_or_by_force(course, checked, capsys):
    assert cli.main(["solution", "5.1"]) == 2
    assert "5.1 has not passed its check yet" in capsys.readouterr().err
    assert cli.main(["solution", "5.1", "--force"]) == 0
    assert "return 2 * x" in capsys.readouterr().out
    checked["state"] = "ok"
    cli.main(["check", "5"])
    checked["state"] = "wrong"
    assert cli.main(["check", "5"]) == 1
    assert cli.main(["solution", "5.1"]) == 0  # it has passed once
    (course.folder.parent / "solutions" / "ex05_twice.py").unlink()
    assert cli.main(["solution", "5.1"]) == 2
    assert "your teacher has the solutions" in capsys.readouterr().err


def test_reset_keeps_what_was_written(course, checked, capsys):
    path = course.folder / "ex05_twice.py"
    original = path.read_text()
    path.write_text("mine")
    cli.main(["check", "5"])
    assert cli.main(["reset", "5"]) == 0
    assert path.read_text() == original and course.progress() == {}
    (kept,) = course.folder.glob("mine-*")
    assert kept.read_text() == "mine" and str(kept.name) in capsys.readouterr().out
    path.unlink()
    assert cli.main(["reset", "5"]) == 0
    assert path.read_text() == original and len(list(course.folder.glob("mine-*"))) == 1


def test_the_file_that_was_worked_on_is_checked(course):
    lesson = course.lesson("5")
    script, notebook = (course.folder / f"ex05_twice{kind}" for kind in (".py", ".ipynb"))
    assert course.file(lesson) == script
    notebook.write_text(notebook.read_text() + "\n")
    os.utime(script)  # touched, not changed
    assert course.file(lesson) == notebook
    script.write_text(script.read_text() + "\n")
    os.utime(notebook, (1, 1))
    assert course.file(lesson) == script
    script.unlink()
    notebook.unlink()
    with pytest.raises(UserError, match="`keras-course reset 5` brings it back"):
        course.file(lesson)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "7"], "lesson must be one of 5. Received: '7'"),
        (["hint", "5.3"], "TODO must be one of 5.1. Received: '5.3'"),
        (["reset", "x"], "lesson must be one of 5"),
        (["reset", "5.1"], "a whole lesson over, not one TODO: `keras-course reset 5`"),
        (["handout", "build", "--only", "a"], "--only takes numbers"),
        (["handout", "build", "--solutions", "no"], "no has no lessons"),
    ],
)
def test_what_is_not_there_is_said(course, arguments, said, capsys):
    assert cli.main(arguments) == 2
    assert said in capsys.readouterr().err


def test_without_exercises_the_way_to_them_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["list"]) == 2
    assert "contains no exercises" in capsys.readouterr().err


def test_watch_checks_again_at_each_save_and_outlives_half_a_line(
    course, checked, capsys, monkeypatch
):
    path = course.folder / "ex05_twice.py"
    saves = iter(["def twice(x:", "def twice(x): pass"])
    check = student.check

    def judged(job):
        student.statements(student.code_of(job.path), str(job.path))
        return check(job)

    def save(course, lesson, before):
        assert set(before) == {path, path.with_suffix(".ipynb")}
        text = next(saves, None)
        if text is None:
            raise KeyboardInterrupt
        path.write_text(text)

    monkeypatch.setattr(student, "check", judged)
    monkeypatch.setattr(course_module, "wait_for_a_save", save)
    assert cli.main(["watch", "5"]) == 130
    text = capsys.readouterr().out
    assert text.count("5.1 wrong") == 2 and "line 1: " in text


@pytest.mark.parametrize("kind", [".py", ".ipynb"])
def test_a_save_is_noticed(course, kind):
    lesson = course.lesson("5")
    before = course.saved(lesson)
    path = course.folder / f"ex05_twice{kind}"
    threading.Timer(0.2, lambda: os.utime(path, (1, 1))).start()
    with time_limit(20):
        course_module.wait_for_a_save(course, lesson, before, seconds=0.05)
    assert course.saved(lesson) != before


def test_what_is_saved_during_a_check_is_checked_as_well(course, checked, monkeypatch, capsys):
    path, check, checks = course.folder / "ex05_twice.py", student.check, []

    def slow(job):
        checks.append(job)
        if len(checks) == 2:
            raise KeyboardInterrupt
        path.write_text("def twice(x): pass")
        os.utime(path, (1, 1))
        return check(job)

    monkeypatch.setattr(student, "check", slow)
    with time_limit(60):
        assert cli.main(["watch", "5"]) == 130


def test_a_script_that_is_no_utf8_is_told_and_can_be_reset(course, capsys):
    (course.folder / "ex05_twice.py").write_bytes(b"# \xff")
    assert cli.main(["check", "5"]) == 2
    assert "is not saved as UTF-8" in capsys.readouterr().err
    assert cli.main(["reset", "5"]) == 0
    (kept,) = course.folder.glob("mine-*")
    assert kept.read_bytes() == b"# \xff"


MARK = "\ufeff"  # of the byte order, as some editors write it


@pytest.mark.parametrize("kind", [".py", ".ipynb"])
def test_a_mark_of_the_byte_order_is_no_change_and_no_mistake(course, kind):
    path = course.folder / f"ex05_twice{kind}"
    path.write_text(MARK + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert callable(student.namespace(path)[0]["twice"])
    assert course.reset(course.lesson("5")) == []


def test_only_definitions_of_a_file_are_run(tmp_path):
    code = """
import math
%matplotlib inline
SIDE = 3
lower = explode()
DEPTH: int = 2
explode()
def area(x): return SIDE * x
class Shape: pass
SIDE, other = 1, 2
HEIGHT, WIDTH = 3, 4
"""
    code = "\n".join("" if line.startswith("%") else line for line in code.splitlines())
    kept = [type(node).__name__ for node in student.statements(code, "a.py")]
    assert kept == ["Import", "Assign", "AnnAssign", "FunctionDef", "ClassDef", "Assign"]
    path = tmp_path / "a.py"
    path.write_text(code)
    defined, failed = student.namespace(path)
    assert failed is None and defined["area"](2) == 6


def test_a_constant_in_small_letters_is_told(tmp_path):
    path, results = tmp_path / "a.py", tmp_path / "results.jsonl"
    path.write_text("eps = 1e-5\ndef convolve(image, kernel): return image + eps\n")
    student.judge(results, [student.Job(path, "ex01_convolution", ["1.1"])])
    message = json.loads(results.read_text())["message"]
    assert "constants in CAPITALS, functions and classes: call it EPS, or put it into" in message


def test_half_a_line_says_which(tmp_path):
    (tmp_path / "a.py").write_text("import math\ndef f(:\n")
    with pytest.raises(UserError, match=r"a\.py, line 2: .*: `def f\(:`"):
        student.check(student.Job(tmp_path / "a.py", "ex01_convolution", ["1.1"]))


def test_a_definition_that_fails_is_told_with_its_line(tmp_path):
    (tmp_path / "a.py").write_text("import no_such_module\n\ndef f(): pass\n")
    defined, failed = student.namespace(tmp_path / "a.py")
    assert failed == "line 1 raised ModuleNotFoundError: No module named 'no_such_module'"
    assert "f" in defined


@pytest.mark.staff
def test_a_notebook_is_checked_like_a_script():
    path = ROOT / "exercises" / "ex01_convolution.ipynb"
    defined, failed = student.namespace(path)
    assert failed is None and callable(defined["convolve"])


@pytest.mark.parametrize(
    "cell", ["np.pad?", "%%bash\nls | wc -l", "!pip list\nimport math", "%%time\nimport math"]
)
def test_what_only_a_notebook_understands_is_left_out(cell, tmp_path):
    cells = [
        {"cell_type": "code", "source": text}
        for text in (cell, "def area(x):\n    return (7\n        % x)\n")
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    defined, failed = student.namespace(tmp_path / "a.ipynb")
    assert failed is None and defined["area"](4) == 3
    assert ("math" in defined) == ("import math" in cell)


def test_a_mistake_in_a_notebook_is_shown_without_the_number_of_a_line(tmp_path):
    cells = [{"cell_type": "code", "source": "%matplotlib inline\ndef f(:"}]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    job = student.Job(tmp_path / "a.ipynb", "ex01_convolution", ["1.1"])
    with pytest.raises(UserError, match=r"a\.ipynb: .*: `def f\(:`"):
        student.check(job)


def test_a_check_that_fails_itself_takes_no_other_along(monkeypatch):
    def broken(function):
        raise ZeroDivisionError("by zero")

    broken.number = "1.1"
    state, message = student._answer(broken, len)
    assert state == "error" and message == "1.1 could not be checked: ZeroDivisionError: by zero"


def test_no_notebook_at_all_is_told(tmp_path):
    (tmp_path / "a.ipynb").write_text("{}")
    with pytest.raises(UserError, match="is not a notebook"):
        student.code_of(tmp_path / "a.ipynb")


def test_code_that_ends_its_process_does_not_pass(tmp_path):
    path = tmp_path / "a.py"
    job = student.Job(path, "ex01_convolution", ["1.1"])
    path.write_text("import os\ndef convolve(image, kernel): os._exit(0)\n")
    (result,) = student.check(job)
    assert result["state"] == "error"
    assert "has no result: the process ended by itself, with code 0" in result["message"]


def test_a_process_that_dies_tells_its_last_words(tmp_path, monkeypatch):
    path = tmp_path / "a.py"
    path.write_text("def convolve(image, kernel): pass\n")
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    (result,) = student.check(student.Job(path, "ex01_convolution", ["1.1"]))
    message = result["message"]
    assert "ended by itself, with code 1: " in message and "nonsense" in message


def test_a_right_answer_may_print_what_the_system_cannot(tmp_path, monkeypatch):
    path = tmp_path / "a.py"
    path.write_text(
        "def conv_weights(size, channels, filters):\n"
        "    print('channels \u2192 filters')\n"
        "    return (size**2 * channels + 1) * filters\n",
        encoding="utf-8",
    )
    for name, value in (("LC_ALL", "C"), ("PYTHONCOERCECLOCALE", "0"), ("PYTHONUTF8", "0")):
        monkeypatch.setenv(name, value)  # as Windows: no arrow
    (result,) = student.check(student.Job(path, "ex01_convolution", ["1.4"]))
    assert result["state"] == "ok", result["message"]


@pytest.mark.slow  # a process that hangs has to be waited for
def test_code_that_hangs_does_not_pass(tmp_path):
    path, begun = tmp_path / "a.py", tmp_path / "begun"
    job = student.Job(path, "ex01_convolution", ["1.1"])
    path.write_text(
        f"import time\ndef convolve(image, kernel): open({str(begun)!r}, 'w'); time.sleep(999)\n"
    )
    (result,) = student.check(job, seconds=25)
    assert "has no result: the process was ended after 25 s" in result["message"]
    assert begun.exists()  # and not while it imported Keras


def test_without_tensorflow_a_check_says_that_it_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(student, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="A check of a lesson needs packages of TensorFlow"):
        student.check(student.Job(tmp_path / "a.py", "ex01_convolution", ["1.1"]))
