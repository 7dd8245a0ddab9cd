"""How much memory a run needs and how much is available; the fastest tiling that fits."""

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
"""The fraction of the free memory that a run takes by default."""

_FIXED: Mapping[Precision, float] = {"float32": 1.0 * GB, "bfloat16": 0.8 * GB}
"""Measured, in bytes: Python, Keras with TensorFlow, and the weights, including transformed kernels."""

_IMAGES = 12  # Images of the optimizer (points and gradients), and the inputs.
_FRAGMENTATION = 2.2
"""The memory that tiles take, relative to the size of their tensors: allocation and release fragment memory.
Measured at 2048 × 2048 in bfloat16: 1.8 with a cut at block2_pool, 2.4 with one at block3_pool."""

_TILINGS = [
    Tiling(side, cut) for side in (256, 512) for cut in ("block2_pool", "block3_pool", "block4_pool", None)
]
"""A cut at block1_pool needs more memory than one at block2_pool, and was measured to be no faster."""

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
    """An estimate of the peak memory of a run, in bytes, including the program itself.

    ``height``, ``width``: of the image, in pixels. ``layers``: those of the objective; only the deepest of
    them matters. ``tiling``: see ``objective``.

    An evaluation stores the feature maps of every layer, which backpropagation needs. To these is added the
    larger of three times the largest feature maps (two gradients, and the temporary memory of a convolution)
    and twice the input patches of ``winograd.convolve``.
    """
    used = layers_up_to(layers)
    deepest = used[-1]
    cut = useful_cut(tiling.cut, layers) if tiling else None
    pixels = height * width
    if tiling is None:
        maps = pixels * _bytes_of_evaluation(used, precision)
    else:
        largest = max(tile_areas(height, width, layers, tiling))
        tile = largest * _bytes_of_evaluation(layers_up_to(cut or deepest), precision)
        deep = pixels * _bytes_of_evaluation(used[used.index(cut) + 1 :], precision) if cut else 0
        # 2: the output of the cut, and the gradient with respect to it.
        maps = _FRAGMENTATION * (max(tile, deep) + (2 * pixels * _bytes(cut, precision) if cut else 0))
    target = pixels * _bytes(deepest, "float32")
    images = 2 * history_length(height, width) + _IMAGES
    return _FIXED[precision] + maps + target + pixels * 3 * 4 * images


def multiplications(height: int, width: int, layers: Sequence[str], tiling: Tiling | None = None) -> float:
    """The number of multiplications of one evaluation's convolutions, which predicts its time.

    A forward pass and backpropagation take the same number. Tiles take a second forward pass, since their
    activations are not stored, and include margins.
    """
    used = layers_up_to(layers)
    if tiling is None:
        return 2 * height * width * _multiplications_of(used)
    cut = useful_cut(tiling.cut, layers)
    shallow = layers_up_to(cut) if cut else used
    in_tiles = 3 * sum(tile_areas(height, width, layers, tiling)) * _multiplications_of(shallow)
    return in_tiles + 2 * height * width * (_multiplications_of(used) - _multiplications_of(shallow))


def _multiplications_of(layers: Sequence[str]) -> float:
    """The multiplications of a forward pass through some layers, per pixel of the image."""
    convolutions = [layer for layer in layers if layer in CONV_LAYERS]
    channels = [3, *map(filters, convolutions)]
    return sum(
        9 * before * after / stride(layer) ** 2
        for layer, (before, after) in zip(convolutions, itertools.pairwise(channels), strict=True)
    )


def _bytes(layer: str, precision: Precision) -> float:
    """The size of a layer's feature maps, per pixel of the image."""
    bytes_per_value = 2 if precision == "bfloat16" and layer not in FLOAT32_LAYERS else 4
    return bytes_per_value * filters(layer) / stride(layer) ** 2


def _bytes_of_evaluation(layers: Sequence[str], precision: Precision) -> float:
    """The memory of a forward pass and backpropagation through some layers, per pixel of the image."""
    maps = {layer: _bytes(layer, precision) for layer in layers}
    m = len(SCHEMES[precision].points) - 1
    patches = [(1 + 2 / m) ** 2 * maps[layer] for layer in winograd_layers(precision) if layer in maps]
    return sum(maps.values()) + max(3 * max(maps.values()), 2 * max(patches, default=0))


def installed_memory() -> float:
    """The installed memory in bytes: of the GPU if there is one, else the RAM or a container's lower limit.

    Unlike ``free_memory``, it is the same at every call.
    """
    of_gpu = gpu_memory()
    if of_gpu is not None:
        return of_gpu
    return min([psutil.virtual_memory().total, *(limit for limit, _ in _limits())])


def free_memory() -> float:
    """The memory available to this program in bytes: of the GPU if there is one, else RAM.

    A container's limit is respected. Memory that the program already uses is included: a run reuses it.
    """
    of_gpu = gpu_memory()
    if of_gpu is not None:
        return of_gpu
    free = min([psutil.virtual_memory().available, *(limit - used for limit, used in _limits())])
    return max(free, 0) + psutil.Process().memory_info().rss


def _limits() -> Iterator[tuple[int, int]]:
    """The memory limits of containers (cgroup versions 2 and 1) and the memory used, in bytes."""
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
    """The fastest evaluation of an image within a memory limit: a tiling, or ``None`` for the whole image.

    ``limit``: in GB; by default ``HEADROOM`` of the available memory, or all of it if nothing fits into that.
    ``available``: the available memory in bytes, by default ``free_memory``.

    Raises ``ArgumentError`` for a limit that is not above 0, and ``TooLargeError`` if no tiling fits; the
    message names a size that does.
    """
    if limit is not None:
        check_number("The memory, in GB,", limit, above=True)
    available = free_memory() if available is None else available
    allowed = available if limit is None else limit * GB
    needed = {tiling: peak_memory(height, width, layers, precision, tiling) for tiling in (None, *_TILINGS)}
    least = min(needed, key=needed.get)
    usable = allowed * (HEADROOM if limit is None else 1)
    fitting = [tiling for tiling, size in needed.items() if size <= usable]
    if not fitting and needed[least] <= allowed:
        fitting = [least]
    if fitting:
        return min(fitting, key=lambda tiling: multiplications(height, width, layers, tiling))
    phrase = "can be had here" if limit is None else "is allowed"
    raise TooLargeError(
        f"A picture of {width} × {height} pixels needs {needed[least] / GB:.1f} GB of memory and "
        f"{allowed / GB:.1f} GB {phrase}; {_advice(height, width, layers, precision, allowed)}"
    )


def _advice(height: int, width: int, layers: Sequence[str], precision: Precision, allowed: float) -> str:
    """The largest shorter side of an image with the same aspect ratio that fits, by binary search."""
    fits, too_large = 0, min(height, width)
    while too_large - fits > 1:
        side = (fits + too_large) // 2
        scale = side / min(height, width)
        size = round(height * scale), round(width * scale)
        needed = min(peak_memory(*size, layers, precision, tiling) for tiling in (None, *_TILINGS))
        fits, too_large = (side, too_large) if needed <= allowed else (fits, side)
    return f"a shorter side of {fits} would fit." if fits >= 16 else "no picture would fit."
