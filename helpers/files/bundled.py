"""Paths of the bundled pictures and of the lessons."""

import functools
import glob
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from helpers.errors import ArgumentError, MissingFileError

ROOT = Path(__file__).resolve().parents[2]
"""The folder of the course; where only the package is installed, that of the packages."""

IS_COURSE = (ROOT / "course.py").is_file() and (ROOT / "images").is_dir()

IMAGES = ROOT / "images" if IS_COURSE else ROOT / "helpers" / "data" / "images"
"""The folder of bundled pictures: ``content/``, ``style/``, ``texture/`` and ``mask/``."""

PAINTERS = Path(__file__).resolve().parents[1] / "data" / "painters"
"""The folder of the bundled painters, one ``.npz`` file each, with the name of its style image."""

_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm")

NOTEBOOKS = ROOT / "notebooks"
"""The folder of the lessons."""

OUTPUT = ROOT / "output" if IS_COURSE else Path("output")
"""The folder of what commands write; of an installed package one in the current folder."""


def lesson_files(folder: Path = NOTEBOOKS) -> list[Path]:
    """Paths of the lessons and then of the appendices, in order.

    Raises ``MissingFileError`` if there are none.
    """
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb")) + sorted(folder.glob("appendix/A[0-9]_*.ipynb"))
    if not paths:
        raise MissingFileError(f"There are no lessons in {folder}.")
    return paths


def lessons_named(names: Sequence[str]) -> list[Path]:
    """Paths of some lessons, in the order of ``names``.

    ``names``: what the lessons' file names begin with, such as ``"04"``, ``"4"`` or ``"A1"``.
    Raises ``ArgumentError`` for a lesson that there is not, and the errors of ``lesson_files``.
    """
    paths = {path.name[:2]: path for path in lesson_files()}
    wanted = [name.upper().zfill(2) for name in names]
    if unknown := [name for name in wanted if name not in paths]:
        raise ArgumentError(f"There is no lesson {unknown[0]}; there are {', '.join(paths)}.")
    return [paths[name] for name in wanted]


def bundled_images(kind: str) -> list[Path]:
    """Paths of the bundled pictures of one kind, sorted by name.

    ``kind``: ``"content"``, ``"style"``, ``"texture"``, or ``"mask"`` for masks of some of the pictures.
    Raises ``MissingFileError`` if the folder ``images/`` is not next to ``helpers/``, or for another kind.
    """
    folder = IMAGES / kind
    if not folder.is_dir():
        raise MissingFileError(f"There is no folder {folder}: the bundled pictures come with the course.")
    return sorted(folder.glob("*.jpg"))


def picture_sources(sources: Iterable[str | None]) -> list[str | None]:
    """Names of pictures, in which the pictures of folders and patterns stand in place of these.

    A shell replaces patterns such as ``photos/*.jpg`` itself, but not on Windows.
    Raises ``MissingFileError`` for a folder without pictures and for a pattern that nothing fits.
    """
    found: list[str | None] = []
    for source in sources:
        if source is None or source in bundled_pictures():
            found.append(source)
            continue
        if os.path.isdir(source):
            pattern = os.path.join(glob.escape(source), "*")
        elif re.search(r"[*?[]", source) and not os.path.exists(source):
            pattern = source
        else:
            found.append(source)
            continue
        paths = sorted(path for path in glob.glob(pattern) if path.lower().endswith(_ENDINGS))
        if not paths:
            raise MissingFileError(f"There is no picture in {source}.")
        found += paths
    return found


def bundled_image(name: str) -> Path:
    """Path of the bundled picture of a name, such as ``"temple"`` or ``"great_wave"``.

    Raises ``MissingFileError`` with all names for an unknown name.
    """
    paths = bundled_pictures()
    if name not in paths:
        raise MissingFileError(
            f"There is no file and no bundled picture {name!r:.120}; bundled are {', '.join(paths)}."
        )
    return paths[name]


@functools.cache
def bundled_pictures() -> Mapping[str, Path]:
    """Paths of all bundled pictures, by their names; none where a copy of the package has no pictures."""
    kinds = (kind for kind in ("content", "style", "texture", "mask") if (IMAGES / kind).is_dir())
    return MappingProxyType({path.stem: path for kind in kinds for path in bundled_images(kind)})


def bundled_painters() -> list[str]:
    """The names of the bundled painters, which are those of their style images."""
    return sorted(path.stem for path in PAINTERS.glob("*.npz"))
