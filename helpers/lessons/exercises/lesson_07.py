"""The exercises of lesson 7: cases, right answers, and typical mistakes."""

from collections.abc import Callable

import numpy as np

from helpers.lessons.exercises.exercise import Exercise, Mistake, ramp


def _two_loop(
    gradient: np.ndarray,
    steps: np.ndarray,
    differences: np.ndarray,
    *,
    rho: Callable[..., float] = lambda s, y: 1 / (s @ y),
    gamma: Callable[..., float] = lambda s, y: (s @ y) / (y @ y),
    newest: int = -1,
    first: int = -1,
    second: int = 1,
    with_q: bool = False,
    with_r: bool = False,
    subtract: bool = True,
    by_turn: bool = False,
    last_alpha: bool = False,
    keep_q: bool = False,
    restart: bool = False,
    add: bool = False,
    empty: float = -1.0,
) -> np.ndarray:
    """The two-loop recursion, and with one of the options a mistake in it.

    ``first``, ``second``: the order of each loop, 1 from the oldest pair on. ``with_q``: α takes y.
    ``with_r``: β takes s. ``by_turn``: the second loop reads the α in the order in which they were made.
    """
    if not len(steps):
        return empty * gradient
    count = len(steps)
    q, alphas, made = gradient, np.zeros(count), []
    for index in range(count)[::first]:
        alphas[index] = rho(steps[index], differences[index]) * (
            (differences if with_q else steps)[index] @ (gradient if keep_q else q)
        )
        made.append(alphas[index])
        q = q - alphas[index] * differences[index]
    r = gamma(steps[newest], differences[newest]) * (gradient if restart else q)
    for turn, index in enumerate(range(count)[::second]):
        beta = rho(steps[index], differences[index]) * ((steps if with_r else differences)[index] @ r)
        alpha = made[-1] if last_alpha else made[turn] if by_turn else alphas[index]
        r = r + (alpha + beta if add else alpha - beta if subtract else beta - alpha) * steps[index]
    return -r


def _mistaken(message: str, **options: object) -> Mistake:
    return Mistake(lambda g, s, y: _two_loop(g, s, y, **options), message)


def _pairs(hessian: list[list[float]], *steps: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Some steps on a quadratic function, and the differences of its gradient."""
    return np.array(steps), np.array(steps) @ np.array(hessian)


def _secant(x1: float, g1: float, x2: float, g2: float) -> float:
    return x2 - g2 * (x2 - x1) / (g2 - g1)


def _curvature(x1: float, g1: float, x2: float, g2: float) -> float:
    return (g2 - g1) / (x2 - x1)


def _safely(answer: Callable[..., float], otherwise: Callable[..., float] | None = None) -> Callable:
    """A step where the curvature is positive, and where it is not that of gradient descent."""
    otherwise = otherwise or (lambda x1, g1, x2, g2, rate: x2 - rate * g2)
    return lambda x1, g1, x2, g2, rate: (
        answer(x1, g1, x2, g2) if _curvature(x1, g1, x2, g2) > 0 else otherwise(x1, g1, x2, g2, rate)
    )


def _history(totals: list[float], evaluations: list[int]) -> list[dict[str, float]]:
    return [
        {"step": step, "evaluations": count, "total": total}
        for step, (total, count) in enumerate(zip(totals, evaluations, strict=True), start=1)
    ]


EXERCISES = {
    "adam_step": Exercise(
        title="Adam step",
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
                "The square root is missing: v is a mean of squares.",
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
                "The learning rate is missing.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t)),
                "ε is missing: it keeps the step small where v is nearly 0.",
            ),
            Mistake(
                lambda m, v, t, rate: -rate * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t) + 1e-7),
                "ε stands outside the square root.",
            ),
        ),
        praise="At the first step every variable changes by the learning rate, however large its gradient.",
    ),
    "secant_step": Exercise(
        title="secant step",
        cases=(
            (0.0, -6.0, 1.0, -4.0, 0.1),
            (2.0, 5.0, 1.5, 3.0, 0.3),
            (-1.0, 0.5, 3.0, 4.5, 0.2),
            (0.0, 3.0, 2.0, 2.0, 0.25),
            (1.0, -2.0, 0.5, -1.0, 0.5),
        ),
        answer=_safely(_secant),
        mistakes=(
            Mistake(
                lambda x1, g1, x2, g2, rate: _secant(x1, g1, x2, g2),
                "Right where the curvature is positive. Where it is not, this step leads to a maximum: test "
                "c > 0, and take a step of gradient descent otherwise.",
            ),
            Mistake(
                lambda x1, g1, x2, g2, rate: x2 - rate * g2,
                "That is gradient descent in every case. Use the curvature c where it is positive.",
            ),
            Mistake(
                lambda x1, g1, x2, g2, rate: _secant(x1, g1, x2, g2) if g2 > 0 else x2 - rate * g2,
                "You test the sign of the gradient. Test that of the curvature c.",
            ),
            Mistake(
                lambda x1, g1, x2, g2, rate: _secant(x1, g1, x2, g2) if g2 > g1 else x2 - rate * g2,
                "You test g2 − g1 alone. The curvature is the quotient c: x2 may be smaller than x1.",
            ),
            Mistake(
                lambda x1, g1, x2, g2, rate: x2 - g2 / abs(_curvature(x1, g1, x2, g2)),
                "You take the absolute value of c. Where c is not positive, the exercise asks for a step of "
                "gradient descent.",
            ),
            Mistake(
                _safely(_secant, lambda x1, g1, x2, g2, rate: x2 + rate * g2),
                "Where c is not positive, the sign is wrong: gradient descent goes against the gradient.",
            ),
            Mistake(
                _safely(_secant, lambda x1, g1, x2, g2, rate: x2),
                "Where c is not positive, you stay at x2. Take a step of gradient descent there.",
            ),
            Mistake(
                _safely(lambda x1, g1, x2, g2: 2 * x2 - _secant(x1, g1, x2, g2)),
                "The sign of the secant step is wrong: it is x2 − g2 / c, with c = (g2 − g1) / (x2 − x1).",
            ),
            Mistake(
                _safely(lambda x1, g1, x2, g2: x2 - g2 * _curvature(x1, g1, x2, g2)),
                "You multiply by the curvature. Divide by it: a large curvature means a short step.",
            ),
            Mistake(
                lambda x1, g1, x2, g2, rate: _curvature(x1, g1, x2, g2),
                "That is the curvature c. Now take the step.",
            ),
            Mistake(
                _safely(
                    lambda x1, g1, x2, g2: _secant(x1, g1, x2, g2) - x2,
                    lambda x1, g1, x2, g2, rate: -rate * g2,
                ),
                "That is the step. Return the point to which it leads: add x2.",
            ),
            Mistake(
                _safely(lambda x1, g1, x2, g2: x2 - g1 / _curvature(x1, g1, x2, g2)),
                "The step from x2 takes the gradient there, g2.",
            ),
            Mistake(
                _safely(
                    lambda x1, g1, x2, g2: x1 - g2 / _curvature(x1, g1, x2, g2),
                    lambda x1, g1, x2, g2, rate: x1 - rate * g2,
                ),
                "The step starts at x2, the newer point.",
            ),
            Mistake(
                lambda x1, g1, x2, g2, rate: (
                    x2 - rate * g2 if _curvature(x1, g1, x2, g2) > 0 else _secant(x1, g1, x2, g2)
                ),
                "The two cases are exchanged: the secant step belongs to c > 0.",
            ),
        ),
        praise="One step leads to the minimum of a parabola. L-BFGS does this for all pixels at once.",
    ),
    "two_loop": Exercise(
        title="two-loop recursion",
        cases=(
            # Conjugate steps, as many as there are dimensions: the Newton step.
            (np.array([-9.0, 40.0]), *_pairs([[1, 0], [0, 25]], [1, 1], [25, -1])),
            (
                ramp(4, low=-3, high=4).astype(float),
                *_pairs(
                    [[4, 1, 0, 0], [1, 3, 1, 0], [0, 1, 2, 0.5], [0, 0, 0.5, 1]],
                    [1, 0, 2, 0],
                    [0, -1, 1, 1],
                    [2, 1, 0, -1],
                ),
            ),
            (np.array([2.0, -1.0, 0.5]), *_pairs([[2, 0, 0], [0, 3, 1], [0, 1, 1]], [1, -1, 0.5])),
            (np.array([0.5, -2.0, 1.0]), np.zeros((0, 3)), np.zeros((0, 3))),
        ),
        answer=_two_loop,
        mistakes=(
            Mistake(
                lambda g, s, y: -_two_loop(g, s, y),
                "The sign is wrong: you return +H g, along which the loss grows. The direction is −H g.",
            ),
            _mistaken("Without any pair the direction is −gradient: the minus is missing there.", empty=1.0),
            _mistaken(
                "Without any pair you return 0, and the optimizer never begins. Return −gradient.", empty=0.0
            ),
            Mistake(
                lambda g, s, y: -g,
                "That is gradient descent: the pairs are not used.",
            ),
            _mistaken(
                "The first loop runs from the newest pair to the oldest, the second from the oldest to the "
                "newest. Both of yours run the other way.",
                first=1,
                second=-1,
            ),
            _mistaken("The first loop runs from the newest pair, the last row, to the oldest.", first=1),
            _mistaken("The second loop runs from the oldest pair, row 0, to the newest.", second=-1),
            _mistaken(
                "The scaling between the loops is missing: r = γ q, with γ = s·y / y·y of the newest pair.",
                gamma=lambda s, y: 1.0,
            ),
            _mistaken(
                "γ is inverted: it is s·y / y·y, about 1 divided by the curvature.",
                gamma=lambda s, y: (y @ y) / (s @ y),
            ),
            _mistaken(
                "γ is s·y / y·y. You divide by s·s.",
                gamma=lambda s, y: (s @ y) / (s @ s),
            ),
            _mistaken("γ comes from the newest pair, the last row. You take the oldest.", newest=0),
            _mistaken("ρ is inverted: it is 1 divided by s·y.", rho=lambda s, y: s @ y),
            _mistaken("ρ is missing: α and β are both multiplied by 1 / s·y.", rho=lambda s, y: 1.0),
            _mistaken("ρ is 1 / s·y. You divide by y·y.", rho=lambda s, y: 1 / (y @ y)),
            Mistake(
                lambda g, s, y: _two_loop(g, y, s),
                "Steps s and differences y are exchanged: α takes s and changes q by y; β takes y and "
                "changes r by s.",
            ),
            _mistaken("α is ρ s·q: it takes the step s. Yours takes the difference y.", with_q=True),
            _mistaken("β is ρ y·r: it takes the difference y. Yours takes the step s.", with_r=True),
            _mistaken("The second loop adds (α − β) s. You add (β − α) s.", subtract=False),
            _mistaken("The second loop adds (α − β) s. You add (α + β) s.", add=True),
            _mistaken(
                "The second loop uses the α of another pair: the first loop made them from the newest pair "
                "on, so a list of them is in the opposite order.",
                by_turn=True,
            ),
            _mistaken(
                "The second loop uses the last α for every pair. Keep one α for each.", last_alpha=True
            ),
            _mistaken("α is ρ s·q with the q of that moment. You take the gradient each time.", keep_q=True),
            _mistaken(
                "The second loop goes on from q of the first: r = γ q, not γ times the gradient.",
                restart=True,
            ),
            Mistake(
                lambda g, s, y: _two_loop(g, s[-1:], y[-1:]),
                "You use only the newest pair. Each loop runs over all pairs.",
            ),
        ),
        praise="With conjugate steps, as many as there are dimensions, this is the Newton step exactly.",
    ),
    "evaluations_until": Exercise(
        title="count of evaluations",
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
                "That is the index in the list. Return that record's 'evaluations'.",
            ),
            Mistake(
                lambda history, loss: [r["evaluations"] for r in history if r["total"] <= loss][-1],
                "You return the last record that is low enough. Return at the first one.",
            ),
            Mistake(
                lambda history, loss: next(r["evaluations"] for r in history if r["total"] >= loss),
                "The comparison is inverted: the loss has to be at or below the given one.",
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
        praise="The evaluations of a run take nearly all of its time.",
    ),
}
