"""The commands that train classifiers: the main job, one network, several, a new head."""

import dataclasses
from pathlib import Path

from keras_course import quiet
from keras_course.cli import options
from keras_course.cli.data import prepare
from keras_course.cli.recipe import check_positive, fields, recipe_of, searched_recipe
from keras_course.cli.results import print_validation
from keras_course.errors import Failure, UserError


def run(given):
    recipe = searched_recipe(given)
    from keras_course import folders, job

    with folders.output(given.output) as folder:
        job.run(
            recipe,
            folder,
            minutes=given.minutes,
            search=given.search,
            trials=given.trials,
        )


def run_options(command):
    options.recipe_options(command)
    options.minutes_option(command)
    options.search_options(command)


def demo_options(command):
    options.recipe_options(command)
    # Three, with a margin for a machine that slows down.
    options.minutes_option(command, default=2.75)
    options.search_options(command, trials=3)


def train(given):
    if given.resume:
        return _resume(given)
    recipe = recipe_of(given)
    from keras_course import folders, replicas, training

    with folders.output(given.output) as folder:
        run = training.fit(
            recipe,
            folder,
            minutes=given.minutes,
            replicas=given.devices and replicas.count(given.devices),
        )
    print_validation(run)


def _resume(given):
    """Go on with a training that was cut off; its folder says what it is of."""
    quiet.import_keras()
    from keras_course import devices, files, replicas, runs, training, transfer
    from keras_course.recipes import Recipe

    if given.recipe or given.minutes or given.output or fields(given, Recipe):
        raise UserError(
            f"--resume {given.resume} continues that run with its own recipe: leave out --recipe "
            "and its parts, --minutes and --output."
        )
    recipe = runs.recipe_of(given.resume)
    finished = runs.is_finished(Path(given.resume))
    if not Path(given.resume, "last.npz").exists() and not finished:
        raise UserError(
            f"No training has begun in {given.resume}, at most a search. "
            f"{runs.how_to_go_on(given.resume)}"
        )
    if recipe.pretrained and given.devices not in (None, "1"):
        raise UserError("transfer trains on one device: leave out --devices.")
    source = recipe.pretrained
    if source not in (None, "imagenet") and not Path(source).exists() and not finished:
        raise UserError(
            f"The run in {given.resume} began with the weights of {source}, which is not a folder "
            "or file on this machine. Resume it on a machine that has them; or, for the weights of "
            f"a Keras model, call `transfer(model, recipe, {given.resume!r})` again in Python."
        )
    if given.device == "gpu":
        devices.require_gpu()
    prepare(recipe.dataset, given.yes)
    try:
        if source:
            random = dataclasses.replace(recipe, pretrained=None)
            run = transfer.transfer(source, random, given.resume)
        else:
            chosen = given.devices and replicas.count(given.devices)
            run = training.fit(recipe, given.resume, replicas=chosen)
    except (KeyboardInterrupt, files.DiskFull):
        print(runs.how_to_go_on(given.resume), flush=True)
        raise
    print_validation(run)


def train_options(command):
    options.recipe_options(command)
    options.minutes_option(command)
    text = (
        "how many devices share each batch, or all (default: 1; with --resume, as many as the run "
        "began with)"
    )
    command.add_argument("--devices", metavar="N", help=text)
    text = "continue an interrupted run; its result is the same as without the interruption"
    command.add_argument("--resume", metavar="RUN", help=text)


def compare(given):
    quiet.import_keras()
    from keras_course import compare, data, folders

    check_positive(given)
    data.check(given.dataset)
    prepare(given.dataset, given.yes)
    with folders.output(given.output) as folder:
        results = compare.compare(
            folder,
            networks=given.models.split(",") if given.models else tuple(compare.NETWORKS),
            minutes=given.minutes,
            seeds=given.seeds,
            dataset=given.dataset,
        )
    print(compare.table(results))
    if not (folder / "compare.png").exists():
        raise Failure(
            "Every run failed; the reasons are above. Fix the causes, then run the same command "
            f"again with --output {folder}."
        )
    print(f"Picture: {folder / 'compare.png'}")


def compare_options(command):
    text = "some of alexnet,vgg11,googlenet,resnet20,densenet16 (default: all)"
    command.add_argument("--models", metavar="NAME,NAME", help=text)
    text = "minutes per network and seed (default: 10)"
    command.add_argument("--minutes", type=float, metavar="M", default=10.0, help=text)
    text = "runs per network, each with its own seed (default: 3)"
    command.add_argument("--seeds", type=int, metavar="N", default=3, help=text)
    text = "data set to train on (default: cifar10)"
    command.add_argument("--dataset", metavar="NAME", default="cifar10", help=text)
    options.yes_option(command)
    options.output_option(command)


def transfer(given):
    quiet.import_keras()
    from keras_course import folders, transfer

    recipe = recipe_of(given, transfer.recipe_of(given.source, given.model))
    with folders.output(given.output) as folder:
        run = transfer.transfer(given.source, recipe, folder)
    print_validation(run)


def transfer_options(command):
    command.add_argument("source", metavar="SOURCE", help="a run folder, or imagenet with --model")
    options.recipe_options(command)
    text = (
        "largest number of epochs in which only the new head is trained (default: 10); --epochs "
        "is that of all layers afterwards"
    )
    command.add_argument("--frozen-epochs", type=int, metavar="N", help=text)
