"""All lessons as a website: an index, and for each lesson a page and its slides."""

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.errors import RunError
from helpers.files.bundled import ROOT, lesson_files
from helpers.tools import rendering
from helpers.tools.covers import cover_of, write_cover
from helpers.tools.slides import deck_html


def write_site(folder: Path, covers: Path | None = None) -> Path:
    """Run all lessons and write a site: an index, and for each lesson a page and its slides.

    ``covers``: a folder for the lessons' covers, each a JPEG. A lesson that fails is left out of the index,
    and the others are run nevertheless. Returns the path of the index.

    Raises ``RunError`` at the end if a lesson failed.
    """
    (folder / "slides").mkdir(parents=True, exist_ok=True)
    notebooks: dict[str, Any] = {}
    failures = []
    for path in lesson_files():
        deck = folder / "slides" / f"{path.stem}.html"
        try:
            notebooks[path.stem] = rendering.run_lesson(path)
            deck.write_text(deck_html(notebooks[path.stem]), encoding="utf-8")
            if covers:
                write_cover(notebooks[path.stem], covers / f"{path.stem}.jpg")
        except RunError as error:
            failures.append(str(error))
            # The files of an earlier run would look like those of this one.
            for page in (deck, folder / f"{path.stem}.html"):
                page.unlink(missing_ok=True)
    for stem, notebook in notebooks.items():
        (folder / f"{stem}.html").write_text(page_html(notebook, list(notebooks), stem), encoding="utf-8")
    (folder / "glossary.html").write_text(_glossary_html(), encoding="utf-8")
    cards = "".join(_card_html(notebook, stem) for stem, notebook in notebooks.items())
    title = "Neural style transfer"
    heading = (
        f"<h1>{title}</h1><p>From convolution to the style transfer of a photograph of your own. "
        'All terms are in the <a href="glossary.html">glossary</a>.</p>'
    )
    body = f'<main class="index">{heading}<div>{cards}</div></main>'
    index = folder / "index.html"
    index.write_text(rendering.document_html(title, body, "page.css"), encoding="utf-8")
    if failures:
        raise RunError(" ".join(failures))
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
        _cell_html(cell, notebook) for cell in notebook.cells if "colab" not in cell.metadata.get("tags", ())
    )
    return rendering.document_html(
        rendering.title_of(notebook), f"{navigation}<main>{body}</main>{navigation}", "page.css"
    )


def _cell_html(cell: Any, notebook: Any) -> str:
    if cell.cell_type == "markdown":
        return f'<section class="text">{_linked(rendering.markdown_html(cell.source))}</section>'
    code = rendering.code_html(cell.source)
    if "hide-input" in cell.metadata.get("tags", ()):
        code = f"<details><summary>Code</summary>{code}</details>"
    return f'<section class="code">{code}{rendering.outputs_html(cell, notebook)}</section>'


def _linked(text: str) -> str:
    """HTML whose links lead to pages of the site in place of notebooks and of the glossary."""
    text = re.sub(r'href="(?:\.\./)?(?:notebooks/)?(?:appendix/)?(\w\d_\w+)\.ipynb"', r'href="\1.html"', text)
    return re.sub(r'href="[./]*docs/glossary\.md', 'href="glossary.html', text)


def _glossary_html() -> str:
    """The glossary as a page."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    navigation = '<nav><a href="index.html">all lessons</a></nav>'
    body = (
        f'{navigation}<main><section class="text">{_linked(rendering.markdown_html(text))}</section></main>'
    )
    return rendering.document_html("Glossary", body, "page.css")


def _card_html(notebook: Any, stem: str) -> str:
    """What the index shows of a lesson."""
    about = re.search(r"</h1>\s*<p>(.*?)</p>", rendering.markdown_html(notebook.cells[0].source), re.S)[1]
    return (
        f'<article>{_cover_html(notebook)}<h2><a href="{stem}.html">'
        f"{html.escape(rendering.title_of(notebook))}</a></h2><p>{about}</p>"
        f'<p class="small"><a href="slides/{stem}.html">as slides</a></p></article>'
    )


def _cover_html(notebook: Any) -> str:
    cover = cover_of(notebook)
    return f'<img src="data:image/png;base64,{base64.b64encode(cover).decode()}" alt="">' if cover else ""
