"""The framework that computes, Keras' backend: its import, its devices, compilation and differentiation.

All other modules compute with ``keras.ops``. The course uses TensorFlow; if JAX or PyTorch is installed, the
environment variable ``KERAS_BACKEND`` set to ``jax`` or ``torch`` selects it for the same helpers.
"""

import contextlib
import functools
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from helpers.errors import ArgumentError, RunError

os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# JAX's compiled graphs then take the network's weights as arguments. As constants, every graph (one for each
# size of image or tile) would hold a copy of them and take longer to compile. JAX reads it when imported.
os.environ.setdefault("JAX_USE_SIMPLIFIED_JAXPR_CONSTANTS", "1")


@contextlib.contextmanager
def _captured_stderr() -> Iterator[None]:
    # TensorFlow's libraries write to file descriptor 2 when they are loaded, whatever the log level. The
    # output is shown only if the import fails.
    try:
        stderr = os.dup(2)
    except OSError:  # A service or a program with windows may have none.
        yield
        return
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


try:
    with _captured_stderr():
        import keras
except (ImportError, ValueError) as error:
    # Keras' own errors are about a file that it lacks, or about one of its backends that is not one of ours.
    if os.environ["KERAS_BACKEND"] == "tensorflow":
        raise
    raise ArgumentError(
        f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']!r}, which is not installed or is not a backend; the "
        "course computes with tensorflow, jax or torch."
    ) from error

BACKEND = keras.backend.backend()
"""The framework that computes: ``"tensorflow"``, ``"jax"`` or ``"torch"``."""

if BACKEND == "tensorflow":
    with _captured_stderr():
        import tensorflow as tf

        _GPUS = tf.config.list_physical_devices("GPU")

    OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError, tf.errors.ResourceExhaustedError)
elif BACKEND == "jax":
    import jax

    OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError,)
elif BACKEND == "torch":
    import torch

    OUT_OF_MEMORY: tuple[type[Exception], ...] = (MemoryError, torch.cuda.OutOfMemoryError)
else:
    raise ArgumentError(f"The course computes with tensorflow, jax or torch, not with Keras' {BACKEND}.")

__all__ = [
    "BACKEND",
    "OUT_OF_MEMORY",
    "check_process",
    "compiled",
    "deterministic",
    "device",
    "gpu",
    "keras",
    "keras_defaults",
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
    if BACKEND == "tensorflow":
        has_gpu = bool(_GPUS)
    else:
        has_gpu = torch.cuda.is_available() if BACKEND == "torch" else jax.default_backend() != "cpu"
    return "gpu" if has_gpu else "cpu"


def gpu() -> Gpu | None:
    """The GPU, as it is now; ``None`` without one."""
    if device() == "cpu":
        return None
    if BACKEND == "jax":
        first = jax.devices()[0]
        stats = first.memory_stats() or {}
        return Gpu(first.device_kind, stats.get("bytes_limit"), stats.get("peak_bytes_in_use"))
    if BACKEND == "torch":
        free = torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved()
        return Gpu(torch.cuda.get_device_name(), free, torch.cuda.max_memory_allocated())
    from tensorflow.python.client import device_lib

    name = tf.config.experimental.get_device_details(_GPUS[0]).get("device_name")
    limits = [each.memory_limit for each in device_lib.list_local_devices() if each.device_type == "GPU"]
    return Gpu(name, max(limits), tf.config.experimental.get_memory_info("GPU:0")["peak"])


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Make computations inside reproducible bit for bit; slower on a GPU.

    JAX on a GPU needs the environment variable ``XLA_FLAGS=--xla_gpu_deterministic_ops=true`` in place of
    this; JAX on a CPU is reproducible.
    """
    if BACKEND == "jax":
        yield
    elif BACKEND == "torch":
        before = torch.are_deterministic_algorithms_enabled()
        only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
        # cuBLAS reads it at its first use.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before, warn_only=only_warned)
    else:
        # TensorFlow has a public function to switch it on, and none to switch it off.
        from tensorflow.python.framework import config

        before = config.is_op_determinism_enabled()
        config.enable_op_determinism()
        try:
            yield
        finally:
            if not before:
                config.disable_op_determinism()


@contextlib.contextmanager
def keras_defaults() -> Iterator[None]:
    """Keras inside with the settings that it comes with, whatever the user's are; then those again."""
    config = keras.config
    before = config.image_data_format(), config.floatx(), config.dtype_policy(), random.getstate()
    config.set_image_data_format("channels_last")
    config.set_floatx("float32")
    config.set_dtype_policy("float32")
    try:
        yield
    finally:
        config.set_image_data_format(before[0])
        config.set_floatx(before[1])
        config.set_dtype_policy(before[2])
        # Keras draws the seeds of its layers from it.
        random.setstate(before[3])


_PROCESSES: list[int] = []
"""The number of the process that has computed, once one has; a forked process inherits that of its parent."""


def check_process() -> None:
    """Raise ``RunError`` in a process forked from one that has computed: it would wait forever."""
    if not _PROCESSES:
        _PROCESSES.append(os.getpid())
    if _PROCESSES[0] != os.getpid():
        raise RunError(
            "A process forked from one that has computed already cannot compute: start it with "
            "multiprocessing.get_context('spawn'), or use paint_gallery."
        )


def compiled(function: Callable[..., Any], sizes: tuple[int, ...] = ()) -> Callable[..., Any]:
    """Compile a function of nested tensors. With PyTorch it is not compiled.

    ``sizes``: the indices of the arguments that are nested tuples of integers.
    """
    if BACKEND == "jax":
        return jax.jit(function, static_argnums=sizes)
    if BACKEND == "torch":
        as_tensors = functools.partial(keras.tree.map_structure, keras.ops.convert_to_tensor)
        return lambda *arguments: function(
            *(each if index in sizes else as_tensors(each) for index, each in enumerate(arguments))
        )
    traced = tf.function(function, autograph=False)
    graphs: dict[Any, Callable[..., Any]] = {}

    def any_size(tensor: tf.Tensor) -> tuple[tf.DType, tuple[int | None, ...]]:
        # One graph for pixels and feature maps of every height and width.
        shape = tuple(tensor.shape)
        return tensor.dtype, (shape[0], None, None, shape[3]) if len(shape) == 4 else shape

    def call(*arguments: Any) -> Any:
        check_process()
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
    if BACKEND == "torch":
        return _value_and_gradient_of_torch(function)

    def evaluate(argument: Any, *others: Any) -> tuple[tuple[Any, Any], Any]:
        with tf.GradientTape() as tape:
            tape.watch(argument)
            value, more = function(argument, *others)
        zero = tf.UnconnectedGradients.ZERO
        return (value, more), tape.gradient(value, argument, unconnected_gradients=zero)

    return evaluate


def _value_and_gradient_of_torch(function: Objective) -> Differentiated:
    def evaluate(argument: Any, *others: Any) -> tuple[tuple[Any, Any], Any]:
        leaves = [leaf.detach().requires_grad_() for leaf in keras.tree.flatten(argument)]
        with torch.enable_grad():
            value, more = function(keras.tree.pack_sequence_as(argument, leaves), *others)
            gradients = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        value, more = keras.tree.map_structure(torch.detach, (value, more))
        return (value, more), keras.tree.pack_sequence_as(argument, gradients)

    return evaluate
