"""What a result was measured with: processor, cores, precision, versions, date."""

import datetime
from importlib import metadata, util

from keras_course import quiet

PACKAGES = ("tensorflow", "jax", "keras", "numpy", "torch")


def today() -> dict:
    """Return what a result carries, beside its numbers."""
    quiet.import_keras()
    from keras_course import devices

    installed = [name for name in PACKAGES if util.find_spec(name)]
    return {
        "device": devices.describe(),
        "precision": devices.choose_precision("auto"),
        "versions": {name: metadata.version(name) for name in installed},
        "date": datetime.date.today().isoformat(),
    }


def said(results: dict) -> str:
    """Return that in words."""
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return f"{results['device']}, {results['precision']}, {versions}, {results['date']}"


def same(results: dict, setting: dict) -> bool:
    """Return whether results were measured in that setting."""
    return all(results.get(name) == value for name, value in setting.items())


def beside(machines: list[dict], here: dict) -> list[dict]:
    """Return the results of all processors, with `here` in the place of older ones of its own."""
    return [*(each for each in machines if each["device"] != here["device"]), here]
