"""The exercises of lesson 2: cases, right answers, and typical mistakes."""

import numpy as np

from helpers.images import IMAGENET_MEAN, preprocess
from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp


def _square(image: np.ndarray, side: int, top: int, left: int) -> np.ndarray:
    return image[top : top + side, left : left + side]


EXERCISES = {
    "parameters": Exercise(
        cases=((3, 3, 64), (3, 64, 128), (5, 1, 2)),
        answer=lambda K, N, M: (K * K * N + 1) * M,
        mistakes=(
            Mistake(
                lambda K, N, M: K * K * N * M,
                "The biases are missing: each of the M kernels has one.",
            ),
            Mistake(
                lambda K, N, M: K * K * N * M + 1,
                "Each of the M kernels has a bias of its own: there are M of them.",
            ),
            Mistake(
                lambda K, N, M: K * K * N * M + N,
                "There is one bias for each output map, not for each input map.",
            ),
            Mistake(
                lambda K, N, M: (K * K + 1) * M,
                "A kernel has weights for every input map: K · K · N of them.",
            ),
            Mistake(
                lambda K, N, M: (K * N + 1) * M,
                "The window is a square: K · K places.",
            ),
            Mistake(
                lambda K, N, M: K * K * N + 1,
                "That is one kernel. There are M of them.",
            ),
        ),
        praise="In VGG19's first layer these are 1792 numbers, in its largest convolution 2.4 million.",
    ),
    "scaled_size": Exercise(
        cases=((400, 600, 256), (640, 427, 256), (100, 100, 256), (333, 500, 128)),
        answer=lambda height, width, side: (
            round(height * side / min(height, width)),
            round(width * side / min(height, width)),
        ),
        mistakes=(
            Mistake(
                lambda height, width, side: (
                    round(height * side / max(height, width)),
                    round(width * side / max(height, width)),
                ),
                "You scale the longer side to the length `side`. It is the shorter one that gets it.",
            ),
            Mistake(
                lambda height, width, side: (side, side),
                "That would press the picture into a square. One factor for both sides keeps their ratio.",
            ),
            Mistake(
                lambda height, width, side: (
                    height * side / min(height, width),
                    width * side / min(height, width),
                ),
                "There is no part of a pixel: round both numbers.",
            ),
            Mistake(
                lambda height, width, side: (
                    int(height * side / min(height, width)),
                    int(width * side / min(height, width)),
                ),
                "You cut off what stands behind the point. Use round.",
            ),
            Mistake(
                lambda height, width, side: (side, round(width * side / height)),
                "That is right for a picture that is wider than tall. Where it is taller, the width is the "
                "shorter side.",
            ),
            Mistake(
                lambda height, width, side: (
                    round(width * side / min(height, width)),
                    round(height * side / min(height, width)),
                ),
                "Height and width are exchanged: the height comes first.",
            ),
        ),
        praise="The shorter side has the length asked for, and nothing is distorted.",
    ),
    "central_square": Exercise(
        cases=((ramp(6, 10, 3), 4), (ramp(9, 5, 3), 4), (ramp(5, 5, 3), 5), (ramp(8, 6, 3), 3)),
        answer=lambda image, side: _square(
            image, side, (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
        ),
        mistakes=(
            Mistake(
                lambda image, side: image[:side, :side],
                "That is the upper left corner. The square lies in the middle.",
            ),
            Mistake(
                lambda image, side: image[image.shape[0] - side :, image.shape[1] - side :],
                "That is the lower right corner. The square lies in the middle: only half of what is too "
                "much is cut off at the top.",
            ),
            Mistake(
                lambda image, side: _square(
                    image, side, -((side - image.shape[0]) // 2), -((side - image.shape[1]) // 2)
                ),
                "Your square lies one pixel too far down or to the right where the rest is odd: round down, "
                "with //.",
            ),
            Mistake(
                lambda image, side: _square(image, side, 0, (image.shape[1] - side) // 2),
                "The columns are right. The rows have to be cut at the top and at the bottom.",
            ),
            Mistake(
                lambda image, side: _square(image, side, (image.shape[0] - side) // 2, 0),
                "The rows are right. The columns have to be cut on the left and on the right.",
            ),
            Mistake(
                lambda image, side: image[
                    (image.shape[0] - side) // 2 : (image.shape[0] + side) // 2 + 1,
                    (image.shape[1] - side) // 2 : (image.shape[1] + side) // 2 + 1,
                ],
                "Your square is one pixel too large: the end of a slice is not part of it.",
            ),
        ),
        praise="The same is cut off on both sides, and nothing is scaled.",
    ),
    "to_pixels": Exercise(
        cases=((ramp(2, 3, 3),), (ramp(1, 2, 3, low=250, high=3),)),
        answer=lambda image: preprocess(image),
        mistakes=(
            Mistake(
                lambda image: (image - IMAGENET_MEAN[::-1])[np.newaxis],
                "The colors are still in the order RGB: VGG19 expects BGR. Turn the last axis round.",
            ),
            Mistake(
                lambda image: (image - IMAGENET_MEAN)[np.newaxis],
                "The colors are still in the order RGB, and red and blue have each other's mean "
                "subtracted. Turn "
                "the last axis round first.",
            ),
            Mistake(
                lambda image: (image[..., ::-1] - IMAGENET_MEAN[::-1])[np.newaxis],
                "The colors are BGR now, but red and blue have each other's mean subtracted. Turn the "
                "colors "
                "round first, then subtract the means in the order blue, green, red.",
            ),
            Mistake(
                lambda image: image[..., ::-1][np.newaxis],
                "The mean is not subtracted yet.",
            ),
            Mistake(
                lambda image: (image[..., ::-1] + IMAGENET_MEAN)[np.newaxis],
                "The mean is added. Subtract it.",
            ),
            Mistake(
                lambda image: image[..., ::-1] - IMAGENET_MEAN,
                "The colors are right. The batch axis is missing: [np.newaxis] puts it in front.",
            ),
            Mistake(
                lambda image: (image[..., ::-1] / 255 - IMAGENET_MEAN)[np.newaxis],
                "Do not divide by 255: VGG19 was trained on numbers of this size.",
            ),
            Mistake(
                lambda image: ((image[..., ::-1] - IMAGENET_MEAN) / 255)[np.newaxis],
                "Do not divide by 255: VGG19 was trained on numbers of this size.",
            ),
            Mistake(
                lambda image: (image[::-1] - IMAGENET_MEAN)[np.newaxis],
                "You turn the picture upside down: image[::-1] reverses the rows. The colors are the last "
                "axis: image[..., ::-1].",
            ),
        ),
        praise="These are the pixels that VGG19 was trained on: around 0, in the order blue, green, red.",
    ),
}
