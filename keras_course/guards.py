"""Callbacks that end `fit`: where the loss is not finite any more, and where somebody asks for it.

They come before all that looks for a best value: once a loss is NaN, Keras' own EarlyStopping,
ModelCheckpoint and ReduceLROnPlateau would keep "nan" as the best value for good.
"""

import contextlib
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import keras

from keras_course import variables
from keras_course.errors import Failure, Terminated

# Ctrl-C, and how schedulers (SLURM, Colab) say that a process is about to end.
SIGNALS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}
PATIENCE = 5  # seconds that a step has to come to its end, of the ten that clusters may give


class Diverged(Failure):
    """The loss is not finite any more, and no further step can mend it."""

    def __init__(self, step: int, learning_rate: float, loss: float):
        self.step, self.learning_rate, self.loss = step, learning_rate, loss
        super().__init__(
            f"The loss became {loss} at step {step} with the learning rate {learning_rate:.3g}. "
            f"Try {learning_rate / 10:.1g}, or search for a rate with `keras-course find-lr`."
        )


class StopWhenNotFinite(keras.callbacks.Callback):
    """Raise `Diverged` at the first step, from 1, after which the loss is not finite."""

    remembered = ("before",)

    def on_train_begin(self, logs=None):
        self.before = variables.number(self.model.optimizer.iterations)

    def on_train_batch_end(self, batch, logs=None):
        self._check(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs.get("val_loss", 0.0))

    def _check(self, loss):
        if not math.isfinite(loss):
            variables.catch_up(self.model)
            step = variables.number(self.model.optimizer.iterations) - self.before
            raise Diverged(step, variables.number(self.model.optimizer.learning_rate), float(loss))


class EndOnInterrupt(keras.callbacks.Callback):
    """Turn Ctrl-C and SIGTERM into an exception at the end of the step; a second one does at once.

    Python raises it between any two instructions, also in the middle of a write, or where a library
    swallows it. Where a step does not come to its end, a second signal is sent after `PATIENCE`;
    where Python does not come to handle that, in the midst of a long computation, `tell` is called
    and the process ended, unless it is a notebook's: whatever it has written is whole.
    """

    listening = None  # the one of this process that has the signals

    def __init__(self, tell: Callable[[], None] = lambda: None, *, at_once: bool = False):
        super().__init__()
        self.asked, self.before, self.tell, self.at_once = None, {}, tell, at_once
        self.over = threading.Event()  # what was asked is done
        self.closed = threading.Event()

    def listen(self) -> None:
        """Take the signals until `close`, except those that the process is to ignore."""
        heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
        if not heard or threading.current_thread() is not threading.main_thread():
            return  # other threads get no signals
        self.before = {number: signal.signal(number, self._ask) for number in heard}
        told, self.teller = socket.socketpair()
        self.teller.setblocking(False)
        self.told_before = signal.set_wakeup_fd(self.teller.fileno(), warn_on_full_buffer=False)
        self.outer, EndOnInterrupt.listening = EndOnInterrupt.listening, self
        threading.Thread(target=self._watch, args=(told,), daemon=True).start()

    def _ask(self, number, frame):
        again = self.asked is not None
        self.asked, self.twice = self.asked or SIGNALS[number], again or self.at_once
        if self.twice:
            raise self.asked

    def _watch(self, told):
        """Hear of a signal also while the main thread is at a long computation."""
        with told:
            heard = told.recv(1)
            while heard and heard[0] not in SIGNALS:
                heard = told.recv(1)
            if heard and not self.over.wait(PATIENCE) and not (self.asked and self.twice):
                self._insist(heard[0])
            self.closed.wait()  # until then Python writes here

    def _insist(self, number):
        if hasattr(signal, "pthread_kill"):  # which interrupts what the main thread waits for
            signal.pthread_kill(threading.main_thread().ident, number)
        else:
            signal.raise_signal(number)
        if self.over.wait(1) or (self.asked and self.twice) or "ipykernel" in sys.modules:
            return
        try:
            self.tell()
        finally:
            os._exit(128 + number)

    def on_train_batch_end(self, batch, logs=None):
        self.end_if_asked()

    def on_test_batch_end(self, batch, logs=None):
        self.end_if_asked()

    def end_if_asked(self) -> None:
        """Raise KeyboardInterrupt or `Terminated` where a signal has come."""
        if self.asked:
            self.over.set()
            raise self.asked

    def close(self) -> None:
        """Let the signals do again what they did before."""
        self.over.set()
        if self.before:
            signal.set_wakeup_fd(self.told_before)
            self.teller.close()
            for number, handler in self.before.items():
                signal.signal(number, handler)
            self.before, EndOnInterrupt.listening = {}, self.outer
        self.closed.set()


@contextlib.contextmanager
def heeding_signals() -> Iterator[None]:
    """Let a signal end the block at once as Python does, and also where Python does not come to
    handle it, as while a network is compiled: then the process ends, unless it is a notebook's."""
    interrupt = EndOnInterrupt(lambda: print("Interrupted.", flush=True), at_once=True)
    interrupt.listen()
    try:
        yield
    finally:
        interrupt.close()


def _in_a_forked_child():
    """A process that a user's code forks has signals of its own."""
    while EndOnInterrupt.listening:
        EndOnInterrupt.listening.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_a_forked_child)
