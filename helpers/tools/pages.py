"""Lessons as pages that need nothing else: a deck of slides for a lecture, a site for a class.

A lesson is run first, and what its cells answered goes into the page: pictures as data, equations as MathML.
Such a page opens from a disk or a stick, without a server and without a network.
"""

import ast
import base64
import dataclasses
import datetime
import html
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from helpers.errors import ArgumentError, RunError
from helpers.files.bundled import NOTEBOOKS, lesson_files
from helpers.files.writing import written_whole
from helpers.progress import clock, terminal_line

_WHOLE_ON_A_SLIDE = 8
"""Code of more lines than these has its answer on a slide of its own, where it can be large; of several
figures, code of more than half as many lines."""

_WORTH_TELLING = 2.0
"""From how many seconds on the site says how long a cell ran, for those who would run it in a lecture."""

_WIDGET = "application/vnd.jupyter.widget-view+json"


def run_lesson(path: Path) -> Any:
    """Run a lesson from its first cell to its last, as *Run All Cells* does.

    Returns the notebook (``nbformat``) with what its cells answered. Raises ``RunError`` with the cell's name
    where one fails.
    """
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    say, cells, began = terminal_line(sys.stderr), len(notebook.cells), time.perf_counter()
    client = nbclient.NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOKS)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        on_cell_start=lambda cell, cell_index: say(
            f"{path.stem}: cell {cell_index + 1} of {cells}", cell_index / cells, None
        ),
    )
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as error:
        cell = next(cell for cell in notebook.cells if any(map(_is_error, cell.get("outputs", []))))
        raise RunError(
            f"{path.name} failed in its cell {cell.id}: {error.ename}: {error.evalue.strip()}"
        ) from error
    except nbclient.exceptions.DeadKernelError as error:
        raise RunError(f"{path.name} ended before its last cell; the memory may have run out.") from error
    say(f"{path.stem}: {cells} cells, {clock(time.perf_counter() - began)}", None, None)
    return notebook


def _is_error(output: Any) -> bool:
    return output["output_type"] == "error"


def write_slides(numbers: Iterable[int], folder: Path) -> Iterator[Path]:
    """Run lessons and write each as a deck of slides into a folder, which is made where it is missing.

    ``numbers``: those that the lessons' names begin with. Yields the path of each deck.
    Raises ``ArgumentError`` for a number that no lesson has, and as ``run_lesson`` does.
    """
    paths = {int(path.name[:2]): path for path in lesson_files()}
    numbers = list(numbers)
    for number in numbers:
        if number not in paths:
            raise ArgumentError(f"There is no lesson {number}; there are {', '.join(map(str, paths))}.")
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        yield _written(folder / f"{paths[number].stem}.html", deck(run_lesson(paths[number])))


def write_site(folder: Path) -> Path:
    """Run all lessons and write a site: an index, and of every lesson its page and its slides.

    A lesson that fails is left out of the site, and the others are run all the same. Returns the index's
    path. Raises ``RunError`` at the end where a lesson failed.
    """
    (folder / "slides").mkdir(parents=True, exist_ok=True)
    paths = lesson_files()
    contents: list[tuple[str, Any, float]] = []
    failures: list[str] = []
    for path in paths:
        began = time.perf_counter()
        try:
            notebook = run_lesson(path)
        except RunError as error:
            failures.append(path.stem)
            print(error, file=sys.stderr)
            continue
        contents.append((path.stem, notebook, time.perf_counter() - began))
        _written(folder / "slides" / f"{path.stem}.html", deck(notebook))
    stems = [stem for stem, *_ in contents]
    for stem, notebook, _ in contents:
        _written(folder / f"{stem}.html", page(notebook, stems, stem))
    index = _written(folder / "index.html", _index(contents))
    if failures:
        for stem in failures:
            # What an earlier run left of it would be taken for this one's.
            for page_of in (folder / f"{stem}.html", folder / "slides" / f"{stem}.html"):
                page_of.unlink(missing_ok=True)
        raise RunError(f"These lessons failed: {', '.join(failures)}; {index} has the others.")
    return index


def _written(path: Path, text: str) -> Path:
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def page(notebook: Any, stems: Sequence[str], stem: str) -> str:
    """A lesson that was run as one HTML page, with links to the lessons before and after it.

    ``stems``: all lessons' file names without ending, in order. ``stem``: this one's.
    """
    place = stems.index(stem)
    neighbors = [
        f'<a href="{other}.html">{mark}</a>' if other else ""
        for other, mark in (
            (stems[place - 1] if place else "", "← previous"),
            ("index", "all lessons"),
            (f"slides/{stem}", "as slides"),
            (stems[place + 1] if place + 1 < len(stems) else "", "next →"),
        )
    ]
    steps = f"<nav>{''.join(neighbors)}</nav>"
    body = "".join(_cell(cell, notebook) for cell in notebook.cells if "colab" not in _tags(cell))
    return _document(_title(notebook), f"{steps}<main>{body}</main>{steps}", "page.css")


def _cell(cell: Any, notebook: Any) -> str:
    if cell.cell_type == "markdown":
        text = re.sub(r'href="(\d\d_\w+)\.ipynb"', r'href="\1.html"', _rendered(cell.source))
        return f'<section class="text">{text}</section>'
    seconds = _seconds(cell)
    took = f'<p class="took">{clock(seconds)}</p>' if seconds >= _WORTH_TELLING else ""
    return f'<section class="code">{_source(cell)}{took}{_answers(cell, notebook)}</section>'


def _seconds(cell: Any) -> float:
    """How long a cell ran, as the kernel noted it."""
    noted = cell.metadata.get("execution", {})
    begin, end = (noted.get(name) for name in ("iopub.status.busy", "iopub.status.idle"))
    if begin is None or end is None:
        return 0.0
    return (datetime.datetime.fromisoformat(end) - datetime.datetime.fromisoformat(begin)).total_seconds()


def deck(notebook: Any) -> str:
    """A lesson that was run as one HTML page of slides, for a projector of 1280 × 720 and any other.

    Each cell says in its metadata what it is, as the slide-show tools of Jupyter have it: ``slide`` or
    ``subslide`` begin a new one, ``-`` goes on, ``fragment`` waits for a key, ``notes`` are the lecturer's,
    ``skip`` is left out.
    """
    slides = "".join(
        f'<section class="slide" id="{number}"><header>{slide.under}</header>'
        f'<div class="main">{"".join(slide.main)}</div><div class="side">{"".join(slide.side)}</div>'
        f'<aside class="notes">{"".join(slide.notes)}</aside></section>'
        for number, slide in enumerate(_slides(notebook), start=1)
    )
    return _document(_title(notebook), f'<main class="deck">{slides}</main>', "deck.css", "deck.js")


@dataclasses.dataclass
class _Slide:
    """``main``: what it shows. ``side``: what is said about its pictures, beside them. ``notes``: unseen."""

    under: str
    main: list[str] = dataclasses.field(default_factory=list)
    side: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    lines: int = 0
    answered: bool = False


def _slides(notebook: Any) -> list[_Slide]:
    slides: list[_Slide] = []
    under = ""
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if kind == "skip":
            continue
        heading = re.search(r"^##? (.*)$", cell.source, re.M) if cell.cell_type == "markdown" else None
        if kind in ("slide", "subslide") or not slides:
            slides.append(_Slide("" if heading else under))
        under = html.escape(heading[1]) if heading else under
        slide = slides[-1]
        if kind == "notes":
            slide.notes.append(_rendered(cell.source))
        elif cell.cell_type == "markdown":
            # A deck is alone: the lessons that the text refers to are not beside it.
            text = re.sub(r'<a href="[^":]*\.ipynb">(.*?)</a>', r"\1", _rendered(cell.source), flags=re.S)
            (slide.side if slide.answered else slide.main).append(_part("text", text, kind))
        else:
            answers = _answers(cell, notebook)
            if "hide-input" not in _tags(cell) or not answers:
                code = _without_plumbing(cell.source)
                slide.lines += code.count("\n") + 1
                slide.main.append(_part("code", _highlighted(code), kind))
            most = _WHOLE_ON_A_SLIDE if answers.count("<figure") < 2 else _WHOLE_ON_A_SLIDE // 2
            if answers and slide.lines > most:
                slides.append(_Slide(under))
            if answers:
                slides[-1].main.append(_part("answer", answers, kind))
                slides[-1].answered = True
    return [slide for slide in slides if slide.main or slide.side]


def _part(sort: str, content: str, kind: str) -> str:
    return f'<div class="part {sort}{" fragment" * (kind == "fragment")}">{content}</div>'


def _without_plumbing(source: str) -> str:
    """The code of a cell with the calls that show its results in one line each: a slide has these results."""
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        call = node.value if isinstance(node, ast.Expr) else None
        shows = isinstance(call, ast.Call) and getattr(call.func, "id", "").startswith(("show_", "plot_"))
        if shows and node.end_lineno > node.lineno:
            lines[node.lineno - 1 : node.end_lineno] = [f"{call.func.id}(...)"]
    return "\n".join(lines)


def _index(contents: Sequence[tuple[str, Any, float]]) -> str:
    cards = []
    for stem, notebook, seconds in contents:
        about = re.search(r"</h1>\s*<p>(.*?)</p>", _rendered(notebook.cells[0].source), re.S)[1]
        cards.append(
            f'<article>{_cover(notebook)}<h2><a href="{stem}.html">{html.escape(_title(notebook))}</a></h2>'
            f'<p>{about}</p><p class="small"><a href="slides/{stem}.html">as slides</a> · its cells ran in '
            f"{clock(seconds)}</p></article>"
        )
    heading = (
        "<h1>Neural style transfer</h1><p>From a convolution by hand to one's own photograph, painted.</p>"
    )
    return _document(
        "Neural style transfer",
        f'<main class="index">{heading}<div>{"".join(cards)}</div></main>',
        "page.css",
    )


def _cover(notebook: Any) -> str:
    """The last picture of the cell that bears the tag ``cover``, or of the lesson."""
    cells = [cell for cell in notebook.cells if "cover" in _tags(cell)] or notebook.cells
    pictures = [
        picture
        for cell in cells
        for output in cell.get("outputs", [])
        # A plot is an image as well, but not one of the width that its place has.
        for picture in re.findall(
            r'(<img src="[^"]*") alt="[^"]*" style="width:100%', output.get("data", {}).get("text/html", "")
        )
    ]
    return f'{pictures[-1]} alt="">' if pictures else ""


def _document(title: str, body: str, style: str, script: str = "") -> str:
    from pygments.formatters import HtmlFormatter

    font = base64.b64encode(_theme("math.woff2")).decode()
    styles = "\n".join(
        (
            f"@font-face {{ font-family: Equations; src: url(data:font/woff2;base64,{font}); }}",
            HtmlFormatter(style="friendly").get_style_defs(".highlight"),
            *(_theme(name).decode() for name in ("common.css", style)),
        )
    )
    program = f"<script>{_theme(script).decode()}</script>" if script else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{styles}</style></head>\n<body>{body}{program}</body></html>\n"
    )


def _theme(name: str) -> bytes:
    return (resources.files("helpers.tools") / "theme" / name).read_bytes()


def _title(notebook: Any) -> str:
    return re.search(r"^# (.*)$", notebook.cells[0].source, re.M)[1]


def _tags(cell: Any) -> list[str]:
    return cell.metadata.get("tags", [])


def _rendered(markdown: str) -> str:
    """Markdown as HTML, with its equations."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def block_math(self, body: str) -> str:
            return _equation(body, "block")

        def inline_math(self, body: str) -> str:
            return _equation(body, "inline")

        def image(self, text: str, url: str, title: str | None = None) -> str:
            # A picture from the network, such as the badge that opens Colab, is not to be fetched.
            if url.startswith("http"):
                return text
            data = base64.b64encode((NOTEBOOKS / url).read_bytes()).decode()
            kind = "jpeg" if url.endswith(".jpg") else "png"
            return f'<img src="data:image/{kind};base64,{data}" alt="{html.escape(text)}">'

        def heading(self, text: str, level: int, **attributes: Any) -> str:
            return f"<h{level}>{text}</h{level}>"

    return MarkdownWithMath(renderer=Renderer(escape=False)).render(markdown)


def _equation(tex: str, display: str) -> str:
    """An equation as MathML, which browsers set without a library; its number stands beside it."""
    from latex2mathml.converter import convert

    number = re.search(r"\\tag\{(.*?)\}", tex)
    # The converter knows neither numbers nor the space after a line of cases.
    plain = re.sub(r"\\tag\{.*?\}|(?<=\\\\)\[\d+pt\]", "", tex)
    mark = f'<span class="number">({number[1]})</span>' if number else ""
    return f'<span class="equation {display}">{convert(plain.strip(), display=display)}{mark}</span>'


def _source(cell: Any) -> str:
    code = _highlighted(cell.source)
    if "hide-input" in _tags(cell):
        return f"<details><summary>Code</summary>{code}</details>"
    return code


def _highlighted(code: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    marked = highlight(code, PythonLexer(), HtmlFormatter(linespans="line"))
    # A line that is too long for its place goes on under itself, not at the margin.
    indents = iter(len(line) - len(line.lstrip()) + 4 for line in code.split("\n"))
    return re.sub(r'<span id="line-\d+">', lambda _: _line(next(indents, 4)), marked)


def _line(indent: int) -> str:
    return f'<span class="line" style="padding-left:{indent}ch;text-indent:-{indent}ch">'


def _answers(cell: Any, notebook: Any) -> str:
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    widgets = notebook.metadata.get("widgets", {})
    models = next((kept["state"] for kept in widgets.values()), {})
    # What was printed line by line is one answer.
    outputs = CoalesceStreamsPreprocessor().preprocess_cell(cell, {}, 0)[0].outputs
    answers = "".join(_answer(output, models) for output in outputs)
    return f'<div class="answers">{answers}</div>' if answers else ""


def _answer(output: Any, models: Any) -> str:
    """One thing that a cell wrote, showed or returned."""
    from nbconvert.filters import ansi2html

    if output["output_type"] == "stream":
        return f"<pre>{ansi2html(output['text'])}</pre>"
    if output["output_type"] == "error":
        return f"<pre>{ansi2html(chr(10).join(output['traceback']))}</pre>"
    data = output["data"]
    if _WIDGET in data:
        return f'<div class="widget">{_still(data[_WIDGET]["model_id"], models)}</div>'
    if "text/html" in data:
        return str(data["text/html"])
    if "image/png" in data:
        return f'<img src="data:image/png;base64,{data["image/png"]}" alt="">'
    return f"<pre>{html.escape(data.get('text/plain', ''))}</pre>"


def _still(model_id: str, models: Any) -> str:
    """A widget as it stood when the lesson had run: to be looked at, since no kernel answers here."""
    model = models.get(model_id)
    if model is None:
        return ""
    state = model["state"]
    kind = re.sub(r"Model$", "", state["_model_name"])
    layout = models.get(state.get("layout", "").removeprefix("IPY_MODEL_"), {}).get("state", {})
    if layout.get("display") == "none":
        return ""
    label = html.escape(str(state.get("description") or ""))
    if "children" in state:
        inside = "".join(_still(child.removeprefix("IPY_MODEL_"), models) for child in state["children"])
        return f'<div class="{"across" if kind == "HBox" else "down"}">{inside}</div>'
    if kind == "Image":
        buffer = next((kept for kept in model.get("buffers", []) if kept["path"] == ["value"]), None)
        width = f' style="width:{state["width"]}px"' if state.get("width") else ""
        source = f"data:image/{state.get('format', 'png')};base64,{buffer['data']}" if buffer else ""
        return f'<img src="{source}" alt=""{width}>' if source and buffer["data"] else ""
    if kind in ("HTML", "HTMLMath"):
        return f"<div>{state['value']}</div>"
    if kind == "Output":
        return "".join(_answer(output, models) for output in state.get("outputs", []))
    if kind.endswith(("Slider", "Progress")):
        low, high = state.get("min", 0), state.get("max", 1)
        if kind.endswith("Progress"):
            return f'<label>{label} <progress value="{state["value"]}" max="{high}"></progress></label>'
        if kind == "FloatLogSlider":
            low, high = state["base"] ** low, state["base"] ** high
        return (
            f'<label>{label} <input type="range" disabled min="{low}" max="{high}" step="any" '
            f'value="{state["value"]}"> {state["value"]:g}</label>'
        )
    if "_options_labels" in state:
        chosen = state.get("index")
        text = state["_options_labels"][chosen] if chosen is not None else ""
        return f"<label>{label} <select disabled><option>{html.escape(str(text))}</option></select></label>"
    if kind.endswith(("Button", "FileUpload")):
        return f"<button disabled>{label}</button>"
    if kind == "Checkbox":
        return f'<label><input type="checkbox" disabled {"checked" * bool(state["value"])}> {label}</label>'
    if "value" in state and isinstance(state["value"], str):
        return f"<label>{label} {html.escape(state['value'])}</label>"
    return ""
