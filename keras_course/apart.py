"""A function in a process of its own, with its own memory, which ends with the one that asked."""

import importlib
import multiprocessing
import os
import threading
import time
from typing import Any

from keras_course import quiet, signals

GRACE = 8  # seconds to save what is there, after Ctrl-C or SIGTERM


class Killed(Exception):
    """The process ended without an answer, as happens when the memory is full."""


def call(function: str, *arguments: Any) -> Any:
    """Return what the function of this name returns, like "keras_course.compare.train_or_say".

    Keras is imported first, quietly; so the arguments have to be plain values. What interrupts the
    call, Ctrl-C or SIGTERM, ends the process, too. Errors: Killed, also where the function raises.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_be, args=(there, os.getpid(), function, arguments))
    try:
        process.start()
        there.close()
        return here.recv()
    except EOFError:
        raise Killed from None
    except BaseException:
        if process.pid:
            process.terminate()
        raise
    finally:
        if process.pid:
            process.join(GRACE)
            process.kill()
            process.join()


def _be(pipe, parent, function, arguments):
    """This is the whole life of the process."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C reaches the parent alone, which ends this one by SIGTERM
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    try:
        signals.end_on_sigterm()
        quiet.import_keras()
        module, _, name = function.rpartition(".")
        pipe.send(getattr(importlib.import_module(module), name)(*arguments))
    except KeyboardInterrupt:
        raise SystemExit(1) from None


def end_with(parent: int) -> None:
    """End this process as soon as the one of that number, its parent, has ended."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
