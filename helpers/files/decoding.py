"""Decoding of image files from untrusted sources into arrays."""

import contextlib
import io
import os
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from helpers.errors import CourseError, MissingFileError, PictureError, reason, shown
from helpers.files.bundled import bundled_image

READABLE = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""The formats that are read. Photographs are rarely in other formats, and some decoders of Pillow start other
programs."""

MOST_PIXELS = 150_000_000
"""Pictures with more pixels are rejected before they are decoded: this many take 1.8 GB as ``float32``."""

MOST_BYTES = 1 << 30
"""Larger files are rejected before they are opened."""

_LARGE = 16_000_000
_REDUCED_TO = 4
"""Pictures of more than ``_LARGE`` pixels are reduced by a whole factor before they are resized, to a shorter
side of at least ``_REDUCED_TO`` times the size."""


@contextlib.contextmanager
def opened(source: Any) -> Iterator[Image.Image]:
    """Yield a source as a ``PIL.Image.Image``; see ``load_image`` for the sources.

    Every error while it is read or used is raised as a ``PictureError`` that names the source.
    """
    if isinstance(source, Image.Image):
        with _picture_errors("This picture"):
            check_pixels("This picture", *source.size)
            source.load()
            yield source
        return
    with _opened_file(source) as (name, file), _picture_errors(name):
        start = file.read(12)
        file.seek(0)
        if start[4:8] == b"ftyp":
            raise PictureError(f"{name} is a HEIC or AVIF photo or a film; save it as JPEG or PNG first.")
        if not start:
            raise PictureError(f"{name} is empty.")
        with Image.open(file, formats=READABLE) as picture:
            check_pixels(name, *picture.size)
            yield picture


@contextlib.contextmanager
def _picture_errors(name: str) -> Iterator[None]:
    try:
        # Pillow warns of decompression bombs, which are rejected here, and of errors that it can handle.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except CourseError:
        raise
    except UnidentifiedImageError:
        formats = f"{', '.join(READABLE[:-1])} or {READABLE[-1]}"
        raise PictureError(f"{name} is not a picture in a format that can be read: {formats}.") from None
    except Image.DecompressionBombError:
        raise PictureError(
            f"{name} has more pixels than the {MOST_PIXELS / 1e6:.0f} million that are read."
        ) from None
    except Exception as error:
        # Decoders raise many types for damaged files: OSError, SyntaxError, struct.error, IndexError.
        raise PictureError(f"{name} cannot be read as a picture: {reason(error)}.") from error


@contextlib.contextmanager
def _opened_file(source: Any) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the name of a source for messages, and its bytes as a seekable file."""
    if isinstance(source, (str, os.PathLike)):
        path = _existing_path(source)
        try:
            with path.open("rb") as file:
                yield os.fspath(source), file
        except PermissionError:
            raise PictureError(f"{source} may not be read: its permissions forbid it.") from None
        return
    if isinstance(source, (bytes, bytearray, memoryview)):
        _check_bytes("What was given", len(source))
        yield "What was given", io.BytesIO(source)
    elif hasattr(source, "read"):
        name = str(getattr(source, "name", "This file"))
        try:
            data = source.read(MOST_BYTES + 1)
        except Exception as error:
            raise PictureError(f"{name} cannot be read: {reason(error)}.") from error
        if not isinstance(data, bytes):
            raise PictureError(f"{name} was opened as text; a picture is opened with mode 'rb'.")
        _check_bytes(name, len(data))
        yield name, io.BytesIO(data)
    else:
        raise PictureError(
            f"A picture is a path, bytes, an open file, a PIL image or an array, not {type(source).__name__}."
        )


def _existing_path(source: str | os.PathLike) -> Path:
    """The path of an existing file, or of the bundled picture of this name."""
    name = os.fspath(source)
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        # A name without folder and extension is that of a bundled picture.
        if not name or os.path.splitext(name)[1] or os.path.dirname(name):
            is_readable = name and name.isprintable() and len(name) < 200
            raise MissingFileError(f"There is no file {name if is_readable else shown(name)}.") from None
        return bundled_image(name)
    if stat.S_ISDIR(status.st_mode):
        raise PictureError(f"{name} is a folder, not a picture.")
    if not stat.S_ISREG(status.st_mode):
        raise PictureError(f"{name} is a device or a pipe, not a picture.")
    _check_bytes(name, status.st_size)
    return Path(name)


def _check_bytes(name: str, count: int) -> None:
    if count > MOST_BYTES:
        raise PictureError(
            f"{name} holds {count / 1e9:.1f} GB; a picture's file has {MOST_BYTES / 1e9:.1f} GB at most."
        )


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
        reduced_side = None
        if size is not None and picture.width * picture.height > _LARGE:
            reduced_side = _REDUCED_TO * size
            # JPEG can be decoded at ½, ¼ or ⅛ of its size; for other formats this has no effect.
            scale = reduced_side / min(picture.size)
            picture.draft(None, (round(picture.width * scale), round(picture.height * scale)))
        picture.load()
        picture = _oriented(picture)
        if picture.mode[0] in "IF":
            return _gray_of_many_bits(picture)
        colors, alpha = _colors_and_alpha(picture)
        if reduced_side is not None and (factor := min(colors.size) // reduced_side) > 1:
            colors, alpha = colors.reduce(factor), alpha and alpha.reduce(factor)
        image = np.asarray(_in_srgb(colors, picture.info.get("icc_profile")), dtype=np.float32)
    if alpha is None:
        return image
    opacity = np.asarray(alpha, dtype=np.float32)[..., np.newaxis] / 255
    return image * opacity + 255 * (1 - opacity)


def _oriented(picture: Image.Image) -> Image.Image:
    try:
        is_turned = picture.getexif().get(ExifTags.Base.Orientation, 1) != 1
        return ImageOps.exif_transpose(picture) if is_turned else picture
    except Exception:
        # Damaged Exif data does not prevent a picture from being decoded.
        return picture


def _gray_of_many_bits(picture: Image.Image) -> np.ndarray:
    """Decode gray of 16 or 32 bits or floats, which Pillow would clip at 255 in a conversion to RGB."""
    gray = np.asarray(picture, dtype=np.float32)
    if not np.isfinite(gray).all():
        raise PictureError("This picture holds values that are not finite numbers.")
    transparent = picture.info.get("transparency")
    is_opaque = True if transparent is None else gray != np.float32(transparent)
    white = 65535
    if picture.mode == "F":
        white = 255 if gray.max() > 1 else 1
    gray = np.where(is_opaque, np.clip(gray * (255 / white), 0, 255), 255)
    return np.repeat(gray[..., np.newaxis], 3, axis=-1)


def _colors_and_alpha(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """A picture as RGB, L, CMYK or LAB without alpha, and its alpha channel if it has one."""
    if picture.mode in ("LA", "La"):
        picture = picture.convert("LA")
        return picture.getchannel("L"), picture.getchannel("A")
    if picture.mode in ("PA", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        return picture.convert("RGB"), picture.getchannel("A")
    if picture.mode in ("L", "CMYK", "LAB", "RGB"):
        return picture, None
    return picture.convert("L" if picture.mode == "1" else "RGB"), None


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture as RGB in sRGB; a color profile that is damaged or of another color space is ignored."""
    srgb = ImageCms.createProfile("sRGB")
    if picture.mode == "LAB":
        return ImageCms.profileToProfile(picture, ImageCms.createProfile("LAB"), srgb, outputMode="RGB")
    spaces = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            is_srgb = "srgb" in ImageCms.getProfileDescription(source).lower()
            if source.profile.xcolor_space == spaces[picture.mode] and not is_srgb:
                return ImageCms.profileToProfile(picture, source, srgb, outputMode="RGB")
    return picture.convert("RGB")
