"""Calls that measure for at most nine minutes each, and go on where the one before ended."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras

from benchmarks import machine
from benchmarks.gpu import pieces, report
from benchmarks.gpu.correctness import is_rounding
from benchmarks.gpu.pieces import Asked
from keras_course import devices, files
from keras_course.errors import Failure, memory_is_full

SECONDS = 9 * 60  # of one call
CUT_OFF = 2  # times, until a part is not tried again


def go_on(names: list[str], asked: Asked, path: Path) -> int:
    """Measure these pieces on this machine, show what there is, and return the exit code."""
    if not asked.short and not devices.gpus():
        backend = keras.backend.backend()
        sys.exit(f"{backend} sees no GPU: `keras-course doctor` may say why. Or give --short.")
    here = {"short": asked.short, **machine.today(), "pieces": {}}
    machines = report.read(path)["machines"]
    same = [each for each in machines if _setting(each) == _setting(here)]
    results = same[0] if same and not asked.short else here
    others = [each for each in machines if each not in same]

    def write(results):
        files.write_json(path, {"machines": [*others, results]})

    whole = run(names, asked, results, write)
    print(report.table(report.read(path)))
    return 0 if whole else 3


def _setting(results):
    """Return what figures depend on: not on PyTorch, which happens to lie there, nor on the day."""
    versions = {name: each for name, each in results["versions"].items() if name != "torch"}
    return results["short"], results["device"], results["precision"], versions


def with_what_they_need(names: list[str]) -> list[str]:
    """Return these pieces, and those that must come before, in the order of `PIECES`."""
    needed = {"correctness", *names, *(["searches"] if "networks" in names else [])}
    return [name for name in pieces.PIECES if name in needed]


def run(names: list[str], asked: Asked, results: dict, write: Callable) -> bool:
    """Measure what is lacking of these pieces and those they need; return whether all is there.

    A part that was cut off twice, such as one that takes longer than a call may, has failed: it is
    not tried again, and the others go on.
    """
    cut_off = results.setdefault("cut off", {})
    ends = time.monotonic() + SECONDS
    for name in with_what_they_need(names):
        piece, done = pieces.PIECES[name], results["pieces"].setdefault(name, {})
        asked = replace(asked, searches=results["pieces"].get("searches", {}))
        longest = 60 * piece.minutes(asked)
        for key, measure in piece.parts(asked).items():
            if key in done and (name != "correctness" or is_rounding(done[key])):
                continue
            if time.monotonic() + longest > ends:
                return False
            part = f"{name}: {key}"
            print(part, flush=True)
            began, times = time.monotonic(), cut_off.get(part, 0)
            cut_off[part] = times + 1  # unless it comes to its end
            write(results)
            if times == CUT_OFF:
                result = {"failed": f"it was cut off {times} times"}
            else:
                result = _measured(measure, memory_may_be_full=name != "correctness")
            del cut_off[part]
            took = time.monotonic() - began
            done[key] = {**result, "minutes": round(took / 60, 1)}
            longest = max(longest, took)
            write(results)
        if name == "correctness" and not all(map(is_rounding, done.values())):
            sys.exit("The device does not compute what it should: nothing else is measured.")
    return True


def _measured(measure, memory_may_be_full):
    """Return the result of a part, or why it ended without one, like for a full memory."""
    try:
        return measure()
    except Failure as error:
        return {"failed": str(error)}
    except Exception as error:
        full = memory_is_full(error) and not files.says_full(error)
        if not (full and memory_may_be_full):
            raise
        print(error, flush=True)
        return {"failed": "the memory of the device was full"}
