"""The exercises' checks: they compare a student's function with the right one and say what is wrong."""

import copy
import html
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.errors import ArgumentError
from helpers.lessons.exercises import EXERCISES

Cases = Sequence[tuple[Any, ...]]


class Outcome(NamedTuple):
    """The verdict on an exercise: right, wrong, or (``None``) not filled in yet, with a sentence."""

    passed: bool | None
    message: str

    def __repr__(self) -> str:
        """The verdict in plain text, for a terminal."""
        return f"{self._mark()} {self.message}"

    def _repr_html_(self) -> str:
        color = {True: "#2e7d32", False: "#c62828", None: "#616161"}[self.passed]
        return (
            f'<div style="border-left:5px solid {color};padding:6px 12px;margin:4px 0">'
            f'<strong style="color:{color}">{self._mark()}</strong> {html.escape(self.message)}</div>'
        )

    def _mark(self) -> str:
        return {True: "Right.", False: "Not yet.", None: "To do."}[self.passed]


def check(exercise: str, function: Callable[..., Any]) -> Outcome:
    """Compare a student's function with the right answer.

    ``exercise``: the name of an exercise in ``EXERCISES``. ``function``: what the student wrote.

    Returns an ``Outcome``, which a notebook shows as a box; it never raises what the function raises.
    Raises ``ArgumentError`` for an unknown exercise.
    """
    if exercise not in EXERCISES:
        raise ArgumentError(f"There is no exercise {exercise!r}; there are {', '.join(EXERCISES)}.")
    task = EXERCISES[exercise]
    given: list[Any] = []
    for case in task.cases:
        try:
            given.append(function(*copy.deepcopy(case)))
        except (Exception, SystemExit) as error:
            return _stopped(error)
    right = [task.answer(*copy.deepcopy(case)) for case in task.cases]
    if all(_agree(*pair) for pair in zip(given, right, strict=True)):
        return Outcome(True, task.praise)
    for mistake in task.mistakes:
        wrong = [mistake.answer(*copy.deepcopy(case)) for case in task.cases]
        if all(_agree(*pair) for pair in zip(given, wrong, strict=True)):
            return Outcome(False, mistake.message)
    message = (
        _what_is_no_number(task.cases, given, right)
        or _pattern(given, right)
        or _first_difference(task.cases, given, right)
    )
    return Outcome(False, message or "The answer differs.")


def _stopped(error: BaseException) -> Outcome:
    frame = error.__traceback__.tb_next if error.__traceback__ else None
    if isinstance(error, NotImplementedError) and frame is not None and frame.tb_next is None:
        hint = str(error) or "Fill in the function above and run its cell again."
        return Outcome(None, f"{hint} (Then delete the line with raise.)")
    text = str(error)
    advice = ""
    if "truth value" in text:
        advice = " An if asks about a single number; to decide for each entry use np.where."
    elif "broadcast" in text:
        advice = " Two shapes do not fit: keepdims=True keeps the axis of a sum, [..., np.newaxis] adds one."
    return Outcome(False, f"Your function stops with {type(error).__name__}: {text}{advice}")


def _what_is_no_number(cases: Cases, given: list[Any], right: list[Any]) -> str | None:
    if all(value is None for value in given):
        return (
            "Your function returns nothing: it has to end with return and the value. "
            "(print shows a value, return hands it back.)"
        )
    for case, value, answer in zip(cases, given, right, strict=True):
        if value is None:
            return f"For {_shown(case)} your function returns nothing: one way through it has no return."
        if callable(value) and not hasattr(value, "__array__"):
            return "Your function returns another function: are the brackets () missing after its name?"
        numbers = _numbers(value)
        if numbers is None:
            kind = type(value).__name__
            return (
                "The answer is a number or an array of numbers. Yours, of type "
                f"{kind}, holds something else, or rows of different lengths."
            )
        if not np.all(np.isfinite(numbers)) and np.all(np.isfinite(_numbers(answer))):
            return (
                "Your answer contains nan or inf: somewhere it divides by 0, or takes the root or the "
                "logarithm of a number that has none."
            )
    return None


def _pattern(given: list[Any], right: list[Any]) -> str | None:
    """What the answers to all cases have in common, where a table of mistakes does not list it."""
    pairs = [(_numbers(mine), _numbers(theirs)) for mine, theirs in zip(given, right, strict=True)]
    if all(m.ndim == 2 and _agree(m.T, t) for m, t in pairs):
        return "Your matrix is the transpose of the answer: rows and columns are exchanged."
    if all(m.ndim >= 3 and m.shape == t.shape and _agree(m[..., ::-1], t) for m, t in pairs):
        return "The last axis runs the other way round: is it RGB in the place of BGR, or the reverse?"
    if all(m.size == t.size and _agree(m.ravel(), t.ravel()) for m, t in pairs):
        mine, theirs = pairs[0]
        return (
            f"The numbers are right, and the shape is not: the answer has {theirs.shape}, yours {mine.shape}."
        )
    if any(m.shape != t.shape or not np.any(t) for m, t in pairs):
        return None
    factors = [float((m * t).sum() / (t * t).sum()) for m, t in pairs]
    if not all(_agree(m, factor * t) for factor, (m, t) in zip(factors, pairs, strict=True)):
        factors = []
    if factors and np.allclose(factors, -1):
        return "Every number has the wrong sign."
    if factors and factors[0] and np.allclose(factors, factors[0]):
        return f"Every number of yours is {factors[0]:.4g} times the right one."
    if factors and all(factors) and all(m.size > 1 for m, _ in pairs):
        return (
            "In each case your answer is a multiple of the right one, but another one each time: "
            "a factor that depends on the sizes is missing or too much."
        )
    excess = [float((m - t).mean()) for m, t in pairs]
    if len(pairs) > 1 and all(_agree(m - excess[0], t) for m, t in pairs):
        side = "large" if excess[0] > 0 else "small"
        return f"Every number of yours is {abs(excess[0]):.4g} too {side}."
    return None


def _first_difference(cases: Cases, given: list[Any], right: list[Any]) -> str | None:
    for case, value, answer in zip(cases, given, right, strict=True):
        if _agree(value, answer):
            continue
        mine, theirs = _numbers(value), _numbers(answer)
        if mine.shape != theirs.shape and theirs.ndim == 0:
            return (
                f"The answer is a single number, and yours an array of shape {mine.shape}: is a sum missing?"
            )
        if mine.shape != theirs.shape:
            given_shape = f"has {mine.shape}" if mine.ndim else "is a single number"
            return f"The answer has the shape {theirs.shape}, and yours {given_shape}."
        if mine.ndim == 0:
            return f"For {_shown(case)} the answer is {float(theirs):.6g}, and yours is {float(mine):.6g}."
        entry = np.unravel_index(np.argmax(np.abs(mine - theirs)), mine.shape)
        place = ", ".join(str(int(index)) for index in entry)
        return (
            f"The shape is right. At [{place}] the answer is {theirs[entry]:.6g}, "
            f"and yours is {mine[entry]:.6g}."
        )
    return None


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
    return f"({', '.join(_short(value) for value in case)})"


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return text if len(text := repr(value)) <= 60 else f"a {type(value).__name__}"
