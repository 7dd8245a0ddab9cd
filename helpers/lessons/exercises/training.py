"""Arguments for exercises that train a network: made anew for each call, and optimizers that explain."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class Made:
    """An argument of a case that is made anew for each call, since a training step changes it."""

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        """``name``: in the messages of a check."""
        self._name, self._make = name, make
        self._latest: Any = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:  # noqa: D105
        self._latest = self._make()
        return self._latest

    def __repr__(self) -> str:  # noqa: D105
        return self._name

    def as_left(self) -> "Made":
        """The same argument in a later case, as the call before it has left it."""
        return Made(self._name, lambda: self._latest)


def explaining_optimizer(name: str, network: str, **settings: float) -> Any:
    """An optimizer of Keras that says in words which gradients it needs.

    ``network``: the name of the exercise's argument whose weights are trained.
    """
    import keras

    class Explaining(getattr(keras.optimizers, name)):
        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            shapes = [getattr(gradient, "shape", None) for gradient in grads]
            if None in shapes:
                raise ValueError(
                    "a gradient is None: compute all that leads to the loss inside the tape, in TensorFlow."
                )
            if trainable_variables is not None and shapes != [v.shape for v in trainable_variables]:
                raise ValueError(
                    "these are not the gradients of the weights. Ask the tape for the gradient with respect "
                    f"to {network}.trainable_variables: one for each kernel and each bias."
                )
            return super().apply(grads, trainable_variables)

    return Explaining(**settings)


def call_compiled(function: Callable[..., Any], arguments: Sequence[Any]) -> None:
    """Compile a function with TensorFlow, its arrays as tensors, and call it once. Raises what it raises."""
    import tensorflow as tf

    tensors = [tf.constant(a) if isinstance(a, np.ndarray) else a for a in arguments]
    tf.function(lambda: function(*tensors), autograph=False)()
