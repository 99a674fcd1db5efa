"""An image file as a person sees it, in training and in prediction alike.

It is turned as its EXIF or XMP data say, reduced to 8 bits, and laid on white where it is
transparent.
"""

import numpy as np
from PIL import ExifTags, Image, ImageOps

TURNED_BY = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}  # Pillow's names


def as_seen(image: Image.Image) -> Image.Image:
    """Return the image upright, opaque, and with 8 bits a channel; its mode may be any of those."""
    return _opaque(_eight_bits(ImageOps.exif_transpose(image)))


def size_as_seen(image: Image.Image) -> tuple[int, int]:
    """Return width and height of that, from the head of the file alone."""
    width, height = image.size
    # Asked for what is not in the head, Pillow would decode all of a PNG.
    exif = image.getexif() if TURNED_BY & set(image.info) else {}
    lies = exif.get(ExifTags.Base.Orientation, 1) >= 5
    return (height, width) if lies else (width, height)


def _eight_bits(image):
    """Scale 16-bit grey, which Pillow would clip; 16-bit colour it has scaled already."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image, "int64") * 255 / 65535 + 0.5).astype("uint8"))


def _opaque(image):
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
