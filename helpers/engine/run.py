"""A run: from what a recipe minimizes to the image, its history, and the settings that repeat it."""

import dataclasses
import hashlib
import importlib
import logging
import numbers
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from helpers.compute.framework import device, keras, make_deterministic
from helpers.compute.precision import resolve_precision
from helpers.engine.checkpoints import keeping, load_checkpoint, prepare_checkpoint
from helpers.engine.coarse_to_fine import Callback, Keep, Record, State, coarse_to_fine, shared_steps
from helpers.engine.memory import fitting_tiling, memory_installed
from helpers.engine.objective import Evaluate, Evaluator
from helpers.errors import ArgumentError, shown
from helpers.files.bundled import IMAGES
from helpers.images import as_uint8, deprocess
from helpers.layers import smallest_side
from helpers.options import Network, Run
from helpers.progress import progress_bar
from helpers.terms import Term
from helpers.vgg import Extractor
from helpers.weights import resolve_weights, weights_checksum

logger = logging.getLogger(__name__)

SETTINGS_VERSION = 2
"""Of the settings inside a picture; 1 had no groups, and other names."""

NOT_NOTED = ("checkpoint", "checkpoint_every", "resume", "progress")
"""The options of a run that its settings do not tell: they change nothing about the picture."""

WINOGRAD_PAYS = 2_000_000
"""A run of as many pixels, over all its steps, computes Winograd convolutions. TensorFlow takes two to four
seconds longer to build their graph, which a smaller run does not make up for."""


class Problem(NamedTuple):
    """What a recipe minimizes."""

    recipe: str
    arguments: Mapping[str, Any]
    """Of the recipe, to be noted, its network and run apart."""
    inputs: Mapping[str, np.ndarray]
    """Images ``(H, W, 3)`` in the size that they are used in."""
    layers: tuple[str, ...]
    """Those that the terms look at."""
    sizes: Sequence[tuple[int, int]]
    """Heights and widths, coarse to fine."""
    steps: int
    initial: Callable[[int, int], np.ndarray]
    """Height and width → the pixels to start from."""
    terms: Callable[[int, int, Evaluator], list[Term]]
    """Height, width, and what evaluates images there → the terms of the objective."""
    finish: Callable[[np.ndarray], np.ndarray] | None = None
    """What is done to an image before anyone sees it."""


def minimized(
    problem: Problem, network: Network, run: Run, callback: Callback | None
) -> tuple[np.ndarray, list[Record], dict[str, Any]]:
    """Minimize what a recipe asks for.

    Returns the image, the history and the settings of a ``Result``. Raises as ``reconstruct`` does.
    """
    if callback is not None and not callable(callback):
        raise ArgumentError(f"A callback is a function, not {shown(callback)}.")
    _check_sides(problem)
    if run.deterministic:
        make_deterministic()
    network = dataclasses.replace(network, weights=resolve_weights(network.weights))
    # Which precision is faster here is measured, and may be measured otherwise the next time.
    is_to_measure = network.precision == "auto" and run.deterministic
    precision = resolve_precision("float32" if is_to_measure else network.precision)
    noted = _noted(problem, network, run)
    inputs = {name: fingerprint(image) for name, image in problem.inputs.items()}
    state, keep = _kept(run, {"recipe": problem.recipe, "arguments": noted, "inputs": inputs}, problem.sizes)
    build, build_in_float32 = _builders(problem, network, run, precision)

    def finished(image: np.ndarray) -> np.ndarray:
        return image if problem.finish is None else as_uint8(problem.finish(image))

    costs = _costs(problem)
    label = problem.recipe.replace("_", " ")
    with progress_bar(label, costs, shown=run.progress, done=_steps_done(state, problem)) as show:

        def after_step(record: Record, image: Callable[[], np.ndarray]) -> None:
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
    settings = {
        "version": SETTINGS_VERSION,
        "recipe": problem.recipe,
        "arguments": {**noted, "network": {**noted["network"], "precision": precision}},
        "inputs": inputs,
        "steps_taken": len(history),
        "weights": {"name": network.weights, "sha256": weights_checksum(network.weights)},
        "device": device(),
        "versions": versions(),
    }
    return finished(deprocess(pixels)), history, settings


def _builders(
    problem: Problem, network: Network, run: Run, precision: str
) -> tuple[Callable[[int, int], Evaluate], Callable[[int, int], Evaluate] | None]:
    """Height and width → the objective there; and the same in float32 where a run begins in bfloat16."""
    # Free memory changes from call to call, and with it the tiles and the last bits.
    available = memory_installed() / 2 if run.deterministic else None
    direct = sum(_costs(problem)) < WINOGRAD_PAYS

    def builder(precision: str) -> Callable[[int, int], Evaluate]:
        extractor = Extractor(network.weights, network.pooling, network.normalized, precision, direct)

        def build(height: int, width: int) -> Evaluate:
            tiling = fitting_tiling(height, width, problem.layers, precision, run.memory, available)
            logger.info("%d × %d pixels in %s, tiles %s.", width, height, precision, tiling)
            evaluator = Evaluator(extractor, tiling)
            return evaluator.objective(problem.terms(height, width, evaluator))

        return build

    first = "bfloat16" if precision == "mixed" else precision
    for size in problem.sizes:
        # What does not fit is said before the first step.
        fitting_tiling(*size, problem.layers, first, run.memory, available)
    return builder(first), builder("float32") if precision == "mixed" else None


def _costs(problem: Problem) -> list[int]:
    """The pixels of each step: what it costs relative to the others."""
    sizes = zip(problem.sizes, shared_steps(problem.steps, len(problem.sizes)), strict=True)
    return [height * width for (height, width), share in sizes for _ in range(share)]


def _steps_done(state: State | None, problem: Problem) -> int:
    if state is None:
        return 0
    if state.scale == len(problem.sizes):
        return len(state.history)
    return sum(shared_steps(problem.steps, len(problem.sizes))[: state.scale]) + state.taken


def _kept(
    run: Run, noted: Mapping[str, Any], sizes: Sequence[tuple[int, int]]
) -> tuple[State | None, Keep | None]:
    """The state that a run goes on from, and what keeps it as it goes."""
    checkpoint, resume = run.checkpoint, run.resume
    if not isinstance(resume, bool):
        source, checkpoint = Path(resume), checkpoint or resume
    elif resume and not checkpoint:
        raise ArgumentError("To resume a run, name the file that it was kept in as its checkpoint.")
    else:
        source = Path(checkpoint) if resume else None
    if not checkpoint:
        return None, None
    # How much memory a run may take changes nothing that it computes.
    of_run = {name: value for name, value in noted["arguments"]["run"].items() if name != "memory"}
    noted = {**noted, "arguments": {**noted["arguments"], "run": of_run}}
    path = prepare_checkpoint(checkpoint)
    state = None
    if source is not None and (resume is not True or source.exists()):
        state = load_checkpoint(source, noted, [*sizes, sizes[-1]])
        logger.info("Going on from step %d, kept in %s.", len(state.history), source)
    return state, keeping(path, noted, run.checkpoint_every)


def _noted(problem: Problem, network: Network, run: Run) -> dict[str, Any]:
    """The arguments of a recipe as JSON holds them."""
    of_run = {name: value for name, value in dataclasses.asdict(run).items() if name not in NOT_NOTED}
    of_network = dataclasses.asdict(network)
    return {
        name: json_ready(value)
        for name, value in {**problem.arguments, "network": of_network, "run": of_run}.items()
    }


def json_ready(value: Any) -> Any:
    """A value as JSON holds it; of what JSON cannot hold, only its kind."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, numbers.Real):
        return int(value) if isinstance(value, numbers.Integral) else float(value)
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
    """The width, height and sha256 by which a run's settings know an image ``(H, W, 3)``."""
    height, width = image.shape[:2]
    return {
        "width": width,
        "height": height,
        "sha256": hashlib.sha256(np.ascontiguousarray(as_uint8(image)).tobytes()).hexdigest(),
    }


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that a run's numbers depend on."""
    # Asked of the modules: the package of TensorFlow also goes by other names, such as tensorflow-cpu.
    names = ("keras", "numpy", "pillow", "scipy", keras.backend.backend())
    modules = {name: importlib.import_module("PIL" if name == "pillow" else name) for name in names}
    return {
        "python": platform.python_version(),
        **{name: module.__version__ for name, module in modules.items()},
    }


def _check_sides(problem: Problem) -> None:
    """Raise ``ArgumentError`` for an image that has no position in some layer, at some scale."""
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
