"""How much memory a run needs, how much there is, and the fastest way to stay within it."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from helpers.compute.framework import gpu_memory
from helpers.compute.winograd import WAYS
from helpers.engine.lbfgs import history_length
from helpers.engine.tiling import Tiling, useful_cut
from helpers.errors import TooLargeError, check_number
from helpers.layers import filters, layers_up_to, receptive_margin, stride
from helpers.options import Precision
from helpers.vgg import FLOAT32_LAYERS, winograd_layers

GB = 1e9

UNASKED = 6 * GB
"""The most that a run takes without being told that it may."""

_FIXED: Mapping[Precision, float] = {"float32": 1.0 * GB, "bfloat16": 0.8 * GB}
"""Measured: Python, Keras with TensorFlow, and the weights, as Winograd's kernels where these are used."""

_IMAGES = 12  # The optimizer's points and gradients, and the inputs.
_IN_PIECES = 2.2
"""What tiles take beside the maps that they hold, since memory is freed in other pieces than it is asked for:
measured at 2048 × 2048 in bfloat16, 1.8 times with a cut at block2_pool and 2.4 at block3_pool."""
# A cut at block1_pool is a little faster, but takes more than 6 GB there.
_TILINGS = (
    None,
    Tiling(256, "block2_pool"),
    Tiling(512, "block3_pool"),
    Tiling(512),
    Tiling(256),
)

_CGROUP_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def peak_memory(
    height: int,
    width: int,
    layers: Sequence[str],
    precision: Precision = "float32",
    tiling: Tiling | None = None,
) -> float:
    """An estimate of the memory that a run takes at its highest, in bytes, the program itself included.

    ``height``, ``width``: of the picture, in pixels. ``layers``: those that the objective looks at; the
    deepest of them counts. ``tiling``: see ``objective``.

    What an evaluation holds is the feature maps of every layer, which the way back needs, and three times
    the largest: a gradient, the one made of it, and what a convolution keeps in between. Or, where it is
    more, twice the squares that ``winograd.convolve`` cuts the maps of a layer into.
    """
    used = layers_up_to(layers)
    deepest = used[-1]
    cut = useful_cut(tiling.cut, layers) if tiling else None
    behind = used if cut is None else used[used.index(cut) + 1 :]
    pixels = height * width
    if tiling is None:
        maps = pixels * _held_by(used, precision)
    else:
        seen = tiling.side + 2 * receptive_margin(cut or deepest)
        tile = min(height, seen) * min(width, seen) * _held_by(layers_up_to(cut or deepest), precision)
        carried = 2 * pixels * _bytes(cut, precision) if cut else 0
        maps = _IN_PIECES * (max(tile, pixels * _held_by(behind, precision) if cut else 0) + carried)
    target = pixels * _bytes(deepest, "float32")
    images = 2 * history_length(height, width) + _IMAGES
    return _FIXED[precision] + maps + target + pixels * 3 * 4 * images


def _bytes(layer: str, precision: Precision) -> float:
    """What a layer's feature maps take for each pixel of the picture."""
    number = 2 if precision == "bfloat16" and layer not in FLOAT32_LAYERS else 4
    return number * filters(layer) / stride(layer) ** 2


def _held_by(layers: Sequence[str], precision: Precision) -> float:
    each = {layer: _bytes(layer, precision) for layer in layers}
    m = len(WAYS[precision].points) - 1
    in_squares = ((1 + 2 / m) ** 2 * each[layer] for layer in winograd_layers(precision) if layer in each)
    return sum(each.values()) + max(3 * max(each.values()), *(2 * squares for squares in in_squares), 0)


def memory_installed() -> float:
    """What this machine has, in bytes: of the GPU where there is one, else of main memory.

    Unlike ``memory_to_be_had`` it is the same at every call. A container's limit counts.
    """
    of_gpu = gpu_memory()
    if of_gpu is not None:
        return of_gpu
    installed = psutil.virtual_memory().total
    for limit, _ in _CGROUP_FILES:
        with contextlib.suppress(OSError, ValueError):
            installed = min(installed, int(Path(limit).read_text()))
    return installed


def memory_to_be_had() -> float:
    """What this program could take in all, in bytes: of the GPU where there is one, else of main memory.

    What the program holds already counts, since a further run uses it again. A container's limit counts.
    """
    of_gpu = gpu_memory()
    if of_gpu is not None:
        return of_gpu
    free = psutil.virtual_memory().available
    for limit, used in _CGROUP_FILES:
        try:
            free = min(free, int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):
            continue
    return max(free, 0) + psutil.Process().memory_info().rss


def fitting_tiling(
    height: int,
    width: int,
    layers: Sequence[str],
    precision: Precision = "float32",
    limit: float | None = None,
    available: float | None = None,
) -> Tiling | None:
    """The fastest way to evaluate a picture within a limit, from the whole picture to small tiles.

    ``limit``: in GB; by default a quarter of what there is, no more than ``UNASKED``, and more of it only
    where nothing else would fit. ``available``: how much that is, in bytes, by default
    ``memory_to_be_had``.

    Raises ``TooLargeError`` with the size that would fit where even tiles do not.
    """
    if limit is not None:
        check_number("The memory, in GB,", limit, above=True)

    def within(bytes_: float) -> list[Tiling | None]:
        return [way for way in _TILINGS if peak_memory(height, width, layers, precision, way) <= bytes_]

    available = memory_to_be_had() if available is None else available
    allowed = available if limit is None else limit * GB
    ways = within(min(allowed / 4, UNASKED)) if limit is None else []
    ways = ways or within(allowed)
    if not ways:
        had = "can be had here" if limit is None else "is allowed"
        needed = _least(height, width, layers, precision)
        raise TooLargeError(
            f"A picture of {width} × {height} pixels needs {needed / GB:.1f} GB of memory and "
            f"{allowed / GB:.1f} GB {had}; {_advice(height, width, layers, precision, allowed)}"
        )
    return ways[0]


def _least(height: int, width: int, layers: Sequence[str], precision: Precision) -> float:
    return min(peak_memory(height, width, layers, precision, way) for way in _TILINGS)


def _advice(height: int, width: int, layers: Sequence[str], precision: Precision, allowed: float) -> str:
    """The largest shorter side of a picture of the same shape that fits."""
    fits, too_large = 0, min(height, width)
    while too_large - fits > 1:
        side = (fits + too_large) // 2
        scale = side / min(height, width)
        needed = _least(round(height * scale), round(width * scale), layers, precision)
        fits, too_large = (side, too_large) if needed <= allowed else (fits, side)
    return f"a shorter side of {fits} would fit." if fits >= 16 else "no picture would fit."
