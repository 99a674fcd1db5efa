"""A clock that goes back, unusual paths, folders that cannot be written into, real limits, and two
who want the same folder."""

import datetime
import multiprocessing
import os
import resource
import signal
import tempfile
import time
from pathlib import Path

import pytest

from tests.faults import operations, processes
from tests.test_lock import hold

NAMES = {
    "spaces": "a folder with spaces",
    "unicode": "Übung größer 学習率",
    "200 characters": "x" * 200,
}


@pytest.fixture(scope="module", params=["search", pytest.param("train", marks=pytest.mark.faults)])
def job(request, whole):
    return request.param, *whole(request.param)[1:]


@pytest.mark.parametrize(
    "name",
    ["unicode", *(pytest.param(n, marks=pytest.mark.faults) for n in NAMES if n != "unicode")],
)
def test_a_job_is_cut_off_and_goes_on_in_any_folder(job, name, tmp_path):
    kind, expected, number = job
    folder = tmp_path / NAMES[name]
    code, *_ = processes.run(kind, folder, operations.Kill(folder, number // 2))
    assert code == -9
    code, said, found = processes.run(kind, folder)
    assert code == 0 and found[0] == expected, said


def a_day_back():
    now = time.time
    time.time = lambda: now() - 86_400

    class Yesterday(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) - datetime.timedelta(days=1)

    datetime.datetime = Yesterday


def test_a_clock_that_was_set_back_changes_nothing(job, tmp_path):
    kind, expected, number = job
    folder = tmp_path / "run"
    code, *_ = processes.run(kind, folder, operations.Kill(folder, int(0.7 * number)))
    assert code == -9
    code, said, found = processes.run(kind, folder, prepare=a_day_back)
    assert code == 0 and found[0] == expected, said


def files_of_2_kb():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))


def test_a_file_that_the_system_does_not_let_grow_is_told_with_path_and_bytes(job, tmp_path):
    kind, expected, _ = job
    folder = tmp_path / "run"
    code, said, _ = processes.run(kind, folder, prepare=files_of_2_kb)
    assert code == 1 and "No space left for" in said and "bytes are free" in said, said
    assert str(folder) in said
    code, said, found = processes.run(kind, folder)
    assert code == 0 and found[0] == expected, said


NOBODY = 65534


def nobody_in_particular():
    """Let root, who may write anywhere, be somebody who may not."""
    if os.geteuid() == 0:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)


def test_a_folder_that_is_read_only_is_told(job):
    with tempfile.TemporaryDirectory(dir="/tmp") as parent:  # pytest's are closed to others
        Path(parent).chmod(0o755)
        folder = Path(parent, "run")
        folder.mkdir()
        folder.chmod(0o555)
        code, said, _ = processes.run(job[0], folder, prepare=nobody_in_particular)
    assert code == 1 and f"Cannot write into {folder}: Permission denied" in said


def test_the_second_of_two_is_refused_and_the_lock_of_a_killed_one_is_free(job, tmp_path):
    kind, expected, _ = job
    folder = tmp_path / "run"
    folder.mkdir()
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    other = context.Process(target=hold, args=(folder, held))
    other.start()
    assert held.wait(60)
    code, said, _ = processes.run(kind, folder)
    assert code == 1 and f"Process {other.pid} on" in said and "is working in" in said
    other.kill()
    other.join()
    code, said, found = processes.run(kind, folder)
    assert code == 0 and found[0] == expected, said
