"""The commands for teachers: hand out, verify, and see what was handed in."""

from importlib.util import find_spec
from pathlib import Path

from keras_course import quiet
from keras_course.cli import options, patterns
from keras_course.errors import UserError


def handout_build(given):
    from keras_course.lessons import handout

    only = _numbers(given.only) if given.only else None
    solutions = Path(given.solutions)
    if given.nbgrader:
        if given.output:
            raise UserError("--nbgrader already names the folder to write: leave out --output.")
        if given.repository:
            raise UserError(
                "Give --repository (exercises for Colab) or --nbgrader (a course folder), not both."
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
    needed = ("nbclient", "nbconvert", "ipykernel", "latex2mathml")
    missing = [name for name in needed if not find_spec(name)]
    if missing:
        raise UserError(f"{missing[0]} is not installed: pip install -e '.[staff]'")
    quiet.import_keras()
    from keras_course.lessons.gallery import gallery

    only = _numbers(given.only) if given.only else None
    for path in gallery(Path(given.solutions), Path(given.output), only):
        print(path, flush=True)


def staff_verify(given):
    quiet.import_keras()
    from keras_course.lessons import staff

    only = _numbers(given.only) if given.only else None
    wrong = staff.verify(Path(), full=given.full, repository=given.repository, only=only)
    print(f"{len(wrong)} findings." if wrong else "All is well.")
    return int(bool(wrong))


def class_results(given):
    from keras_course.lessons.class_page import class_page

    path = Path(given.output)
    count, wrong = class_page(list(map(Path, patterns.spelt_out(given.handins))), path)
    print(f"{path}: {count} hand-ins.", *wrong, sep="\n")
    return int(bool(wrong))


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


def build_options(command):
    command.add_argument("--solutions", metavar="FOLDER", default="solutions")
    text = "folder to write into (default: exercises)"
    command.add_argument("--output", metavar="FOLDER", help=text)
    command.add_argument("--only", metavar="NUMBERS", help="of lessons, like 1-6")
    text = "repository on GitHub: give the notebooks a badge that opens them in Colab"
    command.add_argument("--repository", metavar="OWNER/NAME", help=text)
    text = "write a course folder for nbgrader instead"
    command.add_argument("--nbgrader", metavar="FOLDER", help=text)


def gallery_options(command):
    command.add_argument("--solutions", metavar="FOLDER", default="solutions")
    text = "folder to write into (default: gallery)"
    command.add_argument("--output", metavar="FOLDER", default="gallery", help=text)
    command.add_argument("--only", metavar="NUMBERS", help="of lessons, like 1-6")


def verify_options(command):
    command.add_argument("--full", action="store_true", help="also run every lesson")
    command.add_argument("--only", metavar="NUMBERS", help="of lessons, like 1-6")
    text = "the --repository that the exercises were built with"
    command.add_argument("--repository", metavar="OWNER/NAME", help=text)


def class_options(command):
    command.add_argument("handins", metavar="HANDIN", nargs="+", help="a zip made by `handin`")
    text = "page to write (default: class.html)"
    command.add_argument("--output", metavar="FILE", default="class.html", help=text)


HANDOUT = {
    "build": (handout_build, build_options, "make the exercises from the solutions"),
    "gallery": (handout_gallery, gallery_options, "run the solutions and write them as pages"),
}
STAFF = {"verify": (staff_verify, verify_options, "check that the course is consistent")}
COMMANDS = {
    "class": (class_results, class_options, "for teachers: a page of results that were handed in"),
    "handout": (None, options.actions(HANDOUT), "for teachers: make the exercises"),
    "staff": (None, options.actions(STAFF), "for teachers: check that the course is consistent"),
}
