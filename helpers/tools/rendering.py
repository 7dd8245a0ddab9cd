"""Lessons run and rendered to HTML: what the slides and the site have in common.

A page holds everything it shows: pictures as data, equations as MathML. It opens from a file, without a
server and without a network.
"""

import base64
import html
import re
import sys
import time
from importlib import resources
from pathlib import Path
from typing import Any

from helpers.errors import RunError
from helpers.files.bundled import NOTEBOOKS
from helpers.files.writing import atomic_write
from helpers.progress import clock, terminal_line

_WIDGET = "application/vnd.jupyter.widget-view+json"


def run_lesson(path: Path) -> Any:
    """Run a lesson from its first cell to its last, as *Run All Cells* does.

    Returns the notebook (``nbformat``) with the outputs of its cells. Raises ``RunError`` with the name of
    the cell that failed.
    """
    import nbclient
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    show_progress, cells, began = terminal_line(sys.stderr), len(notebook.cells), time.perf_counter()
    client = nbclient.NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOKS)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        on_cell_start=lambda cell, cell_index: show_progress(
            f"{path.stem}: cell {cell_index + 1} of {cells}", cell_index / cells, None
        ),
    )
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as error:
        failed = next(
            cell.id
            for cell in notebook.cells
            if any(output["output_type"] == "error" for output in cell.get("outputs", []))
        )
        raise RunError(
            f"{path.name} failed in its cell {failed}: {error.ename}: {error.evalue.strip()}"
        ) from error
    except nbclient.exceptions.DeadKernelError as error:
        raise RunError(f"{path.name} ended before its last cell; the memory may have run out.") from error
    show_progress(f"{path.stem}: {cells} cells, {clock(time.perf_counter() - began)}", None, None)
    return notebook


def write_html(path: Path, text: str) -> Path:
    """Write a page and return its path."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def document_html(title: str, body: str, style: str, script: str = "") -> str:
    """A whole HTML document. ``style``, ``script``: names of files in the folder ``theme``."""
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


def title_of(notebook: Any) -> str:
    """The heading of a lesson's first cell."""
    return re.search(r"^# (.*)$", notebook.cells[0].source, re.M)[1]


def tags_of(cell: Any) -> list[str]:
    """The tags of a cell, such as ``hide-input``."""
    return cell.metadata.get("tags", [])


def markdown_html(markdown: str) -> str:
    """Markdown as HTML, with equations as MathML and pictures as data."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def block_math(self, body: str) -> str:
            return _equation_html(body, "block")

        def inline_math(self, body: str) -> str:
            return _equation_html(body, "inline")

        def image(self, text: str, url: str, title: str | None = None) -> str:
            # A page fetches nothing: a picture from the network, such as Colab's badge, becomes its text.
            if url.startswith("http"):
                return text
            data = base64.b64encode((NOTEBOOKS / url).read_bytes()).decode()
            format = "jpeg" if url.endswith(".jpg") else "png"
            return f'<img src="data:image/{format};base64,{data}" alt="{html.escape(text)}">'

        def heading(self, text: str, level: int, **attributes: Any) -> str:
            return f"<h{level}>{text}</h{level}>"

    return MarkdownWithMath(renderer=Renderer(escape=False)).render(markdown)


def _equation_html(tex: str, display: str) -> str:
    """An equation as MathML, which browsers render without a library, and its number."""
    from latex2mathml.converter import convert

    number = re.search(r"\\tag\{(.*?)\}", tex)
    # The converter knows neither \tag nor the space after a line of cases.
    plain = re.sub(r"\\tag\{.*?\}|(?<=\\\\)\[\d+pt\]", "", tex)
    mark = f'<span class="number">({number[1]})</span>' if number else ""
    return f'<span class="equation {display}">{convert(plain.strip(), display=display)}{mark}</span>'


def code_html(code: str) -> str:
    """Python code as HTML with its syntax highlighted."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    highlighted = highlight(code, PythonLexer(), HtmlFormatter(linespans="line"))
    # A line too long for the page is wrapped with a hanging indent of four more than its own.
    indents = iter(len(line) - len(line.lstrip()) + 4 for line in code.split("\n"))

    def line(_: re.Match[str]) -> str:
        indent = next(indents, 4)
        return f'<span class="line" style="padding-left:{indent}ch;text-indent:-{indent}ch">'

    return re.sub(r'<span id="line-\d+">', line, highlighted)


def outputs_html(cell: Any, notebook: Any) -> str:
    """All outputs of a code cell, or ``""`` for none."""
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    widgets = notebook.metadata.get("widgets", {})
    models = next((stored["state"] for stored in widgets.values()), {})
    # Lines printed one by one become one output.
    outputs = CoalesceStreamsPreprocessor().preprocess_cell(cell, {}, 0)[0].outputs
    rendered = "".join(_output_html(output, models) for output in outputs)
    return f'<div class="outputs">{rendered}</div>' if rendered else ""


def _output_html(output: Any, models: Any) -> str:
    """One output of a cell: printed text, an error, a widget, HTML, a picture or a value."""
    from nbconvert.filters import ansi2html

    if output["output_type"] == "stream":
        return f"<pre>{ansi2html(output['text'])}</pre>"
    if output["output_type"] == "error":
        return f"<pre>{ansi2html(chr(10).join(output['traceback']))}</pre>"
    data = output["data"]
    if _WIDGET in data:
        return f'<div class="widget">{_widget_html(data[_WIDGET]["model_id"], models)}</div>'
    if "text/html" in data:
        return str(data["text/html"])
    if "image/png" in data:
        return f'<img src="data:image/png;base64,{data["image/png"]}" alt="">'
    return f"<pre>{html.escape(data.get('text/plain', ''))}</pre>"


def _widget_html(model_id: str, models: Any) -> str:
    """A widget in its state at the end of the run, and disabled: a page has no kernel."""

    def state_of(reference: str) -> Any:
        return models.get(reference.removeprefix("IPY_MODEL_"), {}).get("state", {})

    state = state_of(model_id)
    if not state or state_of(state.get("layout", "")).get("display") == "none":
        return ""
    kind = state["_model_name"].removesuffix("Model")
    if "children" in state:
        children = (child.removeprefix("IPY_MODEL_") for child in state["children"])
        inside = "".join(_widget_html(child, models) for child in children)
        return f'<div class="{"row" if kind == "HBox" else "column"}">{inside}</div>'
    if kind == "Output":
        return "".join(_output_html(output, models) for output in state.get("outputs", []))
    if kind in ("HTML", "HTMLMath"):
        return f"<div>{state['value']}</div>"
    if kind == "Image":
        data = next((b["data"] for b in models[model_id].get("buffers", []) if b["path"] == ["value"]), "")
        width = f' style="width:{state["width"]}px"' if state.get("width") else ""
        source = f"data:image/{state.get('format', 'png')};base64,{data}"
        return f'<img src="{source}" alt=""{width}>' if data else ""
    return _control_html(kind, state, html.escape(str(state.get("description") or "")))


def _control_html(kind: str, state: Any, label: str) -> str:
    """A button, slider, choice or text field of a given state."""
    value = state.get("value")
    if kind.endswith(("Button", "FileUpload")):
        return f"<button disabled>{label}</button>"
    if kind == "Checkbox":
        return f'<label><input type="checkbox" disabled {"checked" * bool(value)}> {label}</label>'
    if "_options_labels" in state:
        chosen = state.get("index")
        option = "" if chosen is None else html.escape(str(state["_options_labels"][chosen]))
        control = f"<select disabled><option>{option}</option></select>"
    elif kind.endswith("Progress"):
        control = f'<progress value="{value}" max="{state.get("max", 1)}"></progress>'
    elif kind.endswith("Slider"):
        low, high = state.get("min", 0), state.get("max", 1)
        if kind == "FloatLogSlider":
            low, high = state["base"] ** low, state["base"] ** high
        limits = f'min="{low}" max="{high}" step="any"'
        control = f'<input type="range" disabled {limits} value="{value}"> {value:g}'
    elif isinstance(value, str):
        control = html.escape(value)
    else:
        return ""
    return f"<label>{label} {control}</label>"
