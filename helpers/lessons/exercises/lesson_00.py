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
                "The last axis holds the 3 colors: it is no side of the picture. Take the first two only.",
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
            (ramp(2, 3, 3), ramp(2, 3, 3, low=200, high=40), 0.25),
            (ramp(1, 2, 3), ramp(1, 2, 3, low=200, high=40), 0.0),
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
}
