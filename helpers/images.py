"""Images: reading, resizing and saving them, and preprocessing them for VGG19.

An *image* is ``float32 (H, W, 3)``, RGB, 0…255. *Pixels* are an image preprocessed for VGG19: ``float32
(1, H, W, 3)``, BGR, with the mean color of ImageNet subtracted.
"""

import functools
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from helpers.errors import ArgumentError, PictureError, check_whole
from helpers.files.decoding import MOST_PIXELS, check_pixels, opened, over_white, read_picture
from helpers.files.writing import atomic_write

IMAGENET_MEAN = np.array([103.939, 116.779, 123.68], dtype=np.float32)
"""Mean color of the ImageNet training set, in the order blue, green, red (Simonyan and Zisserman 2015)."""

MOST_OBLONG = 8
FEW_PIXELS = 1_000_000
"""A picture whose longer side is more than ``MOST_OBLONG`` times its shorter one is not enlarged to more than
``FEW_PIXELS``: a run would take hours."""

SETTINGS_KEY = "settings"
"""The keyword of the text chunk of a PNG that holds the settings of a run."""


def load_image(source: Any, size: int | None = None, crop: bool = False) -> np.ndarray:
    """Read a picture as an image.

    ``source``: a path, the name of a bundled picture such as ``"temple"``, the bytes of a file, an open
    binary file, a ``PIL.Image.Image``, or an array ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)`` with values
    0…255. The format of a file, one of ``READABLE``, is recognized by its content, not by its name; of
    several frames the first is read. The Exif orientation is applied, colors are converted from an embedded
    profile to sRGB, gray becomes RGB, 16-bit values are scaled to 0…255 without rounding, and transparent
    pixels are blended with white.
    ``size``: length in pixels of the **shorter** side of the result; ``None`` keeps the size.
    ``crop``: cut out the central square, see ``crop_to_square``.

    Returns ``float32 (H, W, 3)``, RGB, 0…255.
    Raises ``MissingFileError`` for a missing file, ``ArgumentError`` for an invalid size, and
    ``PictureError`` for a picture that cannot be read, or has or would have more than ``MOST_PIXELS``.
    """
    if size is not None:
        check_whole("The size of a picture", size)
    array = _as_array(source)
    image = read_picture(source, size) if array is None else _image_from_array(array)
    if crop and max(image.shape[:2]) > MOST_OBLONG * min(image.shape[:2]):
        image = crop_to_square(image)
    height, width = image.shape[:2]
    if size is not None and size != min(height, width):
        scale = size / min(height, width)
        ratio = max(height, width) / min(height, width)
        if scale > 1 and ratio > MOST_OBLONG and ratio * size**2 > FEW_PIXELS:
            raise PictureError(
                f"This picture is {width} × {height} pixels, one side {ratio:.0f} times the other: crop it, "
                f"or choose a size of {min(height, width)} or less."
            )
        new_height, new_width = max(size, round(height * scale)), max(size, round(width * scale))
        if new_height * new_width > MOST_PIXELS:
            raise PictureError(
                f"With a shorter side of {size} pixels this picture of {width} × {height} would have "
                f"{new_width} × {new_height}: crop it or choose a smaller size."
            )
        image = resize_image(image, new_height, new_width)
    return crop_to_square(image) if crop else image


def crop_to_square(image: np.ndarray) -> np.ndarray:
    """The central square of an image ``(H, W, 3)``, with the shorter of H and W as its side."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])


def resize_image(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resample an image ``(H, W, 3)`` to ``(height, width, 3)`` with a Lanczos filter, clipped to 0…255."""
    if image.shape[:2] == (height, width):
        return image
    channels = [
        Image.fromarray(np.ascontiguousarray(image[..., channel], dtype=np.float32)).resize(
            (width, height), Image.Resampling.LANCZOS
        )
        for channel in range(3)
    ]
    return np.clip(np.stack(channels, axis=-1), 0, 255).astype(np.float32)


def load_mask(source: Any, height: int, width: int) -> np.ndarray:
    """Read a mask for an image of a given size: ``float32 (height, width)``, 1 for white, 0 for black.

    ``source``: a source that ``load_image`` accepts, or an array ``(H, W)`` of booleans or numbers 0…1. It
    may have another size than the image, but must have the same aspect ratio.
    Raises ``PictureError`` if the aspect ratios differ, and the errors of ``load_image``.
    """
    array = _as_array(source)
    is_map = array is not None and array.ndim == 2 and array.size and array.dtype.kind in "biuf"
    if is_map and array.min() >= 0 and array.max() <= 1:
        mask = array.astype(np.float32)
    else:
        mask = load_image(source).mean(axis=2) / 255
    rows, columns = mask.shape
    # Scaling an image rounds its sides to whole pixels, so the ratios may differ by one pixel.
    if abs(rows * width - columns * height) > max(rows + columns, height + width):
        raise PictureError(
            f"The mask is {columns} × {rows} pixels and the picture {width} × {height}: "
            "their proportions have to agree."
        )
    return resize_mask(mask, height, width)


def resize_mask(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resample a mask ``(H, W)`` to ``(height, width)`` with a box filter."""
    if mask.shape == (height, width):
        return mask
    resized = Image.fromarray(mask.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
    return np.clip(np.asarray(resized), 0, 1)


def save_image(image: np.ndarray, path: str | os.PathLike, settings: Mapping[str, Any] | None = None) -> Path:
    """Write an image ``(H, W, 3)``, 0…255, to a file in the format of its extension.

    ``settings``: values for JSON that are stored in a text chunk of a PNG, so that the run can be repeated;
    ``read_settings`` reads them. The file is written completely or not at all.

    Returns the path. Raises ``ArgumentError`` for an unknown extension, or for settings and a format other
    than PNG, ``PictureError`` for a wrong shape or values outside 0…255, ``MissingFileError`` for a missing
    folder, and ``OutputError`` if the file cannot be written.
    """
    path = Path(path)
    file_format = image_format(path)
    picture = Image.fromarray(as_uint8(_image_from_array(np.asarray(image))))
    options: dict[str, Any] = {"quality": 95} if file_format == "JPEG" else {}
    if settings is not None:
        if file_format != "PNG":
            raise ArgumentError(f"{path}: only a PNG can carry the settings of a run.")
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt(SETTINGS_KEY, json.dumps(settings))
    with atomic_write(path) as partial:
        picture.save(partial, format=file_format, **options)
    return path


def image_format(path: str | os.PathLike, film: bool = False) -> str:
    """The format of an image file by its extension, such as ``"PNG"``; of a film ``"GIF"`` or ``"WEBP"``.

    Raises ``ArgumentError`` for an extension of no format that can be written.
    """
    file_format = Image.registered_extensions().get(Path(path).suffix.lower())
    if not (file_format in ("GIF", "WEBP") if film else file_format and _holds_colors(file_format)):
        endings = (
            "film's name ends in .gif or .webp" if film else "picture's name ends in .png, .jpg or .webp"
        )
        raise ArgumentError(f"{path}: a {endings}.")
    return file_format


@functools.cache
def _holds_colors(file_format: str) -> bool:
    """Whether a file of this format can store a picture of any size and color."""
    file, color = io.BytesIO(), (200, 120, 30)
    try:
        Image.new("RGB", (300, 260), color).save(file, file_format)
        with Image.open(file) as picture:
            read = picture.convert("RGB")
    except Exception:  # Each format has errors of its own.
        return False
    return read.size == (300, 260) and np.abs(np.subtract(read.getpixel((150, 130)), color)).max() < 16


def read_settings(path: str | os.PathLike) -> dict[str, Any]:
    """The settings stored in a PNG that ``save_image`` wrote.

    Raises ``PictureError`` for a picture without settings, and the errors of ``load_image``.
    """
    with opened(path) as picture:
        text = getattr(picture, "text", {}).get(SETTINGS_KEY, "")
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise PictureError(f"{path} carries no settings: it is not a PNG that this course saved.")
    return settings


def preprocess(image: np.ndarray) -> np.ndarray:
    """Image → pixels: RGB becomes BGR, and the mean color of ImageNet is subtracted.

    ``image``: ``(H, W, 3)``, RGB, 0…255. Returns ``float32 (1, H, W, 3)``.
    Raises ``ArgumentError`` for another shape.
    Source: Simonyan and Zisserman (2015), section 2.1; the order BGR is that of their published weights.
    """
    image = np.asarray(image, dtype=np.float32)
    if image.ndim != 3 or image.shape[-1] != 3:
        raise ArgumentError(f"An image has the shape (H, W, 3), not {image.shape}.")
    return (image[..., ::-1] - IMAGENET_MEAN)[np.newaxis]


def deprocess(pixels: Any) -> np.ndarray:
    """Pixels → image: the inverse of ``preprocess``, rounded and clipped.

    ``pixels``: ``(1, H, W, 3)``, BGR, mean subtracted. Returns ``uint8 (H, W, 3)``, RGB.
    Raises ``ArgumentError`` for another shape.
    """
    pixels = np.asarray(pixels, dtype=np.float32)
    if pixels.ndim != 4 or pixels.shape[0] != 1 or pixels.shape[-1] != 3:
        raise ArgumentError(f"Pixels have the shape (1, H, W, 3), not {pixels.shape}.")
    return as_uint8((pixels[0] + IMAGENET_MEAN)[..., ::-1])


def as_uint8(image: np.ndarray) -> np.ndarray:
    """Values rounded to the nearest integer and clipped to 0…255, as ``uint8``."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def image_bytes(image: np.ndarray, kind: str = "PNG") -> bytes:
    """An image ``(H, W, 3)``, 0…255, as the bytes of a file, ``"PNG"``, ``"JPEG"`` or ``"WEBP"``."""
    buffer = io.BytesIO()
    Image.fromarray(as_uint8(np.asarray(image))).save(buffer, format=kind)
    return buffer.getvalue()


def _as_array(source: Any) -> np.ndarray | None:
    """An array, tensor or the like as an array; ``None`` for any other source."""
    is_array = hasattr(source, "__array__") and not isinstance(source, Image.Image)
    return np.asarray(source) if is_array else None


def _image_from_array(array: np.ndarray) -> np.ndarray:
    """An array of one of the shapes of ``load_image`` as an image, with transparency blended with white."""
    if array.ndim == 2:
        array = np.broadcast_to(array[..., np.newaxis], (*array.shape, 3))
    if array.ndim != 3 or 0 in array.shape or array.shape[-1] not in (3, 4):
        raise PictureError(f"An image array has the shape (H, W, 3), not {array.shape}.")
    check_pixels("This array", array.shape[1], array.shape[0])
    if array.dtype.kind not in "iuf":
        raise PictureError(f"An image array holds numbers 0…255, not {array.dtype}.")
    # Not a number is neither 0 or more nor 255 or less.
    if not (array.min() >= 0 and array.max() <= 255):
        raise PictureError("An image array holds finite values 0…255; this one has others.")
    if array.dtype.kind == "f" and 0 < array.max() <= 1:
        raise PictureError("The largest value of this image array is 1 or less: multiply it by 255.")
    image = array.astype(np.float32)
    return over_white(image[..., :3], image[..., 3:]) if image.shape[-1] == 4 else image
