"""SIGTERM, which clusters send, ends what runs as Ctrl-C does."""

import signal
import threading

from keras_course.errors import Terminated


def end_on_sigterm() -> None:
    """Let SIGTERM raise `Terminated`; by itself it would end the process on the spot."""

    def end(number, frame):
        raise Terminated

    if threading.current_thread() is threading.main_thread():  # others may not set it
        signal.signal(signal.SIGTERM, end)
