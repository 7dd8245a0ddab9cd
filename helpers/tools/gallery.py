"""A gallery: every content image in every style, painted by processes or by the workers of a Dask cluster."""

import contextlib
import functools
import inspect
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from helpers.compute.framework import device
from helpers.engine.memory import GB, HEADROOM, free_memory
from helpers.engine.run import fingerprint
from helpers.errors import ArgumentError, OutputExistsError, RunError, check_whole, reason
from helpers.files.bundled import bundled_pictures
from helpers.files.writing import atomic_write, safe_stem
from helpers.images import load_image
from helpers.layers import STYLE_LAYERS, layer_names
from helpers.options import GROUPS, merged
from helpers.recipes import transfer, usual_options
from helpers.tools.finished import checksum, finished, save_finished

Source = str | os.PathLike


class Job(NamedTuple):
    """One picture of a gallery."""

    arguments: dict[str, Any]
    """Arguments of ``transfer``, JSON-ready."""
    made_from: str
    """The checksum of the arguments and of the two images."""


def paint_gallery(
    contents: Iterable[Source],
    styles: Iterable[Source],
    folder: Source,
    arguments: Mapping[str, Any] | None = None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Paint every content image in every style, each pair into ``CONTENT_STYLE.png``.

    A picture that exists already, made from the same two images with the same arguments, is skipped, so that
    an interrupted call can be repeated. One line is printed for each picture.

    ``contents``, ``styles``: paths or bundled names. ``folder``: created if missing.
    ``arguments``: JSON-ready arguments of ``transfer`` for all pairs, such as ``{"size": 256}``.
    ``workers``: the number of processes at a time on this machine, chosen by its cores and its memory by
    default.
    ``scheduler``: address of a Dask scheduler whose workers paint instead, such as ``"tcp://host:8786"``.
    They need this course's packages, and its folder on their path, but no file system shared with this
    machine. Give each a single thread (``dask worker --nthreads 1``): a transfer uses several cores itself.
    ``overwrite``: replace files that hold something else.

    Returns the paths of all pictures, content image by content image.
    Raises, before it paints, ``ArgumentError`` for invalid arguments, ``OutputExistsError`` for a file that
    holds something else, ``ImportError`` without the package ``distributed``, ``ConnectionError`` for a
    scheduler that does not answer, and the errors of ``load_image``; ``RuntimeError`` at the end, with the
    reason for each picture that could not be painted.
    """
    if workers is not None:
        check_whole("The number of workers", workers)
    folder = Path(folder)
    jobs = _jobs(list(map(os.fspath, contents)), list(map(os.fspath, styles)), folder, arguments or {})
    done = _done(jobs, overwrite)
    missing = {path: job for path, job in jobs.items() if path not in done}
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(done, 1):
        print(f"{number} of {len(jobs)}: {path.name} is there already", flush=True)
    if not missing:
        return list(jobs)
    failed = []
    with _on_cluster(scheduler) if scheduler else _in_processes(workers) as start:
        paths = {start(path, job): path for path, job in missing.items()}
        for number, painting in enumerate(as_completed(paths), len(done) + 1):
            path, ended = paths.pop(painting), ""
            try:
                if (picture := painting.result()) is not None:
                    with atomic_write(path) as partial:
                        partial.write_bytes(picture)
            except Exception as error:
                failed.append(f"{path.name} ({reason(error)})")
                ended = " failed"
            print(f"{number} of {len(jobs)}: {path.name}{ended}", flush=True)
    if failed:
        raise RunError(f"{len(failed)} of {len(jobs)} pictures are missing: {'; '.join(failed)}.")
    return list(jobs)


def _jobs(
    contents: list[str], styles: list[str], folder: Path, arguments: Mapping[str, Any]
) -> dict[Path, Job]:
    """The job of each pair, by the path of its picture. Raises for arguments or images that do not fit."""
    if not contents or not styles:
        raise ArgumentError("A gallery needs at least one content image and one style image.")
    given = json.loads(json.dumps(merged(arguments, {"progress": False}), default=os.fspath))
    try:
        inspect.signature(transfer).bind(contents[0], styles[0], **given)
    except TypeError as error:
        raise ArgumentError(f"This is no setting of a transfer: {reason(error)}.") from None
    usual_options(*(given.get(name, {}) for name in GROUPS))
    layer_names(given.get("style_layers", STYLE_LAYERS))
    images = {source: fingerprint(load_image(source, given.get("size"))) for source in (*contents, *styles)}
    jobs: dict[Path, Job] = {}
    for content, style in itertools.product(contents, styles):
        path = folder / f"{safe_stem(content)}_{safe_stem(style)}.png"
        if path in jobs:
            raise ArgumentError(f"Two pairs would both be called {path.name}; rename or leave out a picture.")
        made_from = checksum(given, images[content], images[style])
        jobs[path] = Job({**given, "content": content, "style": style}, made_from)
    return jobs


def _done(jobs: dict[Path, Job], overwrite: bool) -> list[Path]:
    """The paths whose pictures exist already. Raises ``OutputExistsError`` for any other existing file."""
    done = [path for path in jobs if finished(path, jobs[path].made_from)]
    other = [path for path in jobs if path not in done and os.path.lexists(path)]
    if other and not overwrite:
        raise OutputExistsError(
            f"{other[0]} was not made from these pictures with these settings: choose another folder, or "
            "let it be overwritten with --overwrite."
        )
    return done


@contextlib.contextmanager
def _in_processes(workers: int | None) -> Iterator[Callable[[Path, Job], Future]]:
    """Yield what paints a job in a process of its own, ``workers`` at a time; at the end none is left."""
    cores = os.cpu_count() or 1
    if workers is None:
        # One process takes the whole GPU; on a CPU a transfer makes good use of four cores and 6 GB.
        workers = 1 if device() == "gpu" else max(1, min(cores // 4, int(free_memory() / (6 * GB))))
    python_path = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        "TF_NUM_INTRAOP_THREADS": str(max(1, cores // workers)),
        **os.environ,
        "PYTHONPATH": os.pathsep.join(python_path),
    }
    # By default each process would take most of the free memory, regardless of the others.
    memory = {"memory": HEADROOM * free_memory() / workers / GB}
    running: list[subprocess.Popen] = []

    def paint(path: Path, job: Job) -> None:
        job = job._replace(arguments=merged(memory, job.arguments))
        command = [sys.executable, "-P", "-m", "helpers.tools.gallery", json.dumps(job), path]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        running.append(process)
        errors = process.communicate()[1].decode(errors="replace").split("\n")
        if process.returncode:
            # The last line that a process wrote says why it failed, unless something killed it.
            last = next((line.strip() for line in reversed(errors) if line.strip()), "")
            status = f"its process ended with status {process.returncode}"
            raise RunError(last if last and process.returncode > 0 else status)

    with ThreadPoolExecutor(workers) as threads:
        try:
            yield functools.partial(threads.submit, paint)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            for process in running:
                process.kill()


@contextlib.contextmanager
def _on_cluster(scheduler: str) -> Iterator[Callable[[Path, Job], Future]]:
    """Yield what paints a job on a worker of a Dask cluster, and returns its picture."""
    from distributed import Client

    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError):
        raise ConnectionError(f"No Dask scheduler answers at {scheduler}.") from None
    with client:
        if not client.nthreads():
            print(f"{scheduler} has no workers yet; waiting for the first.", flush=True)
        workers = client.get_executor(retries=2, pure=False)
        yield lambda _, job: workers.submit(_painted, job, _files(job.arguments))


def _files(arguments: Mapping[str, Any]) -> dict[str, bytes]:
    """The bytes of the files among some arguments, for a worker that has only the bundled pictures."""
    named = {name: arguments.get(name, "") for name in ("content", "style", "start")}
    return {
        name: Path(file).read_bytes()
        for name, file in named.items()
        if file not in bundled_pictures() and os.path.isfile(file)
    }


def _painted(job: Job, files: Mapping[str, bytes]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.png")
        paint_pair(job, path, files)
        return path.read_bytes()


def paint_pair(job: Job, path: Path, files: Mapping[str, bytes]) -> None:
    """Paint one pair into its file.

    ``files``: the pictures among the arguments, on a machine that cannot read them.
    """
    result = transfer(**merged(job.arguments, files))
    # The result knows only bytes; its settings must name the pictures, as those of a local process do.
    result.settings["arguments"].update({name: job.arguments[name] for name in files})
    save_finished(result, path, job.made_from)


if __name__ == "__main__":
    # An interrupted transfer would return early, and its unfinished picture would be saved.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    paint_pair(Job(*json.loads(sys.argv[1])), Path(sys.argv[2]), {})
