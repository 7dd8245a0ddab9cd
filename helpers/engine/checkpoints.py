"""Checkpoints: the state of a run, written to a file at intervals, from which an interrupted run resumes."""

import contextlib
import json
import logging
import os
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.engine.coarse_to_fine import SaveState, State
from helpers.errors import CheckpointError, MissingFileError, OutputError
from helpers.files.writing import atomic_write, check_room, check_writable

logger = logging.getLogger(__name__)

_FRACTION_OF_TIME = 0.02
"""The largest fraction of a run's time spent on checkpoints; one of a large image takes seconds to write."""


def save_checkpoint(path: Path, state: State, run: Mapping[str, Any]) -> None:
    """Write a state to a file atomically.

    ``run``: recipe, arguments and inputs of the run, JSON-serializable; ``load_checkpoint`` compares them.
    Raises the errors of ``check_room`` and ``atomic_write``.
    """
    about = {"scale": state.scale, "taken": state.taken, "history": state.history, "run": run}
    arrays = {
        "pixels": state.pixels,
        **{f"optimizer/{name}": array for name, array in state.optimizer_state.items()},
    }
    if state.best is not state.pixels:
        arrays["best"] = state.best
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    check_room(path, len(text) + sum(array.nbytes for array in arrays.values()))
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez(file, about=text, **arrays)


def load_checkpoint(path: Path, run: Mapping[str, Any], sizes: Sequence[tuple[int, int]]) -> State:
    """Read the state from a checkpoint.

    ``run``: see ``save_checkpoint``. ``sizes``: the height and width at each index ``State.scale``.
    Raises ``MissingFileError``, and ``CheckpointError`` for a file that is damaged or of another run.
    """
    if not path.is_file():
        raise MissingFileError(f"There is no checkpoint {path}.")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(arrays.pop("about").tobytes())
        stored_run = about["run"]
        pixels = arrays.pop("pixels")
        state = State(
            scale=int(about["scale"]),
            taken=int(about["taken"]),
            pixels=pixels,
            best=arrays.pop("best", pixels),
            history=[dict(record) for record in about["history"]],
            optimizer_state={name.removeprefix("optimizer/"): array for name, array in arrays.items()},
        )
        height, width = sizes[state.scale] if stored_run == run else pixels.shape[1:3]
        is_valid = pixels.shape == (1, height, width, 3) and np.isfinite(pixels).all()
    except (OSError, LookupError, TypeError, ValueError, AttributeError, EOFError, zipfile.BadZipFile):
        is_valid = False
    if not is_valid:
        raise CheckpointError(f"{path} is damaged or not a checkpoint: delete it to start the run again.")
    if stored_run != run:
        raise CheckpointError(f"{path} is of a run with another {_first_difference(stored_run, run)}.")
    return state


def checkpoint_writer(path: Path, run: Mapping[str, Any], every: float) -> SaveState:
    """A ``SaveState`` that writes a checkpoint every ``every`` seconds or less often, and at the end.

    If writing fails, for example because the disk is full, it logs a warning and writes no more checkpoints;
    the run continues.
    """
    last_written = time.perf_counter()
    interval = every
    is_writable = True

    def keep(state: Callable[[], State], last: bool) -> None:
        nonlocal last_written, interval, is_writable
        began = time.perf_counter()
        if not is_writable or (not last and began - last_written < interval):
            return
        try:
            save_checkpoint(path, state(), run)
        except (OutputError, MissingFileError) as error:
            logger.warning("The run continues without further checkpoints: %s", error)
            is_writable = False
            return
        last_written = time.perf_counter()
        interval = max(every, (last_written - began) / _FRACTION_OF_TIME)
        logger.info("Wrote the checkpoint %s in %.1f s.", path, last_written - began)

    return keep


def prepare_checkpoint(path: str | os.PathLike) -> Path:
    """The path of a run's checkpoint; deletes the partial files that a killed run left beside it.

    Raises the errors of ``check_writable``.
    """
    path = Path(path)
    check_writable(path)
    for leftover in path.parent.glob(f".{path.name[:100]}.*.part"):
        with contextlib.suppress(OSError):
            leftover.unlink()
    return path


def _first_difference(stored_run: Any, run: Mapping[str, Any]) -> str:
    """The first entry in which two runs differ, as the end of a sentence."""
    for group in run:
        asked, stored = run[group], stored_run.get(group) if isinstance(stored_run, dict) else None
        if not (isinstance(asked, Mapping) and isinstance(stored, Mapping)):
            if asked != stored:
                return group
            continue
        for name in (*asked, *stored):
            if asked.get(name) != stored.get(name):
                values = f" ({stored.get(name)}, not {asked.get(name)})" if group == "arguments" else ""
                return name + values
    return "recipe"
