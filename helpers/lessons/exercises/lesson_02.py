"""The exercises of lesson 2: cases, right answers, and typical mistakes."""

from collections.abc import Callable

import numpy as np

from helpers.files.decoding import over_white
from helpers.images import IMAGENET_MEAN, resize_image
from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp

_Change = Callable[..., np.ndarray]


def _file(*shape: int) -> np.ndarray:
    """The array of a small file, ``uint8``: neighbors differ, so that an exchange of any two shows."""
    return (np.arange(np.prod(shape)) * 97 % 256).astype(np.uint8).reshape(shape)


def _three_channels(array: np.ndarray, blend: _Change = over_white) -> np.ndarray:
    image = array.astype(np.float32)
    if image.ndim == 2:
        image = image[..., np.newaxis]
    if image.shape[-1] == 4:
        return blend(image[..., :3], image[..., 3:])
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def _scaled(
    image: np.ndarray, side: int, reference: Callable[..., int] = min, whole: Callable[..., int] = round
) -> np.ndarray:
    height, width = (whole(length * side / reference(image.shape[:2])) for length in image.shape[:2])
    return resize_image(image, height, width)


def _square(image: np.ndarray, side: int) -> np.ndarray:
    return _cut(image, side, (image.shape[0] - side) // 2, (image.shape[1] - side) // 2)


def _cut(image: np.ndarray, side: int, top: int, left: int) -> np.ndarray:
    return image[top : top + side, left : left + side]


def _pixels(image: np.ndarray) -> np.ndarray:
    return (image[..., ::-1] - IMAGENET_MEAN)[np.newaxis]


def _photo(
    colors: _Change = _three_channels,
    scaled: _Change = _scaled,
    square: _Change = _square,
    pixels: _Change = _pixels,
) -> _Change:
    """Preprocessing of a file's array whose four parts may be replaced by mistaken ones."""
    return lambda array, side: pixels(square(scaled(colors(array), side), side))


def _wrapped(array: np.ndarray) -> np.ndarray:
    """Transparency blended with white in ``uint8``, where a product keeps only its last 8 bits."""
    if array.ndim < 3 or array.shape[-1] < 4:
        return _three_channels(array)
    colors, alpha = array[..., :3], array[..., 3:]
    return (colors * alpha / 255 + (255 - alpha)).astype(np.float32)


def _stacked_first(array: np.ndarray) -> np.ndarray:
    """Gray repeated along a new first axis."""
    return np.stack([array] * 3).astype(np.float32) if array.ndim == 2 else _three_channels(array)


def _crop_then_scale(array: np.ndarray, side: int) -> np.ndarray:
    image = _three_channels(array)
    return _pixels(resize_image(_square(image, min(image.shape[:2])), side, side))


def _mean_then_scale(array: np.ndarray, side: int) -> np.ndarray:
    image = _three_channels(array)[..., ::-1] - IMAGENET_MEAN
    return _square(_scaled(image, side), side)[np.newaxis]


EXERCISES = {
    "parameters": Exercise(
        cases=((3, 3, 64), (3, 64, 128), (5, 1, 2)),
        answer=lambda K, N, M: (K * K * N + 1) * M,
        mistakes=(
            Mistake(
                lambda K, N, M: K * K * N * M,
                "The biases are missing: each of the M filters has one.",
            ),
            Mistake(
                lambda K, N, M: K * K * N * M + 1,
                "Each of the M filters has a bias: there are M biases, not one.",
            ),
            Mistake(
                lambda K, N, M: K * K * N * M + N,
                "There is one bias for each output channel, not for each input channel.",
            ),
            Mistake(
                lambda K, N, M: (K * K + 1) * M,
                "A filter has K · K weights for every input channel, so K · K · N in all.",
            ),
            Mistake(
                lambda K, N, M: (K * N + 1) * M,
                "The kernel is a square: it has K · K positions, not K.",
            ),
            Mistake(
                lambda K, N, M: K * K * N + 1,
                "These are the parameters of one filter. There are M filters.",
            ),
        ),
        praise="VGG19's first layer has 1792 parameters, each of its largest convolution layers 2.4 million.",
        title="number of parameters",
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
                "You scale the longer side to the length `side`. The shorter side has to get this length.",
            ),
            Mistake(
                lambda height, width, side: (side, side),
                "That would squeeze the picture into a square. One factor for both sides keeps their ratio.",
            ),
            Mistake(
                lambda height, width, side: (
                    height * side / min(height, width),
                    width * side / min(height, width),
                ),
                "A picture has whole pixels: round both numbers.",
            ),
            Mistake(
                lambda height, width, side: (
                    int(height * side / min(height, width)),
                    int(width * side / min(height, width)),
                ),
                "You always round down. Use round, which takes the nearest whole number.",
            ),
            Mistake(
                lambda height, width, side: (side, round(width * side / height)),
                "That is right for a picture that is wider than tall. In a tall picture the width is the "
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
        praise="The shorter side has the length `side`, and nothing is distorted.",
        title="size",
    ),
    "preprocess_photo": Exercise(
        cases=((_file(5, 8, 3), 4), (_file(10, 6, 4), 4), (_file(6, 7), 5), (_file(4, 6, 1), 4)),
        answer=_photo(),
        mistakes=(
            Mistake(
                _photo(pixels=lambda image: (image - IMAGENET_MEAN[::-1])[np.newaxis]),
                "The channels are still in the order RGB: VGG19 expects BGR. Reverse the last axis.",
            ),
            Mistake(
                _photo(pixels=lambda image: (image - IMAGENET_MEAN)[np.newaxis]),
                "The channels are still in the order RGB, and red and blue have each other's mean "
                "subtracted. Reverse the last axis first.",
            ),
            Mistake(
                _photo(pixels=lambda image: (image[..., ::-1] - IMAGENET_MEAN[::-1])[np.newaxis]),
                "The channels are in the order BGR, but red and blue have each other's mean subtracted: the "
                "means have to be in the order BGR too. (Or you subtracted before you reversed.)",
            ),
            Mistake(
                _photo(pixels=lambda image: (image[::-1] - IMAGENET_MEAN)[np.newaxis]),
                "The picture is upside down: image[::-1] reverses the rows. The channels are the last axis.",
            ),
            Mistake(
                _photo(pixels=lambda image: image[..., ::-1][np.newaxis]),
                "The mean is not subtracted yet.",
            ),
            Mistake(
                _photo(pixels=lambda image: (image[..., ::-1] + IMAGENET_MEAN)[np.newaxis]),
                "The mean is added. Subtract it.",
            ),
            Mistake(
                _photo(pixels=lambda image: (image[..., ::-1] - image.mean(axis=(0, 1))[::-1])[np.newaxis]),
                "You subtract the mean of this picture. Subtract that of the training set: three constants.",
            ),
            Mistake(
                _photo(pixels=lambda image: (image[..., ::-1] / 255 - IMAGENET_MEAN)[np.newaxis]),
                "You divide by 255 before the mean is subtracted. VGG19 was trained on values of 0 to 255 "
                "minus the mean: there is no division.",
            ),
            Mistake(
                _photo(pixels=lambda image: _pixels(image) / 255),
                "You divide by 255. VGG19 was trained on values of 0 to 255 minus the mean: there is no "
                "division.",
            ),
            Mistake(
                _photo(pixels=lambda image: _pixels(image).astype(np.int64).astype(np.uint8)),
                "Your result is uint8, which holds only 0 to 255: negative values wrap around, so that -1 "
                "becomes 255. Compute with float32 from the beginning.",
            ),
            Mistake(
                _photo(pixels=lambda image: np.clip(_pixels(image), 0, 255)),
                "You clip negative values to 0. After mean subtraction many values are negative.",
            ),
            Mistake(
                _photo(pixels=lambda image: _pixels(image)[0]),
                "The batch axis is missing: [np.newaxis] puts it first.",
            ),
            Mistake(
                _photo(pixels=lambda image: _pixels(image)[0][..., np.newaxis]),
                "The batch axis is the last one. It has to be the first: (1, side, side, 3).",
            ),
            Mistake(
                _photo(pixels=lambda image: np.moveaxis(_pixels(image), -1, 1)),
                "The channels are the second axis. In Keras they are the last: (1, side, side, 3).",
            ),
            Mistake(
                _photo(square=lambda image, side: image),
                "The picture is scaled, but not cropped: cut out the central square of side × side.",
            ),
            Mistake(
                _photo(scaled=lambda image, side: image),
                "The square is cut out of the picture at its old size. Scale the picture first.",
            ),
            Mistake(
                _photo(scaled=lambda image, side: resize_image(image, side, side)),
                "The picture is squeezed into a square. Keep the ratio of height and width, then crop.",
            ),
            Mistake(
                _crop_then_scale,
                "You crop first and scale then. The pictures look alike, but the numbers near the edges "
                "differ: scale first.",
            ),
            Mistake(
                _photo(scaled=lambda image, side: _scaled(image, side, reference=max)),
                "The longer side has the length `side`. The shorter side has to get this length.",
            ),
            Mistake(
                _photo(scaled=lambda image, side: _scaled(image, side, whole=int)),
                "The new size is rounded down. Use round, which takes the nearest whole number.",
            ),
            Mistake(
                _photo(square=lambda image, side: _cut(image, side, 0, 0)),
                "The square is in the upper left corner. It has to be in the center.",
            ),
            Mistake(
                _photo(
                    square=lambda image, side: _cut(
                        image, side, -((side - image.shape[0]) // 2), -((side - image.shape[1]) // 2)
                    )
                ),
                "Off by one: where the number of surplus rows or columns is odd, round half of it down, "
                "with //.",
            ),
            Mistake(
                _photo(colors=lambda array: _three_channels(array, blend=lambda colors, alpha: colors)),
                "The alpha channel is not used: transparent pixels show a color that nobody should see. "
                "Blend it with white.",
            ),
            Mistake(
                _photo(
                    colors=lambda array: _three_channels(
                        array, blend=lambda colors, alpha: colors * alpha / 255
                    )
                ),
                "Transparent pixels become black. Blend them with white: the part (1 − a/255) · 255 is "
                "missing.",
            ),
            Mistake(
                _photo(
                    colors=lambda array: _three_channels(
                        array, blend=lambda colors, alpha: over_white(colors, 255 - alpha)
                    )
                ),
                "Opaque and transparent are exchanged: an alpha of 255 is opaque and shows the color.",
            ),
            Mistake(
                _photo(colors=_wrapped),
                "The product of two uint8 numbers wraps around at 256. Convert the array to float32 before "
                "you blend with white.",
            ),
            Mistake(
                _photo(colors=_stacked_first),
                "Gray is repeated along the first axis. The channels are the last one: (height, width, 3).",
            ),
            Mistake(
                _mean_then_scale,
                "The mean is subtracted before the picture is scaled. resize_image clips to 0…255, so "
                "negative values are lost: scale first.",
            ),
        ),
        praise="Whatever the file holds, these are the pixels that VGG19 expects.",
        title="preprocessing",
    ),
    "cosine_similarity": Exercise(
        cases=((ramp(4, high=6), ramp(4, low=5, high=2)), (ramp(3, low=2, high=0), ramp(3, low=1, high=9))),
        answer=lambda a, b: np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2)),
        mistakes=(
            Mistake(
                lambda a, b: np.sum(a * b),
                "That is the product of the vectors. Divide it by the lengths of both.",
            ),
            Mistake(
                lambda a, b: np.sum(a * b) / np.sqrt(np.sum(a**2)),
                "You divide by the length of a only. Divide by the length of b as well.",
            ),
            Mistake(
                lambda a, b: np.sum(a * b) / np.sqrt(np.sum(b**2)),
                "You divide by the length of b only. Divide by the length of a as well.",
            ),
            Mistake(
                lambda a, b: np.sum(a * b) / (np.sum(a**2) * np.sum(b**2)),
                "The length of a vector is the square root of the sum of its squares.",
            ),
            Mistake(
                lambda a, b: np.sum(a * b) / (np.sqrt(np.sum(a**2)) + np.sqrt(np.sum(b**2))),
                "The lengths are multiplied, not added.",
            ),
            Mistake(
                lambda a, b: np.sum(a * b) / (np.sum(a) * np.sum(b)),
                "The length of a vector is not the sum of its entries: square, add, take the root.",
            ),
            Mistake(
                lambda a, b: np.mean(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2)),
                "Take the sum of the products, not their mean.",
            ),
            Mistake(
                lambda a, b: np.sum(a * b) / len(a) ** 2,
                "len(a) is the number of entries. The length of a vector is the root of its sum of squares.",
            ),
            Mistake(
                lambda a, b: a * b / np.sqrt(np.sum(a**2) * np.sum(b**2)),
                "You have one number for each entry. Add the products up.",
            ),
            Mistake(
                lambda a, b: np.corrcoef(a, b)[0, 1],
                "You subtract the mean of each vector first. Here nothing is subtracted.",
            ),
            Mistake(
                lambda a, b: 1 - np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2)),
                "That is 1 minus the similarity, a distance.",
            ),
            Mistake(
                lambda a, b: np.sqrt(np.sum((a - b) ** 2)),
                "That is the distance between the vectors, which depends on their lengths.",
            ),
            Mistake(
                lambda a, b: np.arccos(np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2))),
                "That is the angle. Return its cosine.",
            ),
        ),
        praise="The same direction gives 1, whatever the lengths are.",
        title="cosine similarity",
    ),
}
