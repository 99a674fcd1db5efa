"""`folder:PATH`: images of one's own, one folder a class.

PATH/CLASS/image.png, or PATH/train/CLASS/image.png and PATH/test/CLASS/image.png.

Any format that Pillow reads. All images have one size. They stay grey (one channel) if all of them
are grey; otherwise all become RGB. They are turned as their EXIF data say, and white where they are
transparent, as `predict` sees them. Hidden files are passed over; anything else that is not an
image is an error that names it. Classes are numbered in the order of their names; images come in
one fixed, shuffled order, so that the first hundred show every class.
"""

from pathlib import Path

import numpy as np

from keras_course.data.splits import Source, Split, shuffled
from keras_course.errors import UserError

GREY = ("1", "L", "LA")
COLOUR = ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")


def read(path: str | Path) -> Source:
    """Read all images into memory.

    Errors: UserError for a missing or empty folder, fewer than two classes, an empty class, a file
    that is not an image, and images of several sizes.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise UserError(
            f"there is no folder {root}. Expected a folder with one folder of images per class, "
            "like folder:pets with pets/cat/1.png and pets/dog/1.png."
        )
    if (root / "train").is_dir() and (root / "test").is_dir():
        class_names, files, labels = _listing(root / "train")
        test_names, test_files, test_labels = _listing(root / "test")
        if test_names != class_names:
            raise UserError(
                f"{root / 'train'} and {root / 'test'} must hold folders of the same names. "
                f"Only in one of them: {', '.join(sorted({*class_names} ^ {*test_names}))}."
            )
        images = _decode(files + test_files)
        # A copy: what is read of the training images leaves the memory with the last of them.
        test = Split(images[len(files) :].copy(), test_labels)
        return Source(Split(images[: len(files)], labels), test, class_names)
    class_names, files, labels = _listing(root)
    return Source(Split(_decode(files), labels), None, class_names)


def _listing(root):
    """Return the class names, the files in their fixed order, and their labels."""
    folders = _by_name(f for f in root.iterdir() if f.is_dir())
    if len(folders) < 2:
        found = f"one folder, {folders[0].name}" if folders else "no folder"
        raise UserError(
            f"{root} holds {found}; expected one folder per class, and at least two classes."
        )
    files, labels = [], []
    for label, folder in enumerate(folders):
        members = _by_name(folder.iterdir())
        if not members:
            raise UserError(f"{folder} is empty. Put images into it, or remove the folder.")
        if inner := [member for member in members if member.is_dir()]:
            raise UserError(
                f"{folder} holds a folder, {inner[0].name}; expected the images of a class. If "
                f"{folder.name} is no class but a part of the data, name the parts train and test, "
                f"each with one folder per class."
            )
        files += members
        labels += [label] * len(members)
    order = shuffled(len(files), seed=0)
    return (
        tuple(folder.name for folder in folders),
        [files[i] for i in order],
        np.array(labels, "int64")[order],
    )


def _by_name(paths):
    """Return those that are not hidden; on Windows paths would be sorted without their case."""
    return sorted((p for p in paths if not p.name.startswith(".")), key=lambda path: path.name)


def _decode(files):
    """Return the images as one uint8 array (n, height, width, channels)."""
    from PIL import Image
    from tqdm import tqdm

    from keras_course.image_file import as_seen, size_as_seen

    grey, size = True, None
    for file in files:  # headers only: a wrong file is found before minutes of decoding
        with _opened(Image, file) as image:
            if image.mode not in GREY + COLOUR:
                raise UserError(
                    f"{file} has pixels of type {image.mode}; expected 8 bits a channel. "
                    "Convert it to an 8-bit PNG or JPEG."
                )
            grey = grey and image.mode in GREY
            try:
                width, height = size_as_seen(image)
            except Exception as error:  # of damaged EXIF data: SyntaxError, TypeError ...
                raise _unreadable(file, error) from error
            size = size or (width, height)
            if (width, height) != size:
                raise UserError(
                    f"images must all have one size. {files[0]} is {size[0]}x{size[1]}, "
                    f"{file} is {width}x{height} (width x height). Bring them to one size first, "
                    "for example with Pillow's Image.resize or ImageOps.fit."
                )
    shape = (len(files), size[1], size[0], 1 if grey else 3)
    try:
        images = np.empty(shape, "uint8")
    except MemoryError as error:
        raise UserError(
            f"{len(files):,} images of {size[0]}x{size[1]} pixels are {np.prod(shape) / 1e9:.1f} "
            "GB, more than the memory holds. Make them smaller, for example with ImageOps.fit."
        ) from error
    for i, file in enumerate(
        tqdm(files, "reading images", unit="image", leave=False, disable=None)
    ):
        with _opened(Image, file) as image:
            try:
                pixels = np.asarray(as_seen(image).convert("L" if grey else "RGB"))
            except Exception as error:
                raise _unreadable(file, error) from error
            if pixels.shape[:2] != shape[1:3]:
                raise UserError(
                    f"{file} is rotated by metadata that comes after its pixels: its header says "
                    f"{size[0]}x{size[1]}, but it is {pixels.shape[1]}x{pixels.shape[0]} (width x "
                    "height). Open it in an image program and save it again."
                )
            images[i] = pixels.reshape(shape[1:])
    return images


def _opened(pillow, file):
    try:
        return pillow.open(file)
    except Exception as error:  # for broken files Pillow raises nearly anything
        raise _unreadable(file, error) from error


def _unreadable(file, error):
    return UserError(
        f"{file} cannot be read as an image ({type(error).__name__}). "
        "Expected only images, like PNG or JPEG. Fix it, or move it out of the folder."
    )
