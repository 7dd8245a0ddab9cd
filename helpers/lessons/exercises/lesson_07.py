"""The exercises of lesson 7: cases, right answers, and typical mistakes."""

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake


def _history(totals: list[float], evaluations: list[int]) -> list[dict[str, float]]:
    return [
        {"step": step, "evaluations": count, "total": total}
        for step, (total, count) in enumerate(zip(totals, evaluations, strict=True), start=1)
    ]


EXERCISES = {
    "adam_step": Exercise(
        cases=(
            (np.array([0.2, -0.5]), np.array([0.04, 0.5]), 1, 2.0),
            (np.array([1.5, 0.0, -3.0], np.float32), np.array([2.0, 0.1, 0.5], np.float32), 7, 0.1),
            (np.array([1e-8]), np.array([1e-17]), 1, 1.0),
        ),
        answer=lambda m, v, t, rate: -rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7),
        mistakes=(
            Mistake(
                lambda m, v, t, rate: rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7),
                "The minus is missing: the step goes against the gradient.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * m / (np.sqrt(v) + 1e-7),
                "The corrections are missing: divide m by 1 − 0.9**t and v by 1 − 0.999**t first.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.9**t)) / (np.sqrt(v) + 1e-7),
                "v is not corrected: divide it by 1 − 0.999**t.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * m / (np.sqrt(v / (1 - 0.999**t)) + 1e-7),
                "m is not corrected: divide it by 1 − 0.9**t.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.9**t)) / (v / (1 - 0.999**t) + 1e-7),
                "The root is missing: v is a mean of squares.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.9) ** t) / (np.sqrt(v / (1 - 0.999) ** t) + 1e-7),
                "The power belongs to 0.9 and 0.999: 1 - 0.9**t, without brackets around 1 - 0.9.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.999**t)) / (np.sqrt(v / (1 - 0.9**t)) + 1e-7),
                "0.9 belongs to m and 0.999 to v.",
            ),
            Mistake(
                lambda m, v, t, rate: -(m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7),
                "The rate is missing.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t)),
                "ε is missing: it keeps the step small where v is nearly 0.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t) + 1e-7),
                "ε stands outside the root.",
            ),
        ),
        praise="At the first step it is exactly the rate, up or down, however large the gradient.",
    ),
    "secant_step": Exercise(
        cases=((0.0, -6.0, 1.0, -4.0), (2.0, 5.0, 1.5, 3.0), (-1.0, 0.5, 3.0, 4.5), (0.0, 3.0, 2.0, 2.0)),
        answer=lambda x1, g1, x2, g2: x2 - g2 * (x2 - x1) / (g2 - g1),
        mistakes=(
            Mistake(
                lambda x1, g1, x2, g2: x2 + g2 * (x2 - x1) / (g2 - g1),
                "The sign is turned round: x3 = x2 − g2 / c, with c = (g2 − g1) / (x2 − x1) in this order.",
            ),
            Mistake(
                lambda x1, g1, x2, g2: x2 - g2 * (g2 - g1) / (x2 - x1),
                "You multiply by the curvature. Divide by it: a strong curve means a short step.",
            ),
            Mistake(
                lambda x1, g1, x2, g2: (g2 - g1) / (x2 - x1),
                "That is the curvature. Now take the step.",
            ),
            Mistake(
                lambda x1, g1, x2, g2: -g2 * (x2 - x1) / (g2 - g1),
                "That is the step. Return where it leads: add it to x2.",
            ),
            Mistake(
                lambda x1, g1, x2, g2: x2 - g1 * (x2 - x1) / (g2 - g1),
                "The step from x2 takes the gradient there, g2.",
            ),
            Mistake(
                lambda x1, g1, x2, g2: x1 - g2 * (x2 - x1) / (g2 - g1),
                "The step starts at x2, the newer point.",
            ),
            Mistake(
                lambda x1, g1, x2, g2: x2 - g2 * (x2 + x1) / (g2 - g1),
                "The curvature takes the difference of the two points, not their sum.",
            ),
        ),
        praise="One step to the bottom of a parabola. L-BFGS does this for all pixels at once.",
    ),
    "evaluations_until": Exercise(
        cases=(
            (_history([9.0, 5.0, 4.0, 2.0], [2, 4, 5, 8]), 4.5),
            (_history([9.0, 5.0, 5.5, 2.0], [1, 3, 4, 5]), 5.0),
            (_history([3.0, 12.0], [3, 4]), 10.0),
            (_history([9.0, 4.0, 4.5, 2.0], [2, 3, 5, 7]), 5.0),
        ),
        answer=lambda history, loss: next(r["evaluations"] for r in history if r["total"] <= loss),
        mistakes=(
            Mistake(
                lambda history, loss: next(r["step"] for r in history if r["total"] <= loss),
                "That is the step. A step may take several evaluations: return record['evaluations'].",
            ),
            Mistake(
                lambda history, loss: next(i for i, r in enumerate(history) if r["total"] <= loss),
                "That is the position in the list. Return that record's 'evaluations'.",
            ),
            Mistake(
                lambda history, loss: [r["evaluations"] for r in history if r["total"] <= loss][-1],
                "You return the last record that is low enough. Return at the first one.",
            ),
            Mistake(
                lambda history, loss: next(r["evaluations"] for r in history if r["total"] >= loss),
                "The comparison is turned round: the loss has to be at or below the given one.",
            ),
            Mistake(
                lambda history, loss: next(r["evaluations"] for r in history if r["total"] < loss),
                "At or below: use <=, not <.",
            ),
            Mistake(
                lambda history, loss: sum(r["total"] > loss for r in history),
                "You count the records that are still too high. Return the next one's 'evaluations'.",
            ),
            Mistake(
                lambda history, loss: next(r["total"] for r in history if r["total"] <= loss),
                "That is the loss of the right record. Return its 'evaluations'.",
            ),
        ),
        praise="Evaluations are what a run costs; steps are only what it counts.",
    ),
}
