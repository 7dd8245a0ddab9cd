"""The drawings of the lessons: figure 1, a convolution, and the receptive fields on a picture."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers.errors import ArgumentError
from helpers.images import as_uint8


def draw_convolution(
    inputs: np.ndarray, outputs: np.ndarray, window: int, stride: int, position: tuple[int, int]
) -> Any:
    """Draw a convolution with real numbers: N input maps, one window in them, and M output maps.

    ``inputs``: ``(h, w, N)``, ``outputs``: ``(h', w', M)``, computed without padding by windows of ``window``
    × ``window`` whose places lie ``stride`` apart. ``position``: row and column of the answer that is
    marked, together with the window it comes from; the next window is dashed.

    Returns a matplotlib figure for ``show_plot``.
    Raises ``ArgumentError`` where ``position`` lies outside the output maps.
    """
    import matplotlib.pyplot as plt

    row, column = position
    if not (0 <= row < outputs.shape[0] and 0 <= column < outputs.shape[1]):
        raise ArgumentError(
            f"The output maps have {outputs.shape[0]} × {outputs.shape[1]} positions, "
            f"and {position} is none of them."
        )
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6))
    from_box = _draw_stack(left, inputs, (row * stride, column * stride), window, stride)
    to_box = _draw_stack(right, outputs, position, 1, 1)
    height, width, maps = inputs.shape
    left.set_title(f"N = {maps} input maps of {height} × {width},\nwindow K = {window}, stride S = {stride}")
    height, width, maps = outputs.shape
    right.set_title(f"M = {maps} output maps of {height} × {width},\none window gives {maps} answers")
    for corner_from, corner_to in zip(from_box, to_box, strict=True):
        figure.add_artist(_line_between(left, corner_from, right, corner_to))
    return figure


def _draw_stack(
    axes: Any, maps: np.ndarray, corner: tuple[int, int], side: int, stride: int
) -> list[tuple[float, float]]:
    """Draw maps behind one another, a square marked in each; return two corners of the front square."""
    from matplotlib.patches import Rectangle

    height, width, count = maps.shape
    step = max(1.0, 0.14 * width)
    signed = bool((maps < 0).any())
    bound = float(np.abs(maps).max()) or 1.0
    for index in reversed(range(count)):
        shift = index * step
        axes.imshow(
            maps[..., index],
            cmap="RdBu_r" if signed else "gray",
            vmin=-bound if signed else 0,
            vmax=bound,
            extent=(shift, shift + width, height - shift, -shift),
            zorder=count - index,
        )
        outline = {"fill": False, "zorder": count - index}
        axes.add_patch(
            Rectangle((shift, -shift), width, height, edgecolor="#666666", linewidth=0.8, **outline)
        )
        square = (corner[1] + shift, corner[0] - shift)
        axes.add_patch(Rectangle(square, side, side, edgecolor="#111111", linewidth=1.8, **outline))
    following = (corner[1] + stride, corner[0])
    if following[0] + side <= width:
        dashed = {"fill": False, "linestyle": (0, (2, 2)), "zorder": count + 1}
        axes.add_patch(Rectangle(following, side, side, edgecolor="#d95f02", linewidth=1.8, **dashed))
    for row in range(corner[0], corner[0] + side):
        for column in range(corner[1], corner[1] + side):
            axes.text(
                column + 0.5,
                row + 0.5,
                f"{maps[row, column, 0]:.1f}",
                color="white" if _is_dark(maps[row, column, 0] / bound, signed) else "black",
                ha="center",
                va="center",
                fontsize=min(9.0, 90 / max(height, width)),
                zorder=count + 1,
            )
    far = (count - 1) * step
    axes.set_xlim(-0.3, width + far + 0.3)
    axes.set_ylim(height + 0.3, -far - 0.3)
    axes.set_aspect("equal")
    axes.axis("off")
    return [(corner[1] + side, corner[0]), (corner[1] + side, corner[0] + side)]


def _is_dark(share: float, signed: bool) -> bool:
    return abs(share) > 0.6 if signed else share < 0.5


def _line_between(left: Any, start: tuple[float, float], right: Any, end: tuple[float, float]) -> Any:
    from matplotlib.patches import ConnectionPatch

    # The line ends at the near side of the square on the right, one cell before its far corner.
    return ConnectionPatch(
        start, (end[0] - 1, end[1]), "data", "data", axesA=left, axesB=right, color="#111111", linewidth=0.8
    )


def draw_receptive_fields(image: np.ndarray, sides: Mapping[str, int]) -> Any:
    """Draw on an image how large a patch of it one answer of each layer depends on.

    ``image``: ``(H, W, 3)``, 0…255. ``sides``: ``{layer: side of the patch in pixels}``. The patches share
    their center; one that is larger than the image is cut off at its border.

    Returns a matplotlib figure for ``show_plot``.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    height, width = image.shape[:2]
    figure, axes = plt.subplots(figsize=(5.5 * width / height, 5.5))
    axes.imshow(as_uint8(np.asarray(image)))
    for index, (layer, side) in enumerate(sides.items()):
        corner = (width / 2 - side / 2 - 0.5, height / 2 - side / 2 - 0.5)
        square = {"fill": False, "edgecolor": f"C{index}"}
        axes.add_patch(Rectangle(corner, side, side, linewidth=3.6, fill=False, edgecolor="white"))
        axes.add_patch(Rectangle(corner, side, side, linewidth=2.2, label=f"{layer}: {side}", **square))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.axis("off")
    return figure
