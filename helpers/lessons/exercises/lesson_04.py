"""The exercises of lesson 4: cases, right answers, and typical mistakes."""

from collections.abc import Callable
from functools import partial

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, feature_matrix, of_paper, ramp


def _scrambled(features: np.ndarray) -> np.ndarray:
    return features.reshape(features.shape[-1], -1)


def _centered(features: np.ndarray) -> np.ndarray:
    return feature_matrix(features) - feature_matrix(features).mean(axis=0)


def _style_loss(
    features: dict[str, np.ndarray],
    targets: dict[str, np.ndarray],
    *,
    positions: str = "each",
    factor: Callable[[int], int] = lambda N: 4 * N**2,
    distance: Callable[[np.ndarray], np.ndarray] = np.square,
    mean: bool = True,
    layers: slice = slice(None),
) -> float:
    """Equation (5), and with an argument more one of the mistakes that students make."""
    losses = []
    for layer in targets:
        own, other = (feature_matrix(maps[layer]) for maps in (features, targets))
        counts = {
            "each": (len(own), len(other)),
            "none": (1, 1),
            "generated": (len(own), len(own)),
            "style": (len(other), len(other)),
            "entries": (own.size, other.size),
        }[positions]
        difference = own.T @ own / counts[0] - other.T @ other / counts[1]
        losses.append(distance(difference).sum() / factor(own.shape[1]))
    return sum(losses[layers]) / (len(losses) if mean and layers == slice(None) else 1)


EXERCISES = {
    "gram_matrix": Exercise(
        cases=(
            (ramp(1, 2, 3, 2, low=-1, high=4) ** 2,),
            (ramp(1, 3, 4, 3, low=3, high=-2) ** 3,),
        ),
        answer=of_paper("gram_matrix"),
        mistakes=(
            Mistake(
                lambda features: feature_matrix(features) @ feature_matrix(features).T,
                "Yours has a row and a column for each position, M × M. Transpose the other factor: the sum "
                "runs over the positions.",
            ),
            Mistake(
                lambda features: (
                    feature_matrix(features).T @ feature_matrix(features) / len(feature_matrix(features))
                ),
                "Equation (3) is a plain sum: do not divide by the number of positions. Equation (4) does "
                "that.",
            ),
            Mistake(
                lambda features: feature_matrix(features).T @ feature_matrix(features) / features.size,
                "Equation (3) is a plain sum: do not divide by the number of entries.",
            ),
            Mistake(
                lambda features: _scrambled(features) @ _scrambled(features).T,
                "reshape(N, -1) does not give F: it cuts the numbers in their order in memory, where the "
                "filters come last. Use reshape(-1, N), which has a row for each position.",
            ),
            Mistake(
                lambda features: _centered(features).T @ _centered(features),
                "You subtract the means first: that is a covariance. The Gram matrix takes F as it is.",
            ),
            Mistake(
                lambda features: (
                    feature_matrix(features).sum(axis=0)[:, np.newaxis] * feature_matrix(features).sum(axis=0)
                ),
                "You add up each map first and multiply then. Multiply position by position, then add up.",
            ),
            Mistake(
                lambda features: (feature_matrix(features) ** 2).sum(axis=0),
                "That is the diagonal: each filter with itself. The matrix has all pairs of filters.",
            ),
            Mistake(
                lambda features: (
                    feature_matrix(features).T @ feature_matrix(features) / (4 * features.size**2)
                ),
                "The factor 1 / (4 N² M²) belongs to equation (4). Equation (3) is a plain sum.",
            ),
        ),
        praise="N × N numbers: which activations co-occur. The positions are summed over.",
        title="Gram matrix",
        gradient=True,
    ),
    "scaled_filters": Exercise(
        cases=(
            (
                ramp(1, 1, 3, 2, low=-1, high=2),
                ramp(2, low=1, high=-3),
                ramp(1, 1, 2, 2, low=2, high=5),
                np.float32([2, 0.5]),
            ),
            (
                ramp(3, 3, 1, 3, low=-2, high=2),
                ramp(3, low=-1, high=2),
                ramp(3, 3, 3, 3, low=1, high=-2),
                np.float32([4, 0.25, 3]),
            ),
        ),
        answer=lambda kernel, bias, next_kernel, means: (
            kernel / means,
            bias / means,
            next_kernel * means[:, np.newaxis],
        ),
        mistakes=(
            Mistake(
                lambda kernel, bias, next_kernel, means: (
                    kernel / means,
                    bias,
                    next_kernel * means[:, np.newaxis],
                ),
                "The bias belongs to the filter: divide it by the mean as well.",
            ),
            Mistake(
                lambda kernel, bias, next_kernel, means: (kernel / means, bias / means, next_kernel),
                "The activations of this layer are smaller now, so those of the next layer change. Let the "
                "next kernel multiply by the means again.",
            ),
            Mistake(
                lambda kernel, bias, next_kernel, means: (
                    kernel / means,
                    bias / means,
                    next_kernel / means[:, np.newaxis],
                ),
                "You divide in both layers. The next kernel has to undo the division: multiply it.",
            ),
            Mistake(
                lambda kernel, bias, next_kernel, means: (kernel / means, bias / means, next_kernel * means),
                "You scale the output channels of the next kernel. The filters of this layer are its input "
                "channels, its axis before the last: means[:, np.newaxis].",
            ),
            Mistake(
                lambda kernel, bias, next_kernel, means: (
                    kernel * means,
                    bias * means,
                    next_kernel / means[:, np.newaxis],
                ),
                "The other way round: divide by the mean here, so that the mean activation becomes 1.",
            ),
            Mistake(
                lambda kernel, bias, next_kernel, means: (
                    kernel / means.mean(),
                    bias / means.mean(),
                    next_kernel * means.mean(),
                ),
                "Each filter is divided by its own mean activation, not by the mean of all.",
            ),
        ),
        praise="The next layer computes the same as before, and each filter here has mean activation 1.",
        title="scaled filters",
        parts=("kernel", "bias", "next kernel"),
    ),
    "style_loss": Exercise(
        cases=tuple(
            (
                {
                    "conv1_1": ramp(1, 2, 3, 2, low=-1, high=a),
                    "conv2_1": ramp(1, 1, 2, 3, low=3, high=0) ** b,
                },
                {
                    "conv2_1": ramp(1, 2, 2, 3, low=b, high=-1),
                    "conv1_1": ramp(1, 3, 4, 2, low=2, high=1) ** a,
                },
            )
            for a, b in ((2, 1), (1, 2))
        ),
        answer=of_paper("style_loss"),
        mistakes=(
            Mistake(
                partial(_style_loss, mean=False),
                "That is the sum over the layers. Each weight w_l is 1 / number of layers.",
            ),
            Mistake(
                partial(_style_loss, positions="none"),
                "Divide each Gram matrix by its number of positions M.",
            ),
            Mistake(
                partial(_style_loss, positions="generated"),
                "You divide both Gram matrices by the M of the generated image. The style image has another "
                "size, and a number of positions of its own.",
            ),
            Mistake(
                partial(_style_loss, positions="style"),
                "You divide both Gram matrices by the M of the style image. The generated image has another "
                "size, and a number of positions of its own.",
            ),
            Mistake(
                partial(_style_loss, positions="entries"),
                "You divide the Gram matrices by N · M. Divide them by M; N² stands in the factor already.",
            ),
            Mistake(partial(_style_loss, factor=lambda N: 1), "The factor 1 / (4 N²) is missing."),
            Mistake(partial(_style_loss, factor=lambda N: 4), "N² is missing in the denominator."),
            Mistake(partial(_style_loss, factor=lambda N: N**2), "The denominator is 4 N²: 4 is missing."),
            Mistake(partial(_style_loss, factor=lambda N: 4 * N), "N is squared: G has N² entries."),
            Mistake(
                partial(_style_loss, distance=np.abs),
                "Square the differences; you take their absolute values.",
            ),
            Mistake(
                partial(_style_loss, layers=slice(0, 1)),
                "Only the first layer counts: the return has to stand after the loop, not inside it.",
            ),
            Mistake(
                partial(_style_loss, layers=slice(-1, None)),
                "Only the last layer counts: add up the losses of all layers.",
            ),
        ),
        praise="Equations (3), (4) and (5) in one function, for images of any two sizes.",
        title="style loss",
        gradient=True,
    ),
    "style_gradient": Exercise(
        cases=tuple(
            (F, F @ F.T, A @ A.T)
            for F, A in (
                (np.maximum(0, ramp(2, 5, low=-2, high=4)), ramp(2, 2, low=3, high=-1)),
                (np.maximum(0, ramp(3, 4, low=5, high=-3)), ramp(3, 3, low=-1, high=2) ** 2),
            )
        ),
        answer=lambda F, G, A: np.where(F > 0, (G - A) @ F, 0) / F.size**2,
        mistakes=(
            Mistake(
                lambda F, G, A: (G - A) @ F / F.size**2,
                "Where F = 0 the ReLU lets no change through: the derivative is 0 there.",
            ),
            Mistake(
                lambda F, G, A: np.where(F > 0, (A - G) @ F, 0) / F.size**2,
                "The sign is wrong: it is G − A.",
            ),
            Mistake(
                lambda F, G, A: (F.T @ (G - A)) / F.size**2,
                "The product has a row for each position. Transpose it to the shape of F; and where F = 0 "
                "the derivative is 0.",
            ),
            Mistake(
                lambda F, G, A: np.where(F > 0, (G - A) @ F, 0),
                "The factor 1 / (N² M²) is missing.",
            ),
            Mistake(
                lambda F, G, A: np.where(F > 0, (G - A) @ F, 0) / (4 * F.size**2),
                "The 4 of equation (4) cancels: the square gives a factor 2, and F occurs twice in G.",
            ),
            Mistake(
                lambda F, G, A: np.where(F > 0, (G - A) @ F, 0) / F.size,
                "N and M are squared in the factor: 1 / (N² M²).",
            ),
            Mistake(
                lambda F, G, A: np.where((G - A) @ F > 0, (G - A) @ F, 0) / F.size**2,
                "You set negative derivatives to 0. It is 0 only where F = 0; elsewhere it may be negative.",
            ),
            Mistake(
                lambda F, G, A: (A - G) @ F / F.size**2,
                "The sign is wrong: it is G − A. And where F = 0 the derivative is 0.",
            ),
            Mistake(
                lambda F, G, A: (F.T @ (G - A)).reshape(F.shape) / F.size**2,
                "reshape does not transpose: use .T, or the product (G − A) F. And where F = 0 the "
                "derivative is 0.",
            ),
            Mistake(
                lambda F, G, A: np.where(F > 0, (F.T @ (G - A)).reshape(F.shape), 0) / F.size**2,
                "reshape does not transpose: use .T, or the product (G − A) F.",
            ),
            Mistake(
                lambda F, G, A: np.where(F > 0, (G - A) @ F / F.shape[0] ** 2 * F.shape[1] ** 2, 0),
                "You multiply by M². Both belong into the denominator: / (N**2 * M**2).",
            ),
        ),
        praise="That is equation (6). From there to the pixels it is the chain rule.",
    ),
}
