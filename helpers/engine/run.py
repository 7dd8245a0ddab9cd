"""A run of a recipe: it minimizes the objective and returns the image, its history and its settings."""

import contextlib
import dataclasses
import functools
import hashlib
import logging
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import PIL
import scipy

from helpers.compute.framework import BACKEND, check_process, deterministic, device, keras
from helpers.compute.precision import faster_precision
from helpers.engine.checkpoints import checkpoint_writer, load_checkpoint
from helpers.engine.coarse_to_fine import (
    Build,
    Callback,
    Record,
    SaveState,
    State,
    coarse_to_fine,
    steps_per_size,
)
from helpers.engine.memory import fitting_tiling, installed_memory
from helpers.engine.objective import Evaluate, objective
from helpers.engine.tiling import Evaluator, Tiling
from helpers.errors import ArgumentError, shown
from helpers.files.bundled import IMAGES
from helpers.files.writing import check_writable
from helpers.images import as_uint8, deprocess
from helpers.layers import smallest_side
from helpers.options import Network, Run, RunPrecision
from helpers.progress import progress_bar
from helpers.terms import Term
from helpers.vgg import FeatureExtractor
from helpers.weights import resolve_weights, weights_checksum

logger = logging.getLogger(__name__)

SETTINGS_VERSION = 2
"""Version 1 of the settings in an image file had no groups of options, and other names."""

UNRECORDED_OPTIONS = ("checkpoint", "checkpoint_every", "resume", "progress")
"""The options of a run that its settings omit, since they do not affect the image."""

WINOGRAD_MIN_PIXELS = 2_000_000
"""From this number of pixels on, summed over all steps, a run uses Winograd convolution. TensorFlow takes two
to four seconds longer to build its graph, which a smaller run does not recover."""


class Problem(NamedTuple):
    """The minimization problem that a recipe poses."""

    recipe: str
    """The name of the recipe."""
    arguments: Mapping[str, Any]
    """Arguments of the recipe for the settings, without its network and run."""
    inputs: Mapping[str, np.ndarray]
    """Images ``(H, W, 3)``, each at the size at which it is used."""
    layers: tuple[str, ...]
    """The layers that the terms need."""
    sizes: Sequence[tuple[int, int]]
    """Heights and widths, coarse to fine."""
    steps: int
    """The number of steps at all sizes together."""
    initial: Callable[[int, int], np.ndarray]
    """Height and width → the initialization, pixels ``(1, H, W, 3)``."""
    terms: Callable[[int, int, Evaluator], list[Term]]
    """Height, width and the evaluator of that size → the terms of the objective."""
    weight_scale: float = 1.0
    """The factor that the weights of the terms have been multiplied by."""
    finish: Callable[[np.ndarray], np.ndarray] | None = None
    """Postprocessing of every image that is shown or returned."""


def solve(
    problem: Problem, network: Network, run: Run, callback: Callback | None
) -> tuple[np.ndarray, list[Record], dict[str, Any]]:
    """Solve the minimization problem of a recipe.

    Returns the image, the history and the settings of a ``Result``. Raises the errors of ``reconstruct``.
    """
    if callback is not None and not callable(callback):
        raise ArgumentError(f"A callback is a function, not {shown(callback)}.")
    check_process()
    _check_sides(problem)
    network = dataclasses.replace(network, weights=resolve_weights(network.weights))
    precision = _precision(network, run)
    recorded = _recorded(problem, network, run)
    state, keep = _checkpointing(run, recorded)
    build, build_in_float32 = _builders(problem, network, run, precision)

    def finished(image: np.ndarray) -> np.ndarray:
        return image if problem.finish is None else as_uint8(problem.finish(image))

    def unscaled(record: Record) -> Record:
        return {**record, "total": record["total"] / problem.weight_scale}

    label, done = problem.recipe.replace("_", " "), len(state.history) if state else 0
    with (
        deterministic() if run.deterministic else contextlib.nullcontext(),
        progress_bar(label, _costs(problem), shown=run.progress, done=done) as show,
    ):

        def after_step(record: Record, image: Callable[[], np.ndarray]) -> None:
            record = unscaled(record)
            show(record, lambda: finished(image()))
            if callback is not None:
                callback(record, lambda: finished(image()))

        pixels, history = coarse_to_fine(
            build,
            problem.initial,
            problem.sizes,
            steps=problem.steps,
            optimizer=run.optimizer,
            parametrization=run.parametrization,
            tolerance=run.tolerance,
            build_in_float32=build_in_float32,
            callback=after_step,
            resume=state,
            keep=keep,
        )
    arguments = recorded["arguments"]
    settings = {
        "version": SETTINGS_VERSION,
        **recorded,
        "arguments": {**arguments, "network": {**arguments["network"], "precision": precision}},
        "steps_taken": len(history),
        "weights": {"name": network.weights, "sha256": weights_checksum(network.weights)},
        "device": device(),
        "versions": versions(),
    }
    return finished(deprocess(pixels)), list(map(unscaled, history)), settings


def _precision(network: Network, run: Run) -> RunPrecision:
    if network.precision != "auto":
        return network.precision
    # What is faster is measured, and may differ from call to call.
    return "float32" if run.deterministic else faster_precision()


def _recorded(problem: Problem, network: Network, run: Run) -> dict[str, Any]:
    """What identifies a run, JSON-ready: its recipe, arguments and inputs."""
    groups = {"network": vars(network), "run": recorded_options(vars(run))}
    inputs = {name: fingerprint(image) for name, image in problem.inputs.items()}
    arguments = json_ready({**problem.arguments, **groups})
    return {"recipe": problem.recipe, "arguments": arguments, "inputs": inputs}


def _builders(problem: Problem, network: Network, run: Run, precision: str) -> tuple[Build, Build | None]:
    """The arguments ``build`` and ``build_in_float32`` of ``coarse_to_fine``."""
    # Free memory differs from call to call; the tiles depend on it, and the rounding errors on the tiles.
    available = installed_memory() / 2 if run.deterministic else None
    direct = sum(_costs(problem)) < WINOGRAD_MIN_PIXELS

    @functools.cache
    def tiling_at(height: int, width: int, precision: str) -> Tiling | None:
        return fitting_tiling(height, width, problem.layers, precision, run.memory, available)

    def build(precision: str, height: int, width: int) -> Evaluate:
        extractor = FeatureExtractor(network.weights, network.pooling, network.normalized, precision, direct)
        tiling = tiling_at(height, width, precision)
        logger.info("%d × %d pixels in %s, tiles %s.", width, height, precision, tiling)
        terms = problem.terms(height, width, Evaluator(extractor, tiling))
        return objective(terms, *extractor, tiling=tiling)

    first = "bfloat16" if precision == "mixed" else precision
    for size in problem.sizes:
        # Raises TooLargeError before the first step, even if only the last size does not fit.
        tiling_at(*size, first)
    in_float32 = functools.partial(build, "float32") if precision == "mixed" else None
    return functools.partial(build, first), in_float32


def _costs(problem: Problem) -> list[int]:
    """The number of pixels of each step, to which its computation time is roughly proportional."""
    sizes = zip(problem.sizes, steps_per_size(problem.steps, len(problem.sizes)), strict=True)
    return [height * width for (height, width), steps in sizes for _ in range(steps)]


def _checkpointing(run: Run, recorded: Mapping[str, Any]) -> tuple[State | None, SaveState | None]:
    """The state to resume from, and what writes checkpoints; ``None`` each if not asked for."""
    source = run.checkpoint if isinstance(run.resume, bool) else run.resume
    if run.resume and not source:
        raise ArgumentError("To resume a run, name the file with its state as the option checkpoint.")
    if not source:
        return None, None
    # A run may be resumed with another memory limit, which does not change what it computes.
    options = {name: value for name, value in recorded["arguments"]["run"].items() if name != "memory"}
    recorded = {**recorded, "arguments": {**recorded["arguments"], "run": options}}
    path, state = Path(run.checkpoint or source), None
    check_writable(path)
    if run.resume and (run.resume is not True or path.exists()):
        state = load_checkpoint(Path(source), recorded)
        logger.info("Resuming after step %d from %s.", len(state.history), source)
    return state, checkpoint_writer(path, recorded, run.checkpoint_every)


def recorded_options(run: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a run that its settings record."""
    return {name: value for name, value in run.items() if name not in UNRECORDED_OPTIONS}


def json_ready(value: Any) -> Any:
    """A value converted for JSON; for a value that JSON cannot represent, only the name of its type."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (np.bool_, np.integer, np.floating)):
        return value.item()
    if isinstance(value, os.PathLike):
        path = Path(value).absolute()
        return path.stem if path.is_relative_to(IMAGES) else os.fspath(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and not callable(value):
        return json_ready(vars(value))
    if isinstance(value, Mapping):
        return {str(name): json_ready(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [json_ready(entry) for entry in value]
    return {"given_as": type(value).__name__}


def fingerprint(image: np.ndarray) -> dict[str, Any]:
    """The width, height and SHA-256 of an image ``(H, W, 3)``, which identify it in the settings of a run."""
    height, width = image.shape[:2]
    return {"width": width, "height": height, "sha256": hashlib.sha256(as_uint8(image).tobytes()).hexdigest()}


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that affect the result of a run."""
    # From the modules: TensorFlow's package may have another name, such as tensorflow-cpu.
    modules = {"keras": keras, "numpy": np, "pillow": PIL, "scipy": scipy, BACKEND: sys.modules[BACKEND]}
    of_modules = {name: module.__version__ for name, module in modules.items()}
    return {"python": platform.python_version(), **of_modules}


def _check_sides(problem: Problem) -> None:
    """Raise ``ArgumentError`` if an image at its smallest size is too small for one of the layers."""
    needed = smallest_side(problem.layers)
    scales = len(problem.sizes)
    reduction = problem.sizes[0][0] / problem.sizes[-1][0]
    sides = {name: image.shape[:2] for name, image in problem.inputs.items()}
    for name, (height, width) in {**sides, "result": problem.sizes[-1]}.items():
        if min(height, width) * reduction < needed:
            raise ArgumentError(
                f"The {name} is {width} × {height} pixels; its shorter side needs "
                f"{round(needed / reduction)} for these layers"
                + (f" at {scales} scales." if scales > 1 else ".")
            )
