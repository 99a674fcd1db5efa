"""Many trials of a search at once, as copies of one network; see copies.py.

The oracle is asked for as many trials as may go on at a time, they are trained together, and it is
told of each how it came out. So the search tries what it would try one by one. Where the memory of
the device is too small for the copies, half of them are trained at a time; and half as many for
each time that the system has killed the process for memory.
"""

import itertools
import math
import time

import numpy as np

from keras_course import files, integrity, variables
from keras_course.errors import memory_is_full
from keras_course.guards import Diverged
from keras_course.search import deaths
from keras_course.search.copies import Copies
from keras_course.search.narrator import Narrator
from keras_course.search.tuner import MEMORY_FULL, epoch_row


class SideBySide(Narrator):
    """Trains up to `at_once` trials of a `OneModel` together."""

    def __init__(self, *args, at_once: int, **kwargs):
        super().__init__(*args, **kwargs)
        self.at_once = self.most = at_once
        self.copies = Copies(self.hypermodel.model)

    def search(self, **_):
        with self.alone({}):
            while trials := self._next_trials():
                self._begin(trials)
                try:
                    while trials:
                        self._run([trials.pop(0) for _ in range(min(self.at_once, len(trials)))])
                except (integrity.Damaged, files.DiskFull, OSError, KeyboardInterrupt):
                    for trial in self.oracle.ongoing_trials.values():
                        self.leave(trial)
                    raise
        self.copies.state = None  # what comes next needs the memory

    def _next_trials(self):
        trials = []
        while len(trials) < self.at_once:
            trial = self.oracle.create_trial(f"copy {len(trials)}")
            if trial.status != "RUNNING":  # not before these have ended, or no more at all
                break
            trials.append(trial)
        return trials

    def _begin(self, trials):
        """Note that they begin, but those at which the process has ended too often."""
        for trial in list(trials):
            now, events = deaths.beginning(trial.trial_id), self.journal.events
            if reason := deaths.too_many(events, now, for_memory=self.most.bit_length()):
                trials.remove(trial)
                self._give_up(trial, "failed", reason)
                continue
            fitting = self.most >> deaths.of_memory(events, now)
            if fitting < self.at_once:
                self.at_once = fitting
                print(f"The memory was full: trying {fitting} copies at a time.", flush=True)
            self.journal.add(now)

    def _run(self, trials):
        for trial in list(trials):
            if ended := self.lower_rung(trial):
                trials.remove(trial)
                self._give_up(trial, *ended)
        if not trials:
            return
        began = time.perf_counter()
        found, reason = self._try_to_train(trials)
        if reason:
            if reason != MEMORY_FULL or len(trials) == 1:  # they differ in their rates alone
                for trial in trials:
                    self._give_up(trial, "failed", reason)
                return
            half = self.at_once = len(trials) // 2
            print(f"Too little memory for {len(trials)} copies: trying {half} at a time.")
            self._run(trials[:half])  # which may lower `at_once` further
            self._run(trials[half:])
            return
        losses, epochs = found
        seconds = (time.perf_counter() - began) / len(trials)
        for number, trial in enumerate(trials):
            self._end(trial, losses[number], epochs[number], seconds)

    def _try_to_train(self, trials):
        """Return what `_train` does and None; or None and the reason why there is nothing.

        Then nothing holds the memory of the device any more: an error that is still handled would.
        """
        try:
            return self._train(trials), None
        except (integrity.Damaged, files.DiskFull):  # no fault of theirs
            raise
        except Exception as error:
            if files.says_full(error) or self.is_ours(error):
                raise
            if memory_is_full(error) or isinstance(error, MemoryError):
                return None, MEMORY_FULL
            return None, f"{type(error).__name__}: {error}"

    def _train(self, trials):
        """Return for each trial the losses of its steps, and a row of metrics for each epoch.

        Of those that may be promoted it saves the states.
        """
        one, values = self.hypermodel, trials[0].hyperparameters.values  # of one rung: as long
        first, batches = one.beginning(self.seed)
        starts = [
            first if lower is None else variables.read_file(self._state(lower))
            for lower in map(_lower, trials)
        ]
        self.copies.begin(starts)
        rates = np.stack([one.rates(trial.hyperparameters["learning_rate"]) for trial in trials])
        losses, rows = [], [[] for _ in trials]
        for epoch in range(values.get("tuner/initial_epoch", 0), values.get("tuner/epochs", 1)):
            some = itertools.islice(batches.skip(epoch * one.steps), one.steps)
            found = self.copies.train(self._counted(some, len(trials)), rates)
            judged = self.copies.evaluate(one.validation)
            losses.append(found["loss"])
            for number, row in enumerate(rows):
                trained = {name: float(steps[number].mean()) for name, steps in found.items()}
                tested = {f"val_{name}": float(each[number]) for name, each in judged.items()}
                row.append(trained | tested)
        if "tuner/epochs" in values:
            for number, trial in enumerate(trials):
                variables.save(self.copies.load(number), self._state(trial.trial_id))
        return np.concatenate(losses, axis=1).tolist(), rows

    def _counted(self, batches, copies):
        for batch in batches:
            yield batch
            self.bar.update(copies)
            self.interrupt.end_if_asked()

    def _end(self, trial, losses, rows, seconds):
        """Leave what a trial was, and tell the oracle and the reader of it."""
        try:
            if not all(map(math.isfinite, losses)):
                raise Diverged(0, 0.0, math.nan)
            metrics, status = self.best_epoch(rows), "finished"
        except Diverged:
            metrics, status = self.worst(), "diverged"
            stopped = next((i for i, x in enumerate(losses) if not math.isfinite(x)), len(losses))
            losses = [*losses[:stopped], *[None] * (stopped < len(losses))]
        begun = trial.hyperparameters.values.get("tuner/initial_epoch", 0)
        execution = {
            "seed": self.seed,
            "status": status,
            "metrics": metrics,
            "losses": losses,
            "epochs": [epoch_row(number, row) for number, row in enumerate(rows, start=begun + 1)],
        }
        self.leave_history(trial, status, [execution], seconds=seconds)
        self.tell_oracle(trial, metrics)
        self.tell(trial.trial_id)

    def _give_up(self, trial, status, reason):
        self.give_up(trial, status, reason)
        self.tell(trial.trial_id)

    def _state(self, trial_id):
        return self._trial_file(trial_id, "state_0.npz")


def _lower(trial):
    """Return the trial from which this one was promoted, or None."""
    return trial.hyperparameters.values.get("tuner/trial_id")
