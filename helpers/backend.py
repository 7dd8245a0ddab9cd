"""The one place that knows which framework computes: its quiet start, its devices, its gradients.

Everything else writes its mathematics with ``keras.ops``.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@contextlib.contextmanager
def _held_back_stderr() -> Iterator[None]:
    # TensorFlow's libraries write a dozen lines to file descriptor 2 before any of its log levels applies.
    # They are shown only if the start fails.
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as lines:
        os.dup2(lines.fileno(), 2)
        try:
            yield
        except BaseException:
            lines.seek(0)
            os.write(stderr, lines.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


with _held_back_stderr():
    import keras
    import tensorflow as tf

    _GPUS = tf.config.list_physical_devices("GPU")

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"The helpers compute with TensorFlow, and Keras is set to {keras.backend.backend()}: "
        "unset KERAS_BACKEND, or set it to tensorflow, and start again."
    )

__all__ = ["device", "keras", "value_and_gradient"]


def device() -> str:
    """``"gpu"`` where one is ready for use, else ``"cpu"``."""
    return "gpu" if _GPUS else "cpu"


def value_and_gradient(
    function: Callable[[Any], tuple[Any, dict[str, Any]]],
) -> Callable[[np.ndarray], tuple[dict[str, float], np.ndarray]]:
    """Compile an objective together with its gradient with respect to the pixels.

    ``function``: pixels ``(1, H, W, 3)`` → ``(total, terms)``, a scalar and a dict of scalars.
    Returns a function: pixels → ``({"total": …, **terms}, gradient)`` with the gradient of the total as
    ``float32 (1, H, W, 3)``. Automatic differentiation is the framework's.
    """

    @tf.function
    def compiled(pixels: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor], tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            total, terms = function(pixels)
        return total, terms, tape.gradient(total, pixels)

    def evaluate(pixels: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
        tensor = tf.constant(pixels, dtype=tf.float32)
        # Asked for by shape, since TensorFlow warns of retracing where many objectives are built in a row.
        for_this_shape = compiled.get_concrete_function(tf.TensorSpec(tensor.shape, tf.float32))
        total, terms, gradient = for_this_shape(tensor)
        values = {"total": float(total), **{name: float(value) for name, value in terms.items()}}
        return values, gradient.numpy()

    return evaluate
