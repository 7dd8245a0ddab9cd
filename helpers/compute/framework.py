"""The framework that computes, Keras' backend: its import, its devices, compilation and differentiation.

All other modules compute with ``keras.ops``. The course uses TensorFlow; if JAX is installed, the environment
variable ``KERAS_BACKEND`` set to ``jax`` selects it for the same helpers.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from helpers.errors import ArgumentError

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# JAX's compiled graphs then take the network's weights as arguments. As constants, every graph (one for each
# size of image or tile) would hold a copy of them and take longer to compile. JAX reads it when imported.
os.environ.setdefault("JAX_USE_SIMPLIFIED_JAXPR_CONSTANTS", "1")


@contextlib.contextmanager
def _captured_stderr() -> Iterator[None]:
    # TensorFlow's libraries write to file descriptor 2 when they are loaded, whatever the log level. The
    # output is shown only if the import fails.
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as output:
        os.dup2(output.fileno(), 2)
        try:
            yield
        except BaseException:
            output.seek(0)
            os.write(stderr, output.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


with _captured_stderr():
    import keras

BACKEND = keras.backend.backend()
"""The framework that computes: ``"tensorflow"`` or ``"jax"``."""

if BACKEND == "tensorflow":
    with _captured_stderr():
        import tensorflow as tf

        _GPUS = tf.config.list_physical_devices("GPU")

    OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError, tf.errors.ResourceExhaustedError)
elif BACKEND == "jax":
    import jax

    OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError,)
else:
    raise ArgumentError(f"The course computes with the backend tensorflow or jax, not with {BACKEND}.")

__all__ = [
    "BACKEND",
    "OUT_OF_MEMORY",
    "compiled",
    "device",
    "gpu",
    "keras",
    "make_deterministic",
    "value_and_gradient",
]

Objective = Callable[..., tuple[Any, Any]]
"""A function of one or more arguments that returns ``(value, more)``: a scalar and any auxiliary outputs."""

Differentiated = Callable[..., tuple[tuple[Any, Any], Any]]
"""The same arguments → ``((value, more), gradient)``; the gradient is with respect to the first argument."""


class Gpu(NamedTuple):
    """The GPU that computes."""

    name: str | None
    memory: int | None
    """The memory available to this program, in bytes."""
    peak: int | None
    """The peak memory of this program so far, in bytes. With JAX it includes the trials by which JAX selects
    algorithms, which take far more than the computation."""


def device() -> str:
    """``"gpu"`` if one is available, else ``"cpu"``."""
    has_gpu = bool(_GPUS) if BACKEND == "tensorflow" else jax.default_backend() != "cpu"
    return "gpu" if has_gpu else "cpu"


def gpu() -> Gpu | None:
    """The GPU, as it is now; ``None`` without one."""
    if device() == "cpu":
        return None
    if BACKEND == "jax":
        first = jax.devices()[0]
        stats = first.memory_stats() or {}
        return Gpu(first.device_kind, stats.get("bytes_limit"), stats.get("peak_bytes_in_use"))
    from tensorflow.python.client import device_lib

    name = tf.config.experimental.get_device_details(_GPUS[0]).get("device_name")
    limits = [each.memory_limit for each in device_lib.list_local_devices() if each.device_type == "GPU"]
    return Gpu(name, max(limits), tf.config.experimental.get_memory_info("GPU:0")["peak"])


def make_deterministic() -> None:
    """Make computations reproducible bit for bit from now on; slower on a GPU.

    JAX on a GPU needs the environment variable ``XLA_FLAGS=--xla_gpu_deterministic_ops=true`` in place of
    this; JAX on a CPU is reproducible.
    """
    if BACKEND == "tensorflow":
        tf.config.experimental.enable_op_determinism()


def compiled(function: Callable[..., Any], sizes: tuple[int, ...] = ()) -> Callable[..., Any]:
    """Compile a function of nested tensors.

    ``sizes``: the indices of the arguments that are nested tuples of integers.
    """
    if BACKEND == "jax":
        return jax.jit(function, static_argnums=sizes)
    traced = tf.function(function, autograph=False)
    graphs: dict[Any, Callable[..., Any]] = {}

    def any_size(tensor: tf.Tensor) -> tuple[tf.DType, tuple[int | None, ...]]:
        # One graph for pixels and feature maps of every height and width.
        shape = tuple(tensor.shape)
        return tensor.dtype, (shape[0], None, None, shape[3]) if len(shape) == 4 else shape

    def call(*arguments: Any) -> Any:
        tensors = keras.tree.map_structure(tf.convert_to_tensor, arguments)
        # TensorFlow's own look-up of a graph is slower, and warns of retracing if it builds many in
        # succession.
        key = tuple(map(any_size, tf.nest.flatten(tensors)))
        if key not in graphs:
            specs = [tf.TensorSpec(shape, dtype) for dtype, shape in key]
            graphs[key] = traced.get_concrete_function(*tf.nest.pack_sequence_as(tensors, specs))
        return graphs[key](*tensors)

    return call


def value_and_gradient(function: Objective) -> Differentiated:
    """Differentiate a function by backpropagation.

    The gradient is with respect to the first argument, a tensor or nested tensors.
    """
    if BACKEND == "jax":
        return jax.value_and_grad(function, has_aux=True)

    def evaluate(argument: Any, *others: Any) -> tuple[tuple[Any, Any], Any]:
        with tf.GradientTape() as tape:
            tape.watch(argument)
            value, more = function(argument, *others)
        zero = tf.UnconnectedGradients.ZERO
        return (value, more), tape.gradient(value, argument, unconnected_gradients=zero)

    return evaluate
