import dataclasses

import pytest

from keras_course.errors import UserError
from keras_course.recipes import RECIPES, Recipe, differences


def test_the_timed_differs_from_the_default_only_in_what_a_short_run_needs():
    timed = dataclasses.replace(RECIPES["timed"], batch_size=128, schedule="plateau", patience=5)
    assert timed == RECIPES["default"]


def test_the_default_is_the_best_practice_of_the_lecture():
    recipe = Recipe()
    assert (recipe.dataset, recipe.model) == ("shapes", "resnet20")
    assert recipe.optimizer == "adam"
    assert recipe.augmentation == "flip_shift_color"
    assert recipe.schedule == "plateau"
    assert recipe.monitor.startswith("val_") and recipe.patience < recipe.epochs


def test_a_recipe_survives_json():
    for recipe in (*RECIPES.values(), Recipe(model="mlp", dropout=0.5, learning_rate=1)):
        assert Recipe.from_json(recipe.to_json()) == recipe


def test_equal_recipes_have_equal_hashes_and_others_not():
    assert Recipe().hash == Recipe().hash
    assert Recipe(learning_rate=1).hash == Recipe(learning_rate=1.0).hash
    assert Recipe(model="mlp", dropout=0).dropout == 0.0
    hashes = {Recipe(seed=seed).hash for seed in range(50)}
    assert len(hashes) == 50


def test_differences_are_told_in_words():
    recipe = Recipe()
    other = dataclasses.replace(recipe, epochs=3)
    assert differences(recipe, other) == "epochs 3 instead of 20"
    assert differences(recipe, recipe) == ""


@pytest.mark.parametrize(
    "values, message",
    [
        ({"model": "resnet2"}, "model must be one of .* Did you mean 'resnet20'"),
        ({"optimizer": "adma"}, "Did you mean 'adam'"),
        ({"schedule": "plateu"}, "Did you mean 'plateau'"),
        ({"schedule": "plateau_cosine"}, "each undoing the other"),
        ({"alternating_flip": True}, "undone by the random flip"),
        ({"alternating_flip": 1}, "must be of type bool"),
        ({"label_smoothing": 1.0}, "label_smoothing must be at least 0 and at most 0.9"),
        ({"averaging": 1.0}, "averaging must be at least 0"),
        ({"augmentation": "flipp"}, "Did you mean 'flip'"),
        ({"normalization": "layer"}, "normalization must be one of"),
        ({"precision": "float64"}, "precision must be one of"),
        ({"monitor": "test_accuracy"}, "monitor must be one of val_accuracy, val_loss"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0 and at most 10"),
        (
            {"learning_rate": -0.1},
            "learning_rate must be (above|at least) 0|learning_rate must be at least 1",
        ),
        (
            {"learning_rate": 1e6},
            "learning_rate must be (above|at least) 0|learning_rate must be at least 1",
        ),
        (
            {"learning_rate": float("nan")},
            "learning_rate must be (above|at least) 0|learning_rate must be at least 1",
        ),
        ({"learning_rate": "fast"}, "learning_rate must be of type float"),
        ({"epochs": 0}, "epochs must be (above|at least) 0|epochs must be at least 1"),
        ({"epochs": 2.5}, "epochs must be of type int"),
        ({"seed": -1}, "seed must be (above|at least) 0|seed must be at least 1"),
        ({"dropout": 0.5}, "resnet20 has no option 'dropout'"),
        (
            {"model": "mlp", "dropout": 1.0},
            "dropout must be (above|at least) 0|dropout must be at least 1",
        ),
        ({"model": "mlp", "normalization": "batch"}, "mlp has no option 'normalization'"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused_when_it_is_made(values, message):
    with pytest.raises(UserError, match=message):
        Recipe(**values)


@pytest.mark.parametrize("text", ["{", "[]", '{"modle": "mlp"}', '{"epochs": "3"}'])
def test_a_damaged_recipe_file_is_a_mistake_of_the_user(text):
    with pytest.raises(UserError):
        Recipe.from_json(text)
