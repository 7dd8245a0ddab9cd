"""Which numerical precision the network computes in, and which is faster on this machine."""

import functools
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from helpers.compute import winograd
from helpers.compute.framework import BACKEND, compiled, device, keras, value_and_gradient
from helpers.errors import check_choice
from helpers.options import Precision, RunPrecision


def uses_winograd(channels: int, precision: Precision) -> bool:
    """Whether a convolution of so many input channels is faster by ``winograd.convolve`` on this machine.

    On a GPU never: its library chooses an algorithm itself. In bfloat16 only where ``multiplies_vectors``.
    """
    if BACKEND != "tensorflow" or device() != "cpu":
        return False
    if precision == "bfloat16" and not multiplies_vectors():
        return False
    return channels >= winograd.SCHEMES[precision].channels


@functools.cache
def multiplies_vectors() -> bool:
    """Whether the processor has instructions for products of vectors of bfloat16, and no faster ones.

    Without any it emulates them, and rounds the sums over the channels too: the gradient of a transfer's
    loss is then wrong by 16 %, where direct convolutions are wrong by 4 %. With those for products of
    whole tiles (Intel's AMX), cutting out the squares would take longer than it saves.
    """
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    # The first is that of x86 processors, the second that of ARM's.
    return ("avx512_bf16" in flags or "bf16" in flags) and "amx_bf16" not in flags


def resolve_precision(precision: RunPrecision) -> RunPrecision:
    """What ``precision`` stands for here: ``"auto"`` is ``"mixed"`` where bfloat16 is faster, else float32.

    Raises ``ArgumentError`` for anything else than a ``RunPrecision``.
    """
    check_choice("The precision", precision, get_args(RunPrecision))
    if precision == "auto":
        return "mixed" if faster_precision() == "bfloat16" else "float32"
    return precision


@functools.cache
def faster_precision() -> Precision:
    """``"bfloat16"`` where this machine convolves in it, there and back, in 0.9 of float32's time or less.

    Measured once, in one or two seconds: what a processor says of itself does not tell, since one that knows
    bfloat16 may still be slower in it. One layer of each of three blocks, since few channels and many are
    convolved in different ways. Most processors have to emulate bfloat16 and take many times as long: there
    a look at one small layer is enough.
    """
    glance = _seconds_of_convolution({64: 48}, rounds=3)
    if glance["bfloat16"] > 3 * glance["float32"]:
        return "float32"
    # In a small picture a GPU does little but start.
    times = 4 if device() == "gpu" else 1
    sides = {64: 96 * times, 128: 48 * times, 256: 24 * times}
    seconds = _seconds_of_convolution(sides, rounds=10)
    return "bfloat16" if seconds["bfloat16"] <= 0.9 * seconds["float32"] else "float32"


def _seconds_of_convolution(sides: Mapping[int, int], rounds: int) -> dict[Precision, float]:
    """The shortest time in each precision of some convolutions and their gradient.

    ``sides``: the height and width of feature maps, by their number of channels. ``rounds``: how often each
    is computed.
    """
    generator = np.random.default_rng(0)
    sample = {
        channels: generator.standard_normal((1, side, side, channels), dtype=np.float32)
        for channels, side in sides.items()
    }

    def convolved(maps: Mapping[int, Any]) -> tuple[Any, Any]:
        return sum(keras.ops.sum(keras.ops.square(_convolved(each))) for each in maps.values()), ()

    def in_precision(precision: Precision) -> Callable[[], Any]:
        differentiated = compiled(value_and_gradient(convolved))
        maps = {channels: keras.ops.convert_to_tensor(each, precision) for channels, each in sample.items()}
        return lambda: differentiated(maps)[1].values()

    gradients = {precision: in_precision(precision) for precision in get_args(Precision)}
    seconds = dict.fromkeys(gradients, math.inf)
    # The first of each also compiles; the shortest of many is the machine's own, whatever else it does.
    for _ in range(rounds):
        for precision, computed in gradients.items():
            began = time.perf_counter()
            for gradient in computed():
                # A number on the host: until then a GPU may still compute.
                float(keras.ops.cast(keras.ops.max(gradient), "float32"))
            seconds[precision] = min(seconds[precision], time.perf_counter() - began)
    return seconds


def _convolved(maps: Any) -> Any:
    """Feature maps convolved with some kernel as ``objective`` would, in the precision of the maps."""
    precision = keras.backend.standardize_dtype(maps.dtype)
    channels = maps.shape[-1]
    of_kernel = (3, 3, channels, channels)
    kernel = np.random.default_rng(1).standard_normal(of_kernel, dtype=np.float32)
    if not uses_winograd(channels, precision):
        convolution = keras.layers.Conv2D(channels, 3, padding="same")
        return convolution.convolution_op(maps, keras.ops.cast(kernel, precision))
    points = winograd.SCHEMES[precision].points
    transformed = keras.ops.convert_to_tensor(winograd.transformed_kernel(kernel, points), precision)
    return winograd.convolve(maps, transformed, points)
