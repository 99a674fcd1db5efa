"""A KerasTuner tuner that compares fairly and that no bad trial can stop.

`PairedTuner` takes the place of `keras_tuner.Tuner`, with any oracle and hypermodel:

- Trials are paired: before each one, random numbers start from a seed that depends on the tuner's
  seed and the number of the execution alone. All trials of one architecture begin with the same
  weights and see the same order of batches, whatever was tried before them.
- A trial whose loss is not finite ends at that step, is recorded as "diverged" and gets the worst
  score; the search goes on. (KerasTuner runs it to its end, and gives up after the third.)
- An exception ends the search at once, with its cause. (KerasTuner waits for the third, too.) The
  same search can be started again, and takes that trial up anew.
- The dtype policy that was set when the tuner was made holds in every trial.
- A trial that Hyperband promotes goes on with weights *and* optimizer as the lower rung left them.
- Each trial leaves `history.json`, with the loss of each step, in its folder.
"""

import json
import math
import time
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np

from keras_course import files, variables
from keras_course.callbacks import Diverged, StopWhenNotFinite
from keras_course.search.range_test import StepLosses


def execution_seed(seed: int, execution: int) -> int:
    """Return the seed of an execution, the same for every trial; that of the first is `seed`."""
    if execution == 0:
        return seed
    return int(np.random.SeedSequence((seed, execution)).generate_state(1)[0] >> 1)


class PairedTuner(kt.Tuner):
    """See the head of this file.

    worst_score: a finite score that no trial undercuts; finite scores are clipped to it. 0.0 suits
    accuracies, a loss needs one of its own. The other arguments are those of `keras_tuner.Tuner`;
    the oracle must have a single objective.
    """

    def __init__(self, oracle, hypermodel=None, *, seed=0, worst_score=0.0, **kwargs):
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
        self.policy = keras.config.dtype_policy()
        self._execution, self._promoted_from = 0, None
        super().__init__(oracle, hypermodel, **kwargs)

    def history(self, trial_id: str) -> dict:
        """Return what the trial left: status, seconds, steps, its executions with their losses."""
        return json.loads(self._trial_file(trial_id, "history.json").read_text(encoding="utf-8"))

    def on_search_begin(self):
        self.save()  # else an interruption within the first trial would lose what was drawn for it

    def run_trial(self, trial, *args, **kwargs):
        began = time.perf_counter()
        values = trial.hyperparameters.values
        self._execution, self._executions, steps = 0, [], 0
        self._promoted_from = values.get("tuner/trial_id")
        if "tuner/epochs" in values:  # Hyperband's
            kwargs |= {"epochs": values["tuner/epochs"]}
            kwargs |= {"initial_epoch": values["tuner/initial_epoch"]}
        if self._promoted_from is not None:
            steps = self.history(self._promoted_from)["steps"]
        results = super().run_trial(trial, *args, **kwargs)
        diverged = any(execution["status"] == "diverged" for execution in self._executions)
        history = {
            "values": values,
            "status": "diverged" if diverged else "finished",
            "seconds": round(time.perf_counter() - began, 2),
            "steps": steps + len(self._executions[0]["losses"]),
            "executions": self._executions,
        }
        files.write_json(self._trial_file(trial.trial_id, "history.json"), history)
        return [{self.oracle.objective.name: self.worst_score}] if diverged else results

    def _build_and_fit_model(self, trial, *args, **kwargs):
        """Run one execution; KerasTuner calls this for each."""
        losses = StepLosses()
        kwargs["callbacks"] = [losses, StopWhenNotFinite(), *kwargs["callbacks"]]
        if "tuner/epochs" in trial.hyperparameters.values:
            kwargs["callbacks"].append(_SaveState(self._state_file(trial.trial_id)))
        try:
            if self._promoted_from and not self._state_file(self._promoted_from).exists():
                raise Diverged(0, 0.0, math.nan)  # its lower rung had diverged
            metrics = self._metrics(super()._build_and_fit_model(trial, *args, **kwargs))
            status = "finished"
        except Diverged:
            metrics, status = {self.oracle.objective.name: self.worst_score}, "diverged"
        self._executions.append(
            {
                "seed": execution_seed(self.seed, self._execution),
                "status": status,
                "metrics": metrics,
                "losses": [loss if math.isfinite(loss) else None for loss in losses.losses],
            }
        )
        self._execution += 1
        return metrics

    def _build_hypermodel(self, hp):
        # KerasTuner has just cleared Keras' session, and with it the policy and the seed.
        keras.config.set_dtype_policy(self.policy)
        keras.utils.set_random_seed(execution_seed(self.seed, self._execution))
        model = super()._build_hypermodel(hp)
        if self._promoted_from is not None:
            variables.load(model, self._state_file(self._promoted_from))
        return model

    def load_model(self, trial):
        self._execution, self._promoted_from = 0, None
        return super().load_model(trial)

    def _try_run_and_update_trial(self, trial, *args, **kwargs):
        """As KerasTuner's, without the net that keeps exceptions from the person who waits."""
        self._run_and_update_trial(trial, *args, **kwargs)
        trial.status = "COMPLETED"

    def _metrics(self, result):
        """Return the metrics of the best epoch as plain numbers, or raise `Diverged`."""
        objective = self.oracle.objective
        sign = 1 if objective.direction == "max" else -1
        if isinstance(result, keras.callbacks.History):
            epochs = range(len(result.epoch))
            rows = [{name: values[i] for name, values in result.history.items()} for i in epochs]
        else:
            rows = [result if isinstance(result, dict) else {objective.name: result}]
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


class _SaveState(keras.callbacks.Callback):
    """Save all variables at the end, for a trial that continues this one."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_train_end(self, logs=None):
        variables.save(self.model, self.path)
