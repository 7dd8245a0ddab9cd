"""The format of an exercise, and two functions that the exercises of several lessons use."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Mistake(NamedTuple):
    """A typical mistake: the function with the mistake in it, and the sentence that names the mistake."""

    answer: Callable[..., Any]
    message: str


class Exercise(NamedTuple):
    """The inputs to try, the correct function, the typical mistakes, and a sentence for a correct answer.

    ``title``: what the function is, such as ``"content loss"``, where a lesson goes on with the student's.
    ``parts``: what a function returns that returns several values, such as ``("image", "history")``.
    ``gradient``: whether a gradient has to pass through the function, so that a lesson can paint with it.
    ``compiled``: whether TensorFlow has to compile the function, so that a lesson can train with it.
    """

    cases: tuple[tuple[Any, ...], ...]
    answer: Callable[..., Any]
    mistakes: tuple[Mistake, ...]
    praise: str
    title: str = ""
    parts: tuple[str, ...] = ()
    gradient: bool = False
    compiled: bool = False


def of_paper(name: str) -> Callable[..., Any]:
    """The function of the page of the paper that has a name, which is imported when it is called."""

    def function(*arguments: Any) -> Any:
        from helpers import paper

        return getattr(paper, name)(*arguments)

    return function


def ramp(*shape: int, low: float = 0.0, high: float = 255.0) -> np.ndarray:
    """An array of a given shape whose values increase evenly from ``low`` to ``high``."""
    return np.linspace(low, high, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def feature_matrix(features: np.ndarray) -> np.ndarray:
    """Feature maps ``(1, h, w, N)`` as a matrix with one row for each position: ``(h·w, N)``."""
    return features.reshape(-1, features.shape[-1])
