"""Pictures: from a file to an image, from an image to the pixels VGG sees, and back.

An *image* is ``float32 (H, W, 3)``, RGB, 0…255. *Pixels* are ``float32 (1, H, W, 3)``, BGR, with the
mean color of ImageNet subtracted.
"""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from helpers.errors import ArgumentError, OutputError, PictureError, check_whole, reason
from helpers.files.decoding import MOST_PIXELS, check_pixels, opened, read_picture
from helpers.files.writing import written_whole

IMAGENET_MEAN = np.array([103.939, 116.779, 123.68], dtype=np.float32)
"""Mean color of the ImageNet training set, in the order blue, green, red (Simonyan and Zisserman 2015)."""

SETTINGS_KEY = "settings"


def load_image(source: Any, size: int | None = None, crop: bool = False) -> np.ndarray:
    """Read a picture as an image.

    ``source``: a path, the name of a bundled picture such as ``"temple"``, the bytes of a file, an open
    binary file, a ``PIL.Image.Image``, or an array ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)`` with values
    0…255. Files are read by their content, whatever their names: see ``READABLE``; of several frames the
    first. The camera's orientation is applied, an embedded color profile is converted to sRGB, gray becomes
    RGB, 16 bits become 8 with their fractions, transparency is laid over white.
    ``size``: length in pixels of the **shorter** side of the result; ``None`` keeps the size.
    ``crop``: cut out the central square, whose side is the shorter side. The preparation of the paper's
    inputs is ``size=256, crop=True``.

    Returns ``float32 (H, W, 3)``, RGB, 0…255.
    Raises ``MissingFileError``, and ``PictureError`` for what cannot be read as a picture, holds more than
    ``MOST_PIXELS`` or ``MOST_BYTES``, or would in the size asked for.
    """
    if size is not None:
        check_whole("The size of a picture", size)
    if isinstance(source, Image.Image) or not hasattr(source, "__array__"):
        image = read_picture(source, size)
    else:
        image = _checked_array(_as_array(source))
    height, width = image.shape[:2]
    if size is not None and size != min(height, width):
        scale = size / min(height, width)
        tall, wide = max(size, round(height * scale)), max(size, round(width * scale))
        if tall * wide > MOST_PIXELS:
            raise PictureError(
                f"With a shorter side of {size} pixels this picture of {width} × {height} would have "
                f"{wide} × {tall}: cut it to other proportions or ask for a smaller size."
            )
        image = resize_image(image, tall, wide)
    return crop_to_square(image) if crop else image


def crop_to_square(image: np.ndarray) -> np.ndarray:
    """The central square of an image ``(H, W, 3)``: its side is the shorter of H and W."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])


def resize_image(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resample an image ``(H, W, 3)`` to ``(height, width, 3)`` with a Lanczos filter, within 0…255."""
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
    """Read a mask for an image of a given size: ``float32 (height, width)``, 1 where white, 0 where black.

    ``source``: whatever ``load_image`` accepts, or an array ``(H, W)`` of truth values or of numbers 0…1.
    It may have another size than the image, as long as it has the same proportions.
    Raises ``PictureError`` where the proportions differ, and as ``load_image`` does.
    """
    is_array = hasattr(source, "__array__") and not isinstance(source, Image.Image)
    array = _as_array(source) if is_array else None
    if array is not None and array.ndim == 2 and array.size and _is_share(array):
        if not (np.isfinite(array).all() and array.min() >= 0):
            raise PictureError("A mask holds finite values 0…1; this one has others.")
        mask = array.astype(np.float32)
    else:
        mask = load_image(source).mean(axis=2) / 255
    rows, columns = mask.shape
    # Within a pixel of what scaling the image by a factor gives, whichever side it was scaled by.
    if abs(rows * width - columns * height) > max(rows + columns, height + width):
        raise PictureError(
            f"The mask is {columns} × {rows} pixels and the picture {width} × {height}: "
            "their proportions have to agree."
        )
    return resize_mask(mask, height, width)


def _is_share(array: np.ndarray) -> bool:
    if array.dtype == bool:
        return True
    is_number = np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)
    return is_number and not array.max() > 1


def resize_mask(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """A mask ``(H, W)`` in another size: each value the mean over the square that it stands for."""
    if mask.shape == (height, width):
        return mask
    resized = Image.fromarray(mask.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
    return np.clip(np.asarray(resized), 0, 1)


def save_image(image: np.ndarray, path: str | os.PathLike, settings: Mapping[str, Any] | None = None) -> Path:
    """Write an image ``(H, W, 3)``, 0…255, to a file; its ending names the format.

    ``settings``: JSON-ready values that a PNG carries in a text chunk, so that any picture can be made
    again; ``read_settings`` reads them. The file appears whole or not at all.

    Returns the path. Raises ``ArgumentError`` for an ending that names no format, or settings for a file
    that is not a PNG, ``PictureError`` for a wrong shape, ``MissingFileError`` where the folder is missing,
    and ``OutputError`` where it cannot be written.
    """
    path = Path(path)
    kind = image_format(path)
    picture = Image.fromarray(as_uint8(_checked_array(np.asarray(image))))
    options: dict[str, Any] = {}
    if settings is not None:
        if kind != "PNG":
            raise ArgumentError(f"{path}: only a PNG can carry the settings of a run.")
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt(SETTINGS_KEY, json.dumps(settings, ensure_ascii=False))
    elif kind == "JPEG":
        options["quality"] = 95
    with written_whole(path) as partial:
        try:
            picture.save(partial, format=kind, **options)
        except (ValueError, KeyError, OSError) as error:
            # A format that holds no such picture, such as a WebP of more than 16383 pixels a side.
            raise OutputError(f"{path} cannot be written as {kind}: {reason(error)}.") from error
    return path


def image_format(path: str | os.PathLike) -> str:
    """The format that the ending of a picture's name stands for, such as ``"PNG"``.

    Raises ``ArgumentError`` for an ending that names none.
    """
    kind = Image.registered_extensions().get(Path(path).suffix.lower())
    if kind is None or kind not in Image.SAVE:
        raise ArgumentError(f"{path}: a picture's name ends in .png, .jpg, .webp or the like.")
    return kind


def film_format(path: str | os.PathLike) -> str:
    """The format of a film by its name's ending, ``"GIF"`` or ``"WEBP"``; ``ArgumentError`` for another."""
    formats = {".gif": "GIF", ".webp": "WEBP"}
    ending = Path(path).suffix.lower()
    if ending not in formats:
        raise ArgumentError(f"{path}: a film's name ends in .gif or .webp.")
    return formats[ending]


def read_settings(path: str | os.PathLike) -> dict[str, Any]:
    """The settings inside a PNG that ``save_image`` wrote.

    Raises ``PictureError`` for a picture without them.
    """
    with opened(path) as picture:
        text = getattr(picture, "text", {}).get(SETTINGS_KEY)
    try:
        settings = json.loads(text) if text else None
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise PictureError(f"{path} carries no settings: it is not a PNG that this course saved.")
    return settings


def preprocess(image: np.ndarray) -> np.ndarray:
    """Image → pixels: RGB becomes BGR and the mean color of ImageNet is subtracted.

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
    """An image ``(H, W, 3)``, 0…255, as the bytes of a PNG or JPEG file, for a page or a widget to show."""
    buffer = io.BytesIO()
    Image.fromarray(as_uint8(np.asarray(image))).save(buffer, format=kind)
    return buffer.getvalue()


def _as_array(source: Any) -> np.ndarray:
    try:
        return np.asarray(source)
    except Exception as error:
        raise PictureError(
            f"This {type(source).__name__} is no array of numbers: {reason(error)}."
        ) from error


def _checked_array(array: np.ndarray) -> np.ndarray:
    if array.ndim == 2:
        array = (
            array[..., np.newaxis].repeat(3, axis=-1) if array.size <= MOST_PIXELS else array[..., np.newaxis]
        )
    if array.ndim != 3 or 0 in array.shape:
        raise PictureError(f"An image array has the shape (H, W, 3), not {array.shape}.")
    check_pixels("This array", array.shape[1], array.shape[0])
    if array.shape[-1] not in (3, 4):
        raise PictureError(f"An image array has the shape (H, W, 3), not {array.shape}.")
    if not (np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)):
        raise PictureError(f"An image array holds numbers 0…255, not {array.dtype}.")
    with np.errstate(over="ignore"):
        image = array.astype(np.float32)
    if not np.isfinite(image).all() or image.min() < 0 or image.max() > 255:
        raise PictureError("An image array holds finite values 0…255; this one has others.")
    if np.issubdtype(array.dtype, np.floating) and 0 < image.max() <= 1:
        raise PictureError("The values of this image array end at 1: multiply it by 255.")
    if image.shape[-1] == 4:
        alpha = image[..., 3:] / 255
        image = image[..., :3] * alpha + 255 * (1 - alpha)
    return image
