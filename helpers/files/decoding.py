"""From a file's bytes to numbers, whatever the file is: nothing here trusts what it reads."""

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
"""The formats that are read. Others that Pillow knows are rare as photographs, and some of their readers
start other programs."""

MOST_PIXELS = 150_000_000
"""A larger picture is refused before it is decoded: as numbers, this many pixels take 1.8 GB."""

MOST_BYTES = 1 << 30
"""A larger file is refused before it is opened."""

_LARGE = 16_000_000
_REDUCED_TO = 4


@contextlib.contextmanager
def opened(source: Any) -> Iterator[Image.Image]:
    """A source as Pillow's picture, decoded, for as long as it is looked at.

    Whatever goes wrong with it is a ``PictureError`` that names it.
    """
    if isinstance(source, Image.Image):
        with _said_of("This picture"):
            check_pixels("This picture", *source.size)
            source.load()
            yield source
        return
    with _file(source) as (name, file), _said_of(name):
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
def _said_of(name: str) -> Iterator[None]:
    try:
        # Its warnings are of bombs, which are refused here, and of slips in files that can be read anyway.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except CourseError:
        raise
    except UnidentifiedImageError:
        kinds = f"{', '.join(READABLE[:-1])} or {READABLE[-1]}"
        raise PictureError(f"{name} is not a picture in a format that can be read: {kinds}.") from None
    except Image.DecompressionBombError:
        raise PictureError(
            f"{name} has more pixels than the {MOST_PIXELS / 1e6:.0f} million that are read."
        ) from None
    except Exception as error:
        # What a damaged file raises in a decoder is anything: OSError, SyntaxError, struct.error, IndexError.
        raise PictureError(f"{name} cannot be read as a picture: {reason(error)}.") from error


@contextlib.contextmanager
def _file(source: Any) -> Iterator[tuple[str, BinaryIO]]:
    """A source's name in a sentence, and its bytes as a file that can be sought in."""
    if isinstance(source, (str, os.PathLike)):
        path = _existing(source)
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


def _existing(source: str | os.PathLike) -> Path:
    """The path of a file that is there: the source's own, or of the bundled picture of this name."""
    name = os.fspath(source)
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        # A bare word is a bundled picture's name; anything else was meant as a file.
        if not name or os.path.splitext(name)[1] or os.path.dirname(name):
            plain = name and name.isprintable() and len(name) < 200
            raise MissingFileError(f"There is no file {name if plain else shown(name)}.") from None
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
    """A picture that is not an array as numbers: ``float32 (H, W, 3)``, RGB, 0…255.

    ``source``: as in ``load_image``. ``size``: the shorter side that will be wanted of it; a very large
    picture comes reduced, to a few times as much. Raises as ``load_image`` does.
    """
    with opened(source) as picture:
        enough = None
        if size is not None and picture.width * picture.height > _LARGE:
            enough = _REDUCED_TO * size
            # A JPEG can be decoded at an eighth of its size; elsewhere this does nothing.
            scale = enough / min(picture.size)
            picture.draft(None, (round(picture.width * scale), round(picture.height * scale)))
        picture.load()
        upright = _upright(picture)
        if upright.mode[0] in "IF":
            return _gray_of_many_bits(upright)
        colors, alpha = _colors_and_alpha(upright)
        if enough is not None and (times := min(colors.size) // enough) > 1:
            colors, alpha = colors.reduce(times), alpha and alpha.reduce(times)
        image = np.asarray(_in_srgb(colors, upright.info.get("icc_profile")), dtype=np.float32)
    if alpha is None:
        return image
    opacity = np.asarray(alpha, dtype=np.float32)[..., np.newaxis] / 255
    return image * opacity + 255 * (1 - opacity)


def _upright(picture: Image.Image) -> Image.Image:
    try:
        turned = picture.getexif().get(ExifTags.Base.Orientation, 1) != 1
        return ImageOps.exif_transpose(picture) if turned else picture
    except Exception:
        # A picture whose notes are damaged is a picture still.
        return picture


def _gray_of_many_bits(picture: Image.Image) -> np.ndarray:
    """A picture of 16 or 32 bits or of fractions: Pillow would cut it off at 255 where it became RGB."""
    gray = np.asarray(picture, dtype=np.float32)
    if not np.isfinite(gray).all():
        raise PictureError("This picture holds values that are not finite numbers.")
    clear = picture.info.get("transparency")
    seen = np.ones_like(gray, bool) if clear is None else gray != np.float32(clear)
    white = {"F": 255 if gray.max() > 1 else 1}.get(picture.mode[0], 65535)
    gray = gray * (255 / white)
    return np.repeat(np.where(seen, np.clip(gray, 0, 255), 255)[..., np.newaxis], 3, axis=-1)


def _colors_and_alpha(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """A picture in the mode of its colors, RGB, L, CMYK or LAB, and its transparency where it has any."""
    if picture.mode in ("LA", "La"):
        picture = picture.convert("LA") if picture.mode == "La" else picture
        return picture.getchannel("L"), picture.getchannel("A")
    if picture.mode in ("PA", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        return picture.convert("RGB"), picture.getchannel("A")
    if picture.mode in ("L", "CMYK", "LAB", "RGB"):
        return picture, None
    return picture.convert("L" if picture.mode == "1" else "RGB"), None


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Colors as RGB in the color space of screens; a profile that is damaged or does not fit is ignored."""
    wanted = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
    try:
        if picture.mode == "LAB":
            own = ImageCms.createProfile("LAB")
        else:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else None
            if own and (
                own.profile.xcolor_space != wanted[picture.mode]
                or "srgb" in ImageCms.getProfileDescription(own).lower()
            ):
                own = None
        if own:
            return ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        if picture.mode == "LAB":
            raise
    return picture.convert("RGB")
