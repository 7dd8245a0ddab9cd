"""An instructor's own copy of the course: the address of its repository in every lesson, for Colab."""

import json
import re
from pathlib import Path

from helpers.errors import ArgumentError, shown
from helpers.files.bundled import NOTEBOOKS, ROOT, lesson_files
from helpers.files.writing import atomic_write
from helpers.tools.lesson_cells import BADGE, without_badge

_COLAB = "https://colab.research.google.com"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
_ADDRESS = re.compile(r'(?m)^REPOSITORY = "[^"]*"')
_ROW = re.compile(rf"(\| \[[^]]*\]\(notebooks/([^)]*\.ipynb)\))(?: {BADGE})? \|")


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
                badge = _badge(repository, branch, path.relative_to(folder).as_posix())
                source = (f"{badge}\n\n" if repository else "") + without_badge(source)
            cell["source"] = source.splitlines(keepends=True)
        with atomic_write(path) as partial:
            partial.write_text(json.dumps(lesson, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return paths


def publish_in_readme(repository: str, branch: str = "main", path: Path = ROOT / "README.md") -> Path:
    """Write a badge that opens Colab beside every lesson in the table of the README, and return its path.

    ``repository``, ``branch``: as in ``publish``, which checks them.
    """

    def row(found: re.Match) -> str:
        return f"{found[1]} {_badge(repository, branch, found[2])} |" if repository else f"{found[1]} |"

    text = _ROW.sub(row, path.read_text(encoding="utf-8"))
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def _badge(repository: str, branch: str, lesson: str) -> str:
    """A badge in Markdown. ``lesson``: the path of the lesson below ``notebooks/``."""
    opens = f"{_COLAB}/github/{repository}/blob/{branch}/notebooks/{lesson}"
    return f"[![Open in Colab]({_COLAB}/assets/colab-badge.svg)]({opens})"
