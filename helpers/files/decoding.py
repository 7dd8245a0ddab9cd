"""Decoding of image files from untrusted sources into arrays."""

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from helpers.errors import CourseError, MissingFileError, PictureError, reason
from helpers.files.bundled import bundled_image

READABLE = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""The formats that are read. Photographs are rarely in other formats, and some decoders of Pillow start other
programs."""

MOST_PIXELS = 150_000_000
"""Pictures with more pixels are rejected before they are decoded: this many take 1.8 GB as ``float32``."""

_LARGE = 16_000_000
_REDUCED_TO = 4
"""Pictures of more than ``_LARGE`` pixels are reduced by a whole factor before they are resized, to a shorter
side of at least ``_REDUCED_TO`` times the size."""


@contextlib.contextmanager
def opened(source: Any) -> Iterator[Image.Image]:
    """Yield a source as a ``PIL.Image.Image``; see ``load_image`` for the sources.

    Every error while it is read or used is raised as a ``PictureError`` that names the source.
    """
    is_path = isinstance(source, (str, os.PathLike))
    name = os.fsdecode(source) if is_path else str(getattr(source, "name", "This picture"))
    try:
        # Pillow warns of decompression bombs, which are rejected here, and of errors that it can handle.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if isinstance(source, Image.Image):
                check_pixels(name, *source.size)
                yield source
                return
            with Image.open(
                _existing_path(name) if is_path else _bytes_of(source), formats=READABLE
            ) as picture:
                check_pixels(name, *picture.size)
                yield picture
    except CourseError:
        raise
    except UnidentifiedImageError:
        raise PictureError(
            f"{name} is not a picture in a format that can be read, which are {', '.join(READABLE)}: "
            "save it as JPEG or PNG first."
        ) from None
    except Image.DecompressionBombError:
        raise PictureError(
            f"{name} has more pixels than the {MOST_PIXELS / 1e6:.0f} million that are read."
        ) from None
    except Exception as error:
        # Decoders raise many types for damaged files: OSError, SyntaxError, struct.error, IndexError.
        raise PictureError(f"{name} cannot be read as a picture: {reason(error)}.") from error


def _existing_path(name: str) -> str | Path:
    """The path of an existing file, or of the bundled picture of this name."""
    try:
        # First, since a file or folder of its name may stand in the caller's folder; ./name means that one.
        return bundled_image(name)
    except MissingFileError:
        if not os.path.exists(name):
            raise
    if not os.path.isfile(name):
        raise PictureError(f"{name} is a folder, a device or a pipe, not a picture.")
    return name


def _bytes_of(source: Any) -> io.BytesIO:
    data = source.read() if hasattr(source, "read") else source
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise PictureError(
            "A picture is a path, bytes, a file opened with mode 'rb', a PIL image or an array, "
            f"not {type(data).__name__}."
        )
    return io.BytesIO(data)


def check_pixels(name: str, width: int, height: int) -> None:
    """Raise ``PictureError`` for a picture of more than ``MOST_PIXELS``."""
    if width * height > MOST_PIXELS:
        raise PictureError(
            f"{name} is {width} × {height} pixels, more than the {MOST_PIXELS / 1e6:.0f} million "
            "that are read: reduce it first."
        )


def read_picture(source: Any, size: int | None) -> np.ndarray:
    """Decode a picture that is not an array: ``float32 (H, W, 3)``, RGB, 0…255.

    ``source``: as in ``load_image``. ``size``: the shorter side to which the caller will resize it; a large
    picture is reduced to a few times this size. Raises the errors of ``load_image``.
    """
    with opened(source) as picture:
        factor = 1
        if size is not None and picture.width * picture.height > _LARGE:
            # JPEG can be decoded at ½, ¼ or ⅛ of its size; for other formats this has no effect.
            scale = _REDUCED_TO * size / min(picture.size)
            picture.draft(None, (round(picture.width * scale), round(picture.height * scale)))
            factor = max(1, min(picture.size) // (_REDUCED_TO * size))
        picture.load()
        profile = picture.info.get("icc_profile")
        # Damaged Exif data does not prevent a picture from being decoded.
        with contextlib.suppress(Exception):
            picture = ImageOps.exif_transpose(picture)
        if picture.mode[0] == "F":
            raise ValueError("its values are no whole numbers; save it with 8 or 16 bits a channel")
        if picture.mode[0] == "I":
            # Gray of 16 or 32 bits, which Pillow would clip at 255 in a conversion to RGB.
            gray = np.clip(np.asarray(picture, dtype=np.float32) * (255 / 65535), 0, 255)
            return np.repeat(gray[..., np.newaxis], 3, axis=-1)
        has_alpha = picture.has_transparency_data
        if has_alpha or picture.mode not in ("RGB", "L", "CMYK"):
            picture = picture.convert("RGBA" if has_alpha else "L" if picture.mode == "1" else "RGB")
        if factor > 1:
            picture = picture.reduce(factor)
        colors = _in_srgb(picture.convert("RGB") if has_alpha else picture, profile)
        image = np.asarray(colors, dtype=np.float32)
        return over_white(image, np.asarray(picture)[..., 3:]) if has_alpha else image


def over_white(colors: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colors ``(H, W, 3)`` blended with white, by their opacity ``(H, W, 1)``, 0…255."""
    opacity = alpha.astype(np.float32) / 255
    return colors * opacity + 255 * (1 - opacity)


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture as RGB in sRGB; a color profile that is damaged or of another color space is ignored."""
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" not in ImageCms.getProfileDescription(source).lower():
                srgb = ImageCms.createProfile("sRGB")
                return ImageCms.profileToProfile(picture, source, srgb, outputMode="RGB")
    return picture.convert("RGB")
