"""The fault suite: a run and a search are broken wherever they could be, and go on.

    python -m benchmarks.faults           runs tests/faults whole, and writes
                                          docs/results/faults.json
    python -m benchmarks.faults --show    prints the table of that file

The exit code is that of pytest.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from benchmarks import machine
from keras_course import files, timing

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results" / "faults.json"


def measure() -> tuple[int, dict]:
    """Run the suite; return pytest's exit code, and what each test found."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        marks = "faults or not faults"
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", marks, "tests/faults"]
        began = time.perf_counter()
        code = subprocess.run([*command, f"--junitxml={report}"], cwd=ROOT, check=False).returncode
        cases = [_case(element) for element in ElementTree.parse(report).iter("testcase")]
    seconds = round(time.perf_counter() - began)
    return code, {"cases": cases, "seconds": seconds, **machine.today()}


def _case(element):
    said = {each.get("name"): each.get("value") for each in element.iter("property")}
    outcome = {child.tag for child in element} & {"failure", "error", "skipped"}
    return {
        "name": element.get("name"),
        "outcome": outcome.pop() if outcome else "passed",
        "seconds": round(float(element.get("time")), 1),
        **said,
    }


def table(results: dict) -> str:
    """Return the results as Markdown, one line for each test with all that it was tried with."""
    tests = {}
    for case in results["cases"]:
        name, _, varied = case["name"].removeprefix("test_").removesuffix("]").partition("[")
        if not varied.endswith(("few", "flipped-1")):  # the short version of another case
            tests.setdefault(name.replace("_", " "), []).append((varied, case))
    lines = [
        "| what happens, and what it proves | tried with | times | outcome | seconds |",
        "|---|---|---|---|---|",
    ]
    for words, cases in tests.items():
        lines.append(
            f"| {words} | {', '.join(filter(None, (_tried(*each) for each in cases)))} "
            f"| {sum(int(case.get('points', 1)) for _, case in cases)} "
            f"| {', '.join(dict.fromkeys(case['outcome'] for _, case in cases))} "
            f"| {sum(case['seconds'] for _, case in cases):.0f} |"
        )
    whole = f"All of it, two tests at a time: {timing.duration(results['seconds'])}."
    return "\n".join([*lines, "", f"{whole} {machine.said(results)}."])


def _tried(varied, case):
    """Return what a case was tried with, and what it says of itself."""
    words = varied.removesuffix("-every").removesuffix("-6").partition("-failed-")[0]
    words = words.partition("-diverged-")[0].replace("-", " ").replace("_", " ")
    return " ".join(filter(None, [words, f"({case['said']})" if "said" in case else ""]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, run nothing")
    code = 0
    if not parser.parse_args().show:
        code, results = measure()
        files.write_json(RESULTS, results)
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))
    return code


if __name__ == "__main__":
    sys.exit(main())
