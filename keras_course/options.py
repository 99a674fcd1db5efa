"""The options of the command line: the same name for the same thing in every command."""


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
    recipe.add_argument("--augmentation", help="none, or parts of flip_shift_shift2_color_rotate90")
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


def run_options(command):
    recipe_options(command)
    minutes_option(command)
    search_options(command)


def demo_options(command):
    recipe_options(command)
    minutes_option(command, default=2.75)  # three, with a margin for a machine that slows down
    search_options(command, trials=3)


def train_options(command):
    recipe_options(command)
    minutes_option(command)
    text = "all, or how many devices share each batch; left out: 1, or as a run to --resume began"
    command.add_argument("--devices", metavar="N", help=text)
    text = "go on with a run that was cut off, to the result that it would have had"
    command.add_argument("--resume", metavar="RUN", help=text)


def compare_options(command):
    text = "alexnet,vgg11,googlenet,resnet20,densenet16, or some of them"
    command.add_argument("--models", metavar="NAME,NAME", help=text)
    text = "of each network and seed, left out: 10"
    command.add_argument("--minutes", type=float, metavar="M", default=10.0, help=text)
    text = "runs of each network, left out: 3"
    command.add_argument("--seeds", type=int, metavar="N", default=3, help=text)
    text = "left out: cifar10"
    command.add_argument("--dataset", metavar="NAME", default="cifar10", help=text)
    yes_option(command)
    output_option(command)


def detect_options(command):
    command.add_argument("--backbone", metavar="NAME", help="a classifier, left out: resnet20")
    command.add_argument("--epochs", type=int, metavar="N", help="at most")
    command.add_argument("--seed", type=int, metavar="N", help="of weights and order")
    minutes_option(command)
    output_option(command)


def segment_options(command):
    command.add_argument("--model", metavar="NAME", help="segmenter, left out, or unet")
    text = "a classifier for the segmenter, left out: resnet20"
    command.add_argument("--backbone", metavar="NAME", help=text)
    command.add_argument("--epochs", type=int, metavar="N", help="left out: 8")
    command.add_argument("--seed", type=int, metavar="N", help="of weights, order and augmentation")
    minutes_option(command)
    output_option(command)


def transfer_options(command):
    command.add_argument("source", metavar="SOURCE", help="a run folder, or imagenet with --model")
    recipe_options(command)
    text = "of the new head alone, at most, left out: 10; --epochs: of all layers after it"
    command.add_argument("--frozen-epochs", type=int, metavar="N", help=text)


def tune_options(command):
    recipe_options(command)
    search_options(command)
    text = "lowest and highest learning rate, like 1e-4 1e-2; left out: a range test finds them"
    command.add_argument("--band", type=float, nargs=2, metavar=("LOW", "HIGH"), help=text)
    text = "batches of a trial; left out: those of an epoch"
    command.add_argument("--steps", type=int, metavar="N", help=text)
    text = "other weights and batches for each trial, not the same for all"
    command.add_argument("--unpaired", action="store_true", help=text)
    text = "processes that share the trials, each with a GPU or its share of the cores"
    command.add_argument("--workers", type=int, metavar="N", help=text)
    text = "trials that are trained in one program, on a GPU with KERAS_BACKEND=jax"
    command.add_argument("--parallel-rates", type=int, metavar="K", help=text)
    text = "a trial that takes longer counts as failed"
    command.add_argument("--trial-minutes", type=float, metavar="M", help=text)
    text = "write a batch script for SLURM that does this, left out: tune.sbatch"
    command.add_argument("--slurm", metavar="FILE", nargs="?", const="tune.sbatch", help=text)
    text = "of the batch script"
    command.add_argument("--nodes", type=int, metavar="N", default=1, help=text)
    text = "of each node of the batch script"
    command.add_argument("--gpus", type=int, metavar="G", default=1, help=text)
    text = "print and draw the trials of a search, of this folder, as far as it is"
    command.add_argument("--show", metavar="FOLDER", help=text)


def run_argument(command):
    command.add_argument("run", metavar="RUN", help="the folder of a training run")


def export_options(command):
    run_argument(command)
    formats = ("savedmodel", "keras", "litert", "onnx")
    command.add_argument("--format", default="savedmodel", help=", ".join(formats))


def predict_options(command):
    command.add_argument("folder", metavar="MODEL", help="a run folder or a SavedModel")
    command.add_argument("images", metavar="IMAGE", nargs="+", help="PNG or JPEG, of any size")


def doctor_options(command):
    command.add_argument("--quick", action="store_true", help="without timing two models")


def describe_options(command):
    command.add_argument("name", metavar="NAME", help="of a model: resnet20, vgg16, unet ...")
    text = "height and width of the image, left out: 32"
    command.add_argument("--input-size", type=int, metavar="PIXELS", default=32, help=text)
    text = "classes to tell apart, left out: 10"
    command.add_argument("--num-classes", type=int, metavar="N", default=10, help=text)
    output_option(command)


def prepare_options(command):
    command.add_argument("name", metavar="NAME", help="cifar10, cifar100 or tfds:NAME")
    yes_option(command)


def import_options(command):
    command.add_argument("name", metavar="NAME", choices=["cifar10"], help="cifar10")
    command.add_argument("path", metavar="PATH", help="an archive, an .npz or a folder")


def preview_options(command):
    command.add_argument("name", metavar="NAME", help="a data set")
    command.add_argument("--augmentation", help="of the second picture")
    yes_option(command)
    output_option(command)
