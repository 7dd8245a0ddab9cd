"""The exercises of lesson 3: cases, right answers, and typical mistakes."""

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp


def _mse(image: np.ndarray, reference: np.ndarray) -> float:
    return np.mean((image - reference) ** 2)


EXERCISES = {
    "content_loss": Exercise(
        cases=(
            (ramp(1, 2, 3, 2, low=-2, high=5), ramp(1, 2, 3, 2, low=3, high=-1) ** 3),
            (ramp(1, 1, 2, 4, low=0, high=3), ramp(1, 1, 2, 4, low=2, high=1)),
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
                "You have one number for each filter. The sum runs over positions and filters.",
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
        praise="That is equation (1): the same activations at the same positions give 0, nothing else does.",
    ),
    "content_gradient": Exercise(
        cases=(
            (
                np.maximum(0, ramp(1, 2, 3, 2, low=-3, high=5)),
                np.maximum(0, ramp(1, 2, 3, 2, low=6, high=-2)),
            ),
            (
                np.maximum(0, ramp(1, 1, 2, 4, low=4, high=-2)),
                np.maximum(0, ramp(1, 1, 2, 4, low=-1, high=3)),
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
                "You ask where P > 0. It is F, the picture's own activation, that has to be above 0.",
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
            (ramp(2, 3, 3), ramp(2, 3, 3, low=10, high=240)),
            (ramp(1, 2, 3, low=100, high=90), ramp(1, 2, 3, low=0, high=200)),
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
}
