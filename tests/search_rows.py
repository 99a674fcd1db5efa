"""Tiny images and one compiled network, which the tests of the search share."""

import functools

import numpy as np
import pytest

from keras_course import training, variables
from keras_course.data.splits import Split, Splits
from keras_course.recipes import Recipe


def rows(count, classes=2, size=8):
    """Return images whose class is their brighter row: learnt by anything at a fitting rate."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % classes
    images = random.integers(0, 100, (count, size, size, 3))
    images[np.arange(count), labels] += 120
    return Split(images.astype("uint8"), labels.astype("int64"))


SPLITS = Splits(rows(256), rows(64), rows(16), ("a", "b"))
LINEAR = Recipe(
    model="logistic_regression", optimizer="sgd", augmentation="none", batch_size=32, dataset="rows"
)


@pytest.fixture
def compiled_once(monkeypatch):
    """Let searches of one recipe share a network and its batches: compiling is most of their time.

    The network comes back from each `build` with its first weights, as a new one would.
    """
    monkeypatch.setattr(training, "build", lambda recipe, *_: _network(recipe))
    monkeypatch.setattr(training, "batches", lambda recipe, splits: _batches(recipe))


_build, _make_batches = training.build, training.batches


@functools.cache
def _first(recipe):
    model = _build(recipe, SPLITS)
    return model, variables.read(model)


@functools.cache
def _batches(recipe):
    return _make_batches(recipe, SPLITS)


def _network(recipe):
    model, first = _first(recipe)
    variables.write(model, first)
    return model
