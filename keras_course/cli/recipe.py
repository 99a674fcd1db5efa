"""From what was typed to a recipe, and to values that were checked."""

import dataclasses
from pathlib import Path

from keras_course import quiet
from keras_course.cli.data import prepare
from keras_course.errors import UserError, unknown


def recipe_of(given, default=None):
    """Return the recipe that was described, its data set and its device there."""
    recipe = described(given, default)
    from keras_course import devices

    if given.device == "gpu":
        devices.require_gpu()
    prepare(recipe.dataset, given.yes)
    return recipe


def described(given, default=None):
    """Return the recipe that was described, on whatever machine it is to be used."""
    quiet.import_keras()
    from keras_course import data
    from keras_course.recipes import RECIPES, Recipe

    if given.recipe is None:
        timed = getattr(given, "minutes", None) is not None
        recipe = default or RECIPES["timed" if timed else "default"]
    elif given.recipe in RECIPES:
        recipe = RECIPES[given.recipe]
    elif Path(given.recipe).is_file():
        recipe = Recipe.from_json(_text(given.recipe))
    else:
        raise unknown("--recipe", given.recipe, [*RECIPES, "the path of a recipe.json"])
    recipe = dataclasses.replace(recipe, **fields(given, Recipe))
    check_positive(given)
    check_epochs(given)
    data.check(recipe.dataset)
    return recipe


def searched_recipe(given, here=True):
    """Return the recipe whose learning rate is to be found, here or on another machine."""
    if given.learning_rate is not None:
        raise UserError(
            "This command searches for the learning rate: leave out --learning-rate, or use "
            f"`keras-course train`. Received: {given.learning_rate}."
        )
    return recipe_of(given) if here else described(given)


def _text(path):
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "--recipe must be the name of a recipe or a recipe.json. "
            f"{path} cannot be read: {error}."
        ) from error


def fields(given, kind):
    """Return the options that were given among the fields of a dataclass."""
    values = {field.name: getattr(given, field.name, None) for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if value is not None}


def check_epochs(given):
    if given.epochs and getattr(given, "minutes", None):
        raise UserError("--minutes sets the number of epochs: leave out --epochs or --minutes.")


def check_positive(given):
    for name, low in (
        ("minutes", 0),
        ("trials", 1),
        ("steps", 1),
        ("trial_minutes", 0),
        ("workers", 1),
        ("parallel_rates", 1),
        ("seeds", 1),
        ("input_size", 1),
        ("num_classes", 1),
    ):
        value = getattr(given, name, None)
        if (value is not None and not low <= value < 1e6) or value == 0:
            option = name.replace("_", "-")
            raise UserError(
                f"--{option} must be positive, and less than a million. Received: {value}."
            )
