"""The commands about this machine and about the networks that there are."""

from keras_course import quiet
from keras_course.cli import options
from keras_course.cli.recipe import check_positive


def doctor(given):
    from keras_course import doctor

    return doctor.main(timed=not given.quick)


def doctor_options(command):
    command.add_argument("--quick", action="store_true", help="do not time two models")


def models_list(given):
    from keras_course import model_table

    print(model_table.text())


def models_describe(given):
    quiet.import_keras()
    from keras_course import describe, folders, models

    check_positive(given)
    pixels = given.input_size
    model = models.build(given.name, input_shape=(pixels, pixels, 3), num_classes=given.num_classes)
    with folders.output(given.output, goes_on=False) as folder:
        folders.make(folder)
        print(describe.describe(model, folder))


def models_options(command):
    actions = command.add_subparsers(metavar="ACTION")
    text = "print a model's layers and draw it"
    describe = actions.add_parser("describe", help=text, description=text)
    describe_options(describe)
    describe.set_defaults(command=models_describe)


def describe_options(command):
    command.add_argument("name", metavar="NAME", help="a model: resnet20, vgg16, unet ...")
    text = "height and width of the image (default: 32)"
    command.add_argument("--input-size", type=int, metavar="PIXELS", default=32, help=text)
    text = "number of classes (default: 10)"
    command.add_argument("--num-classes", type=int, metavar="N", default=10, help=text)
    options.output_option(command)
