"""The network in the best.keras of a run folder; where that is damaged, the best one before it."""

from pathlib import Path

import keras

from keras_course import integrity


def newest(folder: Path) -> keras.Model | None:
    """Return the uncompiled network, None if there is neither file. Errors: Damaged if both are."""
    return integrity.newest(folder / "best.keras", _load)


def _load(path):
    try:
        return keras.saving.load_model(integrity.check_zip(path), compile=False)
    except integrity.Damaged:
        raise
    except Exception as error:  # Keras and HDF5 each have their own
        raise integrity.Damaged(path, error) from error
