"""What an exercise is, and the sample inputs and wrong turns that several lessons share."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Mistake(NamedTuple):
    """A wrong answer that students typically give, and what to tell them."""

    answer: Callable[..., Any]
    message: str


class Exercise(NamedTuple):
    """What a student is asked to write, and how to tell whether it is right."""

    cases: tuple[tuple[Any, ...], ...]
    answer: Callable[..., Any]
    mistakes: tuple[Mistake, ...]
    praise: str


def ramp(*shape: int, low: float = 0.0, high: float = 255.0) -> np.ndarray:
    """An array of a given shape whose values rise evenly from ``low`` to ``high``."""
    return np.linspace(low, high, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def positions_of(features: np.ndarray) -> np.ndarray:
    """Feature maps ``(h, w, N)`` as a matrix with a row for each position: ``(h·w, N)``."""
    return features.reshape(-1, features.shape[-1])
