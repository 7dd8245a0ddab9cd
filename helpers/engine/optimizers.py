"""Optimizers over an image, as generators: every ``next`` is one step. Adam, and what ``lbfgs`` shares.

A loss or gradient that is not a finite number is never stepped upon: L-BFGS takes a shorter step, and
``RunError`` is raised where there is none.
"""

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
"""After each step: the pixels ``(1, H, W, 3)``, a tensor, and the losses there."""

ADAM_LEARNING_RATE = 5.0
"""In gray levels a step: the TensorFlow tutorial's 0.02 on a scale of 0…1."""


def adam(
    evaluate: Evaluate,
    start: Any,
    rule: keras.optimizers.Optimizer | None = None,
    optimizer_state: Mapping[str, np.ndarray] | None = None,
) -> Steps:
    """Adam over the pixels, which are clipped to the range of colors after every step.

    ``rule``: Adam's, by default with ``ADAM_LEARNING_RATE``; its rate is in gray levels a step.
    ``optimizer_state``: what ``moments`` said of the rule of a run that this one goes on from.
    Source: Kingma and Ba (2015).
    """
    # Not trainable, or PyTorch would track what is done to it, and its pixels could not become an array;
    # a copy, or it would change the start itself.
    variable = keras.Variable(ops.copy(ops.convert_to_tensor(start, "float32")), trainable=False)
    rule = keras.optimizers.Adam(ADAM_LEARNING_RATE) if rule is None else rule
    rule.build([variable])
    if optimizer_state:
        for own, value in zip(rule.variables, optimizer_state.values(), strict=True):
            own.assign(value)
    losses, gradient = evaluate(variable.value)
    while True:
        if why := unsound(losses, magnitude(gradient)):
            raise RunError(why)
        rule.apply([ops.convert_to_tensor(gradient, "float32")], [variable])
        variable.assign(ops.clip(variable, DARKEST, LIGHTEST))
        pixels = ops.copy(variable)
        losses, gradient = evaluate(pixels)
        if math.isfinite(losses["total"]):
            yield pixels, losses


def moments(rule: keras.optimizers.Optimizer) -> dict[str, np.ndarray]:
    """The state of an optimizer of Keras: its step, its rate and its moving averages, in its own order."""
    return {f"moment_{n:02d}": ops.convert_to_numpy(value) for n, value in enumerate(rule.variables)}


def magnitude(gradient: Any) -> Any:
    """Σ |gradient|, which is finite where every one of its numbers is."""
    return ops.sum(ops.abs(gradient))


def unsound(losses: Mapping[str, float], size_of_gradient: Any) -> str | None:
    """What is not a finite number about an evaluation, in a sentence; ``None`` where all is."""
    broken = [name for name, loss in losses.items() if not math.isfinite(loss)]
    if broken:
        # The total is broken wherever a term is; where it alone is, the terms' weights are too large.
        return f"The loss is not a finite number: {broken[-1]} is {losses[broken[-1]]:g}."
    if not math.isfinite(float(size_of_gradient)):
        return "The gradient of the loss is not finite everywhere."
    return None
