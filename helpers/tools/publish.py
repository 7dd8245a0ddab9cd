"""An instructor's own copy of the course: the name of its repository wherever one is named, and its site."""

import json
import re
from pathlib import Path

from helpers.errors import ArgumentError, MissingFileError, OutputExistsError, reason, shown
from helpers.files.bundled import ROOT, lesson_files
from helpers.files.writing import atomic_write
from helpers.tools.lesson_cells import BADGE, without_badge

_COLAB = "https://colab.research.google.com"
_NAME = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9])*/(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]+")
_BRANCH = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_ADDRESS = re.compile(r'(?m)^REPOSITORY = "[^"]*"')
_LINK = re.compile(rf"(\[[^]<!][^]]*\]\(notebooks/([^)]*\.ipynb)\))(?: {BADGE})?(?= *\|)")
"""A link to a lesson at the end of a table's cell, with its badge if it has one."""

_PLACE = re.compile(r"(<!-- published -->\n).*?(\n<!-- end of published -->)", re.S)
_CITED = re.compile(r"(?m)^(?:repository-code|url): .*\n")
_LICENSE = re.compile(r"(?m)^license: .*\n")
_WORKFLOW = Path(__file__).with_name("pages.yml")
_MADE = "# Written by `python3 course.py publish`"

_UNPUBLISHED = """\
**In Colab, and as a site.** Put the course into a repository on GitHub. Then
`python3 course.py publish OWNER/NAME` writes badges that open each lesson in Colab, and makes a site of all
lessons with their outputs."""

_PUBLISHED = """\
The lessons with all outputs: <{site}>

**In Colab.** Choose the badge of a lesson in the table below.

[![Open in GitHub Codespaces](https://github.com/codespaces/badge.svg)](https://codespaces.new/{repository})"""


def publish(repository: str, branch: str = "main", root: Path = ROOT) -> list[Path]:
    """Write a repository's name wherever a copy of the course has one, and the workflow that makes its site.

    These are the Colab cell of every lesson and a badge above it; a badge beside every lesson in the table of
    the README, a link to Codespaces and the address of the site; ``CITATION.cff``; and
    ``.github/workflows/pages.yml``.

    ``repository``: ``"OWNER/NAME"`` on GitHub, or ``""`` to remove all this. ``branch``: the branch that the
    badges open and whose push makes the first site. ``root``: the folder of the course.

    Nothing is written before everything that is to be written is known. Returns the paths of the files.
    Raises ``ArgumentError`` for an invalid name, ``MissingFileError`` if a file of the course is missing, and
    ``OutputExistsError`` for a workflow that is not from here.
    """
    if repository and not _NAME.fullmatch(repository):
        raise ArgumentError(f"A repository on GitHub is called OWNER/NAME, not {shown(repository)}.")
    if not _BRANCH.fullmatch(branch):
        raise ArgumentError(f"A branch has a name such as main, not {shown(branch)}.")
    workflow = root / ".github" / "workflows" / "pages.yml"
    if workflow.exists() and not workflow.read_text(encoding="utf-8").startswith(_MADE):
        raise OutputExistsError(f"{workflow} is not from this command: rename it first.")
    texts = {
        path: _lesson(_text_of(path), repository, branch, path.relative_to(root).as_posix())
        for path in lesson_files(root / "notebooks")
    }
    texts[root / "README.md"] = _readme(_text_of(root / "README.md"), repository, branch)
    texts[root / "CITATION.cff"] = _citation(_text_of(root / "CITATION.cff"), repository)
    if repository:
        texts[workflow] = _text_of(_WORKFLOW).replace("BRANCH", branch)
        workflow.parent.mkdir(parents=True, exist_ok=True)
    else:
        workflow.unlink(missing_ok=True)
    for path, text in texts.items():
        # Git on Windows may have given the files of the course the line ends of Windows.
        newline = "\r\n" if path.exists() and b"\r\n" in path.read_bytes() else "\n"
        with atomic_write(path) as partial:
            partial.write_text(text, encoding="utf-8", newline=newline)
    return list(texts)


def site_address(repository: str) -> str:
    """The address of a repository's site on GitHub Pages.

    A repository called ``OWNER.github.io`` is served at the root, and the others in folders of their names.
    """
    owner, name = repository.split("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read: {reason(error)}.") from error


def _lesson(text: str, repository: str, branch: str, name: str) -> str:
    """The text of a notebook. ``name``: its path in the repository."""
    lesson = json.loads(text)
    for cell in lesson["cells"]:
        source = "".join(cell["source"])
        if "colab" in cell["metadata"].get("tags", []):
            source = _ADDRESS.sub(f'REPOSITORY = "{repository}"', source)
        elif cell is lesson["cells"][0]:
            badge = _badge(repository, branch, name)
            source = (f"{badge}\n\n" if repository else "") + without_badge(source)
        cell["source"] = source.splitlines(keepends=True)
    return json.dumps(lesson, indent=1, ensure_ascii=False) + "\n"


def _readme(text: str, repository: str, branch: str) -> str:
    def linked(found: re.Match) -> str:
        badge = f" {_badge(repository, branch, f'notebooks/{found[2]}')}" if repository else ""
        return found[1] + badge

    said = _UNPUBLISHED
    if repository:
        said = _PUBLISHED.format(repository=repository, site=site_address(repository))
    return _PLACE.sub(lambda found: found[1] + said + found[2], _LINK.sub(linked, text))


def _citation(text: str, repository: str) -> str:
    text = _CITED.sub("", text)
    if not repository:
        return text
    lines = f'repository-code: "https://github.com/{repository}"\nurl: "{site_address(repository)}"\n'
    return _LICENSE.sub(lambda found: found[0] + lines, text)


def _badge(repository: str, branch: str, lesson: str) -> str:
    """A badge in Markdown. ``lesson``: the path of the lesson in the repository."""
    opens = f"{_COLAB}/github/{repository}/blob/{branch}/{lesson}"
    return f"[![Open in Colab]({_COLAB}/assets/colab-badge.svg)]({opens})"
