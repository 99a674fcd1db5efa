"""A KerasTuner tuner that compares fairly and that nothing can break.

`PairedTuner` takes the place of `keras_tuner.Tuner`, with any oracle and hypermodel:

- Trials are paired: before each one, random numbers start from a seed that depends on the tuner's
  seed and the number of the execution alone. All trials of one architecture begin with the same
  weights and see the same order of batches, whatever was tried before them. With `paired=False` the
  number of the trial counts, too; either way a search is the same in every order of its trials.
- A trial whose loss is not finite ends at that step, is recorded as "diverged" and gets the worst
  score; the search goes on. (KerasTuner runs it to its end, and gives up after the third.)
- A trial that ends with an exception, without a result or after its time limit is recorded as
  "failed", with the reason, which is printed at once; it gets the worst score, and the search goes
  on. (KerasTuner tells the reason after the third.)
- The search can be killed at any moment and taken up again, with every oracle: see recorded.py.
  Ctrl-C and SIGTERM end it after a step. (KerasTuner swallows them in places.) Another search in
  its folder is refused (KerasTuner hands out the old results), and so is a second process.
- One at which the process was killed for memory twice, or ended twenty times, counts as failed when
  the search is taken up again.
- The dtype policy that was set when the tuner was made holds in every trial.
- The memory of a trial is free after it, a network built anew for each included.
- A trial that Hyperband promotes goes on with weights *and* optimizer as the lower rung left them.
- Each trial leaves `history.json`, with the loss of each step, in its folder.

The names in KerasTuner that begin with an underscore are those of the version in requirements.txt.
"""

import contextlib
import gc
import inspect
import json
import math
import os
import time
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np
from keras_tuner.src.distribute import utils as distribution
from keras_tuner.src.engine.tuner_utils import SaveBestEpoch

from keras_course import files, integrity, lock, step, variables
from keras_course.errors import UserError, memory_is_full
from keras_course.guards import Diverged, EndOnInterrupt, StopWhenNotFinite
from keras_course.search import deaths, fingerprint, recorded
from keras_course.search.range_test import StepLosses
from keras_course.time_limit import TimeLimitExceeded, time_limit

MEMORY_FULL = "the memory of the device was full"  # why a trial failed


def execution_seed(seed: int, execution: int, trial: int | None = None) -> int:
    """Return the seed of an execution.

    It is the same for every trial, and that of the first execution is `seed` itself; or another for
    each `trial`, where its number is given.
    """
    if execution == 0 and trial is None:
        return seed
    parts = (seed, execution) if trial is None else (seed, execution, trial)
    return int(np.random.SeedSequence(parts).generate_state(1)[0] >> 1)


class PairedTuner(kt.Tuner):
    """See the head of this file.

    worst_score: a finite score that no trial undercuts; finite scores are clipped to it. 0.0 suits
    accuracies, a loss needs one of its own. paired: the same seeds for every trial; a hypermodel
    that makes its own random numbers finds the seed in its attribute `execution_seed`.
    trial_seconds: the time limit of a trial, None for none. search_of: plain values that say what
    else the results depend on, like the data; a project of others is refused. The other arguments
    are those of `keras_tuner.Tuner`; the oracle must have a single objective, and a seed of its own
    where the search is to be taken up again.
    """

    keeps_models = True  # for `get_best_models`

    def __init__(
        self,
        oracle,
        hypermodel=None,
        *,
        seed=0,
        worst_score=0.0,
        paired=True,
        trial_seconds=None,
        search_of=None,
        executions_per_trial=1,
        **kwargs,
    ):
        if not isinstance(oracle.objective, kt.Objective):
            raise ValueError(
                "PairedTuner needs an oracle with a single objective, like "
                f"kt.Objective('val_accuracy', 'max'). Received: {oracle.objective}."
            )
        if oracle.objective.direction == "min" and worst_score <= 0:
            raise ValueError(
                f"{oracle.objective.name} is to be small: give a large worst_score for diverged "
                f"trials, like 100. Received: {worst_score}."
            )
        self.seed, self.worst_score = seed, worst_score
        oracle.worst_score = worst_score  # for those that care
        self.paired, self.trial_seconds = paired, trial_seconds
        # KerasTuner would empty the folder of a search that goes on.
        self.overwrite_project = kwargs.pop("overwrite", False)
        self.search_of = search_of or {}
        self.executions_per_trial = executions_per_trial
        self.policy = keras.config.dtype_policy()
        self._trial, self._execution, self._promoted_from = None, 0, None
        self.journal, self.interrupt = None, EndOnInterrupt()
        super().__init__(oracle, hypermodel, executions_per_trial=executions_per_trial, **kwargs)

    @property
    def project(self) -> Path:
        """The folder of the search."""
        return Path(self.project_dir)

    def history(self, trial_id: str) -> dict:
        """Return what the trial left: status, reason, seconds, steps, its executions with their
        losses and the metrics of each epoch. Errors: integrity.Damaged."""
        return integrity.read_sealed(self._trial_file(trial_id, "history.json"))

    # What KerasTuner keeps of a project is the journal. ------------------------------------------

    def _populate_initial_space(self):
        super()._populate_initial_space()
        if distribution.has_chief_oracle() and not distribution.is_chief_oracle():
            return  # the chief has the journal
        header = {
            "event": "search",
            "oracle": type(self.oracle).__name__,
            "objective": f"{self.oracle.objective.direction} {self.oracle.objective.name}",
            **_settings(self.oracle),
            "worst_score": self.worst_score,
            "seed of the trials": self.seed,
            "paired": self.paired,
            "executions_per_trial": self.executions_per_trial,
            "space": self.oracle.get_space().get_config()["space"],
            **fingerprint.of_packages(),
            **self.search_of,
        }
        writable = os.access(self.project, os.W_OK)  # or it can be looked at all the same
        with lock.alone(self.project) if writable else contextlib.nullcontext():
            if writable:
                if self.overwrite_project:
                    lock.empty(self.project)
                files.remove_unfinished(self.project)
            path = self.project / "journal"
            self.journal = recorded.record(self.oracle, path, header, self._is_whole)

    def _is_whole(self, trial_id):
        """Return whether all is there that a trial left which has ended."""
        try:
            history = self.history(trial_id)
            best = self._trial_file(trial_id, "best.npz")
            if best.exists():  # not where a hypermodel's `fit` leaves out the callbacks
                integrity.check_zip(best)
            if "tuner/epochs" in history["values"] and history["status"] == "finished":
                for number in range(len(history["executions"])):
                    integrity.check_zip(self._trial_file(trial_id, f"state_{number}.npz"))
        except (integrity.Damaged, FileNotFoundError):
            return False
        return True

    def save(self):
        """The journal is written event by event."""

    def _get_tuner_fname(self):
        return str(self.project / "never written")  # so that KerasTuner reloads nothing

    # A trial. ------------------------------------------------------------------------------------

    def search(self, *args, **kwargs):
        # KerasTuner collects garbage twice before each trial: for short trials half of the time,
        # as long as it looks through all that TensorFlow has imported.
        gc.collect()
        gc.freeze()
        try:
            given = {f"argument {number}": each for number, each in enumerate(args, start=1)}
            with self.alone(given | kwargs):
                super().search(*args, **kwargs)
        finally:
            gc.unfreeze()

    @contextlib.contextmanager
    def alone(self, settings: dict):
        """Keep other processes out of the project, and end after a step when a signal comes.

        settings: what the trials are trained with. A process that works for a chief does not need
        all that: it shares the project, and has nothing to save.
        """
        if self.journal is None:
            yield
            return
        self.interrupt = EndOnInterrupt(self.tell_so_far)
        with lock.alone(self.project):
            if self.journal.has_grown():
                raise UserError(
                    f"Another search has run in {self.project} since this tuner was made. Make "
                    "a new tuner: it continues where that search ended."
                )
            self._same_as_before(settings)
            try:
                self.interrupt.listen()
                yield
            finally:
                self.interrupt.close()
        self.interrupt.end_if_asked()  # after the last trial

    def _same_as_before(self, settings):
        """Note with which plain settings, like the epochs, and with which arrays trials are
        trained; refuse others."""
        noted = {name: fingerprint.of_argument(value) for name, value in settings.items()}
        noted.pop("verbose", None)
        noted = {name: value for name, value in noted.items() if value is not None}
        recorded.note(self.journal, {"event": "settings", "trial": None, **noted})

    def tell_so_far(self) -> None:
        """Say what a search that is interrupted has found."""
        count = len(self.oracle.end_order)
        print(f"Interrupted; {count} trials have ended. The search can continue.", flush=True)
        if count:
            best = self.oracle.get_best_trials(1)[0]
            print(
                f"The best so far: {best.hyperparameters.values}, score {best.score:.4g}.",
                flush=True,
            )

    def run_trial(self, trial, *args, **kwargs):
        if ended := self.lower_rung(trial) or self._deadly(trial):
            self._leave_unfinished(trial, *ended)
            return [self.worst()]
        began = time.perf_counter()
        values = trial.hyperparameters.values
        self._trial, self._execution, self._executions = trial, 0, []
        self._promoted_from = values.get("tuner/trial_id")
        if "tuner/epochs" in values:  # Hyperband's
            kwargs |= {"epochs": values["tuner/epochs"]}
            kwargs |= {"initial_epoch": values["tuner/initial_epoch"]}
        path = self._trial_file(trial.trial_id, "best.npz")
        self._keep_best = _KeepBest(self.oracle.objective, path if self.keeps_models else None)
        status, reason = "finished", None
        try:
            with time_limit(self.trial_seconds), files.telling_when_full(self.project):
                results = super().run_trial(trial, *args, **kwargs)
        except (integrity.Damaged, files.DiskFull, KeyboardInterrupt):  # no fault of this trial's
            self.leave(trial)
            raise
        except Exception as error:
            if self.is_ours(error):  # nor this
                self.leave(trial)
                raise
            status, reason = "failed", f"{type(error).__name__}: {error}"
            if memory_is_full(error):
                reason = MEMORY_FULL
            print(f"Trial {trial.trial_id} failed. {reason}", flush=True)
        except TimeLimitExceeded:
            status, reason = "failed", f"it took longer than {self.trial_seconds:g} s"
            print(f"Trial {trial.trial_id} failed: {reason}.", flush=True)
        if any(execution["status"] == "diverged" for execution in self._executions):
            status = "diverged"
        self.leave_history(
            trial, status, self._executions, seconds=time.perf_counter() - began, reason=reason
        )
        return results if status == "finished" else [self.worst()]

    def leave_history(self, trial, status, executions, *, seconds=0.0, reason=None) -> None:
        """Write what there is to be known of a trial into its folder."""
        values = trial.hyperparameters.values
        lower = values.get("tuner/trial_id")
        steps = self.history(lower)["steps"] if lower else 0
        history = {
            "values": values,
            "status": status,
            "reason": reason,
            "seconds": round(seconds, 2),
            "steps": steps + (len(executions[0]["losses"]) if executions else 0),
            "executions": executions,
        }
        folder = Path(self.get_trial_dir(trial.trial_id))
        files.remove_unfinished(folder)
        integrity.write_sealed(folder / "history.json", history)

    def lower_rung(self, trial) -> tuple[str, str] | None:
        """Return how a promoted trial ends, status and reason, whose lower rung did not finish."""
        lower = trial.hyperparameters.values.get("tuner/trial_id")
        status = self.history(lower)["status"] if lower else "finished"
        if status == "finished":
            return None
        return status, f"trial {lower}, the rung below, {status}"

    def _deadly(self, trial) -> tuple[str, str] | None:
        """Note that the trial begins; return how it ends instead where it took processes along."""
        if self.journal is None:  # the chief knows how its workers die
            return None
        now = deaths.beginning(trial.trial_id)
        if reason := deaths.too_many(self.journal.events, now):
            return "failed", reason
        self.journal.add(now)
        return None

    def leave(self, trial) -> None:
        """Note that the process ends in the trial for a reason that is not the trial's."""
        if self.journal is not None:
            with contextlib.suppress(files.DiskFull, OSError):
                self.journal.add({"event": "left", "trial": trial.trial_id})

    def is_ours(self, error: Exception) -> bool:
        """Return whether an error is that of a file of the search itself."""
        path = error.filename if isinstance(error, OSError) else None
        return isinstance(path, str) and Path(path).is_relative_to(self.project)

    def give_up(self, trial, status: str, reason: str) -> None:
        """Let a trial that did not run here end without a result, as "failed" or "diverged"."""
        self._leave_unfinished(trial, status, reason)
        self.tell_oracle(trial, self.worst())

    def _leave_unfinished(self, trial, status, reason):
        self.leave_history(trial, status, [], reason=reason)
        print(f"Trial {trial.trial_id} {status}: {reason}.", flush=True)

    def tell_oracle(self, trial, metrics) -> None:
        """Let a trial end that KerasTuner's loop did not run."""
        self.oracle.update_trial(trial.trial_id, metrics)
        trial.status = "COMPLETED"
        self.oracle.end_trial(trial)

    def worst(self) -> dict[str, float]:
        """Return the metrics of a trial that has none."""
        return {self.oracle.objective.name: self.worst_score}

    def _build_and_fit_model(self, trial, *args, **kwargs):
        """Run one execution; KerasTuner calls this for each."""
        losses, epochs = StepLosses(), _Epochs()
        others = [
            callback for callback in kwargs["callbacks"] if not isinstance(callback, SaveBestEpoch)
        ]
        ours = [losses, StopWhenNotFinite(), self.interrupt, _LeaveNoGraph()]
        kwargs["callbacks"] = [*ours, *others, self._keep_best, epochs]
        if "tuner/epochs" in trial.hyperparameters.values:
            kwargs["callbacks"].append(_SaveState(self._state_file(trial.trial_id)))
        metrics, status = self.worst(), "failed"
        try:
            metrics = self._metrics(super()._build_and_fit_model(trial, *args, **kwargs))
            status = "finished"
        except Diverged:
            status = "diverged"
        finally:
            self._executions.append(
                {
                    "seed": self._seed(),
                    "status": status,
                    "metrics": metrics,
                    "losses": [loss if math.isfinite(loss) else None for loss in losses.losses],
                    "epochs": epochs.rows,
                }
            )
        self._execution += 1
        return metrics

    def _seed(self):
        number = None if self.paired or self._trial is None else int(self._trial.trial_id)
        return execution_seed(self.seed, self._execution, number)

    def _build_hypermodel(self, hp):
        # KerasTuner has just cleared Keras' session, and with it the policy and the seed.
        keras.config.set_dtype_policy(self.policy)
        self.hypermodel.execution_seed = self._seed()
        keras.utils.set_random_seed(self._seed())
        model = super()._build_hypermodel(hp)
        if self._promoted_from is not None:
            variables.load(model, self._state_file(self._promoted_from))
        return model

    def load_model(self, trial):
        self._trial, self._execution, self._promoted_from = trial, 0, None
        model = self._try_build(trial.hyperparameters)
        if not model.built:
            path = Path(self._get_build_config_fname(trial.trial_id))
            model.build_from_config(json.loads(path.read_text(encoding="utf-8")))
        with np.load(integrity.check_zip(self._trial_file(trial.trial_id, "best.npz"))) as weights:
            model.set_weights([weights[name] for name in weights.files])
        return model

    def _try_run_and_update_trial(self, trial, *args, **kwargs):
        """As KerasTuner's, without its net: `run_trial` has one."""
        self.interrupt.end_if_asked()
        self._run_and_update_trial(trial, *args, **kwargs)
        trial.status = "COMPLETED"

    def _metrics(self, result):
        """Return the metrics of the best epoch of what KerasTuner takes for a result."""
        if isinstance(result, keras.callbacks.History):
            epochs = range(len(result.epoch))
            rows = [{name: values[i] for name, values in result.history.items()} for i in epochs]
        else:
            rows = [result if isinstance(result, dict) else {self.oracle.objective.name: result}]
        return self.best_epoch(rows)

    def best_epoch(self, rows: list[dict]) -> dict[str, float]:
        """Return the metrics of the best epoch as plain numbers, or raise `Diverged`."""
        objective = self.oracle.objective
        sign = 1 if objective.direction == "max" else -1
        scores = [float(row[objective.name]) for row in rows]
        if not all(map(math.isfinite, scores)):
            raise Diverged(0, 0.0, math.nan)
        best = int(np.argmax([sign * score for score in scores]))
        metrics = {name: float(value) for name, value in rows[best].items()}
        score = sign * max(sign * scores[best], sign * self.worst_score)
        return {**metrics, objective.name: score}

    def _trial_file(self, trial_id, name):
        return Path(self.get_trial_dir(trial_id)) / name

    def _state_file(self, trial_id):
        return self._trial_file(trial_id, f"state_{self._execution}.npz")


def _settings(oracle):
    """Return the plain values that an oracle was made with."""
    kinds = [kind for kind in type(oracle).__mro__ if issubclass(kind, kt.Oracle)]
    names = {name for kind in kinds for name in inspect.signature(kind.__init__).parameters}
    values = {name: getattr(oracle, name, None) for name in sorted(names)}
    plain = bool | int | float | str
    return {name: value for name, value in values.items() if isinstance(value, plain)}


class _LeaveNoGraph(keras.callbacks.Callback):
    """Let the memory of the trial's network go with it."""

    def on_train_begin(self, logs=None):
        step.without_sum_over_devices(self.model)


class _KeepBest(keras.callbacks.Callback):
    """Write the weights of the best epoch of all executions, whole.

    KerasTuner's own writes in place, and HDF5 ends the process where the disk is full. Where the
    objective is not among the metrics of an epoch, the last one is kept.
    """

    def __init__(self, objective, path):
        super().__init__()
        self.objective, self.path, self.best = objective, path, None

    def on_epoch_end(self, epoch, logs=None):
        value = logs.get(self.objective.name)
        if self.path is None or not (
            value is None or self.best is None or self.objective.better_than(value, self.best)
        ):
            return
        self.best = value
        with files.whole(self.path) as temporary:
            np.savez(temporary, *self.model.get_weights())


class _Epochs(keras.callbacks.Callback):
    """Keep the metrics of each epoch in `rows`, those that are not finite as None."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append(epoch_row(epoch + 1, logs))


def epoch_row(number: int, logs: dict) -> dict:
    """Return the metrics of an epoch as the history has them, those that are not finite as None."""
    row = {name: float(value) for name, value in logs.items()}
    finite = {name: value if math.isfinite(value) else None for name, value in row.items()}
    return {"epoch": number, **finite}


class _SaveState(keras.callbacks.Callback):
    """Save all variables at the end, for a trial that continues this one.

    Where the optimizer averages the weights, Keras has put the averages in their place by then; the
    trial goes on with the weights themselves.
    """

    def __init__(self, path):
        super().__init__()
        self.path, self.values = path, None

    def on_epoch_end(self, epoch, logs=None):
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        averages = getattr(optimizer, "use_ema", False)
        last = epoch + 1 == self.params["epochs"] or self.model.stop_training
        self.values = variables.read(self.model) if averages and last else None

    def on_train_end(self, logs=None):
        if self.values is not None:
            variables.write(self.model, self.values)
        variables.save(self.model, self.path)
