"""The exercises of lesson 8: cases, right answers, and typical mistakes."""

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, feature_matrix, ramp


def _luma(image: np.ndarray) -> np.ndarray:
    return (image @ [0.299, 0.587, 0.114])[..., np.newaxis]


def _masked_gram(features: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return feature_matrix(features).T @ (mask.reshape(-1, 1) * feature_matrix(features))


EXERCISES = {
    "keep_colors": Exercise(
        cases=(
            (ramp(2, 3, 3), ramp(2, 3, 3, low=230, high=10) ** 0.9),
            (
                ramp(1, 2, 3, low=250, high=20),
                ramp(1, 2, 3, low=120, high=255) + [[[-200, 0, 0], [0, 0, 0]]],
            ),
        ),
        answer=lambda photo, painted: photo + _luma(painted - photo),
        mistakes=(
            Mistake(
                lambda photo, painted: painted + _luma(photo - painted),
                "The two are exchanged: you keep the painting's colors and the photo's luma.",
            ),
            Mistake(
                lambda photo, painted: photo + (painted - photo).mean(axis=-1, keepdims=True),
                "You take the mean of the three colors. The eye weights them: 0.299, 0.587, 0.114.",
            ),
            Mistake(
                lambda photo, painted: photo + _luma((painted - photo)[..., ::-1]),
                "The weights are in the order blue, green, red. The image is RGB.",
            ),
            Mistake(
                lambda photo, painted: photo + _luma(painted),
                "The photo's own luma is still in it: subtract it.",
            ),
            Mistake(
                lambda photo, painted: photo - _luma(painted - photo),
                "The sign is turned round: add the painted picture's luma, subtract the photo's.",
            ),
            Mistake(
                lambda photo, painted: np.clip(photo + _luma(painted - photo), 0, 255),
                "Right, but for the values that you cut off at 0 and 255: leave them here.",
            ),
            Mistake(
                lambda photo, painted: _luma(painted) * np.ones(3),
                "That is the painted picture in gray. Put the photo's colors back.",
            ),
            Mistake(
                lambda photo, painted: photo * _luma(painted) / _luma(photo),
                "You scale the photo's colors. Add the difference of the two lumas instead.",
            ),
            Mistake(
                lambda photo, painted: photo + (painted - photo) * [0.299, 0.587, 0.114],
                "The weighted colors have to be added up to one number for each pixel, the luma.",
            ),
        ),
        praise="The luma is the painted picture's, the difference of any two colors the photo's.",
    ),
    "masked_gram": Exercise(
        cases=(
            (ramp(1, 2, 3, 2, low=-1, high=4) ** 2, np.array([[1, 0, 1], [1, 0, 1]], np.float32)),
            (ramp(1, 2, 4, 3, low=3, high=-2) ** 3, np.array([[0, 1, 1, 1], [1, 0, 0, 1]], np.float32)),
        ),
        answer=lambda features, mask: _masked_gram(features, mask) / mask.sum(),
        mistakes=(
            Mistake(
                lambda features, mask: _masked_gram(features, mask),
                "Divide by the area of the region: the sum of the mask.",
            ),
            Mistake(
                lambda features, mask: _masked_gram(features, mask) / mask.size,
                "You divide by the number of all positions. Only the region counts: divide by the sum of "
                "the mask.",
            ),
            Mistake(
                lambda features, mask: feature_matrix(features).T @ feature_matrix(features) / mask.sum(),
                "The mask is missing in the sum: positions outside the region have to count 0.",
            ),
            Mistake(
                lambda features, mask: feature_matrix(features).T @ feature_matrix(features) / mask.size,
                "That is the Gram matrix of the whole picture. Weight the positions with the mask.",
            ),
            Mistake(
                lambda features, mask: _masked_gram(features, 1 - mask) / (1 - mask).sum(),
                "That is the Gram matrix of everything outside the region: mask, not 1 − mask.",
            ),
            Mistake(
                lambda features, mask: _masked_gram(features, mask) / mask.sum() ** 2,
                "Divide by the area once, not by its square.",
            ),
        ),
        praise="A small region asks for its style as firmly as a large one.",
    ),
    "total_variation": Exercise(
        cases=((ramp(3, 4, 3) ** 1.3,), (ramp(2, 2, 3, low=7, high=-4) ** 3,)),
        answer=lambda image: np.sum(np.diff(image, axis=0) ** 2) + np.sum(np.diff(image, axis=1) ** 2),
        mistakes=(
            Mistake(
                lambda image: np.sum(np.diff(image, axis=0) ** 2),
                "Those are the differences of neighboring rows. Neighboring columns are missing.",
            ),
            Mistake(
                lambda image: np.sum(np.diff(image, axis=1) ** 2),
                "Those are the differences of neighboring columns. Neighboring rows are missing.",
            ),
            Mistake(
                lambda image: np.sum(np.abs(np.diff(image, axis=0))) + np.sum(np.abs(np.diff(image, axis=1))),
                "You take absolute values. In this formula the differences are squared.",
            ),
            Mistake(
                lambda image: (
                    np.sum((image - np.roll(image, 1, axis=0)) ** 2)
                    + np.sum((image - np.roll(image, 1, axis=1)) ** 2)
                ),
                "np.roll also compares the last row with the first: they are no neighbors.",
            ),
            Mistake(
                lambda image: np.mean(np.diff(image, axis=0) ** 2) + np.mean(np.diff(image, axis=1) ** 2),
                "Take the sum, not the mean.",
            ),
            Mistake(
                lambda image: (
                    np.sum(np.diff(image, axis=0) ** 2)
                    + np.sum(np.diff(image, axis=1) ** 2)
                    + np.sum(np.diff(image, axis=2) ** 2)
                ),
                "You compare the colors of one pixel with one another, too. Rows and columns only.",
            ),
            Mistake(
                lambda image: np.sum(np.diff(image, axis=0)) ** 2 + np.sum(np.diff(image, axis=1)) ** 2,
                "You add up first and square then. Square each difference before the sum.",
            ),
            Mistake(
                lambda image: np.sum(np.diff(image, axis=1) ** 2) + np.sum(np.diff(image, axis=2) ** 2),
                "The first axis holds the rows, the second the columns; yours are the second and the third.",
            ),
            Mistake(
                lambda image: np.sqrt(
                    np.sum(np.diff(image, axis=0) ** 2) + np.sum(np.diff(image, axis=1) ** 2)
                ),
                "There is no root in this formula.",
            ),
            Mistake(
                lambda image: (
                    np.sum(np.diff(image, axis=0)[:, :-1] ** 2) + np.sum(np.diff(image, axis=1)[:-1] ** 2)
                ),
                "The differences along the last row and the last column are missing: both loops end one "
                "too early.",
            ),
        ),
        praise="0 for an even surface, and large for noise.",
    ),
}
