"""Copies of one network, each with its own learning rate, trained in one program of JAX.

A GPU is far from busy with a small network. `jax.vmap` writes the training step for many of them at
once, over weights, statistics and the optimizer's state; the batch is the same for all. A copy
learns what it would alone with its rate, and one that diverges touches no other.
"""

from collections.abc import Iterable, Sequence

import jax
import keras
import numpy as np

from keras_course import step, variables


class Copies:
    """As many copies of a compiled model as `begin` was given values for."""

    def __init__(self, model: keras.Model):
        self.model = model
        step.create_variables(model)
        self.groups = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
        )
        self.metrics = [np.zeros(variable.shape, "float32") for variable in model.metrics_variables]
        self.learn = jax.jit(jax.vmap(self._learn, in_axes=(0, 0, None)), donate_argnums=0)
        self.judge = jax.jit(jax.vmap(self._judge, in_axes=(0, 0, None)))
        self.pick = jax.jit(lambda state, number: jax.tree.map(lambda each: each[number], state))

    def begin(self, values: Sequence[list[np.ndarray]]) -> None:
        """Make one copy of each list of values, as `variables.read` returns them."""
        place = {id(variable): at for at, variable in enumerate(variables.of(self.model))}
        self.state = jax.device_put(
            [
                [np.stack([one[place[id(variable)]] for one in values]) for variable in group]
                for group in self.groups
            ]
        )

    def train(self, batches: Iterable, rates: np.ndarray) -> dict[str, np.ndarray]:
        """Take a step with each batch; rates: those of each copy, of shape (copies, steps).

        Returns the loss and the metrics of each step, in the same shape.
        """
        found = []
        for batch, now in zip(batches, np.asarray(rates, "float32").T, strict=True):
            self.state, logs = self.learn(self.state, now, batch)
            found.append(logs)
        found = jax.device_get(found)
        return {name: np.stack([logs[name] for logs in found], axis=1) for name in found[0]}

    def evaluate(self, batches: Iterable) -> dict[str, np.ndarray]:
        """Return the loss and the metrics of each copy on all of the batches."""
        count = len(self.state[0][0])
        metrics = [np.stack([zero] * count) for zero in self.metrics]
        for batch in batches:
            metrics, logs = self.judge(self.state, metrics, batch)
        return {name: np.asarray(value) for name, value in logs.items()}

    def load(self, number: int) -> keras.Model:
        """Return the model with the variables of a copy."""
        for group, values in zip(self.groups, self.pick(self.state, number), strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        return self.model

    def _learn(self, state, rate, batch):
        """Return the state of one copy after a step, and the loss and the metrics of the batch."""
        trainable, others, optimizer = state
        optimizer = [
            rate if variable is self.model.optimizer.learning_rate else value
            for variable, value in zip(self.groups[2], optimizer, strict=True)
        ]
        state = trainable, others, optimizer, self.metrics
        logs, (*state, _) = self.model.train_step(state, batch)
        return state, logs

    def _judge(self, state, metrics, batch):
        """Return the metrics of one copy with those of the batch among them, as state and value."""
        logs, (_, _, metrics) = self.model.test_step((*state[:2], metrics), batch)
        return metrics, logs
