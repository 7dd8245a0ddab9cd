"""The student's own functions: checked, kept, and used by the cells that follow."""

import ast
import functools
import inspect
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.errors import ArgumentError, CourseError
from helpers.files.bundled import OUTPUT
from helpers.files.writing import atomic_write
from helpers.lessons.checks import Outcome, examine
from helpers.lessons.exercises import EXERCISES

_checked: dict[str, Callable[..., Any] | None] = {}
"""What this session checked, by exercise: the function that passed, or ``None`` if the last one did not."""

_used: dict[str, bool] = {}
"""By exercise, whether the cells of this session use the student's function."""


@functools.cache
def _scope() -> dict[str, Any]:
    """Names that functions of earlier lessons may use: pictures, the page of the paper, the student's own."""
    from helpers import images, paper

    return {
        name: value
        for module in (images, paper)
        for name, value in vars(module).items()
        if not name.startswith("__")
    }


def check(exercise: str, function: Callable[..., Any]) -> Outcome:
    """Compare a student's function with the correct one on the inputs of an exercise.

    ``exercise``: the name of an exercise in ``EXERCISES``. ``function``: what the student wrote. A function
    that passes is what ``yours`` returns from then on; its source is kept in the folder
    ``output/my_functions``, or in the one that the environment variable ``COURSE_FUNCTIONS`` names, for the
    lessons that follow.

    Returns an ``Outcome``, which a notebook shows as a box. An error in ``function`` is reported there too.
    Raises ``ArgumentError`` for an unknown exercise.
    """
    outcome = examine(exercise, function)
    _checked[exercise] = function if outcome.passed else None
    if outcome.passed:
        _keep(exercise, function)
    return outcome


def yours(exercise: str, otherwise: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """The student's function of an exercise where it passed its check, else the course's.

    A function that was not checked in this session is looked for among those that passed in an earlier
    lesson. ``otherwise``: the course's function, by default the one that the check compares with.
    Raises ``ArgumentError`` for an unknown exercise.
    """
    if exercise not in EXERCISES:
        raise ArgumentError(f"There is no exercise {exercise!r}; there are {', '.join(EXERCISES)}.")
    function = _checked[exercise] if exercise in _checked else _kept(exercise)
    _used[exercise] = function is not None
    chosen = function or otherwise or EXERCISES[exercise].answer
    _scope()[exercise] = chosen
    return chosen


def made_with(*exercises: str) -> str:
    """A sentence for the caption of a picture: whose functions made it.

    ``exercises``: those whose functions were asked for with ``yours``.
    Raises ``ArgumentError`` for one that was not asked for.
    """
    for exercise in exercises:
        if exercise not in _used:
            raise ArgumentError(f"yours({exercise!r}, …) comes before made_with({exercise!r}).")
    titles = {
        whose: [EXERCISES[exercise].title for exercise in exercises if _used[exercise] is whose]
        for whose in (True, False)
    }
    if not titles[True]:
        return "Made with the course's functions, and with yours once they pass their checks."
    others = f", and with the course's {_listed(titles[False])}" if titles[False] else ""
    return f"Made with your {_listed(titles[True])}{others}."


def _listed(titles: list[str]) -> str:
    *first, last = titles
    return f"{', '.join(first)} and {last}" if first else last


def _file(exercise: str) -> Path:
    return Path(os.environ.get("COURSE_FUNCTIONS") or OUTPUT / "my_functions") / f"{exercise}.py"


def _keep(exercise: str, function: Callable[..., Any]) -> None:
    """Write the source of a function that passed into its file."""
    if (getattr(function, "__module__", None) or "").startswith("helpers."):
        return  # That is the course's own.
    try:
        source = textwrap.dedent(inspect.getsource(function))
        if not isinstance(ast.parse(source).body[0], ast.FunctionDef):
            return
        path = _file(exercise)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial:
            partial.write_text(source, encoding="utf-8")
    except (OSError, TypeError, SyntaxError, CourseError):
        return  # It has no source, or no file can be written: this session has it all the same.


def _kept(exercise: str) -> Callable[..., Any] | None:
    """The function that passed in an earlier lesson, if it passes here as well."""
    try:
        source = _file(exercise).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    scope = _scope()
    try:
        name = ast.parse(source).body[0].name
        exec(compile(source, str(_file(exercise)), "exec"), scope)
        outcome = examine(exercise, scope[name])
    except Exception as error:
        outcome = Outcome(False, f"{type(error).__name__}: {error}")
    if outcome.passed:
        return scope[name]
    print(f"Your {EXERCISES[exercise].title} of an earlier lesson is not used here. {outcome.message}")
    return None
