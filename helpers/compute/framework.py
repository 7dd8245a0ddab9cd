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
    "gpu_memory_peak",
    "gpu_name",
    "keras",
    "make_deterministic",
    "value_and_gradient",
    "with_gradient",
]

Objective = Callable[..., tuple[Any, Any]]
"""An argument, and any others → ``(value, more)``: a scalar, and whatever else is wanted beside it."""

Differentiated = Callable[..., tuple[tuple[Any, Any], Any]]
"""The same arguments → ``((value, more), gradient)``, the value's with respect to the first argument."""


def with_gradient(function: Callable[..., tuple[Any, Callable[[Any], Any]]]) -> Callable[..., Any]:
    """A function with a gradient of its own: it returns a value, and the vector–Jacobian product.

    The second, given the gradient with respect to the value, returns those with respect to the arguments.
    """

    @keras.ops.custom_gradient
    def differentiable(*arguments: Any) -> tuple[Any, Callable[..., Any]]:
        value, product = function(*arguments)

        def gradient(*slopes: Any, upstream: Any = None) -> Any:
            # PyTorch names what TensorFlow and JAX only pass.
            return product(slopes[0] if upstream is None else upstream)

        return value, gradient

    return differentiable


def device() -> str:
    """``"gpu"`` where one is ready for use, else ``"cpu"``."""
    return "gpu" if _has_gpu() else "cpu"


def gpu_memory() -> int | None:
    """The bytes that the GPU has for this program, ``None`` where there is no GPU."""
    return _gpu_memory() if _has_gpu() else None


def gpu_memory_peak() -> int | None:
    """The most bytes of the GPU that this program has held so far, ``None`` where there is no GPU.

    JAX counts what it takes to try out ways of computing, which is far more than it needs afterwards.
    """
    return _gpu_memory_peak() if _has_gpu() else None


def gpu_name() -> str | None:
    """What the GPU calls itself, ``None`` where there is no GPU."""
    return _gpu_name() if _has_gpu() else None


def make_deterministic() -> None:
    """From now on the same computation gives the same bits, on a GPU at some cost of time.

    With JAX that holds on a CPU; on a GPU, JAX has to be told before it starts, by
    ``XLA_FLAGS=--xla_gpu_deterministic_ops=true``.
    """
    _make_deterministic()


def compiled(function: Callable[..., Any], sizes: tuple[int, ...] = ()) -> Callable[..., Any]:
    """Compile a function of nested tensors; PyTorch computes without compiling.

    ``sizes``: the positions of arguments that are nested tuples of whole numbers.
    """
    return _compiled(function, sizes)


def value_and_gradient(function: Objective) -> Differentiated:
    """Differentiate by backpropagation, with respect to the first argument, a tensor or a nest of tensors."""
    return _value_and_gradient(function)


if BACKEND == "tensorflow":
    with _held_back_stderr():
        import tensorflow as tf

        _GPUS = tf.config.list_physical_devices("GPU")

    OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError, tf.errors.ResourceExhaustedError)
    _make_deterministic = tf.config.experimental.enable_op_determinism

    def _has_gpu() -> bool:
        return bool(_GPUS)

    def _gpu_memory() -> int:
        from tensorflow.python.client import device_lib

        found = device_lib.list_local_devices()
        return max(each.memory_limit for each in found if each.device_type == "GPU")

    def _gpu_name() -> str | None:
        return tf.config.experimental.get_device_details(_GPUS[0]).get("device_name")

    def _gpu_memory_peak() -> int:
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]

    def _compiled(function: Callable[..., Any], sizes: tuple[int, ...]) -> Callable[..., Any]:
        graph = tf.function(function, autograph=False)
        of_shapes: dict[Any, Callable[..., Any]] = {}

        def any_size(tensor: tf.Tensor) -> tuple[tf.DType, tuple[int | None, ...]]:
            # One graph serves feature maps and pixels of every size.
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

    def _value_and_gradient(function: Objective) -> Differentiated:
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

    def _make_deterministic() -> None:
        pass

    def _has_gpu() -> bool:
        return jax.default_backend() != "cpu"

    def _gpu_memory() -> int | None:
        return (jax.devices()[0].memory_stats() or {}).get("bytes_limit")

    def _gpu_name() -> str:
        return jax.devices()[0].device_kind

    def _gpu_memory_peak() -> int | None:
        return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")

    def _compiled(function: Callable[..., Any], sizes: tuple[int, ...]) -> Callable[..., Any]:
        return jax.jit(function, static_argnums=sizes)

    def _value_and_gradient(function: Objective) -> Differentiated:
        return jax.value_and_grad(function, has_aux=True)

else:
    import torch

    OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError, torch.cuda.OutOfMemoryError)
    _gpu_name = torch.cuda.get_device_name
    _gpu_memory_peak = torch.cuda.max_memory_allocated

    def _make_deterministic() -> None:
        # cuBLAS reads it when it first multiplies.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)

    def _has_gpu() -> bool:
        return torch.cuda.is_available()

    def _gpu_memory() -> int:
        return torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved()

    def _compiled(function: Callable[..., Any], sizes: tuple[int, ...]) -> Callable[..., Any]:
        def tensors(place: int, argument: Any) -> Any:
            is_size = place in sizes
            return argument if is_size else keras.tree.map_structure(keras.ops.convert_to_tensor, argument)

        return lambda *arguments: function(*(tensors(*each) for each in enumerate(arguments)))

    def _value_and_gradient(function: Objective) -> Differentiated:
        def evaluate(argument: Any, *others: Any) -> tuple[tuple[Any, Any], Any]:
            leaves = [leaf.detach().requires_grad_() for leaf in keras.tree.flatten(argument)]
            with torch.enable_grad():
                value, more = function(keras.tree.pack_sequence_as(argument, leaves), *others)
                gradients = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
            value, more = keras.tree.map_structure(torch.detach, (value, more))
            return (value, more), keras.tree.pack_sequence_as(argument, gradients)

        return evaluate
