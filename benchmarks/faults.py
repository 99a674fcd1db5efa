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
from pathlib import Path
from xml.etree import ElementTree

from benchmarks import machine
from keras_course import files

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results" / "faults.json"


def measure() -> tuple[int, dict]:
    """Run the suite; return pytest's exit code, and what each test found."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        marks = "faults or not faults"
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", marks]
        command += ["tests/faults/test_two_workers.py", "tests/faults"]  # the longest one first
        code = subprocess.run([*command, f"--junitxml={report}"], cwd=ROOT, check=False).returncode
        cases = [_case(element) for element in ElementTree.parse(report).iter("testcase")]
    return code, {"cases": cases, **machine.today()}


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
    """Return the results as Markdown, one line for each case of the whole suite."""
    lines = [
        "| what happens, and what it proves | tried | | outcome | seconds |",
        "|---|---|---|---|---|",
    ]
    for case in results["cases"]:
        name, _, varied = case["name"].removeprefix("test_").removesuffix("]").partition("[")
        if varied.endswith(("few", "flipped-1")):
            continue  # the short version of another line
        words = name.replace("_", " ") + (f" ({varied})" if varied else "")
        lines.append(
            f"| {words} | {case.get('points', 1)} | {case.get('said', '')} | {case['outcome']} "
            f"| {case['seconds']:.0f} |"
        )
    return "\n".join([*lines, "", f"{machine.said(results)}."])


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
