"""The command line: every command parses its options, calls one function and prints.

Exit codes: 0 done; 1 it could not be done (diverged, something missing); 2 a mistake in what was
given; 130 interrupted.

Imports are inside the commands, so that `--help` does not wait for TensorFlow.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from keras_course import __version__, quiet
from keras_course.errors import Failure, UserError, unknown


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
            raise unknown("command", arguments[0], COMMANDS)
        options = parser().parse_args(arguments)
        return options.command(options) or 0
    except UserError as error:
        print(f"keras-course: {error}", file=sys.stderr)
        return 2
    except Failure as error:
        print(f"keras-course: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("keras-course: interrupted.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="keras-course",
        description="Deep learning for vision: search a learning rate, train, test once, export.",
        epilog="`keras-course COMMAND --help` lists the options of a command.",
    )
    top.add_argument("--version", action="version", version=f"keras-course {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (function, add_options, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        add_options(command)
        command.set_defaults(command=function)
    return top


# Options, the same in every command --------------------------------------------------------------


def recipe_options(command):
    recipe = command.add_argument_group("recipe", "left out: the best practice of the lecture")
    recipe.add_argument("--recipe", metavar="NAME|FILE", help="default, laptop or a recipe.json")
    recipe.add_argument("--dataset", help="shapes, cifar10, cifar100, tfds:NAME or folder:PATH")
    recipe.add_argument("--model", help="logistic_regression, mlp, simple_cnn, resnet20 ...")
    recipe.add_argument("--normalization", help="paper, batch, instance, group or none")
    recipe.add_argument("--dropout", type=float, metavar="SHARE", help="of the units, like 0.5")
    recipe.add_argument("--optimizer", help="sgd, momentum, nesterov, adagrad, adadelta or adam")
    recipe.add_argument("--learning-rate", type=float, metavar="RATE", help="like 0.001")
    recipe.add_argument("--schedule", help="constant, decay, inverse_time, cosine or plateau")
    recipe.add_argument("--decay", type=float, help="of the schedules decay and inverse_time")
    recipe.add_argument("--augmentation", help="none, or parts of flip_shift_color_rotate90")
    recipe.add_argument("--batch-size", type=int, metavar="N", help="images in a step, like 128")
    recipe.add_argument("--epochs", type=int, metavar="N", help="at most")
    recipe.add_argument("--patience", type=int, metavar="N", help="epochs without improvement")
    recipe.add_argument("--precision", help="auto, float32, bfloat16 or float16")
    recipe.add_argument("--seed", type=int, metavar="N", help="of weights, order and augmentation")
    command.add_argument("--device", choices=["auto", "gpu"], default="auto", help="gpu: or fail")
    yes_option(command)
    output_option(command)


def yes_option(command):
    command.add_argument("--yes", action="store_true", help="download a data set without asking")


def output_option(command):
    command.add_argument("--output", metavar="FOLDER", help="left out: a new one under runs/")


def minutes_option(command, default=None):
    text = "as many epochs as fit into M minutes, all included"
    command.add_argument("--minutes", type=float, metavar="M", default=default, help=text)


def search_options(command, trials=4):
    command.add_argument("--search", default="grid", help="random, grid, hyperband or bayesian")
    text = "learning rates to try"
    command.add_argument("--trials", type=int, default=trials, metavar="N", help=text)


def run_options(command):
    recipe_options(command)
    minutes_option(command)
    search_options(command)


def demo_options(command):
    recipe_options(command)
    minutes_option(command, default=3)
    search_options(command, trials=3)


def train_options(command):
    recipe_options(command)
    minutes_option(command)


def tune_options(command):
    recipe_options(command)
    search_options(command)


def run_argument(command):
    command.add_argument("run", metavar="RUN", help="the folder of a training run")


def export_options(command):
    run_argument(command)
    formats = ("savedmodel", "keras", "litert", "onnx")
    command.add_argument("--format", default="savedmodel", help=", ".join(formats))


def predict_options(command):
    command.add_argument("folder", metavar="MODEL", help="a run folder or a SavedModel")
    command.add_argument("images", metavar="IMAGE", nargs="+", help="PNG or JPEG, of any size")


def doctor_options(command):
    command.add_argument("--quick", action="store_true", help="without timing two models")


def data_options(command):
    actions = command.add_subparsers(metavar="ACTION", required=True)
    for name, (function, add_options, text) in DATA_COMMANDS.items():
        action = actions.add_parser(name, help=text, description=text)
        add_options(action)
        action.set_defaults(command=function)


def prepare_options(command):
    command.add_argument("name", metavar="NAME", help="cifar10, cifar100 or tfds:NAME")
    yes_option(command)


def import_options(command):
    command.add_argument("name", metavar="NAME", choices=["cifar10"], help="cifar10")
    command.add_argument("path", metavar="PATH", help="an archive, an .npz or a folder")


def preview_options(command):
    command.add_argument("name", metavar="NAME", help="a data set")
    command.add_argument("--augmentation", default="flip_shift_color", help="of the second picture")
    yes_option(command)
    output_option(command)


# Commands ---------------------------------------------------------------------------------------


def run(options):
    recipe = _recipe(options)
    from keras_course import job, runs

    with runs.output(options.output) as folder:
        job.run(
            recipe,
            folder,
            minutes=options.minutes,
            search=options.search,
            trials=options.trials,
        )


def demo(options):
    options.dataset, options.model = "shapes", "resnet20"
    run(options)


def train(options):
    recipe = _recipe(options)
    from keras_course import runs, training

    with runs.output(options.output) as folder:
        run = training.fit(recipe, folder, minutes=options.minutes)
    validation = run.metrics["validation"]["accuracy"]
    print(f"{_of(run)}: validation accuracy {validation:.1%}. The run is in {run.folder}.")


def test(options):
    run = _run(options)
    from keras_course import training

    opened = run.metrics["test_set_opened"]
    run = training.test(run)
    result = run.metrics["test"]
    print(
        f"{_of(run)}: test accuracy {result['accuracy']:.1%} of {result['images']:,} images"
        f"{', as it was when the test set was opened' if opened else ''}."
    )


def find_lr(options):
    recipe = _recipe(options)
    from keras_course import runs
    from keras_course.search.range_test import range_test

    with runs.output(options.output) as folder:
        range_test(recipe, folder=runs.claim(folder, recipe))
    print(f"Picture: {folder / 'range_test.png'}")


def tune(options):
    recipe = _recipe(options)
    from keras_course import runs
    from keras_course.search.tune import tune

    with runs.output(options.output) as folder:
        runs.claim(folder, recipe, chosen=("learning_rate", "epochs"))
        found = tune(recipe, folder, search=options.search, trials=options.trials)
    print(found.text())


def export(options):
    run = _run(options)
    from keras_course.export import export

    print(export(run, options.format))


def predict(options):
    quiet.import_keras()
    from keras_course import predict

    results = predict.predict(options.folder, options.images)
    print(predict.table(results))
    return 2 if any(result.error for result in results) else 0


def report(options):
    run = _run(options)
    from keras_course.report import report

    print(report(run))


def doctor(options):
    from keras_course import doctor

    return doctor.main(timed=not options.quick)


def data_list(options):
    from keras_course.data import prepared

    print("shapes     drawn by the program, nothing to download")
    for name in ("cifar10", "cifar100"):
        folder = prepared.find(name)
        print(f"{name:10} {folder or f'not here yet: keras-course data prepare {name}'}")
    print("tfds:NAME  any image classification set of TensorFlow Datasets")
    print("folder:PATH  your own images, one folder a class")


def data_prepare(options):
    quiet.import_keras()
    from keras_course.data import prepared

    folder = prepared.find(prepared.bare(options.name))
    if folder:
        print(f"{options.name} is in {folder} already.")
    else:
        _prepare(options.name, options.yes)


def data_import(options):
    quiet.import_keras()
    from keras_course import data

    print(f"CIFAR-10 is in {data.import_cifar10(options.path)}.")


def data_preview(options):
    quiet.import_keras()
    from keras_course import augmentation, data, preview, runs

    augmentation.check(options.augmentation)
    splits = data.load(options.name)
    with runs.output(options.output) as folder:
        for path in preview.preview(splits, options.name, options.augmentation, folder):
            print(path)


# What the commands share ------------------------------------------------------------------------


def _recipe(options):
    """Return the recipe that the options describe, its data set prepared."""
    quiet.import_keras()
    from keras_course import devices
    from keras_course.recipes import RECIPES, Recipe

    if options.recipe is None:
        recipe = RECIPES["default"]
    elif options.recipe in RECIPES:
        recipe = RECIPES[options.recipe]
    elif Path(options.recipe).is_file():
        recipe = Recipe.from_json(Path(options.recipe).read_text(encoding="utf-8"))
    else:
        raise unknown("--recipe", options.recipe, [*RECIPES, "the path of a recipe.json"])
    given = {field.name: getattr(options, field.name, None) for field in dataclasses.fields(Recipe)}
    given = {name: value for name, value in given.items() if value is not None}
    recipe = dataclasses.replace(recipe, **given)
    for name, low in (("minutes", 0), ("trials", 1)):
        value = getattr(options, name, None)
        if (value is not None and not low <= value < 1e6) or value == 0:
            raise UserError(f"--{name} must be positive. Received: {value}.")
    if options.device == "gpu":
        devices.require_gpu()
    _prepare(recipe.dataset, options.yes)
    return recipe


def _prepare(name, yes):
    """Download a data set that is not here, with its size known and consent given."""
    from keras_course import data
    from keras_course.data import prepared

    if name not in prepared.ARCHIVES and not name.startswith("tfds:"):
        return  # nothing that could be downloaded
    bare = prepared.bare(name)
    if prepared.find(bare):
        return
    size = prepared.download_size(name)
    if not yes:
        if not sys.stdin.isatty():
            raise UserError(f"{name} is not here. {prepared.ways_in(bare, size, download=True)}")
        amount = f"{size / 1e6:.0f} MB" if size else "a size nobody tells"
        if input(f"{name} is not here. Download {amount}? [y/N] ").lower() not in ("y", "yes"):
            raise UserError(f"{name} is not here. {prepared.ways_in(bare, size, download=True)}")
    print(f"{name} is in {data.prepare(name)}.")


def _run(options):
    quiet.import_keras()
    from keras_course.runs import Run

    return Run.load(options.run)


def _of(run):
    return f"{run.recipe.model} on {run.recipe.dataset} ({run.metrics['device']})"


DATA_COMMANDS = {
    "list": (data_list, lambda command: None, "say which data sets are here"),
    "prepare": (data_prepare, prepare_options, "download a data set"),
    "import": (data_import, import_options, "make a data set from a copy that you have"),
    "preview": (data_preview, preview_options, "draw images with labels, and augmented"),
}
COMMANDS = {
    "demo": (demo, demo_options, "`run` in three minutes"),
    "run": (run, run_options, "tune, train, test once, export, report"),
    "train": (train, train_options, "train one network"),
    "find-lr": (find_lr, recipe_options, "range test: which learning rates work"),
    "tune": (tune, tune_options, "search the learning rate with KerasTuner"),
    "test": (test, run_argument, "open the test set, once"),
    "export": (export, export_options, "write a SavedModel and prove it equal"),
    "predict": (predict, predict_options, "classify images with a SavedModel"),
    "report": (report, run_argument, "write one HTML page about a run"),
    "data": (None, data_options, "list, prepare, import or preview data sets"),
    "doctor": (doctor, doctor_options, "say what this machine lacks, and how to mend it"),
}
