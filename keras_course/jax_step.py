"""The training step on JAX: its rate comes with the call, and several steps can be one program.

Keras' own step has the learning rate among the optimizer's variables. To set one within an epoch,
all variables of the network must be put back and taken out again, and the device waits for that.
And to call a step takes as long as a GPU takes for that of a small network. Here `jax.lax.scan`
takes several in one call: with the same images, in the same order, by the same rules.
"""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import keras
import numpy as np


class TrainFunction:
    """Trains on the next `steps` batches of an iterator and returns the metrics after them.

    It is a `train_function` as JAX's trainer calls it. rates: those of the steps of the next call,
    in their order; None, as after each call, for the optimizer's own.

    After a step whose loss is not finite the rate and `optimizer.iterations` stay as they are: they
    say which step it was.
    """

    def __init__(self, model: keras.Model):
        self.model, self.steps, self.rates = model, 1, None
        self.take = jax.jit(self._take, donate_argnums=0)
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)  # of float16
        optimizer._overwrite_model_variables_with_average_value = partial(_copy_averages, optimizer)

    def __call__(self, state: tuple, iterator: Iterator) -> tuple[dict, tuple]:
        batches = [next(iterator) for _ in range(self.steps)]
        rates, self.rates = self.rates, None
        if rates is None:
            rates = np.full(len(batches), np.nan)  # a value, or there would be two programs
        return self.take(state, batches, jax.device_put(np.asarray(rates, "float32")))

    def _take(self, state, batches, rates):
        before = state, jnp.float32(0)
        if len(batches) == 1:  # a processor takes five times as long for a step in a loop
            (state, _), logs = self._step(before, (batches[0], rates[0]))
            return logs, state
        batches = jax.tree.map(lambda *each: jnp.stack(each), *batches)
        (state, _), logs = jax.lax.scan(self._step, before, (batches, rates))
        return jax.tree.map(lambda each: each[-1], logs), state

    def _step(self, before, given):
        """Take a step; before: the state and the loss, given: a batch and its rate."""
        (trainable, others, values, metrics), loss = before
        batch, rate = given
        values, well = list(values), jnp.isfinite(loss)
        at = self._place(self.model.optimizer.learning_rate)
        values[at] = jnp.where(well & ~jnp.isnan(rate), rate, values[at])
        logs, state = self.model.train_step((trainable, others, values, metrics), batch)
        at = self._place(self.model.optimizer.iterations)
        state[2][at] = jnp.where(well, state[2][at], values[at])
        return (state, logs["loss"]), logs

    def _place(self, wanted):
        """Return which of the optimizer's variables that is."""
        return [variable is wanted for variable in self.model.optimizer.variables].index(True)


def _copy_averages(optimizer, trainable):
    """Give the variables the averages of their values, as Keras does when `fit` ends.

    Keras gives them the same arrays. A step, or a validation, takes each array along, and then
    the averages were gone. They are gone as well where `fit` ends in the midst of a step.
    """
    averages = optimizer._model_variables_moving_average
    if any(average._value is None or average._value.is_deleted() for average in averages):
        return
    for variable, average in zip(trainable, averages, strict=True):
        variable.assign(jnp.copy(average.value))
