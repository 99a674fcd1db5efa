"""The commands of the lessons: for students, and for the staff."""

import json
from importlib.util import find_spec
from pathlib import Path

from keras_course import quiet
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
    print("Checked again whenever you save. Ctrl-C ends it.")
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

    course = Course.here()
    lesson = course.lesson(given.number)
    kept = course.reset(lesson)
    print(f"Lesson {lesson.number} is as it was handed out.")
    for path in kept:
        print(f"What you wrote is kept in {path}.")


def solution(given):
    from keras_course.lessons import source
    from keras_course.lessons.course import Course

    course = Course.here()
    number = _todo(given.number)
    lesson = course.lesson(number)
    if course.progress().get(number, {}).get("state") != "ok" and not given.force:
        raise UserError(
            f"{number} has not passed its check yet: `keras-course check {number}`. "
            "`--force` shows the solution all the same."
        )
    path = course.folder.resolve().parent / "solutions" / f"{lesson.name}.py"
    if not path.is_file():
        raise UserError(f"{path} is not there: your teacher has the solutions.")
    print(source.solution(path.read_text(encoding="utf-8"), number))


def handout_build(given):
    from keras_course.lessons import handout

    only = _numbers(given.only) if given.only else None
    solutions = Path(given.solutions)
    if given.nbgrader:
        if given.repository:
            raise UserError(
                "--repository is for exercises in Colab, --nbgrader for a course folder."
            )
        written = handout.build_for_nbgrader(solutions, Path(given.nbgrader), only=only)
    else:
        output = Path(given.output or "exercises")
        written = handout.build(
            solutions,
            output,
            repository=given.repository,
            only=only,
            minutes=handout.measured_minutes(solutions.resolve().parent),
        )
    print("\n".join(map(str, written)))


def handout_gallery(given):
    missing = [name for name in ("nbclient", "nbconvert") if not find_spec(name)]
    if missing:
        raise UserError(f"{missing[0]} is not installed: pip install -e '.[staff]'")
    from keras_course.lessons.gallery import gallery

    only = _numbers(given.only) if given.only else None
    for path in gallery(Path(given.solutions), Path(given.output), only):
        print(path, flush=True)


def staff_verify(given):
    quiet.import_keras()
    from keras_course.lessons import staff

    wrong = staff.verify(Path(), full=given.full, repository=given.repository)
    print(f"{len(wrong)} findings." if wrong else "All is well.")
    return int(bool(wrong))


def hand_in(given):
    from keras_course.lessons import handin

    path = Path(given.output)
    names = handin.hand_in(Path(given.run), Path(given.notebook), path)
    print(f"{path} holds {', '.join(dict.fromkeys(name.split('/')[0] for name in names))}.")


def class_results(given):
    from keras_course.lessons.class_page import class_page

    path = Path(given.output)
    count, wrong = class_page([Path(name) for name in given.handins], path)
    print(f"{path}: {count} hand-ins.", *wrong, sep="\n")
    return int(bool(wrong))


def _checked(course, number):
    """Check a lesson or one TODO, and note it; return the lesson, the results and the file."""
    from keras_course.lessons import student

    lesson = course.lesson(number)
    path = course.file(lesson)
    results = student.check(student.Job(path, lesson.name, course.todos(number)))
    for result in results:
        course.note(result["number"], state=result["state"])
    return lesson, results, path


def _todo(number):
    if "." not in number:
        raise UserError(f"Give the number of a TODO, like {number}.1. Received: {number!r}.")
    return number


def _numbers(text):
    """Return the numbers that "1-3,5" means."""
    numbers = set()
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            numbers |= set(range(int(first), int(last or first) + 1))
    except ValueError:
        raise UserError(f"--only takes numbers like 1-6 or 2,5. Received: {text!r}.") from None
    return numbers


# Options ----------------------------------------------------------------------------------------


def number_argument(command):
    command.add_argument("number", metavar="N", help="of a lesson, like 5")


def check_options(command):
    command.add_argument("number", metavar="N", help="of a lesson, like 5, or of a TODO, like 5.2")
    command.add_argument("--json", action="store_true", help="for programs")


def watch_options(command):
    command.add_argument("number", metavar="N", help="of a lesson, like 5, or of a TODO, like 5.2")


def todo_argument(command):
    command.add_argument("number", metavar="N.M", help="of a TODO, like 5.2")


def solution_options(command):
    todo_argument(command)
    command.add_argument("--force", action="store_true", help="before it has passed its check")


def handin_options(command):
    command.add_argument("run", metavar="RUN", help="the folder of the run")
    command.add_argument("notebook", metavar="NOTEBOOK", help="of the lesson, or its script")
    text = "left out: handin.zip; give your name"
    command.add_argument("--output", metavar="FILE", default="handin.zip", help=text)


def class_options(command):
    command.add_argument("handins", metavar="HANDIN", nargs="+", help="a zip of `handin`")
    text = "left out: class.html"
    command.add_argument("--output", metavar="FILE", default="class.html", help=text)


def actions(table):
    """Return a function that gives a command its actions."""

    def add(command):
        chosen = command.add_subparsers(metavar="ACTION", required=True)
        for name, (function, add_options, text) in table.items():
            action = chosen.add_parser(name, help=text, description=text)
            add_options(action)
            action.set_defaults(command=function)

    return add


def build_options(command):
    command.add_argument("--solutions", metavar="FOLDER", default="solutions")
    command.add_argument("--output", metavar="FOLDER", help="left out: exercises")
    command.add_argument("--only", metavar="NUMBERS", help="of lessons, like 1-6")
    text = "on GitHub: notebooks with a badge that opens them in Colab"
    command.add_argument("--repository", metavar="OWNER/NAME", help=text)
    command.add_argument("--nbgrader", metavar="FOLDER", help="a course folder for nbgrader")


def gallery_options(command):
    command.add_argument("--solutions", metavar="FOLDER", default="solutions")
    text = "left out: gallery"
    command.add_argument("--output", metavar="FOLDER", default="gallery", help=text)
    command.add_argument("--only", metavar="NUMBERS", help="of lessons, like 1-6")


def verify_options(command):
    command.add_argument("--full", action="store_true", help="run every lesson, too")
    text = "what the exercises were built with"
    command.add_argument("--repository", metavar="OWNER/NAME", help=text)


HANDOUT_COMMANDS = {
    "build": (handout_build, build_options, "make the exercises of the solutions"),
    "gallery": (handout_gallery, gallery_options, "run the solutions, and make pages of them"),
}
STAFF_COMMANDS = {"verify": (staff_verify, verify_options, "does the course hold together?")}
COMMANDS = {
    "list": (list_lessons, lambda command: None, "the lessons, and how far you are"),
    "check": (check, check_options, "check what you wrote for a lesson"),
    "watch": (watch, watch_options, "check again whenever you save"),
    "hint": (hint, todo_argument, "a hint for a TODO; the next one says more"),
    "reset": (reset, number_argument, "begin a lesson anew, and keep what you wrote"),
    "solution": (solution, solution_options, "show the solution of a TODO"),
    "handin": (hand_in, handin_options, "one zip of a run and its notebook"),
    "class": (class_results, class_options, "for teachers: a page of results that were handed in"),
    "handout": (None, actions(HANDOUT_COMMANDS), "for teachers: make the exercises"),
    "staff": (None, actions(STAFF_COMMANDS), "for teachers: does the course hold together?"),
}
