import collections
import dataclasses
import importlib.util
import json
import re

import pytest

from keras_course import cli
from keras_course.errors import Terminated, UserError
from keras_course.integrity import read_sealed
from keras_course.search import leaderboard, pictures, range_test, tune
from keras_course.search.leaderboard import Search
from keras_course.search.narrator import Narrator
from tests.search_rows import LINEAR, SPLITS, compiled_once

__all__ = ["compiled_once"]
pytestmark = pytest.mark.usefixtures("compiled_once")
RECIPE = dataclasses.replace(LINEAR, optimizer="adam")
QUICK = {"splits": SPLITS, "steps": 4, "trials": 3, "band": (1e-4, 1e-1)}


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "search, trials",
    [("climb", 4), ("random", 3), ("grid", 3), ("hyperband", 6), ("bayesian", 5)],
)
def test_each_search_finds_a_rate_of_the_band_and_a_second_call_returns_the_same(
    search, trials, tmp_path, capsys
):
    settings = QUICK | {"search": search, "trials": min(trials, 5)}
    found = tune.tune(RECIPE, tmp_path, **settings)
    board = read_sealed(tmp_path / "search" / "leaderboard.json")
    assert board == found.leaderboard
    assert len(board["trials"]) == trials
    assert board["best_learning_rate"] == board["trials"][0]["learning_rate"]
    assert all(1e-4 <= trial["learning_rate"] <= 1e-1 for trial in board["trials"])
    assert [trial["rank"] for trial in board["trials"]] == list(range(1, trials + 1))
    assert board["monitor"] == "val_accuracy" and board["search"] == search
    assert (tmp_path / "search" / "search.png").read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out
    assert shown.count("\ntrial ") == trials
    assert "Hyperparameter" not in shown and "Reloading" not in shown
    before = files(tmp_path)
    assert tune.tune(RECIPE, tmp_path, **settings) == found == Search.load(tmp_path / "search")
    assert files(tmp_path) == before


def test_the_grid_has_both_ends_of_the_band_and_equal_ratios(tmp_path):
    found = tune.tune(RECIPE, tmp_path, search="grid", **QUICK)
    rates = sorted(trial["learning_rate"] for trial in found.leaderboard["trials"])
    assert rates == pytest.approx([1e-4, 10**-2.5, 1e-1])


def test_a_good_rate_beats_rates_that_learn_nothing(tmp_path):
    settings = QUICK | {"band": (1e-7, 1e-2), "steps": 8}
    found = tune.tune(RECIPE, tmp_path, search="grid", **settings)
    assert found.best_learning_rate == pytest.approx(1e-2)
    assert found.leaderboard["trials"][0]["score"] > 0.9


@pytest.mark.parametrize(
    "search",
    [
        *("climb", "hyperband", "bayesian"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("random", "grid")),
    ],
)
def test_an_interrupted_search_goes_on_to_the_result_of_an_uninterrupted_one(
    search, tmp_path, monkeypatch
):
    monkeypatch.setattr(tune, "draw", lambda found: ())  # it takes as long as the search
    settings = QUICK | {"search": search, "trials": 5}
    whole = tune.tune(RECIPE, tmp_path / "whole", **settings)
    on_trial_begin, calls = Narrator.on_trial_begin, []

    def interrupted(tuner, trial):
        calls.append(trial.trial_id)
        if len(calls) in (1, 5):
            raise KeyboardInterrupt
        on_trial_begin(tuner, trial)

    monkeypatch.setattr(Narrator, "on_trial_begin", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            tune.tune(RECIPE, tmp_path / "broken", **settings)
        assert not (tmp_path / "broken" / "search" / "leaderboard.json").exists()
    resumed = tune.tune(RECIPE, tmp_path / "broken", **settings)

    def results(found):
        return [
            {name: value for name, value in trial.items() if name != "seconds"}
            for trial in found.leaderboard["trials"]
        ]

    assert results(resumed) == results(whole)


def test_another_recipe_data_set_or_band_is_refused_and_told_apart(tmp_path):
    tune.tune(RECIPE, tmp_path, **QUICK)
    before = files(tmp_path)
    with pytest.raises(UserError, match="optimizer 'sgd' instead of 'adam'"):
        tune.tune(LINEAR, tmp_path, **QUICK)
    with pytest.raises(UserError, match=r"band \[0.0001, 0.01\] instead of \[0.0001, 0.1\]"):
        tune.tune(RECIPE, tmp_path, **QUICK | {"band": (1e-4, 1e-2)})
    with pytest.raises(UserError, match="trials 4 instead of 3"):
        tune.tune(RECIPE, tmp_path, **QUICK | {"trials": 4})
    images = SPLITS.train.images.copy()
    images[3, 2, 1, 0] ^= 1
    other = SPLITS._replace(train=SPLITS.train._replace(images=images))
    with pytest.raises(UserError, match="images, labels and classes"):
        tune.tune(RECIPE, tmp_path, **QUICK | {"splits": other})
    assert files(tmp_path) == before


def test_the_recipes_own_learning_rate_is_not_part_of_the_search(tmp_path):
    found = tune.tune(RECIPE, tmp_path, **QUICK)
    other = dataclasses.replace(RECIPE, learning_rate=0.5)
    assert tune.tune(other, tmp_path, **QUICK) == found


def test_without_a_band_the_range_test_gives_it(tmp_path):
    settings = QUICK | {"band": None, "range_test_steps": 60}
    found = tune.tune(RECIPE, tmp_path, **settings)
    report = json.loads((tmp_path / "range_test.json").read_text())
    assert found.leaderboard["band"] == report["band"]
    low, high = report["band"]
    assert all(low <= trial["learning_rate"] <= high for trial in found.leaderboard["trials"])


def test_the_range_test_leaves_no_trace_in_the_trials(tmp_path):
    found = tune.tune(RECIPE, tmp_path / "a", **QUICK | {"band": None, "range_test_steps": 60})
    band = found.leaderboard["band"]
    given = tune.tune(RECIPE, tmp_path / "b", **QUICK | {"band": band})
    for mine, other in zip(found.leaderboard["trials"], given.leaderboard["trials"], strict=True):
        assert (mine["learning_rate"], mine["loss"]) == (other["learning_rate"], other["loss"])


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"search": "gird"}, "Did you mean 'grid'"),
        ({"trials": 0}, "trials must be at least 1"),
        ({"steps": -1}, "steps must be at least 1"),
        ({"band": (1e-2, 1e-4)}, "the lower one first"),
        ({"band": (0.0, 1e-4)}, "above 0"),
    ],
)
def test_impossible_settings_are_user_errors_and_write_nothing(wrong, message, tmp_path):
    with pytest.raises(UserError, match=message):
        tune.tune(RECIPE, tmp_path / "new", **QUICK | wrong)
    assert not (tmp_path / "new").exists()


def test_bayesian_search_without_scikit_learn_says_how_to_get_it(tmp_path, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "sklearn" else find_spec(name)
    )
    with pytest.raises(UserError, match="pip install scikit-learn"):
        tune.tune(RECIPE, tmp_path, search="bayesian", **QUICK)


def test_a_damaged_search_folder_is_a_user_error(tmp_path):
    tune.tune(RECIPE, tmp_path, **QUICK)
    for name in ("search.older.json", "search.json"):
        (tmp_path / "search" / name).write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        tune.tune(RECIPE, tmp_path, **QUICK)
    for name in ("search.older.json", "search.json"):
        (tmp_path / "search" / name).unlink()
    with pytest.raises(UserError, match=r"holds files and no search\.json"):
        tune.tune(RECIPE, tmp_path, **QUICK)


def test_what_a_search_is_of_has_an_older_generation(tmp_path, capsys):
    found = tune.tune(RECIPE, tmp_path, **QUICK)
    (tmp_path / "search" / "search.json").write_text("{")
    assert tune.tune(RECIPE, tmp_path, **QUICK) == found
    assert "The older search.older.json is used." in capsys.readouterr().out


def test_events_that_a_damaged_journal_has_lost_are_told_where_trials_are_shown(tmp_path, capsys):
    tune.tune(RECIPE, tmp_path, **QUICK)
    journal = tmp_path / "search" / "tuner" / "journal"
    journal.write_bytes(journal.read_bytes()[:-9] + b"\n")
    shown = Search.so_far(tmp_path / "search").leaderboard["trials"]
    assert len(shown) == QUICK["trials"] - 1
    assert "journal is damaged: 1 events at its end are not shown" in capsys.readouterr().out


def test_a_damaged_history_is_told_with_the_way_out(tmp_path):
    tune.tune(RECIPE, tmp_path, **QUICK)
    folder = tmp_path / "search"
    (folder / "tuner" / "trial_0" / "history.json").write_text("{")
    with pytest.raises(UserError, match=f"damaged.* Remove {folder}/leaderboard.json"):
        Search.so_far(folder)
    (folder / "tuner" / "trial_0" / "history.json").unlink()
    with pytest.raises(UserError, match=f"history.json.* Remove {folder}/leaderboard.json"):
        Search.so_far(folder)
    (folder / "leaderboard.json").unlink()
    found = tune.tune(RECIPE, tmp_path, **QUICK)
    assert len(found.leaderboard["trials"]) == QUICK["trials"]


def test_few_validation_images_are_of_all_classes():
    part = tune._some(SPLITS.validation, 6, seed=0)
    assert len(part.labels) == 6
    assert sorted(part.labels) == [0, 0, 0, 1, 1, 1]


def row(name, score, *, loss=1.0, steps=9, status="finished"):
    return {"trial": name, "score": score, "loss": loss, "steps": steps, "status": status}


def test_the_ranking_prefers_finished_then_longer_then_better_then_lower_loss():
    rows = [
        row("diverged", 0.0, loss=None, status="diverged"),
        row("short", 0.9, steps=3),
        row("tie", 0.5, loss=2.0),
        row("best", 0.5, loss=1.0),
    ]
    order = [trial["trial"] for trial in leaderboard.ranked(rows, "max")]
    assert order == ["best", "tie", "short", "diverged"]
    order = [trial["trial"] for trial in leaderboard.ranked(rows, "min")]
    assert order == ["best", "tie", "short", "diverged"]


def test_the_table_for_the_terminal_names_data_model_and_device(tmp_path):
    text = tune.tune(RECIPE, tmp_path, **QUICK).text()
    assert "logistic_regression on rows" in text and "3 trials, 0 diverged" in text
    assert len(text.splitlines()) == 2 + 3


@pytest.mark.tensorflow  # whose first weights of this seed know nothing
def test_a_search_in_which_nothing_learns_says_that_it_says_nothing(tmp_path):
    found = tune.tune(RECIPE, tmp_path, **QUICK | {"band": (1e-9, 1e-8), "steps": 1})
    assert "No trial did better than chance, 50%" in found.text()


def test_a_search_that_goes_on_can_be_shown_and_one_that_is_ended_tells_its_best(
    tmp_path, monkeypatch, capsys
):
    on_trial_end, ended = Narrator.on_trial_end, []

    def terminated(tuner, trial):
        on_trial_end(tuner, trial)
        ended.append(trial)
        if len(ended) == 2:
            raise Terminated

    monkeypatch.setattr(Narrator, "on_trial_end", terminated)
    with pytest.raises(Terminated):
        tune.tune(RECIPE, tmp_path, search="grid", **QUICK)
    told = (
        rf"2 trials have ended. The search in {tmp_path}/search can be continued. The best rate "
        "so far: "
    )
    assert re.search(told + r"[\d.]+, val_accuracy [\d.]+", capsys.readouterr().out)
    assert cli.main(["tune", "--show", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "grid search, logistic_regression on rows" in shown and "2 trials" in shown
    assert (tmp_path / "search" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main(["tune", "--show", str(tmp_path / "nowhere")]) == 2
    assert "holds no search" in capsys.readouterr().err


def test_the_line_of_a_trial_looks_at_no_other_trial(tmp_path, monkeypatch):
    read_sealed, read = leaderboard.integrity.read_sealed, collections.Counter()

    def reading(path):
        read[path] += 1
        return read_sealed(path)

    monkeypatch.setattr(leaderboard.integrity, "read_sealed", reading)
    found = tune.tune(RECIPE, tmp_path, **QUICK | {"search": "grid", "trials": 6})
    histories = [
        tmp_path / "search" / "tuner" / f"trial_{trial['trial']}" / "history.json"
        for trial in found.leaderboard["trials"]
    ]
    assert max(read[path] for path in histories) == 3  # for its line, the leaderboard, the picture


def test_the_curves_are_those_of_the_trials(tmp_path):
    found = tune.tune(RECIPE, tmp_path, search="grid", **QUICK)
    left, right, _ = pictures.curves(found.leaderboard, found.histories(), "title").axes
    assert len(left.lines) == 3 and all(len(line.get_xdata()) == 4 for line in left.lines)
    rates = sorted(line.get_xdata()[0] for line in right.lines)
    assert len(rates) == 4  # the chosen one twice
    chosen = right.lines[-1]
    assert chosen.get_xdata()[0] == found.best_learning_rate and right.get_xscale() == "log"


def test_without_pairs_the_trials_differ_in_more_than_the_rate(tmp_path):
    settings = QUICK | {"band": (1e-5, 1.0000001e-5), "search": "grid"}  # one rate, in effect
    found = tune.tune(RECIPE, tmp_path / "unpaired", paired=False, **settings)
    losses = {trial["loss"] for trial in found.leaderboard["trials"]}
    assert len(losses) == 3
    paired = tune.tune(RECIPE, tmp_path / "paired", **settings)
    losses = [trial["loss"] for trial in paired.leaderboard["trials"]]
    assert max(losses) - min(losses) < 1e-4


def test_where_the_range_test_explodes_at_once_the_search_is_below(tmp_path, monkeypatch, capsys):
    interpret = range_test.interpret

    def exploded(rates, losses, high):
        return interpret(rates[:2], [losses[0], float("inf")], high)

    monkeypatch.setattr(range_test, "interpret", exploded)
    found = tune.tune(RECIPE, tmp_path, **QUICK | {"band": None, "range_test_steps": 12})
    low, high = found.leaderboard["band"]
    assert high == range_test.RangeTest(12).low and low == high / 1000
    assert "exploded within 2 steps" in capsys.readouterr().out


def test_where_the_range_test_finds_nothing_the_search_is_wide(tmp_path, monkeypatch, capsys):
    def nothing(*_):
        raise range_test.NothingFound("The loss stayed where it was.")

    monkeypatch.setattr(range_test, "interpret", nothing)
    found = tune.tune(RECIPE, tmp_path, **QUICK | {"band": None, "range_test_steps": 12})
    assert found.leaderboard["band"] == list(tune.WIDE)
    assert "stayed where it was. The search tries 0.001 to 1." in capsys.readouterr().out
