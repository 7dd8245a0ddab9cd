"""The checks of the exercises: compare a student's function with the correct one and name the mistake."""

import copy
import html
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.errors import ArgumentError, shown
from helpers.lessons.exercises import EXERCISES

_Pairs = list[tuple[np.ndarray, np.ndarray]]
"""The student's and the right answer for each case."""

_VERDICTS = {True: ("Right.", "#2e7d32"), False: ("Not yet.", "#c62828"), None: ("To do.", "#616161")}


class Outcome(NamedTuple):
    """The result of a check: right, wrong, or (``None``) not written yet, with a sentence."""

    passed: bool | None
    message: str

    def __repr__(self) -> str:
        """The result in plain text, for a terminal."""
        return f"{_VERDICTS[self.passed][0]} {self.message}"

    def _repr_html_(self) -> str:
        verdict, color = _VERDICTS[self.passed]
        return (
            f'<div style="border-left:5px solid {color};padding:6px 12px;margin:4px 0">'
            f'<strong style="color:{color}">{verdict}</strong> {html.escape(self.message)}</div>'
        )


def check(exercise: str, function: Callable[..., Any]) -> Outcome:
    """Compare a student's function with the correct one on the inputs of an exercise.

    ``exercise``: the name of an exercise in ``EXERCISES``. ``function``: what the student wrote.

    Returns an ``Outcome``, which a notebook shows as a box. An error in ``function`` is reported there too.
    Raises ``ArgumentError`` for an unknown exercise.
    """
    if exercise not in EXERCISES:
        raise ArgumentError(f"There is no exercise {exercise!r}; there are {', '.join(EXERCISES)}.")
    cases, answer, mistakes, praise = EXERCISES[exercise]
    given: list[np.ndarray] = []
    for case in cases:
        try:
            value = function(*copy.deepcopy(case))
        except (Exception, SystemExit) as error:
            return _stopped(error)
        given.append(_numbers(value))
        if given[-1] is None:
            return Outcome(False, _not_numbers(case, value))

    def beside(solution: Callable[..., Any]) -> _Pairs:
        return [(mine, _numbers(solution(*case))) for mine, case in zip(given, cases, strict=True)]

    pairs = beside(answer)
    if all(itertools.starmap(_agree, pairs)):
        return Outcome(True, praise)
    for mistake in mistakes:
        if all(itertools.starmap(_agree, beside(mistake.answer))):
            return Outcome(False, mistake.message)
    return Outcome(False, _difference(cases, pairs))


def _stopped(error: BaseException) -> Outcome:
    if isinstance(error, NotImplementedError):
        return Outcome(None, f"{error} (Then delete the line with raise.)")
    advice = " An if tests a single number; to decide for each entry use np.where."
    ending = advice if "truth value" in str(error) else ""
    return Outcome(False, f"Your function stops with {type(error).__name__}: {error}{ending}")


def _not_numbers(case: tuple[Any, ...], value: Any) -> str:
    if value is None:
        return (
            f"For {_inputs(case)} your function returns nothing: each of its branches ends with return and "
            "the value. (print only shows a value.)"
        )
    return (
        "The answer is a number or an array of numbers. Yours, of type "
        f"{type(value).__name__}, contains something else, or rows of different lengths."
    )


def _difference(cases: Sequence[tuple[Any, ...]], pairs: _Pairs) -> str:
    """What all answers have in common, such as a factor, or else the first that differs, in a sentence."""
    if any(np.isfinite(right).all() and not np.isfinite(mine).all() for mine, right in pairs):
        return "Your answer contains nan or inf, from a division by 0, an undefined log, or a huge number."
    if all(mine.shape == right.shape and np.any(right) for mine, right in pairs):
        mine, right = pairs[0]
        factor = float((mine * right).sum() / (right * right).sum())
        if factor and all(_agree(mine, factor * right) for mine, right in pairs):
            return f"Every number of yours is {factor:.4g} times the right one."
    answered = zip(cases, pairs, strict=True)
    case, (mine, right) = next((case, pair) for case, pair in answered if not _agree(*pair))
    if mine.shape != right.shape:
        return f"The answer is {_shape(right)}, and yours {_shape(mine)}."
    if mine.ndim == 0:
        return f"For {_inputs(case)} the answer is {right:.6g}, and yours is {mine:.6g}."
    entry = np.unravel_index(np.argmax(np.abs(mine - right)), mine.shape)
    return (
        f"The shape is right. At [{', '.join(map(str, entry))}] the answer is {right[entry]:.6g}, "
        f"and yours is {mine[entry]:.6g}."
    )


def _agree(mine: np.ndarray, right: np.ndarray) -> bool:
    return mine.shape == right.shape and np.allclose(mine, right, rtol=1e-4, atol=1e-6)


def _numbers(value: Any) -> np.ndarray | None:
    """A value as an array of floats, or ``None`` where it is none."""
    if value is None or isinstance(value, str):
        return None
    try:
        return np.asarray(value, dtype=float)
    except OverflowError:
        return np.asarray(np.inf)
    except (TypeError, ValueError):
        return None


def _shape(value: np.ndarray) -> str:
    return f"an array of shape {value.shape}" if value.ndim else "a single number"


def _inputs(case: tuple[Any, ...]) -> str:
    words = (_shape(value) if isinstance(value, np.ndarray) else shown(value) for value in case)
    return f"({', '.join(words)})"
