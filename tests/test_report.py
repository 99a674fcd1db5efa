"""The report: what it says against what is in the run folder, and that it is one safe file."""

import base64
import html.parser
import re
import shutil

import numpy as np
import pytest

from keras_course import files, integrity, training
from keras_course.errors import UserError
from keras_course.recipes import Recipe
from keras_course.report import pages, report
from keras_course.runs import Run

VOID = {"meta", "img", "br"}
EVIL = "<script>alert(1)</script>"
LEADERBOARD = {
    "dataset": "shapes",
    "model": "simple_cnn",
    "search": "random",
    "device": "a processor",
    "precision": "float32",
    "seconds": 40.0,
    "monitor": "val_accuracy",
    "band": [1e-4, 1e-1],
    "best_learning_rate": 0.00316,
    "trials": [
        {
            "rank": rank,
            "trial": f"000{rank}",
            "learning_rate": rate,
            "score": score,
            "loss": loss,
            "status": status,
            "steps": 60,
            "seconds": 12.5,
        }
        for rank, rate, score, loss, status in [
            (1, 0.00316, 0.625, 1.25, "finished"),
            (2, 0.1, -1.0, None, "diverged"),
        ]
    ],
}


class Page(html.parser.HTMLParser):
    """The parsed page; every element must be closed in its turn."""

    def __init__(self, path):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def tags(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]


@pytest.fixture(scope="module")
def trained(splits, tmp_path_factory):
    """The folders of trained runs, whose test set nobody has opened, by model."""
    folder = tmp_path_factory.mktemp("runs")
    for model in ("simple_cnn", "logistic_regression"):
        recipe = Recipe(model=model, batch_size=32, epochs=2, augmentation="none")
        training.fit(recipe, folder / model, splits=splits)
    return folder


@pytest.fixture
def run(trained, tmp_path):
    return Run.load(shutil.copytree(trained / "simple_cnn", tmp_path / "run"))


def test_an_unopened_test_set_is_called_so_and_validation_images_are_shown(run, splits):
    page = Page(report(run, splits=splits))
    assert "The test set has not been opened yet" in page.text
    assert "these are the validation images, which also chose the epoch" in page.text
    assert "simple_cnn on shapes: 30 validation images" not in page.text  # it is in the picture
    assert "Of the 30 validation images" in page.text
    assert "Test accuracy not known" in page.text
    assert not (run.folder / "test_predictions.npz").exists()
    assert Run.load(run.folder).metrics["test_set_opened"] == 0


def test_the_test_result_is_that_of_the_metrics(run, splits):
    run = training.test(run, splits=splits)
    run = run.write_metrics(test={"accuracy": 0.4375, "loss": 1.5, "images": 1600})
    text = Page(report(run, splits=splits)).text
    assert "43.8% of 1,600 test images are classified correctly." in text
    assert "1,600 images, opened once" in text
    assert run.metrics["device"] in text
    assert "validation images, which also chose" not in text


def test_a_lost_test_result_is_called_lost(run, splits):
    run = run.write_metrics(test_set_opened=1)
    assert "its result is missing from the run folder" in Page(report(run, splits=splits)).text


TEST = {"accuracy": 28 / 30, "loss": 0.7, "images": 30}


def write_predictions(run, splits):
    """All 30 right with 50 %, but: one right with 97 %, two green (1) taken for blue with 91 %."""
    labels = splits.test.labels
    probabilities = np.full((30, 3), 0.25)
    probabilities[np.arange(30), labels] = 0.5
    probabilities[3] = [0.97, 0.02, 0.01]
    probabilities[[1, 4]] = [0.01, 0.08, 0.91]
    assert labels[[3, 1, 4]].tolist() == [0, 1, 1]
    np.savez(run.folder / "test_predictions.npz", labels=labels, probabilities=probabilities)
    return run.write_metrics(test=TEST, test_set_opened=1)


def test_predictions_of_a_network_that_trained_on_are_not_shown(run, splits):
    write_predictions(run, splits)
    page = Page(report(run, splits=splits))  # `run` has no result of the test
    assert "validation images" in page.text and "green for blue (2)" not in page.text


def test_best_worst_and_confused_images_are_those_of_the_predictions(run, splits):
    run = write_predictions(run, splits)
    page = Page(report(run, splits=splits))
    assert "Most often mistaken: green for blue (2)." in page.text
    assert "Confident and right red, 97.0%" in page.text
    assert page.text.count("blue, 91.0% true: green") == 2
    shown = [image["src"] for image in page.tags("img") if image["alt"] == "red, 97.0%"]
    assert shown == [re.search('src="(.*?)"', pages.thumbnails(splits.test.images[3:4], [""]))[1]]


def test_predictions_for_other_images_are_refused(run, splits):
    run = write_predictions(run, splits)
    fewer = splits._replace(test=type(splits.test)(*(part[:20] for part in splits.test)))
    with pytest.raises(UserError, match="other images than the 20 test images"):
        report(run, splits=fewer)
    assert not (run.folder / "report.html").exists()


@pytest.mark.parametrize("name", ["test_predictions.npz", "search/leaderboard.json", "best.keras"])
def test_a_damaged_file_is_named(run, splits, name):
    (run.folder / "search").mkdir()
    (run.folder / "best.older.keras").unlink(missing_ok=True)  # it would be taken
    (run.folder / name).write_bytes(b"\x80 not that")
    run = run.write_metrics(test=TEST, test_set_opened=1)
    with pytest.raises(UserError, match=name):
        report(run, splits=splits)
    assert not (run.folder / "report.html").exists()


def test_missing_metrics_are_named(run, splits):
    run.metrics.pop("device")
    with pytest.raises(UserError, match=r"metrics\.json lacks device"):
        report(run, splits=splits)


def test_the_page_is_one_file_that_fetches_and_runs_nothing(run, splits):
    page = Page(report(run, splits=splits))
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "iframe", "object", "a"})
    images = page.tags("img")
    assert len(images) > 40
    for image in images:
        kind, data = image["src"].split(",")
        assert kind == "data:image/png;base64" and image["alt"]
        assert base64.b64decode(data).startswith(b"\x89PNG")
    assert not re.search(r"url\(|@import|https?:", page.source)
    assert "default-src 'none'" in page.tags("meta")[2]["content"]


def test_words_from_outside_stay_words(trained, splits, tmp_path):
    folder = shutil.copytree(trained / "simple_cnn", tmp_path / "a <b> & c")
    recipe = Recipe(dataset=f"folder:/{EVIL}", model="simple_cnn", batch_size=32, epochs=2)
    metrics = Run.load(folder).metrics
    files.write_text(folder / "recipe.json", recipe.to_json())
    Run(folder, recipe, [], metrics).write_metrics(device=EVIL, data=None)
    board = {**LEADERBOARD, "search": EVIL}
    (folder / "search").mkdir()
    integrity.write_sealed(folder / "search" / "leaderboard.json", board)
    splits = splits._replace(class_names=(EVIL, '"><img src=x onerror=alert(2)>', "$x_{$"))
    page = Page(report(Run.load(folder), splits=splits))
    assert not page.tags("script")
    assert all(image["src"].startswith("data:") for image in page.tags("img"))
    assert page.text.count(EVIL) > 10
    assert "a <b> & c" in page.text
    assert EVIL not in page.source


def test_without_a_search_it_says_so(run, splits):
    assert "There is no search in this run folder." in Page(report(run, splits=splits)).text


def test_the_search_is_shown_and_a_diverged_trial_has_no_score(run, splits):
    (run.folder / "search").mkdir()
    integrity.write_sealed(run.folder / "search" / "leaderboard.json", LEADERBOARD)
    png = (run.folder / "curves.png").read_bytes()
    (run.folder / "range_test.png").write_bytes(png)
    (run.folder / "search" / "search.png").write_bytes(png)
    page = Page(report(run, splits=splits))
    assert "2 trials of random search between 0.0001 and 0.1, 40 s in all." in page.text
    assert "The best one is 0.00316." in page.text
    assert "1 0001 0.00316 0.625 1.25 finished 60 12.5" in page.text
    assert "2 0002 0.1 - - diverged 60 12.5" in page.text
    assert page.source.count(base64.b64encode(png).decode()) == 2
    assert "There is no search" not in page.text


def test_recipe_data_layers_and_versions_are_there(run, splits):
    text = Page(report(run, splits=splits)).text
    for words in (
        "optimizer adam",
        "learning rate 0.001",
        "dropout none",
        "training 96 fits the weights",
        "test 30 is looked at once",
        "3 classes: red, green, blue.",
        "12 of 12 filters, 5 x 5 x 3.",
        # 16 - 5 + 1 = 12 pixels; 5 * 5 * 3 * 12 + 12 weights; 12 * 12 * 5 * 5 * 3 * 12 products
        "Conv2D 12x12x12 912 129,600",
        f"keras {run.metrics['versions']['keras']}",
    ):
        assert words in text


def test_logistic_regression_shows_its_weights_as_images_of_each_class(trained, splits, tmp_path):
    folder = shutil.copytree(trained / "logistic_regression", tmp_path / "run")
    page = Page(report(Run.load(folder), splits=splits))
    assert "This network has no convolution." in page.text
    assert "3 of 3 units, 16 x 16 x 3." in page.text
    assert "dense layers. layer type output size" in page.text  # a short table is not folded
    filters = page.text.index("First-layer filters")
    assert page.text.index("red green blue", filters) < page.text.index("Architecture")


def test_an_interrupted_training_is_called_so(run, splits):
    text = Page(report(run.write_metrics(status="interrupted"), splits=splits)).text
    assert "did not finish (interrupted)" in text
