"""Runs a job in a process of its own, which may be killed.

The processes fork from one that has imported TensorFlow and started nothing.
"""

import contextlib
import multiprocessing
import traceback
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.faults.jobs"])


def run(job: str, folder: Path, counter=None, prepare=None, timeout: float = 120):
    """Run the job, and return (exit code, what it said, its outcome).

    counter: of `operations`, for the folder. prepare: a function at the top of its module that is
    called first. The outcome is None unless the job came to its end. Exit codes: 0 for the end, 1
    for one of our own errors, which are told in words, 2 for any other.
    """
    here, there = CONTEXT.Pipe(duplex=False)
    said = folder.with_name(f"{folder.name}.said")
    process = CONTEXT.Process(target=_be, args=(job, folder, counter, prepare, there, said))
    process.start()
    there.close()
    process.join(timeout)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"{job} took more than {timeout} s: {said.read_text()}")
    outcome = None
    with contextlib.suppress(EOFError):
        outcome = here.recv()
    return process.exitcode, said.read_text(), outcome


def _be(job, folder, counter, prepare, pipe, said):
    with said.open("w", buffering=1) as file, contextlib.redirect_stdout(file):
        code = 0
        from keras_course.errors import Failure, UserError
        from tests.faults import jobs

        jobs.quickly()
        if prepare:
            prepare()
        if counter:
            counter.install()
        try:
            jobs.JOBS[job](folder)
        except (Failure, UserError) as error:
            code = 1
            print(f"{type(error).__name__}: {error}")
        except BaseException:
            code = 2
            traceback.print_exc(file=file)
        if code == 0:
            pipe.send((jobs.text_of(folder), counter.number if counter else 0))
        file.flush()
    if code:
        raise SystemExit(code)
