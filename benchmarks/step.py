"""How long is a training step: ours, Keras as it comes, and PyTorch where it is installed?

    python -m benchmarks.step            measures what today has not yet measured on this machine
    python -m benchmarks.step --show     prints the tables of docs/results/step.json, which keeps
                                         the last ones of each processor

Every contestant trains the same network on the same batch with Adam, in a process of its own; they
take turns, so that a machine which slows down does so for all. The time of a step is that of a run
of some seconds divided by its steps, so it holds all that Python does between them; the published
one is the median of the rounds, and a ratio is the median of the ratios within a round.
"""

import argparse
import json
import multiprocessing
import statistics
import time
from importlib import util
from pathlib import Path

from benchmarks import machine
from keras_course import files

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "step.json"
CASES = (("resnet20", 128), ("resnet18", 128), ("simple_cnn", 32), ("simple_cnn", 128))
ROUNDS = 5
SECONDS = 3  # of one contestant in one round, about


def batch(size):
    from keras_course.data import shapes

    drawing = shapes.draw(size, seed=0)
    return drawing.images.astype("float32"), drawing.labels.astype("int64")


def endless(size):
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(batch(size)).repeat()


class Stopwatch:
    """Makes `fit` of a Keras model a function from steps to seconds."""

    def __init__(self, model, data, callbacks=()):
        import keras

        class Clock(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.began = time.perf_counter()

            def on_epoch_end(self, epoch, logs=None):
                self.seconds = time.perf_counter() - self.began

        self.model, self.data, self.clock, self.callbacks = model, data, Clock(), callbacks

    def __call__(self, steps):
        self.model.fit(
            self.data,
            steps_per_epoch=steps,
            callbacks=[self.clock, *(make() for make in self.callbacks)],
            shuffle=False,
            verbose=0,
        )
        return self.clock.seconds


def ours(name, size):
    from keras_course import architecture, data, step, training
    from keras_course.guards import EndOnInterrupt, StopWhenNotFinite
    from keras_course.progress import Progress
    from keras_course.recipes import Recipe

    class Bars(Progress):
        def on_epoch_end(self, epoch, logs=None):
            """Print no line: nothing was validated."""

    recipe = Recipe(model=name, batch_size=size)
    model = training.build(recipe, data.load("shapes"))
    total = architecture.total(architecture.rows(model))
    step.take_together(model, total.multiply_adds * size, step.MOST)
    each_step = (step.EndWithEpoch, StopWhenNotFinite, EndOnInterrupt, Bars)
    return Stopwatch(model, endless(size), each_step)


def as_it_comes(network):
    """Return the network as somebody writes it who has only Keras: its normalization, slices."""
    import keras

    def stock(layer):
        if isinstance(layer, keras.layers.AveragePooling2D) and layer.pool_size == (1, 1):
            return keras.layers.Lambda(lambda x: x[:, ::2, ::2])
        kind = getattr(keras.layers, type(layer).__name__, type(layer))
        return kind.from_config(layer.get_config())

    return keras.models.clone_model(network, clone_function=stock)


def keras_as_it_comes(name, size):
    import keras

    from keras_course import models

    model = as_it_comes(models.build(name))
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return Stopwatch(model, endless(size))


def pytorch(name, size, *, best):
    import torch

    from benchmarks import torch_networks
    from keras_course import devices, models

    torch.set_num_threads(devices.cores())
    network = torch_networks.NETWORKS[name]()
    weights = models.build(name).trainable_weights
    assert torch_networks.parameters(network) == sum(weight.numpy().size for weight in weights)
    images, labels = (torch.from_numpy(array) for array in batch(size))
    images = images.permute(0, 3, 1, 2).contiguous()
    if best:
        network = network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    called = torch.compile(network) if best else network
    half = best and devices.bfloat16_in_hardware()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)

    def run(steps):
        began = time.perf_counter()
        for _ in range(steps):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                loss = torch.nn.functional.cross_entropy(called(images), labels)
            loss.backward()
            optimizer.step()
            loss.item()  # Keras knows the loss of each step, too
        return time.perf_counter() - began

    return run


CONTESTANTS = {
    "ours": ours,
    "Keras as it comes": keras_as_it_comes,
    "PyTorch": lambda *case: pytorch(*case, best=False),
    "PyTorch, channels last, compiled": lambda *case: pytorch(*case, best=True),
}


BEST = ("ours", "PyTorch, channels last, compiled")
GOALS = {"resnet20, 128": "2.5, 1.0", "resnet18, 128": "2.5, 1.0", "simple_cnn, 32": "1.5, 1.0"}


def serve(connection, contestant, name, size):
    """Train so many steps whenever asked, and answer with the seconds; end when asked for none."""
    from keras_course import quiet

    quiet.import_keras()
    run = CONTESTANTS[contestant](name, size)
    run(2)  # compiles
    connection.send("ready")
    while steps := connection.recv():
        connection.send(run(steps))
    from keras_course import devices

    connection.send(devices.peak_megabytes())


class Contestant:
    """A process that takes steps when told to."""

    def __init__(self, contestant, name, size):
        here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self.connection = here
        self.process = context.Process(
            target=serve, args=(there, contestant, name, size), daemon=True
        )
        self.process.start()
        there.close()
        self.connection.recv()
        self.milliseconds = []
        self.steps = 2
        self.steps = max(2, round(SECONDS / (self.run() / self.steps)))

    def run(self):
        self.connection.send(self.steps)
        return self.connection.recv()

    def take_turn(self):
        self.milliseconds.append(round(1000 * self.run() / self.steps, 3))

    def end(self):
        self.connection.send(0)
        peak = self.connection.recv()
        self.process.join()
        return peak


def measure(name, size, rounds):
    """Return the milliseconds of each contestant in each round, and its peak memory in MB."""
    names = [key for key in CONTESTANTS if "PyTorch" not in key or util.find_spec("torch")]
    contestants = {key: Contestant(key, name, size) for key in names}
    for _ in range(rounds):
        for contestant in contestants.values():
            contestant.take_turn()
    result = {}
    for key, contestant in contestants.items():
        result[key] = {
            "milliseconds": contestant.milliseconds,
            "median": statistics.median(contestant.milliseconds),
            "peak_megabytes": contestant.end(),
        }
    ours_in_rounds = result["ours"]["milliseconds"]
    for key in names[1:]:
        pairs = zip(result[key]["milliseconds"], ours_in_rounds, strict=True)
        result[key]["ratio"] = round(statistics.median(a / b for a, b in pairs), 2)
    return result


def table(results):
    """Return the results as Markdown; a ratio above 1 says that ours is so many times faster."""
    return "\n\n".join(_table_of(measured) for measured in results["machines"])


def _table_of(results):
    """Return those of one machine."""
    cases = results["cases"]
    fast = results["precision"]  # what Keras and PyTorch do by themselves is float32
    precisions = dict.fromkeys(CONTESTANTS, "float32") | dict.fromkeys(BEST, fast)
    heads = [f"{key}, {precision}" for key, precision in precisions.items()]
    lines = [f"| network, batch | {' | '.join(heads)} | goals |", "|---" * 6 + "|"]
    for case, measured in cases.items():
        cells = []
        for key in CONTESTANTS:
            run = measured.get(key)
            ratio = f" ({run['ratio']:.2f})" if run and "ratio" in run else ""
            time = run and f"{run['median']:.1f} ms{ratio}, {run['peak_megabytes']:,} MB"
            cells.append(time or "not installed")
        lines.append(f"| {case} | {' | '.join(cells)} | {GOALS.get(case, '')} |")
    said = (
        "Median time per step; in parentheses its ratio to ours (median of the rounds' ratios); "
        "peak memory of the process. Goals: the smallest ratios that were aimed at, for Keras as "
        f"it comes and for compiled PyTorch. {machine.said(results)}, {results['rounds']} rounds."
    )
    return "\n".join([*lines, "", said])


def read():
    if not RESULTS.exists():
        return {"machines": []}
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="print the tables, measure nothing")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--short", action="store_true", help="two networks, three rounds")
    given = parser.parse_args()
    if given.show:
        print(table(read()))
        return
    chosen = (CASES[0], CASES[2]) if given.short else CASES
    setting = {**machine.today(), "rounds": 3 if given.short else given.rounds}
    machines = read()["machines"]
    here = next((each for each in machines if machine.same(each, setting)), None)
    if here is None:
        here = {**setting, "cases": {}}
        machines = machine.beside(machines, here)
    for name, size in chosen:
        case = f"{name}, {size}"
        if case not in here["cases"]:
            print(f"{name}, batch {size}", flush=True)
            here["cases"][case] = measure(name, size, setting["rounds"])
            files.write_json(RESULTS, {"machines": machines})
    print(table({"machines": machines}))


if __name__ == "__main__":
    main()
