"""The exercises of lesson 9: cases, right answers, and typical mistakes."""

from typing import Any

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp
from helpers.lessons.exercises.lesson_09_step import TRAINING_STEP, relative_style_loss


def _normalized(
    maps: Any, scale: Any, offset: Any, axes: tuple[int, ...] = (1, 2), added: float = 1e-5
) -> np.ndarray:
    variance = np.var(maps, axes, keepdims=True) + added
    return scale * (maps - np.mean(maps, axes, keepdims=True)) / np.sqrt(variance) + offset


def _instance_normalization(maps: Any, scale: Any, offset: Any) -> Any:
    from helpers.painter.network import instance_normalization

    return instance_normalization(maps, scale, offset)


def _gram(features: np.ndarray) -> np.ndarray:
    matrix = np.reshape(features, (-1, features.shape[-1]))
    return matrix.T @ matrix


def _per_position(features: np.ndarray) -> np.ndarray:
    return _gram(features) / features[..., 0].size


def _relative(distance: np.ndarray, gram: np.ndarray) -> float:
    return np.sum(distance**2) / np.sum(gram**2)


EXERCISES = {
    "instance_normalization": Exercise(
        title="instance normalization",
        gradient=True,
        cases=(
            (
                ramp(2, 3, 4, 3, low=-2, high=4) ** 2,
                ramp(3, low=0.5, high=2),
                ramp(3, low=-1, high=1),
            ),
            (
                np.sin(ramp(3, 2, 2, 2, low=0, high=40)),
                ramp(3, 1, 1, 2, low=2, high=-1),
                ramp(3, 1, 1, 2, low=0.3, high=0.1),
            ),
            (
                np.stack([ramp(2, 3, 2, low=0.01, high=0), ramp(2, 3, 2, high=0.02)]),
                ramp(2, low=1, high=3),
                ramp(2, low=5, high=7),
            ),
        ),
        answer=_instance_normalization,
        mistakes=(
            Mistake(
                lambda maps, scale, offset: _normalized(maps, scale, offset, (0, 1, 2)),
                "You take mean and variance over the batch as well: that is batch normalization. Each photo "
                "has its own: take them over the two axes of positions only.",
            ),
            Mistake(
                lambda maps, scale, offset: _normalized(maps, scale, offset, (1, 2, 3)),
                "You take mean and variance over all feature maps of a photo together. Each map has its own.",
            ),
            Mistake(
                lambda maps, scale, offset: _normalized(maps, scale, offset, (3,)),
                "You take mean and variance over the feature maps, at each position. Take them over the "
                "positions, for each map.",
            ),
            Mistake(
                lambda maps, scale, offset: _normalized(maps, scale, offset, (0, 1, 2, 3)),
                "You take one mean and one variance of all the numbers. Each map of each photo has its own.",
            ),
            Mistake(
                lambda maps, scale, offset: (
                    scale
                    * (maps - maps.mean((1, 2), keepdims=True))
                    / (maps.var((1, 2), keepdims=True) + 1e-5)
                    + offset
                ),
                "You divide by the variance. Divide by its square root: then each map has the variance 1.",
            ),
            Mistake(
                lambda maps, scale, offset: (
                    scale
                    * (maps - maps.mean((1, 2), keepdims=True))
                    / (maps.std((1, 2), keepdims=True) + 1e-5)
                    + offset
                ),
                "You add 10⁻⁵ to the standard deviation. Add it to the variance, before the square root.",
            ),
            Mistake(
                lambda maps, scale, offset: _normalized(maps, scale, offset, added=0.0),
                "Add 10⁻⁵ to the variance: for a map whose numbers are all equal you would divide 0 by 0.",
            ),
            Mistake(
                lambda maps, scale, offset: _normalized(maps, 1.0, 0.0),
                "Each map now has mean 0 and variance 1. Scale and offset are missing.",
            ),
            Mistake(
                lambda maps, scale, offset: _normalized(maps, scale, 0.0),
                "The offset is missing.",
            ),
            Mistake(
                lambda maps, scale, offset: _normalized(maps, offset, scale),
                "You have exchanged scale and offset: multiply by the scale, add the offset.",
            ),
            Mistake(
                lambda maps, scale, offset: scale * (_normalized(maps, 1.0, 0.0) + offset),
                "You multiply the offset by the scale. Add it after the multiplication.",
            ),
            Mistake(
                lambda maps, scale, offset: scale * (maps - maps.mean((1, 2), keepdims=True)) + offset,
                "The mean is removed, the contrast is not: divide by the standard deviation.",
            ),
            Mistake(
                lambda maps, scale, offset: (
                    scale * maps / np.sqrt(maps.var((1, 2), keepdims=True) + 1e-5) + offset
                ),
                "You do not subtract the mean.",
            ),
        ),
        praise="Each map of each photo has now the mean and the contrast that the network learned.",
    ),
    "relative_style_loss": Exercise(
        title="relative style loss",
        gradient=True,
        cases=(
            (ramp(1, 2, 3, 2, low=0, high=4), np.array([[3, 1], [1, 2]], np.float32)),
            (
                np.sin(ramp(1, 4, 2, 3, low=0, high=30)) + 1,
                _per_position(ramp(1, 3, 3, 3, low=-1, high=2) ** 2),
            ),
        ),
        answer=relative_style_loss,
        mistakes=(
            Mistake(
                lambda features, gram: _relative(_gram(features) - gram, gram),
                "A is divided by its number of positions, your G is not. Divide it by M = h · w.",
            ),
            Mistake(
                lambda features, gram: _relative(_gram(features) / features.size - gram, gram),
                "You divide G by the number of activations. Divide it by the number of positions, M = h · w.",
            ),
            Mistake(
                lambda features, gram: np.sum((_per_position(features) - gram) ** 2),
                "This is not relative yet. Divide by the sum of the squares of A.",
            ),
            Mistake(
                lambda features, gram: np.sum((_per_position(features) - gram) ** 2) / (4 * len(gram) ** 2),
                "This is equation (4). Here its factor is replaced: divide by the sum of the squares of A.",
            ),
            Mistake(
                lambda features, gram: _relative(_per_position(features) - gram, gram) / (4 * len(gram) ** 2),
                "The factor 1 / (4 N²) stands above and below, and cancels: leave it out.",
            ),
            Mistake(
                lambda features, gram: _relative(_per_position(features) - gram, _per_position(features)),
                "You divide by |G|². G changes during training. Divide by |A|², which is constant.",
            ),
            Mistake(
                lambda features, gram: np.sqrt(_relative(_per_position(features) - gram, gram)),
                "You take the square root. The loss is the ratio of the sums of squares.",
            ),
            Mistake(
                lambda features, gram: np.mean((_per_position(features) / gram - 1) ** 2),
                "You divide entry by entry. Take both sums first, then divide the one by the other.",
            ),
            Mistake(
                lambda features, gram: np.mean((_per_position(features) - gram) ** 2) / np.sum(gram**2),
                "Above you take the mean, below the sum. Take the same above and below.",
            ),
            Mistake(
                lambda features, gram: np.sum(np.abs(_per_position(features) - gram)) / np.sum(np.abs(gram)),
                "You take absolute values. Take squares.",
            ),
            Mistake(
                lambda features, gram: (_per_position(features) - gram) ** 2 / np.sum(gram**2),
                "You have one number for each entry of the Gram matrix. Add them up.",
            ),
        ),
        praise="0 for the style image itself, 1 for feature maps of zeros, and no unit.",
    ),
    "training_step": TRAINING_STEP,
}
