"""What can be wrong with a call or a run: one family of errors, and the checks that most arguments need.

Every error that the course raises on purpose is a ``CourseError`` with one sentence that says what is wrong
and what to do. Each is a built-in error as well, so that nobody has to know this module to catch it.
"""

import math
import numbers
import reprlib
from collections.abc import Iterable
from typing import Any

_LARGEST = 1e300


class CourseError(Exception):
    """Anything that this course says is wrong."""


class ArgumentError(CourseError, ValueError):
    """An argument, or several together, that nothing can be computed with."""


class PictureError(CourseError, ValueError):
    """What was given as a picture, a mask or a film is none that can be read."""


class WeightsError(CourseError, ValueError):
    """What was given as the network's weights is damaged, or of another network."""


class CheckpointError(CourseError, ValueError):
    """A checkpoint that is damaged, or of another run."""


class MissingFileError(CourseError, FileNotFoundError):
    """A file or folder that is not there."""


class OutputError(CourseError, OSError):
    """A file that cannot be written."""


class OutputExistsError(OutputError, FileExistsError):
    """A file that is there already, and is not overwritten unasked."""


class TooLargeError(CourseError, MemoryError):
    """A picture that does not fit into the memory."""


class RunError(CourseError, RuntimeError):
    """A run that cannot go on, such as one whose loss is not a finite number."""


def check_whole(what: str, value: Any, least: int = 1, most: int | None = None) -> None:
    """Raise ``ArgumentError`` unless a value is a whole number within its bounds.

    ``what``: the value's name as a sentence begins with it, such as ``"The number of steps"``.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise ArgumentError(f"{what} is a whole number, at least {least}, not {shown(value)}.")
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None or value < least else f"at most {most}"
        raise ArgumentError(f"{what} is a whole number, {bounds}, not {shown(value)}.")


def check_number(
    what: str, value: Any, least: float = 0.0, *, above: bool = False, most: float = math.inf
) -> None:
    """Raise ``ArgumentError`` unless a value is a finite number of at least ``least``, or ``above`` it.

    ``most``: it is below that.
    """
    fits = isinstance(value, numbers.Real) and not isinstance(value, bool)
    # A whole number may have more digits than any float.
    fits = fits and abs(value) < _LARGEST
    if not fits or value < least or (above and value == least) or value >= most:
        bounds = f"above {least:g}" if above else f"of {least:g} or more"
        bounds += f" and below {most:g}" if most < math.inf else ""
        raise ArgumentError(f"{what} is a number {bounds}, not {shown(value)}.")


def check_choice(what: str, value: Any, choices: Iterable[str]) -> None:
    """Raise ``ArgumentError`` unless a value is one of some texts."""
    if not isinstance(value, str) or value not in (choices := list(choices)):
        *most, last = map(repr, choices)
        raise ArgumentError(f"{what} is {', '.join(most)} or {last}, not {shown(value)}.")


def shown(value: Any) -> str:
    """A value as it stands in a sentence, cut short where it is long."""
    return " ".join(reprlib.repr(value).split())


def reason(error: BaseException) -> str:
    """Why a library below failed, as the middle of a sentence: its first line, without a full stop."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:160].rstrip(" .:")
