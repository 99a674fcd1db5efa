import dataclasses

import pytest

from keras_course import data, job, timing, training
from keras_course.errors import UserError
from keras_course.recipes import Recipe
from keras_course.search import tune

TINY = Recipe(model="logistic_regression", augmentation="none", batch_size=16, patience=2)


@pytest.fixture
def epochs_of(monkeypatch, splits):
    """Let the epochs seem to take these seconds, each time that they are measured."""
    monkeypatch.setattr(data, "load", lambda *_: splits)

    def seem(*seconds):
        measured = iter(seconds)
        monkeypatch.setattr(timing, "measure_epoch", lambda *_: next(measured))

    return seem


def test_a_machine_that_slows_down_after_the_search_still_trains_an_epoch(
    epochs_of, tmp_path, capsys
):
    epochs_of(1, 3600)
    run = job.run(TINY, tmp_path, minutes=1, trials=2)
    assert run.recipe.epochs == 1 and run.metrics["test"]["accuracy"] > 0
    assert "Not even one epoch fits: one is trained anyway" in capsys.readouterr().out


def test_an_epoch_is_measured_as_it_will_be_trained(splits, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "load", lambda *_: splits)
    measured, trained = [], []

    def measure(model, *_):
        measured.append(model.steps_per_execution)
        return 1.0

    def fit(*_, model, **__):
        trained.append(model.steps_per_execution)
        raise KeyboardInterrupt

    monkeypatch.setattr(timing, "measure_epoch", measure)
    monkeypatch.setattr(job.training, "fit", fit)
    recipe = dataclasses.replace(TINY, schedule="constant")  # several steps in a call
    with pytest.raises(KeyboardInterrupt):
        job.run(recipe, tmp_path, trials=2)
    assert trained == measured[1:] and trained[0] > 1


def test_a_finished_job_is_not_taken_for_one_of_more_epochs(epochs_of, tmp_path, capsys):
    epochs_of(1, 1, 1, 1)
    recipe = dataclasses.replace(TINY, epochs=1)
    job.run(recipe, tmp_path, trials=2)
    with pytest.raises(UserError, match="another recipe: epochs 1 instead of 2"):
        job.run(dataclasses.replace(recipe, epochs=2), tmp_path, trials=2)
    capsys.readouterr()
    job.run(recipe, tmp_path, trials=2)
    assert "holds the finished run of this recipe" in capsys.readouterr().out


def test_damaged_sizes_of_a_search_are_chosen_anew(tmp_path, capsys):
    sizes = job._search_sizes(tmp_path, 600, 0.1, 4)
    (tmp_path / "search_sizes.json").write_text("{")
    assert job._search_sizes(tmp_path, 600, 0.1, 4) == sizes
    assert "search_sizes.json is damaged" in capsys.readouterr().out
    assert job._search_sizes(tmp_path, 300, 0.1, 4) == sizes  # which are there now


def test_minutes_for_less_than_an_epoch_are_refused_before_the_search(epochs_of, tmp_path):
    epochs_of(100)
    with pytest.raises(UserError, match="One epoch takes 1 min 40 s"):
        job.run(TINY, tmp_path / "run", minutes=1)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {".lock"}


def test_a_training_that_has_begun_goes_on_also_where_no_epoch_would_fit_now(
    epochs_of, tmp_path, monkeypatch
):
    epochs_of(1, 1, 100, 100)
    fit = training.fit

    def killed(*given, **options):
        fit(*given, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(training, "fit", killed)
        patched.setattr(job.runs, "is_finished", lambda folder: False)
        with pytest.raises(KeyboardInterrupt):
            job.run(TINY, tmp_path, minutes=1, trials=2)
    monkeypatch.setattr(job.runs, "is_finished", lambda folder: False)
    assert job.run(TINY, tmp_path, minutes=1, trials=2).metrics["test"]["accuracy"] > 0


def test_the_summary_calls_a_rate_that_train_was_given_by_its_name(
    splits, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(data, "load", lambda *_: splits)
    recipe = dataclasses.replace(TINY, epochs=1, learning_rate=0.0123)
    tune.tune(recipe, tmp_path, trials=2, steps=2, band=(1e-3, 1e-1))
    training.fit(recipe, tmp_path, splits=splits)
    job.run(recipe, tmp_path)
    said = capsys.readouterr().out
    assert "learning rate  0.012, given to an earlier training in this folder" in said
    assert "the best of the search" not in said
