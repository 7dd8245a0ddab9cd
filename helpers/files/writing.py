"""Files are written so that none is lost and none is left half written."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from helpers.errors import CourseError, MissingFileError, OutputError, reason

_PROBED = 32 << 20


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A file that appears whole or not at all: what is written to the path yielded becomes ``path``.

    Raises ``MissingFileError`` where the folder is missing, ``OutputError`` where it cannot be written.
    """
    _check_folder(path)
    partial = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        yield partial
        # What is not on the disk yet when the power fails would leave an empty file under the name.
        with partial.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except CourseError:
        raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error)}.") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike, needed: int = 0) -> None:
    """Find out before a long run whether its file can be written after it.

    ``needed``: how many bytes it will hold; as many, up to 32 MB, are written beside it and taken away again.
    Raises as ``written_whole`` does.
    """
    path = Path(path)
    _check_folder(path)
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file in it.")
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(f"{path} cannot be replaced: it is read-only.")
    check_room(path, needed)
    probe = path.with_name(f".{path.name[:100]}.{os.getpid()}.probe")
    try:
        with probe.open("wb") as file:
            file.write(bytes(min(needed, _PROBED)))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error)}.") from error
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def check_room(path: Path, needed: int) -> None:
    """Raise ``OutputError`` where a disk has not as many bytes free as a file needs."""
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return
    if free < needed:
        raise OutputError(
            f"{path} needs {needed / 1e6:.1f} MB and {free / 1e6:.1f} MB are free: make room there."
        )


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise MissingFileError(f"There is no folder {path.parent} to write {path.name} into.")


def safe_stem(name: str | os.PathLike, least: str = "picture") -> str:
    """A file's name without folder and ending, of letters, digits and ``-_.`` alone, to name another by.

    Whatever someone called an upload, ``output / safe_stem(name)`` lies in ``output``.
    """
    stem = Path(os.fspath(name).replace("\\", "/")).stem
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in stem)
    return kept.strip("._")[:60] or least
