# %% [markdown]
# # 1 Convolution and pooling
# Slides 3 to 17.
#
# A fully connected layer has a weight for each pixel and each of its outputs, which are called
# *units*. A convolution has a few weights, and uses them everywhere. After this lesson you can
#
# - write a convolution and a pooling by hand, and show that Keras computes the same,
# - say how many weights a layer has, and which pixels an output has seen,
# - tell which layers follow an image when it is shifted, and which do not.
# %%
from keras_course import quiet

quiet.import_keras()  # without TensorFlow's messages
# %%
import keras
import numpy as np

from keras_course import data, plots
from keras_course.lessons.checks import ex01_convolution as checks
from keras_course.lessons.pictures import show

DATASET = "shapes"  # or "cifar10", once it is prepared
keras.utils.set_random_seed(0)
splits = data.load(DATASET)
images = splits.train.images[:8].astype("float32")
print(f"{DATASET}: {len(images)} images of shape {images.shape[1:]}")


# %% [markdown]
# ## 1.1 One image, one filter
# Slide a small kernel over the image. At each place multiply what lies underneath with the weights
# of the kernel, and add up:
#
# $$ y[i, j] = \sum_{a, b} x[i + a, j + b] \; w[a, b] $$
#
# Only places where the whole kernel lies on the image count ("valid").
#
# **Predict:** how large is the result of a 3x3 kernel on a 5x5 image?
# %%
def convolve(image, kernel):
    """Return the image filtered by the kernel.

    image: (height, width). kernel: (rows, columns). Returns an array of shape
    (height - rows + 1, width - columns + 1).
    """
    # TODO 1.1: visit each place where the kernel fits, multiply, and add up
    ### BEGIN SOLUTION
    rows, columns = kernel.shape
    height, width = image.shape[0] - rows + 1, image.shape[1] - columns + 1
    filtered = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            filtered[i, j] = np.sum(image[i : i + rows, j : j + columns] * kernel)
    return filtered
    ### END SOLUTION


# %%
checks.convolve(convolve)
# %%
print("a 3x3 kernel on a 5x5 image:", convolve(np.ones((5, 5)), np.ones((3, 3))).shape)
FILTERS = {
    "vertical edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "horizontal edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "blur": [[1 / 9] * 3] * 3,
    "spots": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
}
grey = images.mean(axis=-1)
shown = []
for image in grey[:4]:
    shown.append(image[1:-1, 1:-1, None])
    for kernel in FILTERS.values():
        response = np.abs(convolve(image, np.array(kernel)))
        shown.append(255 * response[..., None] / response.max())
show(
    plots.grid(
        shown,
        f"Four images of {DATASET}, each through four filters: bright where one responds",
        labels=["image", *FILTERS] * 4,
        columns=1 + len(FILTERS),
    ),
    "ex01_filters",
)


# %% [markdown]
# **Question 1.a** Mathematicians turn the kernel by 180 degrees before they slide it, and call what
# we did a cross-correlation. Why does a network that learns its kernels not care?
# ### BEGIN SOLUTION
# The kernel turned by 180 degrees is another kernel of the same size. Whatever the one operation
# can compute, the other can with the turned weights, and learning finds those just as well.
# ### END SOLUTION
# %% [markdown]
# ## 1.2 All channels, all filters
# A layer has many filters, and each sees all channels of its input:
#
# $$ y[n, i, j, f] = \mathrm{bias}[f] + \sum_{a, b, c} x[n, i + a, j + b, c] \; w[a, b, c, f] $$
#
# The *bias* is a number that each filter adds to its sum. With padding "same" the image gets a
# frame of zeros first: x is then the image with its frame, and the result is as large as the image.
# %%
def conv2d(images, kernel, bias):
    """Return what `keras.layers.Conv2D(padding="same")` computes.

    images: (n, height, width, channels). kernel: (size, size, channels, filters), size odd.
    bias: (filters,). Returns (n, height, width, filters).
    """
    # TODO 1.2: pad with zeros; at each place sum over rows, columns and channels; add the bias
    ### BEGIN SOLUTION
    size = kernel.shape[0]
    frame = size // 2
    padded = np.pad(images, [(0, 0), (frame, frame), (frame, frame), (0, 0)])
    count, height, width, _ = images.shape
    filtered = np.zeros((count, height, width, kernel.shape[-1]))
    for i in range(height):
        for j in range(width):
            window = padded[:, i : i + size, j : j + size]
            filtered[:, i, j] = np.tensordot(window, kernel, axes=3)
    return filtered + bias
    ### END SOLUTION


# %%
checks.conv2d(conv2d)
# %%
layer = keras.layers.Conv2D(8, 5, padding="same")
by_keras = layer(images[:2])
by_hand = conv2d(images[:2], *layer.get_weights())
print(f"largest difference to Keras: {np.abs(by_hand - np.array(by_keras)).max():.1e}")


# %% [markdown]
# ## 1.3 Pooling
# A pooling divides the image into windows and keeps one number of each: the largest, as networks
# usually do, or the mean. Its *stride* is the distance from one window to the next. Here the stride
# is the size of a window, so that windows do not overlap; with a smaller stride they do.
# %%
def pool(images, size, reduce):
    """Return the images with each window of size x size reduced to one number.

    images: (n, height, width, channels), height and width multiples of size. reduce: np.max or
    np.mean. Returns (n, height / size, width / size, channels).
    """
    # TODO 1.3: cut the images into windows that do not overlap, and reduce each
    ### BEGIN SOLUTION
    count, height, width, channels = images.shape
    windows = images.reshape(count, height // size, size, width // size, size, channels)
    return reduce(windows, axis=(2, 4))
    ### END SOLUTION


# %%
checks.pool(pool)
# %%
for layer, reduce in (
    (keras.layers.MaxPooling2D(2), np.max),
    (keras.layers.AveragePooling2D(2), np.mean),
):
    difference = np.abs(pool(images, 2, reduce) - np.array(layer(images))).max()
    print(f"{layer.name}: largest difference to Keras {difference:.1e}")


# %% [markdown]
# ## 1.4 Counting weights
# The lecture's rule (slide 9): filter size (its height x width) x input channels x output channels,
# whatever the size of the image. Each filter has a bias as well.
#
# **Predict:** which has more weights for an image of 32x32 pixels and 3 channels: 64 filters of
# 3x3, or 64 fully connected units? By which factor?
# %%
def conv_weights(size, channels, filters):
    """Return the number of weights of a convolution with size x size kernels, biases included."""
    # TODO 1.4: filter size x input channels x output channels, and the biases
    ### BEGIN SOLUTION
    return size * size * channels * filters + filters
    ### END SOLUTION


# %%
checks.conv_weights(conv_weights)
# %%
print("image      convolution 3x3, 64 filters   fully connected, 64 units")
for side in (32, 64, 224):
    dense = keras.Sequential(
        [keras.Input((side, side, 3)), keras.layers.Flatten(), keras.layers.Dense(64)]
    )
    print(f"{side:3}x{side:<3} {conv_weights(3, 3, 64):18,} {dense.count_params():28,}")
# %% [markdown]
# **Question 1.b** Why can the same convolution be used on images of any size, and the fully
# connected layer not?
# ### BEGIN SOLUTION
# The kernel's shape has no height or width of the image in it: it is moved to as many places as
# there are. A fully connected layer has one row of weights for each pixel, so another number of
# pixels does not fit.
# ### END SOLUTION
# %%
convolutions = keras.Sequential(
    [
        keras.Input((None, None, 3)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(10),
    ]
)
for side in (32, 48):
    shape = convolutions(np.zeros((1, side, side, 3))).shape
    print(f"{side}x{side} pixels in, {shape[1]} numbers out, {convolutions.count_params()} weights")


# %% [markdown]
# ## 1.5 What an output has seen
# The receptive field of an output is the square of input pixels that it depends on. A kernel of
# size k widens it by k - 1 steps; a step is one pixel at first, and the stride of every layer
# multiplies it for the later layers.
# %%
def receptive_field(layers):
    """Return the width in pixels of what one output has seen.

    layers: pairs (kernel size, stride) of convolutions or poolings, the first one first.
    """
    # TODO 1.5: go through the layers; each widens the field by (kernel size - 1) steps
    ### BEGIN SOLUTION
    field, step = 1, 1
    for size, stride in layers:
        field += (size - 1) * step
        step *= stride
    return field
    ### END SOLUTION


# %%
checks.receptive_field(receptive_field)
# %%
NETWORKS = {
    "one 7x7": [(7, 1)],
    "three 3x3": [(3, 1)] * 3,
    "3x3, pool, 3x3, pool, 3x3": [(3, 1), (2, 2), (3, 1), (2, 2), (3, 1)],
}
for name, network in NETWORKS.items():
    side = receptive_field(network)
    print(f"{name:28} sees {side}x{side} pixels")


# %% [markdown]
# ## A failure to explain
# A layer is *equivariant* to shifts if shifting the image shifts its output, and changes nothing
# else. Networks of convolutions and poolings are often said to be equivariant. Here every image is
# shifted by one pixel, and goes through a convolution, a pooling and a fully connected layer. Is
# the output the old one, shifted?
#
# **Predict:** for which of the three layers is the difference zero?
# %%
def shift_difference(layer, images, pixels, outputs):
    """Return the largest difference between the layer's output for shifted images and its shifted
    output for the images as they are.

    pixels: by how many the images are shifted. outputs: by how many places the output is. The left
    and right edges, where other pixels have come in, are left out.
    """
    of_shifted = np.array(layer(np.roll(images, pixels, axis=2)))
    shifted = np.roll(np.array(layer(images)), outputs, axis=2)
    return np.abs(of_shifted - shifted)[:, :, 4:-4].max()


fully_connected = keras.Sequential(
    [
        keras.layers.Flatten(),
        keras.layers.Dense(32 * 32),
        keras.layers.Reshape((32, 32, 1)),
    ]
)
pooling = keras.layers.MaxPooling2D(2)
for name, layer, outputs in (
    ("convolution 3x3", keras.layers.Conv2D(4, 3), 1),
    ("max pooling 2x2, output shifted by 0", pooling, 0),
    ("max pooling 2x2, output shifted by 1", pooling, 1),
    ("fully connected", fully_connected, 1),
):
    print(f"{name:38} {shift_difference(layer, images, 1, outputs):8.4f}")
# %% [markdown]
# **Question 1.c** The pooling is equivariant neither way. Why not? Find out for which shifts it is:
# call `shift_difference` with other numbers of pixels and outputs. What does that say about a
# network of three poolings?
# ### BEGIN SOLUTION
# A shift by one pixel takes half of the pixels into another window, with other neighbours. After
# a shift by the stride, two pixels, or a multiple of it, the windows meet the same pixels again,
# one or more outputs further. After three poolings of 2x2, only shifts by multiples of eight
# pixels leave the same numbers. That is one reason to train with shifted images, as lesson 9
# does.
# ### END SOLUTION
# %% [markdown]
# ## Try next
# - Use a kernel of 1x1. How much cheaper than a 3x3 is it, and what can it not compute?
# - Replace the frame of zeros by `np.pad(..., mode="reflect")`. Where does the result change?
# - Set `DATASET = "cifar10"` and look at the filters on photographs.
