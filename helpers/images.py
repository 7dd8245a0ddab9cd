"""Pictures: from a file to an image, from an image to the pixels VGG sees, and back.

An *image* is ``float32 (H, W, 3)``, RGB, 0…255. *Pixels* are ``float32 (1, H, W, 3)``, BGR, with the
mean colour of ImageNet subtracted.
"""

import contextlib
import io
import json
import numbers
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

IMAGENET_MEAN = np.array([103.939, 116.779, 123.68], dtype=np.float32)
"""Mean colour of the ImageNet training set, in the order blue, green, red (Simonyan and Zisserman 2015)."""

IMAGES = Path(__file__).resolve().parent.parent / "images"
"""The folder of bundled pictures: ``content/``, ``style/`` and ``texture/``."""

SETTINGS_KEY = "settings"


def bundled_images(kind: str) -> list[Path]:
    """Paths of the bundled pictures of one kind, sorted by name.

    ``kind``: ``"content"``, ``"style"`` or ``"texture"``.
    Raises ``FileNotFoundError`` where the course's folder ``images/`` is not beside ``helpers/``.
    """
    folder = IMAGES / kind
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no folder {folder}: the bundled pictures come with the whole course, "
            "kinds are content, style and texture."
        )
    return sorted(folder.glob("*.jpg"))


def bundled_image(name: str) -> Path:
    """Path of the bundled picture called ``name``, such as ``"temple"`` or ``"great_wave"``.

    Raises ``FileNotFoundError`` with the names there are.
    """
    paths = {path.stem: path for kind in ("content", "style", "texture") for path in bundled_images(kind)}
    if name not in paths:
        raise FileNotFoundError(
            f"There is no file and no bundled picture {name!r}; bundled are {', '.join(paths)}."
        )
    return paths[name]


def load_image(source: Any, size: int | None = None, crop: bool = False) -> np.ndarray:
    """Read a picture as an image.

    ``source``: a path, the name of a bundled picture such as ``"temple"``, the bytes of a file, an open
    binary file, a ``PIL.Image.Image``, or an array ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)`` with values
    0…255. The camera's orientation is applied, grey becomes RGB, transparency is laid over white.
    ``size``: length in pixels of the **shorter** side of the result; ``None`` keeps the size.
    ``crop``: cut out the central square, whose side is the shorter side. The preparation of the paper's
    inputs is ``size=256, crop=True``.

    Returns ``float32 (H, W, 3)``, RGB, 0…255.
    Raises ``FileNotFoundError``, ``IsADirectoryError``, ``TypeError`` for a source of another kind, and
    ``ValueError`` for what cannot be read as a picture.
    """
    if size is not None and (not isinstance(size, numbers.Integral) or size < 1):
        raise ValueError(f"The size of a picture is a whole number of pixels, at least 1, not {size!r}.")
    if isinstance(source, Image.Image) or not hasattr(source, "__array__"):
        image = _rgb_over_white(_open(source))
    else:
        image = _checked_array(np.asarray(source))
    height, width = image.shape[:2]
    if size is not None and size != min(height, width):
        scale = size / min(height, width)
        image = resize_image(image, max(size, round(height * scale)), max(size, round(width * scale)))
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
    Raises ``ValueError`` where the proportions differ, and as ``load_image`` does.
    """
    array = np.asarray(source) if hasattr(source, "__array__") else None
    if array is not None and array.ndim == 2 and array.size and (array.dtype == bool or array.max() <= 1):
        if not (np.isfinite(array).all() and array.min() >= 0):
            raise ValueError("A mask holds finite values 0…1; this one has others.")
        mask = array.astype(np.float32)
    else:
        mask = load_image(source).mean(axis=2) / 255
    rows, columns = mask.shape
    # Within a pixel of what scaling the image by a factor gives, whichever side it was scaled by.
    if abs(rows * width - columns * height) > max(rows + columns, height + width):
        raise ValueError(
            f"The mask is {columns} × {rows} pixels and the picture {width} × {height}: "
            "their proportions have to agree."
        )
    return resize_mask(mask, height, width)


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

    Returns the path. Raises ``ValueError`` for an ending that names no format, a wrong shape, or settings
    for a file that is not a PNG, and ``FileNotFoundError`` where the folder is missing.
    """
    path = Path(path)
    kind = image_format(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} into.")
    picture = Image.fromarray(as_uint8(_checked_array(np.asarray(image))))
    options: dict[str, Any] = {}
    if settings is not None:
        if kind != "PNG":
            raise ValueError(f"{path}: only a PNG can carry the settings of a run.")
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt(SETTINGS_KEY, json.dumps(settings, ensure_ascii=False))
    elif kind == "JPEG":
        options["quality"] = 95
    with written_whole(path) as partial:
        picture.save(partial, format=kind, **options)
    return path


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A file that appears whole or not at all: what is written to the path yielded becomes ``path``."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def image_format(path: str | os.PathLike) -> str:
    """The format that the ending of a picture's name stands for, such as ``"PNG"``.

    Raises ``ValueError`` for an ending that names none.
    """
    kind = Image.registered_extensions().get(Path(path).suffix.lower())
    if kind is None or kind not in Image.SAVE:
        raise ValueError(f"{path}: a picture's name ends in .png, .jpg, .webp or the like.")
    return kind


def film_format(path: str | os.PathLike) -> str:
    """The format of a film by its name's ending, ``"GIF"`` or ``"WEBP"``; ``ValueError`` for another."""
    formats = {".gif": "GIF", ".webp": "WEBP"}
    ending = Path(path).suffix.lower()
    if ending not in formats:
        raise ValueError(f"{path}: a film's name ends in .gif or .webp.")
    return formats[ending]


def read_settings(path: str | os.PathLike) -> dict[str, Any]:
    """The settings inside a PNG that ``save_image`` wrote.

    Raises ``ValueError`` for a picture without them.
    """
    text = getattr(_open(path), "text", {})
    if SETTINGS_KEY not in text:
        raise ValueError(f"{path} carries no settings: it is not a PNG that this course saved.")
    return json.loads(text[SETTINGS_KEY])


def preprocess(image: np.ndarray) -> np.ndarray:
    """Image → pixels: RGB becomes BGR and the mean colour of ImageNet is subtracted.

    ``image``: ``(H, W, 3)``, RGB, 0…255. Returns ``float32 (1, H, W, 3)``.
    Raises ``ValueError`` for another shape.
    Source: Simonyan and Zisserman (2015), section 2.1; the order BGR is that of their published weights.
    """
    image = np.asarray(image, dtype=np.float32)
    if image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(f"An image has the shape (H, W, 3), not {image.shape}.")
    return (image[..., ::-1] - IMAGENET_MEAN)[np.newaxis]


def deprocess(pixels: Any) -> np.ndarray:
    """Pixels → image: the inverse of ``preprocess``, rounded and clipped.

    ``pixels``: ``(1, H, W, 3)``, BGR, mean subtracted. Returns ``uint8 (H, W, 3)``, RGB.
    Raises ``ValueError`` for another shape.
    """
    pixels = np.asarray(pixels, dtype=np.float32)
    if pixels.ndim != 4 or pixels.shape[0] != 1 or pixels.shape[-1] != 3:
        raise ValueError(f"Pixels have the shape (1, H, W, 3), not {pixels.shape}.")
    return as_uint8((pixels[0] + IMAGENET_MEAN)[..., ::-1])


def as_uint8(image: np.ndarray) -> np.ndarray:
    """Values rounded to the nearest integer and clipped to 0…255, as ``uint8``."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def image_bytes(image: np.ndarray, kind: str = "PNG") -> bytes:
    """An image ``(H, W, 3)``, 0…255, as the bytes of a PNG or JPEG file, for a page or a widget to show."""
    buffer = io.BytesIO()
    Image.fromarray(as_uint8(np.asarray(image))).save(buffer, format=kind)
    return buffer.getvalue()


def _open(source: Any) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    name, file = "What was given", source
    if isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        if os.path.isdir(source):
            raise IsADirectoryError(f"{name} is a folder, not a picture.")
        if not os.path.exists(source):
            # A bare word is a bundled picture's name; anything else was meant as a file.
            if os.path.splitext(name)[1] or os.path.dirname(name):
                raise FileNotFoundError(f"There is no file {name}.")
            file = bundled_image(name)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        file = io.BytesIO(source)
    elif hasattr(source, "read"):
        name = str(getattr(source, "name", "This file"))
    else:
        raise TypeError(
            f"A picture is a path, bytes, an open file, a PIL image or an array, not {type(source).__name__}."
        )
    try:
        picture = Image.open(file)
        picture.load()
    except UnidentifiedImageError:
        raise ValueError(f"{name} is not a picture in a format that can be read.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{name} cannot be read as a picture: {error}.") from error
    return picture


def _rgb_over_white(picture: Image.Image) -> np.ndarray:
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        sixteen_bit = np.asarray(picture, dtype=np.float32) / 257
        return np.repeat(np.clip(sixteen_bit, 0, 255)[..., np.newaxis], 3, axis=-1)
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return np.asarray(picture.convert("RGB"), dtype=np.float32)


def _checked_array(array: np.ndarray) -> np.ndarray:
    if array.ndim == 2:
        array = np.repeat(array[..., np.newaxis], 3, axis=-1)
    if array.ndim != 3 or array.shape[-1] not in (3, 4) or 0 in array.shape:
        raise ValueError(f"An image array has the shape (H, W, 3), not {array.shape}.")
    if not (np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)):
        raise ValueError(f"An image array holds numbers 0…255, not {array.dtype}.")
    image = array.astype(np.float32)
    if not np.isfinite(image).all() or image.min() < 0 or image.max() > 255:
        raise ValueError("An image array holds finite values 0…255; this one has others.")
    if np.issubdtype(array.dtype, np.floating) and 0 < image.max() <= 1:
        raise ValueError("The values of this image array end at 1: multiply it by 255.")
    if image.shape[-1] == 4:
        alpha = image[..., 3:] / 255
        image = image[..., :3] * alpha + 255 * (1 - alpha)
    return image
