"""Arrays and what is to be known about them, in one file that runs no code when it is read."""

import hashlib
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from helpers.files.writing import atomic_write

_ABOUT = "about"


def write_arrays(path: Path, about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by their names, and values for JSON about them, to an ``.npz`` file.

    The file is written completely or not at all, and holds a checksum. Raises the errors of ``atomic_write``.
    """
    text = json.dumps({**about, "sha256": _checksum(about, arrays)})
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez(file, **{_ABOUT: text}, **arrays)


def read_arrays(path: Path, most_bytes: float = math.inf) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The values and the arrays of a file that ``write_arrays`` wrote.

    Raises ``OSError`` for a file that cannot be read, and ``ValueError`` for one that is damaged, was changed
    since it was written, or would take more than ``most_bytes`` of memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # A small file may claim to hold terabytes of zeros.
            if sum(entry.file_size for entry in archive.infolist()) > most_bytes:
                raise ValueError("it is too large")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(arrays.pop(_ABOUT).item())
        if about.pop("sha256") != _checksum(about, arrays):
            raise ValueError("its checksum is wrong")
    except (zipfile.BadZipFile, LookupError, TypeError, AttributeError, EOFError, RecursionError) as error:
        raise ValueError("it is damaged") from error
    return about, arrays


def _checksum(about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
