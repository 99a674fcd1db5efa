"""Two processes do not write into one folder."""

import errno
import multiprocessing
import os
import signal
import socket
import time

import pytest

from keras_course import lock
from keras_course.errors import UserError


def hold(folder, held):
    with lock.alone(folder):
        held.set()
        time.sleep(60)


@pytest.fixture
def holder(tmp_path):
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=hold, args=(tmp_path, held))
    process.start()
    assert held.wait(60)
    yield process
    process.kill()
    process.join()


def test_the_second_is_refused_and_told_who_is_there(holder, tmp_path):
    told = f"Process {holder.pid} on {socket.gethostname()}, since .* is working in"
    with pytest.raises(UserError, match=told), lock.alone(tmp_path):
        raise AssertionError


def test_the_lock_of_a_killed_process_is_free(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    assert (tmp_path / ".lock.json").exists()  # what it said of itself is still there
    with lock.alone(tmp_path):
        assert f'"process": {os.getpid()}' in (tmp_path / ".lock.json").read_text()


def test_a_folder_that_cannot_be_written_into_is_named(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(lock.filelock.FileLock, "acquire", refused)
    told = "cannot be written into: Permission denied. Copy it"
    with pytest.raises(UserError, match=told), lock.alone(tmp_path):
        pass


def test_one_process_may_enter_twice_and_leaves_no_name_behind(tmp_path):
    for _ in range(2):
        with lock.alone(tmp_path):
            with lock.alone(tmp_path):
                pass
            assert (tmp_path / ".lock.json").exists()
        assert not (tmp_path / ".lock.json").exists()
