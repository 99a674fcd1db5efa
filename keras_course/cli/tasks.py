"""The commands of the other tasks: a class for each pixel, boxes around objects."""

from keras_course import quiet
from keras_course.cli import options
from keras_course.cli.recipe import check_epochs, check_positive, fields
from keras_course.errors import UserError


def detect(given):
    quiet.import_keras()
    from keras_course import detection, folders

    chosen = detection.Detection(**fields(given, detection.Detection))
    check_positive(given)
    check_epochs(given)
    with folders.output(given.output) as folder:
        metrics = detection.detect(chosen, folder, minutes=given.minutes)
    print(
        f"{metrics['model']} on scenes ({metrics['device']}): test mAP "
        f"{metrics['test']['mAP']:.1%} at IoU 0.5, on {metrics['test']['images']} scenes. "
        f"Picture: {folder / 'detection.png'}"
    )


def detect_options(command):
    command.add_argument("--backbone", metavar="NAME", help="a classifier (default: resnet20)")
    command.add_argument("--epochs", type=int, metavar="N", help="number of epochs (default: 4)")
    command.add_argument("--batch-size", type=int, metavar="N", help="images per step")
    text = "seed of the first weights and the order of the images"
    command.add_argument("--seed", type=int, metavar="N", help=text)
    options.minutes_option(command)
    options.output_option(command)


def segment(given):
    quiet.import_keras()
    from keras_course import folders, segmentation

    if given.model == "unet" and given.backbone:
        raise UserError("U-Net has no backbone: leave out --backbone, or use --model segmenter.")
    chosen = segmentation.Segmentation(**fields(given, segmentation.Segmentation))
    check_positive(given)
    check_epochs(given)
    with folders.output(given.output) as folder:
        metrics = segmentation.segment(chosen, folder, minutes=given.minutes)
    tested = metrics["test"]
    print(
        f"{metrics['model']} on the masks of shapes ({metrics['device']}): test IoU of shapes "
        f"against background {tested['shape_iou']:.1%}, mean over {len(tested['iou'])} classes "
        f"{tested['mean_iou']:.1%}, on {tested['images']:,} images. "
        f"Picture: {folder / 'segmentation.png'}"
    )


def segment_options(command):
    command.add_argument("--model", metavar="NAME", help="segmenter (the default) or unet")
    text = "a classifier for the segmenter (default: resnet20)"
    command.add_argument("--backbone", metavar="NAME", help=text)
    command.add_argument("--epochs", type=int, metavar="N", help="number of epochs (default: 8)")
    command.add_argument("--batch-size", type=int, metavar="N", help="images per step")
    text = "seed of the first weights, the order of the images and the augmentation"
    command.add_argument("--seed", type=int, metavar="N", help=text)
    options.minutes_option(command)
    options.output_option(command)
