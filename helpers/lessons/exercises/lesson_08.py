"""The exercises of lesson 8: cases, right answers, and typical mistakes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp


def _luma(image: np.ndarray) -> np.ndarray:
    return (image @ [0.299, 0.587, 0.114])[..., np.newaxis]


def _masked_sum(features: Any, mask: Any, other: Any = 1.0) -> Any:
    """Σ_k T_k F_ik F_jk, also of tensors; ``other``: a mask of the other factor."""
    from helpers.losses import feature_matrix, ops  # TensorFlow takes seconds to import.

    matrix = feature_matrix(features)
    one, two = (ops.reshape(ops.ones_like(mask) * each, (-1, 1)) * matrix for each in (other, mask))
    return ops.matmul(ops.transpose(one), two)


def _guided_gram(features: Any, mask: Any) -> Any:
    return _masked_sum(features, mask) / np.sum(mask)


def _block_means(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = mask.shape[0] // height, mask.shape[1] // width
    return mask.reshape(height, rows, width, columns).mean(axis=(1, 3))


def _interleaved_means(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = mask.shape[0] // height, mask.shape[1] // width
    return mask.reshape(rows, height, columns, width).mean(axis=(0, 2))


def _differences(
    features: Mapping[str, Any],
    targets: Mapping[str, Any],
    masks: Sequence[np.ndarray],
    style_masks: Sequence[np.ndarray],
    at_layer: Callable[[np.ndarray, int, int], np.ndarray] = _block_means,
) -> list[list[Any]]:
    """For each layer and each region in it that is not empty, G − A divided by 2N."""
    found = []
    for layer, maps in features.items():
        target = targets[layer]
        pairs = [
            (at_layer(mask, *maps.shape[1:3]), at_layer(part, *target.shape[1:3]))
            for mask, part in zip(masks, style_masks, strict=True)
        ]
        found.append(
            [
                (_guided_gram(maps, mask) - _guided_gram(target, part)) / (2 * maps.shape[-1])
                for mask, part in pairs
                if mask.any() and part.any()
            ]
        )
    return found


def _added(differences: Sequence[Sequence[Any]], each: Callable[[Any], Any] = lambda d: d**2) -> Any:
    from helpers.losses import ops

    return sum(ops.sum(each(difference)) for of_layer in differences for difference in of_layer)


def _everywhere(masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.ones_like(mask) * mask.any() for mask in masks]


_CORNERS = np.array([[1, 0, 1, 1], [1, 1, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]], np.float32)
_STAIRS = np.array([[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0]], np.float32)
_WIDE = np.array(
    [[1, 1, 1, 1, 1, 0, 0, 1], [1, 0, 1, 1, 0, 0, 0, 1], [0, 0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 0]],
    np.float32,
)

_GUIDED_CASES = (
    (
        {"conv1_1": ramp(1, 4, 4, 2, low=-1, high=3) ** 2, "conv2_1": ramp(1, 2, 2, 3, low=2, high=-1) ** 2},
        {"conv1_1": ramp(1, 4, 4, 2, low=2, high=-2) ** 2, "conv2_1": ramp(1, 2, 2, 3, low=-1, high=1) ** 2},
        [_CORNERS, 1 - _CORNERS],
        [_STAIRS, 1 - _STAIRS],
    ),
    (
        {"conv1_1": ramp(1, 4, 8, 2, low=-2, high=2) ** 2, "conv2_1": ramp(1, 2, 4, 3, low=-1, high=2) ** 2},
        {"conv1_1": ramp(1, 4, 4, 2, low=3, high=0), "conv2_1": ramp(1, 2, 2, 3, low=2, high=0) ** 2},
        [_WIDE, 1 - _WIDE, 0 * _WIDE],
        [_STAIRS, 1 - _STAIRS, 0 * _STAIRS],
    ),
)

EXERCISES = {
    "keep_colors": Exercise(
        cases=(
            (ramp(2, 3, 3), ramp(2, 3, 3, low=230, high=10) ** 0.9),
            (
                ramp(1, 2, 3, low=250, high=20),
                ramp(1, 2, 3, low=120, high=255) + [[[-200, 0, 0], [0, 0, 0]]],
            ),
        ),
        answer=lambda content, generated: content + _luma(generated - content),
        mistakes=(
            Mistake(
                lambda content, generated: generated + _luma(content - generated),
                "The two images are exchanged: you keep the colors of the generated image and the luma of "
                "the content image.",
            ),
            Mistake(
                lambda content, generated: content + (generated - content).mean(axis=-1, keepdims=True),
                "You take the mean of the three channels. Luma weights them: 0.299, 0.587, 0.114.",
            ),
            Mistake(
                lambda content, generated: content + _luma((generated - content)[..., ::-1]),
                "Your weights are in the order blue, green, red. The channels are in the order red, green, "
                "blue.",
            ),
            Mistake(
                lambda content, generated: content + _luma(generated),
                "The content image's own luma is still in the result: subtract it.",
            ),
            Mistake(
                lambda content, generated: content - _luma(generated - content),
                "The sign is reversed: add the luma of the generated image, subtract that of the content "
                "image.",
            ),
            Mistake(
                lambda content, generated: np.clip(content + _luma(generated - content), 0, 255),
                "Right, but for the values that you cut off at 0 and 255: leave them here.",
            ),
            Mistake(
                lambda content, generated: _luma(generated) * np.ones(3),
                "That is the generated image in gray. The colors of the content image are missing.",
            ),
            Mistake(
                lambda content, generated: content * _luma(generated) / _luma(content),
                "You scale the channels of the content image. Add the difference of the lumas to each "
                "instead.",
            ),
            Mistake(
                lambda content, generated: content + (generated - content) * [0.299, 0.587, 0.114],
                "The three weighted channels have to be added up to one number for each pixel, the luma.",
            ),
        ),
        praise="The luma is that of the generated image, the differences between the channels are those of "
        "the content image.",
        title="luma transfer",
    ),
    "guided_gram": Exercise(
        cases=(
            (ramp(1, 2, 3, 2, low=-1, high=4) ** 2, np.array([[1, 0, 1], [0.5, 0, 0.75]], np.float32)),
            (ramp(1, 2, 4, 3, low=3, high=-2) ** 3, np.array([[0, 1, 0.25, 1], [1, 0, 0, 1]], np.float32)),
        ),
        answer=_guided_gram,
        mistakes=(
            Mistake(
                _masked_sum,
                "Divide by the area of the region: the sum of the mask.",
            ),
            Mistake(
                lambda features, mask: _masked_sum(features, mask) / mask.size,
                "You divide by the number of all positions. Only the region counts: divide by the sum of "
                "the mask.",
            ),
            Mistake(
                lambda features, mask: _masked_sum(features, np.ones_like(mask)) / mask.sum(),
                "The mask is missing in the sum: positions outside the region have to count 0.",
            ),
            Mistake(
                lambda features, mask: _masked_sum(features, np.ones_like(mask)) / mask.size,
                "That is the Gram matrix of the whole image. Weight the positions with the mask.",
            ),
            Mistake(
                lambda features, mask: _guided_gram(features, 1 - mask),
                "That is the Gram matrix of everything outside the region: use mask, not 1 − mask.",
            ),
            Mistake(
                lambda features, mask: _masked_sum(features, mask, mask) / mask.sum(),
                "Both factors are multiplied by the mask, so it counts squared: a position with 0.5 counts "
                "0.25. Multiply only one of them.",
            ),
            Mistake(
                lambda features, mask: _masked_sum(features, mask, mask) / (mask**2).sum(),
                "That is the form of Gatys et al. (2017), where the mask enters both factors. Here it "
                "enters once, as in the equation above.",
            ),
            Mistake(
                lambda features, mask: _masked_sum(features, mask, mask) / mask.size,
                "Both factors are multiplied by the mask, and you divide by the number of all positions. "
                "Use the mask once, and divide by its sum.",
            ),
            Mistake(
                lambda features, mask: _masked_sum(features, mask) / mask.sum() ** 2,
                "Divide by the area once, not by its square.",
            ),
            Mistake(
                lambda features, mask: _masked_sum(features, mask) / np.count_nonzero(mask),
                "You count the positions where the mask is not 0. At the border it is between 0 and 1: "
                "divide by its sum.",
            ),
            Mistake(
                lambda features, mask: (
                    _masked_sum(features, (mask > 0).astype(np.float32)) / (mask > 0).sum()
                ),
                "Positions at the border count fully in yours. Their weight is the mask, between 0 and 1.",
            ),
        ),
        praise="Divided by the area, the matrices of a small and of a large region can be compared.",
        title="guided Gram matrix",
        gradient=True,
    ),
    "guided_style_loss": Exercise(
        cases=_GUIDED_CASES,
        answer=lambda *case: _added(_differences(*case)),
        mistakes=(
            Mistake(
                lambda *case: _added(_differences(*case, at_layer=lambda mask, h, w: mask[:h, :w])),
                "You cut the mask to the size of the layer, so only its upper left corner counts. Average "
                "it over blocks.",
            ),
            Mistake(
                lambda *case: _added(
                    _differences(
                        *case, at_layer=lambda mask, h, w: mask[:: len(mask) // h, :: mask.shape[1] // w]
                    )
                ),
                "You take one pixel of each block of the mask. Take the mean of the block.",
            ),
            Mistake(
                lambda *case: _added(
                    _differences(*case, at_layer=lambda mask, h, w: np.round(_block_means(mask, h, w) + 1e-4))
                ),
                "You round the means of the blocks to 0 or 1. At the border a position counts in part.",
            ),
            Mistake(
                lambda *case: _added(_differences(*case, at_layer=_interleaved_means)),
                "Your blocks are not made of neighboring pixels: the axes after the reshape are in the "
                "order h, H / h, w, W / w.",
            ),
            Mistake(
                lambda *case: _added(
                    _differences(*case, at_layer=lambda mask, h, w: _block_means(mask, h, w).T)
                ),
                "The mask is transposed: its first axis is the height, as in the feature maps.",
            ),
            Mistake(
                lambda features, targets, masks, style_masks: _added(
                    _differences(features, targets, masks, _everywhere(style_masks))
                ),
                "The masks of the style image are not used: its Gram matrix is guided as well.",
            ),
            Mistake(
                lambda features, targets, masks, style_masks: _added(
                    _differences(features, targets, _everywhere(masks), style_masks)
                ),
                "The masks of the generated image are not used: its Gram matrix is guided as well.",
            ),
            Mistake(
                lambda *case: _added(_differences(*case)) / len(case[0]),
                "You take the mean over the layers. Here they are added.",
            ),
            Mistake(
                lambda *case: _added(_differences(*case)) / len(case[2]),
                "You take the mean over the regions. Here they are added.",
            ),
            Mistake(
                lambda *case: _added(_differences(*case)[-1:]),
                "Only the last layer counts: add to the loss inside the loop, and begin with 0 before it.",
            ),
            Mistake(
                lambda *case: _added(_differences(*case)[:1]),
                "Only the first layer counts: the return has to stand after the loop over the layers.",
            ),
            Mistake(
                lambda *case: _added([of_layer[:1] for of_layer in _differences(*case)]),
                "Only the first region of each layer counts: the loop over the regions ends too early.",
            ),
            Mistake(
                lambda *case: 4 * _added(_differences(*case)),
                "The 4 of the factor 1 / (4 N²) is missing.",
            ),
            Mistake(
                lambda *case: sum(
                    4 * maps.shape[-1] ** 2 * _added([differences])
                    for maps, differences in zip(case[0].values(), _differences(*case), strict=True)
                ),
                "The factor 1 / (4 N²) of each layer is missing; N is its number of filters.",
            ),
            Mistake(
                lambda *case: sum(
                    _added([differences]) / np.prod(maps.shape[1:3]) ** 2
                    for maps, differences in zip(case[0].values(), _differences(*case), strict=True)
                ),
                "You divide by M² as well. The guided Gram matrices are divided by the area already.",
            ),
            Mistake(
                lambda *case: _added([[sum(of_layer)] for of_layer in _differences(*case)]),
                "You add the regions up first and square then, so that they can cancel. Square the "
                "differences of each region.",
            ),
        ),
        praise="Each region is compared with its own part of the style image, in every layer.",
        title="guided style loss",
        gradient=True,
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
                "np.roll also compares the last row with the first. They are not neighbors.",
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
                "You also compare the channels of one pixel with one another. Only rows and columns have "
                "neighbors here.",
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
                "The differences along the last row and the last column are missing: both loops end one too "
                "early.",
            ),
        ),
        praise="It is 0 for an image of one color, and large for noise.",
        title="total variation",
    ),
}
