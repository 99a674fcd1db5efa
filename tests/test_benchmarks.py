"""What holds for the benchmarks: their results stand in the documents as they are."""

import dataclasses
import json
import re

import keras
import numpy as np
import pytest

from benchmarks import ablation, best_practice, compare_rates, step, tables, training_runs
from keras_course import training
from keras_course.data.splits import Split, Splits
from keras_course.layers import Whitening
from keras_course.recipes import Recipe
from tests.test_repository import ROOT


@pytest.mark.staff  # the lessons' titles are in the solutions
@pytest.mark.parametrize("path", tables.DOCUMENTS, ids=lambda path: path.name)
def test_the_tables_are_those_of_the_results(path):
    text = path.read_text(encoding="utf-8")
    assert tables.PLACE.search(text)
    assert tables.written(text) == text, "python -m benchmarks.tables writes them anew"


def test_every_result_stands_in_a_document():
    text = "".join(path.read_text(encoding="utf-8") for path in tables.DOCUMENTS)
    shown = set(re.findall(r"<!-- table: (\w+) -->", text))
    assert shown == {path.stem for path in (ROOT / "docs" / "results").glob("*.json")}


def test_a_ratio_says_how_many_times_as_long_as_ours():
    run = {"median": 10.0, "milliseconds": [10.0], "peak_megabytes": 1}
    stock = {**run, "median": 25.0, "ratio": 2.5}
    results = {"device": "a", "precision": "b", "versions": {}, "date": "c", "rounds": 1}
    results["cases"] = {"resnet20, 128": {"ours": run, "Keras as it comes": stock}}
    assert "| resnet20, 128 | 10.0 ms, 1 MB | 25.0 ms (2.50), 1 MB | not installed |" in step.table(
        {"machines": [results]}
    )


def run_of(recipe, accuracy, **changes):
    said = {"device": "a", "precision": "b", "date": "c", "versions": {"keras": "3"}}
    run = {"test_accuracy": accuracy, "epoch_seconds": 30.0, "epochs": 2, **said}
    return {**run, "recipe": dataclasses.asdict(recipe), **changes}


def test_a_second_call_trains_only_what_is_missing_or_of_another_recipe(tmp_path, monkeypatch):
    trained = []

    def train(recipe, build, tested, callbacks):
        trained.append((recipe.seed, build, callbacks))
        return run_of(recipe, 0.5)

    monkeypatch.setattr(training_runs, "train", train)
    path = tmp_path / "results.json"
    wanted = {f"seed {seed}": Recipe(seed=seed) for seed in range(3)}
    training_runs.complete(path, {"seed 1": wanted["seed 1"], "old": Recipe(seed=9)})
    training_runs.complete(path, wanted, {"seed 2": len}, callbacks={"seed 0": list})
    assert trained == [(1, None, None), (9, None, None), (0, None, list), (2, len, None)]
    assert list(json.loads(path.read_text())["runs"]) == ["seed 0", "seed 1", "seed 2"]
    training_runs.complete(path, {**wanted, "seed 1": Recipe(seed=1, epochs=3)})
    assert trained[4:] == [(1, None, None)]


def test_a_field_that_recipes_did_not_have_yet_does_not_make_a_run_another_one(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(training_runs, "train", lambda *_: pytest.fail("it was trained"))
    path = tmp_path / "results.json"
    run = run_of(Recipe(), 0.5)
    del run["recipe"]["averaging"]
    path.write_text(json.dumps({"runs": {"a": run}}))
    training_runs.complete(path, {"a": Recipe()})


def test_variants_are_compared_within_a_seed():
    accuracies = {"all": (0.5, 0.7), "none": (0.45, 0.69)}
    runs = {
        f"{name}, seed {seed}": run_of(
            Recipe(seed=seed),
            accuracy,
            epoch_seconds=(1 + seed) * (27 if name == "none" else 30),
        )
        for name, both in accuracies.items()
        for seed, accuracy in enumerate(both)
    }
    text = training_runs.comparison(runs, list(accuracies), (0, 1), "title")
    assert "| all | 2 | 60.00 | 50.00 to 70.00 |  |  | 90 s |  | 2 |" in text
    assert (
        "| none | 2 | 57.00 | 45.00 to 69.00 | -3.00 | -5.00 to -1.00 | 81 s | -10% | 2 |" in text
    )


def test_a_run_that_diverges_is_written_down_and_left_out_of_a_comparison(tmp_path):
    recipe = Recipe(model="logistic_regression", optimizer="sgd", learning_rate=10.0, epochs=1)
    recipe = dataclasses.replace(recipe, model="mlp", augmentation="none", schedule="constant")
    path = tmp_path / "results.json"
    training_runs.complete(path, {"all, seed 0": recipe}, tested=False)
    runs = json.loads(path.read_text())["runs"]
    assert "learning rate" in runs["all, seed 0"]["failed"]
    assert "| all |" not in training_runs.comparison(runs, ["all"], (0,), "title")


def test_the_variants_of_an_ablation_differ_from_the_whole_in_one_idea():
    for name, recipe in ablation.VARIANTS.items():
        changed = {
            field.name
            for field in dataclasses.fields(Recipe)
            if getattr(recipe, field.name) != getattr(ablation.WHOLE, field.name)
        }
        assert len(changed) <= 2, (name, changed)  # a flip has two homes, a schedule its rate
    whole, *others = ablation.VARIANTS.values()
    assert others.count(whole) == len(ablation.BUILDS)  # those that build another network


def test_what_an_idea_costs_is_taken_within_the_rounds():
    whole, other, *_ = ablation.VARIANTS
    times = {name: [100.0, 200.0, 400.0] for name in ablation.VARIANTS}
    times[other] = [110.0, 220.0, 200.0]
    said = {"device": "a", "precision": "b", "versions": {}, "date": "c", "number": 1000}
    text = ablation.table({"runs": {}, "steps": {**said, "milliseconds": times}})
    assert f"| {whole} | 200.0 ms | +0.0% | +0 s |" in text
    assert f"| {other} | 200.0 ms | +10.0% | +20 s |" in text


def test_the_networks_of_an_ablation_differ_in_what_their_names_say():
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3)).astype("uint8")
    split = Split(images, np.arange(8) % 2)
    splits = Splits(split, split, split, ("a", "b"))
    recipe = dataclasses.replace(ablation.WHOLE, model="fastnet16")
    whole = training.build(recipe, splits)
    learned = ablation.learned_first_convolution(recipe, splits)
    assert len(learned.trainable_weights) == len(whole.trainable_weights) + 1
    kinked = ablation.relu_for_gelu(recipe, splits)
    kinds = [[type(layer).__name__ for layer in model.layers] for model in (whole, kinked)]
    assert kinds[1] == [{"GELU": "ReLU"}.get(name, name) for name in kinds[0]] != kinds[0]
    for one, other in zip(whole.get_weights(), kinked.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    (first,) = (layer for layer in learned.layers if isinstance(layer, Whitening))
    before = keras.ops.convert_to_numpy(first.kernel)
    learned.fit(images, split.labels, verbose=0)
    assert not np.array_equal(before, keras.ops.convert_to_numpy(first.kernel))
    kinked.fit(images, split.labels, verbose=0)
    assert kinked.layers[-2].dtype_policy == whole.layers[-2].dtype_policy


def test_the_rate_in_place_of_adam_is_the_best_in_validation():
    runs = {
        name: {"validation_accuracy": accuracy}
        for name, accuracy in zip(best_practice.tuned(), (0.5, 0.9, 0.7), strict=True)
    }
    wanted = best_practice.wanted(runs)
    rates = {wanted[f"no Adam, seed {seed}"].learning_rate for seed in best_practice.SEEDS}
    assert rates == {0.1} and len(wanted) == 3 + 6 * 3


def test_the_best_rate_of_a_network_stands_out():
    said = {"device": "a", "precision": "b", "date": "c", "versions": {"keras": "3"}}
    accuracies = dict(zip(compare_rates.RATES, (0.5, 0.7, 0.6, 0.4), strict=False))
    runs = {
        f"resnet20, rate {rate:g}": {**said, "validation_accuracy": accuracy}
        for rate, accuracy in accuracies.items()
    }
    runs[f"resnet20, rate {compare_rates.RATES[-1]:g}"] = {"failed": "The loss is not finite."}
    text = compare_rates.table({"runs": runs})
    assert "| resnet20 | 50.0 | **70.0** | 60.0 | 40.0 | diverged |" in text
    assert text.endswith("4 epochs each, seed 0. a, b, keras 3, c.")
