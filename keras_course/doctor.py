"""Does this machine have what the course needs?

Each finding that is not fine comes with what mends it, where something does.
"""

import dataclasses
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from keras_course import quiet

TESTED_PYTHONS = ((3, 11), (3, 12), (3, 13))
DISK_NEEDED = 2e9  # bytes: CIFAR-10, its cache and some runs


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was looked at: fine, a matter of taste, or missing."""

    state: str  # "ok", "note" or "missing"
    text: str
    mend: str = ""

    def __str__(self):
        mend = f"\n            to fix it: {self.mend}" if self.mend else ""
        return f"  {self.state:8}  {self.text}{mend}"


def main(timed: bool = True) -> int:
    """Print the findings; return 1 if something that is needed is missing, else 0."""
    if not (missing := _print(python, packages)):
        quiet.import_keras()
        missing = _print(gpu, precision, graphviz, data_sets, disk)
    if timed and not missing:
        _print(seconds_per_epoch)
    print(f"{missing} missing." if missing else "Everything that is needed is here.")
    return 1 if missing else 0


def _print(*looks):
    """Print what the functions find, and return how much of it is missing."""
    missing = 0
    for look in looks:
        for finding in look():
            print(finding, flush=True)
            missing += finding.state == "missing"
    return missing


def python() -> Iterator[Finding]:
    text = f"Python {platform.python_version()} on {platform.platform()}"
    if sys.version_info[:2] in TESTED_PYTHONS:
        yield Finding("ok", text)
    else:
        yield Finding("note", f"{text}; tested with 3.11 to 3.13", "install one of these")


def tested_versions() -> dict[str, str]:
    """Return package -> version from the requirements of the backend that was asked for, or, as
    installed from a wheel, those of TensorFlow from there."""
    path = Path(__file__).parents[1] / f"requirements{'-jax' if _on_jax() else ''}.txt"
    lines = path.read_text().splitlines() if path.exists() else metadata.requires("keras-course")
    pins = (re.match(r"([\w-]+)==([\w.]+)(?!.*extra ==)", line) for line in lines)
    return dict(pin.groups() for pin in pins if pin)


def _on_jax():
    """Return whether Keras will choose JAX, without importing it."""
    path = Path(os.environ.get("KERAS_HOME", "~/.keras"), "keras.json").expanduser()
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = {}
    return os.environ.get("KERAS_BACKEND", settings.get("backend")) == "jax"


def packages() -> Iterator[Finding]:
    """Compare what is installed with what was tested."""
    for name, tested in tested_versions().items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding("missing", f"{name} is not installed", f"pip install {name}=={tested}")
            continue
        if version == tested:
            yield Finding("ok", f"{name} {version}")
        else:
            mend = f"pip install {name}=={tested}, if something fails"
            yield Finding("note", f"{name} {version}; tested with {tested}", mend)


def gpu() -> Iterator[Finding]:
    from keras_course import devices

    if devices.gpus():
        yield Finding("ok", f"GPU: {devices.describe()}")
    elif sys.platform == "win32":
        yield Finding(
            "note",
            "no GPU: on native Windows neither TensorFlow nor JAX sees one",
            "install WSL2 and run the course in its Linux",
        )
    elif sys.platform == "darwin":
        yield Finding("note", "no GPU: the plugins for Apple's GPUs do not work with Keras 3")
    elif not Path("/proc/driver/nvidia/version").exists():
        yield Finding("note", "no GPU: this machine has no NVIDIA driver; the CPU is used")
    else:
        backend, extra = ("jax", "cuda12") if _on_jax() else ("tensorflow", "and-cuda")
        yield Finding(
            "note",
            f"an NVIDIA driver is here, but {backend} lacks the CUDA libraries",
            f"pip install '{backend}[{extra}]=={metadata.version(backend)}'",
        )


def precision() -> Iterator[Finding]:
    from keras_course import devices

    chosen = devices.choose_precision("auto")
    has = "has" if devices.bfloat16_in_hardware() else "has no"
    yield Finding("ok", f"{devices.processor()} {has} bfloat16; precision auto means {chosen}")


def graphviz() -> Iterator[Finding]:
    if shutil.which("dot") and importlib.util.find_spec("pydot"):
        yield Finding("ok", "graphviz and pydot: keras.utils.plot_model works")
    else:
        mend = "install graphviz (apt, brew or winget) and `pip install pydot`"
        yield Finding("note", "no graphviz: only keras.utils.plot_model needs it", mend)


def data_sets() -> Iterator[Finding]:
    from keras_course.data import prepared

    yield Finding("ok", "data set shapes: drawn by the program, nothing to download")
    for name in ("cifar10", "cifar100"):
        if prepared.find(name):
            yield Finding("ok", f"data set {name} is prepared")
        else:
            mend = f"keras-course data prepare {name}"
            yield Finding("note", f"data set {name} is not on this machine", mend)


def disk() -> Iterator[Finding]:
    free = shutil.disk_usage(Path.cwd()).free
    if free >= DISK_NEEDED:
        yield Finding("ok", f"{free / 1e9:.0f} GB of disk free")
    else:
        text = f"{free / 1e9:.1f} GB of disk free; {DISK_NEEDED / 1e9:.0f} GB are needed"
        yield Finding("missing", text, "free some, or run in a folder on another disk")


def seconds_per_epoch() -> Iterator[Finding]:
    """Time a small and a larger network on the embedded data set."""
    from keras_course import data, timing, training
    from keras_course.data import pipeline
    from keras_course.recipes import Recipe

    splits = data.load("shapes")
    for name in ("simple_cnn", "resnet20"):
        recipe = Recipe(model=name)
        train, steps = training.batches(recipe, splits)
        validation = pipeline.evaluation_batches(*splits.validation)
        model = training.build(recipe, splits)
        seconds = timing.measure_epoch(model, train, steps, validation)
        images = len(splits.train.images)
        text = f"{name} on shapes: {timing.duration(seconds)} per epoch of {images:,} images"
        yield Finding("ok", text)
