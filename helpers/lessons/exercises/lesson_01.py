"""The exercises of lesson 1: cases, right answers, and typical mistakes."""

import math

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp


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


EXERCISES = {
    "one_answer": Exercise(
        cases=(
            (ramp(2, 2, 3, low=-1, high=3), ramp(2, 2, 3, low=2, high=-1.5) ** 3, 0.75),
            (ramp(3, 3, 1, low=0, high=2), ramp(3, 3, 1, low=-1, high=2) ** 2, -2.0),
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
                "The sum runs over the maps only. It runs over the positions of the kernel as well: all "
                "three axes.",
            ),
            Mistake(
                lambda window, weights, bias: window * weights + bias,
                "The products are there. Now add them all up to a single number.",
            ),
        ),
        praise="A convolution layer does this at every position with every filter, and nothing else.",
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
                "One is missing: the kernel has its first position before any step is taken.",
            ),
            Mistake(
                lambda size, window, stride, padding: (size + padding - window) // stride + 1,
                "The padding lies on both sides: it counts twice.",
            ),
            Mistake(
                lambda size, window, stride, padding: (size + 2 * padding - window) / stride + 1,
                "The number of positions is whole: divide without remainder, with //.",
            ),
            Mistake(
                lambda size, window, stride, padding: -((window - size - 2 * padding) // stride) + 1,
                "You round up. A position where the kernel does not fit entirely is left out: round down, "
                "with //.",
            ),
            Mistake(
                lambda size, window, stride, padding: size + 2 * padding - window + 1,
                "The stride is missing: divide the positions that are left by it.",
            ),
            Mistake(
                lambda size, window, stride, padding: (size - window) // stride + 1,
                "The padding is missing: it makes the row longer before the kernel is applied.",
            ),
            Mistake(
                lambda size, window, stride, padding: (size + 2 * padding) // stride,
                "The kernel size is missing: the kernel itself covers K positions.",
            ),
            Mistake(
                lambda size, window, stride, padding: (size + 2 * padding - window + 1) // stride,
                "The 1 comes after the division: count the steps, then add the first position.",
            ),
            Mistake(
                lambda size, window, stride, padding: round((size + 2 * padding - window) / stride) + 1,
                "You round to the nearest number. A position where the kernel does not fit entirely is left "
                "out: round down, with //.",
            ),
        ),
        praise="With K = 3, S = 1 and P = 1 the size stays, as in all convolutions of VGG19.",
    ),
    "average_pool": Exercise(
        cases=((ramp(4, 6, 2, low=-8, high=11) ** 2,), (ramp(2, 2, 3, low=-4, high=9) ** 2,)),
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
                "The jump is missing: after a stride of 2, one position more is two pixels more.",
            ),
            Mistake(
                lambda layers: _receptive_field(layers) - 1,
                "Begin with r = 1: a single position sees itself.",
            ),
            Mistake(
                lambda layers: sum(window for window, _ in layers),
                "The windows are added up. A window of K adds only K − 1 places, each of them j pixels wide.",
            ),
            Mistake(
                lambda layers: math.prod(window for window, _ in layers),
                "The kernel sizes are multiplied. A kernel of size K adds (K − 1) · j to what was seen "
                "before.",
            ),
            Mistake(
                lambda layers: _receptive_field(layers, stride_first=True),
                "The jump is updated too early: a layer's own stride counts from the next layer on.",
            ),
            Mistake(
                lambda layers: _receptive_field([(window + 1, stride) for window, stride in layers]),
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
                lambda layers: sum(window - 1 for window, _ in layers),
                "Begin with r = 1: a single position sees itself. And each further position is j pixels "
                "wide.",
            ),
            Mistake(
                lambda layers: _receptive_field(layers, last_stride_only=True),
                "The jump grows with every stride before: j = j * S, not j = S.",
            ),
        ),
        praise="For VGG19 this gives 3 pixels in the first layer and 252 in the last.",
    ),
}
