"""How much memory a run needs and how much is available; the fastest tiling that fits."""

import bisect
import contextlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from helpers.compute.framework import gpu
from helpers.compute.winograd import SCHEMES
from helpers.engine.lbfgs import history_length
from helpers.engine.tiling import Tiling, largest_tile, useful_cut
from helpers.errors import TooLargeError
from helpers.layers import filters, layers_up_to, stride
from helpers.options import Precision
from helpers.vgg import FLOAT32_LAYERS, winograd_layers

GB = 1e9
_CGROUP = Path("/sys/fs/cgroup")

HEADROOM = 0.75
"""The fraction of the free memory that a run takes by default."""

_FIXED: Mapping[Precision, float] = {"float32": 1.0 * GB, "bfloat16": 0.8 * GB}
"""Measured, in bytes: Python, Keras with TensorFlow, and the weights, including transformed kernels."""

_IMAGES = 12  # Images of the optimizer (points and gradients), and the inputs.
_FRAGMENTATION = 2.2
"""The memory that tiles take, relative to the size of their tensors: allocation and release fragment memory.
Measured at 2048 × 2048 in bfloat16: 1.8 with a cut at block2_pool, 2.4 with one at block3_pool."""

_TILINGS = [
    None,
    *(Tiling(side, cut) for cut in ("block2_pool", "block3_pool") for side in (512, 256)),
    *(Tiling(side, cut) for side in (512, 256) for cut in ("block4_pool", None)),
]
"""The evaluations that are tried, fastest first: the order of their numbers of multiplications, margins and
repeated forward passes included. A cut at block1_pool needs more memory and was measured to be no faster."""


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
        shallow = layers_up_to(cut or deepest)
        tile = largest_tile(height, width, layers, tiling) * _bytes_of_evaluation(shallow, precision)
        deep = pixels * _bytes_of_evaluation(used[used.index(cut) + 1 :], precision) if cut else 0
        # 2: the output of the cut, and the gradient with respect to it.
        maps = _FRAGMENTATION * (max(tile, deep) + (2 * pixels * _bytes(cut, precision) if cut else 0))
    target = pixels * _bytes(deepest, "float32")
    images = 2 * history_length(height, width) + _IMAGES
    return _FIXED[precision] + maps + target + pixels * 3 * 4 * images


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
    of_gpu = gpu()
    if of_gpu is not None and of_gpu.memory is not None:
        return of_gpu.memory
    return min(psutil.virtual_memory().total, _container()[0])


def free_memory() -> float:
    """The memory available to this program in bytes: of the GPU if there is one, else RAM.

    A container's limit is respected. Memory that the program already uses is included: a run reuses it.
    """
    if gpu() is not None:
        return installed_memory()
    limit, used = _container()
    free = min(psutil.virtual_memory().available, limit - used)
    return max(free, 0) + psutil.Process().memory_info().rss


def _container() -> tuple[float, float]:
    """The memory limit of a container and the memory used in it, in bytes."""
    # The files of cgroup version 2, then those of version 1.
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):
            return int((_CGROUP / limit).read_text()), int((_CGROUP / used).read_text())
    return math.inf, 0.0


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

    Raises ``TooLargeError`` if no tiling fits; the message names a size that does.
    """

    def needed(side: int) -> list[float]:
        """What each tiling needs for an image of another shorter side and the same aspect ratio."""
        size = [round(length * side / min(height, width)) for length in (height, width)]
        return [peak_memory(*size, layers, precision, tiling) for tiling in _TILINGS]

    available = free_memory() if available is None else available
    allowed = available if limit is None else limit * GB
    here = needed(min(height, width))
    usable = max(allowed * (HEADROOM if limit is None else 1), min(here))
    if usable <= allowed:
        return next(tiling for tiling, size in zip(_TILINGS, here, strict=True) if size <= usable)
    fits = bisect.bisect(range(1, min(height, width)), allowed, key=lambda side: min(needed(side)))
    advice = f"a shorter side of {fits} would fit." if fits >= 16 else "no picture would fit."
    phrase = "is available" if limit is None else "is allowed"
    raise TooLargeError(
        f"A picture of {width} × {height} pixels needs {min(here) / GB:.1f} GB of memory and "
        f"{allowed / GB:.1f} GB {phrase}; {advice}"
    )
