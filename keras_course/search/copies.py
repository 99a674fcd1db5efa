"""Copies of one network, each with its own learning rate, trained in one program of JAX.

A GPU is far from busy with a small network. `jax.vmap` writes the training step for many of them at
once, over weights, statistics and the optimizer's state; the batch is the same for all. A copy
learns what it would alone with its rate, and one that diverges touches no other.
"""

from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
import keras
import numpy as np

from keras_course import devices, step, variables


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
        self.gradients = (
            self._all_at_once
            if devices.gpus()
            else jax.vmap(jax.grad(self._loss, has_aux=True), in_axes=(0, 0, 0, None))
        )
        self.learn = jax.jit(self._learn, donate_argnums=0)
        self.judge = jax.jit(jax.vmap(self._judge, in_axes=(0, 0, None)))
        self.pick = jax.jit(lambda state, number: jax.tree.map(lambda each: each[number], state))

    def begin(self, values: Sequence[list[np.ndarray]]) -> None:
        """Make one copy of each list of values, as `variables.read` returns them."""
        self.state = None  # those before them leave their memory
        place = {id(variable): at for at, variable in enumerate(variables.of(self.model))}
        equal = all(one is values[0] for one in values)  # then the memory of the host holds one

        def stacked(at):
            if equal:
                return jnp.repeat(jnp.asarray(values[0][at])[None], len(values), axis=0)
            return jax.device_put(np.stack([one[at] for one in values]))

        self.state = [[stacked(place[id(variable)]) for variable in group] for group in self.groups]

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

    def _learn(self, state, rates, batch):
        """Return the state of the copies after a step, and of each the loss and the metrics."""
        trainable, others, optimizer = state
        optimizer = [
            rates if variable is self.model.optimizer.learning_rate else value
            for variable, value in zip(self.groups[2], optimizer, strict=True)
        ]
        gradients, (others, logs) = self.gradients(trainable, others, optimizer, batch)
        apply = jax.vmap(self.model.optimizer.stateless_apply)
        trainable, optimizer = apply(optimizer, gradients, trainable)
        return (trainable, others, optimizer), logs

    def _all_at_once(self, *given):
        """Return the gradients as those of the sum of the losses: of each copy its own loss's.

        Derived after `vmap`, not before, most convolutions have one kernel of cuDNN for the
        gradients of all copies' weights, and not one for each: on an H200 a step of 32 ResNet-20
        takes 17 ms, not 42. On a processor XLA would let the NaN of a copy into the others.
        """

        def losses(*given):
            each, found = jax.vmap(self._loss, in_axes=(0, 0, 0, None))(*given)
            return each.sum(), found

        return jax.grad(losses, has_aux=True)(*given)

    def _loss(self, trainable, others, optimizer, batch):
        """Return what one copy minimizes, its statistics after the step, and its metrics."""
        x, y = batch
        minimized, (loss, logits, others, _) = self.model.compute_loss_and_updates(
            trainable, others, self.metrics, x, y, None, True, optimizer
        )
        mapping = list(zip(self.model.metrics_variables, self.metrics, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            logs = self.model.compute_metrics(x, y, logits)
        return minimized, (others, logs | {"loss": loss})

    def _judge(self, state, metrics, batch):
        """Return the metrics of one copy with those of the batch among them, as state and value."""
        logs, (_, _, metrics) = self.model.test_step((*state[:2], metrics), batch)
        return metrics, logs
