"""The optimization variable of L-BFGS: the pixels, or the image's cosine coefficients scaled by 1/√f.

Measured: with cosine coefficients, content reconstruction from noise reaches a loss several times lower and
leaves no high-frequency noise. Texture synthesis and style transfer, whose style loss depends on fine detail,
reach a lower loss with pixels.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.fft

from helpers.compute.framework import compiled, keras
from helpers.images import IMAGENET_MEAN

ops = keras.ops

DARKEST = -IMAGENET_MEAN
LIGHTEST = 255 - IMAGENET_MEAN


class Space(NamedTuple):
    """A parametrization of the image, with the shape of the pixels ``(1, H, W, 3)``, and its bounds.

    A change of 1 in every coordinate changes the colors by about one gray level.
    """

    to_pixels: Callable[[Any], Any]
    from_pixels: Callable[[Any], Any]
    vector_jacobian_product: Callable[[Any, Any], Any]
    """That of ``to_pixels``: the pixels, and the gradient with respect to them → the gradient with respect to
    the parameters."""
    low: Any
    high: Any


def pixel_space(shape: tuple[int, ...]) -> Space:
    """The pixels themselves, within the range of colors."""
    # Bounds of the image's shape: TensorFlow takes twice as long to compare with three broadcast numbers.
    low, high = (
        ops.convert_to_tensor(np.broadcast_to(bound, shape).astype(np.float32))
        for bound in (DARKEST, LIGHTEST)
    )
    return Space(
        to_pixels=lambda point: point,
        from_pixels=lambda pixels: ops.clip(pixels, low, high),
        vector_jacobian_product=lambda pixels, gradient: gradient,
        low=low,
        high=high,
    )


def cosine_space(shape: tuple[int, ...]) -> Space:
    """Cosine coefficients scaled by 1/√f, then a sigmoid that keeps every color within its range.

    The scaling makes low frequencies change faster than high ones, in accordance with natural images, whose
    spectrum decreases with the frequency f.
    Source: Olah, Mordvintsev and Schubert, "Feature visualization" (2017). Departure: a cosine transform
    instead of the Fourier transform, whose periodicity couples opposite borders of the image.
    """
    _, height, width, _ = shape
    frequency = np.hypot(*np.meshgrid(np.arange(height) / height, np.arange(width) / width, indexing="ij"))
    scaling = 1 / np.sqrt(np.maximum(frequency, 1 / max(height, width)))
    scaling /= np.sqrt(np.mean(scaling**2))
    # The matrices of the cosine transform (DCT-II): one frequency a row.
    rows, columns = (scipy.fft.dct(np.eye(length), norm="ortho", axis=0) for length in (height, width))
    rows, columns, scaling, darkest = (
        ops.convert_to_tensor(values.astype(np.float32))
        for values in (rows, columns, scaling[np.newaxis, :, :, np.newaxis], DARKEST)
    )

    def transformed(image: Any, rows: Any, columns: Any) -> Any:
        """``rows`` applied to every column of each channel, ``columns`` to every row."""
        channels = ops.transpose(image, (0, 3, 1, 2))
        return ops.transpose(ops.matmul(ops.matmul(rows, channels), ops.transpose(columns)), (0, 2, 3, 1))

    @compiled
    def to_pixels(point: Any) -> Any:
        image = transformed(point * scaling, ops.transpose(rows), ops.transpose(columns))
        # The factor gives the sigmoid, times 255, a slope of 1 at medium gray.
        return 255 * ops.sigmoid(image * (4 / 255)) + darkest

    @compiled
    def from_pixels(pixels: Any) -> Any:
        # The inverse sigmoid of black and white is infinite; two gray levels further inside, the sigmoid's
        # slope is large enough to optimize.
        intensity = ops.clip((pixels - darkest) / 255, 2 / 255, 253 / 255)
        return transformed(ops.log(intensity / (1 - intensity)) * (255 / 4), rows, columns) / scaling

    @compiled
    def vector_jacobian_product(pixels: Any, gradient: Any) -> Any:
        intensity = (pixels - darkest) / 255
        return transformed(gradient * (4 * intensity * (1 - intensity)), rows, columns) * scaling

    unbounded = np.full(3, np.inf, np.float32)
    return Space(to_pixels, from_pixels, vector_jacobian_product, low=-unbounded, high=unbounded)
