"""How much memory a run needs, how much there is, and the fastest way to stay within it."""

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from helpers.compute.framework import gpu_memory
from helpers.compute.winograd import SCHEMES
from helpers.engine.lbfgs import history_length
from helpers.engine.tiling import Tiling, tile_areas, useful_cut
from helpers.errors import TooLargeError, check_number
from helpers.layers import CONV_LAYERS, filters, layers_up_to, stride
from helpers.options import Precision
from helpers.vgg import FLOAT32_LAYERS, winograd_layers

GB = 1e9

HEADROOM = 0.75
"""The fraction of what is free that a run takes without being told that it may take more."""

_FIXED: Mapping[Precision, float] = {"float32": 1.0 * GB, "bfloat16": 0.8 * GB}
"""Measured: Python, Keras with TensorFlow, and the weights, as Winograd's kernels where these are used."""

_IMAGES = 12  # The optimizer's points and gradients, and the inputs.
_IN_PIECES = 2.2
"""What tiles take beside the maps that they hold, since memory is freed in other pieces than it is asked for:
measured at 2048 × 2048 in bfloat16, 1.8 times with a cut at block2_pool and 2.4 at block3_pool."""

_TILINGS = [
    Tiling(side, cut) for side in (256, 512) for cut in ("block2_pool", "block3_pool", "block4_pool", None)
]
"""A cut at block1_pool would hold more than one at block2_pool, and was measured to take no less time."""

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

    ``height``, ``width``: of the image, in pixels. ``layers``: those of the objective; the deepest of them
    counts. ``tiling``: see ``objective``.

    What an evaluation holds is the feature maps of every layer, which backpropagation needs, and three times
    the largest: a gradient, the one made of it, and what a convolution keeps in between. Or, where it is
    more, twice the squares that ``winograd.convolve`` cuts the maps of a layer into.
    """
    used = layers_up_to(layers)
    deepest = used[-1]
    cut = useful_cut(tiling.cut, layers) if tiling else None
    pixels = height * width
    if tiling is None:
        maps = pixels * _held_by(used, precision)
    else:
        largest = max(tile_areas(height, width, layers, tiling))
        tile = largest * _held_by(layers_up_to(cut or deepest), precision)
        behind = pixels * _held_by(used[used.index(cut) + 1 :], precision) if cut else 0
        maps = _IN_PIECES * (max(tile, behind) + (2 * pixels * _bytes(cut, precision) if cut else 0))
    target = pixels * _bytes(deepest, "float32")
    images = 2 * history_length(height, width) + _IMAGES
    return _FIXED[precision] + maps + target + pixels * 3 * 4 * images


def multiplications(height: int, width: int, layers: Sequence[str], tiling: Tiling | None = None) -> float:
    """How many multiplications the convolutions of one evaluation take: what its time grows with.

    There and back through every layer; in tiles once more to get there again, and over their margins.
    """
    used = layers_up_to(layers)
    if tiling is None:
        return 2 * height * width * _multiplications_of(used)
    cut = useful_cut(tiling.cut, layers)
    shallow = layers_up_to(cut) if cut else used
    in_tiles = 3 * sum(tile_areas(height, width, layers, tiling)) * _multiplications_of(shallow)
    return in_tiles + 2 * height * width * (_multiplications_of(used) - _multiplications_of(shallow))


def _multiplications_of(layers: Sequence[str]) -> float:
    """Those of one way through some layers, for each pixel."""
    convolutions = [layer for layer in layers if layer in CONV_LAYERS]
    channels = [3, *map(filters, convolutions)]
    return sum(
        9 * before * after / stride(layer) ** 2
        for layer, (before, after) in zip(convolutions, itertools.pairwise(channels), strict=True)
    )


def _bytes(layer: str, precision: Precision) -> float:
    """What a layer's feature maps take for each pixel of the image."""
    number = 2 if precision == "bfloat16" and layer not in FLOAT32_LAYERS else 4
    return number * filters(layer) / stride(layer) ** 2


def _held_by(layers: Sequence[str], precision: Precision) -> float:
    each = {layer: _bytes(layer, precision) for layer in layers}
    m = len(SCHEMES[precision].points) - 1
    in_squares = ((1 + 2 / m) ** 2 * each[layer] for layer in winograd_layers(precision) if layer in each)
    return sum(each.values()) + max(3 * max(each.values()), *(2 * squares for squares in in_squares), 0)


def memory_installed() -> float:
    """What this machine has, in bytes: of the GPU where there is one, else of main memory.

    Unlike ``free_memory`` it is the same at every call. A container's limit counts.
    """
    of_gpu = gpu_memory()
    return (
        min([psutil.virtual_memory().total, *(limit for limit, _ in _limits())]) if of_gpu is None else of_gpu
    )


def free_memory() -> float:
    """What this program could take in all, in bytes: of the GPU where there is one, else of main memory.

    What the program holds already counts, since a further run uses it again. A container's limit counts.
    """
    of_gpu = gpu_memory()
    if of_gpu is not None:
        return of_gpu
    free = min([psutil.virtual_memory().available, *(limit - used for limit, used in _limits())])
    return max(free, 0) + psutil.Process().memory_info().rss


def _limits() -> Iterator[tuple[int, int]]:
    """The limits of containers, and what is used of each."""
    for limit, used in _CGROUP_FILES:
        with contextlib.suppress(OSError, ValueError):
            yield int(Path(limit).read_text()), int(Path(used).read_text())


def fitting_tiling(
    height: int,
    width: int,
    layers: Sequence[str],
    precision: Precision = "float32",
    limit: float | None = None,
    available: float | None = None,
) -> Tiling | None:
    """The fastest way to evaluate an image within a limit: whole, which is ``None``, or in tiles.

    ``limit``: in GB; by default ``HEADROOM`` of what is free, and more where no way fits into that.
    ``available``: how much that is, in bytes, by default ``free_memory``.

    Raises ``TooLargeError`` with the size that would fit where even tiles do not.
    """
    if limit is not None:
        check_number("The memory, in GB,", limit, above=True)
    available = free_memory() if available is None else available
    allowed = available if limit is None else limit * GB
    needed = {tiling: peak_memory(height, width, layers, precision, tiling) for tiling in (None, *_TILINGS)}
    least = min(needed, key=needed.get)
    fitting = [each for each in needed if needed[each] <= allowed * (HEADROOM if limit is None else 1)]
    if not fitting and needed[least] <= allowed:
        fitting = [least]
    if fitting:
        return min(fitting, key=lambda tiling: multiplications(height, width, layers, tiling))
    had = "can be had here" if limit is None else "is allowed"
    raise TooLargeError(
        f"A picture of {width} × {height} pixels needs {needed[least] / GB:.1f} GB of memory and "
        f"{allowed / GB:.1f} GB {had}; {_advice(height, width, layers, precision, allowed)}"
    )


def _advice(height: int, width: int, layers: Sequence[str], precision: Precision, allowed: float) -> str:
    """The largest shorter side of an image of the same shape that fits."""
    fits, too_large = 0, min(height, width)
    while too_large - fits > 1:
        side = (fits + too_large) // 2
        scale = side / min(height, width)
        size = round(height * scale), round(width * scale)
        needed = min(peak_memory(*size, layers, precision, tiling) for tiling in (None, *_TILINGS))
        fits, too_large = (side, too_large) if needed <= allowed else (fits, side)
    return f"a shorter side of {fits} would fit." if fits >= 16 else "no picture would fit."
