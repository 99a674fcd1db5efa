"""What holds for every network; what one of them alone has to be is in test_models_<file>.py."""

import inspect
import itertools
import math
import re
from functools import partial
from pathlib import Path

import keras
import pytest

from keras_course import data, devices, job
from keras_course.data.splits import Splits
from keras_course.errors import UserError
from keras_course.models import BUILDERS, CLASSIFIERS, build
from keras_course.recipes import Recipe
from keras_course.testing import check_builder
from tests.builders import steps_to_learn, without_values
from tests.conftest import bright_channel

# One member of each family, the cheapest, and what makes it cheaper still.
FAMILIES = {
    "mlp": {},
    "simple_cnn": {},
    "lenet": {},
    "alexnet": {},
    "vgg11": {},
    "googlenet": {},
    "resnet18": {},
    "resnet20": {},
    "densenet40": {},
    "fastnet16": {},
    "unet": {"width": 4},
    "segmenter": {"width": 8},
}
QUICK = ("mlp", "simple_cnn", "lenet")
OTHERS = sorted(set(BUILDERS) - set(FAMILIES) - {"detector"})  # its output is no row of logits


@pytest.fixture(autouse=True)
def same_weights_at_every_run():
    keras.utils.set_random_seed(0)


def takes_normalization(name):
    return "normalization" in inspect.signature(BUILDERS[name]).parameters


def pairwise(factors, allowed):
    """Return rows such that any two values that may stand together do so in one of them.

    Greedy: each row is the one with the most pairs that no row had before.
    """

    def pairs(row):
        return set(itertools.combinations(enumerate(row), 2))

    rows = [row for row in itertools.product(*factors) if allowed(row)]
    missing, chosen = set().union(*map(pairs, rows)), []
    while missing:
        chosen.append(max(rows, key=lambda row: len(pairs(row) & missing)))
        missing -= pairs(chosen[-1])
    return chosen


SELECTION = pairwise(
    (
        FAMILIES,
        (32, 33, 96),
        (1, 3),
        ("batch", "instance", "group", None, "paper"),
        ("float32", "bfloat16"),
    ),
    lambda row: takes_normalization(row[0]) != (row[3] == "paper"),
)


def test_the_selection_has_every_pair_that_there_is():
    rows = pairwise(("abc", "12", "xyz"), lambda row: row[:2] != ("a", "1"))
    assert len(rows) < 12
    assert {row[::2] for row in rows} == set(itertools.product("abc", "xyz"))
    assert {row[1:] for row in rows} == set(itertools.product("12", "xyz"))
    assert {row[:2] for row in rows} == set(itertools.product("abc", "12")) - {("a", "1")}


def slow_unless(names, quick):
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in names]


# 25 s of one core; with the slow ones, which are the larger networks, 20 minutes of two.
@pytest.mark.parametrize(
    "name, size, channels, normalization, precision",
    [pytest.param(*row, marks=() if row[0] in QUICK else pytest.mark.slow) for row in SELECTION],
)
def test_one_member_of_each_family_trains_saves_and_exports(
    name, size, channels, normalization, precision
):
    builder = partial(build, name, normalization=normalization, **FAMILIES[name])
    with devices.building_in(precision):
        check_builder(builder, input_shape=(size, size, channels))


# 15 s of one core; with the slow ones, which are the deeper networks, 20 minutes of two.
@pytest.mark.parametrize(
    "name",
    slow_unless([*OTHERS, "resnet20"], ("logistic_regression", "simple_cnn_gap", "resnet20")),
)
def test_every_network_keeps_the_contract(name):
    check_builder(partial(build, name))


def in_half_precision(name):
    with devices.building_in("bfloat16"):
        return build(name)


@pytest.mark.parametrize("name", slow_unless(BUILDERS, FAMILIES))
def test_every_network_begins_with_one_rescaling_and_ends_with_logits_in_float32(name):
    model = without_values(in_half_precision, name)
    networks = [model, *(layer for layer in model.layers if isinstance(layer, keras.Model))]
    found = [
        (place, layer.scale, layer.offset, layer.compute_dtype)
        for network in networks
        for place, layer in enumerate(network.layers)
        if isinstance(layer, keras.layers.Rescaling)
    ]
    precision = "float32" if name.startswith("fastnet") else "bfloat16"  # see models/fastnet.py
    assert found == [(1, 1 / 127.5, -1, precision)]  # right behind the input
    assert model.get_layer("logits").compute_dtype == model.output.dtype == "float32"
    assert model.layers[-1].name == "logits" or name == "detector"  # it has boxes too


@pytest.mark.parametrize(
    "name, options, trainable, total",
    [
        ("logistic_regression", {}, 30_730, 30_730),  # 3072 x 10 + 10
        ("simple_cnn", {}, 115_198, 115_198),
        ("simple_cnn", {"normalization": "batch"}, 115_270, 115_342),
    ],
)
def test_the_network_has_the_parameters_of_the_sum_by_hand(name, options, trainable, total):
    model = build(name, **options)
    assert sum(math.prod(weight.shape) for weight in model.trainable_weights) == trainable
    assert model.count_params() == total


def test_the_mlp_has_a_weight_for_every_pixel():
    expected = 3072 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10
    assert build("mlp").count_params() == expected


@pytest.mark.parametrize("name", ["logistic_regression", "mlp"])
def test_the_networks_of_day_1_learn_64_images_by_heart(name):
    assert steps_to_learn(name, 1e-3)


# Those whose family has a smaller one are in its own file. Plain networks deeper than 20 layers are
# left out: that they do not learn is what they are there to show.
LEARNED = {"alexnet", "googlenet", "lenet", "simple_cnn", "simple_cnn_gap", "resnet20", "plain20"}
LARGER = [
    name
    for name in CLASSIFIERS
    if name not in LEARNED | {"logistic_regression", "mlp", "vgg11", "densenet40"}
    and not name.startswith("plain")
]


@pytest.mark.slow  # from half a minute, ResNet-32, to a quarter of an hour, ResNet-152
@pytest.mark.parametrize("name", LARGER)
def test_the_larger_networks_learn_64_images_by_heart(name):
    assert steps_to_learn(name, 1e-4 if name.startswith("vgg") else 1e-3)


# The slow ones take 30 s to 5 minutes each on two cores.
@pytest.mark.parametrize("name", slow_unless(CLASSIFIERS, ("logistic_regression", "lenet")))
def test_the_main_job_takes_every_classifier(name, tmp_path, monkeypatch):
    parts = (bright_channel(count, size=32, seed=count) for count in (32, 12, 15))
    splits = Splits(*parts, ("red", "green", "blue"))
    monkeypatch.setattr(data, "load", lambda *_: splits)
    # All images in each step: of fewer, the range test of ResNet-152 saw nothing but noise.
    recipe = Recipe(model=name, augmentation="none", batch_size=32, epochs=1, patience=1)
    run = job.run(recipe, tmp_path, trials=1)
    assert run.metrics["test"]["images"] == 15
    assert {"best.keras", "saved_model", "report.html"} <= {it.name for it in tmp_path.iterdir()}


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: build("resnet21"), "model must be one of"),
        (lambda: build("resnet20", stem="cifar"), "resnet20 has no option 'stem'"),
    ],
)
def test_a_mistake_says_what_is_allowed(call, message):
    with pytest.raises(UserError, match=message):
        call()


def test_builders_take_at_most_six_arguments():
    for name, builder in BUILDERS.items():
        assert len(inspect.signature(builder).parameters) <= 6, name


def test_builders_need_keras_alone():
    for path in Path(inspect.getfile(build)).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(import|from) (tensorflow|jax)", text, re.MULTILINE), path
