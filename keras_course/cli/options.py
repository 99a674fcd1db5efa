"""The options that several commands share: the same name for the same thing in each."""


def recipe_options(command):
    recipe = command.add_argument_group("recipe", "left out: the best practice of the lecture")
    text = "default, laptop, cifar10-90 ... or a file; left out: timed with --minutes, else default"
    recipe.add_argument("--recipe", metavar="NAME|FILE", help=text)
    recipe.add_argument("--dataset", help="shapes, cifar10, cifar100, tfds:NAME or folder:PATH")
    recipe.add_argument("--model", help="logistic_regression, mlp, simple_cnn, resnet20 ...")
    recipe.add_argument("--normalization", help="paper, batch, instance, group or none")
    recipe.add_argument("--dropout", type=float, metavar="SHARE", help="of the units, like 0.5")
    recipe.add_argument(
        "--width-multiplier", type=float, metavar="SHARE", help="of the filters, like 0.5"
    )
    recipe.add_argument("--optimizer", help="sgd, momentum, nesterov, adagrad, adadelta or adam")
    recipe.add_argument("--learning-rate", type=float, metavar="RATE", help="like 0.001")
    recipe.add_argument(
        "--schedule", help="constant, decay, inverse_time, cosine, triangular, plateau"
    )
    recipe.add_argument("--decay", type=float, help="of the schedules decay and inverse_time")
    recipe.add_argument(
        "--augmentation", help="none, or parts of flip_shift_shift2_color_rotate90_cutout"
    )
    recipe.add_argument("--batch-size", type=int, metavar="N", help="images in a step, like 128")
    recipe.add_argument("--epochs", type=int, metavar="N", help="at most")
    recipe.add_argument("--patience", type=int, metavar="N", help="epochs without improvement")
    recipe.add_argument("--precision", help="auto, float32, bfloat16 or float16")
    recipe.add_argument("--seed", type=int, metavar="N", help="of weights, order and augmentation")
    command.add_argument("--device", choices=["auto", "gpu"], default="auto", help="gpu: or fail")
    yes_option(command)
    output_option(command)


def yes_option(command):
    command.add_argument("--yes", action="store_true", help="download a data set without asking")


def output_option(command):
    command.add_argument("--output", metavar="FOLDER", help="left out: a new one under runs/")


def minutes_option(command, default=None):
    text = "as many epochs as fit into M minutes, all included"
    command.add_argument("--minutes", type=float, metavar="M", default=default, help=text)


def search_options(command, trials=4):
    text = "climb, random, grid, hyperband or bayesian; left out: climb"
    command.add_argument("--search", default="climb", help=text)
    text = "learning rates to try"
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
