"""Wrong answers that students write; each docstring is part of what they must be told."""

import numpy as np
import tensorflow as tf


def choose__by_training(results):
    """which it has seen"""
    return sorted(results, key=lambda name: results[name]["training"])[-1]


def choose__last_epoch(results):
    """most accurate in the last epoch"""
    best, best_name = 0, None
    for name, result in results.items():
        if result["validation"][-1] > best:
            best, best_name = result["validation"][-1], name
    return best_name


def choose__mean_of_epochs(results):
    """highest mean over its epochs"""
    means = {name: sum(r["validation"]) / len(r["validation"]) for name, r in results.items()}
    return max(means, key=means.get)


def choose__smallest(results):
    """smallest one"""
    return min(results, key=lambda name: results[name]["parameters"])


def choose__first_of_equals(results):
    """takes the first one"""
    return max(results, key=lambda name: max(results[name]["validation"]))


def choose__largest_of_equals(results):
    """takes the largest one"""
    ranked = [(max(r["validation"]), r["parameters"], name) for name, r in results.items()]
    return max(ranked)[2]


def choose__an_accuracy(results):
    """Return the name of the candidate"""
    return max(max(r["validation"]) for r in results.values())


def accuracy__mean_of_means(batches):
    """Count images"""
    return np.mean([np.mean(p.argmax(-1) == y) for y, p in batches])


def accuracy__full_batches_only(batches):
    """last, smaller batch was left out"""
    size = len(batches[0][0])
    full = [(y, p) for y, p in batches if len(y) == size]
    return sum((p.argmax(1) == y).sum() for y, p in full) / (size * len(full))


def accuracy__last_batch(batches):
    """only the last batch"""
    for labels, probabilities in batches:
        right = (probabilities.argmax(axis=1) == labels).mean()
    return right


def accuracy__returns_in_the_loop(batches):
    """inside the loop"""
    for labels, probabilities in batches:
        return (probabilities.argmax(axis=1) == labels).mean()


def accuracy__errors(batches):
    """share of wrong answers"""
    wrong = [p.argmax(-1) != y for y, p in batches]
    return np.concatenate(wrong).mean()


def accuracy__count(batches):
    """Divide by the number of images"""
    return sum((p.argmax(-1) == y).sum() for y, p in batches)


def accuracy__along_the_images(batches):
    """axis=-1"""
    right = sum((np.argmax(p, axis=0) == y).sum() for y, p in batches)
    return right / sum(len(y) for y, _ in batches)


def accuracy__equal_batches(batches):
    """as large as the first one"""
    right = sum((p.argmax(-1) == y).sum() for y, p in batches)
    return right / (len(batches) * len(batches[0][0]))


def margin__one_deviation(accuracy, images):
    """one standard deviation"""
    return (accuracy * (1 - accuracy) / images) ** 0.5


def margin__squared(accuracy, images):
    """p was multiplied by itself"""
    return 1.96 * (accuracy * accuracy / images) ** 0.5


def margin__p_alone(accuracy, images):
    """1 - p is missing"""
    return 1.96 * np.sqrt(accuracy / images)


def margin__variance(accuracy, images):
    """root is missing"""
    return 1.96 * accuracy * (1 - accuracy) / images


def margin__whole_width(accuracy, images):
    """whole width"""
    half = 1.96 * np.sqrt(accuracy * (1 - accuracy) / images)
    return (accuracy + half) - (accuracy - half)


def margin__without_images(accuracy, images):
    """number of images is missing"""
    return 1.96 * np.sqrt(accuracy * (1 - accuracy))


def margin__images_outside(accuracy, images):
    """outside of the root"""
    return 1.96 * np.sqrt(accuracy * (1 - accuracy)) / images


def margin__factor_inside(accuracy, images):
    """inside the root"""
    return np.sqrt(1.96 * accuracy * (1 - accuracy) / images)


def margin__upper_end(accuracy, images):
    """upper end"""
    return accuracy + 1.96 * np.sqrt(accuracy * (1 - accuracy) / images)


def classify__bytes(folder, image):
    """still bytes"""
    model = tf.saved_model.load(folder)
    p = model.serve(image[np.newaxis])[0]
    best = int(tf.argmax(p))
    return model.class_names()[best].numpy(), float(p[best])


def classify__str_of_bytes(folder, image):
    """quotes and all"""
    model = tf.saved_model.load(folder)
    p = model.serve(image[np.newaxis]).numpy()[0]
    return str(model.class_names().numpy()[np.argmax(p)]), p.max()


def classify__number(folder, image):
    """number of the class"""
    p = tf.saved_model.load(folder).serve(np.array([image])).numpy()[0]
    return np.argmax(p), p.max()


def classify__softmax(folder, image):
    """makes them all alike"""
    model = tf.saved_model.load(folder)
    p = tf.nn.softmax(model.serve(image[None])[0]).numpy()
    return model.class_names().numpy()[p.argmax()].decode(), p.max()


def classify__name_alone(folder, image):
    """only the name was returned"""
    model = tf.saved_model.load(folder)
    return model.class_names().numpy()[model.serve(image[None]).numpy()[0].argmax()].decode()


def classify__other_order(folder, image):
    """in the wrong order"""
    model = tf.saved_model.load(folder)
    p = model.serve(image[None]).numpy()[0]
    return p.max(), model.class_names().numpy()[p.argmax()].decode()


def classify__no_batch(folder, image):
    """makes one of a single image"""
    model = tf.saved_model.load(folder)
    p = model.serve(image).numpy()
    return model.class_names().numpy()[p.argmax()].decode(), p.max()


def classify__divided(folder, image):
    """were divided by 255"""
    model = tf.saved_model.load(folder)
    p = model.serve((image / 255).astype("float32")[None]).numpy()[0]
    return model.class_names().numpy()[p.argmax()].decode(), p.max()
