"""Where does the time of a training step go?

    python -m benchmarks.profile_step            measures ResNet-20 and the first CNN, and writes
                                                 docs/results/profile_step.json, beside
                                                 those of other processors
    python -m benchmarks.profile_step --show     prints the tables of that file

TensorFlow's profiler records how long each operation ran in each thread; the times are summed over
threads by kind of operation, ours beside those of Keras as it comes. Waiting shows in none of them.
"""

import argparse
import collections
import json
import tempfile
from pathlib import Path

from benchmarks import machine, step
from keras_course import files

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "profile_step.json"
CASES = (("resnet20", 128), ("resnet18", 128), ("simple_cnn", 32))
STEPS = 20
AROUND = ("Process", "Run", "Start", "Done")  # of TensorFlow's executor, around the operations
SHOWN = 14  # kinds of operations; the others are summed


def profile(stopwatch) -> dict[str, float]:
    """Return the milliseconds of a step by kind of operation, summed over threads."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    stopwatch(10)
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        seconds = stopwatch(STEPS)
        tf.profiler.experimental.stop()
        (path,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    spent = collections.Counter()
    for plane in space.planes:
        if "CPU" not in plane.name:
            continue
        for line in plane.lines:
            for event in line.events:
                # An operation is called "layer/of/the/model:Conv2D".
                name, colon, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if colon and name and kind.isidentifier() and kind not in AROUND:
                    spent[kind] += event.duration_ps / 1e9 / STEPS
    return {"step": 1000 * seconds / STEPS, **dict(spent.most_common())}


def _table_of(case: str, measured: dict) -> str:
    """Return one network's profile as Markdown."""
    fast, stock = measured["ours"], measured["Keras as it comes"]
    kinds = sorted(set(fast) | set(stock), key=lambda kind: -stock.get(kind, 0) - fast.get(kind, 0))
    kinds.remove("step")
    rows = [("**the step, on all cores**", fast["step"], stock["step"])]
    rows += [(kind, fast.get(kind, 0), stock.get(kind, 0)) for kind in kinds[:SHOWN]]
    rest = [sum(run.get(kind, 0) for kind in kinds[SHOWN:]) for run in (fast, stock)]
    rows.append((f"{len(kinds) - SHOWN} other kinds", *rest))
    lines = [f"| {case}: milliseconds a step | ours | Keras as it comes |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {a:.1f} | {b:.1f} |" for name, a, b in rows)])


def table(results: dict) -> str:
    """Return the results as Markdown."""
    parts = []
    for each in results["machines"]:
        parts += [_table_of(case, measured) for case, measured in each["cases"].items()]
        parts.append(f"Operations: summed over threads. {machine.said(each)}.")
    return "\n\n".join(parts)


def read() -> dict:
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the tables, measure nothing")
    if not parser.parse_args().show:
        cases = {}
        for name, size in CASES:
            made = {"ours": step.ours, "Keras as it comes": step.keras_as_it_comes}
            cases[f"{name}, {size}"] = {
                key: {kind: round(ms, 3) for kind, ms in profile(make(name, size)).items()}
                for key, make in made.items()
            }
        older = read()["machines"] if RESULTS.exists() else []
        here = {**machine.today(), "cases": cases}
        files.write_json(RESULTS, {"machines": machine.beside(older, here)})
    print(table(read()))


if __name__ == "__main__":
    main()
