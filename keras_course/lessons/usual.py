"""Mistakes that are made in every classifier, in words, and cases that show them."""

import numpy as np

SOFTMAX = "the output is softmax'ed, but the loss (from_logits=True) does that as well."
NO_FLATTEN = (
    "the dense layer works on the last axis, on each pixel by itself. Flatten first: it puts all "
    "numbers into one row."
)
NOT_SCALED = "the pixels were not scaled to -1..1: Rescaling comes first."
TEN_ALWAYS = "`num_classes` was not used: the last layer always has 10 units."
POSITIVE_LOGITS = "the logits went through a ReLU. They may be below zero: the last layer has none."


def numbers_of_classes(random: np.random.Generator) -> tuple[int, int]:
    """Draw two numbers of classes that differ, from each other and from ten."""
    return int(random.integers(3, 9)), int(random.integers(11, 20))
