"""Whose colors a transfer takes: those of the painting, or those of the photograph.

Images are ``(H, W, 3)``, RGB, 0…255, and come back as ``float32``. Source of all three ways: Gatys, Bethge,
Hertzmann and Shechtman (2016), "Preserving color in neural artistic style transfer".
"""

from typing import Any, Literal, get_args

import numpy as np

from helpers.errors import ArgumentError, check_choice

Colors = Literal["style", "luma", "covariance", "histogram"]
"""``"style"`` takes the style image's colors. ``"luma"`` paints in gray and puts the content image's colors
over the luma of the result. ``"covariance"`` gives the style image the content image's mean and covariance of
colors beforehand, ``"histogram"`` then also the histograms of its channels."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601: the Y of YIQ.


def luma(image: Any) -> np.ndarray:
    """How bright every pixel is, Y = 0.299 R + 0.587 G + 0.114 B: ``float32 (H, W)``, 0…255."""
    return np.asarray(image, np.float32) @ _LUMA


def gray(image: Any) -> np.ndarray:
    """An image without its colors, ``(H, W, 3)``: the luma in all three channels."""
    return _in_gray(luma(image))


def _in_gray(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., np.newaxis], 3, axis=2)


def match_luma(painting: Any, photo: Any) -> np.ndarray:
    """A painting in gray with the mean and the spread of the photo's luma: σ_C / σ_S (L − μ_S) + μ_C.

    What would leave 0…255 is clipped. A painting of one gray takes the photo's mean.
    """
    of_painting, of_photo = luma(painting), luma(photo)
    spread = of_painting.std()
    scale = of_photo.std() / spread if spread > 0 else 0.0
    matched = (of_painting - of_painting.mean()) * scale + of_photo.mean()
    return _in_gray(np.clip(matched, 0, 255))


def with_colors_of(image: Any, photo: Any) -> np.ndarray:
    """The luma of an image under the colors of a photo: Y of the one, I and Q of the other.

    Both are ``(H, W, 3)`` of the same size.
    The same number is added to a pixel's R, G and B, which changes Y and leaves I and Q as they are. Where
    a color would leave 0…255 the luma goes as far as the color allows.
    Raises ``ArgumentError`` where the sizes differ.
    """
    image, photo = np.asarray(image, np.float32), np.asarray(photo, np.float32)
    if image.shape != photo.shape:
        raise ArgumentError(f"Shapes differ: {image.shape} cannot take the colors of {photo.shape}.")
    brighter = luma(image) - luma(photo)
    brighter = np.clip(brighter, -photo.min(axis=2), 255 - photo.max(axis=2))
    return photo + brighter[..., np.newaxis]


def match_covariance(painting: Any, photo: Any) -> np.ndarray:
    """A painting with the mean and the covariance of the photo's colors: Σ_C^½ Σ_S^(−½) (x − μ_S) + μ_C.

    What would leave 0…255 is clipped. In directions in which the painting's colors do not vary at all there
    is nothing to be spread, and they stay at the photo's mean.
    """
    colors = np.asarray(painting, np.float64).reshape(-1, 3)
    wanted = np.asarray(photo, np.float64).reshape(-1, 3)
    spread_in = _power(np.cov(wanted, rowvar=False, bias=True), 0.5)
    spread_out = _power(np.cov(colors, rowvar=False, bias=True), -0.5)
    matched = (colors - colors.mean(axis=0)) @ (spread_in @ spread_out).T + wanted.mean(axis=0)
    return np.clip(matched, 0, 255).reshape(np.shape(painting)).astype(np.float32)


def _power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    # Below a thousandth of a gray level there is no color, only rounding.
    powers = np.where(values > 1e-6, np.maximum(values, 1e-6) ** exponent, 0)
    return vectors * powers @ vectors.T


def match_histogram(image: Any, target: Any) -> np.ndarray:
    """An image each of whose channels has the histogram of the target's.

    A value goes to the target's quantile at its own rank; pixels that share a value share their mean rank.
    """
    image, target = np.asarray(image, np.float32), np.asarray(target, np.float32)
    channels = [_matched_values(image[..., c].ravel(), target[..., c].ravel()) for c in range(3)]
    return np.stack(channels, axis=-1).reshape(image.shape)


def _matched_values(values: np.ndarray, target: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return quantiles(target, (np.cumsum(counts) - counts / 2) / values.size)[place]


def quantiles(values: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The values ``(n,)`` that stand at some ranks 0…1 when put in order, the k-th of them at (k + ½) / n."""
    at = (np.arange(values.size) + 0.5) / values.size
    return np.interp(ranks, at, np.sort(values)).astype(np.float32)


def colors_for(colors: Colors, content: np.ndarray, style: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The content and the style image as a transfer uses them, given whose colors it shall keep.

    Raises ``ArgumentError`` for an unknown way.
    """
    check_choice("The colors", colors, get_args(Colors))
    if colors == "luma":
        return gray(content), match_luma(style, content)
    if colors == "covariance":
        return content, match_covariance(style, content)
    if colors == "histogram":
        # Channel by channel alone, colors that the content image does not have would come of it.
        return content, match_histogram(match_covariance(style, content), content)
    return content, style
