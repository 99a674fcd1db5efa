"""How long is each lesson, from top to bottom, as a script and as a notebook?

    python -m benchmarks.lessons            runs what docs/results/lessons.json lacks, or what has
                                            changed since; half an hour for all of them
    python -m benchmarks.lessons --cifar10  the same with DATASET = "cifar10", as scripts
    python -m benchmarks.lessons --check    runs what has changed, and writes nothing
    python -m benchmarks.lessons --show     prints the table of that file

A lesson counts as there when its code and that of its checks are those of then. It must run to its
end without an error, and leave pictures.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import machine
from keras_course import files
from keras_course.lessons import gallery, handout, staff
from keras_course.lessons.lesson import Lesson

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results" / "lessons.json"
CHECKS = ROOT / "keras_course" / "lessons" / "checks"


def digest(name: str, text: str) -> str:
    """Return what stands for the code of a lesson and its checks: without prose and comments."""
    lines = [*text.splitlines(), *(CHECKS / f"{name}.py").read_text(encoding="utf-8").splitlines()]
    code = [line for line in lines if line.strip() and line.lstrip()[0] != "#"]
    return hashlib.sha256("\n".join(code).encode()).hexdigest()[:16]


def measure(name: str, text: str) -> dict:
    """Run a lesson as a script, then as a notebook; return seconds, pictures, and where it ran."""
    with tempfile.TemporaryDirectory() as folder:
        script_seconds, ended = staff.run_script(ROOT / "solutions" / f"{name}.py", Path(folder))
        pictures = sorted(path.name for path in Path(folder, "pictures").glob("*.png"))
    if ended.returncode or not pictures:
        sys.exit(f"{name} ended with code {ended.returncode}:\n{ended.stderr[-3000:]}")
    began = time.perf_counter()
    gallery.executed(name, text)
    return {
        "digest": digest(name, text),
        "script_seconds": round(script_seconds, 1),
        "notebook_seconds": round(time.perf_counter() - began, 1),
        "pictures": pictures,
        **machine.today(),
    }


def measure_on_cifar10(name: str, text: str) -> dict:
    """Run a lesson as a script with its one constant changed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.py")
        path.write_text(text.replace('DATASET = "shapes"', 'DATASET = "cifar10"', 1))
        try:
            seconds, ended = staff.run_script(path, Path(folder))
        except subprocess.TimeoutExpired as error:
            sys.exit(f"{name}: {error}")
    if ended.returncode:
        sys.exit(f"{name} ended with code {ended.returncode}:\n{ended.stderr[-3000:]}")
    return {"digest": digest(name, text), "script_seconds": round(seconds, 1), **machine.today()}


def read() -> dict:
    if not RESULTS.exists():
        return {"lessons": {}}
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def table(results: dict) -> str:
    """Return the results as Markdown, in minutes."""
    lines = [
        "| lesson | slides | as a script | as a notebook | as a script, on CIFAR-10 |",
        "|---|---|---|---|---|",
    ]
    settings, on_cifar10 = set(), results.get("on cifar10", {})
    for name, text in handout.texts(ROOT / "solutions").items():
        run = results["lessons"].get(name)
        if run:
            lesson = Lesson.of(name, text)
            lines.append(
                f"| {lesson.number} {lesson.title} | {lesson.slides} "
                f"| {_minutes(run['script_seconds'])} | {_minutes(run['notebook_seconds'])} "
                f"| {_minutes(on_cifar10.get(name, {}).get('script_seconds'))} |"
            )
            settings |= {machine.said(each) for each in (run, on_cifar10.get(name)) if each}
    return "\n".join([*lines, "", f"{'; '.join(sorted(settings))}."])


def _minutes(seconds):
    return f"{seconds / 60:.1f} min" if seconds else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, run nothing")
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--cifar10", action="store_true", help="on CIFAR-10")
    given = parser.parse_args()
    results = read()
    texts = {} if given.show else handout.texts(ROOT / "solutions")
    part, run = ("on cifar10", measure_on_cifar10) if given.cifar10 else ("lessons", measure)
    there = results.setdefault(part, {})
    for name, text in texts.items():
        if there.get(name, {}).get("digest") == digest(name, text):
            continue
        print(name, flush=True)
        there[name] = run(name, text)
        if not given.check:
            results[part] = {each: there[each] for each in texts if each in there}
            files.write_json(RESULTS, results)
    print(table(results))


if __name__ == "__main__":
    main()
