"""The tables of the results, as Markdown."""

import json
import re
from pathlib import Path

import numpy as np

from benchmarks import machine
from benchmarks.gpu import pieces
from benchmarks.gpu.pieces import Asked

RESULTS = Path(__file__).parents[2] / "docs" / "results" / "gpu.json"


def read(path: Path) -> dict:
    """Return the results of all machines, none where there is no such file."""
    if not path.exists():
        return {"machines": []}
    return json.loads(path.read_text(encoding="utf-8"))


def table(results: dict, *names: str) -> str:
    """Return the results as Markdown: of each machine a table for each of the pieces, or for all.

    Where some are asked for, those of shortened runs are left out.
    """
    machines = sorted(results["machines"], key=lambda each: each["short"])
    if names:
        machines = [each for each in machines if not each["short"]]
        measured = [each for each in machines if set(names) & set(each["pieces"])]
        return "\n\n".join(_tables_of(each, names) for each in measured)
    lines = []
    if all(each["short"] for each in machines):
        lines = [
            "**The figures of a GPU are still to be measured.** What stands here is the shortened "
            "run of a processor: it shows that the script runs."
        ]
    return "\n\n".join([*lines, *map(_tables_of, machines)])


def _tables_of(results, names=()):
    """Return those of one machine: of these pieces, or all, and what is missing."""
    lines = []
    if not names:
        lines = [f"### {results['device']}{', shortened' if results['short'] else ''}", ""]
    for name in names or pieces.PIECES:
        done, piece = results["pieces"].get(name), pieces.PIECES[name]
        if not done:
            continue
        lines += [piece.__doc__.splitlines()[0], "", piece.HEAD]
        lines += ["|---" * piece.HEAD.count(" |") + "|"]
        measured = {key: case for key, case in done.items() if "failed" not in case}
        lines += [f"| {key} | {piece.cells(case)} |" for key, case in _over_seeds(measured).items()]
        lines += [""]
        if failed := [key for key in done if key not in measured]:
            lines += [*(f"- {key} failed: {done[key]['failed']}" for key in failed), ""]
    if not names and (missing := _missing(results)):
        lines += [f"Still to be measured there: {missing}.", ""]
    return "\n".join([*lines, f"{machine.said(results)}."])


def _over_seeds(done):
    """Return the cases, those that differ in their seed alone as one.

    That has the means of the accuracies, the medians of all else, and the range of the tests.
    """
    seeds = {}
    for key, case in done.items():
        seeds.setdefault(key.partition(", seed")[0], []).append(case)
    found = {}
    for key, cases in seeds.items():
        found[key] = {**cases[0], "seeds": len(cases)}
        for name, value in cases[0].items():
            if isinstance(value, int | float):
                middle = np.mean if "accuracy" in name else np.median
                found[key][name] = float(middle([case[name] for case in cases]))
        if tested := [case["test_accuracy"] for case in cases if "test_accuracy" in case]:
            found[key]["range"] = f"{min(tested):.2%} to {max(tested):.2%}"
    return found


def _missing(results):
    """Return in words what a machine has not measured yet."""
    lacking = []
    for name, piece in pieces.PIECES.items():
        done = results["pieces"].get(name, {})
        there = {_without_minutes(key) for key in done}
        wanted = map(_without_minutes, piece.parts(Asked(results["short"])))
        left = [key for key in wanted if key not in there]
        if not done:
            lacking.append(name)
        elif left:
            lacking.append(f"{name} of {', '.join(left)}")
    return "; ".join(lacking)


def _without_minutes(key):
    return re.sub(r", [\d.]+ min", "", key)
