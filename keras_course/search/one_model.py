"""One compiled network that serves all trials of a search.

The learning rate is a variable of the optimizer, so a new trial needs no new network: every
variable gets its first value back, and the rate its new one. That saves the seconds of compiling
in each trial, and the memory that KerasTuner's trials gather.
"""

import keras
import keras_tuner as kt

from keras_course import schedules, variables
from keras_course.callbacks import FollowRates


class OneModel(kt.HyperModel):
    """The hypermodel with one hyperparameter, the learning rate.

    model: compiled, with its first weights. band: (lowest, highest) rate, searched
    log-uniformly. train: endless batches, the same from the start each time they are iterated;
    rounds: `fit` takes `steps` of them an epoch.

    Within each epoch the rate falls to zero along half a cosine. What a network at full rate shows
    after a few steps is noise, and unfair to high rates: its weights run ahead of the statistics of
    BatchNormalization. At rate zero they have caught up.
    """

    def __init__(self, model: keras.Model, band: tuple[float, float], train, validation, steps):
        super().__init__(model.name)
        self.model, self.band = model, band
        self.train, self.validation, self.steps = train, validation, steps
        self.first = variables.read(model)

    def build(self, hp):
        low, high = self.band
        rate = hp.Float("learning_rate", low, high, sampling="log")
        variables.write(self.model, self.first)
        self.model.optimizer.learning_rate = rate
        return self.model

    def fit(self, hp, model, *, initial_epoch=0, callbacks=(), **kwargs):
        rate = hp.get("learning_rate")
        rates = schedules.rates("cosine", rate, decay=0, steps_per_epoch=self.steps, epochs=1)
        return model.fit(
            self.train.skip(initial_epoch * self.steps),
            steps_per_epoch=self.steps,
            initial_epoch=initial_epoch,
            validation_data=self.validation,
            callbacks=[*callbacks, FollowRates(rates)],
            shuffle=False,  # the data set brings its order
            **kwargs,
        )
