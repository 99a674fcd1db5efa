"""The commands about data sets."""

import sys

from keras_course import quiet
from keras_course.cli import options
from keras_course.errors import UserError


def data_list(given):
    from keras_course.data import prepared

    print("shapes     drawn by the program, nothing to download")
    for name in ("cifar10", "cifar100"):
        folder = prepared.find(name)
        print(f"{name:10} {folder or f'not here yet: keras-course data prepare {name}'}")
    print("tfds:NAME  any image classification set of TensorFlow Datasets")
    print("folder:PATH  your own images, one folder per class")


def data_prepare(given):
    quiet.import_keras()
    from keras_course.data import prepared

    folder = prepared.find(prepared.bare(given.name))
    if folder:
        print(f"{given.name} is in {folder} already.")
    else:
        prepare(given.name, given.yes)


def data_import(given):
    quiet.import_keras()
    from keras_course import data

    print(f"CIFAR-10 is in {data.import_cifar10(given.path)}.")


def data_preview(given):
    quiet.import_keras()
    from keras_course import augmentation, data, folders, preview
    from keras_course.recipes import RECIPES

    prepare(given.name, given.yes)
    chosen = given.augmentation or RECIPES["default"].augmentation
    augmentation.check(chosen)
    splits = data.load(given.name)
    with folders.output(given.output, goes_on=False) as folder:
        folders.make(folder)
        for path in preview.preview(splits, given.name, chosen, folder):
            print(path)


def prepare(name, yes):
    """Download a data set that is not here, with its size known and consent given."""
    from keras_course import data
    from keras_course.data import prepared

    if name not in prepared.ARCHIVES and not name.startswith("tfds:"):
        return  # nothing that could be downloaded
    bare = prepared.bare(name)
    if prepared.find(bare):
        return
    prepared.tensorflow_datasets()  # or say that it is missing before the question
    size = prepared.download_size(name)
    if not yes:
        if not sys.stdin.isatty():
            raise UserError(f"{name} is not here. {prepared.ways_in(bare, size, download=True)}")
        amount = f"{size / 1e6:.0f} MB" if size else "it (size unknown)"
        if _asked(f"{name} is not here. Download {amount}? [y/N] ") not in ("y", "yes"):
            raise UserError(f"{name} is not here. {prepared.ways_in(bare, size, download=True)}")
    print(f"{name} is in {data.prepare(name)}.")


def _asked(question):
    try:
        return input(question).lower()
    except EOFError:  # Ctrl-D
        return ""


def prepare_options(command):
    command.add_argument("name", metavar="NAME", help="cifar10, cifar100 or tfds:NAME")
    options.yes_option(command)


def import_options(command):
    command.add_argument("name", metavar="NAME", choices=["cifar10"], help="cifar10")
    command.add_argument("path", metavar="PATH", help="an archive, an .npz or a folder")


def preview_options(command):
    command.add_argument("name", metavar="NAME", help="a data set")
    command.add_argument("--augmentation", help="augmentation that the second picture shows")
    options.yes_option(command)
    options.output_option(command)


COMMANDS = {
    "list": (data_list, options.none, "say which data sets are here"),
    "prepare": (data_prepare, prepare_options, "download a data set"),
    "import": (data_import, import_options, "make a data set from a copy that you have"),
    "preview": (data_preview, preview_options, "draw images with labels, and one augmented"),
}
