"""The drawings of the lessons: a convolution with its numbers, and the receptive fields on an image."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers.images import as_uint8


def draw_convolution(
    inputs: np.ndarray, outputs: np.ndarray, kernel_size: int, stride: int, position: tuple[int, int]
) -> Any:
    """Draw a convolution with real numbers: N input channels, the kernel at one position, M output channels.

    After figure 1 of Wu Bingzhe, "Extracted the style from the image with deep neural network" (2015).

    ``inputs``: ``(h, w, N)``. ``outputs``: ``(h', w', M)``, the convolution without padding. ``position``:
    row and column of the activation that is marked, together with the inputs that it is computed from; the
    next position of the kernel is dashed.

    Returns a Matplotlib figure for ``show_plot``.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import ConnectionPatch

    row, column = position
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6))
    starts = _draw_stack(left, inputs, (row * stride, column * stride), kernel_size, stride)
    ends = _draw_stack(right, outputs, position, 1, 1)
    height, width, channels = inputs.shape
    left.set_title(
        f"N = {channels} input channels of {height} × {width},\n"
        f"kernel size K = {kernel_size}, stride S = {stride}"
    )
    height, width, channels = outputs.shape
    right.set_title(
        f"M = {channels} output channels of {height} × {width},\n{channels} activations at each position"
    )
    for start, (x, y) in zip(starts, ends, strict=True):
        # The line ends at the left side of the square, whose right corners are given.
        style = {"axesA": left, "axesB": right, "color": "#111111", "linewidth": 0.8}
        figure.add_artist(ConnectionPatch(start, (x - 1, y), "data", "data", **style))
    return figure


def _draw_stack(
    axes: Any, maps: np.ndarray, corner: tuple[int, int], side: int, stride: int
) -> list[tuple[float, float]]:
    """Draw maps behind one another with a square in each; return the right corners of the front square."""
    height, width, count = maps.shape
    top, left = corner
    step = max(1.0, 0.14 * width)
    signed = bool((maps < 0).any())
    bound = float(np.abs(maps).max()) or 1.0
    colors = {"cmap": "RdBu_r" if signed else "gray", "vmin": -bound if signed else 0, "vmax": bound}
    for index in reversed(range(count)):
        shift = index * step
        extent = (shift, shift + width, height - shift, -shift)
        axes.imshow(maps[..., index], extent=extent, zorder=count - index, **colors)
        _outline(axes, (shift, -shift), width, height, "#666666", 0.8, zorder=count - index)
        _outline(axes, (left + shift, top - shift), side, side, "#111111", 1.8, zorder=count - index)
    if left + stride + side <= width:
        dashed = {"linestyle": (0, (2, 2)), "zorder": count + 1}
        _outline(axes, (left + stride, top), side, side, "#d95f02", 1.8, **dashed)
    text = {"ha": "center", "va": "center", "fontsize": min(9.0, 90 / max(height, width))}
    for row, column in np.ndindex(side, side):
        value = maps[top + row, left + column, 0]
        dark = abs(value) > 0.6 * bound if signed else value < 0.5 * bound
        color, middle = "white" if dark else "black", (left + column + 0.5, top + row + 0.5)
        axes.text(*middle, f"{value:.1f}", color=color, zorder=count + 1, **text)
    far = (count - 1) * step
    axes.set_xlim(-0.3, width + far + 0.3)
    axes.set_ylim(height + 0.3, -far - 0.3)
    axes.set_aspect("equal")
    axes.axis("off")
    return [(left + side, top), (left + side, top + side)]


def _outline(
    axes: Any, corner: tuple[float, float], width: float, height: float, color: str, line: float, **style: Any
) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=color, linewidth=line, **style))


def draw_receptive_fields(image: np.ndarray, sides: Mapping[str, int]) -> Any:
    """Draw the receptive fields of several layers on an image: the pixels that one activation depends on.

    ``image``: ``(H, W, 3)``, 0…255. ``sides``: ``{layer: side of the receptive field in pixels}``. All are
    centered in the image; one that is larger than the image is cut off at its edge.

    Returns a Matplotlib figure for ``show_plot``.
    """
    import matplotlib.pyplot as plt

    height, width = image.shape[:2]
    figure, axes = plt.subplots(figsize=(5.5 * width / height, 5.5))
    axes.imshow(as_uint8(np.asarray(image)))
    for index, (layer, side) in enumerate(sides.items()):
        corner = (width / 2 - side / 2 - 0.5, height / 2 - side / 2 - 0.5)
        _outline(axes, corner, side, side, "white", 3.6)
        _outline(axes, corner, side, side, f"C{index}", 2.2, label=f"{layer}: {side}")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.axis("off")
    return figure
