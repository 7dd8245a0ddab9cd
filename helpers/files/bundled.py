"""Paths of the bundled pictures and of the lessons."""

from pathlib import Path

from helpers.errors import MissingFileError

IMAGES = Path(__file__).resolve().parents[2] / "images"
"""The folder of bundled pictures: ``content/``, ``style/``, ``texture/`` and ``mask/``."""

NOTEBOOKS = IMAGES.parent / "notebooks"
"""The folder of the lessons."""


def lesson_files(folder: Path = NOTEBOOKS) -> list[Path]:
    """Paths of the lessons, in order. Raises ``MissingFileError`` if there are none."""
    paths = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise MissingFileError(f"There are no lessons in {folder}.")
    return paths


def bundled_images(kind: str) -> list[Path]:
    """Paths of the bundled pictures of one kind, sorted by name.

    ``kind``: ``"content"``, ``"style"``, ``"texture"``, or ``"mask"`` for masks of some of the pictures.
    Raises ``MissingFileError`` if the folder ``images/`` is not next to ``helpers/``, or for another kind.
    """
    folder = IMAGES / kind
    if not folder.is_dir():
        raise MissingFileError(f"There is no folder {folder}: the bundled pictures come with the course.")
    return sorted(folder.glob("*.jpg"))


def bundled_image(name: str) -> Path:
    """Path of the bundled picture of a name, such as ``"temple"`` or ``"great_wave"``.

    Raises ``MissingFileError`` with all names for an unknown name.
    """
    paths = {
        path.stem: path for kind in ("content", "style", "texture", "mask") for path in bundled_images(kind)
    }
    if name not in paths:
        raise MissingFileError(
            f"There is no file and no bundled picture {name!r:.120}; bundled are {', '.join(paths)}."
        )
    return paths[name]
