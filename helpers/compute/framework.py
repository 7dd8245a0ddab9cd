"""The one place that knows which framework computes: its start, its devices, its compiler, its gradients.

Everything else writes its mathematics with ``keras.ops``. The course teaches TensorFlow; with JAX or PyTorch
installed, the environment variable ``KERAS_BACKEND`` set to ``jax`` or ``torch`` makes the same helpers
compute with it.
"""

import contextlib
import math
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
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
    "OWN_LAYERS",
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

OWN_LAYERS: Mapping[str, type[keras.layers.Layer]] = {}
"""Layers that compute what those of Keras compute for VGG19, sooner, by the name of Keras' class."""

Objective = Callable[..., tuple[Any, Any]]
"""An argument, and any others → ``(value, more)``: a scalar, and whatever else is wanted beside it."""


def with_gradient(function: Callable[..., tuple[Any, Callable[[Any], Any]]]) -> Callable[..., Any]:
    """A function with a gradient of its own: what it returns is a value, and what leads its slope back.

    The second, given the gradient with respect to the value, returns those with respect to the arguments.
    """

    @keras.ops.custom_gradient
    def differentiable(*arguments: Any) -> tuple[Any, Callable[..., Any]]:
        value, lead_back = function(*arguments)

        def gradient(*slopes: Any, upstream: Any = None) -> Any:
            # PyTorch names what TensorFlow and JAX only pass.
            return lead_back(slopes[0] if upstream is None else upstream)

        return value, gradient

    return differentiable


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

    def gpu_name() -> str | None:
        """What the GPU calls itself, ``None`` where there is no GPU."""
        return tf.config.experimental.get_device_details(_GPUS[0]).get("device_name") if _GPUS else None

    def gpu_memory_peak() -> int | None:
        """The most bytes of the GPU that this program has held so far, ``None`` where there is no GPU."""
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] if _GPUS else None

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

    def gpu_name() -> str | None:
        """What the GPU calls itself, ``None`` where there is no GPU."""
        return None if device() == "cpu" else jax.devices()[0].device_kind

    def gpu_memory_peak() -> int | None:
        """The most bytes of the GPU that this program has held so far, ``None`` where there is no GPU.

        JAX counts what it takes to try out ways of computing, which is far more than it needs afterwards.
        """
        return None if device() == "cpu" else (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")

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

    # Numbers in one tensor: of conv4_2, the content, those of a picture of 707 × 707 pixels.
    _MOST_RECORDED = 4_000_000

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

    def gpu_name() -> str | None:
        """What the GPU calls itself, ``None`` where there is no GPU."""
        return torch.cuda.get_device_name() if torch.cuda.is_available() else None

    def gpu_memory_peak() -> int | None:
        """The most bytes of the GPU that this program has held so far, ``None`` where there is no GPU."""
        return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None

    def compiled(function: Callable[..., Any], sizes: tuple[int, ...] = ()) -> Callable[..., Any]:
        """PyTorch computes without compiling, on a GPU of NVIDIA as ``_recorded``; numbers become tensors.

        ``sizes``: the places of arguments that are nested tuples of whole numbers.
        """
        compute = _recorded(function) if torch.cuda.is_available() else function

        def call(*arguments: Any) -> Any:
            return compute(
                *(
                    argument
                    if place in sizes
                    else keras.tree.map_structure(keras.ops.convert_to_tensor, argument)
                    for place, argument in enumerate(arguments)
                )
            )

        return call

    @contextlib.contextmanager
    def _refusing_to_wait() -> Iterator[None]:
        """Raise ``RuntimeError`` where the host would wait for the GPU: that cannot be recorded."""
        before = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings():
            # PyTorch says that it does not notice every case.
            warnings.simplefilter("ignore")
            torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(before)

    def _recorded(function: Callable[..., Any]) -> Callable[..., Any]:
        """Have a GPU repeat what it did for arguments of the same sizes, from the third call in a row.

        An evaluation is some hundred computations, and to start them one by one takes longer than to compute
        them. What is recorded keeps its memory, so pictures too large to gain by it are computed as ever.
        """
        of, calls, recording = None, 0.0, None

        def recorded(arguments: Any) -> tuple[torch.cuda.CUDAGraph, list[torch.Tensor], Any]:
            held = keras.tree.map_structure(
                lambda leaf: leaf.clone() if torch.is_tensor(leaf) else leaf, arguments
            )
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                found = function(*held)
            return graph, [leaf for leaf in keras.tree.flatten(held) if torch.is_tensor(leaf)], found

        def call(*arguments: Any) -> Any:
            nonlocal of, calls, recording
            leaves = keras.tree.flatten(arguments)
            tensors = [leaf for leaf in leaves if torch.is_tensor(leaf)]
            others = [leaf for leaf in leaves if not torch.is_tensor(leaf)]
            now = ([(tensor.shape, tensor.dtype) for tensor in tensors], others)
            if now != of:
                of, calls, recording = now, 0.0, None
            calls += 1
            if max(tensor.numel() for tensor in tensors) > _MOST_RECORDED:
                return function(*arguments)
            try:
                if calls == 2:
                    with _refusing_to_wait():
                        return function(*arguments)
                if calls > 2 and recording is None:
                    recording = recorded(arguments)
            except RuntimeError:
                # It asks the host for something in between, as a reader's own term may.
                calls = -math.inf
            if recording is None:
                return function(*arguments)
            graph, held, found = recording
            torch._foreach_copy_(held, tensors)
            graph.replay()
            return keras.tree.map_structure(torch.clone, found)

        return call

    def _with_channels_first(function: Callable[[torch.Tensor], torch.Tensor], maps: Any) -> torch.Tensor:
        # Keras copies the maps to turn their axes, twice for a convolution. A view does: its memory, with the
        # channels of a position side by side, is what the libraries below compute best with.
        return function(maps.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    class Conv2D(keras.layers.Conv2D):
        def convolution_op(self, inputs: Any, kernel: Any) -> torch.Tensor:
            kernel = keras.ops.convert_to_tensor(kernel).permute(3, 2, 0, 1)
            return _with_channels_first(
                lambda maps: torch.nn.functional.conv2d(maps, kernel, padding="same"), inputs
            )

    class AveragePooling2D(keras.layers.AveragePooling2D):
        def call(self, inputs: Any) -> torch.Tensor:
            return _with_channels_first(lambda maps: torch.nn.functional.avg_pool2d(maps, 2), inputs)

    class MaxPooling2D(keras.layers.MaxPooling2D):
        def call(self, inputs: Any) -> torch.Tensor:
            return _with_channels_first(lambda maps: torch.nn.functional.max_pool2d(maps, 2), inputs)

    OWN_LAYERS = {layer.__name__: layer for layer in (Conv2D, AveragePooling2D, MaxPooling2D)}

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
