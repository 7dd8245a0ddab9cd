"""The exercises of the lessons: what to try, the right answer, and the mistakes that students make.

An exercise is a table. Each typical mistake stands there as the function a student would write, with the
sentence that helps; ``checks`` compares.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from helpers.images import IMAGENET_MEAN, preprocess


class Mistake(NamedTuple):
    """A wrong answer that students typically give, and what to tell them."""

    answer: Callable[..., Any]
    message: str


class Exercise(NamedTuple):
    """What a student is asked to write, and how to tell whether it is right."""

    cases: tuple[tuple[Any, ...], ...]
    answer: Callable[..., Any]
    mistakes: tuple[Mistake, ...]
    praise: str


def _ramp(*shape: int, low: float = 0.0, high: float = 255.0) -> np.ndarray:
    return np.linspace(low, high, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def _squares(maps: np.ndarray) -> np.ndarray:
    height, width, filters = maps.shape
    return maps.reshape(height // 2, 2, width // 2, 2, filters)


def _receptive_field(
    layers: list[tuple[int, int]], stride_first: bool = False, last_stride_only: bool = False
) -> int:
    field, jump = 1, 1
    for window, stride in layers:
        jump *= stride if stride_first else 1
        field += (window - 1) * jump
        jump = stride if last_stride_only else jump * (1 if stride_first else stride)
    return field


def _square(image: np.ndarray, side: int, top: int, left: int) -> np.ndarray:
    return image[top : top + side, left : left + side]


def _positions(features: np.ndarray) -> np.ndarray:
    return features.reshape(-1, features.shape[-1])


def _scrambled(features: np.ndarray) -> np.ndarray:
    return features.reshape(features.shape[-1], -1)


def _centred(features: np.ndarray) -> np.ndarray:
    return _positions(features) - _positions(features).mean(axis=0)


def _luminance(image: np.ndarray) -> np.ndarray:
    return (image @ [0.299, 0.587, 0.114])[..., np.newaxis]


def _masked_gram(features: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return _positions(features).T @ (mask.reshape(-1, 1) * _positions(features))


def _halves(left: np.ndarray, right: np.ndarray, column: int) -> np.ndarray:
    return np.concatenate([left[:, :column], right[:, column:]], axis=1)


def _mse(image: np.ndarray, reference: np.ndarray) -> float:
    return np.mean((image - reference) ** 2)


def _right(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return probabilities[np.arange(len(labels)), labels]


def _history(totals: list[float], evaluations: list[int]) -> list[dict[str, float]]:
    return [
        {"step": step, "evaluations": count, "total": total}
        for step, (total, count) in enumerate(zip(totals, evaluations, strict=True), start=1)
    ]


EXERCISES = {
    "shorter_side": Exercise(
        cases=((_ramp(4, 7, 3),), (_ramp(9, 5, 3),), (_ramp(2, 6, 3),), (_ramp(4, 4, 3),)),
        answer=lambda image: min(image.shape[:2]),
        mistakes=(
            Mistake(
                lambda image: min(image.shape),
                "The last axis holds the 3 colours: it is no side of the picture. Take the first two only.",
            ),
            Mistake(lambda image: max(image.shape[:2]), "That is the longer side."),
            Mistake(
                lambda image: image.shape[0],
                "That is the height; where the picture is taller than wide, the width is the shorter side.",
            ),
            Mistake(
                lambda image: image.shape[1],
                "That is the width; where the picture is wider than tall, the height is the shorter side.",
            ),
            Mistake(lambda image: image.shape[:2], "Those are both sides. Return the smaller of the two."),
        ),
        praise="Height and width are the first two axes, and the smaller of them is what `size` sets.",
    ),
    "crossfade": Exercise(
        cases=(
            (_ramp(2, 3, 3), _ramp(2, 3, 3, low=200, high=40), 0.25),
            (_ramp(1, 2, 3), _ramp(1, 2, 3, low=200, high=40), 0.0),
        ),
        answer=lambda photo, result, t: (1 - t) * photo + t * result,
        mistakes=(
            Mistake(
                lambda photo, result, t: t * photo + (1 - t) * result,
                "The two are exchanged: t = 0 has to give the photo and t = 1 the painted picture.",
            ),
            Mistake(
                lambda photo, result, t: photo + t * result,
                "The photo's share has to shrink as the other grows: its factor is (1 − t).",
            ),
            Mistake(
                lambda photo, result, t: (photo + result) / 2,
                "That is the even mix whatever t is. Weight the two pictures by (1 − t) and t.",
            ),
            Mistake(
                lambda photo, result, t: np.clip((1 - t) * photo + t * result, 0, 1),
                "The values are cut off at 1: an image of this course reaches from 0 to 255.",
            ),
        ),
        praise="Weighting two things against each other with two factors is how equation (7) will work too.",
    ),
    "estimated_seconds": Exercise(
        cases=((10.0, 128, 256), (12.0, 256, 448), (9.0, 300, 100)),
        answer=lambda seconds, size, new_size: seconds * (new_size / size) ** 2,
        mistakes=(
            Mistake(
                lambda seconds, size, new_size: seconds * new_size / size,
                "Twice the side is twice the height and twice the width: four times the pixels, not two.",
            ),
            Mistake(
                lambda seconds, size, new_size: seconds * (size / new_size) ** 2,
                "A larger picture takes longer: divide the new size by the old one, not the other way round.",
            ),
            Mistake(
                lambda seconds, size, new_size: seconds * (new_size - size) ** 2,
                "Compare the sizes by their ratio, not by their difference.",
            ),
            Mistake(
                lambda seconds, size, new_size: (new_size / size) ** 2,
                "That is the factor. Multiply the seconds by it.",
            ),
            Mistake(
                lambda seconds, size, new_size: seconds * (new_size / size) * 2,
                "Squared, not doubled: ** 2 in the place of * 2.",
            ),
            Mistake(
                lambda seconds, size, new_size: seconds * (new_size // size) ** 2,
                "// cuts off what stands behind the point. Divide with a single /.",
            ),
        ),
        praise="Twice the side costs four times the time, so try things out small and paint large last.",
    ),
    "one_answer": Exercise(
        cases=(
            (_ramp(2, 2, 3, low=-1, high=3), _ramp(2, 2, 3, low=2, high=-1.5) ** 3, 0.75),
            (_ramp(3, 3, 1, low=0, high=2), _ramp(3, 3, 1, low=-1, high=2) ** 2, -2.0),
        ),
        answer=lambda window, weights, bias: (window * weights).sum() + bias,
        mistakes=(
            Mistake(
                lambda window, weights, bias: (window * weights).sum(),
                "The bias is missing: add it once, at the end.",
            ),
            Mistake(
                lambda window, weights, bias: (window * weights + bias).sum(),
                "The bias is added to every product. Add it once, after the sum.",
            ),
            Mistake(
                lambda window, weights, bias: (window * weights).mean() + bias,
                "The products are added up, not averaged: take the sum.",
            ),
            Mistake(
                lambda window, weights, bias: (window * weights[::-1, ::-1]).sum() + bias,
                "The kernel is turned by 180°. Networks use it as it is: the first weight belongs to the "
                "first pixel.",
            ),
            Mistake(
                lambda window, weights, bias: (window * weights).sum(axis=(0, 1)) + bias,
                "You have one number for each input map. The sum runs over the maps as well: all three axes.",
            ),
            Mistake(
                lambda window, weights, bias: (window * weights).sum(axis=-1) + bias,
                "The sum runs over the maps only. It runs over the places of the window as well: all three "
                "axes.",
            ),
            Mistake(
                lambda window, weights, bias: window * weights + bias,
                "The products are there. Now add them all up to a single number.",
            ),
        ),
        praise="A convolution layer does this for every window and every kernel, and nothing else.",
    ),
    "output_size": Exercise(
        cases=(
            (224, 3, 1, 1),
            (224, 2, 2, 0),
            (11, 3, 2, 0),
            (10, 3, 2, 1),
            (7, 7, 3, 0),
            (14, 4, 5, 2),
            (9, 3, 4, 1),
        ),
        answer=lambda size, window, stride, padding: (size + 2 * padding - window) // stride + 1,
        mistakes=(
            Mistake(
                lambda size, window, stride, padding: (size + 2 * padding - window) // stride,
                "One is missing: the first window stands there before any step is taken.",
            ),
            Mistake(
                lambda size, window, stride, padding: (size + padding - window) // stride + 1,
                "The padding lies on both sides: it counts twice.",
            ),
            Mistake(
                lambda size, window, stride, padding: (size + 2 * padding - window) / stride + 1,
                "A part of a window is no window: divide without remainder, with //.",
            ),
            Mistake(
                lambda size, window, stride, padding: -((window - size - 2 * padding) // stride) + 1,
                "You round up. A window that does not fit entirely is left out: round down, with //.",
            ),
            Mistake(
                lambda size, window, stride, padding: size + 2 * padding - window + 1,
                "The stride is missing: divide the places that are left by it.",
            ),
            Mistake(
                lambda size, window, stride, padding: (size - window) // stride + 1,
                "The padding is missing: it makes the row longer before the windows are laid.",
            ),
            Mistake(
                lambda size, window, stride, padding: (size + 2 * padding) // stride,
                "The window is missing: it takes up K places itself.",
            ),
            Mistake(
                lambda size, window, stride, padding: (size + 2 * padding - window + 1) // stride,
                "The 1 comes after the division: count the steps, then add the first window.",
            ),
            Mistake(
                lambda size, window, stride, padding: round((size + 2 * padding - window) / stride) + 1,
                "You round to the nearest number. A window that does not fit entirely is left out: round "
                "down, with //.",
            ),
        ),
        praise="With K = 3, S = 1 and P = 1 the size stays, as in all convolutions of VGG19.",
    ),
    "average_pool": Exercise(
        cases=((_ramp(4, 6, 2, low=-8, high=11) ** 2,), (_ramp(2, 2, 3, low=-4, high=9) ** 2,)),
        answer=lambda maps: _squares(maps).mean(axis=(1, 3)),
        mistakes=(
            Mistake(
                lambda maps: _squares(maps).max(axis=(1, 3)),
                "That is max pooling. Average pooling takes the mean of the four.",
            ),
            Mistake(
                lambda maps: _squares(maps).sum(axis=(1, 3)),
                "That is the sum of the four numbers. Divide by 4.",
            ),
            Mistake(
                lambda maps: maps[::2, ::2],
                "You keep one number of each square and throw three away. Take the mean of all four.",
            ),
            Mistake(
                lambda maps: (maps[:-1, :-1] + maps[:-1, 1:] + maps[1:, :-1] + maps[1:, 1:]) / 4,
                "Your squares overlap. They lie side by side: the stride is 2.",
            ),
            Mistake(
                lambda maps: _squares(maps).mean(axis=(1, 3, 4)),
                "The maps are averaged with one another. Each map is pooled by itself.",
            ),
            Mistake(
                lambda maps: (maps[::2, ::2] + maps[1::2, 1::2]) / 2,
                "You average two of the four numbers only: the upper right and the lower left are missing.",
            ),
            Mistake(
                lambda maps: _squares(maps).mean(axis=1).reshape(maps.shape[0] // 2, *maps.shape[1:]),
                "The map is half as high but as wide as before: average over the columns as well.",
            ),
            Mistake(
                lambda maps: maps[1::2, 1::2],
                "You keep the lower right number of each square. Take the mean of all four.",
            ),
        ),
        praise="Every second row and column is gone, and the mean of each square has stayed.",
    ),
    "receptive_field": Exercise(
        cases=(
            ([(3, 1)],),
            ([(3, 1), (3, 1), (2, 2)],),
            ([(3, 1), (3, 1), (2, 2), (3, 1), (3, 1), (2, 2), (3, 1), (3, 1)],),
            ([(5, 2), (7, 2), (3, 1)],),
        ),
        answer=lambda layers: _receptive_field(layers),
        mistakes=(
            Mistake(
                lambda layers: 1 + sum(window - 1 for window, _ in layers),
                "The jump is missing: behind a stride of 2, one place more is two pixels more.",
            ),
            Mistake(
                lambda layers: _receptive_field(layers) - 1,
                "Begin with r = 1: a single place sees itself.",
            ),
            Mistake(
                lambda layers: sum(window for window, _ in layers),
                "The windows are added up. A window of K adds only K − 1 places, each of them j pixels wide.",
            ),
            Mistake(
                lambda layers: math.prod(window for window, _ in layers),
                "The windows are multiplied. A window of K adds (K − 1) · j to what was seen before.",
            ),
            Mistake(
                lambda layers: _receptive_field(layers, stride_first=True),
                "The jump is updated too early: a layer's own stride counts from the next layer on.",
            ),
            Mistake(
                lambda layers: _receptive_field([(window + 1, stride) for window, stride in layers]),
                "Each layer adds (K − 1) · j, not K · j: one of the K places was seen before.",
            ),
            Mistake(
                lambda layers: math.prod(stride for _, stride in layers),
                "That is the jump j. Return r.",
            ),
            Mistake(
                lambda layers: _receptive_field(layers[:1]),
                "You return after the first layer: the return has to stand behind the loop.",
            ),
            Mistake(
                lambda layers: sum(window - 1 for window, _ in layers),
                "Begin with r = 1: a single place sees itself. And each further place is j pixels wide.",
            ),
            Mistake(
                lambda layers: _receptive_field(layers, last_stride_only=True),
                "The jump grows with every stride before: j = j * S, not j = S.",
            ),
        ),
        praise="For VGG19 this gives 3 pixels in the first layer and 252 in the last.",
    ),
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
        cases=((_ramp(6, 10, 3), 4), (_ramp(9, 5, 3), 4), (_ramp(5, 5, 3), 5), (_ramp(8, 6, 3), 3)),
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
        cases=((_ramp(2, 3, 3),), (_ramp(1, 2, 3, low=250, high=3),)),
        answer=lambda image: preprocess(image),
        mistakes=(
            Mistake(
                lambda image: (image - IMAGENET_MEAN[::-1])[np.newaxis],
                "The colours are still in the order RGB: VGG19 expects BGR. Turn the last axis round.",
            ),
            Mistake(
                lambda image: (image - IMAGENET_MEAN)[np.newaxis],
                "The colours are still in the order RGB, and red and blue have each other's mean "
                "subtracted. Turn "
                "the last axis round first.",
            ),
            Mistake(
                lambda image: (image[..., ::-1] - IMAGENET_MEAN[::-1])[np.newaxis],
                "The colours are BGR now, but red and blue have each other's mean subtracted. Turn the "
                "colours "
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
                "The colours are right. The batch axis is missing: [np.newaxis] puts it in front.",
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
                "You turn the picture upside down: image[::-1] reverses the rows. The colours are the last "
                "axis: image[..., ::-1].",
            ),
        ),
        praise="These are the pixels that VGG19 was trained on: around 0, in the order blue, green, red.",
    ),
    "content_loss": Exercise(
        cases=(
            (_ramp(1, 2, 3, 2, low=-2, high=5), _ramp(1, 2, 3, 2, low=3, high=-1) ** 3),
            (_ramp(1, 1, 2, 4, low=0, high=3), _ramp(1, 1, 2, 4, low=2, high=1)),
        ),
        answer=lambda features, target: np.sum((features - target) ** 2) / 2,
        mistakes=(
            Mistake(
                lambda features, target: np.sum((features - target) ** 2),
                "The factor ½ is missing.",
            ),
            Mistake(
                lambda features, target: np.mean((features - target) ** 2),
                "Equation (1) is a sum over all entries, not their mean, and it has a factor ½.",
            ),
            Mistake(
                lambda features, target: np.mean((features - target) ** 2) / 2,
                "Equation (1) is a sum over all entries, not their mean.",
            ),
            Mistake(
                lambda features, target: np.sum(np.abs(features - target)) / 2,
                "The differences have to be squared; you take their absolute values.",
            ),
            Mistake(
                lambda features, target: np.sum(features - target) ** 2 / 2,
                "You add up first and square then. Square each difference before the sum.",
            ),
            Mistake(
                lambda features, target: np.sum(features - target) / 2,
                "The differences have to be squared: otherwise those of opposite sign cancel.",
            ),
            Mistake(
                lambda features, target: np.sqrt(np.sum((features - target) ** 2)),
                "There is no square root in equation (1), but a factor ½.",
            ),
            Mistake(
                lambda features, target: np.sum((features - target) ** 2, axis=(1, 2)) / 2,
                "You have one number for each filter. The sum runs over places and filters.",
            ),
            Mistake(
                lambda features, target: np.sum((features - target) ** 2, axis=-1) / 2,
                "You have one number for each place. The sum runs over filters and places.",
            ),
            Mistake(
                lambda features, target: (features - target) ** 2 / 2,
                "The squares are there. Now add them up to a single number.",
            ),
            Mistake(
                lambda features, target: np.sum(features**2 - target**2) / 2,
                "You subtract the squares. Square the differences.",
            ),
            Mistake(
                lambda features, target: np.sqrt(np.sum((features - target) ** 2)) / 2,
                "There is no square root in equation (1): np.linalg.norm takes one.",
            ),
        ),
        praise="That is equation (1): the same answers at the same places give 0, and nothing else does.",
    ),
    "content_gradient": Exercise(
        cases=(
            (
                np.maximum(0, _ramp(1, 2, 3, 2, low=-3, high=5)),
                np.maximum(0, _ramp(1, 2, 3, 2, low=6, high=-2)),
            ),
            (
                np.maximum(0, _ramp(1, 1, 2, 4, low=4, high=-2)),
                np.maximum(0, _ramp(1, 1, 2, 4, low=-1, high=3)),
            ),
        ),
        answer=lambda features, target: np.where(features > 0, features - target, 0),
        mistakes=(
            Mistake(
                lambda features, target: features - target,
                "Where F = 0 the ReLU lets no change through: the derivative is 0 there.",
            ),
            Mistake(
                lambda features, target: np.where(features > 0, target - features, 0),
                "The sign is turned round: where F is larger than P, the loss grows with F.",
            ),
            Mistake(
                lambda features, target: target - features,
                "The sign is turned round, and where F = 0 the derivative is 0.",
            ),
            Mistake(
                lambda features, target: np.where(features > 0, 2 * (features - target), 0),
                "The ½ of equation (1) cancels the 2 that comes from the square.",
            ),
            Mistake(
                lambda features, target: np.where(features > 0, (features - target) / 2, 0),
                "The 2 that comes from the square cancels the ½ of equation (1).",
            ),
            Mistake(
                lambda features, target: np.where(target > 0, features - target, 0),
                "You ask where P > 0. It is F, the picture's own answer, that has to be above 0.",
            ),
            Mistake(
                lambda features, target: np.where(features > target, features - target, 0),
                "You set negative derivatives to 0. It is 0 only where F = 0; elsewhere it may be negative.",
            ),
            Mistake(
                lambda features, target: np.where(features > 0, (features - target) ** 2 / 2, 0),
                "That is the loss of each entry. Take its derivative.",
            ),
        ),
        praise="That is equation (2). Everything below it, down to the pixels, is the chain rule.",
    ),
    "psnr": Exercise(
        cases=(
            (_ramp(2, 3, 3), _ramp(2, 3, 3, low=10, high=240)),
            (_ramp(1, 2, 3, low=100, high=90), _ramp(1, 2, 3, low=0, high=200)),
        ),
        answer=lambda image, reference: 10 * np.log10(255**2 / _mse(image, reference)),
        mistakes=(
            Mistake(
                lambda image, reference: 10 * np.log(255**2 / _mse(image, reference)),
                "np.log is the natural logarithm. Use np.log10.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(255**2 / np.sum((image - reference) ** 2)),
                "You divide by the sum of the squared differences. MSE is their mean.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(1 / _mse(image, reference)),
                "The largest value of these images is 255, so 255² stands above the error.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(255 / _mse(image, reference)),
                "255 has to be squared, as the differences are.",
            ),
            Mistake(
                lambda image, reference: np.log10(255**2 / _mse(image, reference)),
                "The factor 10 is missing.",
            ),
            Mistake(
                lambda image, reference: 20 * np.log10(255**2 / _mse(image, reference)),
                "The factor is 10: 20 belongs to the ratio without squares.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(_mse(image, reference) / 255**2),
                "The sign is turned round, or the fraction upside down: a small error has to give a large "
                "PSNR.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(255**2 / np.mean(np.abs(image - reference))),
                "The error is the mean of the squared differences, not of the absolute ones.",
            ),
            Mistake(
                lambda image, reference: _mse(image, reference),
                "That is the mean squared error. The logarithm is still to come.",
            ),
            Mistake(
                lambda image, reference: np.log(255**2 / _mse(image, reference)),
                "The logarithm is to base 10 and has a factor 10: 10 * np.log10(…).",
            ),
            Mistake(
                lambda image, reference: 10 * np.log2(255**2 / _mse(image, reference)),
                "Use np.log10, not np.log2.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(255 * 2 / _mse(image, reference)),
                "255 * 2 is twice 255. The square is 255**2.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(255 / np.sqrt(_mse(image, reference))),
                "Without the squares the factor would be 20. Take 10 and 255² / MSE.",
            ),
            Mistake(
                lambda image, reference: 10 * np.log10(image.max() ** 2 / _mse(image, reference)),
                "Above stands 255², the largest value there can be, whatever this picture's largest is.",
            ),
        ),
        praise="Ten decibels more are an error of a tenth.",
    ),
    "gram_matrix": Exercise(
        cases=(
            (_ramp(1, 2, 3, 2, low=-1, high=4) ** 2,),
            (_ramp(1, 3, 4, 3, low=3, high=-2) ** 3,),
        ),
        answer=lambda features: _positions(features).T @ _positions(features),
        mistakes=(
            Mistake(
                lambda features: _positions(features) @ _positions(features).T,
                "Yours has a row and a column for each place, M × M. Transpose the other factor: the sum "
                "runs over the places.",
            ),
            Mistake(
                lambda features: _positions(features).T @ _positions(features) / len(_positions(features)),
                "Equation (3) is a plain sum: do not divide by the number of places. Equation (4) does that.",
            ),
            Mistake(
                lambda features: _positions(features).T @ _positions(features) / features.size,
                "Equation (3) is a plain sum: do not divide by the number of entries.",
            ),
            Mistake(
                lambda features: _scrambled(features) @ _scrambled(features).T,
                "reshape(N, -1) does not give F: it cuts the numbers in their order in memory, where the "
                "filters come last. Use reshape(-1, N), which has a row for each place.",
            ),
            Mistake(
                lambda features: _centred(features).T @ _centred(features),
                "You subtract the means first: that is a covariance. The Gram matrix takes F as it is.",
            ),
            Mistake(
                lambda features: (
                    _positions(features).sum(axis=0)[:, np.newaxis] * _positions(features).sum(axis=0)
                ),
                "You add up each map first and multiply then. Multiply place by place, then add up.",
            ),
            Mistake(
                lambda features: (_positions(features) ** 2).sum(axis=0),
                "That is the diagonal: each filter with itself. The matrix has all pairs of filters.",
            ),
            Mistake(
                lambda features: _positions(features).T @ _positions(features) / (4 * features.size**2),
                "The factor 1 / (4 N² M²) belongs to equation (4). Equation (3) is a plain sum.",
            ),
        ),
        praise="N × N numbers: which filters answer together, and not a word about where.",
    ),
    "layer_loss": Exercise(
        cases=(
            (_ramp(3, 3, low=-2, high=40), _ramp(3, 3, low=30, high=2), 5),
            (_ramp(2, 2, low=0, high=9) ** 2, _ramp(2, 2, low=3, high=1), 12),
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
                lambda G, A, M: np.sum((G - A) ** 2) / (len(G) ** 2 * M**2),
                "The 4 is missing below.",
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
                (np.maximum(0, _ramp(2, 5, low=-2, high=4)), _ramp(2, 2, low=3, high=-1)),
                (np.maximum(0, _ramp(3, 4, low=5, high=-3)), _ramp(3, 3, low=-1, high=2) ** 2),
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
                "The product has a row for each place. Transpose it to the shape of F; and where F = 0 the "
                "derivative is 0.",
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
    "style_loss": Exercise(
        cases=(
            ({"conv1_1": 4.0, "conv2_1": 10.0}, {"conv1_1": 0.5, "conv2_1": 0.5}),
            (
                {"conv1_1": 2.0, "conv2_1": 3.0, "conv3_1": 5.0},
                {"conv3_1": 2.0, "conv1_1": 0.0, "conv2_1": 1.0},
            ),
        ),
        answer=lambda losses, weights: sum(weights[layer] * losses[layer] for layer in losses),
        mistakes=(
            Mistake(
                lambda losses, weights: sum(losses.values()),
                "Every layer counts fully: multiply each E_l by its weight w_l first.",
            ),
            Mistake(
                lambda losses, weights: sum(losses.values()) / len(losses),
                "That is the mean over the layers, which is only right for equal weights. Use the w_l given.",
            ),
            Mistake(
                lambda losses, weights: sum(weights[layer] * losses[layer] for layer in losses) / len(losses),
                "Equation (5) is a sum, not a mean: do not divide by the number of layers.",
            ),
            Mistake(
                lambda losses, weights: sum(
                    weight * loss for weight, loss in zip(weights.values(), losses.values(), strict=True)
                ),
                "The two dicts need not be in the same order: look each weight up by its layer's name.",
            ),
            Mistake(
                lambda losses, weights: next(weights[layer] * losses[layer] for layer in losses),
                "You return after the first layer: the return has to stand behind the loop.",
            ),
        ),
        praise="That is equation (5): each layer's E_l with its own weight.",
    ),
    "total_loss": Exercise(
        cases=((2.0, 3.0, 1.0, 100.0), (5.0, 0.25, 10.0, 4.0), (0.0, 7.0, 2.0, 3.0)),
        answer=lambda content, style, alpha, beta: alpha * content + beta * style,
        mistakes=(
            Mistake(
                lambda content, style, alpha, beta: beta * content + alpha * style,
                "The weights are exchanged: α belongs to the content loss, β to the style loss.",
            ),
            Mistake(
                lambda content, style, alpha, beta: content + style,
                "The weights α and β are missing.",
            ),
            Mistake(
                lambda content, style, alpha, beta: content + beta * style,
                "The content loss has a weight too: α.",
            ),
            Mistake(
                lambda content, style, alpha, beta: alpha * content + style,
                "The style loss has a weight too: β.",
            ),
            Mistake(
                lambda content, style, alpha, beta: (alpha * content) * (beta * style),
                "Equation (7) adds the two weighted losses; yours multiplies them.",
            ),
            Mistake(
                lambda content, style, alpha, beta: (alpha + beta) * (content + style),
                "Each loss is multiplied by its own weight before the two are added.",
            ),
        ),
        praise="That is equation (7). Everything else in this lesson is how to make it small.",
    ),
    "gradient_step": Exercise(
        cases=(
            (_ramp(1, 2, 2, 3, low=-100, high=100), _ramp(1, 2, 2, 3, low=3, high=-2), 0.5),
            (_ramp(1, 1, 2, 3), _ramp(1, 1, 2, 3, low=-1, high=4), 2.0),
        ),
        answer=lambda pixels, gradient, rate: pixels - rate * gradient,
        mistakes=(
            Mistake(
                lambda pixels, gradient, rate: pixels + rate * gradient,
                "The gradient points to where the loss grows: step against it, with a minus.",
            ),
            Mistake(
                lambda pixels, gradient, rate: pixels - gradient,
                "The step is taken at its full length: multiply the gradient by the rate.",
            ),
            Mistake(
                lambda pixels, gradient, rate: -rate * gradient,
                "That is the step itself. Return the pixels after the step.",
            ),
            Mistake(
                lambda pixels, gradient, rate: pixels - rate * np.sign(gradient),
                "Only the signs of the gradient are used; its size tells how far each pixel goes.",
            ),
            Mistake(
                lambda pixels, gradient, rate: pixels * (1 - rate * gradient),
                "Subtract the step from the pixels; yours multiplies them by it.",
            ),
            Mistake(
                lambda pixels, gradient, rate: np.clip(pixels - rate * gradient, 0, 255),
                "Pixels are around 0 and may be negative: do not cut them off.",
            ),
        ),
        praise="That is gradient descent on the pixels. Every optimiser starts from this gradient.",
    ),
    "softmax": Exercise(
        cases=(
            (_ramp(2, 3, low=-1, high=2) ** 2,),
            (np.array([[0.5, -0.5, 2.0, 0.0]], np.float32),),
        ),
        answer=lambda scores: np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True),
        mistakes=(
            Mistake(
                lambda scores: np.exp(scores) / np.exp(scores).sum(),
                "You divide by the sum of all rows together. Each row is one patch, its sum is 1.",
            ),
            Mistake(
                lambda scores: np.exp(scores) / np.exp(scores).sum(axis=0, keepdims=True),
                "You divide by the sums of the columns. Each row is one patch: take axis=-1.",
            ),
            Mistake(
                lambda scores: scores / scores.sum(axis=-1, keepdims=True),
                "The exponential is missing: without it a negative score gives a negative probability.",
            ),
            Mistake(
                lambda scores: np.exp(scores),
                "The powers are there. Divide each row by its sum.",
            ),
            Mistake(
                lambda scores: np.exp(-scores) / np.exp(-scores).sum(axis=-1, keepdims=True),
                "The sign is turned round: a higher score has to give a higher probability.",
            ),
            Mistake(
                lambda scores: np.log(np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)),
                "Those are the logarithms of the probabilities. The logarithm comes in the next exercise.",
            ),
            Mistake(
                lambda scores: (scores == scores.max(axis=-1, keepdims=True)).astype(float),
                "You give everything to the highest score. The others get their share, too.",
            ),
            Mistake(
                lambda scores: 1 / (1 + np.exp(-scores)),
                "That is the sigmoid, each score by itself. The softmax divides by the sum of its row.",
            ),
        ),
        praise="Positive, and each row has the sum 1: the network's answer for one patch.",
    ),
    "cross_entropy": Exercise(
        cases=(
            (np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], np.float32), np.array([0, 1])),
            (np.array([[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]], np.float32), np.array([1, 0, 1])),
        ),
        answer=lambda probabilities, labels: -np.mean(np.log(_right(probabilities, labels))),
        mistakes=(
            Mistake(
                lambda probabilities, labels: np.mean(np.log(_right(probabilities, labels))),
                "The minus is missing: logarithms of probabilities are negative.",
            ),
            Mistake(
                lambda probabilities, labels: -np.sum(np.log(_right(probabilities, labels))),
                "That is the sum over the patches. Take the mean.",
            ),
            Mistake(
                lambda probabilities, labels: -np.mean(np.log10(_right(probabilities, labels))),
                "Use the natural logarithm, np.log.",
            ),
            Mistake(
                lambda probabilities, labels: -np.mean(np.log(probabilities)),
                "You take all probabilities. Only that of the right answer counts in each row.",
            ),
            Mistake(
                lambda probabilities, labels: -np.log(np.mean(_right(probabilities, labels))),
                "You take the logarithm of the mean. Take the mean of the logarithms.",
            ),
            Mistake(
                lambda probabilities, labels: -np.log(_right(probabilities, labels)),
                "You have one number for each patch. Now take their mean.",
            ),
            Mistake(
                lambda probabilities, labels: -np.mean(np.log(probabilities.max(axis=-1))),
                "You take the highest probability in each row. It is that of the right answer that counts.",
            ),
            Mistake(
                lambda probabilities, labels: -np.mean(np.log(probabilities[:, labels])),
                "probabilities[:, labels] takes all these columns from every row. Pair rows and labels: "
                "probabilities[np.arange(len(labels)), labels].",
            ),
            Mistake(
                lambda probabilities, labels: 1 - np.mean(_right(probabilities, labels)),
                "The logarithm is missing: it is what makes sure and wrong expensive.",
            ),
            Mistake(
                lambda probabilities, labels: -np.mean(np.log2(_right(probabilities, labels))),
                "Use the natural logarithm, np.log.",
            ),
            Mistake(
                lambda probabilities, labels: -np.mean(_right(probabilities, labels)),
                "The logarithm is missing.",
            ),
            Mistake(
                lambda probabilities, labels: -np.mean(np.log(probabilities[labels])),
                "probabilities[labels] picks whole rows. Pair rows and labels: "
                "probabilities[np.arange(len(labels)), labels].",
            ),
        ),
        praise="Sure and right costs nothing, sure and wrong costs much.",
    ),
    "accuracy": Exercise(
        cases=(
            (
                np.array([[0.2, 0.7, 0.1], [0.1, 0.3, 0.6], [0.3, 0.4, 0.3], [0.8, 0.1, 0.1]], np.float32),
                np.array([0, 2, 1, 2]),
            ),
            (
                np.array([[0.25, 0.75], [0.5, 0.4], [0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], np.float32),
                np.array([1, 0, 1, 1, 0]),
            ),
        ),
        answer=lambda probabilities, labels: np.mean(np.argmax(probabilities, axis=-1) == labels),
        mistakes=(
            Mistake(
                lambda probabilities, labels: np.sum(np.argmax(probabilities, axis=-1) == labels),
                "That is how many are right. Accuracy is their share: take the mean.",
            ),
            Mistake(
                lambda probabilities, labels: np.mean(np.argmax(probabilities, axis=-1) != labels),
                "That is the share of wrong answers.",
            ),
            Mistake(
                lambda probabilities, labels: np.mean(_right(probabilities, labels)),
                "That is the mean probability of the right answer. Count how often it is the highest.",
            ),
            Mistake(
                lambda probabilities, labels: np.mean(_right(probabilities, labels) > 0.5),
                "The highest probability need not be above one half. Look for its place, with np.argmax.",
            ),
            Mistake(
                lambda probabilities, labels: np.argmax(probabilities, axis=-1) == labels,
                "You have one answer for each patch. Now take their mean.",
            ),
            Mistake(
                lambda probabilities, labels: np.argmax(probabilities, axis=-1),
                "Those are the network's answers. Compare them with the labels.",
            ),
            Mistake(
                lambda probabilities, labels: 100 * np.mean(np.argmax(probabilities, axis=-1) == labels),
                "That is in per cent. Return a share from 0 to 1.",
            ),
            Mistake(
                lambda probabilities, labels: np.mean(np.argmax(probabilities, axis=-1) == np.argmax(labels)),
                "The labels are numbers of columns already: compare with them as they are.",
            ),
            Mistake(
                lambda probabilities, labels: (np.argmax(probabilities[0]) == labels[0]) / len(labels),
                "You return inside the loop, after the first patch.",
            ),
        ),
        praise="Guessing would give 1/14; look at the curves to see how far above that the network gets.",
    ),
    "adam_step": Exercise(
        cases=(
            (np.array([0.2, -0.5]), np.array([0.04, 0.5]), 1, 2.0),
            (np.array([1.5, 0.0, -3.0], np.float32), np.array([2.0, 0.1, 0.5], np.float32), 7, 0.1),
            (np.array([1e-8]), np.array([1e-17]), 1, 1.0),
        ),
        answer=lambda m, v, t, rate: -rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7),
        mistakes=(
            Mistake(
                lambda m, v, t, rate: rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7),
                "The minus is missing: the step goes against the gradient.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * m / (np.sqrt(v) + 1e-7),
                "The corrections are missing: divide m by 1 − 0.9**t and v by 1 − 0.999**t first.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.9**t)) / (np.sqrt(v) + 1e-7),
                "v is not corrected: divide it by 1 − 0.999**t.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * m / (np.sqrt(v / (1 - 0.999**t)) + 1e-7),
                "m is not corrected: divide it by 1 − 0.9**t.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.9**t)) / (v / (1 - 0.999**t) + 1e-7),
                "The root is missing: v is a mean of squares.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.9) ** t) / (np.sqrt(v / (1 - 0.999) ** t) + 1e-7),
                "The power belongs to 0.9 and 0.999: 1 - 0.9**t, without brackets around 1 - 0.9.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.999**t)) / (np.sqrt(v / (1 - 0.9**t)) + 1e-7),
                "0.9 belongs to m and 0.999 to v.",
            ),
            Mistake(
                lambda m, v, t, rate: -(m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7),
                "The rate is missing.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t)),
                "ε is missing: it keeps the step small where v is nearly 0.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t) + 1e-7),
                "ε stands outside the root.",
            ),
        ),
        praise="At the first step it is exactly the rate, up or down, however large the gradient.",
    ),
    "secant_step": Exercise(
        cases=((0.0, -6.0, 1.0, -4.0), (2.0, 5.0, 1.5, 3.0), (-1.0, 0.5, 3.0, 4.5), (0.0, 3.0, 2.0, 2.0)),
        answer=lambda x1, g1, x2, g2: x2 - g2 * (x2 - x1) / (g2 - g1),
        mistakes=(
            Mistake(
                lambda x1, g1, x2, g2: x2 + g2 * (x2 - x1) / (g2 - g1),
                "The sign is turned round: x3 = x2 − g2 / c, with c = (g2 − g1) / (x2 − x1) in this order.",
            ),
            Mistake(
                lambda x1, g1, x2, g2: x2 - g2 * (g2 - g1) / (x2 - x1),
                "You multiply by the curvature. Divide by it: a strong curve means a short step.",
            ),
            Mistake(
                lambda x1, g1, x2, g2: (g2 - g1) / (x2 - x1),
                "That is the curvature. Now take the step.",
            ),
            Mistake(
                lambda x1, g1, x2, g2: -g2 * (x2 - x1) / (g2 - g1),
                "That is the step. Return where it leads: add it to x2.",
            ),
            Mistake(
                lambda x1, g1, x2, g2: x2 - g1 * (x2 - x1) / (g2 - g1),
                "The step from x2 takes the gradient there, g2.",
            ),
            Mistake(
                lambda x1, g1, x2, g2: x1 - g2 * (x2 - x1) / (g2 - g1),
                "The step starts at x2, the newer place.",
            ),
            Mistake(
                lambda x1, g1, x2, g2: x2 - g2 * (x2 + x1) / (g2 - g1),
                "The curvature takes the difference of the two places, not their sum.",
            ),
        ),
        praise="One step to the bottom of a parabola. L-BFGS does this for all pixels at once.",
    ),
    "evaluations_until": Exercise(
        cases=(
            (_history([9.0, 5.0, 4.0, 2.0], [2, 4, 5, 8]), 4.5),
            (_history([9.0, 5.0, 5.5, 2.0], [1, 3, 4, 5]), 5.0),
            (_history([3.0, 12.0], [3, 4]), 10.0),
            (_history([9.0, 4.0, 4.5, 2.0], [2, 3, 5, 7]), 5.0),
        ),
        answer=lambda history, loss: next(r["evaluations"] for r in history if r["total"] <= loss),
        mistakes=(
            Mistake(
                lambda history, loss: next(r["step"] for r in history if r["total"] <= loss),
                "That is the step. A step may take several evaluations: return record['evaluations'].",
            ),
            Mistake(
                lambda history, loss: next(i for i, r in enumerate(history) if r["total"] <= loss),
                "That is the place in the list. Return that record's 'evaluations'.",
            ),
            Mistake(
                lambda history, loss: [r["evaluations"] for r in history if r["total"] <= loss][-1],
                "You return the last record that is low enough. Return at the first one.",
            ),
            Mistake(
                lambda history, loss: next(r["evaluations"] for r in history if r["total"] >= loss),
                "The comparison is turned round: the loss has to be at or below the given one.",
            ),
            Mistake(
                lambda history, loss: next(r["evaluations"] for r in history if r["total"] < loss),
                "At or below: use <=, not <.",
            ),
            Mistake(
                lambda history, loss: sum(r["total"] > loss for r in history),
                "You count the records that are still too high. Return the next one's 'evaluations'.",
            ),
            Mistake(
                lambda history, loss: next(r["total"] for r in history if r["total"] <= loss),
                "That is the loss of the right record. Return its 'evaluations'.",
            ),
        ),
        praise="Evaluations are what a run costs; steps are only what it counts.",
    ),
    "keep_colours": Exercise(
        cases=(
            (_ramp(2, 3, 3), _ramp(2, 3, 3, low=230, high=10) ** 0.9),
            (
                _ramp(1, 2, 3, low=250, high=20),
                _ramp(1, 2, 3, low=120, high=255) + [[[-200, 0, 0], [0, 0, 0]]],
            ),
        ),
        answer=lambda photo, painted: photo + _luminance(painted - photo),
        mistakes=(
            Mistake(
                lambda photo, painted: painted + _luminance(photo - painted),
                "The two are exchanged: you keep the painting's colours and the photo's luminance.",
            ),
            Mistake(
                lambda photo, painted: photo + (painted - photo).mean(axis=-1, keepdims=True),
                "You take the mean of the three colours. The eye weights them: 0.299, 0.587, 0.114.",
            ),
            Mistake(
                lambda photo, painted: photo + _luminance((painted - photo)[..., ::-1]),
                "The weights are in the order blue, green, red. The image is RGB.",
            ),
            Mistake(
                lambda photo, painted: photo + _luminance(painted),
                "The photo's own luminance is still in it: subtract it.",
            ),
            Mistake(
                lambda photo, painted: photo - _luminance(painted - photo),
                "The sign is turned round: add the painted picture's luminance, subtract the photo's.",
            ),
            Mistake(
                lambda photo, painted: np.clip(photo + _luminance(painted - photo), 0, 255),
                "Right, but for the values that you cut off at 0 and 255: leave them here.",
            ),
            Mistake(
                lambda photo, painted: _luminance(painted) * np.ones(3),
                "That is the painted picture in grey. Put the photo's colours back.",
            ),
            Mistake(
                lambda photo, painted: photo * _luminance(painted) / _luminance(photo),
                "You scale the photo's colours. Add the difference of the two luminances instead.",
            ),
            Mistake(
                lambda photo, painted: photo + (painted - photo) * [0.299, 0.587, 0.114],
                "The weighted colours have to be added up to one number for each pixel, the luminance.",
            ),
        ),
        praise="The luminance is the painted picture's, the difference of any two colours the photo's.",
    ),
    "masked_gram": Exercise(
        cases=(
            (_ramp(1, 2, 3, 2, low=-1, high=4) ** 2, np.array([[1, 0, 1], [1, 0, 1]], np.float32)),
            (_ramp(1, 2, 4, 3, low=3, high=-2) ** 3, np.array([[0, 1, 1, 1], [1, 0, 0, 1]], np.float32)),
        ),
        answer=lambda features, mask: _masked_gram(features, mask) / mask.sum(),
        mistakes=(
            Mistake(
                lambda features, mask: _masked_gram(features, mask),
                "Divide by the area of the region: the sum of the mask.",
            ),
            Mistake(
                lambda features, mask: _masked_gram(features, mask) / mask.size,
                "You divide by the number of all places. Only the region counts: divide by the sum of the "
                "mask.",
            ),
            Mistake(
                lambda features, mask: _positions(features).T @ _positions(features) / mask.sum(),
                "The mask is missing in the sum: places outside the region have to count 0.",
            ),
            Mistake(
                lambda features, mask: _positions(features).T @ _positions(features) / mask.size,
                "That is the Gram matrix of the whole picture. Weight the places with the mask.",
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
        cases=((_ramp(3, 4, 3) ** 1.3,), (_ramp(2, 2, 3, low=7, high=-4) ** 3,)),
        answer=lambda image: np.sum(np.diff(image, axis=0) ** 2) + np.sum(np.diff(image, axis=1) ** 2),
        mistakes=(
            Mistake(
                lambda image: np.sum(np.diff(image, axis=0) ** 2),
                "Those are the differences of neighbouring rows. Neighbouring columns are missing.",
            ),
            Mistake(
                lambda image: np.sum(np.diff(image, axis=1) ** 2),
                "Those are the differences of neighbouring columns. Neighbouring rows are missing.",
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
                "np.roll also compares the last row with the first: they are no neighbours.",
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
                "You compare the colours of one pixel with one another, too. Rows and columns only.",
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
    "weight_at": Exercise(
        cases=((0.0, 5.0, 500.0), (0.5, 5.0, 500.0), (1.0, 2.0, 8.0), (0.25, 1.0, 1000.0)),
        answer=lambda position, low, high: low * (high / low) ** position,
        mistakes=(
            Mistake(
                lambda position, low, high: low + (high - low) * position,
                "That is an even slider: equal ways add equal amounts. Here they multiply by equal factors.",
            ),
            Mistake(
                lambda position, low, high: (high / low) ** position,
                "At position 0 this gives 1. Multiply by low.",
            ),
            Mistake(
                lambda position, low, high: high * (low / high) ** position,
                "The ends are exchanged: position 0 has to give low, position 1 high.",
            ),
            Mistake(
                lambda position, low, high: low * high**position,
                "The power is taken of the ratio high / low, not of high.",
            ),
            Mistake(
                lambda position, low, high: low * (high / low) * position,
                "You multiply by the position. Raise the ratio to its power: ** position.",
            ),
            Mistake(
                lambda position, low, high: low * (high - low) ** position,
                "The power is taken of the ratio high / low, not of the difference.",
            ),
            Mistake(
                lambda position, low, high: 10**position,
                "That reaches from 1 to 10. Use low and high.",
            ),
        ),
        praise="In the middle stands the geometric mean of both ends: for 5 and 500 it is 50.",
    ),
    "seconds_left": Exercise(
        cases=((10.0, 5, 20), (9.0, 4, 10), (8.0, 8, 8)),
        answer=lambda seconds, step, steps: seconds / step * (steps - step),
        mistakes=(
            Mistake(
                lambda seconds, step, steps: seconds / step * steps,
                "That is the time for the whole run. Some of the steps are done already.",
            ),
            Mistake(
                lambda seconds, step, steps: seconds * (steps - step),
                "seconds is the time of all steps so far. Divide by their number first.",
            ),
            Mistake(
                lambda seconds, step, steps: seconds / steps * (steps - step),
                "The seconds belong to the steps that are done: divide by step, not by steps.",
            ),
            Mistake(
                lambda seconds, step, steps: steps - step,
                "Those are the steps left. How many seconds does one of them take?",
            ),
            Mistake(
                lambda seconds, step, steps: seconds / step,
                "That is the time of one step. How many are left?",
            ),
            Mistake(
                lambda seconds, step, steps: seconds // step * (steps - step),
                "// cuts off what stands behind the point. Divide with a single /.",
            ),
        ),
        praise="With coarse to fine, late steps cost more; the helpers' progress bar reckons with that.",
    ),
    "before_after": Exercise(
        cases=(
            (_ramp(2, 6, 3), _ramp(2, 6, 3, low=200, high=40), 0.5),
            (_ramp(1, 5, 3), _ramp(1, 5, 3, low=200, high=40), 0.3),
            (_ramp(3, 4, 3), _ramp(3, 4, 3, low=200, high=40), 1.0),
        ),
        answer=lambda photo, painted, split: _halves(photo, painted, round(split * photo.shape[1])),
        mistakes=(
            Mistake(
                lambda photo, painted, split: _halves(painted, photo, round(split * photo.shape[1])),
                "The two are exchanged: the left part comes from the photo.",
            ),
            Mistake(
                lambda photo, painted, split: _halves(photo, painted, int(split * photo.shape[1])),
                "You cut off what stands behind the point. Use round.",
            ),
            Mistake(
                lambda photo, painted, split: _halves(photo, painted, round((1 - split) * photo.shape[1])),
                "split is the photo's share of the width, not the painted picture's.",
            ),
            Mistake(
                lambda photo, painted, split: split * photo + (1 - split) * painted,
                "That is a crossfade, as in lesson 0. Here each column comes from one of the two alone.",
            ),
            Mistake(
                lambda photo, painted, split: np.concatenate(
                    [photo[: round(split * len(photo))], painted[round(split * len(photo)) :]]
                ),
                "You divide the rows, top and bottom. Columns are the second axis: [:, :column] and axis=1.",
            ),
        ),
        praise="A picture is an array, and cutting one up is slicing.",
    ),
}
"""The exercises of all lessons by name."""
