"""What a check finds: a student's function beside the correct one, and the mistake by its name."""

import copy
import html
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from helpers.errors import ArgumentError, shown
from helpers.lessons.exercises import EXERCISES
from helpers.lessons.exercises.exercise import Exercise
from helpers.lessons.exercises.training import call_compiled
from helpers.lessons.feedback import OPEN, RIGHT, WRONG, feedback_html

_Values = list[np.ndarray]
"""What a function returned for one case: a single array, or one for each part."""

_VERDICTS = {True: ("Right.", RIGHT), False: ("Not yet.", WRONG), None: ("To do.", OPEN)}

_ADVICE = {
    "truth value": " An if tests a single number; to decide for each entry use np.where.",
    "at least one Tensor": " All gradients are None: compute all that leads to the loss inside the tape.",
}
"""What helps where a student's function stops with an error of these words."""


class Outcome(NamedTuple):
    """The result of a check: right, wrong, or (``None``) not written yet, with a sentence."""

    passed: bool | None
    message: str

    def __repr__(self) -> str:
        """The result in plain text, for a terminal."""
        return f"{_VERDICTS[self.passed][0]} {self.message}"

    def assert_passed(self) -> None:
        """Show the result, and raise ``AssertionError`` with its sentence unless the function passed.

        A test cell that is graded ends with this: graders take an error for 0 points, and only an error.
        """
        from IPython.display import display

        display(self)
        if not self.passed:
            raise AssertionError(self.message)

    def _repr_html_(self) -> str:
        verdict, color = _VERDICTS[self.passed]
        return feedback_html(color, html.escape(self.message), verdict)


def examine(name: str, function: Callable[..., Any]) -> Outcome:
    """Compare a student's function with the correct one on the inputs of an exercise.

    ``name``: of an exercise in ``EXERCISES``. An error in ``function`` becomes part of the outcome.
    Raises ``ArgumentError`` for an unknown exercise.
    """
    if name not in EXERCISES:
        raise ArgumentError(f"There is no exercise {name!r}; there are {', '.join(EXERCISES)}.")
    exercise = EXERCISES[name]
    given: list[_Values] = []
    for case in exercise.cases:
        try:
            value = function(*copy.deepcopy(case))
        except (Exception, SystemExit) as error:
            return _stopped(error, case)
        values = _numbers(value, exercise.parts)
        if values is None:
            return Outcome(False, _not_numbers(case, value, exercise.parts))
        given.append(values)

    def values_of(solution: Callable[..., Any]) -> Iterator[_Values]:
        for case in exercise.cases:
            yield _numbers(solution(*copy.deepcopy(case)), exercise.parts)

    rights = list(values_of(exercise.answer))
    if all(map(_agree, given, rights)):
        obstacle = _obstacle_to_gradients(function, exercise.cases[0]) if exercise.gradient else None
        obstacle = _obstacle_to_compilation(function, exercise.cases[0]) if exercise.compiled else obstacle
        return Outcome(False, obstacle) if obstacle else Outcome(True, exercise.praise)
    for mistake in exercise.mistakes:
        if all(map(_agree, given, values_of(mistake.answer))):
            return Outcome(False, mistake.message)
    return Outcome(False, _difference(exercise, given, rights))


def _stopped(error: BaseException, case: tuple[Any, ...]) -> Outcome:
    if isinstance(error, NotImplementedError):
        return Outcome(None, f"{error} (Then delete the line with raise.)")
    ending = next((advice for words, advice in _ADVICE.items() if words in str(error)), "")
    stop = f"{type(error).__name__}: {_first_line(error)}"
    return Outcome(False, f"For {_inputs(case)} your function stops with {stop}{ending}")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]


def _obstacle_to_gradients(function: Callable[..., Any], case: tuple[Any, ...]) -> str | None:
    """A sentence where no gradient passes through a function whose numbers are right."""
    import keras

    from helpers.paper import loss_and_gradient

    def scaled(argument: Any, scale: Any) -> Any:
        if isinstance(argument, dict):
            return {key: scaled(value, scale) for key, value in argument.items()}
        numbers = isinstance(argument, float) or getattr(argument, "dtype", None) == np.float32
        return argument * scale if numbers else argument

    def loss(scale: Any) -> Any:
        return keras.ops.sum(function(*(scaled(argument, scale) for argument in case)))

    advice = (
        "Use TensorFlow's functions throughout, such as tf.reduce_sum(x) instead of np.sum(x) or x.sum(): "
        "then the lesson uses your function."
    )
    try:
        _, gradient = loss_and_gradient(loss, keras.ops.convert_to_tensor(1.0))
    except Exception as error:
        return (
            f"The numbers are right, but with tensors of TensorFlow your function stops with "
            f"{type(error).__name__}: {_first_line(error)} {advice}"
        )
    if gradient is None:
        return f"The numbers are right, but no gradient passes through NumPy. {advice}"
    return None


def _obstacle_to_compilation(function: Callable[..., Any], case: tuple[Any, ...]) -> str | None:
    """A sentence where TensorFlow cannot compile a function whose numbers are right."""
    try:
        call_compiled(function, copy.deepcopy(case))
    except Exception as error:
        return (
            "The numbers are right, but TensorFlow cannot compile your function, which makes it fast: it "
            f"stops with {type(error).__name__}. Keep values as tensors: no float(x), len(x), x.numpy() "
            "or if on a tensor. Then the lesson uses your function."
        )
    return None


def _not_numbers(case: tuple[Any, ...], value: Any, parts: Sequence[str]) -> str:
    if value is None:
        return (
            f"For {_inputs(case)} your function returns nothing: each of its branches ends with return and "
            "the value. (print only shows a value.)"
        )
    if parts:
        return f"Your function has to return {len(parts)} values in this order: {', '.join(parts)}."
    return (
        "The answer is a number or an array of numbers. Yours, of type "
        f"{type(value).__name__}, contains something else, or rows of different lengths."
    )


def _difference(exercise: Exercise, given: Sequence[_Values], rights: Sequence[_Values]) -> str:
    """What all answers have in common, such as a factor, or else the first that differs, in a sentence."""
    pairs = [
        (case, part, mine, right)
        for case, values, of_answer in zip(exercise.cases, given, rights, strict=True)
        for part, mine, right in zip(exercise.parts or ("answer",), values, of_answer, strict=True)
    ]
    if any(np.isfinite(right).all() and not np.isfinite(mine).all() for _, _, mine, right in pairs):
        return "Your answer contains nan or inf, from a division by 0, an undefined log, or a huge number."
    if not exercise.parts and all(mine.shape == right.shape and np.any(right) for *_, mine, right in pairs):
        *_, mine, right = pairs[0]
        factor = float((mine * right).sum() / (right * right).sum())
        if factor and all(_agree([mine], [factor * right]) for *_, mine, right in pairs):
            return f"Every number of yours is {factor:.4g} times the right one."
    case, part, mine, right = next(pair for pair in pairs if not _agree([pair[2]], [pair[3]]))
    if mine.shape != right.shape:
        return f"The {part} is {_shape(right)}, and yours {_shape(mine)}."
    if mine.ndim == 0:
        return f"For {_inputs(case)} the {part} is {right:.6g}, and yours is {mine:.6g}."
    entry = np.unravel_index(np.argmax(np.abs(mine - right)), mine.shape)
    return (
        f"The shape is right. At [{', '.join(map(str, entry))}] the {part} is {right[entry]:.6g}, "
        f"and yours is {mine[entry]:.6g}."
    )


def _agree(mine: _Values, right: _Values | None) -> bool:
    return right is not None and all(
        one.shape == other.shape and np.allclose(one, other, rtol=1e-4, atol=1e-6)
        for one, other in zip(mine, right, strict=True)
    )


def _numbers(value: Any, parts: Sequence[str] = ()) -> _Values | None:
    """A value, or each of several, as an array of floats; ``None`` where it is none."""
    if parts and not (isinstance(value, (tuple, list)) and len(value) == len(parts)):
        return None
    arrays = [_array(one) for one in (value if parts else [value])]
    return None if any(array is None for array in arrays) else arrays


def _array(value: Any) -> np.ndarray | None:
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
    return f"({', '.join(map(_input, case))})"


def _input(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return _shape(value)
    return "a function" if callable(value) else shown(value)
