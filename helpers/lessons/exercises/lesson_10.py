"""The exercises of lesson 10: cases, right answers, and typical mistakes."""

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp


def _halves(left: np.ndarray, right: np.ndarray, column: int) -> np.ndarray:
    return np.concatenate([left[:, :column], right[:, column:]], axis=1)


EXERCISES = {
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
            (ramp(2, 6, 3), ramp(2, 6, 3, low=200, high=40), 0.5),
            (ramp(1, 5, 3), ramp(1, 5, 3, low=200, high=40), 0.3),
            (ramp(3, 4, 3), ramp(3, 4, 3, low=200, high=40), 1.0),
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
