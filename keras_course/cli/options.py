"""The options that several commands share: the same name for the same thing in each."""


def recipe_options(command):
    text = "fields that you leave out follow the lecture's best practice"
    recipe = command.add_argument_group("recipe", text)
    text = (
        "default, laptop, cifar10-90 ... or a JSON file (if left out: timed with --minutes, "
        "otherwise default)"
    )
    recipe.add_argument("--recipe", metavar="NAME|FILE", help=text)
    recipe.add_argument("--dataset", help="shapes, cifar10, cifar100, tfds:NAME or folder:PATH")
    recipe.add_argument("--model", help="logistic_regression, mlp, simple_cnn, resnet20 ...")
    recipe.add_argument("--normalization", help="paper, batch, instance, group or none")
    text = "share of the units to drop, like 0.5"
    recipe.add_argument("--dropout", type=float, metavar="SHARE", help=text)
    text = "multiplies the number of filters, like 0.5 for half of them"
    recipe.add_argument("--width-multiplier", type=float, metavar="SHARE", help=text)
    recipe.add_argument("--optimizer", help="sgd, momentum, nesterov, adagrad, adadelta or adam")
    recipe.add_argument("--learning-rate", type=float, metavar="RATE", help="like 0.001")
    recipe.add_argument(
        "--schedule", help="constant, decay, inverse_time, cosine, triangular, plateau"
    )
    text = "how fast the schedules decay and inverse_time lower the rate, like 0.1"
    recipe.add_argument("--decay", type=float, help=text)
    text = "none, or parts joined by _: flip, shift, shift2, color, rotate90, cutout"
    recipe.add_argument("--augmentation", help=text)
    recipe.add_argument("--batch-size", type=int, metavar="N", help="images per step, like 128")
    recipe.add_argument("--epochs", type=int, metavar="N", help="largest number of epochs")
    text = "epochs without improvement after which training ends"
    recipe.add_argument("--patience", type=int, metavar="N", help=text)
    recipe.add_argument("--precision", help="auto, float32, bfloat16 or float16")
    text = "seed of the first weights, the order of the images and the augmentation"
    recipe.add_argument("--seed", type=int, metavar="N", help=text)
    text = "gpu: fail if there is no GPU"
    command.add_argument("--device", choices=["auto", "gpu"], default="auto", help=text)
    yes_option(command)
    output_option(command)


def yes_option(command):
    command.add_argument("--yes", action="store_true", help="download a data set without asking")


def output_option(command):
    text = "folder to write into (default: a new one under runs/)"
    command.add_argument("--output", metavar="FOLDER", help=text)


def minutes_option(command, default=None):
    text = "finish everything within about M minutes, with as many epochs as fit"
    command.add_argument("--minutes", type=float, metavar="M", default=default, help=text)


def search_options(command, trials=4):
    text = "climb, random, grid, hyperband or bayesian (default: climb)"
    command.add_argument("--search", default="climb", help=text)
    text = "number of learning rates to try"
    command.add_argument("--trials", type=int, default=trials, metavar="N", help=text)


def run_argument(command):
    command.add_argument("run", metavar="RUN", help="the folder of a training run")


def none(command):
    """Of a command that has none."""


def actions(table, metavar="ACTION", **settings):
    """Return a function that gives a command its actions: by name what is called, what adds its
    options, and what the help says of it."""

    def add(command):
        chosen = command.add_subparsers(metavar=metavar, required=True, **settings)
        for name, (function, add_options, text) in table.items():
            action = chosen.add_parser(name, help=text, description=text)
            add_options(action)
            action.set_defaults(command=function)

    return add
