"""What the machine computes with, and in which precision it does so best."""

import contextlib
import platform
import re
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
    """Return the GPUs that Keras' backend sees."""
    if keras.backend.backend() == "jax":
        import jax

        return [device for device in jax.devices() if device.platform in ("gpu", "cuda", "rocm")]
    import tensorflow as tf

    return tf.config.list_physical_devices("GPU")


def _details(gpu) -> tuple[str, tuple[int, int]]:
    """Return the name of a GPU and its compute capability, (0, 0) where it has none."""
    if keras.backend.backend() == "jax":
        found = re.fullmatch(r"(\d+)\.(\d+)", gpu.compute_capability)  # AMD's are like gfx90a
        return gpu.device_kind, tuple(map(int, found.groups())) if found else (0, 0)
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(gpu)
    return details.get("device_name", "GPU"), details.get("compute_capability", (0, 0))


def describe(used: int = 1) -> str:
    """Return the name of the device that trains: of the GPU, else of the processor.

    used: how many of the GPUs train, "2 x NVIDIA H100" where that is all of them, else "NVIDIA
    H100, one of 8".
    """
    if found := gpus():
        name = _details(found[0])[0]
        if used == len(found):
            return f"{used} x {name}"
        return f"{name}, {'one' if used == 1 else used} of {len(found)}"
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
    scaling on GPUs with 7.0 or 7.5, else float32. JAX makes no use of a processor's bfloat16: no
    network was faster with it than in float32, ResNet-20 was slower.
    """
    if precision != "auto":
        if precision not in PRECISIONS:
            raise unknown("precision", precision, ["auto", *PRECISIONS])
        return precision
    if found := gpus():
        capability = _details(found[0])[1]
        return (
            "bfloat16" if capability >= (8, 0) else "float16" if capability >= (7, 0) else "float32"
        )
    fast = bfloat16_in_hardware() and keras.backend.backend() == "tensorflow"
    return "bfloat16" if fast else "float32"


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
    """Raise a `UserError` when Keras' backend sees no GPU."""
    if not gpus():
        raise UserError(
            f"A GPU was asked for and {keras.backend.backend()} sees none. Run `keras-course "
            "doctor` to learn why, or leave out --device gpu."
        )


def peak_megabytes() -> int | None:
    """Return the most memory that this process has held so far, in MB of a million bytes.

    None on Windows, which does not tell.
    """
    try:
        import resource
    except ModuleNotFoundError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6)
