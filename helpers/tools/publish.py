"""An instructor's own copy of the course: the address of its repository in every lesson, for Colab."""

import json
import re
from pathlib import Path

from helpers.errors import ArgumentError, shown
from helpers.files.bundled import NOTEBOOKS, lesson_files
from helpers.files.writing import atomic_write

_COLAB = "https://colab.research.google.com"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
_ADDRESS = re.compile(r'(?m)^REPOSITORY = "[^"]*"')
_BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)\n\n")


def publish(repository: str, branch: str = "main", folder: Path = NOTEBOOKS) -> list[Path]:
    """Write a repository's name into the Colab cell of every lesson, and above it a badge that opens Colab.

    ``repository``: ``"OWNER/NAME"`` on GitHub, or ``""`` to remove both. ``branch``: the branch that the
    badges open. ``folder``: the folder of the lessons.

    Returns the paths of the lessons. Raises ``ArgumentError`` for an invalid name, and ``MissingFileError``
    if there are no lessons.
    """
    if repository and not _NAME.fullmatch(repository):
        raise ArgumentError(f"A repository on GitHub is called OWNER/NAME, not {shown(repository)}.")
    paths = lesson_files(folder)
    for path in paths:
        lesson = json.loads(path.read_text(encoding="utf-8"))
        for cell in lesson["cells"]:
            source = "".join(cell["source"])
            if "colab" in cell["metadata"].get("tags", []):
                source = _ADDRESS.sub(f'REPOSITORY = "{repository}"', source)
            elif cell is lesson["cells"][0]:
                name = path.relative_to(folder).as_posix()
                opens = f"{_COLAB}/github/{repository}/blob/{branch}/notebooks/{name}"
                badge = f"[![Open in Colab]({_COLAB}/assets/colab-badge.svg)]({opens})\n\n"
                source = (badge if repository else "") + _BADGE.sub("", source)
            cell["source"] = source.splitlines(keepends=True)
        with atomic_write(path) as partial:
            partial.write_text(json.dumps(lesson, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return paths
