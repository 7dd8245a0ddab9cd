"""Output of a notebook: images and tables with captions, and plots of the loss."""

import base64
import html
import itertools
import numbers
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.errors import ArgumentError
from helpers.images import as_uint8, image_bytes


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
    """Show images side by side in a notebook, each with a title, and one caption for all.

    ``images``: ``(H, W, 3)``, 0…255. ``alt``: alternative text, for a reader who cannot see the images.
    ``columns``: images in a row, by default all; ``width``: the largest width of each on the page, in pixels.
    ``pixelated``: enlarge without smoothing, so that each pixel is a square.

    Raises ``ArgumentError`` unless there is one title for each image, or none at all.
    """
    images = list(images)
    titles = list(titles) or [""] * len(images)
    if len(titles) != len(images):
        raise ArgumentError(f"There are {len(images)} images and {len(titles)} titles.")
    style = "width:100%;display:block" + (";image-rendering:pixelated" if pixelated else "")
    cells = "".join(
        f'<div style="text-align:center">{_image_tag(image_bytes(image), "png", title or alt, style)}'
        f'<div style="padding:4px 0;overflow-wrap:anywhere">{html.escape(title)}</div></div>'
        for image, title in zip(images, titles, strict=True)
    )
    grid = (
        f"display:grid;gap:10px;justify-content:start;align-items:end;"
        f"grid-template-columns:repeat({columns or len(images)},minmax(0,{width}px))"
    )
    _show_figure(f'<div style="{grid}">{cells}</div>', caption, alt)


def show_sliders(
    images: Sequence[np.ndarray],
    sliders: Mapping[str, Sequence[Any]],
    *,
    start: Sequence[int] = (),
    caption: str = "",
    alt: str = "",
    width: int = 480,
) -> None:
    """Show one of many images in a notebook, chosen with one or more sliders.

    All images are in the output itself, so the sliders also work on slides and on a page, without a kernel.

    ``images``: ``(H, W, 3)``, 0…255, one for each combination of stops, where the last slider changes first.
    ``sliders``: ``{name: values of its stops}``. ``start``: the stop of each slider at the beginning, from 0;
    by default the first of each. ``width``: of the image on the page, in pixels.

    Raises ``ArgumentError`` unless there is one image for each combination, and a start for each slider.
    """
    images, stops = list(images), [[str(value) for value in values] for values in sliders.values()]
    chosen = list(start) or [0] * len(stops)
    places = list(itertools.product(*(range(len(values)) for values in stops)))
    if not stops or len(images) != len(places):
        counts = " × ".join(str(len(values)) for values in stops)
        raise ArgumentError(f"There are {len(images)} images for {counts or 'no'} stops of the sliders.")
    if tuple(chosen) not in places:
        raise ArgumentError(f"The start {tuple(chosen)} is not one stop of each slider, counted from 0.")
    rows = "".join(
        _slider_html(name, values, stop) for name, values, stop in zip(sliders, stops, chosen, strict=True)
    )
    pictures = "".join(
        _image_tag(
            image_bytes(image, "WEBP"),
            "webp",
            ", ".join(
                f"{name} = {values[stop]}" for name, values, stop in zip(sliders, stops, place, strict=True)
            ),
            f"width:100%;display:{'block' if place == tuple(chosen) else 'none'}",
        )
        for image, place in zip(images, places, strict=True)
    )
    _show_figure(f'<div style="width:{width}px;max-width:100%">{rows}{pictures}</div>', caption, alt)


# The number of the image is that of the sliders' stops, read as the digits of one number.
_CHOOSE_IMAGE = """
const figure = this.closest('figure'), sliders = [...figure.querySelectorAll('input')];
const number = sliders.reduce((sum, slider) => sum * (+slider.max + 1) + +slider.value, 0);
const value = this.dataset.stops.split('\\n')[this.value];
this.nextElementSibling.value = value;
this.setAttribute('aria-valuetext', value);
figure.querySelectorAll('img').forEach((image, index) => {
  image.style.display = index === number ? 'block' : 'none';
});
"""


def _slider_html(name: str, stops: Sequence[str], stop: int) -> str:
    """A slider with its name before it and the value of its stop after it."""
    value, name, every = (html.escape(text) for text in (stops[stop], name, "\n".join(stops)))
    # Firefox would restore an earlier position on reload, without the image of that position.
    limits = f'min="0" max="{len(stops) - 1}" step="1" value="{stop}" autocomplete="off"'
    return (
        '<label style="display:flex;align-items:center;gap:12px;margin:0 0 6px">'
        f'<span style="min-width:7em">{name}</span><input type="range" {limits} '
        f'data-stops="{every}" aria-label="{name}" aria-valuetext="{value}" '
        f'style="flex:1;min-width:0" oninput="{html.escape(" ".join(_CHOOSE_IMAGE.split()))}">'
        f'<output style="min-width:4em;font-weight:bold">{value}</output></label>'
    )


def heatmap(values: Any, signed: bool = False) -> np.ndarray:
    """A matrix as an image, for ``show_images``: from black (0) to light yellow (the largest value).

    ``values``: ``(H, W)``, 0 or more. ``signed``: any numbers, from blue (negative) over white (0) to red.
    Returns ``uint8 (H, W, 3)``. Raises ``ArgumentError`` for another shape.
    """
    import matplotlib

    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2:
        raise ArgumentError(f"A heat map shows a matrix (H, W), not the shape {values.shape}.")
    scaled = values / (np.abs(values).max() or 1.0)
    colors = matplotlib.colormaps["RdBu_r" if signed else "magma"]((1 + scaled) / 2 if signed else scaled)
    return as_uint8(255 * colors[..., :3])


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, caption: str = "") -> None:
    """Show a table in a notebook: integers with thousands separated, others with four significant digits.

    ``columns``: the headings. ``rows``: each a sequence of numbers or texts; the first is aligned left, the
    others are aligned right.
    """

    def line(tag: str, entries: Sequence[Any]) -> str:
        return "".join(
            f'<{tag} style="text-align:{"right" if index else "left"};padding:2px 12px">'
            f"{html.escape(_formatted(entry))}</{tag}>"
            for index, entry in enumerate(entries)
        )

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{line('th', columns)}</tr></thead><tbody>{body}</tbody></table>"
    _show_figure(table, caption, "")


def _formatted(entry: Any) -> str:
    if isinstance(entry, str):
        return entry
    if isinstance(entry, numbers.Integral):
        return f"{int(entry):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{float(entry):.4g}"


def show_plot(figure: Any, *, caption: str = "", alt: str = "") -> None:
    """Show a Matplotlib figure in a notebook with a caption and alternative text, and close it."""
    import matplotlib.pyplot as plt
    from IPython.core.pylabtools import print_figure

    data = print_figure(figure, dpi=110)
    plt.close(figure)
    _show_figure(_image_tag(data, "png", alt, "max-width:100%"), caption, alt)


def show_film(path: str | os.PathLike, *, caption: str = "", alt: str = "", width: int = 360) -> None:
    """Show a GIF or an animated WebP in a notebook with a caption; it plays by itself.

    The notebook keeps a copy of the file. ``width``: on the page, in pixels.
    Raises ``FileNotFoundError`` for a missing file.
    """
    path = Path(path)
    style = f"width:{width}px;max-width:100%"
    _show_figure(_image_tag(path.read_bytes(), path.suffix.lower()[1:], alt, style), caption, alt)


def plot_history(
    histories: dict[str, list[dict[str, float]]], *, term: str = "total", caption: str = "", alt: str = ""
) -> None:
    """Plot the loss of one or more runs over their steps, on a logarithmic scale.

    ``histories``: ``{label: Result.history}``. ``term``: ``"total"`` or the name of a term. A line is
    broken where a coarse-to-fine run changes the size, because losses of different sizes are not comparable.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.2))
    draw_losses(axes, {label: (history, term, 1.0) for label, history in histories.items()}, f"{term} loss")
    show_plot(figure, caption=caption, alt=alt)


def draw_losses(
    axes: Any, lines: Mapping[str, tuple[Sequence[dict[str, float]], str, float]], ylabel: str
) -> None:
    """Draw weighted losses over the steps into the ``axes`` of a Matplotlib figure.

    ``lines``: by label, the history, the name of the term, and its weight.
    """
    for index, (label, (history, term, weight)) in enumerate(lines.items()):
        for size in dict.fromkeys(record["size"] for record in history):
            points = [(record["step"], weight * record[term]) for record in history if record["size"] == size]
            axes.semilogy(*zip(*points, strict=True), color=f"C{index}", label=label)
            label = None  # The legend names each line once.
    axes.set_xlabel("step")
    axes.set_ylabel(ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def _image_tag(data: bytes, kind: str, alt: str, style: str) -> str:
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return f'<img src="{source}" alt="{html.escape(alt)}" style="{style}">'


def _show_figure(content: str, caption: str, alt: str) -> None:
    from IPython.display import HTML, display

    label = f' role="figure" aria-label="{html.escape(alt)}"' if alt else ""
    text = (
        f'<figcaption style="margin-top:6px"><em>{html.escape(caption)}</em></figcaption>' if caption else ""
    )
    display(HTML(f'<figure style="margin:8px 0"{label}>{content}{text}</figure>'))
