"""The comparison of networks: what it trains, keeps, says and draws."""

import dataclasses
import json
import sys
from dataclasses import replace

import pytest

from keras_course import cli, compare, devices, models
from keras_course.errors import UserError
from keras_course.recipes import Recipe

TINY = Recipe(model="logistic_regression", augmentation="none", schedule="cosine", batch_size=256)


def result(accuracy, **changes):
    said = {"device": "a", "precision": "b", "date": "c", "versions": {"keras": "3"}}
    run = {
        "test_accuracy": accuracy,
        "validation_accuracy": accuracy,
        "multiply_adds": 41_000_000,
        "parameters": 272_474,
        "epochs": 2,
        "seconds": 60.0,
        "peak_megabytes": 1000,
        "seconds_of_epochs": [30.0, 30.0],
        "validation_of_epochs": [0.5, accuracy],
        "recipe": dataclasses.asdict(compare.NETWORKS["resnet20"]),
    }
    return {**said, **run, **changes}


@pytest.fixture
def trained(monkeypatch):
    """The recipes that would have been trained; each reaches 80 % and a bit for its seed."""
    recipes = []

    def train(recipe, folder, minutes):
        recipes.append(recipe)
        return result(0.8 + recipe.seed / 100, recipe=dataclasses.asdict(recipe))

    monkeypatch.setattr(compare, "_apart", train)
    return recipes


def test_every_network_trains_with_every_seed_and_a_second_call_trains_what_is_missing(
    trained, tmp_path, capsys
):
    found = compare.compare(tmp_path / "c", networks=["resnet20", "vgg11"], seeds=2, minutes=5)
    assert [(recipe.model, recipe.seed) for recipe in trained] == [
        ("resnet20", 0),
        ("vgg11", 0),
        ("resnet20", 1),
        ("vgg11", 1),
    ]
    assert "resnet20, seed 0: 4 runs to go, about 20 min" in capsys.readouterr().out
    again = compare.compare(tmp_path / "c", networks=["resnet20", "vgg11"], seeds=3, minutes=5)
    assert [recipe.seed for recipe in trained[4:]] == [2, 2]
    assert {**again["runs"], **found["runs"]} == again["runs"]
    assert (tmp_path / "c" / "compare.png").stat().st_size > 10_000
    text = (tmp_path / "c" / "compare.md").read_text()
    assert (
        "| resnet20 | 1 | 272,474 | 41 million | 0.4 | 2 | 3 | 81.0 | 81.0 | 80.0 to 82.0" in text
    )


def test_a_run_that_fails_is_named_and_tried_again(trained, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(compare, "_apart", lambda *_: {"failed": "The loss became nan."})
        found = compare.compare(tmp_path, networks=["resnet20"], seeds=1)
    assert "- resnet20, seed 0 failed: The loss became nan." in compare.table(found)
    assert not (tmp_path / "compare.png").exists()
    compare.compare(tmp_path, networks=["resnet20"], seeds=1)
    assert len(trained) == 1


def test_where_the_system_does_not_tell_the_memory_the_table_has_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert devices.peak_megabytes() is None
    run = result(0.5, peak_megabytes=None)
    text = compare.table({"dataset": "d", "minutes": 1, "runs": {"resnet20, seed 0": run}})
    assert "| 1.0 |  |" in text


def test_the_best_network_comes_first():
    results = {"dataset": "d", "minutes": 1, "runs": {}}
    for name, accuracy in (("a", 0.5), ("b", 0.7), ("c", 0.6)):
        results["runs"][f"{name}, seed 0"] = result(accuracy)
    rows = [line.split(" | ")[0] for line in compare.table(results).splitlines()[2:5]]
    assert rows == ["| b", "| c", "| a"]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"networks": ["resnet21"]}, "Did you mean 'resnet20'"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"minutes": 7.0}, "holds a comparison with minutes 5.0 instead of 7.0"),
    ],
)
def test_a_mistake_is_told_before_anything_is_trained(options, message, trained, tmp_path):
    compare.compare(tmp_path, networks=["resnet20"], seeds=1, minutes=5.0)
    with pytest.raises(UserError, match=message):
        compare.compare(tmp_path, **{"minutes": 5.0, **options})
    assert len(trained) == 1


def test_runs_of_another_recipe_are_not_mixed_in(trained, tmp_path, monkeypatch):
    compare.compare(tmp_path, networks=["resnet20"], seeds=1)
    higher = replace(compare.NETWORKS["resnet20"], learning_rate=0.8)
    monkeypatch.setitem(compare.NETWORKS, "resnet20", higher)
    with pytest.raises(
        UserError, match=r"another recipe than today's: learning_rate 0\.4 instead of 0\.8"
    ):
        compare.compare(tmp_path, networks=["resnet20"], seeds=2)


def test_a_folder_with_other_things_is_left_alone(trained, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        compare.compare(tmp_path)
    assert not trained


@pytest.mark.parametrize("name", compare.NETWORKS)
def test_the_networks_are_built_as_their_recipes_say(name):
    recipe = compare.NETWORKS[name]
    model = models.build(
        recipe.model, width_multiplier=recipe.width_multiplier, **recipe.model_options
    )
    paper = models.build(recipe.model)
    assert (model.count_params() < 0.5 * paper.count_params()) == (recipe.width_multiplier < 1)


def test_a_real_run_leaves_its_folder_and_its_numbers(splits, tmp_path, monkeypatch):
    from keras_course import data

    monkeypatch.setattr(data, "load", lambda *_: splits)
    recipe = replace(TINY, batch_size=16, mirrored=True)
    found = compare.train(recipe, tmp_path / "run", 0.2)
    assert found["epochs"] == len(found["seconds_of_epochs"]) == len(found["validation_of_epochs"])
    assert found["multiply_adds"] == 16 * 16 * 3 * 3
    assert found["test_accuracy"] > 0.5 and found["peak_megabytes"] > 100
    assert (tmp_path / "run" / "curves.png").exists()
    json.dumps(found)


def test_in_a_process_of_its_own_a_failure_comes_back_in_words(tmp_path):
    recipe = replace(TINY, model="mlp", optimizer="sgd", learning_rate=10.0, schedule="constant")
    found = compare._apart(recipe, tmp_path / "run", 0.5)
    assert "The loss became" in found["failed"]


def test_the_command_says_that_every_run_failed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(compare, "_apart", lambda *_: {"failed": "The loss became nan."})
    typed = ["compare", "--models", "resnet20", "--seeds", "1", "--output", str(tmp_path)]
    assert cli.main([*typed, "--dataset", "shapes"]) == 1
    assert "Every run failed" in capsys.readouterr().err
    assert cli.main([*typed, "--dataset", "shape"]) == 2


def test_the_command(trained, tmp_path, capsys):
    typed = ["compare", "--dataset", "shapes", "--models", "resnet20,vgg11", "--seeds", "1"]
    assert cli.main([*typed, "--minutes", "2", "--output", str(tmp_path / "c")]) == 0
    assert {recipe.dataset for recipe in trained} == {"shapes"}
    said = capsys.readouterr().out
    assert "| vgg11 |" in said and str(tmp_path / "c" / "compare.png") in said
