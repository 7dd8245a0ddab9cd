"""Style transfer with the colors of the content image.

Images are ``(H, W, 3)``, RGB, 0…255; returned images are ``float32``. Source of all methods: Gatys, Bethge,
Hertzmann and Shechtman (2016), "Preserving color in neural artistic style transfer".
"""

from typing import Any, Literal, get_args

import numpy as np

from helpers.errors import ArgumentError, check_choice

Colors = Literal["style", "luma", "covariance", "histogram"]
"""Which colors the generated image has. ``"style"``: those of the style image. ``"luma"``: the transfer is
computed in gray, and the result takes the I and Q channels (of YIQ) of the content image. ``"covariance"``:
the style image is first given the mean and covariance of the content image's colors; ``"histogram"``: then
also the histograms of its channels."""


def luma(image: Any) -> np.ndarray:
    """The luma Y = 0.299 R + 0.587 G + 0.114 B of each pixel (ITU-R BT.601): ``float32 (H, W)``, 0…255."""
    return np.asarray(image, np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def gray(image: Any) -> np.ndarray:
    """An image without its colors, ``(H, W, 3)``: the luma in all three channels."""
    return np.stack([luma(image)] * 3, axis=-1)


def match_luma(style: Any, content: Any) -> np.ndarray:
    """The style image in gray, its luma L given the mean and standard deviation of the content image's.

    This is σ_C / σ_S (L − μ_S) + μ_C, clipped to 0…255; the constant μ_C if σ_S = 0.
    """
    style_luma, content_luma = luma(style), luma(content)
    deviation = style_luma.std()
    scale = content_luma.std() / deviation if deviation > 0 else 0.0
    matched = (style_luma - style_luma.mean()) * scale + content_luma.mean()
    return np.stack([np.clip(matched, 0, 255)] * 3, axis=-1)


def with_colors_of(image: Any, content: Any) -> np.ndarray:
    """An image with the luma Y of ``image`` and the chrominance I and Q of ``content``.

    Both are ``(H, W, 3)`` of the same size. Adding one number to R, G and B of a pixel changes Y but not I
    and Q. The number is limited so that R, G and B stay within 0…255.
    Raises ``ArgumentError`` if the sizes differ.
    """
    image, content = np.asarray(image, np.float32), np.asarray(content, np.float32)
    if image.shape != content.shape:
        raise ArgumentError(f"Shapes differ: {image.shape} cannot take the colors of {content.shape}.")
    difference = luma(image) - luma(content)
    difference = np.clip(difference, -content.min(axis=2), 255 - content.max(axis=2))
    return content + difference[..., np.newaxis]


def match_covariance(style: Any, content: Any) -> np.ndarray:
    """The style image with the mean and covariance of the content image's colors.

    This is Σ_C^½ Σ_S^(−½) (x − μ_S) + μ_C for each color x, clipped to 0…255. In directions in which the
    style image's colors do not vary, Σ_S^(−½) is taken as 0.
    """
    style_colors = np.asarray(style, np.float64).reshape(-1, 3)
    content_colors = np.asarray(content, np.float64).reshape(-1, 3)
    coloring = _power(np.cov(content_colors, rowvar=False, bias=True), 0.5)
    whitening = _power(np.cov(style_colors, rowvar=False, bias=True), -0.5)
    matched = (style_colors - style_colors.mean(axis=0)) @ (coloring @ whitening).T
    matched += content_colors.mean(axis=0)
    return np.clip(matched, 0, 255).reshape(np.shape(style)).astype(np.float32)


def _power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    # A standard deviation below a thousandth of a gray level is rounding error.
    powers = np.where(values > 1e-6, np.maximum(values, 1e-6) ** exponent, 0)
    return vectors * powers @ vectors.T


def match_histogram(image: Any, target: Any) -> np.ndarray:
    """An image with the histograms of the target's channels.

    Each value is replaced by the quantile of the target at its rank; equal values have their mean rank.
    """
    image, target = np.asarray(image, np.float32), np.asarray(target, np.float32)
    matched = np.empty_like(image)
    for c in range(3):
        _, indices, counts = np.unique(image[..., c], return_inverse=True, return_counts=True)
        ranks = (np.cumsum(counts) - counts / 2) / indices.size
        matched[..., c] = quantiles(target[..., c].ravel(), ranks)[indices].reshape(image.shape[:2])
    return matched


def quantiles(values: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The quantiles of values ``(n,)`` at ranks 0…1, where the k-th sorted value has the rank (k + ½) / n."""
    known_ranks = (np.arange(values.size) + 0.5) / values.size
    return np.interp(ranks, known_ranks, np.sort(values)).astype(np.float32)


def colors_for(colors: Colors, content: np.ndarray, style: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The content and the style image with which a transfer is computed, see ``Colors``.

    Raises ``ArgumentError`` if ``colors`` is not one of ``Colors``.
    """
    check_choice("The colors", colors, get_args(Colors))
    if colors == "luma":
        return gray(content), match_luma(style, content)
    if colors == "covariance":
        return content, match_covariance(style, content)
    if colors == "histogram":
        # Matching the histograms alone ignores the correlation of the channels and would give colors that
        # the content image does not have.
        return content, match_histogram(match_covariance(style, content), content)
    return content, style
