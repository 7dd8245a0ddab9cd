"""The one place that knows which framework computes: its start, its devices, its compiler, its gradients.

Everything else writes its mathematics with ``keras.ops``. The course teaches TensorFlow; with JAX or PyTorch
installed, the environment variable ``KERAS_BACKEND`` set to ``jax`` or ``torch`` makes the same helpers
compute with it.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# JAX's compiled graphs then take the network's weights as arguments; as constants, every graph, one for each
# size of picture or tile, would keep copies of them and take longer to compile. JAX reads it at its import.
os.environ.setdefault("JAX_USE_SIMPLIFIED_JAXPR_CONSTANTS", "1")


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

BACKEND = keras.backend.backend()
"""The framework that computes: ``"tensorflow"``, ``"jax"`` or ``"torch"``."""

__all__ = [
    "BACKEND",
    "OUT_OF_MEMORY",
    "compiled",
    "device",
    "gpu_memory",
    "keras",
    "make_deterministic",
    "value_and_gradient",
]

Objective = Callable[..., tuple[Any, Any]]
"""An argument, and any others → ``(value, more)``: a scalar, and whatever else is wanted beside it."""

if BACKEND == "tensorflow":
    with _held_back_stderr():
        import tensorflow as tf

        _GPUS = tf.config.list_physical_devices("GPU")

    OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError, tf.errors.ResourceExhaustedError)

    def device() -> str:
        """``"gpu"`` where one is ready for use, else ``"cpu"``."""
        return "gpu" if _GPUS else "cpu"

    def make_deterministic() -> None:
        """From now on the same computation gives the same bits, on a GPU at some cost of time."""
        tf.config.experimental.enable_op_determinism()

    def gpu_memory() -> int | None:
        """The bytes that the GPU has for this program, ``None`` where there is no GPU."""
        if not _GPUS:
            return None
        from tensorflow.python.client import device_lib

        found = device_lib.list_local_devices()
        return max(each.memory_limit for each in found if each.device_type == "GPU")

    def compiled(function: Callable[..., Any], sizes: tuple[int, ...] = ()) -> Callable[..., Any]:
        """Compile a function of nested tensors; one graph serves feature maps and pixels of every size.

        ``sizes``: the places of arguments that are nested tuples of whole numbers.
        """
        graph = tf.function(function, autograph=False)
        of_shapes: dict[Any, Callable[..., Any]] = {}

        def any_size(tensor: tf.Tensor) -> tuple[tf.DType, tuple[int | None, ...]]:
            shape = tuple(tensor.shape)
            return tensor.dtype, (shape[0], None, None, shape[3]) if len(shape) == 4 else shape

        def call(*arguments: Any) -> Any:
            tensors = keras.tree.map_structure(tf.convert_to_tensor, arguments)
            # Which graph serves is found out here: TensorFlow takes longer to find it, and warns of retracing
            # where many are built in a row.
            key = tuple(map(any_size, tf.nest.flatten(tensors)))
            if key not in of_shapes:
                specs = [tf.TensorSpec(shape, dtype) for dtype, shape in key]
                of_shapes[key] = graph.get_concrete_function(*tf.nest.pack_sequence_as(tensors, specs))
            return of_shapes[key](*tensors)

        return call

    def value_and_gradient(function: Objective) -> Callable[..., tuple[tuple[Any, Any], Any]]:
        """Differentiate: a function of the same arguments → ``((value, more), gradient)``.

        The gradient is the value's, with respect to the first argument, a tensor or a nest of tensors.
        """

        def evaluate(argument: Any, *others: Any) -> tuple[tuple[Any, Any], Any]:
            with tf.GradientTape() as tape:
                tape.watch(argument)
                value, more = function(argument, *others)
            zero = tf.UnconnectedGradients.ZERO
            return (value, more), tape.gradient(value, argument, unconnected_gradients=zero)

        return evaluate

elif BACKEND == "jax":
    import jax

    OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError,)

    def device() -> str:
        """``"gpu"`` where one is ready for use, else ``"cpu"``."""
        return "cpu" if jax.default_backend() == "cpu" else "gpu"

    def make_deterministic() -> None:
        """On a CPU the same computation gives the same bits anyway.

        On a GPU, JAX has to be told before it starts: ``XLA_FLAGS=--xla_gpu_deterministic_ops=true``.
        """

    def gpu_memory() -> int | None:
        """The bytes that the GPU has for this program, ``None`` where there is no GPU."""
        return None if device() == "cpu" else (jax.devices()[0].memory_stats() or {}).get("bytes_limit")

    def compiled(function: Callable[..., Any], sizes: tuple[int, ...] = ()) -> Callable[..., Any]:
        """Compile a function of nested tensors, once for each size it meets.

        ``sizes``: the places of arguments that are nested tuples of whole numbers.
        """
        return jax.jit(function, static_argnums=sizes)

    def value_and_gradient(function: Objective) -> Callable[..., tuple[tuple[Any, Any], Any]]:
        """Differentiate: a function of the same arguments → ``((value, more), gradient)``.

        The gradient is the value's, with respect to the first argument, a tensor or a nest of tensors.
        """
        return jax.value_and_grad(function, has_aux=True)

else:
    import torch

    OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError, torch.cuda.OutOfMemoryError)

    def device() -> str:
        """``"gpu"`` where one is ready for use, else ``"cpu"``."""
        return "gpu" if torch.cuda.is_available() or torch.backends.mps.is_available() else "cpu"

    def make_deterministic() -> None:
        """From now on the same computation gives the same bits, on a GPU at some cost of time."""
        # cuBLAS reads it when it first multiplies.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)

    def gpu_memory() -> int | None:
        """The bytes that the GPU has for this program, ``None`` where there is no GPU."""
        if not torch.cuda.is_available():
            return None
        free, _ = torch.cuda.mem_get_info()
        return free + torch.cuda.memory_reserved()

    def compiled(function: Callable[..., Any], sizes: tuple[int, ...] = ()) -> Callable[..., Any]:
        """PyTorch computes without compiling; numbers and arrays become tensors.

        ``sizes``: the places of arguments that are nested tuples of whole numbers.
        """

        def call(*arguments: Any) -> Any:
            return function(
                *(
                    argument
                    if place in sizes
                    else keras.tree.map_structure(keras.ops.convert_to_tensor, argument)
                    for place, argument in enumerate(arguments)
                )
            )

        return call

    def value_and_gradient(function: Objective) -> Callable[..., tuple[tuple[Any, Any], Any]]:
        """Differentiate: a function of the same arguments → ``((value, more), gradient)``.

        The gradient is the value's, with respect to the first argument, a tensor or a nest of tensors.
        """

        def evaluate(argument: Any, *others: Any) -> tuple[tuple[Any, Any], Any]:
            leaves = [leaf.detach().requires_grad_() for leaf in keras.tree.flatten(argument)]
            with torch.enable_grad():
                value, more = function(keras.tree.pack_sequence_as(argument, leaves), *others)
                gradients = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
            value, more = keras.tree.map_structure(torch.detach, (value, more))
            return (value, more), keras.tree.pack_sequence_as(argument, gradients)

        return evaluate
