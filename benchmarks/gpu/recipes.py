"""The lecture's networks as a GPU trains them: as wide as in their papers.

What helps them is what helps those of `keras-course compare`, and cutout, since a GPU sees the
images a hundred times in five minutes. AlexNet and VGG have batch normalization. The learning rates
are those that searches.py finds.
"""

from dataclasses import replace

from keras_course import compare
from keras_course.recipes import Recipe

SEEDS = (0, 1, 2)
BASE = replace(compare.BASE, augmentation="shift_cutout")
NETWORKS = {
    "alexnet": replace(BASE, model="alexnet", normalization="batch"),
    "vgg16": replace(BASE, model="vgg16", normalization="batch"),
    "googlenet": replace(BASE, model="googlenet"),
    "resnet18": replace(BASE, model="resnet18"),
    "resnet20": replace(BASE, model="resnet20"),
    "densenet40": replace(BASE, model="densenet40"),
}
SHORT = {"logistic_regression": Recipe(model="logistic_regression", schedule="cosine")}
