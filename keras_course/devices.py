"""What the machine computes with, and in which precision it does so best."""

import contextlib
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import keras

from keras_course.errors import UserError, unknown

PRECISIONS = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}


def gpus() -> list:
    """Return TensorFlow's GPUs."""
    import tensorflow as tf

    return tf.config.list_physical_devices("GPU")


def describe() -> str:
    """Return the name of the device that trains: of the GPU, else of the processor."""
    if found := gpus():
        import tensorflow as tf

        name = tf.config.experimental.get_device_details(found[0]).get("device_name", "GPU")
        return f"{len(found)} x {name}"
    return f"{processor()}, {cores()} cores"


def cores() -> int:
    """Return how many processor cores this process may use."""
    import os

    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """Return the processor's name."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def bfloat16_in_hardware() -> bool:
    """Return whether the processor multiplies bfloat16; without that it is slower than float32."""
    return bool({"avx512_bf16", "amx_bf16"} & set(_cpuinfo().get("flags", "").split()))


def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")  # Linux only; elsewhere nothing is known
    lines = path.read_text().split("\n\n")[0].splitlines() if path.exists() else []
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def choose_precision(precision: str) -> str:
    """Return "float32", "bfloat16" or "float16"; "auto" becomes the best of the hardware.

    bfloat16 where the processor or GPU has it (compute capability 8.0 on), float16 with loss
    scaling on GPUs with 7.0 or 7.5, else float32.
    """
    if precision != "auto":
        if precision not in PRECISIONS:
            raise unknown("precision", precision, ["auto", *PRECISIONS])
        return precision
    if found := gpus():
        import tensorflow as tf

        details = tf.config.experimental.get_device_details(found[0])
        capability = details.get("compute_capability", (0, 0))
        return (
            "bfloat16" if capability >= (8, 0) else "float16" if capability >= (7, 0) else "float32"
        )
    return "bfloat16" if bfloat16_in_hardware() else "float32"


@contextlib.contextmanager
def building_in(precision: str) -> Iterator[None]:
    """Make layers that are built inside the block compute in this precision.

    The layers keep the policy that they were built with, so that nothing which resets Keras'
    global policy later, as KerasTuner does before each trial, can change it.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(PRECISIONS[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def require_gpu() -> None:
    """Raise a `UserError` when TensorFlow sees no GPU."""
    if not gpus():
        raise UserError(
            "A GPU was asked for and TensorFlow sees none. Run `keras-course doctor` to learn why, "
            "or leave out --device gpu."
        )


def peak_megabytes() -> int:
    """Return the most memory that this process has held so far, in MB of a million bytes."""
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6)
