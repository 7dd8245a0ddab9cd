"""Lessons run and rendered to HTML: what the slides and the site have in common.

A page holds everything it shows: pictures as data, equations as MathML. It opens from a file, without a
server and without a network.
"""

import base64
import functools
import html
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.errors import RunError
from helpers.progress import clock, terminal_line

_WIDGET = "application/vnd.jupyter.widget-view+json"
_MODEL = "IPY_MODEL_"
_THEME = Path(__file__).parent / "theme"


def run_lesson(path: Path) -> Any:
    """Run a lesson from its first cell to its last, as *Run All Cells* does.

    Returns the notebook (``nbformat``) with the outputs of its cells. Raises ``RunError`` with the name of
    the cell that failed.
    """
    import nbformat

    return run_notebook(nbformat.read(path, as_version=4), path)


def run_notebook(notebook: Any, path: Path, environment: Mapping[str, str] | None = None) -> Any:
    """Run all cells of a notebook (``nbformat``), in place, and return it.

    ``path``: the lesson's, whose folder the cells run in and whose name errors and the terminal show.
    ``environment``: environment variables that the kernel gets beside those of this process.
    Raises the errors of ``run_lesson``.
    """
    import nbclient

    began = time.perf_counter()
    show_progress, cells = terminal_line(sys.stderr), len(notebook.cells)
    client = nbclient.NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    try:
        with client.setup_kernel(env={**os.environ, **(environment or {})}):
            for index, cell in enumerate(notebook.cells):
                show_progress(f"{path.stem}: cell {index + 1} of {cells}", index / cells, None)
                client.execute_cell(cell, index)
            client.set_widgets_metadata()
    except nbclient.exceptions.CellExecutionError as error:
        raise RunError(
            f"{path.name} failed in its cell {cell.id}: {error.ename}: {error.evalue.strip()}"
        ) from error
    except nbclient.exceptions.DeadKernelError as error:
        raise RunError(f"{path.name} ended before its last cell; the memory may have run out.") from error
    show_progress(f"{path.stem}: {cells} cells, {clock(time.perf_counter() - began)}", None, None)
    return notebook


def document_html(title: str, body: str, style: str, script: str = "") -> str:
    """A whole HTML document. ``style``, ``script``: names of files in the folder ``theme``."""
    font = base64.b64encode((_THEME / "math.woff2").read_bytes()).decode()
    styles = "\n".join(
        (
            f"@font-face {{ font-family: Equations; src: url(data:font/woff2;base64,{font}); }}",
            *((_THEME / name).read_text("utf-8") for name in ("common.css", style)),
        )
    )
    program = script_html(script) if script else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{styles}</style></head>\n<body>{body}{program}</body></html>\n"
    )


def script_html(name: str) -> str:
    """A program of the folder ``theme`` as an element of a page."""
    return f"<script>{(_THEME / name).read_text('utf-8')}</script>"


def title_of(notebook: Any) -> str:
    """The heading of a lesson's first cell."""
    return re.search(r"^# (.*)$", notebook.cells[0].source, re.M)[1]


@functools.cache
def markdown_html(markdown: str) -> str:
    """Markdown as HTML, with equations as MathML."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def block_math(self, body: str) -> str:
            return _equation_html(body, "block")

        def inline_math(self, body: str) -> str:
            return _equation_html(body, "inline")

        def image(self, text: str, url: str, title: str | None = None) -> str:
            # A page fetches nothing: a picture, such as Colab's badge, becomes its text.
            return text

    return MarkdownWithMath(renderer=Renderer(escape=False, exclude_anchor_links=True)).render(markdown)


def _equation_html(tex: str, display: str) -> str:
    """An equation as MathML, which browsers render without a library, and its number."""
    from latex2mathml.converter import convert

    number = re.search(r"\\tag\{(.*?)\}", tex)
    # The converter knows neither \tag nor the space after a line of cases.
    plain = re.sub(r"\\tag\{.*?\}|(?<=\\\\)\[\d+pt\]", "", tex)
    mark = f'<span class="number">({number[1]})</span>' if number else ""
    return f'<span class="equation {display}">{convert(plain.strip(), display=display)}{mark}</span>'


@functools.cache
def code_html(code: str) -> str:
    """Python code as HTML with its syntax highlighted."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    # Each line is an element, which the theme gives a hanging indent; its id would not be the only one.
    highlighted = highlight(code, PythonLexer(), HtmlFormatter(linespans="line"))
    return re.sub(r' id="line-\d+"', ' class="line"', highlighted)


def outputs_html(cell: Any, notebook: Any) -> str:
    """All outputs of a code cell, or ``""`` for none."""
    widgets = notebook.metadata.get("widgets", {})
    models = next((stored["state"] for stored in widgets.values()), {})
    rendered = "".join(_output_html(output, models) for output in cell.outputs)
    return f'<div class="outputs">{rendered}</div>' if rendered else ""


def _output_html(output: Any, models: Any) -> str:
    """One output of a cell: printed text, a widget, HTML, a picture or a value."""
    if output["output_type"] == "stream":
        return f"<pre>{html.escape(output['text'])}</pre>"
    data = output["data"]
    if _WIDGET in data and "text/html" not in data:  # Questions are widgets that can be printed as well.
        return f'<div class="widget">{_widget_html(data[_WIDGET]["model_id"], models)}</div>'
    if "text/html" in data:
        return str(data["text/html"])
    if "image/png" in data:
        return f'<img src="data:image/png;base64,{data["image/png"]}" alt="">'
    return f"<pre>{html.escape(data.get('text/plain', ''))}</pre>"


def _widget_html(model_id: str, models: Any) -> str:
    """A widget in its state at the end of the run, and disabled: a page has no kernel."""
    state = models.get(model_id, {}).get("state")
    if not state or models[state["layout"].removeprefix(_MODEL)]["state"].get("display") == "none":
        return ""
    kind, value = state["_model_name"].removesuffix("Model"), state.get("value")
    label = html.escape(str(state.get("description")))
    if "children" in state:
        inside = "".join(_widget_html(child.removeprefix(_MODEL), models) for child in state["children"])
        return f'<div class="{"row" if kind == "HBox" else "column"}">{inside}</div>'
    if kind == "HTML":
        return f"<div>{value}</div>"
    if kind == "Image":
        data = models[model_id]["buffers"][0]["data"]
        width = f' style="width:{state["width"]}px"' if state["width"] else ""
        return f'<img src="data:image/{state["format"]};base64,{data}" alt=""{width}>'
    if kind in ("Button", "FileUpload"):
        return f"<button disabled>{label}</button>"
    if kind == "Checkbox":
        return f'<label><input type="checkbox" disabled {"checked" * value}> {label}</label>'
    if "_options_labels" in state:
        chosen = html.escape(state["_options_labels"][state["index"]])
        control = f"<select disabled><option>{chosen}</option></select>"
    elif kind.endswith("Progress"):
        control = f'<progress value="{value}" max="{state["max"]}"></progress>'
    elif kind.endswith("Slider"):
        low, high = state["min"], state["max"]
        if kind == "FloatLogSlider":
            low, high = state["base"] ** low, state["base"] ** high
        limits = f'min="{low}" max="{high}" step="any"'
        control = f'<input type="range" disabled {limits} value="{value}"> {value:g}'
    else:
        return ""
    return f"<label>{label} {control}</label>"
