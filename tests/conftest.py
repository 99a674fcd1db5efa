"""Tiny images that every test can afford."""

import gc
import os
import signal
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import pytest

from keras_course import quiet
from keras_course.data.splits import Split, Splits

ROOT = Path(__file__).parents[1]
# `make test-jax` runs them, and test_backends.py one of them in a process of its own.
ON_JAX = ["test_jax.py", "test_side_by_side.py"]
collect_ignore = [] if os.environ.get("KERAS_BACKEND") == "jax" else ON_JAX


def pytest_configure(config):
    """Import Keras before the tests; the process that only hands them out needs none."""
    # What a shell has started in the background ignores Ctrl-C, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        quiet.import_keras()
        from keras_course import timing

        timing.TIMED = 0.0  # a few steps are enough


def pytest_collection_modifyitems(items):
    """Skip the tests for the staff in a student's copy."""
    said = [
        f"it has no {folder}"
        for folder in ("solutions", "tests/answers")
        if not any((ROOT / folder).glob("ex*.py"))
    ]
    if (ROOT / "exercises" / "progress.json").is_file():
        said.append("it has exercises/progress.json")
    for item in items:
        if said and item.get_closest_marker("staff"):
            item.add_marker(pytest.mark.skip(reason=f"a student's copy: {', '.join(said)}"))


def bright_channel(count, classes=3, size=16, seed=0):
    """Images whose class is the brightest channel: easy for every network."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    images = random.integers(0, 100, (count, size, size, 3))
    images[np.arange(count), :, :, labels] += 120
    return Split(images.astype("uint8"), labels.astype("int64"))


@pytest.fixture(scope="session")
def splits():
    """96 + 30 + 30 images of three classes, 16x16 pixels."""
    return Splits(
        bright_channel(96, seed=1),
        bright_channel(30, seed=2),
        bright_channel(30, seed=3),
        ("red", "green", "blue"),
    )


def pytest_collection_finish():
    """What was imported stays: collecting garbage, as Keras' clear_session does, passes it over."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def large_networks_leave_the_memory(request):
    """Of VGG-19 and the like in two processes, one after the other, 24 GB do not hold many."""
    yield
    if request.node.get_closest_marker("slow"):
        import keras

        keras.utils.clear_session()
        gc.collect()
