"""Wrong answers that students write; each docstring is part of what they must be told."""
# ruff: noqa: N801 - the classes are named after their TODO

import keras
import numpy as np
from keras import layers

WIDTH = 16


def with_new_head__not_frozen(body, num_classes):
    """the body is not frozen"""
    return keras.Sequential([body, layers.Dense(num_classes)])


def with_new_head__called_in_inference_mode(body, num_classes):
    """the body is not frozen"""
    inputs = keras.Input(body.input_shape[1:])
    return keras.Model(inputs, layers.Dense(num_classes)(body(inputs, training=False)))


def with_new_head__weights_frozen(body, num_classes):
    """the weights are frozen, but not the layers"""
    for parameter in body.weights:
        parameter.trainable = False
    return keras.Sequential([body, layers.Dense(num_classes)])


def with_new_head__all_frozen(body, num_classes):
    """nothing is left to learn"""
    inputs = keras.Input(body.input_shape[1:])
    model = keras.Model(inputs, layers.Dense(num_classes)(body(inputs)))
    model.trainable = False
    return model


def with_new_head__convolutions_only(body, num_classes):
    """only the convolutions are frozen"""
    for layer in body.layers:
        if isinstance(layer, layers.Conv2D):
            layer.trainable = False
    inputs = keras.Input(body.input_shape[1:])
    return keras.Model(inputs, layers.Dense(num_classes)(body(inputs)))


def with_new_head__cloned(body, num_classes):
    """copy of the body with random weights"""
    copy = keras.models.clone_model(body)
    copy.trainable = False
    x = keras.Input(body.input_shape[1:])
    return keras.Model(x, layers.Dense(num_classes)(copy(x)))


def with_new_head__softmax(body, num_classes):
    """softmax'ed"""
    body.trainable = False
    inputs = keras.Input(body.input_shape[1:])
    x = layers.Dense(num_classes)(body(inputs))
    return keras.Model(inputs, layers.Softmax()(x))


def with_new_head__ten(body, num_classes):
    """10 units always"""
    body.trainable = False
    inputs = keras.Input(body.input_shape[1:])
    return keras.Model(inputs, layers.Dense(units=10)(body(inputs)))


def with_new_head__scaled_twice(body, num_classes):
    """The body does that itself"""
    body.trainable = False
    inputs = keras.Input(body.input_shape[1:])
    x = body(inputs / 127.5 - 1)
    return keras.Model(inputs, layers.Dense(num_classes)(x))


def best_epoch__compared_with_the_last(losses, patience):
    """compared with the one before"""
    best, waited = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[epoch - 1]:
            best, waited = epoch, 0
        else:
            waited += 1
        if waited == patience:
            return best, epoch
    return best, len(losses) - 1


def best_epoch__ties(losses, patience):
    """equals the lowest counted as an improvement"""
    best, lowest = 0, np.inf
    for epoch, loss in enumerate(losses):
        if loss <= lowest:
            best, lowest = epoch, loss
        if epoch - best >= patience:
            return best, epoch
    return best, epoch


def best_epoch__not_in_a_row(losses, patience):
    """Set the count to 0 there"""
    lowest, best, waited = float("inf"), 0, 0
    for epoch, loss in enumerate(losses):
        if loss < lowest:
            lowest, best = loss, epoch
        else:
            waited += 1
            if waited == patience:
                break
    return best, epoch


def best_epoch__first_epoch_waits(losses, patience):
    """compared with itself"""
    best, lowest, waited = 0, losses[0], 0
    for epoch, loss in enumerate(losses):
        if loss < lowest:
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
        if waited == patience:
            break
    return best, epoch


def best_epoch__one_more(losses, patience):
    """one epoch too many"""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        elif epoch - best > patience:
            return best, epoch
    return best, len(losses) - 1


def best_epoch__one_less(losses, patience):
    """one epoch too few"""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best + 1 >= patience and epoch > best:
            return best, epoch
    return best, len(losses) - 1


def best_epoch__all_losses(losses, patience):
    """after the end of training"""
    lowest, waited = np.inf, 0
    for epoch in range(len(losses)):
        waited = 0 if losses[epoch] < lowest else waited + 1
        lowest = min(lowest, losses[epoch])
        if waited == patience:
            break
    return losses.index(min(losses)), epoch


def best_epoch__last_one(losses, patience):
    """last epoch was kept"""
    lowest, waited = np.inf, 0
    for epoch in range(len(losses)):
        waited = 0 if losses[epoch] < lowest else waited + 1
        lowest = min(lowest, losses[epoch])
        if waited == patience:
            break
    return epoch, epoch


def best_epoch__a_loss(losses, patience):
    """Return the epoch that has it"""
    lowest, waited = np.inf, 0
    for epoch in range(len(losses)):
        if losses[epoch] < lowest:
            lowest, waited = losses[epoch], 0
        else:
            waited += 1
        if waited == patience:
            break
    return lowest, epoch


def best_epoch__from_one(losses, patience):
    """counted from 1"""
    best, lowest = 1, losses[0]
    for epoch, loss in enumerate(losses, start=1):
        if loss < lowest:
            best, lowest = epoch, loss
        if epoch - best == patience:
            break
    return best, epoch


def best_epoch__minimum_alone(losses, patience):
    """training never stops"""
    return int(np.argmin(losses)), len(losses) - 1


def best_epoch__returns_in_the_loop(losses, patience):
    """inside the loop"""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        return best, epoch


class Callback(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.lowest = np.inf
        self.weights = None

    def restore(self):
        self.model.set_weights(self.weights)


class BestWeights__references(Callback):
    """variables themselves"""

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_loss"] < self.lowest:
            self.lowest = logs["val_loss"]
            self.weights = self.model.weights


class BestWeights__lowest_forgotten(Callback):
    """store the new lowest loss"""

    def on_epoch_end(self, epoch, logs=None):
        if not np.isnan(logs["val_loss"]) and logs["val_loss"] < self.lowest:
            self.weights = self.model.get_weights()


class BestWeights__training_loss(Callback):
    """training loss was compared"""

    def on_epoch_end(self, epoch, logs=None):
        if logs["loss"] < self.lowest:
            self.lowest = logs["loss"]
            self.weights = self.model.get_weights()


class BestWeights__epoch_before(Callback):
    """compared with the one before"""

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_loss"] < self.lowest:
            self.weights = self.model.get_weights()
        self.lowest = logs["val_loss"]


class BestWeights__nan_first(Callback):
    """nothing is below nan"""

    def on_epoch_end(self, epoch, logs=None):
        if self.weights is None or logs["val_loss"] < self.lowest:
            self.lowest = logs["val_loss"]
            self.weights = self.model.get_weights()


class BestWeights__nan_later(Callback):
    """nan was taken for an improvement"""

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_loss"] >= self.lowest:
            return
        self.lowest = logs["val_loss"]
        self.weights = self.model.get_weights()


class BestWeights__trained_ones(Callback):
    """only the trained weights were kept"""

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_loss"] < self.lowest:
            self.lowest = logs["val_loss"]
            self.weights = [weight.numpy() for weight in self.model.trainable_variables]


class BestWeights__local_name(Callback):
    """`self.weights` is still None"""

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_loss"] < self.lowest:
            self.lowest = logs["val_loss"]
            weights = self.model.get_weights()  # noqa: F841


class BestWeights__back_at_once(Callback):
    """by `restore`"""

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_loss"] < self.lowest:
            self.lowest = logs["val_loss"]
            self.weights = self.model.get_weights()
        elif self.weights is not None:
            self.model.set_weights(self.weights)


def dropout__not_scaled(x, rate, training, random):
    """what is left was not scaled"""
    return np.where(random.random(x.shape) < rate, 0, x) if training else x


def dropout__so_many(x, rate, training, random):
    """always the same number"""
    if not training:
        return x
    mask = np.ones(x.size)
    mask[random.choice(x.size, int(rate * x.size), replace=False)] = 0
    return x * mask.reshape(x.shape) / (1 - rate)


def dropout__first_form(x, rate, training, random):
    """in its first form"""
    if training:
        return x * (random.random(x.shape) > rate)
    return x * (1 - rate)


def dropout__always(x, rate, training, random):
    """drops in inference, too"""
    return x * random.binomial(1, 1 - rate, x.shape) / (1 - rate)


def dropout__share_that_stays(x, rate, training, random):
    """taken for the share that stays"""
    if not training:
        return x
    return np.where(random.random(x.shape) < rate, x / rate, 0)


def dropout__turned_round(x, rate, training, random):
    """wrong way round"""
    if not training:
        return x
    kept = random.random(x.shape) < rate
    return kept * x / (1 - rate)


def dropout__divided_by_rate(x, rate, training, random):
    """was divided by `rate`"""
    if not training:
        return x
    kept = random.random(x.shape) >= rate
    return x * kept / rate


def dropout__multiplied(x, rate, training, random):
    """multiplied by 1 - rate"""
    if not training:
        return x
    return (random.random(x.shape) >= rate) * x * (1 - rate)


def dropout__whole_rows(x, rate, training, random):
    """a whole row is dropped or kept"""
    if not training:
        return x
    result = np.zeros_like(x)
    for number, row in enumerate(x):
        if random.random() >= rate:
            result[number] = row / (1 - rate)
    return result


def dropout__same_units(x, rate, training, random):
    """each row drops the same units"""
    if not training:
        return x
    return x * (random.random(x.shape[1:]) >= rate) / (1 - rate)


def dropout__seeded(x, rate, training, random):
    """the seed is fixed"""
    if not training:
        return x
    np.random.seed(42)
    return x * (np.random.rand(*x.shape) >= rate) / (1 - rate)


def dropout__global_generator(x, rate, training, random):
    """do not come from the `random`"""
    if not training:
        return x
    return x * np.random.choice([0, 1], size=x.shape, p=[rate, 1 - rate]) / (1 - rate)


def dropout__normal(x, rate, training, random):
    """normally distributed"""
    if not training:
        return x
    return x * (random.standard_normal(x.shape) >= rate) / (1 - rate)


def dropout__mask(x, rate, training, random):
    """Multiply x by it"""
    if not training:
        return x
    return (random.random(x.shape) >= rate).astype("float32") / (1 - rate)


def dropout__in_place(x, rate, training, random):
    """changed its argument x"""
    if training:
        x[random.random(x.shape) < rate] = 0
        x /= 1 - rate
    return x


def segmenter_of(
    backbone,
    num_classes,
    *,
    relu="relu",
    activation=None,
    last=1,
    up=lambda x: layers.UpSampling2D()(x),
    join=lambda x, skip: layers.add([x, skip]),
    skips=lambda maps: maps[-2::-1],
    one=1,
    end=None,
    padding="same",
):
    inputs = keras.Input(backbone.input_shape[1:])
    maps = backbone(inputs)
    x = layers.Conv2D(WIDTH, one, padding="same")(maps[-1])
    for skip in skips(maps):
        x = join(up(x), layers.Conv2D(WIDTH, one, padding="same")(skip))
        x = layers.Conv2D(WIDTH, 3, padding=padding, activation=relu)(x)
    if end:
        return keras.Model(inputs, end(x))
    return keras.Model(
        inputs, layers.Conv2D(num_classes, last, padding="same", activation=activation)(x)
    )


def segmenter__softmax(backbone, num_classes):
    """softmax'ed"""
    return segmenter_of(backbone, num_classes, activation="softmax")


def segmenter__eleven(backbone, num_classes):
    """11 logits always"""
    return segmenter_of(backbone, 11)


def segmenter__large_last_kernel(backbone, num_classes):
    """the last convolution should be 1x1"""
    return segmenter_of(backbone, num_classes, last=3)


def segmenter__one_class_an_image(backbone, num_classes):
    """the image has one class"""
    return segmenter_of(
        backbone,
        num_classes,
        end=lambda x: layers.Dense(num_classes)(layers.GlobalAveragePooling2D()(x)),
    )


def segmenter__coarse_only(backbone, num_classes):
    """the larger maps were not added"""
    inputs = keras.Input(backbone.input_shape[1:])
    maps = backbone(inputs)
    x = layers.Conv2D(WIDTH, 1)(maps[-1])
    for _ in maps[1:]:
        x = layers.UpSampling2D(2)(x)
        x = layers.Conv2D(WIDTH, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2D(num_classes, 1)(x))


def segmenter__concatenated(backbone, num_classes):
    """the larger one first"""
    return segmenter_of(backbone, num_classes, join=lambda x, skip: layers.concatenate([skip, x]))


def segmenter__one_map_short(backbone, num_classes):
    """stops one map early"""
    return segmenter_of(backbone, num_classes, skips=lambda maps: maps[-2:0:-1])


def segmenter__from_the_largest(backbone, num_classes):
    """the largest map was added first"""
    return segmenter_of(backbone, num_classes, skips=lambda maps: maps[:-1])


def segmenter__linear(backbone, num_classes):
    """3x3 convolutions have no ReLU"""
    return segmenter_of(backbone, num_classes, relu=None)


def segmenter__valid(backbone, num_classes):
    """have no padding"""
    return segmenter_of(backbone, num_classes, padding="valid")


def segmenter__larger_kernels(backbone, num_classes):
    """1x1 is enough"""
    return segmenter_of(backbone, num_classes, one=3)


def segmenter__not_enlarged(backbone, num_classes):
    """before it was enlarged"""
    return segmenter_of(backbone, num_classes, up=lambda x: x)


def segmenter__bilinear(backbone, num_classes):
    """interpolated"""
    return segmenter_of(
        backbone, num_classes, up=layers.UpSampling2D(size=2, interpolation="bilinear")
    )


def segmenter__maps_as_they_are(backbone, num_classes):
    """different numbers of channels"""
    inputs = keras.Input(backbone.input_shape[1:])
    *larger, x = backbone(inputs)
    for skip in larger[::-1]:
        x = layers.Add()([layers.UpSampling2D(2)(x), skip])
        x = layers.Conv2D(WIDTH, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2D(num_classes, 1)(x))


def segmenter__one_layer(backbone, num_classes):
    """Make a new layer at each"""
    inputs = keras.Input(backbone.input_shape[1:])
    conv = layers.Conv2D(WIDTH, 3, padding="same", activation="relu")
    *larger, x = backbone(inputs)
    x = layers.Conv2D(WIDTH, 1)(x)
    for skip in larger[::-1]:
        x = conv(layers.UpSampling2D(2)(x) + layers.Conv2D(WIDTH, 1)(skip))
    return keras.Model(inputs, layers.Conv2D(num_classes, 1)(x))


def segmenter__frozen(backbone, num_classes):
    """the backbone is frozen"""
    for layer in backbone.layers:
        layer.trainable = False
    return segmenter_of(backbone, num_classes)


def iou__dice(predicted, truth):
    """Dice coefficient"""
    return 2 * np.sum(predicted * truth) / (np.sum(predicted) + np.sum(truth))


def iou__sum_for_union(predicted, truth):
    """counted twice in the denominator"""
    return np.sum(predicted & truth) / (np.sum(predicted) + np.sum(truth))


def iou__recall(predicted, truth):
    """share of the true pixels that were found"""
    return predicted[truth].mean()


def iou__precision(predicted, truth):
    """share of the predicted pixels that are right"""
    return truth[predicted].mean()


def iou__pixel_accuracy(predicted, truth):
    """share of equal pixels"""
    return np.mean(predicted == truth)


def iou__of_all_pixels(predicted, truth):
    """share of all pixels"""
    return np.mean(np.logical_and(predicted, truth))


def iou__mean_of_images(predicted, truth):
    """a mean over the images"""
    return np.mean([(p & t).sum() / (p | t).sum() for p, t in zip(predicted, truth, strict=True)])


def iou__exclusive_or(predicted, truth):
    """exactly one mask"""
    return np.sum(predicted & truth) / np.sum(predicted ^ truth)


def iou__upside_down(predicted, truth):
    """upside down"""
    return np.sum(predicted | truth) / np.sum(predicted & truth)


def iou__and_or(predicted, truth):
    """work on whole arrays"""
    return np.sum(predicted and truth) / np.sum(predicted or truth)


def iou__larger_mask(predicted, truth):
    """larger mask was taken for the union"""
    return np.sum(predicted & truth) / max(predicted.sum(), truth.sum())


def iou__distance(predicted, truth):
    """Subtract it from 1"""
    return np.sum(predicted != truth) / np.sum(predicted | truth)
