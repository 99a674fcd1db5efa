"""How many layers, parameters and multiply-adds does each model have, at 32 and at 224 pixels?

    python -m benchmarks.models     counts, some minutes, and writes keras_course/model_table.json

Nothing is measured: the counts are the same on every machine. The largest model takes 0.6 GB.
"""

import inspect
from collections.abc import Callable
from functools import partial

import keras

from keras_course import architecture, files, model_table, models

# Of the papers, by file or by name; day 1 and the course's own networks have none.
YEARS = {
    "lenet": 1998,
    "alexnet": 2012,
    "vgg": 2014,
    "googlenet": 2014,
    "resnet": 2015,
    "densenet": 2016,
    "fastnet": 2024,
    "unet": 2015,
    "segmenter": 2016,
}
INPUTS = {
    "32": {"input_shape": (32, 32, 3), "num_classes": 10},
    "224": {"input_shape": (224, 224, 3), "num_classes": 1000},
}


def row(name: str, build: Callable = models.build) -> dict:
    """Return what the table says of a model."""
    builder = models.BUILDERS[name]
    builder = builder.func if isinstance(builder, partial) else builder
    module = inspect.getmodule(builder).__name__.split(".")[-1]
    counts, layers = {}, 0
    for size, options in INPUTS.items():
        model = build(name, **options)
        total = architecture.total(architecture.rows(model))
        counts[size] = {"parameters": total.parameters, "multiply_adds": total.multiply_adds}
        layers = architecture.depth(model)  # as the paper has it, at 224
        del model  # before the next one is built: the largest take half a gigabyte
    return {"year": YEARS.get(name, YEARS.get(module)), "layers": layers, **counts}


def main():
    rows = {}
    for name in models.BUILDERS:
        rows[name] = row(name)
        print(name, rows[name], flush=True)
    versions = {"keras": keras.__version__}
    files.write_json(model_table.PATH, {"versions": versions, "models": rows})


if __name__ == "__main__":
    main()
