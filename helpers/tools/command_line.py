"""The command line: ``python3 course.py transfer`` and the other commands."""

import argparse
import contextlib
import dataclasses
import itertools
import logging
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import helpers
from helpers.errors import CourseError, MissingFileError, OutputError, OutputExistsError, reason
from helpers.files.writing import check_writable, safe_stem
from helpers.images import image_format
from helpers.options import merged
from helpers.tools.parser import OUTPUT, STYLE, build_parser, given


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status.

    0 after success; 1 after an error, which is printed as one sentence; 128 plus the signal's number after
    Ctrl-C or SIGTERM, where a run ends early and its picture is saved.
    """
    options = build_parser().parse_args(arguments)
    if options.verbose:
        logging.basicConfig(format="%(message)s")
        logging.getLogger("helpers").setLevel(logging.INFO)
    with _signals_as_interrupts() as options.signals:
        try:
            COMMANDS[options.command](options)
        except KeyboardInterrupt:
            print(f"{options.command}: stopped before there was a picture to save.", file=sys.stderr)
        except _Stopped:
            print(f"{options.command}: stopped; what was finished is kept.", file=sys.stderr)
        except Exception as error:
            print(f"{options.command}: {_sentence(error)}", file=sys.stderr)
            logging.getLogger("helpers").info("It was raised here:", exc_info=error)
            return 1
    return 128 + options.signals.received[0] if options.signals.received else 0


@dataclasses.dataclass
class _Signals:
    """The signals received, Ctrl-C or SIGTERM, and what the next one does."""

    received: list[int] = dataclasses.field(default_factory=list)
    ignore: bool = False
    """A picture is being saved, which must not be interrupted."""
    stop_command: bool = False
    """The command has many runs: a signal ends all of them, and none returns an unfinished picture."""


class _Stopped(BaseException):
    """Unlike ``KeyboardInterrupt`` it is not caught by a run, which would return an unfinished picture."""


@contextlib.contextmanager
def _signals_as_interrupts() -> Iterator[_Signals]:
    """Handle SIGTERM as Ctrl-C, and record both."""
    signals = _Signals()

    def interrupt(number: int, _: Any) -> None:
        signals.received.append(number)
        if signals.stop_command:
            raise _Stopped
        if not signals.ignore:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_transfer(options: argparse.Namespace) -> None:
    """Paint a picture in the style of another."""
    styles = options.styles or [STYLE]
    path = _output_path(options, "_".join(map(safe_stem, (options.content, *styles))))
    frames, callbacks = [], []
    if options.film is not None:
        _check_film(options.film, options.overwrite)
        callbacks.append(helpers.filming(frames))
    arguments = _arguments_of_transfer(options)
    if options.save_every is not None:
        callbacks.append(_save_steps(path, options))
    if callbacks:
        arguments["callback"] = lambda record, image: [callback(record, image) for callback in callbacks]
    style = styles[0] if len(styles) == 1 else styles
    _paint(options, path, "transfer", options.content, style, **arguments)
    if frames:
        print(_relative(helpers.save_film(frames, options.film)))


def _arguments_of_transfer(options: argparse.Namespace) -> dict[str, Any]:
    """The preset's arguments, overridden by those of ``--as-printed`` and by those given one by one."""
    arguments, converted = given(options), {}
    if options.as_printed:
        weights = arguments.pop("content_weight", None), arguments.pop("style_weight", None)
        converted = helpers.as_printed(options.as_printed, *weights)
    arguments = merged(helpers.load_preset(options.preset), converted, arguments)
    if options.save_preset is not None:
        _refuse_existing(options.save_preset, options.overwrite)
        check_writable(options.save_preset)
        from helpers.settings import NOT_IN_A_PRESET

        saved = {name: value for name, value in arguments.items() if name not in NOT_IN_A_PRESET}
        helpers.save_preset(options.save_preset, **saved)
    return arguments


def _save_steps(path: Path, options: argparse.Namespace) -> Callable[[Any, Any], None]:
    """A callback that saves the picture of every ``--save-every``-th step in a folder beside ``path``."""
    folder = path.with_name(f"{path.stem}_steps")
    if not options.resume:
        _refuse_existing(folder, options.overwrite)

    def save(record: Any, image: Any) -> None:
        if record["step"] % options.save_every == 0:
            # Created here and not before, so that a run that fails at the start leaves no folder.
            folder.mkdir(exist_ok=True)
            helpers.save_image(image(), folder / f"{record['step']:04d}{path.suffix}")

    return save


def run_reconstruct(options: argparse.Namespace) -> None:
    """Reconstruct a picture from one layer's feature maps."""
    path = _output_path(options, f"{safe_stem(options.picture)}_from_{safe_stem(options.layer)}")
    _paint(options, path, "reconstruct", options.picture, options.layer, **given(options))


def run_texture(options: argparse.Namespace) -> None:
    """Synthesize a texture from a picture's Gram matrices."""
    path = _output_path(options, f"{safe_stem(options.picture)}_texture")
    arguments = {**given(options), "source_size": options.source_size}
    if options.layers is not None:
        arguments["layers"] = options.layers
    _paint(options, path, "synthesize_texture", options.picture, **arguments)


def run_again(options: argparse.Namespace) -> None:
    """Repeat the run that made a picture."""
    path = _output_path(options, f"{safe_stem(options.picture)}_again")
    _paint(options, path, "again", options.picture, **given(options))


def _paint(options: argparse.Namespace, path: Path, recipe: str, *pictures: Any, **arguments: Any) -> None:
    """Call a recipe with a checkpoint beside ``path``, and save its picture."""
    run = {"checkpoint": _checkpoint_of(path), "resume": options.resume}
    _save(getattr(helpers, recipe)(*pictures, **merged(arguments, run)), path, options)


def run_frames(options: argparse.Namespace) -> None:
    """Paint the frames of a film, and write the film."""
    name = f"{safe_stem(options.source)}_{safe_stem(options.style)}.webp"
    path = options.output or _free_path(OUTPUT / name)
    _check_film(path, options.overwrite)
    arguments = merged(given(options))
    motion = {"none": None, "shift": helpers.shift, "flow": helpers.optical_flow}[options.motion]
    frames = list(helpers.load_frames(options.source, arguments.pop("size")))
    options.signals.stop_command = True
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
    print(_relative(helpers.save_film(painted, path, seconds=len(painted) / 12)))
    if len(painted) > 1:
        change, change_of_source = (helpers.flicker(film, frames, motion) for film in (painted, frames))
        print(
            f"Mean change along the motion, from frame to frame: {change:.1f} gray levels; "
            f"of the source: {change_of_source:.1f}."
        )


def run_gallery(options: argparse.Namespace) -> None:
    """Paint every content image in every style."""
    from helpers.tools.gallery import paint_gallery

    paint_gallery(
        options.contents,
        options.styles,
        options.output,
        merged(helpers.load_preset(options.preset), given(options)),
        workers=options.workers,
        scheduler=options.scheduler,
        overwrite=options.overwrite,
    )


def run_benchmark(options: argparse.Namespace) -> None:
    """Measure the computing time on this machine."""
    options.signals.stop_command = True
    options.output.mkdir(parents=True, exist_ok=True)
    from helpers.tools.benchmark import FULL, QUICK, benchmark

    benchmark(options.content, options.style, options.output, QUICK if options.quick else FULL)


def run_results(options: argparse.Namespace) -> None:
    """Make the pictures under images/results/ again."""
    options.signals.stop_command = True
    from helpers.tools.showcase import make_results

    make_results(options.names)


def run_slides(options: argparse.Namespace) -> None:
    """Write lessons as slides."""
    from helpers.tools.slides import write_slides

    for path in write_slides(options.lessons, options.output):
        print(_relative(path), flush=True)


def run_site(options: argparse.Namespace) -> None:
    """Run all lessons and write them as a site."""
    from helpers.tools.site import write_site

    print(_relative(write_site(options.output)))


def run_publish(options: argparse.Namespace) -> None:
    """Write the name of a repository into the lessons."""
    from helpers.tools.publish import publish

    for path in publish(options.repository, options.branch):
        print(_relative(path))


def _output_path(options: argparse.Namespace, stem: str) -> Path:
    """Where the picture will be saved. Raises now whatever would prevent that after a long run."""
    if options.output is None:
        default = OUTPUT / f"{stem}.png"
        path = (_interrupted(default) if options.resume else None) or _free_path(default)
    else:
        path = options.output
        image_format(path)
        checkpoint = _checkpoint_of(path)
        if checkpoint.exists() and not (options.resume or options.overwrite):
            raise OutputExistsError(
                f"{checkpoint} is of an interrupted run: --resume continues it, --overwrite starts again."
            )
        if not (options.resume and checkpoint.exists()):
            _refuse_existing(path, options.overwrite)
    side = getattr(options, "size", None) or 512
    check_writable(path, 6 * side**2)
    return path


def _checkpoint_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.checkpoint")


def _numbered(path: Path) -> Iterator[Path]:
    """Paths ``name.png``, ``name-2.png``, ``name-3.png`` and so on."""
    return itertools.chain([path], (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2)))


def _is_taken(path: Path) -> bool:
    return path.exists() or _checkpoint_of(path).exists()


def _free_path(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {path.parent} cannot be created: {reason(error)}.") from None
    return next(itertools.filterfalse(_is_taken, _numbered(path)))


def _interrupted(path: Path) -> Path | None:
    """The numbered path whose checkpoint is the newest, or ``None`` if there is no checkpoint."""
    taken = itertools.takewhile(_is_taken, _numbered(path))
    resumable = [path for path in taken if _checkpoint_of(path).exists()]
    return max(resumable, key=lambda path: _checkpoint_of(path).stat().st_mtime, default=None)


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise MissingFileError(f"There is no folder {path.parent} to write {path.name} into.")
    if path.exists() and not overwrite:
        raise OutputExistsError(f"{path} exists already; --overwrite replaces it.")


def _check_film(path: Path, overwrite: bool) -> None:
    image_format(path, film=True)
    _refuse_existing(path, overwrite)
    check_writable(path)


def _save(result: Any, path: Path, options: argparse.Namespace) -> None:
    """Save the picture, and delete its checkpoint unless the run was interrupted."""
    options.signals.ignore = True
    checkpoint = _checkpoint_of(path)
    if path.exists() and not (options.overwrite or options.resume):
        path = _free_path(path)  # Another process has written it during the run.
    try:
        result.save(path)
    except OutputError as error:
        instead = _free_path(Path(tempfile.gettempdir()) / path.name)
        result.save(instead)
        raise OutputError(f"{str(error).rstrip('.')}; the picture is in {instead} instead.") from error
    print(_relative(path), flush=True)
    if options.signals.received:
        step, steps = len(result.history), result.settings["arguments"]["steps"]
        print(f"Stopped at step {step} of {steps}; the same command with --resume goes on.", file=sys.stderr)
    else:
        checkpoint.unlink(missing_ok=True)


def _relative(path: Path) -> Path:
    """A path relative to the current folder if it is inside."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _sentence(error: Exception) -> str:
    """An error as one sentence."""
    if isinstance(error, CourseError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {reason(error)}."
    if isinstance(error, (OSError, ImportError)):
        return f"{reason(error)}."
    return f"unexpected error, {type(error).__name__}: {reason(error)}; --verbose shows where it was raised."


COMMANDS = {
    "transfer": run_transfer,
    "reconstruct": run_reconstruct,
    "texture": run_texture,
    "again": run_again,
    "frames": run_frames,
    "gallery": run_gallery,
    "benchmark": run_benchmark,
    "results": run_results,
    "slides": run_slides,
    "run": run_site,
    "publish": run_publish,
}
