"""How many wrong and right answers do the lessons' checks tell apart, and how long do they take?

    python -m benchmarks.checks            judges every answer in tests/mistakes and tests/answers,
                                           and writes docs/results/checks.json
    python -m benchmarks.checks --show     prints the table of that file

Seconds are those of the slowest check in a process that has Keras imported already.
"""

import argparse
import contextlib
import importlib
import inspect
import json
import time
from pathlib import Path

from benchmarks import machine
from keras_course import files, quiet

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results" / "checks.json"


def answers(folder: str, lesson: str) -> dict:
    """Return the functions and classes of a file of tests by their names, `CHECK__WHAT`."""
    found = vars(importlib.import_module(f"tests.{folder}.{lesson}"))
    return {
        name: answer
        for name, answer in found.items()
        if not name.startswith("_") and "__" in name and callable(answer)
    }


def judged(check, answer) -> tuple[bool, float]:
    """Return whether a check accepts an answer, and its seconds."""
    from keras_course.lessons.check import CheckFailed

    began = time.perf_counter()
    try:
        with contextlib.redirect_stdout(None):
            check(answer)
    except CheckFailed:
        return False, time.perf_counter() - began
    return True, time.perf_counter() - began


def measure(lesson: str) -> dict:
    """Judge all answers to a lesson's TODOs."""
    from keras_course.lessons import student

    checks = dict(student.of_lesson(lesson).values())
    wrong, right = answers("mistakes", lesson), answers("answers", lesson)
    of_wrong = [judged(checks[name.partition("__")[0]], answer) for name, answer in wrong.items()]
    of_right = [judged(checks[name.partition("__")[0]], answer) for name, answer in right.items()]
    return {
        "todos": len(checks),
        "mistakes": len(wrong),
        "diagnoses": len({(n.partition("__")[0], inspect.getdoc(a)) for n, a in wrong.items()}),
        "refused": sum(not accepted for accepted, _ in of_wrong),
        "styles": len(right),
        "accepted": sum(accepted for accepted, _ in of_right),
        "slowest_wrong": round(max(seconds for _, seconds in of_wrong), 2),
        "slowest_right": round(max(seconds for _, seconds in of_right), 2),
    }


def table(results: dict) -> str:
    """Return the results as Markdown."""
    lines = [
        "| lesson | TODOs | wrong answers | refused | different diagnoses "
        "| right ones in other styles | accepted | slowest check, right | wrong |",
        "|---" * 9 + "|",
    ]
    every = list(results["lessons"].values())
    names = ("todos", "mistakes", "refused", "diagnoses", "styles", "accepted")
    total = {name: sum(each[name] for each in every) for name in names}
    total |= {
        name: max(each[name] for each in every) for name in ("slowest_right", "slowest_wrong")
    }
    for lesson, each in {**results["lessons"], "all": total}.items():
        counts = " | ".join(str(each[name]) for name in names)
        times = f"{each['slowest_right']:.1f} s | {each['slowest_wrong']:.1f} s"
        lines.append(f"| {lesson} | {counts} | {times} |")
    return "\n".join([*lines, "", f"{machine.said(results)}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, measure nothing")
    if not parser.parse_args().show:
        quiet.import_keras()
        lessons = sorted(path.stem for path in (ROOT / "solutions").glob("ex*.py"))
        results = {lesson: measure(lesson) for lesson in lessons}
        files.write_json(RESULTS, {**machine.today(), "lessons": results})
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
