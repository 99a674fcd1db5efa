"""A function in a process of its own answers, or its end is told; nobody is left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keras_course import apart
from tests.test_repository import ROOT
from tests.test_search_workers import processes_of, wait_for

SLEEPS = """
from keras_course import apart, signals

if __name__ == "__main__":
    signals.end_on_sigterm()
    apart.call("time.sleep", 600)
"""


def test_it_has_a_process_of_its_own():
    assert apart.call("os.getpid") != os.getpid()


def test_a_process_that_ends_without_an_answer_is_told():
    with pytest.raises(apart.Killed):
        apart.call("os._exit", 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_one_that_asked(number, tmp_path):
    program = tmp_path / "sleeps.py"
    program.write_text(SLEEPS)
    process = subprocess.Popen(
        [sys.executable, program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: processes_of(process), process)
    (child,) = processes_of(process)
    process.send_signal(number)
    assert process.wait(20) != 0
    wait_for(lambda: not Path(f"/proc/{child}/cwd").exists())
