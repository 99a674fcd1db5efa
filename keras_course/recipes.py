"""A recipe: everything that changes the result of a training run, and nothing else.

The default is the lecture's best practice (slide 50): Adam, normalization, augmentation by flip,
shift and colour jitter, a watched validation metric, a lower rate on a plateau, early stopping.
Vary it with `dataclasses.replace`.
"""

import dataclasses
import hashlib
import json
from dataclasses import replace

from keras_course import augmentation, devices, models, optimizers, schedules
from keras_course.errors import UserError, unknown

MONITORS = ("val_accuracy", "val_loss")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How to train one network on one data set.

    learning_rate: at the start, 0 < rate <= 10; of the schedule `triangular` the highest. decay: of
    the schedules `decay` and `inverse_time`, for each epoch. dropout: share of units, or None for a
    network without. width_multiplier: the share of the paper's filters, see `models.narrow`.
    epochs: at most; training ends earlier when `monitor` has not improved for `patience` epochs.
    pretrained: where `transfer` has the first weights from, a run folder or "imagenet".
    frozen_epochs: of its new head alone, before the `epochs` of all layers.

    alternating_flip: mirror half of the images in even epochs, the others in odd ones, in place of
    "flip" in `augmentation`. label_smoothing: see `losses`. weight_decay, averaging: see
    `optimizers`; what is validated and kept are the averages. mirrored: the trained network answers
    with the mean over an image and its mirror image. shifted: also over the image shifted by so
    many pixels, see `models.test_time_augmentation`. Neither in the validation of an epoch.
    """

    dataset: str = "shapes"
    model: str = "resnet20"
    normalization: str = "paper"
    dropout: float | None = None
    width_multiplier: float = 1.0
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "plateau"
    decay: float = 0.1
    augmentation: str = "flip_shift_color"
    batch_size: int = 128
    epochs: int = 20
    monitor: str = "val_accuracy"
    patience: int = 5
    precision: str = "auto"  # what it became is recorded with the run
    validation_fraction: float = 0.1
    seed: int = 0
    pretrained: str | None = None
    frozen_epochs: int = 0
    alternating_flip: bool = False
    label_smoothing: float = 0.0
    weight_decay: float = 0.0
    averaging: float = 0.0
    mirrored: bool = False
    shifted: int = 0

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type in (float, float | None) and type(value) is int:
                value = float(value)  # 1 for 1.0, as people and JSON write it: the same recipe
                object.__setattr__(self, field.name, value)
            _check_type(field.name, field.type, value)
        if self.model not in models.CLASSIFIERS:
            raise unknown("model", self.model, models.CLASSIFIERS)
        models.check(self.model, **self.model_options)
        if self.optimizer not in optimizers.OPTIMIZERS:
            raise unknown("optimizer", self.optimizer, optimizers.OPTIMIZERS)
        schedules.check(self.schedule)
        augmentation.check(self.augmentation)
        if self.precision != "auto" and self.precision not in devices.PRECISIONS:
            raise unknown("precision", self.precision, ["auto", *devices.PRECISIONS])
        if self.monitor not in MONITORS:
            raise unknown("monitor", self.monitor, MONITORS)
        _check_range("learning_rate", self.learning_rate, 0, 10, "0.001 suits Adam", above=True)
        _check_range(
            "decay", self.decay, 0, 10, "0.1 lowers the rate by a tenth each epoch", above=True
        )
        _check_range(
            "validation_fraction", self.validation_fraction, 0, 0.9, "0.1 suits most", above=True
        )
        _check_range("batch_size", self.batch_size, 1, 65_536, "128 suits most")
        _check_range("epochs", self.epochs, 1, 10_000, "20 shows most effects")
        _check_range("patience", self.patience, 1, 10_000, "5 suits most")
        _check_range("seed", self.seed, 0, 2**31 - 1, "0 is as good as any")
        _check_range("shifted", self.shifted, 0, 8, "1 is the paper's")
        _check_range("frozen_epochs", self.frozen_epochs, 0, 10_000, "10 suits most")
        _check_range("label_smoothing", self.label_smoothing, 0, 0.9, "0.1 is the paper's")
        _check_range("weight_decay", self.weight_decay, 0, 1, "0.004 suits many")
        _check_range("averaging", self.averaging, 0, 0.99999, "0.99 is over some hundred steps")
        if self.alternating_flip and "flip" in augmentation.check(self.augmentation):
            raise UserError(
                "alternating_flip would be undone by the random flip of the augmentation "
                f"{self.augmentation!r}. Choose one of them."
            )
        _check_range(
            "width_multiplier",
            self.width_multiplier,
            0,
            4,
            "0.5 is half of the filters",
            above=True,
        )
        if self.dropout is not None:
            _check_range("dropout", self.dropout, 0, 0.95, "0.5 is the paper's")

    @property
    def model_options(self) -> dict:
        """The options for `models.build` beside the image size and the number of classes."""
        normalization = None if self.normalization == "none" else self.normalization
        options = {} if self.normalization == "paper" else {"normalization": normalization}
        if self.dropout is not None:
            options["dropout"] = self.dropout
        return options

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that are the same for equal recipes, on every machine."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Return the recipe of `to_json`, or raise a `UserError`."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise UserError(f"The recipe is not JSON: {error}.") from error
        if not isinstance(values, dict):
            raise UserError(f"A recipe is a JSON object. Received: {type(values).__name__}.")
        fields = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in fields:
                raise unknown("recipe field", name, fields)
        return cls(**values)


def differences(given, held) -> str:
    """Return in words where two recipes, or other dataclasses, differ, or an empty string."""
    return ", ".join(
        f"{field.name} {getattr(held, field.name)!r} instead of {getattr(given, field.name)!r}"
        for field in dataclasses.fields(given)
        if getattr(given, field.name) != getattr(held, field.name)
    )


def _check_type(name, annotation, value):
    if not isinstance(value, annotation) or (isinstance(value, bool) and annotation is not bool):
        kind = getattr(annotation, "__name__", annotation)
        raise UserError(f"{name} must be of type {kind}. Received: {value!r}.")


def _check_range(name, value, low, high, advice, *, above=False):
    if not (low < value if above else low <= value) or not value <= high:
        bound = f"above {low}" if above else f"at least {low}"
        raise UserError(f"{name} must be {bound} and at most {high}: {advice}. Received: {value}.")


# The race, after Jordan 2024 (see models/fastnet.py): as much accuracy as fits into a time on two
# cores, chosen on validation images. Their names are the goals in percent of the test images; the
# README says what they reach.
RACE = Recipe(
    dataset="cifar10",
    optimizer="nesterov",
    schedule="triangular",
    augmentation="shift2",
    alternating_flip=True,
    label_smoothing=0.2,
    averaging=0.99,
    mirrored=True,
    patience=10_000,  # the triangle comes to its end
)

RECIPES = {
    "default": Recipe(),
    # A few epochs of a small network: the effect of an idea within a minute on a laptop.
    "laptop": Recipe(model="simple_cnn", normalization="batch", epochs=5),
    # What --minutes takes, where only a few epochs fit: twice the steps in each, and a rate that
    # has come to zero when the time is up, so no earlier end; a plateau would not be noticed. On
    # `shapes` three epochs gave 92 % in validation, with batches of 128 85 %, on a plateau 84 %.
    "timed": Recipe(batch_size=64, schedule="cosine", patience=10_000),
    "cifar10-70": replace(
        RACE,
        model="fastnet16",
        learning_rate=0.3,
        weight_decay=0.013,
        averaging=0.95,  # of 350 steps in all
        epochs=1,
    ),
    "cifar10-90": replace(
        RACE, model="fastnet32", learning_rate=0.5, weight_decay=0.006, batch_size=256, epochs=9
    ),
    "cifar10-94": replace(
        RACE,
        model="fastnet64",
        learning_rate=0.5,
        weight_decay=0.006,
        shifted=1,
        batch_size=256,
        epochs=20,
    ),
}
