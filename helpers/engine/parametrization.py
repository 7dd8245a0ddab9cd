"""What L-BFGS optimizes: the pixels themselves, or the cosine coefficients of the image scaled by 1/√f.

Measured: content reconstruction from noise reaches a several times lower loss with cosine coefficients, and
leaves no speckle; textures and transfers, whose style loss depends on fine detail, do better with pixels.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from helpers.compute.framework import compiled, keras
from helpers.images import IMAGENET_MEAN

ops = keras.ops

DARKEST = -IMAGENET_MEAN
LIGHTEST = 255 - IMAGENET_MEAN


class Space(NamedTuple):
    """The parametrization that L-BFGS moves in: maps to and from pixels, a gradient's way back, a range.

    A move of length 1 in every coordinate changes the colors by about one gray level.
    """

    to_pixels: Callable[[Any], Any]
    from_pixels: Callable[[Any], Any]
    pull_back: Callable[[Any, Any], Any]
    low: Any
    high: Any


def pixel_space(shape: tuple[int, ...]) -> Space:
    """The pixels themselves, within the range of colors."""
    # Whole images: comparing with three numbers takes TensorFlow twice as long.
    low, high = (
        ops.convert_to_tensor(np.broadcast_to(ends, shape).astype(np.float32)) for ends in (DARKEST, LIGHTEST)
    )
    return Space(
        to_pixels=lambda point: point,
        from_pixels=lambda pixels: ops.clip(pixels, low, high),
        pull_back=lambda pixels, gradient: gradient,
        low=low,
        high=high,
    )


def cosine_space(shape: tuple[int, ...]) -> Space:
    """Cosine coefficients scaled by 1/√f, then a sigmoid that keeps every color within its range.

    Coarse structure moves faster than fine, as it does in pictures of the world, whose spectrum falls with
    the frequency f. The scaling is that of Olah, Mordvintsev and Schubert, "Feature visualization" (2017),
    with the cosine transform, which has no seam at the border.
    """
    _, height, width, _ = shape
    frequency = np.hypot(*np.meshgrid(np.arange(height) / height, np.arange(width) / width, indexing="ij"))
    scaling = 1 / np.sqrt(np.maximum(frequency, 1 / max(height, width)))
    constants = [
        ops.convert_to_tensor(values.astype(np.float32))
        for values in (
            _cosines(height),
            _cosines(width),
            (scaling / np.sqrt(np.mean(scaling**2)))[np.newaxis, :, :, np.newaxis],
            DARKEST,
        )
    ]
    unbounded = np.full(3, np.inf, np.float32)
    return Space(
        to_pixels=lambda point: _pixels_of_coefficients(point, *constants),
        from_pixels=lambda pixels: _coefficients_of_pixels(pixels, *constants),
        pull_back=lambda pixels, gradient: _gradient_of_coefficients(pixels, gradient, *constants),
        low=-unbounded,
        high=unbounded,
    )


def _cosines(length: int) -> np.ndarray:
    """The orthonormal cosine transform of a length, ``(length, length)``: its rows are the waves."""
    waves = np.cos(np.pi / length * np.outer(np.arange(length), np.arange(length) + 0.5))
    waves[0] /= np.sqrt(2)
    return waves * np.sqrt(2 / length)


def _transformed(image: Any, rows: Any, columns: Any) -> Any:
    channels = ops.transpose(image, (0, 3, 1, 2))
    return ops.transpose(ops.matmul(ops.matmul(rows, channels), ops.transpose(columns)), (0, 2, 3, 1))


@compiled
def _pixels_of_coefficients(point: Any, rows: Any, columns: Any, scaling: Any, darkest: Any) -> Any:
    waves = _transformed(point * scaling, ops.transpose(rows), ops.transpose(columns))
    return 255 * ops.sigmoid(waves * (4 / 255)) + darkest


@compiled
def _coefficients_of_pixels(pixels: Any, rows: Any, columns: Any, scaling: Any, darkest: Any) -> Any:
    # Pure black and white lie at infinity; two gray levels inside, the sigmoid still moves.
    share = ops.clip((pixels - darkest) / 255, 2 / 255, 253 / 255)
    return _transformed(ops.log(share / (1 - share)) * (255 / 4), rows, columns) / scaling


@compiled
def _gradient_of_coefficients(
    pixels: Any, gradient: Any, rows: Any, columns: Any, scaling: Any, darkest: Any
) -> Any:
    share = (pixels - darkest) / 255
    return _transformed(gradient * (4 * share * (1 - share)), rows, columns) * scaling
