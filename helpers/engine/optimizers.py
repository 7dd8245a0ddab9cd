"""Adam over the pixels, and what it shares with ``lbfgs``. An optimizer is a generator of steps.

No step to a loss or gradient that is not finite is accepted: Adam, and L-BFGS where smaller steps do not
help, raises ``RunError``.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from helpers.compute.framework import keras
from helpers.engine.objective import Evaluate
from helpers.engine.parametrization import DARKEST, LIGHTEST
from helpers.errors import RunError

ops = keras.ops

Steps = Iterator[tuple[Any, dict[str, float]]]
"""Yields, after each step, the pixels, a tensor ``(1, H, W, 3)``, and the losses at these pixels."""

ADAM_LEARNING_RATE = 5.0
"""In gray levels; it corresponds to the 0.02 of TensorFlow's tutorial, whose colors are in 0…1."""


def adam(
    evaluate: Evaluate,
    start: Any,
    rule: keras.optimizers.Optimizer | None = None,
    optimizer_state: Mapping[str, np.ndarray] | None = None,
) -> Steps:
    """Adam over the pixels, which are clipped to the range of colors after every step.

    ``rule``: Keras' optimizer, by default Adam with ``ADAM_LEARNING_RATE``; its learning rate is in gray
    levels. ``optimizer_state``: the ``moments`` of a run to continue.
    Raises ``RunError`` for a loss or gradient that is not finite.
    Source: Kingma and Ba (2015).
    """
    # Copies: the optimizer changes the variable in place, and the pixels handed out must stay as they are.
    pixels = ops.copy(ops.convert_to_tensor(start, "float32"))
    variable = keras.Variable(ops.copy(pixels), trainable=False, dtype="float32")
    rule = keras.optimizers.Adam(ADAM_LEARNING_RATE) if rule is None else rule
    rule.build([variable])
    if optimizer_state:
        for state_variable, value in zip(rule.variables, optimizer_state.values(), strict=True):
            state_variable.assign(value)
    for step in itertools.count():
        losses, gradient = evaluate(pixels)
        if failure := failure_at_start(losses, gradient):
            raise RunError(failure)
        if step:
            yield pixels, losses
        rule.apply([ops.convert_to_tensor(gradient, "float32")], [variable])
        variable.assign(ops.clip(variable, DARKEST, LIGHTEST))
        pixels = ops.copy(variable)


def moments(rule: keras.optimizers.Optimizer) -> dict[str, np.ndarray]:
    """The state of a Keras optimizer: step count, learning rate and moving averages, in Keras' order."""
    return {f"moment_{n:02d}": ops.convert_to_numpy(value) for n, value in enumerate(rule.variables)}


def magnitude(gradient: Any) -> Any:
    """Σ gradient². It is finite only if every entry is, so one scalar suffices for the check."""
    return ops.sum(ops.square(gradient))


def failure_at_start(losses: Mapping[str, float], gradient: Any) -> str | None:
    """An error message if no step can be taken from a point, whose loss or gradient float32 does not hold."""
    size = float(magnitude(gradient))
    if size == 0 and bool(ops.any(gradient != 0)):
        return "The gradient of the loss is too small for float32: give the terms larger weights or losses."
    return non_finite_message(losses, size)


def non_finite_message(losses: Mapping[str, float], size_of_gradient: Any) -> str | None:
    """An error message if a loss, or the ``magnitude`` of the gradient, is not finite, else ``None``."""
    not_finite = [name for name, loss in losses.items() if not math.isfinite(loss)]
    if not_finite:
        # The total, which is first, is infinite or NaN as well if a term is: name the term, the cause.
        return f"The loss is not a finite number: {not_finite[-1]} is {losses[not_finite[-1]]:g}."
    if not math.isfinite(float(size_of_gradient)):
        return "The gradient of the loss has an entry that is not a finite number, or too large for float32."
    return None
