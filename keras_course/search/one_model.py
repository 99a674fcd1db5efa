"""One compiled network that serves all trials of a search.

The learning rate is a variable of the optimizer, so a new trial needs no new network: every
variable gets its first value back, and the rate its new one. That saves the seconds of compiling
in each trial, and the memory that KerasTuner's trials gather.
"""

from collections.abc import Callable

import keras
import keras_tuner as kt
import numpy as np

from keras_course import schedules, variables
from keras_course.rates import FollowRates
from keras_course.search.tuner import PairedTuner


class OneModel(kt.HyperModel):
    """The hypermodel with one hyperparameter, the learning rate.

    beginning: returns for a seed the values of all variables, as `variables.read` does, and endless
    batches, the same from the start each time they are iterated. model: compiled; it gets the
    values. band: (lowest, highest) rate, searched log-uniformly. `fit` takes `steps` batches an
    epoch. execution_seed: of the next trial; whoever runs the trials sets it.

    Within each epoch the rate falls to zero along half a cosine. What a network at full rate shows
    after a few steps is noise, and unfair to high rates: its weights run ahead of the statistics of
    BatchNormalization. At rate zero they have caught up.
    """

    def __init__(
        self,
        model: keras.Model,
        band: tuple[float, float],
        beginning: Callable,
        validation,
        steps: int,
        seed: int,
    ):
        super().__init__(model.name)
        self.model, self.band, self.beginning = model, band, beginning
        self.validation, self.steps = validation, steps
        self.execution_seed = seed

    def build(self, hp):
        low, high = self.band
        rate = hp.Float("learning_rate", low, high, sampling="log")
        values, self.train = self.beginning(self.execution_seed)
        variables.write(self.model, values)
        self.model.optimizer.learning_rate = rate
        return self.model

    def rates(self, rate: float) -> np.ndarray:
        """Return the rate of each step of an epoch that begins with `rate`."""
        return schedules.rates("cosine", rate, decay=0, steps_per_epoch=self.steps, epochs=1)

    def fit(self, hp, model, *, initial_epoch=0, callbacks=(), **kwargs):
        return model.fit(
            self.train.skip(initial_epoch * self.steps),
            steps_per_epoch=self.steps,
            initial_epoch=initial_epoch,
            validation_data=self.validation,
            callbacks=[*callbacks, FollowRates(self.rates(hp.get("learning_rate")))],
            shuffle=False,  # the data set brings its order
            **kwargs,
        )


class Trainer(PairedTuner):
    """Trains that one network in every trial."""

    keeps_models = False

    def _try_build(self, hp):
        return self._build_hypermodel(hp)  # KerasTuner would clear the session of the one model
