"""Classify image files with an exported SavedModel, and with nothing else than TensorFlow.

A SavedModel is a program: use only those whose origin you trust.

An image is turned as its EXIF data say, reduced to 8 bits, laid on white where it is transparent,
made grey or coloured as the network wants it, cropped around its centre to the shape that the
network wants (a square, mostly: the ends of a long image are not seen), and resized with an
antialiased bicubic filter.
"""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from keras_course.errors import UserError, tensorflow_needed
from keras_course.image_file import as_seen

MODES = {1: "L", 3: "RGB"}  # by channels


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The most probable classes of one image file, best first, or why there are none."""

    path: Path
    classes: tuple[tuple[str, float], ...] = ()  # name, probability 0..1
    error: str | None = None

    def __str__(self) -> str:
        if self.error:
            return f"{self.path}: {self.error}"
        return f"{self.path}: " + ", ".join(f"{name} {p:.1%}" for name, p in self.classes)


def predict(
    model_folder: str | os.PathLike, image_paths: Iterable[str | os.PathLike], top: int = 3
) -> list[Prediction]:
    """Return the `top` classes of each PNG or JPEG file, in the order given.

    model_folder: a run folder with an exported `saved_model`, or that folder itself. A file that is
    no readable image gets a `Prediction` with an error, and the rest goes on.

    Errors: UserError for a folder without a SavedModel of this package, or `top` below 1.
    """
    if top < 1:
        raise UserError(f"top must be at least 1, like 3. Received: {top}.")
    model = _load(Path(model_folder))
    class_names = [name.decode() for name in model.class_names().numpy()]
    signature = model.signatures["serving_default"].structured_input_signature
    _, height, width, channels = signature[1]["images"].shape
    if channels not in MODES:
        raise UserError(
            f"{model_folder} needs images of {channels} channels, but image files have 1 or 3. "
            "Call `serve` of the SavedModel with an array instead."
        )
    predictions = []
    for path in map(Path, image_paths):
        try:
            pixels = read_image(path, (height, width, channels))
        except UserError as error:
            predictions.append(Prediction(path, error=str(error)))
            continue
        probabilities = model.serve(pixels[None]).numpy()[0]
        best = np.argsort(-probabilities, kind="stable")[:top]
        classes = tuple((class_names[i], float(probabilities[i])) for i in best)
        predictions.append(Prediction(path, classes))
    return predictions


def table(predictions: Iterable[Prediction]) -> str:
    """Return one line for each image: its file and classes, or why there are none."""
    return "\n".join(map(str, predictions))


def read_image(path: Path, shape: Sequence[int]) -> np.ndarray:
    """Return a PNG or JPEG file as uint8 pixels of this shape, (height, width, 1 or 3).

    Errors: UserError for a file that is missing, damaged, or no image.
    """
    height, width, channels = shape
    try:
        with Image.open(path, formats=["PNG", "JPEG"]) as file:
            image = as_seen(file)
    except FileNotFoundError as error:
        raise UserError("no such file.") from error
    except Exception as error:  # for broken files Pillow raises nearly anything
        raise UserError(
            f"not a readable PNG or JPEG image ({type(error).__name__}). Open it in another "
            "program and save it again."
        ) from error
    image = ImageOps.fit(image.convert(MODES[channels]), (width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, "uint8").reshape(height, width, channels)


def _load(folder):
    """Return the SavedModel in the folder, or in its subfolder `saved_model`."""
    found = [
        path for path in (folder, folder / "saved_model") if (path / "saved_model.pb").exists()
    ]
    if not found:
        kind = "contains no SavedModel" if folder.is_dir() else "is not a folder"
        raise UserError(
            f"{folder} {kind}. Give a run folder after `keras-course export`, or its saved_model."
        )
    try:
        import tensorflow as tf
    except ModuleNotFoundError as error:
        raise tensorflow_needed("A SavedModel") from error
    try:
        model = tf.saved_model.load(found[0])
    except Exception as error:  # TensorFlow has its own kinds for a damaged file
        raise UserError(
            f"{found[0]} cannot be loaded ({type(error).__name__}). Export it again."
        ) from error
    if not (hasattr(model, "serve") and hasattr(model, "class_names")):
        raise UserError(
            f"{found[0]} contains no class names: `keras-course export` did not write it. Export "
            "the run with that command."
        )
    return model
