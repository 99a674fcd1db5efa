"""The command line: every command parses its options, calls one function and prints.

Exit codes: 0 done; 1 it could not be done (diverged, something missing); 2 a mistake in what was
given; 3 every trial of a search diverged; 130 interrupted by Ctrl-C, 143 by SIGTERM; 141 nobody
reads any more what is printed, as behind `| head`.

Imports are inside the commands, so that `--help` does not wait for TensorFlow.
"""

import argparse
import errno
import os
import sys
from collections.abc import Sequence

from keras_course import __version__, signals
from keras_course.cli import (
    data,
    lessons,
    machine,
    options,
    results,
    search,
    staff,
    tasks,
    training,
)
from keras_course.errors import Failure, Terminated, UserError, unknown

FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        signals.end_on_sigterm()
        if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
            raise unknown("command", arguments[0], COMMANDS)
        given = parser().parse_args(arguments)
        given.typed = arguments
        code = given.command(given) or 0
        sys.stdout.flush()
        return code
    except UserError as error:
        print(f"keras-course: {error}", file=sys.stderr)
        return 2
    except Failure as error:
        print(f"keras-course: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        try:
            print(flush=True)
        except BrokenPipeError:  # it is this pipe; Python would complain of it once more at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        raise
    except OSError as error:
        if error.errno not in FORBIDDEN:
            raise
        print(
            f"keras-course: {error.filename}: {error.strerror}. Use a folder or a copy that you "
            "can read and write.",
            file=sys.stderr,
        )
        return 2
    except Terminated:
        print("keras-course: ended by SIGTERM.", file=sys.stderr)
        return 143
    except KeyboardInterrupt:
        print("keras-course: interrupted.", file=sys.stderr)
        return 130


class Parser(argparse.ArgumentParser):
    """Takes options by their whole names alone: batch scripts repeat what was typed."""

    def __init__(self, **settings):
        super().__init__(**settings, allow_abbrev=False)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = Parser(
        prog="keras-course",
        description="Deep learning for vision: find a learning rate, train, test once, export.",
        epilog="`keras-course COMMAND --help` lists the options of a command.",
    )
    top.add_argument("--version", action="version", version=f"keras-course {__version__}")
    options.actions(COMMANDS, title="commands", metavar="COMMAND")(top)
    return top


COMMANDS = {
    "demo": (
        training.run,
        training.demo_options,
        "`run` in three minutes: ResNet-20 on the embedded data",
    ),
    "run": (training.run, training.run_options, "tune, train, test once, export, report"),
    "train": (training.train, training.train_options, "train one network"),
    "compare": (
        training.compare,
        training.compare_options,
        "train the lecture's networks for the same time each, and compare them",
    ),
    "detect": (
        tasks.detect,
        tasks.detect_options,
        "find the shapes in scenes and draw boxes around them",
    ),
    "segment": (
        tasks.segment,
        tasks.segment_options,
        "find the class of each pixel, with U-Net or another network",
    ),
    "transfer": (
        training.transfer,
        training.transfer_options,
        "train a new head on a trained network",
    ),
    "find-lr": (search.find_lr, search.find_lr_options, "range test: which learning rates work"),
    "tune": (search.tune, search.tune_options, "search for the learning rate with KerasTuner"),
    "test": (results.test, options.run_argument, "measure the accuracy on the test set, once"),
    "export": (
        results.export,
        results.export_options,
        "write a SavedModel and check it against the model",
    ),
    "predict": (results.predict, results.predict_options, "classify images with a SavedModel"),
    "report": (results.report, options.run_argument, "write one HTML page about a run"),
    "data": (None, options.actions(data.COMMANDS), "list, prepare, import or preview data sets"),
    "models": (
        machine.models_list,
        machine.models_options,
        "list the models, or describe and draw one",
    ),
    "doctor": (
        machine.doctor,
        machine.doctor_options,
        "say what this machine lacks, and how to fix it",
    ),
    **lessons.COMMANDS,
    **staff.COMMANDS,
}
