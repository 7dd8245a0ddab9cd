"""Writing files without losing existing ones and without leaving incomplete ones."""

import contextlib
import glob
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from helpers.errors import CourseError, MissingFileError, OutputError, reason


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file that replaces ``path`` at the end, unless there is an error.

    Raises ``MissingFileError`` if the folder is missing, ``OutputError`` if the file cannot be written.
    """
    _check_folder(path)
    partial = path.with_name(f".{shortened(path.name, 100)}.{os.getpid()}.part")
    try:
        yield partial
        # Without it, a power failure after the renaming could leave an empty file.
        with partial.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except CourseError:
        raise
    except (OSError, ValueError) as error:
        # Pillow raises both where a format has limits, such as the 16383 pixels per side of WebP.
        raise OutputError(f"{path} cannot be written: {reason(error)}.") from error
    finally:
        # Those of processes that were killed as well.
        for leftover in path.parent.glob(f".{glob.escape(shortened(path.name, 100))}.[0-9]*.part"):
            number = int(leftover.name.rsplit(".", 2)[1])
            if number == os.getpid() or not psutil.pid_exists(number):
                with contextlib.suppress(OSError):
                    leftover.unlink()


def check_writable(path: str | os.PathLike, needed: int = 0) -> None:
    """Check before a long run that its output file, of ``needed`` bytes, can be written.

    Raises the errors of ``atomic_write``.
    """
    path = Path(path)
    _check_folder(path)
    if path.is_dir() or (path.exists() and not os.access(path, os.W_OK)):
        raise OutputError(f"{path} cannot be replaced: it is a folder or read-only.")
    check_room(path, needed)
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error)}.") from error


def check_room(path: Path, needed: int) -> None:
    """Raise ``OutputError`` if the disk has less free space than a file needs, in bytes."""
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return
    if free < needed:
        raise OutputError(
            f"{path} needs {needed / 1e6:.1f} MB and {free / 1e6:.1f} MB are free: delete other files first."
        )


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise MissingFileError(f"There is no folder {path.parent} to write {path.name} into.")


def safe_stem(name: str | os.PathLike) -> str:
    """A file's name without folder and extension, with only letters, digits and ``-_.`` in it.

    Whatever the name of an uploaded file, ``output / safe_stem(name)`` is in the folder ``output``.
    """
    stem = Path(os.fspath(name).replace("\\", "/")).stem
    return shortened(re.sub(r"[^\w.-]", "_", stem).strip("._"), 60) or "picture"


def shortened(name: str, most: int) -> str:
    """A file's name of at most ``most`` bytes, in which file systems count; shortened names differ."""
    encoded = os.fsencode(name)
    if len(encoded) <= most:
        return name
    mark = hashlib.sha256(encoded).hexdigest()[:8]
    return f"{encoded[: most - 9].decode(errors='ignore')}-{mark}"
