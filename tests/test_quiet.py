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


def test_another_backend_in_the_settings_of_keras_ends_in_one_line_too(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    environment.pop("KERAS_BACKEND", None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "nothing"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        env=environment,
    )
    assert done.returncode == 2
    assert "Keras is to run on torch" in done.stderr and done.stderr.count("\n") == 1
