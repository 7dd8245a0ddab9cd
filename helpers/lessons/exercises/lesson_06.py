"""The exercises of lesson 6: cases, right answers, and typical mistakes."""

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp


def _right(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return probabilities[np.arange(len(labels)), labels]


EXERCISES = {
    "softmax": Exercise(
        cases=(
            (ramp(2, 3, low=-1, high=2) ** 2,),
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
        praise="Positive, and each row has the sum 1: the network's prediction for one patch.",
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
                "The highest probability need not be above one half. Look for its index, with np.argmax.",
            ),
            Mistake(
                lambda probabilities, labels: np.argmax(probabilities, axis=-1) == labels,
                "You have one answer for each patch. Now take their mean.",
            ),
            Mistake(
                lambda probabilities, labels: np.argmax(probabilities, axis=-1),
                "Those are the network's predictions. Compare them with the labels.",
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
}
