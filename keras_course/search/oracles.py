"""KerasTuner's oracles, which say what the next trial tries, each so that it can be resumed.

climb      from the middle of the band uphill, in steps that are halved at the top
random     KerasTuner's own
grid       rates at equal ratios, both ends included; KerasTuner's GridSearch cannot be resumed
hyperband  KerasTuner's, Li et al. 2018, https://jmlr.org/papers/v18/16-558.html
bayesian   KerasTuner's, with random numbers that depend on the trial alone
"""

import importlib.util
import math
import warnings

import keras_tuner as kt
import numpy as np

from keras_course.errors import UserError, unknown


class LogGrid(kt.Oracle):
    """`max_trials` values of one hyperparameter, at equal steps of its `sampling`.

    Which value a trial gets depends on its number alone. Errors: ValueError for a space of more
    than one hyperparameter.
    """

    def populate_space(self, trial_id):
        if len(self.hyperparameters.space) != 1:
            names = [parameter.name for parameter in self.hyperparameters.space]
            raise ValueError(f"LogGrid searches one hyperparameter. Received: {names}.")
        parameter = self.hyperparameters.space[0]
        share = int(trial_id) / (self.max_trials - 1) if self.max_trials > 1 else 0.5
        return {"status": "RUNNING", "values": {parameter.name: parameter.prob_to_value(share)}}


class Climb(kt.Oracle):
    """Hill climbing along one hyperparameter, on a logarithmic axis.

    It begins in the middle of the space and goes half a decade up. From the best value so far it
    tries the neighbour that is missing, upwards first; where both are there, the step is halved, to
    the side of the better one, or upwards if training diverged there: the best rates are often not
    far below those. Steps finer than `FINEST` tell no rates apart: there it stops. One trial at a
    time: each depends on those before it.
    """

    STEP, FINEST = 0.5, 0.01  # decades
    worst_score = None  # of a trial that diverged; the tuner sets it

    def populate_space(self, trial_id):
        if self.ongoing_trials:
            return {"status": "IDLE"}
        (parameter,) = self.hyperparameters.space
        low, high = math.log10(parameter.min_value), math.log10(parameter.max_value)
        start, tried = (low + high) / 2, self._scores(parameter.name)
        place = self._next(tried, low - start, high - start) if tried else 0.0
        if place is None:
            return {"status": "STOPPED"}
        value = min(max(10 ** (start + place), parameter.min_value), parameter.max_value)
        return {"status": "RUNNING", "values": {parameter.name: value}}

    def _scores(self, name):
        """Return the score of each place that was tried, in decades from the first one, rounded
        to what the smallest step can be told by."""
        trials = [self.trials[trial_id] for trial_id in self.end_order]
        sign = self._sign()
        first = trials and math.log10(trials[0].hyperparameters.values[name])
        return {
            round(math.log10(trial.hyperparameters.values[name]) - first, 6): sign * trial.score
            for trial in trials
        }

    def _next(self, tried, low, high):
        """Return the place to try, in decades from the first one, between these ends of the space;
        None where all is known."""
        best = max(tried, key=tried.get)  # the first of equals
        worst = None if self.worst_score is None else self._sign() * self.worst_score
        lower = round(max(min(tried) - self.STEP, low), 6)
        if tried[best] == worst and lower not in tried:  # all have diverged
            return lower
        step, side = self.STEP, 1
        while step >= self.FINEST:
            above, below = (round(min(max(best + way * step, low), high), 6) for way in (1, -1))
            for place in (above, below)[::side]:
                if place not in tried:
                    return place
            side = 1 if tried[above] == worst or tried[above] > tried[below] else -1
            step /= 2
        return None

    def _sign(self):
        return 1 if self.objective.direction == "max" else -1


class Hyperband(kt.oracles.HyperbandOracle):
    """KerasTuner's Hyperband, the same with any number of workers.

    It promotes when a rung is complete, and begins the next bracket after the one before.
    """

    def populate_space(self, trial_id):
        if self.ongoing_trials and not self._rung_has_room():
            return {"status": "IDLE"}
        return super().populate_space(trial_id)

    def _rung_has_room(self):
        """Return whether the rung that was begun last lacks trials: none depends on its others."""
        if not self._brackets:
            return False
        rounds = self._brackets[-1]["rounds"]
        last = max((number for number, trials in enumerate(rounds) if trials), default=0)
        return len(rounds[last]) < self._get_size(self._brackets[-1]["bracket_num"], last)

    def plan(self) -> list[tuple[int, int, int]]:
        """Return (trials, first epoch, last epoch) of each rung of each bracket."""
        return [
            (
                self._get_size(bracket, rung),
                self._get_epochs(bracket, rung - 1) if rung else 0,
                self._get_epochs(bracket, rung),
            )
            for bracket in reversed(range(self._get_num_brackets()))
            for rung in range(self._get_num_rounds(bracket))
        ]


class Bayesian(kt.oracles.BayesianOptimizationOracle):
    """KerasTuner's Bayesian optimization, the same after an interruption as without one."""

    def populate_space(self, trial_id):
        self._random_state = np.random.RandomState([self.seed, int(trial_id)])
        self.trials = dict(sorted(self.trials.items()))  # they are read back in no special order
        with warnings.catch_warnings():  # of scikit-learn: a length scale at its bound is no fault
            warnings.simplefilter("ignore")
            return super().populate_space(trial_id)


def _hyperband(trials, **options):
    """Return the smallest Hyperband, with halving by three, that tries so many values or more."""
    epochs = 3
    while True:
        oracle = Hyperband(max_epochs=epochs, factor=3, **options)
        if sum(size for size, first, _ in oracle.plan() if first == 0) >= trials:
            return oracle
        epochs *= 3


def _bayesian(trials, **options):
    for package, name in (("sklearn", "scikit-learn"), ("scipy", "scipy")):
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"The bayesian search needs {name}, which is not installed. "
                f"Install it with `python -m pip install {name}`, or choose another search."
            )
    return Bayesian(max_trials=trials, **options)


SEARCHES = {
    "climb": lambda trials, **options: Climb(max_trials=trials, **options),
    "random": lambda trials, **options: kt.oracles.RandomSearchOracle(max_trials=trials, **options),
    "grid": lambda trials, **options: LogGrid(max_trials=trials, **options),
    "hyperband": _hyperband,
    "bayesian": _bayesian,
}


def oracle(search: str, trials: int, objective: kt.Objective, seed: int) -> kt.Oracle:
    """Return the oracle of that search for so many trials (hyperband: values, rounded up).

    Errors: UserError for an unknown search, and for `bayesian` without scikit-learn.
    """
    if search not in SEARCHES:
        raise unknown("search", search, SEARCHES)
    # KerasTuner takes the seed 0 for none, and uses up consecutive seeds for consecutive trials:
    # hashed, the searches of neighbouring seeds have nothing in common.
    seed = int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1) or 1
    return SEARCHES[search](trials, objective=objective, seed=seed)
