"""Whose colours a transfer takes: those of the painting, or those of the photograph.

Images are ``(H, W, 3)``, RGB, 0…255, and come back as ``float32``. Source of all three ways: Gatys, Bethge,
Hertzmann and Shechtman (2016), "Preserving color in neural artistic style transfer".
"""

from typing import Any, Literal

import numpy as np

from helpers.errors import ArgumentError

Colours = Literal["painting", "luminance", "covariance", "histogram"]
"""``"painting"`` takes the painting's colours. ``"luminance"`` paints in shades of grey and puts the photo's
colours over them. ``"covariance"`` gives the painting the photo's mean and covariance of colours beforehand,
``"histogram"`` then also the histograms of its channels."""

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601: the Y of YIQ.


def luminance(image: Any) -> np.ndarray:
    """How bright every pixel is, Y = 0.299 R + 0.587 G + 0.114 B: ``float32 (H, W)``, 0…255."""
    return np.asarray(image, np.float32) @ _LUMINANCE


def grey(image: Any) -> np.ndarray:
    """An image without its colours, ``(H, W, 3)``: the luminance in all three channels."""
    return _in_grey(luminance(image))


def _in_grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., np.newaxis], 3, axis=2)


def match_luminance(painting: Any, photo: Any) -> np.ndarray:
    """A painting in grey with the mean and the spread of the photo's luminance: σ_C / σ_S (L − μ_S) + μ_C.

    What would leave 0…255 is clipped. A painting of one grey takes the photo's mean.
    """
    of_painting, of_photo = luminance(painting), luminance(photo)
    spread = of_painting.std()
    scale = of_photo.std() / spread if spread > 0 else 0.0
    matched = (of_painting - of_painting.mean()) * scale + of_photo.mean()
    return _in_grey(np.clip(matched, 0, 255))


def with_colours_of(image: Any, photo: Any) -> np.ndarray:
    """The luminance of an image under the colours of a photo: Y of the one, I and Q of the other.

    Both are ``(H, W, 3)`` of the same size.
    The same number is added to a pixel's R, G and B, which changes Y and leaves I and Q as they are. Where
    a colour would leave 0…255 the luminance goes as far as the colour allows.
    Raises ``ArgumentError`` where the sizes differ.
    """
    image, photo = np.asarray(image, np.float32), np.asarray(photo, np.float32)
    if image.shape != photo.shape:
        raise ArgumentError(f"Shapes differ: {image.shape} cannot take the colours of {photo.shape}.")
    brighter = luminance(image) - luminance(photo)
    brighter = np.clip(brighter, -photo.min(axis=2), 255 - photo.max(axis=2))
    return photo + brighter[..., np.newaxis]


def match_covariance(painting: Any, photo: Any) -> np.ndarray:
    """A painting with the mean and the covariance of the photo's colours: Σ_C^½ Σ_S^(−½) (x − μ_S) + μ_C.

    What would leave 0…255 is clipped. In directions in which the painting's colours do not vary at all there
    is nothing to be spread, and they stay at the photo's mean.
    """
    colours = np.asarray(painting, np.float64).reshape(-1, 3)
    wanted = np.asarray(photo, np.float64).reshape(-1, 3)
    spread_in = _power(np.cov(wanted, rowvar=False, bias=True), 0.5)
    spread_out = _power(np.cov(colours, rowvar=False, bias=True), -0.5)
    matched = (colours - colours.mean(axis=0)) @ (spread_in @ spread_out).T + wanted.mean(axis=0)
    return np.clip(matched, 0, 255).reshape(np.shape(painting)).astype(np.float32)


def _power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    # Below a thousandth of a grey level there is no colour, only rounding.
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


def colours_for(colours: Colours, photo: np.ndarray, painting: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The photo and the painting as a transfer sees them, given whose colours it shall keep.

    Raises ``ArgumentError`` for an unknown way.
    """
    if colours == "luminance":
        return grey(photo), match_luminance(painting, photo)
    if colours == "covariance":
        return photo, match_covariance(painting, photo)
    if colours == "histogram":
        # Channel by channel alone, colours that the photo does not have would come of it.
        return photo, match_histogram(match_covariance(painting, photo), photo)
    if colours == "painting":
        return photo, painting
    raise ArgumentError(
        f"The colours are 'painting', 'luminance', 'covariance' or 'histogram', not {colours!r}."
    )
