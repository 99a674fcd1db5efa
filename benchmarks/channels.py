"""How long does batch normalization take for so many channels, forward and back?

    python -m benchmarks.channels            measures, and writes docs/results/channels.json
    python -m benchmarks.channels --show     prints the table of that file

Ours, TensorFlow's fused operation alone, and Keras' layer normalize the same 128 images of 32x32
pixels, in bfloat16 where the processor has it. They take turns; times are medians of the rounds.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

from benchmarks import machine
from keras_course import files

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "channels.json"
CHANNELS = (12, 16, 24, 28, 32, 40, 64)
ROUNDS, CALLS = 7, 10


def contestants(channels: int) -> dict:
    """Return for each contestant a function that normalizes images and takes the gradient."""
    import keras
    import tensorflow as tf

    from keras_course import devices
    from keras_course.layers import BatchNormalization

    half = devices.choose_precision("auto") == "bfloat16"
    policy = "mixed_bfloat16" if half else "float32"
    shape = (128, 32, 32, channels)
    kind = "bfloat16" if half else "float32"
    x, upstream = (tf.cast(tf.random.normal(shape), kind) for _ in range(2))

    def fused(x, training):
        one, zero = tf.ones(channels), tf.zeros(channels)
        return tf.raw_ops.FusedBatchNormV3(
            x=x, scale=one, offset=zero, mean=[], variance=[], is_training=training
        )[0]

    def step(normalize):
        @tf.function
        def forward_and_back():
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = normalize(x, training=True)
            return tape.gradient(y, x, output_gradients=upstream)

        forward_and_back()
        return forward_and_back

    layers = (BatchNormalization(dtype=policy), keras.layers.BatchNormalization(dtype=policy))
    for layer in layers:
        layer.build(shape)
    ours, stock = layers
    return {
        "ours": step(ours),
        "the fused operation alone": step(fused),
        "Keras as it comes": step(stock),
    }


def measure(channels: int) -> dict[str, float]:
    """Return the median milliseconds of a call of each contestant."""
    runs = contestants(channels)
    times = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            began = time.perf_counter()
            for _ in range(CALLS):
                run()
            times[name].append(1000 * (time.perf_counter() - began) / CALLS)
    return {name: round(statistics.median(each), 2) for name, each in times.items()}


def table(results: dict) -> str:
    """Return the results as Markdown, in milliseconds."""
    names = list(next(iter(results["channels"].values())))
    lines = ["| channels | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for channels, measured in results["channels"].items():
        lines.append(f"| {channels} | " + " | ".join(f"{measured[n]:.1f} ms" for n in names) + " |")
    said = "128 images of 32x32 pixels, forward and back"
    return "\n".join([*lines, "", f"{said}. {machine.said(results)}, {ROUNDS} rounds."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the table, measure nothing")
    if not parser.parse_args().show:
        results = {**machine.today(), "channels": {}}
        for channels in CHANNELS:
            results["channels"][str(channels)] = measure(channels)
        files.write_json(RESULTS, results)
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
