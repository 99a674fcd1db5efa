"""How many wrong and right answers do the lessons' checks tell apart, and how long do they take?

    python -m benchmarks.checks            judges every answer in tests/mistakes and tests/answers,
                                           and writes docs/results/checks.json
    python -m benchmarks.checks --show     prints the table of that file

Seconds are those of the slowest check in a process that has Keras imported already.
"""

import argparse
import contextlib
import importlib
import json
import re
import time
from collections.abc import Callable
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


def todo(name: str) -> str:
    """Return which check an answer is for."""
    return name.partition("__")[0]


def judged(check, answer) -> tuple[str | None, float]:
    """Return what a check says of an answer that it refuses, and its seconds."""
    from keras_course.lessons.check import CheckFailed

    began = time.perf_counter()
    try:
        with contextlib.redirect_stdout(None):
            check(answer)
    except CheckFailed as refused:
        return str(refused), time.perf_counter() - began
    return None, time.perf_counter() - began


def diagnosis(said: str, answer: Callable) -> str:
    """Return the cause that a refusal tells; where it needs none, what it says but for numbers."""
    if found := re.search("Usual cause: (.+)", said):
        return found[1]
    first = said.splitlines()[0].replace(answer.__name__, "")
    return re.sub(r"\d+(\.\d+)?", "n", first)


def measure(lesson: str) -> dict:
    """Judge all answers to a lesson's TODOs."""
    from keras_course.lessons import student

    checks = dict(student.of_lesson(lesson).values())
    wrong, right = answers("mistakes", lesson), answers("answers", lesson)
    of_wrong = {name: judged(checks[todo(name)], answer) for name, answer in wrong.items()}
    of_right = {name: judged(checks[todo(name)], answer) for name, answer in right.items()}
    refused = {name: said for name, (said, _) in of_wrong.items() if said}
    return {
        "todos": len(checks),
        "mistakes": len(wrong),
        "diagnoses": len({(todo(n), diagnosis(said, wrong[n])) for n, said in refused.items()}),
        "refused": len(refused),
        "styles": len(right),
        "accepted": sum(said is None for said, _ in of_right.values()),
        "slowest_wrong": round(max(seconds for _, seconds in of_wrong.values()), 2),
        "slowest_right": round(max(seconds for _, seconds in of_right.values()), 2),
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
