"""The command line: ``python3 course.py transfer`` and its neighbors."""

import argparse
import contextlib
import dataclasses
import itertools
import logging
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.errors import CourseError, MissingFileError, OutputError, OutputExistsError, reason
from helpers.files.writing import check_writable, safe_stem
from helpers.images import film_format, image_format
from helpers.options import merged
from helpers.tools.arguments import OUTPUT, STYLE, given, parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status.

    0; 1 after a sentence that says what is wrong; 128 and the signal's number after Ctrl-C or SIGTERM, which
    end a run with what it has reached.
    """
    options = parser().parse_args(arguments)
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
    """Ctrl-C and SIGTERM: which came, and what the next is to do."""

    received: list[int] = dataclasses.field(default_factory=list)
    wait: bool = False
    """A picture is being saved: that comes first."""
    end_all: bool = False
    """The command is many runs: none is to end early and pass for a whole one, but all of them at once."""


class _Stopped(BaseException):
    """Unlike ``KeyboardInterrupt`` it is not for a run to catch, which would return what it has reached."""


@contextlib.contextmanager
def _signals_as_interrupts() -> Iterator[_Signals]:
    """Let SIGTERM end a run as Ctrl-C does."""
    signals = _Signals()

    def interrupt(number: int, _: Any) -> None:
        signals.received.append(number)
        if signals.end_all:
            raise _Stopped
        if not signals.wait:
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
    if options.film is not None:
        _check_film(options.film, options.overwrite)
    from helpers.recipes import transfer

    arguments = _arguments_of_transfer(options)
    frames: list[Any] = []
    callbacks = []
    if options.film is not None:
        from helpers.lessons.film import filming

        callbacks.append(filming(frames))
    if options.save_every is not None:
        callbacks.append(_saving(path, options))
    if callbacks:
        arguments["callback"] = lambda record, image: [each(record, image) for each in callbacks]
    style = styles[0] if len(styles) == 1 else styles
    _save(transfer(options.content, style, **merged(arguments, _kept(options, path))), path, options)
    if frames:
        from helpers.lessons.film import save_film

        print(_shown(save_film(frames, options.film)))


def _arguments_of_transfer(options: argparse.Namespace) -> dict[str, Any]:
    """The preset's, those of a program's printed weights, and what else was said, which overrides both."""
    from helpers.conventions import as_printed
    from helpers.settings import load_preset, save_preset

    told, printed = given(options), {}
    if options.as_printed:
        weights = told.pop("content_weight", None), told.pop("style_weight", None)
        printed = as_printed(options.as_printed, *weights)
    arguments = merged(load_preset(options.preset), printed, told)
    if options.save_preset is not None:
        _refuse_existing(options.save_preset, options.overwrite)
        check_writable(options.save_preset)
        pictures = ("masks", "style_masks")
        save_preset(options.save_preset, **{n: v for n, v in arguments.items() if n not in pictures})
    return arguments


def _saving(path: Path, options: argparse.Namespace) -> Any:
    """A callback that saves the picture of every so many steps in a folder beside ``path``."""
    from helpers.images import save_image

    folder = path.with_name(f"{path.stem}_steps")
    if not options.resume:
        _refuse_existing(folder, options.overwrite)

    def save(record: Any, image: Any) -> None:
        if record["step"] % options.save_every == 0:
            # Not before there is something to keep: a run that is refused leaves no folder behind.
            folder.mkdir(exist_ok=True)
            save_image(image(), folder / f"{record['step']:04d}{path.suffix}")

    return save


def run_again(options: argparse.Namespace) -> None:
    """Repeat the run that made a picture."""
    path = _output_path(options, f"{safe_stem(options.picture)}_again")
    from helpers.settings import again

    _save(again(options.picture, **merged(given(options), _kept(options, path))), path, options)


def run_frames(options: argparse.Namespace) -> None:
    """Paint the frames of a film, and the film."""
    name = f"{safe_stem(options.source)}_{safe_stem(options.style)}.webp"
    path = options.output or _free_path(OUTPUT / name)
    _check_film(path, options.overwrite)
    from helpers.lessons.film import save_film
    from helpers.tools.frames import flicker, load_frames, optical_flow, paint_frames, shift

    arguments = merged(given(options))
    motion = {"none": None, "shift": shift, "flow": optical_flow}[options.motion]
    frames = list(load_frames(options.source, arguments.pop("size", 256)))
    options.signals.end_all = True
    results = paint_frames(
        frames,
        options.style,
        path.with_suffix(""),
        next_steps=options.next_steps,
        steadiness=options.steadiness,
        motion=motion,
        **arguments,
    )
    painted = [result.image for result in results]
    print(_shown(save_film(painted, path, seconds=len(painted) / 12)))
    if len(painted) > 1:
        levels = [flicker(pictures, frames, motion) for pictures in (painted, frames)]
        print(
            "From frame to frame, things change by {:.1f} gray levels, unpainted by {:.1f}.".format(*levels)
        )


def run_reconstruct(options: argparse.Namespace) -> None:
    """Reconstruct a picture from one layer's feature maps."""
    path = _output_path(options, f"{safe_stem(options.picture)}_from_{safe_stem(options.layer)}")
    from helpers.recipes import reconstruct

    arguments = merged(given(options), _kept(options, path))
    _save(reconstruct(options.picture, options.layer, **arguments), path, options)


def run_texture(options: argparse.Namespace) -> None:
    """Synthesize a texture from a picture's Gram matrices."""
    path = _output_path(options, f"{safe_stem(options.picture)}_texture")
    from helpers.recipes import synthesize_texture

    layers = {} if options.layers is None else {"layers": options.layers}
    arguments = merged(layers, given(options), _kept(options, path))
    _save(synthesize_texture(options.picture, source_size=options.source_size, **arguments), path, options)


def run_gallery(options: argparse.Namespace) -> None:
    """Paint every content image in every style."""
    from helpers.settings import load_preset
    from helpers.tools.gallery import paint_gallery

    paint_gallery(
        options.contents,
        options.styles,
        options.output,
        merged(load_preset(options.preset), given(options)),
        workers=options.workers,
        scheduler=options.scheduler,
        overwrite=options.overwrite,
    )


def run_benchmark(options: argparse.Namespace) -> None:
    """Measure this machine."""
    options.signals.end_all = True
    options.output.mkdir(parents=True, exist_ok=True)
    from helpers.tools.benchmark import FULL, QUICK, benchmark

    benchmark(options.content, options.style, options.output, QUICK if options.quick else FULL)


def run_results(options: argparse.Namespace) -> None:
    """Make the pictures of the README again."""
    options.signals.end_all = True
    from helpers.tools.results import make_results

    make_results(options.names)


def run_slides(options: argparse.Namespace) -> None:
    """Write lessons as slides."""
    from helpers.tools.pages import write_slides

    for path in write_slides(options.lessons, options.output):
        print(_shown(path), flush=True)


def run_site(options: argparse.Namespace) -> None:
    """Run all lessons and write them as a site."""
    from helpers.tools.pages import write_site

    print(_shown(write_site(options.output)))


def run_publish(options: argparse.Namespace) -> None:
    """Put the name of a repository into the lessons."""
    from helpers.tools.publish import publish

    for path in publish(options.repository, options.branch):
        print(_shown(path))


def _output_path(options: argparse.Namespace, stem: str) -> Path:
    """Where the picture will be, once it is certain that it can be written there and nothing is lost."""
    if options.output is None:
        wanted = OUTPUT / f"{stem}.png"
        path = (_cut_off(wanted) if options.resume else None) or _free_path(wanted)
    else:
        path = options.output
        image_format(path)
        kept = _checkpoint_of(path)
        if kept.exists() and not (options.resume or options.overwrite):
            raise OutputExistsError(
                f"{kept} holds a run that was cut off: --resume goes on with it, --overwrite begins anew."
            )
        if not (options.resume and kept.exists()):
            _refuse_existing(path, options.overwrite)
    side = getattr(options, "size", None) or 512
    check_writable(path, 6 * side**2)
    return path


def _checkpoint_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.checkpoint")


def _kept(options: argparse.Namespace, path: Path) -> dict[str, Any]:
    return {"run": {"checkpoint": _checkpoint_of(path), "resume": options.resume}}


def _numbered(wanted: Path) -> Iterator[Path]:
    yield wanted
    for number in itertools.count(2):
        yield wanted.with_stem(f"{wanted.stem}-{number}")


def _is_taken(path: Path) -> bool:
    return path.exists() or _checkpoint_of(path).exists()


def _free_path(wanted: Path) -> Path:
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {wanted.parent} cannot be made: {reason(error)}.") from None
    return next(path for path in _numbered(wanted) if not _is_taken(path))


def _cut_off(wanted: Path) -> Path | None:
    """The last picture of this name whose run was cut off."""
    taken = itertools.takewhile(_is_taken, _numbered(wanted))
    return max((path for path in taken if _checkpoint_of(path).exists()), key=_written, default=None)


def _written(path: Path) -> float:
    return _checkpoint_of(path).stat().st_mtime


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise MissingFileError(f"There is no folder {path.parent} to write {path.name} into.")
    if path.exists() and not overwrite:
        raise OutputExistsError(f"{path} exists already; --overwrite replaces it.")


def _check_film(path: Path, overwrite: bool) -> None:
    film_format(path)
    _refuse_existing(path, overwrite)
    check_writable(path)


def _save(result: Any, path: Path, options: argparse.Namespace) -> None:
    """Write the picture; of a run that was stopped, say how it goes on."""
    options.signals.wait = True
    kept = _checkpoint_of(path)
    if path.exists() and not (options.overwrite or options.resume):
        path = _free_path(path)  # Another run wrote it meanwhile.
    try:
        result.save(path)
    except OutputError as error:
        instead = _free_path(Path(tempfile.gettempdir()) / path.name)
        result.save(instead)
        raise OutputError(f"{str(error).rstrip('.')}; the picture is in {instead} instead.") from error
    print(_shown(path), flush=True)
    if options.signals.received:
        step, steps = len(result.history), result.settings["arguments"]["steps"]
        print(f"Stopped at step {step} of {steps}; the same command with --resume goes on.", file=sys.stderr)
    else:
        kept.unlink(missing_ok=True)


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _sentence(error: Exception) -> str:
    """What went wrong, in one sentence, whoever raised it."""
    if isinstance(error, CourseError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {reason(error)}."
    if isinstance(error, (OSError, ImportError)):
        return f"{reason(error)}."
    return f"an error that was not foreseen, {type(error).__name__}: {reason(error)}; --verbose says where."


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
