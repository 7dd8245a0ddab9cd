"""The arguments of the recipes, each by itself: what kind of value it is, and within which bounds."""

import numbers
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import numpy as np

from helpers.color import Colours
from helpers.engine.coarse_to_fine import MOST_SCALES, MOST_STEPS, Optimizer
from helpers.engine.parametrization import Coordinates
from helpers.errors import ArgumentError, check_choice, check_number, check_whole, shown
from helpers.layers import Pooling, layer_name
from helpers.terms import Statistic

_STEEPEST = 1000.0


def checked(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a recipe, once each is of its kind; what they mean together is the recipe's matter.

    Raises ``ArgumentError`` for the first that is not.
    """
    for name, value in arguments.items():
        if name in _CHECKS and not (value is None and name in _MAY_BE_NONE):
            _CHECKS[name](value)
    return arguments


def _check_size(size: Any) -> None:
    for side in size if isinstance(size, (list, tuple)) and len(size) == 2 else [size]:
        check_whole("The size of a picture", side)


def _check_callback(callback: Any) -> None:
    if not callable(callback):
        raise ArgumentError(f"A callback is a function, not {shown(callback)}.")


def _check_path(checkpoint: Any) -> None:
    if not isinstance(checkpoint, (str, os.PathLike)) or not os.fspath(checkpoint):
        raise ArgumentError(f"A checkpoint is the path of a file, not {shown(checkpoint)}.")


def _check_resume(resume: Any) -> None:
    if not isinstance(resume, bool):
        _check_path(resume)


def _check_weight_of_each(weights: Any) -> None:
    if isinstance(weights, numbers.Real) and not isinstance(weights, bool):
        check_number("The weight of a layer beside the one before it", weights, above=True, most=_STEEPEST)
        return
    if not isinstance(weights, Mapping):
        raise ArgumentError(
            f"Weights of layers are a dict by their names or a number above 0, not {shown(weights)}."
        )
    for layer, weight in weights.items():
        layer_name(layer)
        check_number(f"The weight of {layer}", weight)


def _check_sequence(what: str) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)):
            raise ArgumentError(f"{what}, one for each painting, are a list, not {shown(value)}.")

    return check


def _check_terms(terms: Any) -> None:
    if not isinstance(terms, Mapping):
        raise ArgumentError(f"Further terms are a dict of weights by their names, not {shown(terms)}.")


def _whole(what: str, least: int, most: int | None = None) -> Callable[[Any], None]:
    return lambda value: check_whole(what, value, least, most)


def _number(what: str, **bounds: Any) -> Callable[[Any], None]:
    return lambda value: check_number(what, value, **bounds)


def _one_of(what: str, kind: Any) -> Callable[[Any], None]:
    return lambda value: check_choice(what, value, get_args(kind))


_MAY_BE_NONE = (
    "size",
    "source_size",
    "scales",
    "tolerance",
    "memory",
    "callback",
    "checkpoint",
    "resume",
    "layer_weights",
    "blend",
    "masks",
    "painting_masks",
    "terms",
)
_CHECKS: Mapping[str, Callable[[Any], None]] = {
    "size": _check_size,
    "source_size": _check_size,
    "steps": _whole("The number of steps", 1, MOST_STEPS),
    "seed": _whole("The seed of the noise", 0),
    "scales": _whole("The number of sizes of a run", 1, MOST_SCALES),
    "tolerance": _number("The tolerance, a share of the loss,", most=1.0),
    "memory": _number("The memory, in GB,", above=True),
    "checkpoint_every": _number("The time between checkpoints, in seconds,"),
    "content_weight": _number("The weight of the content, α,"),
    "style_weight": _number("The weight of the style, β,"),
    "painting_scale": _number("The scale of a painting", above=True),
    "optimizer": _one_of("The optimiser", Optimizer),
    "coordinates": _one_of("The coordinates", Coordinates),
    "statistic": _one_of("The style", Statistic),
    "colours": _one_of("The colours", Colours),
    "pooling": _one_of("Pooling", Pooling),
    "callback": _check_callback,
    "checkpoint": _check_path,
    "resume": _check_resume,
    "layer_weights": _check_weight_of_each,
    "blend": _check_sequence("The weights of a blend"),
    "masks": _check_sequence("Masks"),
    "painting_masks": _check_sequence("Masks of paintings"),
    "terms": _check_terms,
}
