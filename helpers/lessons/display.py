"""What a notebook shows: images and tables with captions, curves of the loss."""

import base64
import html
import io
import numbers
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.errors import ArgumentError
from helpers.images import as_uint8
from helpers.progress import data_url


def show_images(
    images: Sequence[np.ndarray],
    titles: Sequence[str] = (),
    *,
    caption: str = "",
    alt: str = "",
    columns: int | None = None,
    width: int = 300,
    pixelated: bool = False,
) -> None:
    """Show images side by side in a notebook, each with a title, together with a caption.

    ``images``: ``(H, W, 3)``, 0…255. ``alt``: what the figure shows, for a reader who cannot see it.
    ``columns``: images in a row, by default all; ``width``: the width of each on the page, in pixels.
    ``pixelated``: enlarge without smoothing, so that each pixel is a square.

    Raises ``ArgumentError`` where there are titles for some of the images only.
    """
    images = list(images)
    titles = list(titles) or [""] * len(images)
    if len(titles) != len(images):
        raise ArgumentError(f"There are {len(images)} images and {len(titles)} titles.")
    rendering = ";image-rendering:pixelated" if pixelated else ""
    cells = "".join(
        f'<div style="text-align:center"><img src="{data_url(image)}" '
        f'alt="{html.escape(title or alt)}" style="width:100%;display:block{rendering}">'
        f'<div style="padding:4px 0;overflow-wrap:anywhere">{html.escape(title)}</div></div>'
        for image, title in zip(images, titles, strict=True)
    )
    grid = (
        f"display:grid;gap:10px;justify-content:start;align-items:end;"
        f"grid-template-columns:repeat({columns or len(images)},minmax(0,{width}px))"
    )
    _show_html(_figure(f'<div style="{grid}">{cells}</div>', caption, alt))


def heatmap(values: Any, signed: bool = False) -> np.ndarray:
    """A matrix of numbers as a picture, for ``show_images``: from black (0) to light yellow (the largest).

    ``values``: ``(H, W)``, 0 or more. ``signed``: any numbers, from blue (negative) over white (0) to red.
    Returns ``uint8 (H, W, 3)``. Raises ``ArgumentError`` for another shape.
    """
    import matplotlib

    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2:
        raise ArgumentError(f"A heat map shows a matrix (H, W), not the shape {values.shape}.")
    largest = np.abs(values).max() or 1.0
    share = (1 + values / largest) / 2 if signed else values / largest
    colors = matplotlib.colormaps["RdBu_r" if signed else "magma"](share)
    return as_uint8(255 * colors[..., :3])


def show_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, caption: str = "", left: int = 1
) -> None:
    """Show a table in a notebook: whole numbers with thousands set apart, other numbers to four digits.

    ``columns``: the head. ``rows``: one sequence of numbers or texts each. ``left``: how many columns, from
    the first, are set flush left; the others are set flush right.

    Raises ``ArgumentError`` where a row is longer or shorter than the head.
    """
    for row in rows:
        if len(row) != len(columns):
            raise ArgumentError(f"The table has {len(columns)} columns, and a row of it {len(row)} entries.")

    def line(tag: str, entries: Sequence[Any]) -> str:
        sides = ["left" if index < left else "right" for index in range(len(columns))]
        return "".join(
            f'<{tag} style="text-align:{side};padding:2px 12px">{html.escape(_written(entry))}</{tag}>'
            for side, entry in zip(sides, entries, strict=True)
        )

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{line('th', columns)}</tr></thead><tbody>{body}</tbody></table>"
    _show_html(_figure(table, caption, ""))


def _written(entry: Any) -> str:
    if isinstance(entry, str):
        return entry
    if isinstance(entry, numbers.Integral):
        return f"{int(entry):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{float(entry):.4g}"


def show_plot(figure: Any, *, caption: str = "", alt: str = "") -> None:
    """Show a matplotlib figure in a notebook with a caption and alternative text, and close it."""
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    plt.close(figure)
    source = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    _show_html(_figure(f'<img src="{source}" alt="{html.escape(alt)}" style="max-width:100%">', caption, alt))


def show_film(path: str | os.PathLike, *, caption: str = "", alt: str = "", width: int = 360) -> None:
    """Show a GIF or an animated WebP in a notebook with a caption; it runs by itself, and stays in the page.

    ``width``: on the page, in pixels. Raises ``MissingFileError`` for a missing file.
    """
    path = Path(path)
    data = base64.b64encode(path.read_bytes()).decode()
    source = f"data:image/{path.suffix.lower()[1:]};base64,{data}"
    image = f'<img src="{source}" alt="{html.escape(alt)}" style="width:{width}px;max-width:100%">'
    _show_html(_figure(image, caption, alt))


def plot_history(
    histories: dict[str, list[dict[str, float]]], *, term: str = "total", caption: str = "", alt: str = ""
) -> None:
    """Plot how a loss fell over the steps of one run or several, on a logarithmic scale.

    ``histories``: ``{label: Result.history}``. ``term``: ``"total"`` or the name of a term. A line is
    broken where a coarse-to-fine run changes the size, since the totals before and after it are of
    different objectives.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator

    figure, axes = plt.subplots(figsize=(7, 3.2))
    for index, (label, history) in enumerate(histories.items()):
        for size in dict.fromkeys(record["size"] for record in history):
            records = [record for record in history if record["size"] == size]
            first = size == history[0]["size"]
            axes.semilogy(
                [record["step"] for record in records],
                [record[term] for record in records],
                color=f"C{index}",
                label=label if first else None,
            )
    axes.set_xlabel("step")
    axes.set_ylabel(f"{term} loss")
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    for set_formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        set_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    show_plot(figure, caption=caption, alt=alt)


def _figure(content: str, caption: str, alt: str) -> str:
    label = f' role="figure" aria-label="{html.escape(alt)}"' if alt else ""
    text = (
        f'<figcaption style="margin-top:6px"><em>{html.escape(caption)}</em></figcaption>' if caption else ""
    )
    return f'<figure style="margin:8px 0"{label}>{content}{text}</figure>'


def _show_html(markup: str) -> None:
    from IPython.display import HTML, display

    display(HTML(markup))
