"""The commands about a run that is there: test, export, predict, report."""

from keras_course import quiet
from keras_course.cli import options, patterns


def test(given):
    run = run_of(given)
    from keras_course import training

    told = "test" in run.metrics
    run = training.test(run)
    result = run.metrics["test"]
    print(
        f"{described(run)}: test accuracy {result['accuracy']:.1%} on {result['images']:,} images"
        f"{', as measured when the test set was opened' if told else ''}."
    )


def export(given):
    run = run_of(given)
    from keras_course.export import export

    print(export(run, given.format))


def predict(given):
    quiet.import_keras()
    from keras_course import predict

    results = predict.predict(given.folder, patterns.spelt_out(given.images))
    print(predict.table(results))
    return 2 if any(result.error for result in results) else 0


def report(given):
    run = run_of(given)
    from keras_course.report import report

    print(report(run))


def run_of(given):
    """Return the run of the folder that was given."""
    quiet.import_keras()
    from keras_course.runs import Run

    return Run.load(given.run)


def described(run):
    """Return what was trained, and where."""
    return f"{run.recipe.model} on {run.recipe.dataset} ({run.metrics['device']})"


def print_validation(run):
    validation = run.metrics["validation"]["accuracy"]
    print(f"{described(run)}: validation accuracy {validation:.1%}. The run is in {run.folder}.")


def export_options(command):
    options.run_argument(command)
    formats = ("savedmodel", "keras", "litert", "onnx")
    command.add_argument("--format", default="savedmodel", help=", ".join(formats))


def predict_options(command):
    command.add_argument("folder", metavar="MODEL", help="a run folder or a SavedModel")
    command.add_argument("images", metavar="IMAGE", nargs="+", help="PNG or JPEG, of any size")
