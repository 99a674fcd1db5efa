"""Keras comes on the backend that was asked for, or the command says in one line why not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
sys.modules[sys.argv[1]] = None  # as if it were not installed
from keras_course.cli import main
sys.exit(main(["models", "describe", "lenet"]))
"""


@pytest.mark.parametrize(
    "backend, missing, message",
    [
        ("tensorflow", "tensorflow", "on tensorflow, which is not installed"),
        ("jax", "jax", "on jax, which is not installed"),
        ("torch", "nothing", "KERAS_BACKEND must be tensorflow or jax. Received: 'torch'."),
    ],
)
def test_a_backend_that_is_not_there_ends_in_one_line(backend, missing, message):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, missing],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "KERAS_BACKEND": backend},
    )
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count("\n") == 1
