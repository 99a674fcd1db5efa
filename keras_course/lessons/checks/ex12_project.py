"""Checks of lesson 12: numbers that can be believed, and a model that can be used."""

import functools
import tempfile
from pathlib import Path

import numpy as np

from keras_course.lessons.check import Check

NAMES = ("simple_cnn", "resnet20", "vgg11", "densenet16", "alexnet", "googlenet")


def _results(random, tie=False):
    """Draw results in which every wrong way of choosing finds another candidate."""
    names = [str(name) for name in random.permutation(NAMES)]
    base = float(random.uniform(0.4, 0.5))
    # Found by its best epoch, last epoch, training accuracy, mean, size, and first epoch.
    validation = [
        [base, base + 0.30, base + 0.05],
        [base + 0.10, base + 0.15, base + 0.20],
        [base - 0.20, base - 0.10, base + 0.12],
        [base + 0.17, base + 0.19, base + 0.17],
        [base, base + 0.13, base],
        [base + 0.19, base, base],
    ]
    training = [0.70, 0.75, 0.95, 0.72, 0.60, 0.71]
    parameters = [90_000, 300_000, 70_000, 80_000, 20_000, 200_000]
    if tie:
        validation[2], parameters[2] = [base + 0.30, base, base], 500_000
    rows = zip(names, training, validation, parameters, strict=True)
    every = {
        name: {"training": fit, "validation": epochs, "parameters": count}
        for name, fit, epochs, count in rows
    }
    order = [str(name) for name in random.permutation(names)]
    return {name: every[name] for name in order}


def _both_orders(results):
    return results, dict(reversed(results.items()))


def _by(key):
    return lambda results: max(results, key=lambda name: key(results[name]))


def _choose(results):
    best = {name: max(result["validation"]) for name, result in results.items()}
    equal = [name for name in results if best[name] == max(best.values())]
    return min(equal, key=lambda name: results[name]["parameters"])


choose = Check(
    "12.1",
    slides="31 and 50",
    right=_choose,
    cases=lambda random: [
        {"results": _results(random)},
        *({"results": results} for results in _both_orders(_results(random, tie=True))),
    ],
    mistakes={
        "this is the best on the training images, which it has seen. Choose by validation.": (
            _by(lambda result: result["training"])
        ),
        "this is the most accurate in the last epoch. A run keeps the weights of its best epoch.": (
            _by(lambda result: result["validation"][-1])
        ),
        "this has the highest mean over its epochs. A run keeps its best epoch.": (
            _by(lambda result: np.mean(result["validation"]))
        ),
        "this is the smallest one. Size decides only between candidates that are equally good.": (
            _by(lambda result: -result["parameters"])
        ),
        "this is the worst one: the comparison is turned around.": (
            _by(lambda result: -max(result["validation"]))
        ),
        "of candidates that are equally good this takes the largest one. Take the smallest.": (
            _by(lambda result: (max(result["validation"]), result["parameters"]))
        ),
        "of candidates that are equally good this takes the first one. Take the smallest.": (
            _by(lambda result: max(result["validation"]))
        ),
        "this is the most accurate in the first epoch. Look at all epochs.": (
            _by(lambda result: result["validation"][0])
        ),
        "an accuracy was returned. Return the name of the candidate.": (
            lambda results: max(max(result["validation"]) for result in results.values())
        ),
    },
)


def _batches(random, sizes, classes):
    """Draw labels and answers, each batch with another share of wrong ones: one in six of the first
    one, more from batch to batch, and all but one image of the last and smallest one."""
    batches = []
    for index, size in enumerate(sizes, start=1):
        probabilities = random.dirichlet(np.ones(classes), size)
        labels = probabilities.argmax(axis=1)
        errors = size - 1 if index == len(sizes) else round(size * index / 6)
        wrong = random.permutation(np.arange(size) < errors)
        batches.append(((labels + wrong) % classes, probabilities))
    return batches


def _accuracy(batches):
    labels = np.concatenate([labels for labels, _ in batches])
    answers = np.concatenate([probabilities for _, probabilities in batches]).argmax(axis=1)
    return float(np.mean(answers == labels))


def _of_each(batches):
    return [_accuracy([batch]) for batch in batches]


accuracy = Check(
    "12.2",
    slides="31",
    right=_accuracy,
    cases=lambda random: [
        {"batches": _batches(random, (32, 32, 5), 4)},
        {"batches": _batches(random, (20, 20, 20, 3), 6)},
    ],
    mistakes={
        "this is the mean of the batches' accuracies, in which an image of the small batch counts "
        "more than the others. Count images.": lambda batches: float(np.mean(_of_each(batches))),
        "the last, smaller batch was left out: some images are never looked at.": (
            lambda batches: _accuracy(batches[:-1])
        ),
        "this is the accuracy of only the last batch.": lambda batches: _of_each(batches)[-1],
        "this is the accuracy of only the first batch: the `return` is inside the loop.": (
            lambda batches: _of_each(batches)[0]
        ),
        "this is the share of wrong answers.": lambda batches: 1 - _accuracy(batches),
        "this is the number of right answers. Divide by the number of images.": (
            lambda batches: sum(
                round(share * len(labels))
                for share, (labels, _) in zip(_of_each(batches), batches, strict=True)
            )
        ),
        "every batch was counted as if it were as large as the first one.": (
            lambda batches: (
                sum(
                    share * len(labels)
                    for share, (labels, _) in zip(_of_each(batches), batches, strict=True)
                )
                / (len(batches) * len(batches[0][0]))
            )
        ),
        "this is the mean probability of the right class. Count the answers that are right.": (
            lambda batches: float(
                np.mean(
                    np.concatenate(
                        [
                            probabilities[np.arange(len(labels)), labels]
                            for labels, probabilities in batches
                        ]
                    )
                )
            )
        ),
        "only probabilities above one half were counted. The highest is the answer, however low.": (
            lambda batches: (
                sum(
                    int(np.sum((probabilities.argmax(1) == labels) & (probabilities.max(1) > 0.5)))
                    for labels, probabilities in batches
                )
                / sum(len(labels) for labels, _ in batches)
            )
        ),
        "the highest probability was looked for among the images, not the classes: axis=-1.": (
            lambda batches: (
                sum(
                    int(np.sum(probabilities.argmax(axis=0) == labels))
                    for labels, probabilities in batches
                )
                / sum(len(labels) for labels, _ in batches)
            )
        ),
    },
)


def _deviation(accuracy, images):
    return float(np.std(np.arange(images) < round(accuracy * images)) / np.sqrt(images))


margin = Check(
    "12.3",
    slides="50",
    right=lambda accuracy, images: 1.96 * _deviation(accuracy, images),
    cases=lambda random: [
        {"accuracy": int(right) / images, "images": images}
        for right, images in zip(random.integers(50, 100, 3), (100, 200, 1000), strict=True)
    ],
    mistakes={
        "this is one standard deviation. 95 of 100 cases lie within 1.96 of them.": _deviation,
        "the root is missing: this is 1.96 times the variance.": (
            lambda accuracy, images: 1.96 * _deviation(accuracy, images) ** 2
        ),
        "this is the whole width of the interval. Half of it is asked for.": (
            lambda accuracy, images: 2 * 1.96 * _deviation(accuracy, images)
        ),
        "the number of images is missing: more of them make a smaller margin.": (
            lambda accuracy, images: 1.96 * _deviation(accuracy, images) * images**0.5
        ),
        "the number of images, n, is outside of the root. Divide by it inside.": (
            lambda accuracy, images: 1.96 * _deviation(accuracy, images) / images**0.5
        ),
        "the factor 1 - p is missing: the variance is p (1 - p).": (
            lambda accuracy, images: 1.96 * (accuracy / images) ** 0.5
        ),
        "p was multiplied by itself. The variance is p (1 - p).": (
            lambda accuracy, images: 1.96 * accuracy / images**0.5
        ),
        "1.96 stands inside the root.": (
            lambda accuracy, images: 1.96**0.5 * _deviation(accuracy, images)
        ),
        "this is the upper end of the interval. Only the distance to it is asked for.": (
            lambda accuracy, images: accuracy + 1.96 * _deviation(accuracy, images)
        ),
        "p = 1/2 was taken for every accuracy. The margin depends on p.": (
            lambda accuracy, images: 1.96 * 0.5 / images**0.5
        ),
        "this is the margin in percent. The accuracy is from 0 to 1, so the margin is, too.": (
            lambda accuracy, images: 196 * _deviation(accuracy, images)
        ),
    },
)


@functools.cache
def _saved_model():
    """Return the folder of a SavedModel like an exported one, and what keeps it there.

    It takes pixels of 0 to 255 and looks for the brightest of four channels.
    """
    import tensorflow as tf

    folder = tempfile.TemporaryDirectory()
    module = tf.Module()

    @tf.function
    def serve(images):
        return tf.nn.softmax(tf.reduce_mean(tf.cast(images, "float32"), axis=(1, 2)) / 50)

    for dtype in ("uint8", "float32"):
        serve.get_concrete_function(tf.TensorSpec((None, 4, 4, 4), dtype))
    module.serve = serve
    names = ["plane", "car", "ship", "truck"]
    module.class_names = tf.function(lambda: tf.constant(names), input_signature=[])
    tf.saved_model.save(module, folder.name)
    return folder


def _observed(function, image):
    return function(Path(_saved_model().name), image)


def _classify(folder, image, name=bytes.decode, scale=1, choose=np.argmax):
    import tensorflow as tf

    model = tf.saved_model.load(folder)
    probabilities = model.serve((image * scale)[None].astype("float32")).numpy()[0]
    best = choose(probabilities)
    return name(model.class_names().numpy()[best]), float(probabilities[best])


def _number(folder, image):
    import tensorflow as tf

    probabilities = tf.saved_model.load(folder).serve(image[None]).numpy()[0]
    return int(probabilities.argmax()), float(probabilities.max())


def _softmaxed(folder, image):
    import tensorflow as tf

    model = tf.saved_model.load(folder)
    probabilities = tf.nn.softmax(model.serve(image[None])).numpy()[0]
    best = probabilities.argmax()
    return model.class_names().numpy()[best].decode(), float(probabilities[best])


classify = Check(
    "12.4",
    slides="54",
    right=_classify,
    cases=lambda random: [
        {
            "image": (random.integers(20, 60, (4, 4, 4)) + 150 * (np.arange(4) == bright)).astype(
                "uint8"
            )
        }
        for bright in (2, 3)
    ],
    observe=_observed,
    mistakes={
        "the name is still bytes. `decode()` makes a str of it.": functools.partial(
            _classify, name=lambda name: name
        ),
        "str() of bytes is b'...', quotes and all. `decode()` makes a str of it.": (
            functools.partial(_classify, name=str)
        ),
        "this is the number of the class. Its name is in class_names().": _number,
        "`serve` returns probabilities: another softmax makes them all alike.": _softmaxed,
        "the pixels were divided by 255. The model takes them as they are, 0 to 255.": (
            functools.partial(_classify, scale=1 / 255)
        ),
        "this is the least probable class.": functools.partial(_classify, choose=np.argmin),
        "only the name was returned. Return its probability, too.": (
            lambda folder, image: _classify(folder, image)[0]
        ),
        "probability and name are in the wrong order: the name comes first.": (
            lambda folder, image: _classify(folder, image)[::-1]
        ),
        "the probability is in percent. It was asked for from 0 to 1.": (
            lambda folder, image: (
                _classify(folder, image)[0],
                100 * _classify(folder, image)[1],
            )
        ),
        "this is the first class whatever the image. Look for the highest probability.": (
            functools.partial(_classify, choose=lambda probabilities: 0)
        ),
        "`serve` takes a batch of images: image[None] makes one of a single image.": (
            lambda folder, image: _unbatched(folder, image)
        ),
    },
)


def _unbatched(folder, image):
    import tensorflow as tf

    return tf.saved_model.load(folder).serve(image)
