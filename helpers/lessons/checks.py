"""The checks of the exercises: compare a student's function with the correct one and name the mistake."""

import copy
import html
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.errors import ArgumentError
from helpers.lessons.exercises import EXERCISES

Cases = Sequence[tuple[Any, ...]]

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
    given, right = [], _results(answer, cases)
    for case in cases:
        try:
            value = function(*copy.deepcopy(case))
        except (Exception, SystemExit) as error:
            return _stopped(error)
        given.append(_numbers(value))
        if given[-1] is None:
            return Outcome(False, _not_numbers(case, value))
    if _agree(given, right):
        return Outcome(True, praise)
    for mistake in mistakes:
        if _agree(given, _results(mistake.answer, cases)):
            return Outcome(False, mistake.message)
    return Outcome(False, _pattern(given, right) or _first_difference(cases, given, right))


def _results(function: Callable[..., Any], cases: Cases) -> list[np.ndarray]:
    return [_numbers(function(*case)) for case in cases]


def _stopped(error: BaseException) -> Outcome:
    frame = error.__traceback__.tb_next
    # A library that the student's function calls may raise this error too: then there is a further frame.
    if isinstance(error, NotImplementedError) and frame is not None and frame.tb_next is None:
        return Outcome(None, f"{error} (Then delete the line with raise.)")
    advice = ""
    if "truth value" in str(error):
        advice = " An if tests a single number; to decide for each entry use np.where."
    elif "broadcast" in str(error):
        advice = " Two shapes do not fit: keepdims=True keeps the axis of a sum, [..., np.newaxis] adds one."
    return Outcome(False, f"Your function stops with {type(error).__name__}: {error}{advice}")


def _not_numbers(case: tuple[Any, ...], value: Any) -> str:
    if value is None:
        return (
            f"For {_shown(case)} your function returns nothing: each of its branches ends with return and "
            "the value. (print only shows a value.)"
        )
    if callable(value):
        return "Your function returns another function: are the brackets () missing after its name?"
    return (
        "The answer is a number or an array of numbers. Yours, of type "
        f"{type(value).__name__}, contains something else, or rows of different lengths."
    )


def _pattern(given: list[np.ndarray], right: list[np.ndarray]) -> str | None:
    """A mistake that all results have in common, such as a factor or a transposition."""
    if any(np.isfinite(t).all() and not np.isfinite(m).all() for m, t in zip(given, right, strict=True)):
        return "Your answer contains nan or inf, from a division by 0, an undefined log, or a huge number."
    if all(m.ndim == 2 for m in given) and _agree([m.T for m in given], right):
        return "Your matrix is the transpose of the answer: rows and columns are exchanged."
    if any(m.shape != t.shape or not np.any(t) for m, t in zip(given, right, strict=True)):
        return None
    factors = [float((m * t).sum() / (t * t).sum()) for m, t in zip(given, right, strict=True)]
    if not all(factors) or not _agree(given, [factor * t for factor, t in zip(factors, right, strict=True)]):
        return None
    if np.allclose(factors, factors[0]):
        return f"Every number of yours is {factors[0]:.4g} times the right one."
    if all(m.size > 1 for m in given):
        return (
            "For each input your answer is a multiple of the right one, but with a different factor: "
            "a factor that depends on the sizes is missing, or there is one too many."
        )
    return None


def _first_difference(cases: Cases, given: list[np.ndarray], right: list[np.ndarray]) -> str:
    case, mine, theirs = next(
        (case, mine, theirs)
        for case, mine, theirs in zip(cases, given, right, strict=True)
        if not _agree([mine], [theirs])
    )
    if mine.shape != theirs.shape:
        return f"The answer is {_shape(theirs)}, and yours {_shape(mine)}."
    if mine.ndim == 0:
        return f"For {_shown(case)} the answer is {theirs:.6g}, and yours is {mine:.6g}."
    entry = np.unravel_index(np.argmax(np.abs(mine - theirs)), mine.shape)
    return (
        f"The shape is right. At [{', '.join(map(str, entry))}] the answer is {theirs[entry]:.6g}, "
        f"and yours is {mine[entry]:.6g}."
    )


def _agree(given: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> bool:
    return all(
        mine.shape == theirs.shape and np.allclose(mine, theirs, rtol=1e-4, atol=1e-6)
        for mine, theirs in zip(given, right, strict=True)
    )


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


def _shown(case: tuple[Any, ...]) -> str:
    def short(value: Any) -> str:
        if isinstance(value, np.ndarray):
            return _shape(value)
        return text if len(text := repr(value)) <= 60 else f"a {type(value).__name__}"

    return f"({', '.join(map(short, case))})"
