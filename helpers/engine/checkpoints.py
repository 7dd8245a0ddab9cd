"""Checkpoints: the state of a run, written to a file at intervals, from which an interrupted run resumes."""

import contextlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from helpers.compute.framework import keras
from helpers.engine.coarse_to_fine import SaveState, State
from helpers.errors import CheckpointError, MissingFileError, OutputError
from helpers.files.arrays import read_arrays, write_arrays

logger = logging.getLogger(__name__)


def save_checkpoint(path: Path, state: State, run: Mapping[str, Any]) -> None:
    """Write a state to a file atomically.

    ``run``: recipe, arguments and inputs of the run, JSON-serializable; ``load_checkpoint`` compares them.
    Raises the errors of ``atomic_write``.
    """
    about = {"scale": state.scale, "taken": state.taken, "history": state.history, "run": run}
    arrays = {f"optimizer/{name}": array for name, array in state.optimizer_state().items()}
    arrays["pixels"] = keras.ops.convert_to_numpy(state.pixels)
    if state.best is not state.pixels:
        arrays["best"] = keras.ops.convert_to_numpy(state.best)
    write_arrays(path, about, arrays)


def load_checkpoint(path: Path, run: Mapping[str, Any]) -> State:
    """Read the state from a checkpoint.

    ``run``: see ``save_checkpoint``.
    Raises ``MissingFileError``, and ``CheckpointError`` for a file that is damaged or of another run.
    """
    with _reading(path):
        about, arrays = read_arrays(path)
        pixels = arrays.pop("pixels")
        best = arrays.pop("best", pixels)
        optimizer_state = {name.removeprefix("optimizer/"): array for name, array in arrays.items()}
        scale, taken, history = about["scale"], about["taken"], about["history"]
        stored, asked = (
            {"recipe": each["recipe"], **each["arguments"], **each["inputs"]} for each in (about["run"], run)
        )
    _check_same(path, stored, asked)
    return State(pixels, best, scale, taken, history, lambda: optimizer_state)


def save_training(
    path: Path, network: keras.Model, optimizer: Any, settings: Mapping[str, Any], taken: int
) -> None:
    """Write the weights of a network that is being trained and the state of its Keras optimizer.

    ``settings``: JSON-serializable; ``load_training`` compares them. ``taken``: the number of steps so far.
    Raises the errors of ``atomic_write``.
    """
    state: dict[str, Any] = {}
    optimizer.save_own_variables(state)
    arrays = {f"weights/{number:03}": weight for number, weight in enumerate(network.get_weights())}
    arrays |= {f"optimizer/{name}": np.asarray(array) for name, array in state.items()}
    write_arrays(path, {"settings": settings, "taken": taken}, arrays)


def load_training(path: Path, network: keras.Model, optimizer: Any, settings: Mapping[str, Any]) -> int:
    """Set the weights and the optimizer's state from a file of ``save_training``; returns the steps so far.

    Raises ``MissingFileError``, and ``CheckpointError`` for a file that is damaged or of another training.
    """
    with _reading(path):
        about, arrays = read_arrays(path)
        weights = [array for name, array in sorted(arrays.items()) if name.startswith("weights/")]
        state = {
            name.removeprefix("optimizer/"): array for name, array in arrays.items() if "optimizer/" in name
        }
        stored, taken = dict(about["settings"]), int(about["taken"])
    _check_same(path, stored, json.loads(json.dumps(settings)))
    network.set_weights(weights)
    optimizer.load_own_variables(state)
    return taken


def settings_of_training(path: Path) -> dict[str, Any]:
    """The settings in a file of ``save_training``. Raises as ``load_training`` does."""
    with _reading(path):
        return dict(read_arrays(path)[0]["settings"])


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    if not path.is_file():
        raise MissingFileError(f"There is no checkpoint {path}.")
    try:
        yield
    except (OSError, LookupError, TypeError, ValueError):
        raise CheckpointError(
            f"{path} is damaged or not a checkpoint: delete it to start the run again."
        ) from None


def _check_same(path: Path, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    for name, value in asked.items():
        if stored.get(name) != value:
            values = "" if isinstance(value, (Mapping, list)) else f" ({stored.get(name)}, not {value})"
            raise CheckpointError(f"{path} is of a run with another {name}{values}.")


def checkpoint_writer(path: Path, run: Mapping[str, Any], every: float) -> SaveState:
    """A ``SaveState`` that writes a checkpoint every ``every`` seconds, and at the end.

    If writing fails, for example because the disk is full, it logs a warning; the run continues.
    """
    last_written = time.perf_counter()

    def keep(state: State, last: bool) -> None:
        nonlocal last_written
        began = time.perf_counter()
        if not last and began - last_written < every:
            return
        try:
            save_checkpoint(path, state, run)
            logger.info("Wrote the checkpoint %s in %.1f s.", path, time.perf_counter() - began)
        except (OutputError, MissingFileError) as error:
            logger.warning("The run continues without this checkpoint: %s", error)
        last_written = time.perf_counter()

    return keep
