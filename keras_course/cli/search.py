"""The commands that search a learning rate: the range test, and KerasTuner's search."""

import dataclasses
from pathlib import Path

from keras_course import quiet
from keras_course.cli import options
from keras_course.cli.recipe import searched_recipe
from keras_course.errors import UserError


def find_lr(given):
    recipe = searched_recipe(given)
    from keras_course import folders
    from keras_course.search.range_test import RangeTest, range_test

    low, high = given.band
    RangeTest(given.steps, low, high)  # or say what is impossible, before anything is written
    with folders.output(given.output, goes_on=False) as folder:
        range_test(
            recipe, steps=given.steps, low=low, high=high, folder=folders.claim(folder, recipe)
        )
    print(f"Picture: {folder / 'range_test.png'}")


def find_lr_options(command):
    options.recipe_options(command)
    text = "steps of the test, each with a higher rate (default: 100)"
    command.add_argument("--steps", type=int, metavar="N", default=100, help=text)
    text = "lowest and highest learning rate of the test (default: 1e-6 1)"
    names, rates = ("LOW", "HIGH"), (1e-6, 1.0)
    command.add_argument("--band", type=float, nargs=2, metavar=names, default=rates, help=text)


def tune(given):
    if given.show:
        return _show(given.show)
    if given.slurm:
        from keras_course.search import slurm, workers

        workers.check(given.search, given.nodes * given.gpus)
        if given.parallel_rates:
            raise UserError(
                "The batch script shares the trials among workers, which train one at a time: "
                "leave out --parallel-rates."
            )
        searched_recipe(given, here=False)  # what is wrong with it, each task of the job would say
        print(slurm.write(given.slurm, _without_slurm(given.typed), given.nodes, given.gpus))
        return
    recipe = searched_recipe(given)
    from keras_course import folders
    from keras_course.search import workers
    from keras_course.search.tune import tune

    seconds = 60 * given.trial_minutes if given.trial_minutes else None
    if workers.is_worker():
        return workers.do_part(dataclasses.asdict(recipe), given.output, None, seconds)
    with folders.output(given.output) as folder:
        folders.claim(folder, recipe, chosen=("learning_rate", "epochs"))
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


def tune_options(command):
    options.recipe_options(command)
    options.search_options(command)
    text = "lowest and highest learning rate, like 1e-4 1e-2 (default: found by a range test)"
    command.add_argument("--band", type=float, nargs=2, metavar=("LOW", "HIGH"), help=text)
    text = "training steps per trial (default: one epoch)"
    command.add_argument("--steps", type=int, metavar="N", help=text)
    text = "draw new weights and batches for each trial instead of the same for all"
    command.add_argument("--unpaired", action="store_true", help=text)
    text = "processes that share the trials, each with a GPU or its share of the cores"
    command.add_argument("--workers", type=int, metavar="N", help=text)
    text = "number of trials to train at once in one program, on a GPU with KERAS_BACKEND=jax"
    command.add_argument("--parallel-rates", type=int, metavar="K", help=text)
    text = "a trial that takes longer than M minutes counts as failed"
    command.add_argument("--trial-minutes", type=float, metavar="M", help=text)
    text = "write a SLURM batch script that runs this search (default FILE: tune.sbatch)"
    command.add_argument("--slurm", metavar="FILE", nargs="?", const="tune.sbatch", help=text)
    text = "nodes that the batch script asks for (default: 1)"
    command.add_argument("--nodes", type=int, metavar="N", default=1, help=text)
    text = "GPUs per node that the batch script asks for (default: 1)"
    command.add_argument("--gpus", type=int, metavar="G", default=1, help=text)
    text = "print and draw the trials so far of the search in FOLDER"
    command.add_argument("--show", metavar="FOLDER", help=text)
