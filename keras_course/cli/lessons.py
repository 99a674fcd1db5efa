"""The commands for students: what to do, is it right, and what may be wrong."""

import json
from pathlib import Path

from keras_course.cli import options
from keras_course.errors import UserError


def list_lessons(given):
    from keras_course.lessons import course

    print(course.table(course.Course.here()))


def check(given):
    from keras_course.lessons.course import Course

    course = Course.here()
    lesson, results, path = _checked(course, given.number)
    if given.json:
        print(json.dumps({"file": str(path), "results": results}, indent=2))
    else:
        print(f"{path}, lesson {lesson.number}: {lesson.title}")
        print("\n".join(result["message"] for result in results))
    return int(any(result["state"] != "ok" for result in results))


def watch(given):
    from keras_course.lessons import course

    here = course.Course.here()
    lesson = here.lesson(given.number)
    print("The file is checked again whenever you save it. Press Ctrl-C to stop.")
    while True:
        before = here.saved(lesson)
        try:
            _, results, path = _checked(here, given.number)
            print(f"\n{path}", *(result["message"] for result in results), sep="\n", flush=True)
        except UserError as error:  # half a line was saved
            print(error, flush=True)
        course.wait_for_a_save(here, lesson, before)


def hint(given):
    from keras_course.lessons import hints
    from keras_course.lessons.course import Course

    number = _todo(given.number)
    try:
        course = Course.here()
    except UserError:  # one notebook alone, as nbgrader and Colab have it
        every = hints.of_todo(number)
        read = len(every)
    else:
        every = hints.of_lesson(course.lesson(number).name)[number]
        read = min(course.progress().get(number, {}).get("hints", 0) + 1, len(every))
        course.note(number, hints=read)
    for step, text in enumerate(every[:read], start=1):
        print(f"{number}, hint {step} of {len(every)}: {text}")


def reset(given):
    from keras_course.lessons.course import Course

    if "." in given.number:
        whole = given.number.partition(".")[0]
        raise UserError(
            f"reset starts a whole lesson over, not one TODO: `keras-course reset {whole}`. "
            f"Received: {given.number!r}."
        )
    course = Course.here()
    lesson = course.lesson(given.number)
    kept = course.reset(lesson)
    print(f"Lesson {lesson.number} is again as it was handed out.")
    for path in kept:
        print(f"What you wrote is kept in {path}.")


def solution(given):
    from keras_course.lessons import source
    from keras_course.lessons.course import Course

    course = Course.here()
    number = _todo(given.number)
    lesson = course.lesson(number)
    if not course.progress().get(number, {}).get("passed") and not given.force:
        raise UserError(
            f"{number} has not passed its check yet: `keras-course check {number}`. "
            "To see the solution anyway, add --force."
        )
    path = course.folder.resolve().parent / "solutions" / f"{lesson.name}.py"
    if not path.is_file():
        raise UserError(f"{path} is missing. Ask for it: your teacher has the solutions.")
    print(source.solution(path.read_text(encoding="utf-8"), number))


def hand_in(given):
    from keras_course.lessons import handin

    path, notebook = Path(given.output), Path(given.notebook)
    names = handin.hand_in(Path(given.run), notebook, path)
    print(f"{path} holds {', '.join(dict.fromkeys(name.split('/')[0] for name in names))}.")
    if numbers := handin.unsolved(notebook):
        print(
            f"Not solved in {notebook.name}: {', '.join(numbers)}. If you worked in another file, "
            "the script or the notebook, hand in that one."
        )


def _checked(course, number):
    """Check a lesson or one TODO, and note it; return the lesson, the results and the file."""
    from keras_course.lessons import student

    lesson = course.lesson(number)
    path = course.file(lesson)
    results = student.check(student.Job(path, lesson.name, course.todos(number)))
    for result in results:
        passed = {"passed": True} if result["state"] == "ok" else {}
        course.note(result["number"], state=result["state"], **passed)
    return lesson, results, path


def _todo(number):
    if "." not in number:
        raise UserError(f"Give the number of a TODO, like {number}.1. Received: {number!r}.")
    return number


def number_argument(command):
    command.add_argument("number", metavar="N", help="number of a lesson, like 5")


def check_options(command):
    text = "number of a lesson, like 5, or of a TODO, like 5.2"
    command.add_argument("number", metavar="N", help=text)
    text = "print the results as JSON, for other programs"
    command.add_argument("--json", action="store_true", help=text)


def watch_options(command):
    text = "number of a lesson, like 5, or of a TODO, like 5.2"
    command.add_argument("number", metavar="N", help=text)


def todo_argument(command):
    command.add_argument("number", metavar="N.M", help="number of a TODO, like 5.2")


def solution_options(command):
    todo_argument(command)
    text = "show it even if its check has not passed yet"
    command.add_argument("--force", action="store_true", help=text)


def handin_options(command):
    command.add_argument("run", metavar="RUN", help="the folder of the run")
    text = "the notebook of the lesson, or its script"
    command.add_argument("notebook", metavar="NOTEBOOK", help=text)
    text = "zip to write, best with your name, like anna.zip (default: handin.zip)"
    command.add_argument("--output", metavar="FILE", default="handin.zip", help=text)


COMMANDS = {
    "list": (list_lessons, options.none, "the lessons, and how far you are"),
    "check": (check, check_options, "check what you wrote for a lesson"),
    "watch": (watch, watch_options, "check again whenever you save"),
    "hint": (hint, todo_argument, "a hint for a TODO; the next one says more"),
    "reset": (reset, number_argument, "start a lesson over; what you wrote is kept"),
    "solution": (solution, solution_options, "show the solution of a TODO"),
    "handin": (hand_in, handin_options, "one zip of a run and its notebook"),
}
