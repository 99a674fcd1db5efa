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


MEMORY = ("XLA_PYTHON_CLIENT_PREALLOCATE", "TF_FORCE_GPU_ALLOW_GROWTH")


@pytest.mark.parametrize("asked, found", [({}, "false true"), (dict.fromkeys(MEMORY, "1"), "1 1")])
def test_a_gpu_can_be_shared_unless_the_user_wants_it_otherwise(asked, found):
    environment = {name: value for name, value in os.environ.items() if name not in MEMORY}
    program = f"import os, keras_course; print(*map(os.environ.get, {MEMORY}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        env={**environment, **asked},
    )
    assert done.stdout.split() == found.split()


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
    assert "Keras is set to run on torch" in done.stderr and done.stderr.count("\n") == 1
