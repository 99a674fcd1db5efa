"""Right answers in other styles than the solution's."""

import numpy as np
import tensorflow as tf


def choose__by_sorting(results):
    ranked = sorted((-max(r["validation"]), r["parameters"], name) for name, r in results.items())
    return ranked[0][2]


def choose__by_arrays(results):
    best = [max(result["validation"]) for result in results.values()]
    smaller = [-result["parameters"] for result in results.values()]
    return np.array(list(results))[np.lexsort((smaller, best))[-1]]


def choose__by_a_loop(results):
    chosen, best, size = None, -1.0, 0
    for name, result in results.items():
        score, parameters = max(result["validation"]), result["parameters"]
        if score > best or (score == best and parameters < size):
            chosen, best, size = name, score, parameters
    return chosen


def accuracy__concatenated(batches):
    labels, probabilities = (np.concatenate(each) for each in zip(*batches, strict=True))
    return np.mean(probabilities.argmax(axis=1) == labels)


def accuracy__image_by_image(batches):
    hits = [
        int(np.argmax(p) == y) for labels, ps in batches for y, p in zip(labels, ps, strict=True)
    ]
    return sum(hits) / len(hits)


def margin__by_powers(accuracy, images):
    return 1.96 * (accuracy - accuracy**2) ** 0.5 / images**0.5


def margin__as_an_array(accuracy, images):
    return np.sqrt(np.array(accuracy) * (1 - accuracy)) / np.sqrt(images) * 1.96


def classify__with_the_signature(folder, image):
    model = tf.saved_model.load(str(folder))
    p = model.serve(tf.cast(image, tf.float32)[tf.newaxis])
    best = tf.argmax(p, axis=-1)[0]
    return tf.gather(model.class_names(), best).numpy().decode("utf-8"), float(tf.reduce_max(p))


def classify__by_arrays(folder, image):
    model = tf.saved_model.load(folder)
    probabilities = model.serve(image[None]).numpy()[0]
    best = probabilities.argmax()
    return np.char.decode(model.class_names().numpy().astype("S"))[best], probabilities[best]


def classify__by_sorting(folder, image):
    model = tf.saved_model.load(folder)
    names = [name.decode() for name in model.class_names().numpy()]
    probabilities = list(model.serve(np.expand_dims(image, 0)).numpy()[0])
    probability, name = max(zip(probabilities, names, strict=True))
    return name, probability
