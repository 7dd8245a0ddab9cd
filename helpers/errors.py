"""The errors that this package raises, and checks of arguments that raise them.

Each error is a ``CourseError`` whose message is one sentence: what is wrong, and where possible what to do.
Each is also a built-in exception, so it can be caught without importing this module.
"""

import difflib
import math
import numbers
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any


class CourseError(Exception):
    """Base class of all errors that this package raises."""


class ArgumentError(CourseError, ValueError):
    """An argument, or a combination of arguments, that is not valid."""


class PictureError(CourseError, ValueError):
    """A picture, mask or film that cannot be read or has the wrong shape or values."""


class WeightsError(CourseError, ValueError):
    """Weights that are damaged, belong to another network, or cannot be read or downloaded."""


class CheckpointError(CourseError, ValueError):
    """A checkpoint that is damaged or belongs to another run."""


class MissingFileError(CourseError, FileNotFoundError):
    """A file or folder that does not exist."""


class OutputError(CourseError, OSError):
    """A file that cannot be written."""


class OutputExistsError(OutputError, FileExistsError):
    """An output file that already exists and must not be overwritten."""


class TooLargeError(CourseError, MemoryError):
    """An image that needs more memory than there is."""


class RunError(CourseError, RuntimeError):
    """A run that cannot continue, for example because its loss is not finite."""


def check_whole(what: str, value: Any, least: int = 1, most: int | None = None) -> None:
    """Raise ``ArgumentError`` unless a value is a whole number from ``least`` to ``most``.

    ``what``: the subject of the error's sentence, such as ``"The number of steps"``.
    """
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_whole or value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ArgumentError(f"{what} is a whole number, {bounds}, not {shown(value)}.")


def check_number(
    what: str, value: Any, least: float = 0.0, *, above: bool = False, most: float = math.inf
) -> None:
    """Raise ``ArgumentError`` unless a value is a finite number with ``least`` ≤ value < ``most``.

    ``above``: the value must be greater than ``least``. ``what``: see ``check_whole``.
    """
    # Python's whole numbers may be larger than any float.
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool) and abs(value) < 1e300
    if not is_number or value < least or (above and value == least) or value >= most:
        bounds = f"above {least:g}" if above else f"of {least:g} or more"
        bounds += f" and below {most:g}" if most < math.inf else ""
        raise ArgumentError(f"{what} is a number {bounds}, not {shown(value)}.")


def check_choice(what: str, value: Any, choices: Iterable[str]) -> None:
    """Raise ``ArgumentError`` unless a value is one of some strings. ``what``: see ``check_whole``."""
    if not isinstance(value, str) or value not in (choices := list(choices)):
        *most, last = map(repr, choices)
        raise ArgumentError(f"{what} is {', '.join(most)} or {last}, not {shown(value)}.")


def nearest(name: Any, names: Sequence[str]) -> list[str]:
    """The names most similar to a misspelled one; the first three if none is similar."""
    return difflib.get_close_matches(str(name), names, n=3, cutoff=0.4) or list(names[:3])


def shown(value: Any) -> str:
    """The ``repr`` of a value for a message: on one line, and shortened if it is long."""
    return " ".join(reprlib.repr(value).split())


def reason(error: BaseException) -> str:
    """The first line of another library's error message, without a full stop, as part of a sentence."""
    message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    line = message.strip().partition("\n")[0] or type(error).__name__
    return line[:160].rstrip(" .:\r")
