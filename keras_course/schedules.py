"""Learning-rate schedules (slide 34): how the rate changes over a run.

With t the epoch, from 0, and lr0 the first rate:

    constant      lr0
    decay         lr0 / (1 + decay)^t    the rule printed on the slide, applied at each epoch
    inverse_time  lr0 / (1 + decay * t)  what Keras calls inverse-time decay
    cosine        from lr0 to 0 along half a cosine, at each step; Loshchilov & Hutter 2016
    triangular    up from a fifth of lr0 to lr0 in a fifth of the steps, then down to 0; Smith 2018,
                  https://arxiv.org/abs/1803.09820
    plateau       divided by 5 when the watched metric has stopped improving

All but the last are known before the run; plateau answers to it.
"""

import keras
import numpy as np

from keras_course.errors import UserError, unknown

# Of the rate, the decay, the steps of an epoch and the steps of the run.
CURVES = {
    "constant": lambda rate, decay, epoch, steps: lambda step: np.full(len(step), rate),
    "decay": lambda rate, decay, epoch, steps: keras.optimizers.schedules.ExponentialDecay(
        rate, decay_steps=epoch, decay_rate=1 / (1 + decay), staircase=True
    ),
    "inverse_time": lambda rate, decay, epoch, steps: keras.optimizers.schedules.InverseTimeDecay(
        rate, decay_steps=epoch, decay_rate=decay, staircase=True
    ),
    "cosine": lambda rate, decay, epoch, steps: keras.optimizers.schedules.CosineDecay(
        rate, decay_steps=steps
    ),
    "triangular": lambda rate, decay, epoch, steps: (
        lambda step: np.interp(step, [0, 0.2 * steps, steps], [0.2 * rate, rate, 0])
    ),
}
SCHEDULES = (*CURVES, "plateau")
BETWEEN_EPOCHS = ("constant", "plateau")  # within one, the rate stays


def check(name: str) -> None:
    """Raise a `UserError` unless `name` is a schedule."""
    if name in SCHEDULES:
        return
    parts = name.replace("+", "_").split("_") if isinstance(name, str) else []
    if "plateau" in parts and len(parts) > 1:
        raise UserError(
            f"schedule {name!r} combines plateau with a curve: both would set the rate, each "
            f"undoing the other. Choose one of {', '.join(SCHEDULES)}."
        )
    raise unknown("schedule", name, SCHEDULES)


def rates(name: str, rate: float, *, decay: float, steps_per_epoch: int, epochs: int) -> np.ndarray:
    """Return the learning rate of each step of a run, of any schedule but `plateau`."""
    steps = epochs * steps_per_epoch
    schedule = CURVES[name](float(rate), decay, steps_per_epoch, steps)
    return np.asarray(schedule(np.arange(steps, dtype="float32")), "float64")


def plateau(monitor: str, patience: int) -> keras.callbacks.ReduceLROnPlateau:
    """Return Keras' callback that lowers the rate after half of the epochs without progress that
    early stopping waits for; a patience of 1 leaves none for the lower rate."""
    return keras.callbacks.ReduceLROnPlateau(
        monitor, mode=mode(monitor), factor=0.2, patience=max(1, patience // 2), min_delta=0
    )


def mode(monitor: str) -> str:
    """Return "max" for a metric that should grow, "min" for a loss."""
    return "min" if monitor.endswith("loss") else "max"
