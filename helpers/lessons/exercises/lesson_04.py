"""The exercises of lesson 4: cases, right answers, and typical mistakes."""

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, feature_matrix, ramp


def _scrambled(features: np.ndarray) -> np.ndarray:
    return features.reshape(features.shape[-1], -1)


def _centered(features: np.ndarray) -> np.ndarray:
    return feature_matrix(features) - feature_matrix(features).mean(axis=0)


EXERCISES = {
    "gram_matrix": Exercise(
        cases=(
            (ramp(1, 2, 3, 2, low=-1, high=4) ** 2,),
            (ramp(1, 3, 4, 3, low=3, high=-2) ** 3,),
        ),
        answer=lambda features: feature_matrix(features).T @ feature_matrix(features),
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
        praise="N × N numbers: which filters respond together, and not a word about where.",
    ),
    "layer_loss": Exercise(
        cases=(
            (ramp(3, 3, low=-2, high=40), ramp(3, 3, low=30, high=2), 5),
            (ramp(2, 2, low=0, high=9) ** 2, ramp(2, 2, low=3, high=1), 12),
        ),
        answer=lambda G, A, M: np.sum((G - A) ** 2) / (4 * len(G) ** 2 * M**2),
        mistakes=(
            Mistake(
                lambda G, A, M: np.sum((G - A) ** 2),
                "The factor 1 / (4 N² M²) is missing.",
            ),
            Mistake(
                lambda G, A, M: np.sum((G - A) ** 2) / (4 * len(G) ** 2),
                "M² is missing below: without it the loss grows with the picture.",
            ),
            Mistake(
                lambda G, A, M: np.sum((G - A) ** 2) / (4 * M**2),
                "N² is missing below: without it layers with many filters would count for more.",
            ),
            Mistake(
                lambda G, A, M: np.sum((G - A) ** 2) / (2 * len(G) ** 2 * M**2),
                "Below stands 4, not 2: the 2 of the square and the two places of F in G cancel it.",
            ),
            Mistake(
                lambda G, A, M: np.sum((G - A) ** 2) / (4 * len(G) * M),
                "N and M have to be squared, as the differences are.",
            ),
            Mistake(
                lambda G, A, M: np.sum((G - A) ** 2) / (4 * len(G) ** 2 * M),
                "M has to be squared: a Gram matrix grows with M, and its difference is squared.",
            ),
            Mistake(
                lambda G, A, M: np.sum((G - A) ** 2) / (4 * len(G) ** 2 * M**3),
                "You divide by M once too often: below stands M².",
            ),
            Mistake(
                lambda G, A, M: np.sum((G - A) ** 2) / (4 * len(G) * M**2),
                "N has to be squared: G has N² entries.",
            ),
            Mistake(
                lambda G, A, M: np.mean((G - A) ** 2) / (4 * len(G) ** 2 * M**2),
                "N² is divided by twice: np.mean does it by itself, so take the sum. (N is G.shape[0], not "
                "G.size.)",
            ),
            Mistake(
                lambda G, A, M: np.sum(np.abs(G - A)) / (4 * len(G) ** 2 * M**2),
                "The differences have to be squared; you take their absolute values.",
            ),
            Mistake(
                lambda G, A, M: np.sum((G - A) ** 2) / 4 * len(G) ** 2 * M**2,
                "You multiply by N² M². Put all of 4 N² M² below the line: (4 * N**2 * M**2).",
            ),
            Mistake(
                lambda G, A, M: np.sum(G - A) ** 2 / (4 * len(G) ** 2 * M**2),
                "You add up first and square then. Square each difference before the sum.",
            ),
            Mistake(
                lambda G, A, M: np.sum((G - A) ** 2) / (4 * len(G) ** 4),
                "In the place of M stands N once more: does N, M = G.shape overwrite M?",
            ),
        ),
        praise="That is equation (4). Divided by M², it does not grow with the picture.",
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
                "The sign is turned round: it is G − A.",
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
                "The 4 of equation (4) is gone in the derivative: the square gives a 2, and F stands in G "
                "twice.",
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
                "The sign is turned round: it is G − A. And where F = 0 the derivative is 0.",
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
                "You multiply by M². Put both below the line: / (N**2 * M**2).",
            ),
        ),
        praise="That is equation (6). The ones below it are, once more, the chain rule.",
    ),
}
