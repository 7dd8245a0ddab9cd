"""The exercises of appendix A2: cases, right answers, and typical mistakes."""

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values))


def _change(warped: np.ndarray, frame: np.ndarray) -> np.ndarray:
    return np.abs(frame - warped)


EXERCISES = {
    "histogram_match": Exercise(
        cases=(
            (np.array([3.0, -1.0, 2.0, 0.5, 7.0]), np.array([10.0, 40.0, 20.0, 25.0, 11.0])),
            (np.array([0.0, 5.0, 1.0, 9.0, 4.0, 2.0]), np.array([6.0, 0.0, 3.0, 30.0, 1.0, 2.0])),
        ),
        answer=lambda values, target: np.sort(target)[_ranks(values)],
        mistakes=(
            Mistake(
                lambda values, target: np.sort(target),
                "These are the right values in the wrong order: the largest has to stand where the largest "
                "of values stands.",
            ),
            Mistake(
                lambda values, target: np.sort(target)[np.argsort(values)],
                "np.argsort(values)[0] is the position of the smallest value, not the rank of the first "
                "one. Write to the positions that it names instead of reading from them.",
            ),
            Mistake(
                lambda values, target: target[_ranks(values)],
                "You take the target's values in the order in which they stand. Sort them first.",
            ),
            Mistake(
                lambda values, target: target[np.argsort(values)],
                "The target's values are not sorted, and np.argsort(values) gives positions, not ranks.",
            ),
            Mistake(
                lambda values, target: np.sort(values)[_ranks(target)],
                "The two arrays are exchanged: the result has the target's values in the order of values.",
            ),
            Mistake(
                lambda values, target: np.sort(target)[::-1][_ranks(values)],
                "The order is reversed: your smallest value gets the largest one of the target.",
            ),
            Mistake(
                lambda values, target: (values - values.mean()) / values.std() * target.std() + target.mean(),
                "Mean and standard deviation are the target's, but not the rest of its histogram. Go by "
                "rank.",
            ),
            Mistake(
                lambda values, target: (
                    (values - values.min()) / np.ptp(values) * np.ptp(target) + target.min()
                ),
                "You stretch the values to the target's range. The values in between have to be the "
                "target's as well.",
            ),
            Mistake(
                lambda values, target: target,
                "That is the target itself. The order of values is lost: its largest entry has to stay the "
                "largest.",
            ),
            Mistake(
                lambda values, target: _ranks(values),
                "Those are the ranks, counted from 0. Now take the sorted target's value at each rank.",
            ),
        ),
        praise="The result has the target's histogram, and its entries are in the order of the given values.",
        title="histogram matching",
    ),
    "flicker": Exercise(
        cases=(
            (
                ramp(2, 3, 3),
                ramp(2, 3, 3, low=200, high=40),
                np.array([[1, 1, 0], [0, 1, 0]], np.float32),
            ),
            (
                ramp(3, 2, 3, low=20, high=250),
                ramp(3, 2, 3, low=90, high=10) ** 1.1,
                np.array([[0, 0], [1, 0], [1, 1]], np.float32),
            ),
        ),
        answer=lambda warped, frame, visible: _change(warped, frame)[visible > 0].mean(),
        mistakes=(
            Mistake(
                lambda warped, frame, visible: _change(warped, frame).mean(),
                "Disoccluded pixels count as well. Leave out those where visible is 0.",
            ),
            Mistake(
                lambda warped, frame, visible: (_change(warped, frame) * visible[..., None]).mean(),
                "The disoccluded pixels are set to 0 but still counted in the mean: divide by the number of "
                "visible ones only.",
            ),
            Mistake(
                lambda warped, frame, visible: (
                    (_change(warped, frame) * visible[..., None]).sum() / visible.sum()
                ),
                "You divide by the number of visible pixels. Each has three channels: take the mean over "
                "these, too.",
            ),
            Mistake(
                lambda warped, frame, visible: _change(warped, frame)[visible > 0].sum(),
                "That is the sum of the changes. Take their mean.",
            ),
            Mistake(
                lambda warped, frame, visible: (frame - warped)[visible > 0].mean(),
                "Changes of opposite sign cancel. Take the absolute value of each before the mean.",
            ),
            Mistake(
                lambda warped, frame, visible: abs((frame - warped)[visible > 0].mean()),
                "You take the absolute value of the mean. Take it of each change, before the mean.",
            ),
            Mistake(
                lambda warped, frame, visible: ((frame - warped) ** 2)[visible > 0].mean(),
                "You square the changes. This measure takes absolute values, so that it is in gray levels.",
            ),
            Mistake(
                lambda warped, frame, visible: np.sqrt(((frame - warped) ** 2)[visible > 0].mean()),
                "That is the root of the mean square. This measure is the mean of the absolute values.",
            ),
            Mistake(
                lambda warped, frame, visible: _change(warped, frame)[visible == 0].mean(),
                "You measure at the disoccluded pixels. visible is 1 where the change counts.",
            ),
            Mistake(
                lambda warped, frame, visible: _change(warped, frame)[visible > 0],
                "Those are the changes at the visible pixels. Take their mean.",
            ),
        ),
        praise="A pixel counts where the frame before tells what should be there.",
        title="flicker measure",
    ),
}
