"""The numerical precision of the network's convolutions, and which one is faster on this machine."""

import functools
import timeit
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from helpers.compute import winograd
from helpers.compute.framework import BACKEND, compiled, device, keras, value_and_gradient
from helpers.options import Precision, RunPrecision


def uses_winograd(channels: int, precision: Precision) -> bool:
    """Whether ``winograd.convolve`` is faster than direct convolution here, for a number of input channels.

    Never on a GPU, whose library selects an algorithm itself; in bfloat16 only with
    ``has_bfloat16_dot_product``.
    """
    if BACKEND != "tensorflow" or device() != "cpu":
        return False
    if precision == "bfloat16" and not has_bfloat16_dot_product():
        return False
    return channels >= winograd.SCHEMES[precision].channels


@functools.cache
def has_bfloat16_dot_product() -> bool:
    """Whether the processor has instructions for dot products of bfloat16 vectors, but none for matrices.

    Without such instructions, bfloat16 is emulated, and the sums over the channels are rounded too: the
    gradient of a transfer's loss then has a relative error of 16 %, and of 4 % with direct convolution. With
    instructions for matrices (Intel's AMX), extracting the patches takes longer than the products save.
    """
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    # The first is the flag of x86 processors, the second that of ARM processors.
    return ("avx512_bf16" in flags or "bf16" in flags) and "amx_bf16" not in flags


@functools.cache
def faster_precision() -> RunPrecision:
    """``"mixed"`` if bfloat16 takes at most 0.9 of float32's time for convolutions, else ``"float32"``.

    This is measured once, in one or two seconds: a processor with instructions for bfloat16 may still be
    slower. One layer of each of three blocks is measured, since the algorithm depends on the number of
    channels. Most processors emulate bfloat16 and are many times slower, which one small layer shows.
    """
    small_layer = _seconds_of_convolution({64: 48}, rounds=3)
    if small_layer["bfloat16"] > 3 * small_layer["float32"]:
        return "float32"
    # With small feature maps, the time on a GPU is mostly overhead.
    factor = 4 if device() == "gpu" else 1
    sides = {64: 96 * factor, 128: 48 * factor, 256: 24 * factor}
    seconds = _seconds_of_convolution(sides, rounds=10)
    return "mixed" if seconds["bfloat16"] <= 0.9 * seconds["float32"] else "float32"


def _seconds_of_convolution(sides: Mapping[int, int], rounds: int) -> dict[Precision, float]:
    """The shortest time of some convolutions and their gradient in each precision, in seconds.

    ``sides``: number of channels → height and width of the feature maps. ``rounds``: of repetition.
    """
    generator = np.random.default_rng(0)
    sample = [generator.standard_normal((1, side, side, channels)) for channels, side in sides.items()]

    def sum_of_squares(inputs: Sequence[Any]) -> tuple[Any, Any]:
        return sum(keras.ops.sum(keras.ops.square(_convolved(maps))) for maps in inputs), ()

    def computation(precision: Precision) -> Callable[[], None]:
        differentiated = compiled(value_and_gradient(sum_of_squares))
        inputs = [keras.ops.convert_to_tensor(maps, precision) for maps in sample]
        # Copying a number to the host waits for the GPU to finish.
        maximum = lambda gradient: float(keras.ops.cast(keras.ops.max(gradient), "float32"))
        return lambda: list(map(maximum, differentiated(inputs)[1]))

    functions = {precision: computation(precision) for precision in get_args(Precision)}
    # The first round includes compilation; other programs slow down some of the rounds.
    times = [{each: timeit.timeit(functions[each], number=1) for each in functions} for _ in range(rounds)]
    return {precision: min(of_round[precision] for of_round in times) for precision in functions}


def _convolved(maps: Any) -> Any:
    """Feature maps convolved as in an objective, in the precision of the maps, with a random kernel."""
    precision = keras.backend.standardize_dtype(maps.dtype)
    channels = maps.shape[-1]
    kernel = np.random.default_rng(1).standard_normal((3, 3, channels, channels), dtype=np.float32)
    if not uses_winograd(channels, precision):
        kernel = keras.ops.cast(kernel, precision)
        return keras.ops.conv(maps, kernel, padding="same", data_format="channels_last")
    points = winograd.SCHEMES[precision].points
    transformed = keras.ops.convert_to_tensor(winograd.transformed_kernel(kernel, points), precision)
    return winograd.convolve(maps, transformed, points)
