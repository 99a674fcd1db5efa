"""Checks of lesson 9: transformations by each image's own draw, and a layer by what it draws."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from keras_course.layers import RandomShift as ShiftOfThePackage
from keras_course.lessons.check import Check, Unusable
from keras_course.lessons.compare import shown


def _each(change):
    """Return a function of images and draws that changes image by image."""

    def changed(images, **draws):
        (draws,) = draws.values()
        return np.stack([change(*pair) for pair in zip(images, draws, strict=True)])

    return changed


def _where(flipped, changed, images):
    return np.where(np.reshape(flipped, (-1, 1, 1, 1)), changed, images)


def _mirror(image, flipped):
    return np.fliplr(image) if flipped else image


flip = Check(
    "9.1",
    slides="43",
    right=_each(_mirror),
    cases=lambda random: [
        {
            "images": random.integers(0, 256, (len(flipped), *shape), dtype="uint8"),
            "flipped": np.array(flipped),
        }
        for shape, flipped in (
            ((4, 6, 3), [True, False, *map(bool, random.integers(0, 2, 3)), False]),
            ((5, 4, 3), [False, True, True, *map(bool, random.integers(0, 2, 2))]),
        )
    ],
    mistakes={
        "the images are upside down: the rows were reversed. Reverse the columns, axis 2.": (
            lambda images, flipped: _where(flipped, images[:, ::-1], images)
        ),
        "all images were mirrored. Each has its own draw.": (
            lambda images, flipped: images[:, :, ::-1]
        ),
        "no image was mirrored.": lambda images, flipped: images,
        "it is the other way round: those that should stay were mirrored.": (
            lambda images, flipped: _where(flipped, images, images[:, :, ::-1])
        ),
        "the first draw decided for the whole batch. Each image has its own.": (
            lambda images, flipped: images[:, :, ::-1] if flipped[0] else images
        ),
        "the images changed places: axis 0 counts the images. Columns are axis 2.": (
            lambda images, flipped: _where(flipped, images[::-1], images)
        ),
        "only the mirrored images came back. Those that stay belong to the batch, too.": (
            lambda images, flipped: images[flipped][:, :, ::-1]
        ),
        "the channels were reversed: red became blue. Reverse the columns, axis 2.": (
            lambda images, flipped: _where(flipped, images[..., ::-1], images)
        ),
        "columns and rows were both reversed: that is a turn by 180 degrees.": (
            lambda images, flipped: _where(flipped, images[:, ::-1, ::-1], images)
        ),
        "the columns were right, but the pixels became floats. Images stay uint8.": (
            lambda images, flipped: _each(_mirror)(images, flipped=flipped).astype("float64")
        ),
    },
)


def _jitter(
    images,
    brightness,
    contrast,
    *,
    centre=lambda bright, images: bright.mean(axis=(1, 2, 3), keepdims=True),
    brighten=lambda images, b: images * b,
    limit=lambda images: np.clip(images, 0, 255),
    first_limit=lambda images: images,
):
    b, c = (np.reshape(factor, (-1, 1, 1, 1)) for factor in (brightness, contrast))
    bright = first_limit(brighten(images.astype("float64"), b))
    mean = centre(bright, images)
    return limit(mean + c * (bright - mean))


def _as_bytes(images):
    with np.errstate(invalid="ignore"):
        return images.astype("uint8")


def _by_blends(images, brightness, contrast):
    """As image libraries do it: blend with black, then with the image's mean."""
    jittered = []
    for image, b, c in zip(images, brightness, contrast, strict=True):
        bright = b * image.astype("float64")
        jittered.append((c * bright + (1 - c) * np.full_like(bright, bright.mean())).clip(0, 255))
    return np.stack(jittered)


def _with(**changes):
    return lambda images, brightness, contrast: _jitter(images, brightness, contrast, **changes)


def _factors(random, count):
    """Draw factors of which some take pixels out of 0 to 255 at either end."""
    return random.permutation(np.linspace(0.6, 1.5, count) + random.uniform(-0.05, 0.05, count))


color_jitter = Check(
    "9.2",
    slides="43 and 44",
    right=_by_blends,
    cases=lambda random: [
        {
            # Not the same range in each channel, so that their means differ.
            "images": (random.integers(0, 256, shape) * [1, 0.8, 0.5]).astype("uint8"),
            "brightness": _factors(random, shape[0]),
            "contrast": _factors(random, shape[0]),
        }
        for shape in ((4, 6, 5, 3), (5, 4, 4, 3))
    ],
    mistakes={
        "nothing was clipped: there are pixels below 0 or above 255.": (
            _with(limit=lambda images: images)
        ),
        "it was clipped to 0 to 1, but these pixels go to 255.": (
            _with(limit=lambda images: np.clip(images, 0, 1))
        ),
        "the contrast was taken about mid-grey. The formula takes it about the image's mean.": (
            _with(centre=lambda bright, images: 127.5)
        ),
        "the contrast was taken about 128. The formula takes it about the image's mean.": (
            _with(centre=lambda bright, images: 128)
        ),
        "the mean is that of the whole batch. Each image has its own.": (
            _with(centre=lambda bright, images: bright.mean())
        ),
        "each channel has a mean of its own, as in Keras' `RandomContrast`. Here m is one number "
        "per image.": (
            _with(centre=lambda bright, images: bright.mean(axis=(1, 2), keepdims=True))
        ),
        "each pixel has a mean of its own, over its channels. Take one mean per image.": (
            _with(centre=lambda bright, images: bright.mean(axis=3, keepdims=True))
        ),
        "m is the mean of the image as it was. Take that of the brightened one.": (
            _with(centre=lambda bright, images: images.mean(axis=(1, 2, 3), keepdims=True))
        ),
        "the brightness was added. It is a factor.": _with(brighten=lambda images, b: images + b),
        "the brightness was added, as in Keras' `RandomBrightness`. Here it is a factor.": (
            _with(brighten=lambda images, b: images + 255 * (b - 1))
        ),
        "the contrast multiplied the pixels. It scales their distance to the mean.": (
            _with(centre=lambda bright, images: 0)
        ),
        "the mean was subtracted, but not added back: the images have become dark.": (
            lambda images, brightness, contrast: np.clip(
                _jitter(images, brightness, contrast, limit=lambda images: images)
                - _jitter(images, brightness, 0 * contrast),
                0,
                255,
            )
        ),
        "image and mean have changed places: contrast 1 should give the image, not its mean.": (
            lambda images, brightness, contrast: _jitter(images, brightness, 1 - contrast)
        ),
        "brightness and contrast were mixed up.": (
            lambda images, brightness, contrast: _jitter(images, contrast, brightness)
        ),
        "the contrast was not used.": (
            lambda images, brightness, contrast: _jitter(images, brightness, 0 * contrast + 1)
        ),
        "the brightness was not used.": (
            lambda images, brightness, contrast: _jitter(images, 0 * brightness + 1, contrast)
        ),
        "the first image's factors were used for all. Each has its own.": (
            lambda images, brightness, contrast: _jitter(
                images, 0 * brightness + brightness[0], 0 * contrast + contrast[0]
            )
        ),
        "it was clipped twice. Clip only at the end: contrast may bring a value back below 255.": (
            _with(first_limit=lambda images: np.clip(images, 0, 255))
        ),
        "the result was cut to whole numbers. Return floats.": (
            _with(limit=lambda images: np.clip(images, 0, 255).astype("uint8"))
        ),
        "uint8 wraps around: what lies outside of 0 to 255 comes back at the other end. Clip, and "
        "return floats.": (_with(limit=_as_bytes)),
        "a factor of shape (n,) is matched with the last axis, the channels. Give it the shape "
        "(n, 1, 1, 1).": lambda images, brightness, contrast: images * brightness,
    },
)


def _quarters(image, turn):
    """Turn by one quarter, so many times: what was at the right goes to the top."""
    for _ in range(turn):
        image = np.swapaxes(image, 0, 1)[::-1]
    return image


rotate90 = Check(
    "9.3",
    slides="44 and 45",
    right=_each(_quarters),
    cases=lambda random: [
        {
            "images": random.integers(0, 256, (1 + len(others), side, side, 3), dtype="uint8"),
            "turns": np.append(first, random.permutation(others)),  # the first tells mistakes apart
        }
        for side, first, others in ((4, 2, [0, 1, 1, 3]), (5, 3, [0, 1, 2, 2, 3]))
    ],
    mistakes={
        "the images were turned clockwise.": _each(lambda image, turn: np.rot90(image, -turn)),
        "the first number of turns was used for all images. Each has its own.": (
            lambda images, turns: np.rot90(images, int(turns[0]), axes=(1, 2))
        ),
        "each image was turned once at most. Two turns are 180 degrees, three are 270.": (
            _each(lambda image, turn: np.rot90(image, int(turn > 0)))
        ),
        "no image was turned.": lambda images, turns: images,
        "every image was turned once, whatever `turns` says.": (
            lambda images, turns: np.rot90(images, axes=(1, 2))
        ),
        "rows and columns were swapped. That mirrors the image at its diagonal; a turn also "
        "reverses one axis.": (
            _each(lambda image, turn: image.swapaxes(0, 1) if turn % 2 else image)
        ),
        "rows and columns were swapped, once for any number of turns. That mirrors the image.": (
            _each(lambda image, turn: image.swapaxes(0, 1) if turn else image)
        ),
        "two turns became a flip upside down. 180 degrees reverse both rows and columns.": (
            _each(lambda image, turn: image[::-1] if turn == 2 else np.rot90(image, turn))
        ),
        "two turns became a flip of left and right. 180 degrees reverse both rows and columns.": (
            _each(lambda image, turn: image[:, ::-1] if turn == 2 else np.rot90(image, turn))
        ),
        "each turn was by 180 degrees. A quarter turn is by 90 degrees.": (
            _each(lambda image, turn: np.rot90(image, 2 * turn))
        ),
        "`np.rot90` turns all images by the same number. Give it one image at a time.": (
            lambda images, turns: np.rot90(images, turns, axes=(1, 2))
        ),
        "the pixels were right, but became floats. Images keep their type.": (
            lambda images, turns: _each(_quarters)(images, turns=turns).astype("float64")
        ),
        "axes (1, 2) of one image are columns and channels. Turn its first two axes, (0, 1).": (
            _each(lambda image, turn: np.rot90(image, turn, axes=(1, 2)))
        ),
    },
)

SIDE, CALLS = 11, 2


def _what_it_draws(layer_class, pixels):
    """Observe a layer: equal images whose pixels say where they were, shifted several times.

    Everything is true of any draw, so that two layers of the same kind give the same, and that the
    facts of a known mistake need no layer, which would have to be compiled.
    """
    if isinstance(layer_class, _Known):
        return layer_class(pixels)
    import tensorflow as tf

    layer = layer_class(pixels)
    if not isinstance(layer, keras.layers.Layer):
        raise Unusable(f"returned {shown(layer)}; expected a keras.layers.Layer")
    count = 20 * (2 * pixels + 1) ** 2  # enough that each of the possible shifts comes up
    row, column = np.mgrid[:SIDE, :SIDE]
    images = np.tile(np.stack([row, column, 0 * row], axis=-1), (count, 1, 1, 1)).astype("float32")

    def moved(result):
        return not np.array_equal(result, images)

    # `call` itself: what Keras puts around it hides the words of an exception.
    kept = [
        np.array_equal(_as_images(layer.call(images, **said), images), images)
        for said in ({"training": False}, {})
    ]
    # As `fit` does, without knowing how many images there are.
    shape = tf.TensorSpec((None, *images.shape[1:]))
    step = tf.function(lambda x: layer.call(x, training=True), [shape], autograph=False)
    results = [_as_images(step(images), images) for _ in range(CALLS)]
    # One draw for all images may be none, and NumPy's is then the same in every compiled step.
    again = (_as_images(layer.call(images, training=True), images) for _ in range(20))
    inside = slice(pixels, SIDE - pixels)
    shifts = [images[..., :2] - result[..., :2] for result in results]
    centres = [shift[:, SIDE // 2, SIDE // 2] for shift in shifts]
    whole = [np.abs(shift - shift.round()).max() < 1e-3 for shift in shifts]
    rigid = [
        np.abs(shift[:, inside, inside] - centre[:, None, None]).max() < 1e-3
        for shift, centre in zip(shifts, centres, strict=True)
    ]
    places = [np.unique(centre.round().astype(int), axis=0) for centre in centres]
    return _facts(
        *kept,
        moves=any(map(moved, results)) or any(map(moved, again)),
        whole=all(whole),
        rigid=all(rigid),
        places=len(places[0]),
        others=not np.array_equal(centres[0], centres[1]),
        down=(int(places[0][:, 0].min()), int(places[0][:, 0].max())),
        right=(int(places[0][:, 1].min()), int(places[0][:, 1].max())),
    )


def _facts(inference, silent, *, moves, whole, rigid, places, others, down, right):
    facts = {
        "leaves images as they are in inference": inference,
        "leaves images as they are if nothing is said about training": silent,
        "shifts images in training": moves,
        "shifts by whole pixels": whole,
        "moves all pixels of an image alike": rigid,
        "different shifts in a batch": places,
    }
    drawn = {
        "shifts the next batch in another way": others,
        "down, from": down[0],
        "down, to": down[1],
        "right, from": right[0],
        "right, to": right[1],
    }
    # With one draw for all images the others are not the same from one time to the next.
    return {**facts, **(drawn if places > 1 else dict.fromkeys(drawn))}


def _as_images(result, images):
    result = np.asarray(result)
    if result.shape != images.shape:
        raise Unusable(f"returned {shown(result)}; expected {shown(images)}")
    return result


class _Counts(keras.layers.Layer):
    """A layer that asks for the number of images in a way that fails while `fit` compiles."""

    def __init__(self, pixels, numbers):
        super().__init__()
        self.numbers = numbers

    def call(self, images, training=None):
        if not training:
            return images
        return images[: keras.random.randint((self.numbers(images),), 0, 1, seed=1)]


def _counting(numbers):
    return lambda pixels: _Counts(pixels, numbers)


def _both_ways(pixels):
    return -pixels, pixels


@dataclasses.dataclass(frozen=True)
class _Known:
    """The facts of a layer with a mistake, by the number of pixels; left out, of a right one."""

    inference: bool = True
    silent: bool = True
    moves: bool = True
    places: Callable[[int], int] = lambda pixels: (2 * pixels + 1) ** 2
    others: bool = True
    down: Callable[[int], tuple[int, int]] = _both_ways
    right: Callable[[int], tuple[int, int]] = _both_ways

    def __call__(self, pixels):
        places, (from_, to) = self.places(pixels), self.down(pixels)
        return _facts(
            self.inference,
            self.silent,
            moves=self.moves and (from_ < to or self.right(pixels) != (0, 0)),
            whole=True,
            rigid=True,
            places=places,
            others=self.others,
            down=self.down(pixels),
            right=self.right(pixels),
        )


def _one_number(pixels):
    return 2 * pixels + 1


def _from(low, high, **changes):
    """Return the facts of a layer that draws whole numbers from low to high, both included."""

    def between(pixels):
        return low(pixels), high(pixels)

    def places(pixels):
        return (high(pixels) - low(pixels) + 1) ** 2

    return _Known(places=places, down=between, right=between, **changes)


RandomShift = Check(
    "9.4",
    slides="42 to 45",
    right=ShiftOfThePackage,
    cases=lambda random: [{"pixels": 1}, {"pixels": 2}],
    observe=_what_it_draws,
    mistakes={
        "while `fit` compiles, `images.shape[0]` is None. Use ops.shape(images)[0].": (
            _counting(lambda images: images.shape[0])
        ),
        "while `fit` compiles, `len` cannot count the images. Use ops.shape(images)[0].": (
            _counting(len)
        ),
        "it shifts in inference, too: predictions then depend on chance. Look at `training`.": (
            _Known(inference=False, silent=False)
        ),
        "it shifts unless it is told not to: `training` is None if nothing is said, and that means "
        "inference.": _Known(silent=False),
        "it is the other way round: it shifts in inference, and does nothing in training.": (
            _Known(inference=False, silent=False, moves=False, places=lambda pixels: 1)
        ),
        "it never shifts.": _Known(moves=False, places=lambda pixels: 1),
        "there is one draw for the whole batch, as in Keras' `RandomCrop`. Draw a number for each "
        "image.": _Known(places=lambda pixels: 1),
        "down and right are the same number. Draw twice.": _Known(places=_one_number),
        "the images move only down and up. Draw for right, too.": (
            _Known(places=_one_number, right=lambda pixels: (0, 0))
        ),
        "the images move only right and left. Draw for down, too.": (
            _Known(places=_one_number, down=lambda pixels: (0, 0))
        ),
        "the largest shift never comes: `maxval` is excluded.": (
            _from(lambda pixels: -pixels, lambda pixels: pixels - 1)
        ),
        "the images move in one direction only: draw from -pixels, not from 0.": (
            _from(lambda pixels: 0, lambda pixels: pixels)
        ),
        "the images move in one direction only, and the largest shift never comes: draw from "
        "-pixels, not from 0, and `maxval` is excluded.": (
            _from(lambda pixels: 0, lambda pixels: pixels - 1)
        ),
        "the largest shifts never come, neither up nor down: decimals were cut off, which makes "
        "1.5 into 1. Use `keras.random.randint`.": (
            _from(lambda pixels: 1 - pixels, lambda pixels: pixels - 1)
        ),
        "the smallest number never comes: decimals were cut off, which makes -1.5 into -1. Use "
        "`keras.random.randint`.": _from(lambda pixels: 1 - pixels, lambda pixels: pixels),
        "every batch gets the same shifts. With a number as the seed, or a draw by NumPy, "
        "each step that `fit` has compiled gives the same ones. Use seed=self.generator.": _Known(
            others=False
        ),
        "down and right are the same number, and the same in every batch: a seed that is a number "
        "gives the same draw each time. Use seed=self.generator.": (
            _Known(places=_one_number, others=False)
        ),
    },
)

PATTERN = np.array([[1, 2], [3, 4]])  # looks another way after each flip and turn


def _seen(turns, flipped):
    """Turn a pattern, flip it, and look which turn of the flipped pattern that is."""
    found = []
    for turn, mirrored in zip(turns, flipped, strict=True):
        image = np.rot90(PATTERN, turn)
        upright, image = (PATTERN[:, ::-1], image[:, ::-1]) if mirrored else (PATTERN, image)
        found.append(next(k for k in range(4) if np.array_equal(np.rot90(upright, k), image)))
    return np.array(found)


def _where_flipped(change):
    return lambda turns, flipped: np.where(flipped, change(turns), turns)


turns_after_flip = Check(
    "9.5",
    slides="42 and 43",
    right=_seen,
    cases=lambda random: [
        {"turns": all_turns[order], "flipped": flips[order]}
        for all_turns, flips, order in (
            (np.arange(8) % 4, np.arange(8) < 4, random.permutation(8)),
            (np.array([3, 1, 1, 0, 2, 3]), np.arange(6) % 2 == 0, random.permutation(6)),
        )
    ],
    mistakes={
        "the labels stayed as they were. Where does an arrow to the left point in a mirror?": (
            _where_flipped(lambda turns: turns)
        ),
        "0 and 2 changed places: that belongs to a flip of up and down. This one swaps left and "
        "right.": _where_flipped(lambda turns: (2 - turns) % 4),
        "every flipped image counts as turned by 180 degrees more. An arrow up still points up.": (
            _where_flipped(lambda turns: (turns + 2) % 4)
        ),
        "4 - turns is 4 for an image that was not turned, and there is no such class.": (
            _where_flipped(lambda turns: 4 - turns)
        ),
        "-turns is negative, and a class is a number from 0 to 3.": (
            _where_flipped(lambda turns: -turns)
        ),
        "3 - turns also changes the label of images that were not turned, from 0 to 3.": (
            _where_flipped(lambda turns: 3 - turns)
        ),
        "the labels of images that were not flipped changed, too.": (
            lambda turns, flipped: -turns % 4
        ),
        "it is the other way round: images that were not flipped got another label.": (
            lambda turns, flipped: np.where(flipped, turns, -turns % 4)
        ),
        "a flip was counted as one turn more.": _where_flipped(lambda turns: (turns + 1) % 4),
        "1 became 3, but 3 stayed. Left and right change places.": (
            _where_flipped(lambda turns: np.where(turns == 1, 3, turns))
        ),
        "3 became 1, but 1 stayed. Left and right change places; the second assignment undoes "
        "the first if both work on the same array.": (
            _where_flipped(lambda turns: np.where(turns == 3, 1, turns))
        ),
        "only the labels of the flipped images came back. The others belong to the batch, too.": (
            lambda turns, flipped: (-turns % 4)[flipped]
        ),
    },
)
