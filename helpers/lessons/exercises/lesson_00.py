"""The exercises of lesson 0: cases, right answers, and typical mistakes."""

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp

EXERCISES = {
    "shorter_side": Exercise(
        cases=((ramp(4, 7, 3),), (ramp(9, 5, 3),), (ramp(2, 6, 3),), (ramp(4, 4, 3),)),
        answer=lambda image: min(image.shape[:2]),
        mistakes=(
            Mistake(
                lambda image: min(image.shape),
                "The last axis holds the 3 channels: it is no side of the picture. Take the first two axes "
                "only.",
            ),
            Mistake(lambda image: max(image.shape[:2]), "That is the longer side."),
            Mistake(
                lambda image: image.shape[0],
                "That is the height. Where the picture is taller than wide, the width is the shorter side.",
            ),
            Mistake(
                lambda image: image.shape[1],
                "That is the width. Where the picture is wider than tall, the height is the shorter side.",
            ),
            Mistake(lambda image: image.shape[:2], "Those are both sides. Return the smaller of the two."),
            Mistake(
                lambda image: len(image.shape),
                "That is the number of axes. The sides are two of the entries of image.shape.",
            ),
        ),
        praise="Height and width are the first two axes, and the smaller of them is what `size` sets.",
        title="shorter side",
    ),
    "crossfade": Exercise(
        cases=(
            (ramp(2, 3, 3), ramp(2, 3, 3, low=200, high=40), 0.25),
            (ramp(1, 2, 3), ramp(1, 2, 3, low=200, high=40), 0.0),
        ),
        answer=lambda first, second, t: (1 - t) * first + t * second,
        mistakes=(
            Mistake(
                lambda first, second, t: t * first + (1 - t) * second,
                "The two images are exchanged: t = 0 has to give the first one and t = 1 the second.",
            ),
            Mistake(
                lambda first, second, t: first + t * second,
                "The weight of the first image has to shrink as that of the second grows: it is (1 − t).",
            ),
            Mistake(
                lambda first, second, t: (first + second) / 2,
                "That is the mean of the two images, whatever t is. Their weights are (1 − t) and t.",
            ),
            Mistake(
                lambda first, second, t: np.clip((1 - t) * first + t * second, 0, 1),
                "The values are limited to 1. The values of an image of this course reach from 0 to 255.",
            ),
            Mistake(
                lambda first, second, t: 1 - t * first + t * second,
                "1 - t * first subtracts t · first from 1. Put parentheses around 1 - t.",
            ),
            Mistake(
                lambda first, second, t: first if t < 0.5 else second,
                "You choose one of the images. Each pixel of the result is a mix of both.",
            ),
        ),
        praise="Each pixel is a mix of both images, as it should be.",
        title="crossfade",
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
                "A larger picture takes longer: divide the new size by the old one, not the old one by the "
                "new.",
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
                "The ratio has to be squared, not doubled: ** 2 instead of * 2.",
            ),
            Mistake(
                lambda seconds, size, new_size: seconds * (new_size // size) ** 2,
                "// discards what stands behind the decimal point. Divide with a single /.",
            ),
            Mistake(
                lambda seconds, size, new_size: (seconds * new_size / size) ** 2,
                "The seconds are squared as well. Square the ratio of the sizes only.",
            ),
        ),
        praise="Twice the side costs four times the time. So try things at a small size, and make the large "
        "picture last.",
        title="estimate of the time",
    ),
}
