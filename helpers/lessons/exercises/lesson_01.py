"""The exercises of lesson 1: cases, right answers, and typical mistakes."""

import math
from typing import Any

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp


def _convolve(
    maps: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray,
    stride: int,
    padding: int,
    *,
    sides: tuple[int, int] = (1, 1),
    **border: Any,
) -> np.ndarray:
    """``sides``: how often the padding is put before and behind; ``border``: with what, see ``np.pad``."""
    around = (sides[0] * padding, sides[1] * padding)
    padded = np.pad(np.asarray(maps, dtype=np.float64), (around, around, (0, 0)), **border)
    size = kernel.shape[0]
    rows, columns = ((side - size) // stride + 1 for side in padded.shape[:2])
    result = np.empty((rows, columns, kernel.shape[3]))
    for p, q in np.ndindex(rows, columns):
        patch = padded[stride * p : stride * p + size, stride * q : stride * q + size]
        result[p, q] = np.tensordot(patch, kernel, axes=3) + bias
    return result


def _at_every_position(maps: np.ndarray, kernel: np.ndarray, bias: np.ndarray, S: int, P: int) -> np.ndarray:
    """The stride is in the size of the result, but not in the position of the kernel."""
    rows, columns = _convolve(maps, kernel, bias, S, P).shape[:2]
    return _convolve(maps, kernel, bias, 1, P)[:rows, :columns]


def _pixel_gradient(
    picture: np.ndarray, kernel: np.ndarray, upstream: np.ndarray, overwrite: bool = False
) -> np.ndarray:
    """The gradient with respect to the picture, from that with respect to the output of the convolution."""
    gradient = np.zeros(picture.shape)
    size = len(kernel)
    for p, q in np.ndindex(upstream.shape):
        patch = gradient[p : p + size, q : q + size]
        patch[...] = upstream[p, q] * kernel + (0 if overwrite else patch)
    return gradient


def _squares(maps: np.ndarray) -> np.ndarray:
    height, width, channels = maps.shape
    return maps.reshape(height // 2, 2, width // 2, 2, channels)


def _receptive_field(
    layers: list[tuple[int, int]], stride_first: bool = False, last_stride_only: bool = False
) -> int:
    field, jump = 1, 1
    for size, stride in layers:
        jump *= stride if stride_first else 1
        field += (size - 1) * jump
        jump = stride if last_stride_only else jump * (1 if stride_first else stride)
    return field


EXERCISES = {
    "one_activation": Exercise(
        cases=(
            (ramp(2, 2, 3, low=-1, high=3), ramp(2, 2, 3, low=2, high=-1.5) ** 3, 0.75),
            (ramp(3, 3, 1, low=0, high=2), ramp(3, 3, 1, low=-1, high=2) ** 2, -2.0),
        ),
        answer=lambda patch, weights, bias: (patch * weights).sum() + bias,
        mistakes=(
            Mistake(
                lambda patch, weights, bias: (patch * weights).sum(),
                "The bias is missing: add it once, at the end.",
            ),
            Mistake(
                lambda patch, weights, bias: (patch * weights + bias).sum(),
                "The bias is added to every product. Add it once, after the sum.",
            ),
            Mistake(
                lambda patch, weights, bias: (patch * weights).mean() + bias,
                "You take the mean of the products. An activation is their sum.",
            ),
            Mistake(
                lambda patch, weights, bias: (patch * weights[::-1, ::-1]).sum() + bias,
                "The kernel is turned by 180°. Networks use it as it is: the first weight belongs to the "
                "first pixel.",
            ),
            Mistake(
                lambda patch, weights, bias: (patch * weights).sum(axis=(0, 1)) + bias,
                "You have one number for each input channel. The sum runs over the input channels as well: "
                "all three axes.",
            ),
            Mistake(
                lambda patch, weights, bias: (patch * weights).sum(axis=-1) + bias,
                "The sum runs over the input channels only. It runs over the K × K positions of the patch as "
                "well: all three axes.",
            ),
            Mistake(
                lambda patch, weights, bias: patch * weights + bias,
                "The products are there. Now add them all up to a single number.",
            ),
            Mistake(
                lambda patch, weights, bias: patch.sum() * weights.sum() + bias,
                "You multiply two sums. Multiply number by number first, and add up the products.",
            ),
        ),
        praise="A convolution layer does this at every position with every filter, and nothing else.",
        title="activation",
    ),
    "output_size": Exercise(
        cases=(
            *((224, 3, 1, 1), (224, 2, 2, 0), (11, 3, 2, 0), (10, 3, 2, 1)),
            *((7, 7, 3, 0), (14, 4, 5, 2), (9, 3, 4, 1)),
        ),
        answer=lambda i, K, S, P: (i + 2 * P - K) // S + 1,
        mistakes=(
            Mistake(
                lambda i, K, S, P: (i + 2 * P - K) // S,
                "One is missing: the kernel has its first position before any step is taken.",
            ),
            Mistake(
                lambda i, K, S, P: (i + P - K) // S + 1,
                "The padding lies on both sides: it counts twice.",
            ),
            Mistake(
                lambda i, K, S, P: (i + 2 * P - K) / S + 1,
                "The number of positions is whole: divide without remainder, with //.",
            ),
            Mistake(
                lambda i, K, S, P: -((K - i - 2 * P) // S) + 1,
                "You round up. A position where the kernel does not fit entirely is left out: round down, "
                "with //.",
            ),
            Mistake(
                lambda i, K, S, P: i + 2 * P - K + 1,
                "The stride is missing: divide the positions that are left by it.",
            ),
            Mistake(
                lambda i, K, S, P: (i - K) // S + 1,
                "The padding is missing: it makes the row longer before the kernel is applied.",
            ),
            Mistake(
                lambda i, K, S, P: (i + 2 * P) // S,
                "The kernel size is missing: the kernel itself covers K positions.",
            ),
            Mistake(
                lambda i, K, S, P: (i + 2 * P - K + 1) // S,
                "The 1 comes after the division: count the steps, then add the first position.",
            ),
            Mistake(
                lambda i, K, S, P: round((i + 2 * P - K) / S) + 1,
                "You round to the nearest number. A position where the kernel does not fit entirely is left "
                "out: round down, with //.",
            ),
        ),
        praise="With K = 3, S = 1 and P = 1 the size stays, as in all convolutions of VGG19.",
        title="size of the output",
    ),
    "convolve": Exercise(
        cases=(
            (
                ramp(5, 6, 2, low=-1, high=2) ** 2,
                ramp(3, 3, 2, 3, low=-1, high=1.5) ** 3,
                np.array([0.5, -1, 2], dtype=np.float32),
                1,
                1,
            ),
            (
                ramp(6, 8, 1, low=-2, high=1) ** 3,
                ramp(2, 2, 1, 2, low=1.5, high=-1) ** 2,
                np.array([-0.25, 1.5], dtype=np.float32),
                2,
                0,
            ),
            (
                ramp(4, 7, 3, low=2, high=-1) ** 2,
                ramp(3, 3, 3, 1, low=-1, high=2) ** 3,
                np.array([0.75], dtype=np.float32),
                3,
                2,
            ),
        ),
        answer=lambda x, w, b, S, P: _convolve(x, w, b, S, P),
        mistakes=(
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, 0 * b, S, P),
                "The bias is missing: add bias[m] to every activation of output channel m.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, b[0], S, P),
                "All output channels have the bias of the first filter. Output channel m has bias[m].",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, math.prod(w.shape[:3]) * b, S, P),
                "The bias is added to every product. Add it once, after the sum over the patch.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, b, S, 0),
                "The zero padding is missing: put P rows and columns of zeros on each side first.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, b, 1, P),
                "The stride is ignored: from one position to the next the kernel moves on by S.",
            ),
            Mistake(
                _at_every_position,
                "The output has the right size, but the patches lie 1 apart. The patch of position (p, q) "
                "begins at row S · p and column S · q.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w[::-1, ::-1], b, S, P),
                "The kernel is flipped by 180°. Networks use it as it is: a cross-correlation.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w.transpose(1, 0, 2, 3), b, S, P),
                "Rows and columns are exchanged in the kernel (or in the patch): w[u, v] belongs to row u "
                "and column v of the patch.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, b, S, P).transpose(1, 0, 2),
                "Rows and columns are exchanged in the result: its shape is (h', w', M).",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, b, S, P).transpose(2, 0, 1),
                "The output channels come first. They belong to the last axis: the result is (h', w', M).",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x[..., :1], w[..., :1, :], b, S, P),
                "Only the first input channel is used. The sum runs over all N input channels.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x[..., -1:], w[..., -1:, :], b, S, P),
                "Only the last input channel counts: each overwrites the one before. Add them up, with += .",
            ),
            Mistake(
                lambda x, w, b, S, P: np.stack(
                    [_convolve(x[..., n : n + 1], w[..., n : n + 1, :], b, S, P) for n in range(x.shape[-1])],
                    axis=2,
                ),
                "The input channels are not summed: there is one map for each pair of input and output "
                "channel. Add up over the input channels.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, b, S, P)[:-1, :-1],
                "The output has one row and one column too few: count the first position too.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, b, S, P, mode="edge"),
                "The padding repeats the values at the edge. VGG19's padding is of zeros.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, b, S, P, mode="reflect"),
                "The padding mirrors the picture. VGG19's padding is of zeros.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, b, S, P, constant_values=1),
                "The padding consists of ones. VGG19's padding is of zeros.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, b, S, P, sides=(1, 0)),
                "The padding is above and on the left only: it belongs on all four sides.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, b, S, P, sides=(0, 1)),
                "The padding is below and on the right only: it belongs on all four sides.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w, b, S, P, sides=(0, 2)),
                "The shape is right, but all zeros lie below and on the right. Put the maps into the middle: "
                "they begin at row P and column P.",
            ),
            Mistake(
                lambda x, w, b, S, P: _convolve(x, w / math.prod(w.shape[:3]), b, S, P),
                "You take the mean of the products. An activation is their sum.",
            ),
            Mistake(
                lambda x, w, b, S, P: np.maximum(0, _convolve(x, w, b, S, P)),
                "Negative activations became 0. That is a ReLU. A convolution keeps the sign.",
            ),
        ),
        praise="That is the whole of a convolution layer. Keras computes the same, only faster.",
        title="convolution",
    ),
    "average_pool": Exercise(
        cases=((ramp(4, 6, 2, low=-8, high=11) ** 2,), (ramp(2, 2, 3, low=-4, high=9) ** 2,)),
        answer=lambda maps: _squares(maps).mean(axis=(1, 3)),
        mistakes=(
            Mistake(
                lambda maps: _squares(maps).max(axis=(1, 3)),
                "That is max pooling. Average pooling takes the mean of the four activations.",
            ),
            Mistake(
                lambda maps: _squares(maps).sum(axis=(1, 3)),
                "That is the sum of the four activations. Divide by 4.",
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
                "You take the mean over the channels as well. Each channel is pooled by itself.",
            ),
            Mistake(
                lambda maps: (maps[::2, ::2] + maps[1::2, 1::2]) / 2,
                "You take the mean of two of the four only: the upper right and the lower left are missing.",
            ),
            Mistake(
                lambda maps: _squares(maps).mean(axis=1).reshape(maps.shape[0] // 2, *maps.shape[1:]),
                "The map is half as high but as wide as before: take the mean over the columns as well.",
            ),
        ),
        praise="The map has half the height and half the width, and the mean of each square has stayed.",
        title="average pooling",
    ),
    "pixel_gradient": Exercise(
        cases=(
            (
                ramp(4, 5, low=-1, high=2),
                np.array([[1, -1], [0.5, 2]], dtype=np.float32),
                np.array([[2, 3, -1, 1], [1, 0, 4, -2], [-3, 1, 2, 5]], dtype=np.float32),
            ),
            (
                ramp(3, 5, low=2, high=-3),
                ramp(3, 3, low=-1, high=2) ** 3,
                np.array([[1.5, 2, 0.5]], dtype=np.float32),
            ),
        ),
        answer=lambda picture, kernel, y: _pixel_gradient(picture, kernel, y > 0),
        mistakes=(
            Mistake(
                lambda picture, kernel, y: _pixel_gradient(picture, kernel, np.ones(y.shape)),
                "The ReLU is missing: a position with y < 0 passes no gradient on.",
            ),
            Mistake(
                lambda picture, kernel, y: _pixel_gradient(picture, kernel, y >= 0),
                "At y = 0 the derivative of the ReLU is taken as 0: only positions with y > 0 count.",
            ),
            Mistake(
                lambda picture, kernel, y: _pixel_gradient(picture, kernel, y > 0, overwrite=True),
                "A later position overwrites an earlier one. Patches overlap: add the contributions, with "
                "+= .",
            ),
            Mistake(
                lambda picture, kernel, y: _pixel_gradient(picture, kernel[::-1, ::-1], y > 0),
                "The kernel is flipped. The weight w[u, v] lies on pixel (p + u, q + v): add the kernel as "
                "it is.",
            ),
            Mistake(
                lambda picture, kernel, y: _pixel_gradient(picture, kernel.T, y > 0),
                "The kernel is transposed: its rows belong to the rows of the picture.",
            ),
            Mistake(
                lambda picture, kernel, y: _pixel_gradient(picture, kernel, np.maximum(0, y)),
                "You multiply by the activation. The derivative of the ReLU is 1 where y > 0, not y.",
            ),
            Mistake(
                lambda picture, kernel, y: _pixel_gradient(picture, kernel, y),
                "You multiply by y. The derivative of the ReLU is 1 where y > 0, and 0 elsewhere.",
            ),
            Mistake(
                lambda picture, kernel, y: _pixel_gradient(picture, np.ones(kernel.shape), y > 0),
                "The weights are missing: you count how many patches a pixel lies in. Add the kernel.",
            ),
            Mistake(
                lambda picture, kernel, y: (y > 0).astype(float),
                "That is the gradient with respect to y. One layer is left: the convolution.",
            ),
            Mistake(
                lambda picture, kernel, y: sum(
                    picture[p : p + len(kernel), q : q + len(kernel)] for p, q in np.argwhere(y > 0)
                ),
                "That is the gradient with respect to the kernel: it adds up patches of the picture. Here "
                "the pixels are the variables.",
            ),
            Mistake(
                lambda picture, kernel, y: -_pixel_gradient(picture, kernel, y > 0),
                "The sign is wrong. The gradient says how much L grows with each pixel.",
            ),
        ),
        praise="That is what automatic differentiation does in every layer, from the last to the first.",
        title="backpropagation",
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
                lambda layers: 1 + sum(size - 1 for size, _ in layers),
                "The jump is missing: after a stride of 2, one position more is two pixels more.",
            ),
            Mistake(
                lambda layers: _receptive_field(layers) - 1,
                "Begin with r = 1: a pixel depends on itself.",
            ),
            Mistake(
                lambda layers: sum(size for size, _ in layers),
                "The kernel sizes are added up. A kernel of size K adds only K − 1 positions, each of them j "
                "pixels wide.",
            ),
            Mistake(
                lambda layers: math.prod(size for size, _ in layers),
                "The kernel sizes are multiplied. A kernel of size K adds (K − 1) · j to what was seen "
                "before.",
            ),
            Mistake(
                lambda layers: _receptive_field(layers, stride_first=True),
                "The jump is updated too early: a layer's own stride counts from the next layer on.",
            ),
            Mistake(
                lambda layers: _receptive_field([(size + 1, stride) for size, stride in layers]),
                "Each layer adds (K − 1) · j, not K · j: one of the K positions was seen before.",
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
                lambda layers: sum(size - 1 for size, _ in layers),
                "Begin with r = 1: a pixel depends on itself. And each further position is j pixels wide.",
            ),
            Mistake(
                lambda layers: _receptive_field(layers, last_stride_only=True),
                "The jump grows with every stride before: j = j * S, not j = S.",
            ),
        ),
        praise="For VGG19 this gives 3 pixels in the first layer and 252 in the last.",
        title="receptive field",
    ),
}
