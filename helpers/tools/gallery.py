"""Many pictures: every content image in every style, over processes here or over a Dask cluster."""

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
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from helpers.compute.framework import device
from helpers.engine.memory import GB, HEADROOM, free_memory
from helpers.engine.run import NOT_NOTED, fingerprint, json_ready
from helpers.errors import ArgumentError, CheckpointError, OutputExistsError, RunError, check_whole, reason
from helpers.files.bundled import bundled_image
from helpers.files.writing import safe_stem, written_whole
from helpers.images import load_image, read_settings
from helpers.layers import layer_name, layer_names
from helpers.options import GROUPS, merged
from helpers.recipes import style_side, transfer, usual_options
from helpers.settings import current_settings

_OF_A_PAINTER = 6 * GB
"""As many processes paint at a time as have this much memory each."""

Source = str | os.PathLike
Job = dict[str, Any]
Finished = Iterator[tuple[Path, str | None]]
"""The path of each pair that came to an end, and why it failed if it did."""


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

    Called again, it paints only what is missing: a pair is done if its file tells of the same two pictures
    and the same arguments. One line is printed for each picture.

    ``contents``, ``styles``: paths or bundled names. ``folder``: made if missing.
    ``arguments``: JSON-ready arguments of ``transfer`` for all pairs, such as ``{"size": 256}``.
    ``workers``: how many processes paint at a time on this machine, by default as many as its cores and
    its memory serve well. If one dies, its pair is tried once more.
    ``scheduler``: address of a Dask scheduler whose workers paint instead, such as ``"tcp://host:8786"``.
    They need this course's packages and its folder on their path, and no disk in common with this machine.
    Give each a single thread (``dask worker --nthreads 1``), since a transfer keeps several cores busy.
    ``overwrite``: replace files that hold something else.

    Returns the paths of all pictures, content image by content image.
    Raises, before it paints, ``ArgumentError`` for input that does not fit,
    ``OutputExistsError`` for a file that holds something else, ``ImportError`` without the package
    ``distributed``, ``ConnectionError`` for a scheduler that does not answer, and as ``load_image`` does;
    ``RuntimeError`` at the end, with the reason for each picture that could not be painted.
    """
    if workers is not None:
        check_whole("The number of workers", workers)
    folder = Path(folder)
    jobs = _jobs(list(map(os.fspath, contents)), list(map(os.fspath, styles)), folder, arguments or {})
    done = _done(jobs, overwrite)
    todo = {path: job for path, job in jobs.items() if path not in done}
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(done, 1):
        print(f"{number} of {len(jobs)}: {path.name} is there already", flush=True)
    failed = []
    if todo:
        finished = _over_cluster(todo, scheduler) if scheduler else _over_processes(todo, workers)
        with contextlib.closing(finished):
            for number, (path, why) in enumerate(finished, len(done) + 1):
                print(f"{number} of {len(jobs)}: {path.name}{' failed' if why else ''}", flush=True)
                if why:
                    failed.append(f"{path.name} ({why})")
    if failed:
        raise RunError(f"{len(failed)} of {len(jobs)} pictures are missing: {'; '.join(failed)}.")
    return list(jobs)


def _jobs(
    contents: list[str], styles: list[str], folder: Path, arguments: Mapping[str, Any]
) -> dict[Path, Job]:
    if not contents or not styles:
        raise ArgumentError("A gallery needs at least one content image and one style image.")
    given = json.loads(json.dumps(merged(arguments), default=os.fspath))
    jobs: dict[Path, Job] = {}
    for content, style in itertools.product(contents, styles):
        path = folder / f"{safe_stem(content)}_{safe_stem(style)}.png"
        if path in jobs:
            raise ArgumentError(f"Two pairs would both be called {path.name}; rename or leave out a picture.")
        jobs[path] = {
            **given,
            "content": content,
            "style": style,
            "run": {**given.get("run", {}), "progress": False},
        }
        _wanted(jobs[path])
    for source in (*contents, *styles):
        load_image(source, given.get("size"))
    return jobs


def _wanted(job: Job) -> Job:
    """All arguments that ``transfer`` would note for a job, those not given included."""
    try:
        bound = inspect.signature(transfer).bind(**job)
    except TypeError as error:
        raise ArgumentError(f"This is no setting of a transfer: {reason(error)}.") from None
    bound.apply_defaults()
    wanted = {**bound.arguments}
    options = usual_options(*(wanted.pop(name) for name in GROUPS))
    for name in ("content", "style", "callback"):
        del wanted[name]
    wanted["content_layer"] = layer_name(wanted["content_layer"])
    wanted["style_layers"] = layer_names(wanted["style_layers"])
    # What "auto" stands for is the choice of the machine that paints, so either outcome is as wanted.
    of_groups = {
        group: {n: v for n, v in vars(each).items() if v != "auto" and n not in ("memory", *NOT_NOTED)}
        for group, each in zip(GROUPS, options, strict=True)
    }
    return json_ready({**wanted, **of_groups})


def _is_as_wanted(noted: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the arguments noted with a picture are those wanted; of a group, those that are named."""
    return all(
        _is_as_wanted(noted.get(name) or {}, value) if name in GROUPS else noted.get(name) == value
        for name, value in wanted.items()
    )


def _done(jobs: dict[Path, Job], overwrite: bool) -> list[Path]:
    # A checksum of a large picture takes a while, and it is compared once for each style image.
    checksum = functools.cache(_checksum)
    side = functools.cache(lambda source: min(load_image(source).shape[:2]))

    def is_done(path: Path, job: Job) -> bool:
        try:
            settings = current_settings(read_settings(path))
            noted, inputs = settings["arguments"], settings["inputs"]
            sums = inputs["content"]["sha256"], inputs["style"]["sha256"]
        except (KeyError, OSError, TypeError, ValueError):
            return False
        content, style, size = job["content"], job["style"], job.get("size")
        if not _is_as_wanted(noted, _wanted(job)):
            return False
        of_style = style_side(size or side(content), side(style), job.get("style_scale", 1.0))
        return sums == (checksum(content, size), checksum(style, of_style))

    there = [path for path in jobs if os.path.lexists(path)]
    done = [path for path in there if is_done(path, jobs[path])]
    other = [path for path in there if path not in done]
    if other and not overwrite:
        raise OutputExistsError(
            f"{other[0]} was not made from these pictures with these settings: choose another folder, or "
            "let it be overwritten with --overwrite."
        )
    return done


def _checksum(source: str, size: int | None) -> str:
    return fingerprint(load_image(source, size))["sha256"]


def _over_processes(jobs: dict[Path, Job], workers: int | None) -> Finished:
    cores = os.cpu_count() or 1
    if workers is None:
        # A GPU is taken whole by one process; on a CPU a transfer makes good use of about four cores.
        fitting = 1 if device() == "gpu" else min(cores // 4, int(free_memory() / _OF_A_PAINTER))
        workers = max(1, fitting)
    search = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        "TF_NUM_INTRAOP_THREADS": str(max(1, cores // workers)),
        **os.environ,
        "PYTHONPATH": os.pathsep.join(search),
    }
    # Each would take most of what is free, not knowing of the others.
    share = {"memory": HEADROOM * free_memory() / workers / GB}
    jobs = {path: {**job, "run": {**share, **job["run"]}} for path, job in jobs.items()}
    waiting, died = list(jobs), set()
    running: dict[Path, subprocess.Popen] = {}
    with tempfile.TemporaryDirectory() as said:
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    path = waiting.pop(0)
                    module = ["-P", "-m", "helpers.tools.gallery"]
                    command = [sys.executable, *module, json.dumps(jobs[path]), path]
                    # Into a file, since a pipe that nobody empties would stop a process that says much.
                    with open(Path(said, path.name), "wb") as stderr:
                        running[path] = subprocess.Popen(command, env=environment, stderr=stderr)
                time.sleep(0.05)
                for path in [path for path, process in running.items() if process.poll() is not None]:
                    status = running.pop(path).returncode
                    if status < 0 and path not in died:
                        died.add(path)
                        waiting.append(path)
                    else:
                        yield path, _reason(status, Path(said, path.name))
        finally:
            for process in running.values():
                process.kill()
                process.wait()


def _reason(status: int, said: Path) -> str | None:
    if status < 0:
        return f"its process was ended by signal {-status}, twice"
    lines = said.read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return (last or f"its process ended with status {status}") if status else None


def _over_cluster(jobs: dict[Path, Job], scheduler: str) -> Finished:
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise ImportError(
            f"A Dask cluster needs one more package: {sys.executable} -m pip install distributed"
        ) from None
    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError):
        raise ConnectionError(f"No Dask scheduler answers at {scheduler}.") from None
    with client:
        if not client.nthreads():
            print(f"{scheduler} has no workers yet; the pictures wait for the first.", flush=True)
        paths = {
            client.submit(_painted, job, _files(job), retries=2, pure=False): path
            for path, job in jobs.items()
        }
        for future in as_completed(paths):
            path = paths[future]
            try:
                _write(future.result(), path)
            except Exception as error:
                yield path, " ".join(f"{type(error).__name__}: {error}".split())
            else:
                yield path, None
            future.release()


def _files(job: Job) -> dict[str, bytes]:
    """The bytes of a job's pictures, for a worker that cannot see this disk."""
    files = {}
    for name in ("content", "style", "start"):
        source = job.get(name, "content")
        if name != "start" or source not in ("content", "style", "noise"):
            path = Path(source) if os.path.exists(source) else bundled_image(source)
            files[name] = path.read_bytes()
    return files


def _painted(job: Job, files: dict[str, bytes]) -> bytes:
    result = transfer(**{**job, **files})
    # The bytes have no name; the settings are to say the same as those of a picture painted at home.
    result.settings["arguments"].update({name: job[name] for name in files})
    with tempfile.TemporaryDirectory() as folder:
        return result.save(Path(folder, "picture.png")).read_bytes()


def paint_pair(job: Job, path: Path) -> None:
    """Paint one pair into its file, from where an earlier try at the same pair was cut off."""
    kept = path.with_name(f"{path.name}.checkpoint")
    try:
        result = transfer(**merged(job, {"checkpoint": kept, "resume": True}))
    except CheckpointError:
        # Of a run with other settings, which is not wanted any more.
        kept.unlink()
        result = transfer(**merged(job, {"checkpoint": kept}))
    result.save(path)
    kept.unlink(missing_ok=True)


def _write(png: bytes, path: Path) -> None:
    with written_whole(path) as partial:
        partial.write_bytes(png)


if __name__ == "__main__":
    # By default an interrupted transfer returns early, and half a style would pass for a whole one.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    paint_pair(json.loads(sys.argv[1]), Path(sys.argv[2]))
