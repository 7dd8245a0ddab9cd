"""All lessons as a website: an index, and for each lesson a page and its slides."""

import base64
import html
import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from helpers.errors import RunError
from helpers.files.bundled import ROOT, lesson_files
from helpers.tools import rendering
from helpers.tools.covers import cover_of, write_cover
from helpers.tools.lesson_cells import tags_of
from helpers.tools.sections import ROWS, Section, contents_html, sections_of, with_anchors
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
    (folder / "glossary.html").write_text(glossary_html(list(notebooks)), encoding="utf-8")
    index = folder / "index.html"
    index.write_text(index_html(notebooks), encoding="utf-8")
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
        "glossary": "glossary",
    }
    lesson = _lesson_html(notebook, stems)
    # The list of sections stands below the title and what the lesson is about.
    end = "</section>"
    body = lesson.replace(end, end + contents_html(sections_of(lesson)), 1)
    return _document_html(rendering.title_of(notebook), links, f"<main>{body}</main>")


def _document_html(title: str, links: Mapping[str, str], main: str) -> str:
    """A page of the site. ``links``: of its navigation, the names of pages without ending by their texts."""
    anchors = (f'<a href="{target}.html">{text}</a>' for text, target in links.items() if target)
    navigation = f'<nav aria-label="Site">{"".join(anchors)}</nav>'
    program = rendering.script_html("page.js")
    return rendering.document_html(title, f"{program}{navigation}{main}{navigation}", "page.css")


def _lesson_html(notebook: Any, stems: Collection[str]) -> str:
    """All that a page shows of a lesson, with anchors. ``stems``: the lessons that links may lead to."""
    body = "".join(
        _cell_html(cell, notebook, stems) for cell in notebook.cells if "colab" not in tags_of(cell)
    )
    return _with_wide_tables(with_anchors(body))


def _cell_html(cell: Any, notebook: Any, stems: Collection[str]) -> str:
    if cell.cell_type == "markdown":
        return f'<section class="text">{_linked(rendering.markdown_html(cell.source), stems)}</section>'
    code = rendering.code_html(cell.source)
    if "hide-input" in tags_of(cell):
        code = f"<details><summary>Code</summary>{code}</details>"
    return f'<section class="code">{code}{rendering.outputs_html(cell, notebook)}</section>'


def _with_wide_tables(markup: str) -> str:
    """HTML whose tables are scrolled by themselves where the page is too narrow for them."""
    return re.sub(r"<table>.*?</table>", r'<div class="wide">\g<0></div>', markup, flags=re.S)


def _linked(markup: str, stems: Collection[str]) -> str:
    """HTML whose links lead to pages of the site in place of notebooks and of the glossary.

    ``stems``: the lessons that the site has. A link to another lesson becomes its text.
    """

    def to_page(link: re.Match[str]) -> str:
        stem, anchor, text = link.groups()
        return f'<a href="{stem}.html{anchor}">{text}</a>' if stem in stems else text

    notebook = r'<a href="(?:\.\./)?(?:notebooks/)?(?:appendix/)?(\w\d_\w+)\.ipynb(#[^"]*|)">(.*?)</a>'
    markup = re.sub(notebook, to_page, markup, flags=re.S)
    return re.sub(r'href="[./]*docs/glossary\.md', 'href="glossary.html', markup)


def glossary_html(stems: Collection[str]) -> str:
    """The glossary as a page. ``stems``: the lessons that the site has."""
    text = _with_wide_tables(_glossary(stems))
    main = f'<main class="glossary"><section class="text">{text}</section></main>'
    return _document_html("Glossary", {"all lessons": "index"}, main)


def _glossary(stems: Collection[str]) -> str:
    """The text of the glossary, with an anchor at each heading and each term."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    markup = with_anchors(_linked(rendering.markdown_html(text), stems))
    # A screen reader reads the Chinese terms in Chinese.
    markup = re.sub(r"(<tr>\s*<td><strong>[^\n]*</td>\s*)<td>", r'\1<td lang="zh">', markup)
    return with_anchors(markup, ROWS, "term-")


def index_html(notebooks: Mapping[str, Any]) -> str:
    """The page that leads to all others: a search, and a card for each lesson.

    ``notebooks``: lessons that were run, by their file names without ending. The page has the text of all
    sections, so that the search needs no server.
    """
    title = "Neural style transfer"
    cards, entries = [], []
    for stem, notebook in notebooks.items():
        sections = sections_of(_lesson_html(notebook, notebooks))
        cards.append(_card_html(notebook, stem, sections))
        entries += _search_entries(rendering.title_of(notebook), f"{stem}.html", sections)
    entries += _search_entries("Glossary", "glossary.html", sections_of(_glossary(notebooks)))
    # No text may end the element that holds it.
    data = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    main = (
        f'<main class="index"><h1>{title}</h1>'
        "<p>From convolution to the style transfer of a photograph of your own. "
        'All terms are in the <a href="glossary.html">glossary</a>.</p>'
        '<form role="search" hidden><label for="query">Search all lessons and the glossary</label>'
        '<input id="query" type="search" autocomplete="off">'
        '<output for="query" aria-live="polite"></output></form>'
        f'<ol class="results"></ol><div class="cards">{"".join(cards)}</div></main>'
        f'<script type="application/json" id="sections">{data}</script>'
    )
    return _document_html(title, {"glossary": "glossary"}, main)


def _search_entries(title: str, page: str, sections: Sequence[Section]) -> list[list[str]]:
    """What the search knows of a page: for each section the page's title, heading, address and text."""
    return [
        [title, section.heading if section.heading != title else "", f"{page}#{section.anchor}", section.text]
        for section in sections
    ]


def _card_html(notebook: Any, stem: str, sections: Sequence[Section]) -> str:
    """What the index shows of a lesson."""
    title = rendering.title_of(notebook)
    about = re.search(r"</h1>\s*<p>(.*?)</p>", rendering.markdown_html(notebook.cells[0].source), re.S)[1]
    return (
        f'<article>{_cover_html(notebook)}<h2><a href="{stem}.html">'
        f"{html.escape(title)}</a></h2><p>{about}</p>"
        f'<p class="small"><a href="slides/{stem}.html">as slides</a></p>'
        f"{contents_html(sections, f'{stem}.html', title)}</article>"
    )


def _cover_html(notebook: Any) -> str:
    cover = cover_of(notebook)
    return f'<img src="data:image/png;base64,{base64.b64encode(cover).decode()}" alt="">' if cover else ""
