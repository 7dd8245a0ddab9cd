"""The command line: ``python3 course.py transfer`` and the other commands."""

import argparse
import contextlib
import itertools
import logging
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import helpers
from helpers.errors import ArgumentError, CourseError, OutputExistsError, reason
from helpers.files.bundled import IMAGES, OUTPUT, picture_sources
from helpers.files.writing import check_writable, safe_stem, shortened
from helpers.images import image_format
from helpers.options import merged
from helpers.tools.parser import STYLE, given, parse

_OF_MANY_RUNS = ("frames", "benchmark", "results")
"""Commands that a signal ends with all their runs: what one of them returned early would pass for whole."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status.

    0 after success; 1 after an error, which is printed as one sentence; 128 plus the signal's number after
    Ctrl-C or SIGTERM, where a run ends early and its picture is saved.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal or pipe may lack a character of a message or of a picture's name.
            stream.reconfigure(errors="replace")
    options = parse(arguments)
    if options.verbose:
        logging.basicConfig(format="%(message)s")
        logging.getLogger("helpers").setLevel(logging.INFO)
    with _signals_as_interrupts(options.command in _OF_MANY_RUNS) as options.signals:
        try:
            _run(options)
        except KeyboardInterrupt:
            print(f"{options.command}: stopped before there was a picture to save.", file=sys.stderr)
        except _Stopped:
            print(f"{options.command}: stopped; what was finished is kept.", file=sys.stderr)
        except Exception as error:
            print(f"{options.command}: {_sentence(error)}", file=sys.stderr)
            logging.getLogger("helpers").info("It was raised here:", exc_info=error)
            return 1
    return 128 + options.signals[0] if options.signals else 0


class _Stopped(BaseException):
    """Unlike ``KeyboardInterrupt`` it is not caught by a run, which would return an unfinished picture."""


@contextlib.contextmanager
def _signals_as_interrupts(of_many_runs: bool) -> Iterator[list[int]]:
    """Handle SIGTERM as Ctrl-C, and yield the list of what was received."""
    received: list[int] = []

    def interrupt(number: int, _: Any) -> None:
        received.append(number)
        raise _Stopped if of_many_runs else KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(options: argparse.Namespace) -> None:
    """Run a command."""
    for name in ("styles", "contents", "photos", "masks", "style_masks"):
        if (sources := getattr(options, name, None)) is not None:
            setattr(options, name, picture_sources(sources))
    match options.command:
        case "transfer":
            _transfer(options)
        case "reconstruct":
            path = _picture_path(options, f"{safe_stem(options.picture)}_from_{safe_stem(options.layer)}")
            _paint(options, path, "reconstruct", options.picture, **given(options))
        case "texture":
            path = _picture_path(options, f"{safe_stem(options.picture)}_texture")
            _paint(options, path, "synthesize_texture", options.picture, **given(options))
        case "again":
            path = _picture_path(options, f"{safe_stem(options.picture)}_again")
            _paint(options, path, "again", options.picture, **given(options))
        case "paint":
            _paint_photos(options)
        case "train-painter":
            _train_painter(options)
        case "frames":
            _frames(options)
        case "gallery":
            from helpers.tools.gallery import paint_gallery

            arguments = merged(helpers.load_preset(options.preset), given(options))
            more = {name: getattr(options, name) for name in ("workers", "scheduler", "overwrite")}
            paint_gallery(options.contents, options.styles, options.output, arguments, **more)
        case "benchmark":
            from helpers.tools.benchmark import benchmark

            options.output.mkdir(parents=True, exist_ok=True)
            benchmark(options.content, options.style, options.output, options.quick)
        case "results":
            _results(options)
        case "slides":
            from helpers.tools.slides import write_slides

            _print_paths(write_slides(options.lessons, options.output))
        case "handout":
            from helpers.tools.handout import write_handouts

            how = {"run": not options.no_run, "fast": options.fast, "overwrite": options.overwrite}
            _print_paths(write_handouts(options.lessons, options.output, **how))
        case "run":
            from helpers.tools.site import write_site

            covers = IMAGES / "lessons" if options.covers else None
            _print_paths([write_site(options.output, covers)])
        case "publish":
            from helpers.tools.publish import publish

            _print_paths(publish(options.repository, options.branch))


def _transfer(options: argparse.Namespace) -> None:
    styles = options.styles or [STYLE]
    path = _picture_path(options, shortened("_".join(map(safe_stem, (options.content, *styles))), 120))
    frames, callbacks = [], []
    if options.film is not None:
        image_format(options.film, film=True)
        _check_output(options.film, options.overwrite)
        callbacks.append(helpers.filming(frames))
    arguments = _arguments_of_transfer(options)
    if options.save_every is not None:
        callbacks.append(_save_steps(path, options))
    if callbacks:
        arguments["callback"] = lambda record, image: [callback(record, image) for callback in callbacks]
    style = styles[0] if len(styles) == 1 else styles
    _paint(options, path, "transfer", options.content, style, **arguments)
    if frames:
        _print_paths([helpers.save_film(frames, options.film)])


def _arguments_of_transfer(options: argparse.Namespace) -> dict[str, Any]:
    """The preset's arguments, overridden by those of ``--as-printed`` and by those given one by one."""
    arguments, converted = given(options), {}
    if options.as_printed:
        weights = arguments.pop("content_weight", None), arguments.pop("style_weight", None)
        converted = helpers.as_printed(options.as_printed, *weights)
    arguments = merged(helpers.load_preset(options.preset), converted, arguments)
    if options.save_preset is not None:
        _check_output(options.save_preset, options.overwrite)
        from helpers.settings import NOT_IN_A_PRESET

        saved = {name: value for name, value in arguments.items() if name not in NOT_IN_A_PRESET}
        helpers.save_preset(options.save_preset, **saved)
    return arguments


def _save_steps(path: Path, options: argparse.Namespace) -> Callable[[Any, Any], None]:
    """A callback that saves the picture of every ``--save-every``-th step in a folder beside ``path``."""
    folder = path.with_name(f"{path.stem}_steps")
    if not options.resume:
        _check_free(folder, options.overwrite)

    def save(record: Any, image: Any) -> None:
        if record["step"] % options.save_every == 0:
            # Created here and not before, so that a run that fails at the start leaves no folder.
            folder.mkdir(exist_ok=True)
            helpers.save_image(image(), folder / f"{record['step']:04d}{path.suffix}")

    return save


def _paint(options: argparse.Namespace, path: Path, recipe: str, *pictures: Any, **arguments: Any) -> None:
    """Call a recipe with a checkpoint beside ``path``, save its picture, and delete the checkpoint."""
    checkpoint = _checkpoint_of(path)
    arguments = merged(arguments, {"checkpoint": checkpoint, "resume": options.resume})
    result = getattr(helpers, recipe)(*pictures, **arguments)
    _finish(options, path, result.save, len(result.history), result.settings["arguments"]["steps"])


def _finish(
    options: argparse.Namespace, path: Path, save: Callable[[Path], Any], taken: int, steps: int
) -> None:
    """Save what a run made, and delete its checkpoint unless it was stopped, after ``taken`` of ``steps``."""
    checkpoint = _checkpoint_of(path)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if path.exists() and not (options.overwrite or options.resume):
        path = _free_path(path)  # Another process has written it during the run.
    save(path)
    if not options.signals:
        checkpoint.unlink(missing_ok=True)
    _print_paths([path])
    if options.signals:
        print(
            f"Stopped at step {taken} of {steps}; the same command with --resume continues it.",
            file=sys.stderr,
        )


def _paint_photos(options: argparse.Namespace) -> None:
    if options.output is not None and len(options.contents) > 1:
        raise ArgumentError("--output names one picture; without it, several pictures get names in output/.")
    painter = helpers.load_painter(options.painter)
    name = safe_stem(options.painter)
    arguments = {"size": options.size, "style_weight": options.style_weight, "seed": options.seed or 0}
    for photo in options.contents:
        path = options.output or _free_path(OUTPUT / f"{safe_stem(photo)}_by_{name}.png")
        image_format(path)
        _check_output(path, options.overwrite)
        _print_paths([helpers.save_image(helpers.paint(photo, painter, **arguments), path)])


def _train_painter(options: argparse.Namespace) -> None:
    from helpers.engine.checkpoints import settings_of_training
    from helpers.painter.network import check_painter_name
    from helpers.painter.training import steps_within

    default = OUTPUT / f"painter_{safe_stem(options.style)}.npz"
    path = _output_path(options, default, check_painter_name, needed=5_000_000)
    checkpoint = _checkpoint_of(path)
    photos = options.photos or helpers.bundled_images("content")
    names = ("start", "style_size", "style_weight", "seed", "weights")
    arguments = {name: getattr(options, name) for name in names}
    if options.resume:
        arguments["steps"] = settings_of_training(checkpoint)["steps"]
    else:
        arguments["steps"] = options.steps or steps_within(options.minutes, options.style, options.weights)
    preview = path.with_name(f"{path.stem}_preview.png")
    photo = helpers.load_image(photos[0], 256)
    written = 0.0

    def write_preview(record: Any, painted: Callable[[], Any]) -> None:
        nonlocal written
        if record["seconds"] - written > 15 or record["step"] == arguments["steps"]:
            written = record["seconds"]
            helpers.save_image(np.hstack([photo, painted()]), preview)

    painter = helpers.train_painter(
        options.style,
        photos,
        checkpoint=checkpoint,
        resume=options.resume,
        callback=write_preview,
        **arguments,
    )
    _finish(options, path, painter.save, painter.settings["steps_taken"], arguments["steps"])
    if preview.exists():
        _print_paths([preview])


def _frames(options: argparse.Namespace) -> None:
    name = f"{safe_stem(options.source)}_{safe_stem(options.style)}.webp"
    path = options.output or _free_path(OUTPUT / name)
    image_format(path, film=True)
    _check_output(path, options.overwrite)
    arguments = merged(given(options))
    motion = {"none": None, "shift": helpers.shift, "flow": helpers.optical_flow}[options.motion]
    frames = list(helpers.load_frames(options.source, arguments.pop("size")))
    results = helpers.paint_frames(
        frames,
        options.style,
        path.with_suffix(""),
        next_steps=options.next_steps,
        consistency_weight=options.consistency_weight,
        motion=motion,
        **arguments,
    )
    painted = [result.image for result in results]
    _print_paths([helpers.save_film(painted, path, seconds=len(painted) / 12)])
    if len(painted) > 1:
        change, change_of_source = (helpers.flicker(film, frames, motion) for film in (painted, frames))
        print(
            f"Flicker, the mean change from frame to frame along the motion: {change:.1f} gray levels; "
            f"of the source: {change_of_source:.1f}."
        )


def _results(options: argparse.Namespace) -> None:
    """Repeat the runs of the pictures under images/results/, from the settings inside them."""
    paths = {path.stem: path for path in sorted((IMAGES / "results").rglob("*.png"))}
    unknown = [name for name in options.names if name not in paths]
    if unknown:
        raise ArgumentError(f"There is no result {', '.join(unknown)}; there are {', '.join(paths)}.")
    for name in options.names or paths:
        # None: the recipe's default, since another machine may be slow in the recorded precision.
        result = helpers.again(paths[name], network={"precision": None})
        _print_paths([result.save(paths[name])])


def _picture_path(options: argparse.Namespace, stem: str) -> Path:
    """Where the picture of a recipe will be saved, see ``_output_path``."""
    needed = 6 * (options.size or 512) ** 2
    return _output_path(options, OUTPUT / f"{stem}.png", image_format, needed)


def _output_path(
    options: argparse.Namespace, default: Path, check_name: Callable[[Path], Any], needed: int
) -> Path:
    """Where the file of a run will be saved. Raises now whatever would prevent that after a long run.

    ``default``: the path without ``--output``, numbered if it is taken. ``check_name``: raises for a wrong
    ending. ``needed``: the size of the file in bytes.
    """
    if options.output is None:
        path = (_interrupted(default) if options.resume else None) or _free_path(default)
    else:
        path = options.output
        check_name(path)
        checkpoint = _checkpoint_of(path)
        if checkpoint.exists() and not (options.resume or options.overwrite):
            raise OutputExistsError(
                f"{checkpoint} is of an interrupted run: --resume continues it, --overwrite starts again."
            )
    is_resumed = options.resume and _checkpoint_of(path).exists()
    _check_output(path, options.overwrite or is_resumed, needed)
    return path


def _checkpoint_of(path: Path) -> Path:
    return path.with_name(f"{shortened(path.name, 220)}.checkpoint")


def _numbered(path: Path) -> Iterator[Path]:
    """Paths ``name.png``, ``name-2.png``, ``name-3.png`` and so on."""
    return itertools.chain([path], (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2)))


def _is_taken(path: Path) -> bool:
    return path.exists() or _checkpoint_of(path).exists()


def _free_path(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return next(itertools.filterfalse(_is_taken, _numbered(path)))


def _interrupted(path: Path) -> Path | None:
    """The numbered path whose checkpoint is the newest, or ``None`` if there is no checkpoint."""
    taken = itertools.takewhile(_is_taken, _numbered(path))
    resumable = [path for path in taken if _checkpoint_of(path).exists()]
    return max(resumable, key=lambda path: _checkpoint_of(path).stat().st_mtime, default=None)


def _check_free(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise OutputExistsError(f"{path} exists already; --overwrite replaces it.")


def _check_output(path: Path, overwrite: bool, needed: int = 0) -> None:
    """Raise whatever would prevent a file of ``needed`` bytes from being written after a long run."""
    _check_free(path, overwrite)
    check_writable(path, needed)


def _print_paths(paths: Iterable[Path]) -> None:
    """Print each path as soon as its file is written, relative to the current folder if it is inside."""
    for path in paths:
        is_inside = path.is_relative_to(Path.cwd())
        # The file is written, whether or not somebody still listens.
        with contextlib.suppress(OSError):
            print(path.relative_to(Path.cwd()) if is_inside else path, flush=True)


def _sentence(error: Exception) -> str:
    """An error as one sentence."""
    if isinstance(error, CourseError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {reason(error)}."
    if isinstance(error, (OSError, ImportError)):
        return f"{reason(error)}."
    return f"unexpected error, {type(error).__name__}: {reason(error)}; --verbose shows where it was raised."
