"""Export: the trained network as something that runs where this package is not installed.

| format | in the run folder | what reads it | it returns | may differ by |
|---|---|---|---|---|
| savedmodel | saved_model | TensorFlow | class probabilities | 1e-5 |
| keras | model.keras | Keras | logits | 1e-5 |
| litert | model.tflite | LiteRT, on phones and small boards | class probabilities | 1e-4 |
| onnx | model.onnx | ONNX Runtime and many others | class probabilities | 1e-4 |

All take float32 pixels 0..255 of shape (n, height, width, channels), the SavedModel uint8 as well,
and compute in float32. What was written is read again and compared with the model before it gets
its name: what stands in the run folder has passed.
"""

import contextlib
import dataclasses
import importlib.util
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from keras_course import data, files, folders, out_of_memory
from keras_course.data.splits import Splits
from keras_course.errors import Failure, UserError, unknown
from keras_course.export import keras_file, litert, onnx, saved_model
from keras_course.export.rebuilt import every_layer, rebuilt
from keras_course.runs import Run

IMAGES = 256  # compared
BATCH_SIZE = 64
ROUNDING = 2e-2  # of probabilities in bfloat16, root mean square


@dataclasses.dataclass(frozen=True)
class Format:
    """write(model, class_names, path); read(path) gives the function images -> probabilities."""

    name: str
    tolerance: float
    write: Callable
    read: Callable
    whole: Callable = files.whole
    packages: tuple[str, ...] = ()


FORMATS = {
    "savedmodel": Format(
        "saved_model", 1e-5, saved_model.write, saved_model.read, files.whole_folder
    ),
    "keras": Format("model.keras", 1e-5, keras_file.write, keras_file.read),
    "litert": Format("model.tflite", 1e-4, litert.write, litert.read, packages=litert.PACKAGES),
    "onnx": Format("model.onnx", 1e-4, onnx.write, onnx.read, packages=onnx.PACKAGES),
}


class ExportDiffers(Failure):
    """What was written does not compute what the model computes; nothing was kept of it."""


@dataclasses.dataclass(frozen=True)
class Exported:
    """What was written, and how far its class probabilities (0..1) are from the model's.

    difference: the largest one from the model in float32, over all classes of the compared images.
    from_trained: the largest distance of the model in float32 from the one that was trained in
    mixed precision; None if training was in float32.
    """

    path: Path
    images: int
    difference: float
    from_trained: float | None

    def __str__(self) -> str:
        text = (
            f"{self.path}: ok, the class probabilities of {self.images} test images differ from "
            f"the model's by at most {self.difference:.1e}"
        )
        if self.from_trained is not None:
            text += f"; the model in float32 is within {self.from_trained:.1e} of the trained one"
        return text


def export(run: Run, format: str = "savedmodel", *, splits: Splits | None = None) -> Exported:
    """Write the run's best model in this format into its folder, proven equal to the model.

    Compared are the outputs for the first 256 test images: no label is looked at, so this is no
    evaluation and the test set counts as closed. A model trained in mixed precision is rebuilt in
    float32 and that one is exported; its distance to the trained one is reported.

    Errors: UserError for an unknown format, a package that is missing, a damaged run, or a data set
    that is no longer the one of the training; ExportDiffers if the comparison fails.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    chosen = FORMATS[format]
    _check_packages(format, chosen.packages)
    recipe = run.recipe
    splits = splits or data.load(recipe.dataset, recipe.validation_fraction, recipe.seed)
    trained = run.model()
    run.check_data(splits)
    _check_data(trained, splits, recipe)
    folders.make(run.folder)
    images = splits.test.images[:IMAGES]
    mixed = any(layer.compute_dtype != "float32" for layer in every_layer(trained))
    model = rebuilt(trained) if mixed else trained
    with _full_float32():
        expected = _probabilities(model, images)
        from_trained = _from_trained(expected, trained, images, run) if mixed else None
        path = run.folder / chosen.name
        with chosen.whole(path) as temporary:
            chosen.write(model, splits.class_names, temporary)
            difference = _distance(expected, _in_batches(chosen.read(temporary), images))
            if not difference < chosen.tolerance:  # NaN is not below it either
                raise ExportDiffers(
                    f"The {format} of {run.folder} was not kept: its class probabilities differ "
                    f"from the model's by {difference:.1e}; below {chosen.tolerance:.0e} was "
                    "expected. A nan means that the training diverged."
                )
    return Exported(path, len(images), difference, from_trained)


def _check_packages(format, packages):
    if format != "keras" and keras.backend.backend() != "tensorflow":
        raise UserError(
            f"Only TensorFlow writes the format {format!r}, but Keras runs on "
            f"{keras.backend.backend()}. Export with KERAS_BACKEND=tensorflow: it can read the run."
        )
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        names = " ".join(missing).replace("_", "-")
        raise UserError(f"Format {format!r} needs packages that are missing: pip install {names}")


def _check_data(model, splits, recipe):
    trained = (*model.input_shape[1:], model.output_shape[-1])
    found = (*splits.test.images.shape[1:], len(splits.class_names))
    if trained != found:
        raise UserError(
            f"{recipe.dataset} has changed since the training: height, width, channels and "
            f"classes were {trained} and are {found}. Train again, or restore the data set."
        )


def _probabilities(model, images):
    model.jit_compile = False  # XLA rounds in another way, which in deep networks adds up
    with out_of_memory.told_of_looking():
        logits = model.predict(images.astype("float32"), batch_size=BATCH_SIZE, verbose=0)
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))


def _in_batches(function, images):
    batches = np.split(images, range(BATCH_SIZE, len(images), BATCH_SIZE))
    return np.concatenate([function(batch) for batch in batches])


def _from_trained(expected, trained, images, run):
    """Return how far the model in float32 is from the one that was trained in mixed precision."""
    told = _probabilities(trained, images)
    apart = float(np.sqrt(np.mean(np.square(expected - told))))
    if not apart < ROUNDING:
        raise ExportDiffers(
            f"The model of {run.folder} in float32 is not the one that was trained: its class "
            f"probabilities are {apart:.1e} away, root mean square; below {ROUNDING:.0e} was "
            "expected. A nan means that the training diverged."
        )
    return _distance(expected, told)


def _distance(these, those):
    return float(np.max(np.abs(these - those)))


@contextlib.contextmanager
def _full_float32():
    """Keep GPUs from rounding float32 to TF32, 10 bits, where two correct paths differ by 1e-3."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
