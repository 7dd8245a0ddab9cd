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
    given: list[Any] = []
    for case in cases:
        try:
            given.append(function(*copy.deepcopy(case)))
        except (Exception, SystemExit) as error:
            return _stopped(error)
    right = _results(answer, cases)
    if all(map(_agree, given, right)):
        return Outcome(True, praise)
    for mistake in mistakes:
        if all(map(_agree, given, _results(mistake.answer, cases))):
            return Outcome(False, mistake.message)
    return Outcome(
        False,
        _not_numbers(cases, given, right) or _pattern(given, right) or _first_difference(cases, given, right),
    )


def _results(function: Callable[..., Any], cases: Cases) -> list[Any]:
    return [function(*copy.deepcopy(case)) for case in cases]


def _stopped(error: BaseException) -> Outcome:
    frame = error.__traceback__.tb_next if error.__traceback__ else None
    # A library that the student's function calls may raise this error too: then there is a further frame.
    if isinstance(error, NotImplementedError) and frame is not None and frame.tb_next is None:
        hint = str(error) or "Fill in the function above and run its cell again."
        return Outcome(None, f"{hint} (Then delete the line with raise.)")
    text = str(error)
    advice = ""
    if "truth value" in text:
        advice = " An if tests a single number; to decide for each entry use np.where."
    elif "broadcast" in text:
        advice = " Two shapes do not fit: keepdims=True keeps the axis of a sum, [..., np.newaxis] adds one."
    return Outcome(False, f"Your function stops with {type(error).__name__}: {text}{advice}")


def _not_numbers(cases: Cases, given: list[Any], right: list[Any]) -> str | None:
    """What is wrong with a value that is no array of finite numbers."""
    if all(value is None for value in given):
        return "Your function returns nothing: end it with return and the value. (print only shows a value.)"
    for case, value, answer in zip(cases, given, right, strict=True):
        if value is None:
            return f"For {_shown(case)} your function returns nothing: one of its branches has no return."
        if callable(value) and not hasattr(value, "__array__"):
            return "Your function returns another function: are the brackets () missing after its name?"
        numbers = _numbers(value)
        if numbers is None:
            return (
                "The answer is a number or an array of numbers. Yours, of type "
                f"{type(value).__name__}, contains something else, or rows of different lengths."
            )
        if not np.all(np.isfinite(numbers)) and np.all(np.isfinite(_numbers(answer))):
            return (
                "Your answer contains nan or inf, from a division by 0, an undefined log, or a huge number."
            )
    return None


def _pattern(given: list[Any], right: list[Any]) -> str | None:
    """A mistake that all results have in common, such as a factor or a transposition."""
    pairs = [(_numbers(mine), _numbers(theirs)) for mine, theirs in zip(given, right, strict=True)]
    if all(m.ndim == 2 and _agree(m.T, t) for m, t in pairs):
        return "Your matrix is the transpose of the answer: rows and columns are exchanged."
    if all(m.ndim >= 3 and _agree(m[..., ::-1], t) for m, t in pairs):
        return "The last axis is in reverse order: is it RGB instead of BGR, or BGR instead of RGB?"
    if all(_agree(m.ravel(), t.ravel()) for m, t in pairs):
        mine, theirs = pairs[0]
        return (
            f"The numbers are right, but the shape is not: the answer has {theirs.shape}, yours {mine.shape}."
        )
    if any(m.shape != t.shape or not np.any(t) for m, t in pairs):
        return None
    factors = [float((m * t).sum() / (t * t).sum()) for m, t in pairs]
    if all(_agree(m, factor * t) for factor, (m, t) in zip(factors, pairs, strict=True)):
        if np.allclose(factors, -1):
            return "Every number has the wrong sign."
        if factors[0] and np.allclose(factors, factors[0]):
            return f"Every number of yours is {factors[0]:.4g} times the right one."
        if all(factors) and all(m.size > 1 for m, _ in pairs):
            return (
                "For each input your answer is a multiple of the right one, but with a different factor: "
                "a factor that depends on the sizes is missing, or there is one too many."
            )
    excess = float((pairs[0][0] - pairs[0][1]).mean())
    if len(pairs) > 1 and all(_agree(m - excess, t) for m, t in pairs):
        return f"Every number of yours is {abs(excess):.4g} too {'large' if excess > 0 else 'small'}."
    return None


def _first_difference(cases: Cases, given: list[Any], right: list[Any]) -> str:
    case, mine, theirs = next(
        (case, _numbers(mine), _numbers(theirs))
        for case, mine, theirs in zip(cases, given, right, strict=True)
        if not _agree(mine, theirs)
    )
    if mine.shape != theirs.shape and theirs.ndim == 0:
        return f"The answer is a single number, and yours an array of shape {mine.shape}: is a sum missing?"
    if mine.shape != theirs.shape:
        given_shape = f"has {mine.shape}" if mine.ndim else "is a single number"
        return f"The answer has the shape {theirs.shape}, and yours {given_shape}."
    if mine.ndim == 0:
        return f"For {_shown(case)} the answer is {float(theirs):.6g}, and yours is {float(mine):.6g}."
    entry = np.unravel_index(np.argmax(np.abs(mine - theirs)), mine.shape)
    return (
        f"The shape is right. At [{', '.join(map(str, entry))}] the answer is {theirs[entry]:.6g}, "
        f"and yours is {mine[entry]:.6g}."
    )


def _agree(mine: Any, theirs: Any) -> bool:
    mine, theirs = _numbers(mine), _numbers(theirs)
    if mine is None or theirs is None or mine.shape != theirs.shape:
        return False
    return np.allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def _numbers(value: Any) -> np.ndarray | None:
    try:
        array = np.asarray(float(value) if isinstance(value, int) else value)
    except OverflowError:
        return np.asarray(np.inf)
    except (TypeError, ValueError):
        return None
    return array.astype(float) if array.dtype.kind in "biuf" else None


def _shown(case: tuple[Any, ...]) -> str:
    def short(value: Any) -> str:
        if isinstance(value, np.ndarray):
            return f"an array of shape {value.shape}"
        return text if len(text := repr(value)) <= 60 else f"a {type(value).__name__}"

    return f"({', '.join(map(short, case))})"
