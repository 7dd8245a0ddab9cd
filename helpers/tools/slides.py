"""Lessons as slides for a lecture."""

import ast
import dataclasses
import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from helpers.files.bundled import lessons_named
from helpers.tools import rendering
from helpers.tools.lesson_cells import tags_of


def write_slides(lessons: Sequence[str], folder: Path) -> Iterator[Path]:
    """Run lessons and write the slides of each into a folder, which is created if necessary.

    ``lessons``: what their names begin with, such as ``"04"``, ``"4"`` or ``"A1"``. Yields the path of each
    file. Raises ``ArgumentError`` for a lesson that there is not, and the errors of ``run_lesson``.
    """
    lessons_of_slides = lessons_named(lessons)
    folder.mkdir(parents=True, exist_ok=True)
    for lesson in lessons_of_slides:
        path = folder / f"{lesson.stem}.html"
        path.write_text(deck_html(rendering.run_lesson(lesson)), encoding="utf-8")
        yield path


def deck_html(notebook: Any) -> str:
    """All slides of a lesson that was run, as one HTML page for screens of 1280 × 720 and any other size.

    The slide type in each cell's metadata is Jupyter's: ``slide`` and ``subslide`` begin a new slide, ``-``
    continues one, a ``fragment`` appears after a key is pressed, ``notes`` and ``skip`` are left out.
    """
    slides = "".join(
        f'<section class="slide" id="{number}"><header>{slide.heading}</header>'
        f'<div class="main">{"".join(slide.main)}</div>'
        f'<div class="side">{"".join(slide.side)}</div></section>'
        for number, slide in enumerate(_slides(notebook), start=1)
    )
    return rendering.document_html(
        rendering.title_of(notebook), f'<main class="deck">{slides}</main>', "deck.css", "deck.js"
    )


@dataclasses.dataclass
class _Slide:
    """``main``: text, code, outputs. ``side``: text about the outputs, beside them."""

    heading: str
    main: list[str] = dataclasses.field(default_factory=list)
    side: list[str] = dataclasses.field(default_factory=list)
    lines_of_code: int = 0
    has_output: bool = False


def _slides(notebook: Any) -> list[_Slide]:
    slides: list[_Slide] = []
    section = ""
    for cell in notebook.cells:
        slide_type = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if slide_type in ("skip", "notes"):
            continue
        heading = re.search(r"^##? (.*)$", cell.source, re.M) if cell.cell_type == "markdown" else None
        if slide_type in ("slide", "subslide") or not slides:
            slides.append(_Slide("" if heading else section))
        section = html.escape(heading[1]) if heading else section
        slide = slides[-1]
        if cell.cell_type == "markdown":
            text = _slide_text(cell.source)
            (slide.side if slide.has_output else slide.main).append(_part("text", text, slide_type))
        else:
            outputs = rendering.outputs_html(cell, notebook)
            if "hide-input" not in tags_of(cell) or not outputs:
                code = _with_short_display_calls(cell.source)
                slide.lines_of_code += code.count("\n") + 1
                slide.main.append(_part("code", rendering.code_html(code), slide_type))
            if outputs:
                # The output of longer code gets a slide of its own, where it can be large.
                if slide.lines_of_code > (4 if outputs.count("<figure") > 1 else 8):
                    slides.append(_Slide(section))
                slides[-1].main.append(_part("output", outputs, slide_type))
                slides[-1].has_output = True
    return [slide for slide in slides if slide.main or slide.side]


def _slide_text(source: str) -> str:
    """Markdown as HTML for a slide, on which what was to be seen is not folded: it comes at a key."""
    unfolded = re.sub(
        r"<details><summary>What you saw</summary>(.*)</details>", r"**What you saw.**\1", source, flags=re.S
    )
    # The slides are a single file, so links to other lessons and documents would lead nowhere.
    return re.sub(
        r'<a href="[^":]*\.(?:ipynb|md)[^":]*">(.*?)</a>',
        r"\1",
        rendering.markdown_html(unfolded),
        flags=re.S,
    )


def _part(name: str, content: str, slide_type: str) -> str:
    return f'<div class="part {name}{" fragment" * (slide_type == "fragment")}">{content}</div>'


def _with_short_display_calls(source: str) -> str:
    """A cell's code with each call that shows or plots results in one line: the slide has these results."""
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        call = node.value if isinstance(node, ast.Expr) else None
        shows = isinstance(call, ast.Call) and getattr(call.func, "id", "").startswith(("show_", "plot_"))
        if shows and node.end_lineno > node.lineno:
            lines[node.lineno - 1 : node.end_lineno] = [f"{call.func.id}(...)"]
    return "\n".join(lines)
