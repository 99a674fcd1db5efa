"""SIGTERM, which clusters send, and Ctrl-C end the commands within ten seconds; what is there is
saved and told, and the same command goes on."""

import os
import signal
import subprocess
import sys
import time

import pytest

from keras_course.search.leaderboard import Search
from tests.test_search_workers import wait_for

SMALL = ["--model", "simple_cnn", "--batch-size", "64"]
COMMANDS = {
    "train": (["train", "--epochs", "50"], "epoch   2/50"),
    "tune": (
        "tune --search random --trials 40 --steps 20 --band 1e-4 1e-2".split(),
        "trial  2/40",
    ),
}
COMMANDS["tune with two workers"] = ([*COMMANDS["tune"][0], "--workers", "2"], "trial  2/40")


@pytest.mark.faults
@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_ends_it_within_ten_seconds(name, number, code, tmp_path, record_property):
    typed, reached = COMMANDS[name]
    folder, log = tmp_path / "run", tmp_path / "said"
    command = [sys.executable, "-m", "keras_course", *typed, *SMALL, "--output", str(folder)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with log.open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
    try:
        wait_for(lambda: reached in log.read_text(), process)
        process.send_signal(number)
        sent = time.monotonic()
        assert process.wait(timeout=10) == code
    finally:
        process.kill()
    record_property("said", f"after {time.monotonic() - sent:.1f} s")
    told = log.read_text()
    assert "Interrupted" in told and "best" in told, told
    assert (folder / "best.keras").exists() or Search.so_far(folder / "search").best_learning_rate
