"""A run in a file: written again and again while it goes, and read when it goes on after it was cut off."""

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

from helpers.engine.coarse_to_fine import Keep, State
from helpers.errors import CheckpointError, MissingFileError, OutputError
from helpers.files.writing import check_room, check_writable, written_whole

logger = logging.getLogger(__name__)

_SHARE_OF_TIME = 0.02
"""A large picture's checkpoint takes seconds to write: no more than this share of a run goes into it."""


def save_checkpoint(path: Path, state: State, run: Mapping[str, Any]) -> None:
    """Write a state to a file, whole or not at all. ``run``: JSON-ready, what the state is a state of.

    Raises as ``written_whole`` does.
    """
    about = {"scale": state.scale, "taken": state.taken, "history": state.history, "run": run}
    arrays = {
        "pixels": state.pixels,
        **{f"optimizer/{name}": a for name, a in state.optimizer_state.items()},
    }
    if state.best is not state.pixels:
        arrays["best"] = state.best
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    size = len(text) + sum(array.nbytes for array in arrays.values())
    check_room(path, size)
    with written_whole(path) as partial, partial.open("wb") as file:
        np.savez(file, about=text, **arrays)


def load_checkpoint(path: Path, run: Mapping[str, Any], sizes: Sequence[tuple[int, int]]) -> State:
    """The state in a file.

    ``run``: what it has to be a state of. ``sizes``: heights and widths of the run.
    Raises ``MissingFileError``, and ``CheckpointError`` for a file that is damaged or of another run.
    """
    if not path.is_file():
        raise MissingFileError(f"There is no checkpoint {path}.")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(arrays.pop("about").tobytes())
        noted = about["run"]
        pixels = arrays.pop("pixels")
        state = State(
            scale=int(about["scale"]),
            taken=int(about["taken"]),
            pixels=pixels,
            best=arrays.pop("best", pixels),
            history=[dict(record) for record in about["history"]],
            optimizer_state={name.removeprefix("optimizer/"): array for name, array in arrays.items()},
        )
        height, width = sizes[state.scale] if noted == run else pixels.shape[1:3]
        sound = pixels.shape == (1, height, width, 3) and np.isfinite(pixels).all()
    except (
        OSError,
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
    ):
        sound = False
    if not sound:
        raise CheckpointError(f"{path} is damaged or no checkpoint: delete it, and the run begins anew.")
    if noted != run:
        raise CheckpointError(f"{path} is of a run with another {_first_difference(noted, run)}.")
    return state


def keeping(path: Path, run: Mapping[str, Any], every: float) -> Keep:
    """What keeps a run in a file: every so many seconds, and at its end.

    Where it cannot be written, for want of room, this is said in the log, and the run goes on.
    """
    written = time.perf_counter()
    pause = every
    is_kept = True

    def keep(state: Callable[[], State], last: bool) -> None:
        nonlocal written, pause, is_kept
        began = time.perf_counter()
        if not is_kept or (not last and began - written < pause):
            return
        try:
            save_checkpoint(path, state(), run)
        except (OutputError, MissingFileError) as error:
            logger.warning("The run is kept no longer, but goes on: %s", error)
            is_kept = False
            return
        written = time.perf_counter()
        pause = max(every, (written - began) / _SHARE_OF_TIME)
        logger.info("Kept in %s, in %.1f s.", path, written - began)

    return keep


def prepare_checkpoint(path: str | os.PathLike) -> Path:
    """The path of a run's checkpoint, without what a killed run left half written.

    Raises as ``check_writable`` does.
    """
    path = Path(path)
    check_writable(path)
    for leftover in path.parent.glob(f".{path.name[:100]}.*.part"):
        with contextlib.suppress(OSError):
            leftover.unlink()
    return path


def _first_difference(noted: Any, run: Mapping[str, Any]) -> str:
    """Where two runs differ, as the end of a sentence."""
    for group in run:
        ours, theirs = run[group], noted.get(group) if isinstance(noted, dict) else None
        if not (isinstance(ours, Mapping) and isinstance(theirs, Mapping)):
            if ours != theirs:
                return group
            continue
        for name in (*ours, *theirs):
            if ours.get(name) != theirs.get(name):
                return f"{name} ({theirs.get(name)}, not {ours.get(name)})" if group == "arguments" else name
    return "recipe"
