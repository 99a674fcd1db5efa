"""The command line: every command parses its options, calls one function and prints.

Exit codes: 0 done; 1 it could not be done (diverged, something missing); 2 a mistake in what was
given; 3 every trial of a search diverged; 130 interrupted by Ctrl-C, 143 by SIGTERM.

Imports are inside the commands, so that `--help` does not wait for TensorFlow.
"""

import argparse
import dataclasses
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from keras_course import __version__, cli_lessons, options, quiet
from keras_course.errors import Failure, Terminated, UserError, unknown


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _end_on_sigterm()
        if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
            raise unknown("command", arguments[0], COMMANDS)
        given = parser().parse_args(arguments)
        given.typed = arguments
        return given.command(given) or 0
    except UserError as error:
        print(f"keras-course: {error}", file=sys.stderr)
        return 2
    except Failure as error:
        print(f"keras-course: {error}", file=sys.stderr)
        return error.exit_code
    except Terminated:
        print("keras-course: ended by SIGTERM.", file=sys.stderr)
        return 143
    except KeyboardInterrupt:
        print("keras-course: interrupted.", file=sys.stderr)
        return 130


def _end_on_sigterm():
    """Let SIGTERM end what runs as Ctrl-C does; by itself it would end the process on the spot."""

    def end(number, frame):
        raise Terminated

    if threading.current_thread() is threading.main_thread():  # others may not set it
        signal.signal(signal.SIGTERM, end)


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


# Commands ---------------------------------------------------------------------------------------


def run(given):
    if given.learning_rate:
        raise UserError(
            "This command searches the learning rate: leave out --learning-rate, or take "
            "`keras-course train`."
        )
    recipe = _recipe(given)
    from keras_course import job, runs

    with runs.output(given.output) as folder:
        job.run(
            recipe,
            folder,
            minutes=given.minutes,
            search=given.search,
            trials=given.trials,
        )


def train(given):
    if given.resume:
        return _resume(given)
    recipe = _recipe(given)
    from keras_course import replicas, runs, training

    with runs.output(given.output) as folder:
        run = training.fit(
            recipe,
            folder,
            minutes=given.minutes,
            replicas=given.devices and replicas.count(given.devices),
        )
    _print_validation(run)


def _resume(given):
    """Go on with a training that was cut off; its folder says what it is of."""
    quiet.import_keras()
    from keras_course import devices, files, replicas, runs, training, transfer
    from keras_course.recipes import Recipe

    if given.recipe or given.minutes or given.output or _fields(given, Recipe):
        raise UserError(
            f"--resume {given.resume} goes on with what was begun there: leave out --recipe and "
            "its parts, --minutes and --output."
        )
    recipe = runs.recipe_of(given.resume)
    if not Path(given.resume, "last.npz").exists() and not runs.is_finished(Path(given.resume)):
        raise UserError(
            f"No training has begun in {given.resume}, perhaps a search. "
            f"{runs.how_to_go_on(given.resume)}"
        )
    if recipe.pretrained and given.devices not in (None, "1"):
        raise UserError("transfer trains on one device: leave out --devices.")
    if given.device == "gpu":
        devices.require_gpu()
    _prepare(recipe.dataset, given.yes)
    try:
        if recipe.pretrained:
            random = dataclasses.replace(recipe, pretrained=None)
            run = transfer.transfer(recipe.pretrained, random, given.resume)
        else:
            chosen = given.devices and replicas.count(given.devices)
            run = training.fit(recipe, given.resume, replicas=chosen)
    except (KeyboardInterrupt, files.DiskFull):
        print(runs.how_to_go_on(given.resume), flush=True)
        raise
    _print_validation(run)


def _print_validation(run):
    validation = run.metrics["validation"]["accuracy"]
    print(f"{_of(run)}: validation accuracy {validation:.1%}. The run is in {run.folder}.")


def compare(given):
    quiet.import_keras()
    from keras_course import compare, data, runs

    _check_positive(given)
    data.check(given.dataset)
    _prepare(given.dataset, given.yes)
    with runs.output(given.output) as folder:
        results = compare.compare(
            folder,
            networks=given.models.split(",") if given.models else tuple(compare.NETWORKS),
            minutes=given.minutes,
            seeds=given.seeds,
            dataset=given.dataset,
        )
    print(compare.table(results))
    if not (folder / "compare.png").exists():
        raise Failure("Every run failed; the reasons stand above.")
    print(f"Picture: {folder / 'compare.png'}")


def detect(given):
    quiet.import_keras()
    from keras_course import detection, runs

    chosen = detection.Detection(**_fields(given, detection.Detection))
    _check_positive(given)
    _check_epochs(given)
    with runs.output(given.output) as folder:
        metrics = detection.detect(chosen, folder, minutes=given.minutes)
    print(
        f"{metrics['model']} on scenes ({metrics['device']}): test mAP "
        f"{metrics['test']['mAP']:.1%} at IoU 0.5, of {metrics['test']['images']} scenes. "
        f"Picture: {folder / 'detection.png'}"
    )


def segment(given):
    quiet.import_keras()
    from keras_course import runs, segmentation

    if given.model == "unet" and given.backbone:
        raise UserError("U-Net has no backbone: leave out --backbone, or take --model segmenter.")
    chosen = segmentation.Segmentation(**_fields(given, segmentation.Segmentation))
    _check_positive(given)
    _check_epochs(given)
    with runs.output(given.output) as folder:
        metrics = segmentation.segment(chosen, folder, minutes=given.minutes)
    tested = metrics["test"]
    print(
        f"{metrics['model']} on the masks of shapes ({metrics['device']}): test IoU of shape and "
        f"background {tested['shape_iou']:.1%}, mean of {len(tested['iou'])} classes "
        f"{tested['mean_iou']:.1%}, of {tested['images']:,} images. "
        f"Picture: {folder / 'segmentation.png'}"
    )


def transfer(given):
    quiet.import_keras()
    from keras_course import runs
    from keras_course.transfer import recipe_of, transfer

    recipe = _recipe(given, recipe_of(given.source, given.model))
    with runs.output(given.output) as folder:
        run = transfer(given.source, recipe, folder)
    validation = run.metrics["validation"]["accuracy"]
    print(f"{_of(run)}: validation accuracy {validation:.1%}. The run is in {run.folder}.")


def test(given):
    run = _run(given)
    from keras_course import training

    opened = run.metrics["test_set_opened"]
    run = training.test(run)
    result = run.metrics["test"]
    print(
        f"{_of(run)}: test accuracy {result['accuracy']:.1%} of {result['images']:,} images"
        f"{', as it was when the test set was opened' if opened else ''}."
    )


def find_lr(given):
    recipe = _recipe(given)
    from keras_course import runs
    from keras_course.search.range_test import range_test

    with runs.output(given.output, goes_on=False) as folder:
        range_test(recipe, folder=runs.claim(folder, recipe))
    print(f"Picture: {folder / 'range_test.png'}")


def tune(given):
    if given.show:
        return _show(given.show)
    if given.slurm:
        from keras_course.search import slurm

        print(slurm.write(given.slurm, _without_slurm(given.typed), given.nodes, given.gpus))
        return
    recipe = _recipe(given)
    from keras_course import runs
    from keras_course.search import workers
    from keras_course.search.tune import tune

    seconds = 60 * given.trial_minutes if given.trial_minutes else None
    if workers.is_worker():
        return workers.do_part(dataclasses.asdict(recipe), given.output, None, seconds)
    with runs.output(given.output) as folder:
        runs.claim(folder, recipe, chosen=("learning_rate", "epochs"))
        found = tune(
            recipe,
            folder,
            search=given.search,
            trials=given.trials,
            steps=given.steps,
            band=given.band,
            paired=not given.unpaired,
            trial_seconds=seconds,
            workers=given.workers,
            parallel_rates=given.parallel_rates,
        )
    print(f"{found.text()}\nThe search is in {folder}.")


def _without_slurm(typed):
    """Return the command that the batch script runs."""
    kept, skip = ["keras-course"], False
    for word in typed:
        name = word.split("=")[0]
        if name in ("--slurm", "--nodes", "--gpus", "--workers"):
            skip = "=" not in word
        elif skip and not word.startswith("-"):
            skip = False
        else:
            kept.append(word)
            skip = False
    return kept


def _show(folder):
    """Print and draw the trials of a search, which may go on meanwhile."""
    quiet.import_keras()
    from keras_course.search.leaderboard import Search
    from keras_course.search.tune import draw

    found = Search.so_far(Path(folder) / "search")
    print(found.text())
    for path in draw(found):
        print(path)


def export(given):
    run = _run(given)
    from keras_course.export import export

    print(export(run, given.format))


def predict(given):
    quiet.import_keras()
    from keras_course import predict

    results = predict.predict(given.folder, given.images)
    print(predict.table(results))
    return 2 if any(result.error for result in results) else 0


def report(given):
    run = _run(given)
    from keras_course.report import report

    print(report(run))


def doctor(given):
    from keras_course import doctor

    return doctor.main(timed=not given.quick)


def data_list(given):
    from keras_course.data import prepared

    print("shapes     drawn by the program, nothing to download")
    for name in ("cifar10", "cifar100"):
        folder = prepared.find(name)
        print(f"{name:10} {folder or f'not here yet: keras-course data prepare {name}'}")
    print("tfds:NAME  any image classification set of TensorFlow Datasets")
    print("folder:PATH  your own images, one folder a class")


def data_prepare(given):
    quiet.import_keras()
    from keras_course.data import prepared

    folder = prepared.find(prepared.bare(given.name))
    if folder:
        print(f"{given.name} is in {folder} already.")
    else:
        _prepare(given.name, given.yes)


def data_import(given):
    quiet.import_keras()
    from keras_course import data

    print(f"CIFAR-10 is in {data.import_cifar10(given.path)}.")


def data_preview(given):
    quiet.import_keras()
    from keras_course import augmentation, data, preview, runs
    from keras_course.recipes import RECIPES

    _prepare(given.name, given.yes)
    chosen = given.augmentation or RECIPES["default"].augmentation
    augmentation.check(chosen)
    splits = data.load(given.name)
    with runs.output(given.output, goes_on=False) as folder:
        for path in preview.preview(splits, given.name, chosen, folder):
            print(path)


def models_list(given):
    from keras_course import model_table

    print(model_table.text())


def models_describe(given):
    quiet.import_keras()
    from keras_course import describe, models, runs

    _check_positive(given)
    pixels = given.input_size
    model = models.build(given.name, input_shape=(pixels, pixels, 3), num_classes=given.num_classes)
    with runs.output(given.output, goes_on=False) as folder:
        print(describe.describe(model, folder))


# What the commands share ------------------------------------------------------------------------


def _recipe(given, default=None):
    """Return the recipe that was described, its data set prepared."""
    quiet.import_keras()
    from keras_course import devices
    from keras_course.recipes import RECIPES, Recipe

    if given.recipe is None:
        timed = getattr(given, "minutes", None) is not None
        recipe = default or RECIPES["timed" if timed else "default"]
    elif given.recipe in RECIPES:
        recipe = RECIPES[given.recipe]
    elif Path(given.recipe).is_file():
        recipe = Recipe.from_json(Path(given.recipe).read_text(encoding="utf-8"))
    else:
        raise unknown("--recipe", given.recipe, [*RECIPES, "the path of a recipe.json"])
    recipe = dataclasses.replace(recipe, **_fields(given, Recipe))
    _check_positive(given)
    _check_epochs(given)
    if given.device == "gpu":
        devices.require_gpu()
    _prepare(recipe.dataset, given.yes)
    return recipe


def _fields(given, kind):
    """Return the options that were given among the fields of a dataclass."""
    values = {field.name: getattr(given, field.name, None) for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if value is not None}


def _check_epochs(given):
    if given.epochs and getattr(given, "minutes", None):
        raise UserError("The number of epochs follows from --minutes: leave out --epochs.")


def _check_positive(given):
    for name, low in (
        ("minutes", 0),
        ("trials", 1),
        ("steps", 1),
        ("trial_minutes", 0),
        ("workers", 1),
        ("parallel_rates", 1),
        ("seeds", 1),
        ("input_size", 1),
        ("num_classes", 1),
    ):
        value = getattr(given, name, None)
        if (value is not None and not low <= value < 1e6) or value == 0:
            option = name.replace("_", "-")
            raise UserError(f"--{option} must be positive. Received: {value}.")


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


def _run(given):
    quiet.import_keras()
    from keras_course.runs import Run

    return Run.load(given.run)


def _of(run):
    return f"{run.recipe.model} on {run.recipe.dataset} ({run.metrics['device']})"


def data_options(command):
    actions = command.add_subparsers(metavar="ACTION", required=True)
    for name, (function, add_options, text) in DATA_COMMANDS.items():
        action = actions.add_parser(name, help=text, description=text)
        add_options(action)
        action.set_defaults(command=function)


def models_options(command):
    actions = command.add_subparsers(metavar="ACTION")
    text = "print a model's layers and draw it"
    describe = actions.add_parser("describe", help=text, description=text)
    options.describe_options(describe)
    describe.set_defaults(command=models_describe)


DATA_COMMANDS = {
    "list": (data_list, lambda command: None, "say which data sets are here"),
    "prepare": (data_prepare, options.prepare_options, "download a data set"),
    "import": (data_import, options.import_options, "make a data set from a copy that you have"),
    "preview": (data_preview, options.preview_options, "draw images with labels, and augmented"),
}
COMMANDS = {
    "demo": (run, options.demo_options, "`run` in three minutes: ResNet-20 on the embedded data"),
    "run": (run, options.run_options, "tune, train, test once, export, report"),
    "train": (train, options.train_options, "train one network"),
    "compare": (compare, options.compare_options, "the lecture's networks, so many minutes each"),
    "detect": (detect, options.detect_options, "find the shapes in scenes, with boxes around them"),
    "segment": (segment, options.segment_options, "name the class of each pixel, with U-Net ..."),
    "transfer": (transfer, options.transfer_options, "train a new head on a trained network"),
    "find-lr": (find_lr, options.recipe_options, "range test: which learning rates work"),
    "tune": (tune, options.tune_options, "search the learning rate with KerasTuner"),
    "test": (test, options.run_argument, "open the test set, once"),
    "export": (export, options.export_options, "write a SavedModel and prove it equal"),
    "predict": (predict, options.predict_options, "classify images with a SavedModel"),
    "report": (report, options.run_argument, "write one HTML page about a run"),
    "data": (None, data_options, "list, prepare, import or preview data sets"),
    "models": (models_list, models_options, "list the models, or describe and draw one"),
    "doctor": (doctor, options.doctor_options, "say what this machine lacks, and how to mend it"),
    **cli_lessons.COMMANDS,
}
