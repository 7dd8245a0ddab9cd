"""All lessons as a website: an index, and for each lesson a page and its slides."""

import datetime
import html
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.errors import RunError
from helpers.files.bundled import lesson_files
from helpers.progress import clock
from helpers.tools import rendering
from helpers.tools.slides import deck_html

_SLOW = 2.0
"""From this many seconds on, a cell's time is shown, for those who run it in a lecture."""


def write_site(folder: Path) -> Path:
    """Run all lessons and write a site: an index, and for each lesson a page and its slides.

    A lesson that fails is left out, and the others are run nevertheless. Returns the path of the index.
    Raises ``RunError`` at the end if a lesson failed.
    """
    (folder / "slides").mkdir(parents=True, exist_ok=True)
    lessons: list[tuple[str, Any, float]] = []
    failed: list[str] = []
    for path in lesson_files():
        began = time.perf_counter()
        try:
            notebook = rendering.run_lesson(path)
        except RunError as error:
            failed.append(path.stem)
            print(error, file=sys.stderr)
            continue
        lessons.append((path.stem, notebook, time.perf_counter() - began))
        rendering.write_html(folder / "slides" / f"{path.stem}.html", deck_html(notebook))
    stems = [stem for stem, *_ in lessons]
    for stem, notebook, _ in lessons:
        rendering.write_html(folder / f"{stem}.html", page_html(notebook, stems, stem))
    index = rendering.write_html(folder / "index.html", _index_html(lessons))
    if failed:
        for stem in failed:
            # The files of an earlier run would look like those of this one.
            for page in (folder / f"{stem}.html", folder / "slides" / f"{stem}.html"):
                page.unlink(missing_ok=True)
        raise RunError(f"These lessons failed: {', '.join(failed)}; {index} has the others.")
    return index


def page_html(notebook: Any, stems: Sequence[str], stem: str) -> str:
    """A lesson that was run as one HTML page, with links to the lessons before and after it.

    ``stems``: all lessons' file names without ending, in order. ``stem``: the name of this lesson.
    """
    number = stems.index(stem)
    links = {
        "← previous": stems[number - 1] if number else "",
        "all lessons": "index",
        "as slides": f"slides/{stem}",
        "next →": stems[number + 1] if number + 1 < len(stems) else "",
    }
    anchors = (f'<a href="{target}.html">{text}</a>' for text, target in links.items() if target)
    navigation = f"<nav>{''.join(anchors)}</nav>"
    body = "".join(
        _cell_html(cell, notebook) for cell in notebook.cells if "colab" not in rendering.tags_of(cell)
    )
    return rendering.document_html(
        rendering.title_of(notebook), f"{navigation}<main>{body}</main>{navigation}", "page.css"
    )


def _cell_html(cell: Any, notebook: Any) -> str:
    if cell.cell_type == "markdown":
        text = re.sub(r'href="(\d\d_\w+)\.ipynb"', r'href="\1.html"', rendering.markdown_html(cell.source))
        return f'<section class="text">{text}</section>'
    code = rendering.code_html(cell.source)
    if "hide-input" in rendering.tags_of(cell):
        code = f"<details><summary>Code</summary>{code}</details>"
    seconds = _seconds(cell)
    duration = f'<p class="duration">{clock(seconds)}</p>' if seconds >= _SLOW else ""
    return f'<section class="code">{code}{duration}{rendering.outputs_html(cell, notebook)}</section>'


def _seconds(cell: Any) -> float:
    """How long a cell ran, from the times that the kernel recorded."""
    times = cell.metadata.get("execution", {})
    began, ended = (times.get(f"iopub.status.{status}") for status in ("busy", "idle"))
    if began is None or ended is None:
        return 0.0
    return (datetime.datetime.fromisoformat(ended) - datetime.datetime.fromisoformat(began)).total_seconds()


def _index_html(lessons: Sequence[tuple[str, Any, float]]) -> str:
    cards = []
    for stem, notebook, seconds in lessons:
        about = re.search(r"</h1>\s*<p>(.*?)</p>", rendering.markdown_html(notebook.cells[0].source), re.S)[1]
        title = html.escape(rendering.title_of(notebook))
        cards.append(
            f'<article>{_cover_html(notebook)}<h2><a href="{stem}.html">{title}</a></h2><p>{about}</p>'
            f'<p class="small"><a href="slides/{stem}.html">as slides</a> · its cells ran in '
            f"{clock(seconds)}</p></article>"
        )
    title = "Neural style transfer"
    heading = f"<h1>{title}</h1><p>From convolution to the style transfer of a photograph of your own.</p>"
    body = f'<main class="index">{heading}<div>{"".join(cards)}</div></main>'
    return rendering.document_html(title, body, "page.css")


def _cover_html(notebook: Any) -> str:
    """The last picture of the cell with the tag ``cover``, or of the lesson."""
    cells = [cell for cell in notebook.cells if "cover" in rendering.tags_of(cell)] or notebook.cells
    # Pictures have the style "width:100%"; plots, whose proportions may not suit a cover, do not.
    pictures = [
        picture
        for cell in cells
        for output in cell.get("outputs", [])
        for picture in re.findall(
            r'(<img src="[^"]*") alt="[^"]*" style="width:100%', output.get("data", {}).get("text/html", "")
        )
    ]
    return f'{pictures[-1]} alt="">' if pictures else ""
