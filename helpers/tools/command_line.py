"""The command line: ``python3 course.py transfer`` and its neighbours."""

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
from helpers.files.bundled import IMAGES
from helpers.files.writing import check_writable, safe_stem
from helpers.images import film_format, image_format
from helpers.options import PRESETS

OUTPUT = IMAGES.parent / "output"
OPTIMIZERS = ("lbfgs", "adam")
PRECISIONS = ("auto", "float32", "bfloat16", "mixed")


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
            options.run(options)
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


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments."""
    root = argparse.ArgumentParser(
        prog="course.py", description="Neural style transfer as in Gatys, Ecker and Bethge (2015)."
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")

    transfer = _command(
        commands, "transfer", run_transfer, "paint a photograph in the manner of a painting", steps=None
    )
    _add_preset(transfer)
    transfer.add_argument(
        "photo", nargs="?", default="temple", help="a picture file or a bundled name (default: temple)"
    )
    transfer.add_argument(
        "paintings",
        nargs="*",
        metavar="painting",
        help="a picture file or a bundled name, or several (default: village_street_in_auvers)",
    )
    _add_style_weight(transfer)
    transfer.add_argument(
        "--start",
        help="what to paint on: photo, painting, noise or a picture file (default: photo)",
    )
    _add_control(transfer)

    reconstruct = _command(
        commands,
        "reconstruct",
        run_reconstruct,
        "rebuild a picture from what one layer keeps of it",
        steps=100,
    )
    reconstruct.add_argument(
        "picture", nargs="?", default="temple", help="a picture file or a bundled name (default: temple)"
    )
    reconstruct.add_argument(
        "--layer", default="conv4_2", help="a layer's name, such as conv4_2 or pool3 (default: conv4_2)"
    )
    reconstruct.add_argument("--start", default="noise", help="noise or a picture file (default: noise)")

    texture = _command(
        commands, "texture", run_texture, "grow a texture from the style of a picture", steps=120
    )
    texture.add_argument(
        "picture",
        nargs="?",
        default="village_street_in_auvers",
        help="a picture file or a bundled name (default: village_street_in_auvers)",
    )
    texture.add_argument(
        "--layers",
        nargs="+",
        default=["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"],
        metavar="LAYER",
        help="the layers whose Gram matrices count (default: conv1_1 … conv5_1)",
    )
    texture.add_argument(
        "--source-size",
        type=_positive,
        default=256,
        metavar="PIXELS",
        help="shorter side at which the picture is used (default: 256)",
    )
    texture.add_argument("--start", default="noise", help="noise or a picture file (default: noise)")

    repeat = commands.add_parser(
        "again",
        help="repeat the run that made a picture",
        description="Repeat the run that made a picture, from the settings inside it.",
    )
    repeat.set_defaults(run=run_again)
    repeat.add_argument("picture", help="a PNG that this course saved")
    repeat.add_argument("--steps", type=_positive, help="other steps than it was made with")
    repeat.add_argument("--size", type=_positive, metavar="PIXELS", help="another shorter side")
    _add_output(repeat)
    _add_keeping(repeat)

    frames = _command(
        commands, "frames", run_frames, "paint the frames of a film, each from the one before", steps=80
    )
    frames.add_argument("source", help="a folder of pictures, or an animated GIF or WebP")
    frames.add_argument("painting", help="a picture file or a bundled name")
    _add_style_weight(frames)
    frames.add_argument(
        "--next-steps",
        type=_positive,
        default=30,
        metavar="STEPS",
        help="steps of every frame after the first (default: 30)",
    )
    frames.add_argument(
        "--steadiness",
        type=float,
        default=0.01,
        metavar="WEIGHT",
        help="how firmly the paint stays where it was (default: 0.01)",
    )
    frames.add_argument(
        "--motion",
        choices=("none", "shift", "flow"),
        default="shift",
        help="how the picture moves: not at all; as a whole, as where a camera pans; or each thing by "
        "itself, which needs the package scikit-image (default: shift)",
    )

    gallery = commands.add_parser(
        "gallery",
        help="paint every photo in the manner of every painting",
        description="Paint every photo in the manner of every painting. What is there already is not done "
        "again, so the same command goes on where it was stopped.",
    )
    gallery.set_defaults(run=run_gallery)
    gallery.add_argument("photos", nargs="+", metavar="PHOTO", help="picture files or bundled names")
    gallery.add_argument(
        "--styles", nargs="+", required=True, metavar="PAINTING", help="picture files or bundled names"
    )
    gallery.add_argument(
        "--output",
        type=Path,
        default=OUTPUT / "gallery",
        metavar="FOLDER",
        help="where to put the pictures (default: output/gallery)",
    )
    gallery.add_argument("--overwrite", action="store_true", help="replace pictures of other settings")
    gallery.add_argument(
        "--workers",
        type=_positive,
        metavar="N",
        help="pictures painted at a time on this machine (default: one for each four cores)",
    )
    gallery.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="paint on a Dask cluster, such as tcp://10.0.0.1:8786 (needs the package distributed)",
    )
    _add_preset(gallery)
    _add_style_weight(gallery)
    _add_size_and_steps(gallery)
    _add_weights(gallery)

    bench = commands.add_parser(
        "benchmark",
        help="measure where the time goes on this machine, and which way is the fastest",
        description="Measure where the time goes on this machine, and which way is the fastest. Writes "
        "benchmark.json and benchmark.png. Takes forty minutes on two cores, --quick three minutes.",
    )
    bench.set_defaults(run=run_benchmark)
    bench.add_argument("--quick", action="store_true", help="a short form, on a small picture")
    bench.add_argument("--photo", default="temple", help="a picture file or a bundled name (default: temple)")
    bench.add_argument(
        "--painting",
        default="village_street_in_auvers",
        help="a picture file or a bundled name (default: village_street_in_auvers)",
    )
    _add_folder(bench, OUTPUT)

    results = commands.add_parser(
        "results",
        help="make the pictures under images/results/ again",
        description="Make the pictures under images/results/ again, by default all of them.",
    )
    results.set_defaults(run=run_results)
    results.add_argument("names", nargs="*", metavar="NAME", help="a picture's name without its ending")

    slides = commands.add_parser(
        "slides",
        help="run a lesson and write it as slides for a lecture",
        description="Run lessons and write each as a deck of slides: one HTML file that needs no network.",
    )
    slides.set_defaults(run=run_slides)
    slides.add_argument(
        "lessons", nargs="+", type=_lesson_number, metavar="NN", help="a lesson's number, such as 04"
    )
    _add_folder(slides, OUTPUT / "slides")

    site = commands.add_parser(
        "run",
        help="run all lessons and write them as a site",
        description="Run all lessons in full and write a site: an index, and of every lesson a page and its "
        "slides, each one HTML file that needs no network.",
    )
    site.set_defaults(run=run_site)
    _add_folder(site, OUTPUT / "site")

    publish = commands.add_parser(
        "publish",
        help="put the name of your own repository into the lessons, for Colab",
        description="Write OWNER/NAME into the Colab cell of every lesson, and a badge above that opens it.",
    )
    publish.set_defaults(run=run_publish)
    publish.add_argument("repository", metavar="OWNER/NAME", help="the repository on GitHub")
    publish.add_argument("--branch", default="main", help="the branch that the badges open (default: main)")

    for command in commands.choices.values():
        command.add_argument(
            "--verbose", action="store_true", help="tell more of what is done, and where an error arose"
        )
    return root


def run_transfer(options: argparse.Namespace) -> None:
    """Paint a photograph in the manner of a painting."""
    paintings = options.paintings or ["village_street_in_auvers"]
    path = _output_path(options, "_".join(map(safe_stem, (options.photo, *paintings))))
    frames: list[Any] = []
    if options.film is not None:
        _check_film(options.film, options.overwrite)
    from helpers.conventions import as_printed
    from helpers.recipes import transfer
    from helpers.settings import NOT_IN_A_PRESET, load_preset, save_preset

    control = {name: value for name in _CONTROL if (value := getattr(options, name)) is not None}
    arguments = load_preset(options.preset) | _common(options) | _kept(options, path)
    if options.as_printed:
        weight = control.pop("content_weight", None)
        arguments |= as_printed(options.as_printed, weight, options.style_weight)
    if options.terms:
        control["terms"] = dict(options.terms)
    arguments |= control
    if options.plain:
        arguments["normalised"] = False
    if options.content_sum:
        arguments["content_per_entry"] = False
    if options.save_preset is not None:
        _refuse_existing(options.save_preset, options.overwrite)
        check_writable(options.save_preset)
        lasting = {name: value for name, value in arguments.items() if name not in NOT_IN_A_PRESET}
        save_preset(options.save_preset, **lasting)
    callbacks = []
    if options.film is not None:
        from helpers.lessons.film import filming

        callbacks.append(filming(frames))
    if options.save_every is not None:
        callbacks.append(_saving(path, options))
    if callbacks:
        arguments["callback"] = lambda record, image: [each(record, image) for each in callbacks]
    painting = paintings[0] if len(paintings) == 1 else paintings
    _save(transfer(options.photo, painting, **arguments), path, options)
    if frames:
        from helpers.lessons.film import save_film

        print(_shown(save_film(frames, options.film)))


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

    _save(again(options.picture, **_common(options), **_kept(options, path)), path, options)


def run_frames(options: argparse.Namespace) -> None:
    """Paint the frames of a film, and the film."""
    name = f"{safe_stem(options.source)}_{safe_stem(options.painting)}.webp"
    path = options.output or _free_path(OUTPUT / name)
    _check_film(path, options.overwrite)
    from helpers.lessons.film import save_film
    from helpers.tools.frames import flicker, load_frames, optical_flow, paint_frames, shift

    arguments = _common(options)
    motion = {"none": None, "shift": shift, "flow": optical_flow}[options.motion]
    frames = list(load_frames(options.source, arguments.pop("size")))
    options.signals.end_all = True
    results = paint_frames(
        frames,
        options.painting,
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
            "From frame to frame, things change by {:.1f} grey levels, unpainted by {:.1f}.".format(*levels)
        )


def run_reconstruct(options: argparse.Namespace) -> None:
    """Rebuild a picture from one layer's feature maps."""
    path = _output_path(options, f"{safe_stem(options.picture)}_from_{safe_stem(options.layer)}")
    from helpers.recipes import reconstruct

    arguments = _common(options) | _kept(options, path)
    _save(reconstruct(options.picture, options.layer, **arguments), path, options)


def run_texture(options: argparse.Namespace) -> None:
    """Grow a texture from a picture's Gram matrices."""
    path = _output_path(options, f"{safe_stem(options.picture)}_texture")
    from helpers.recipes import synthesize_texture

    result = synthesize_texture(
        options.picture,
        options.layers,
        source_size=options.source_size,
        **_common(options),
        **_kept(options, path),
    )
    _save(result, path, options)


def run_gallery(options: argparse.Namespace) -> None:
    """Paint every pair of a photo and a painting."""
    from helpers.settings import load_preset
    from helpers.tools.gallery import paint_gallery

    arguments = load_preset(options.preset) | _common(options)
    paint_gallery(
        options.photos,
        options.styles,
        options.output,
        arguments,
        workers=options.workers,
        scheduler=options.scheduler,
        overwrite=options.overwrite,
    )


def run_benchmark(options: argparse.Namespace) -> None:
    """Measure this machine."""
    options.signals.end_all = True
    options.output.mkdir(parents=True, exist_ok=True)
    from helpers.tools.benchmark import FULL, QUICK, benchmark

    benchmark(options.photo, options.painting, options.output, QUICK if options.quick else FULL)


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


def _command(commands: Any, name: str, run: Any, what: str, steps: int | None) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=what,
        description=what[0].upper() + what[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Bundled names are those of the files under images/, such as great_wave.",
    )
    command.set_defaults(run=run)
    _add_output(command)
    _add_size_and_steps(command, size=None if steps is None else 256, steps=steps)
    command.add_argument("--seed", type=int, default=0, help="seed of the white noise (default: 0)")
    _add_weights(command)
    command.add_argument(
        "--optimizer", choices=OPTIMIZERS, default="lbfgs", help="lbfgs or adam (default: lbfgs)"
    )
    command.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="what the network computes in (default: the faster one here; float32 for reconstruct)",
    )
    command.add_argument(
        "--memory",
        type=float,
        metavar="GB",
        help="what the run may take (default: a quarter of what there is, at most 6)",
    )
    command.add_argument(
        "--deterministic",
        action="store_true",
        default=None,
        help="the same picture, bit for bit, whenever the same command runs on the same machine",
    )
    if name != "frames":
        _add_keeping(command)
    return command


_CONTROL = (
    "content_weight",
    "content_layer",
    "style_layers",
    "layer_weights",
    "statistic",
    "blend",
    "masks",
    "painting_masks",
    "painting_scale",
    "colours",
    "tolerance",
    "scales",
    "pooling",
)


def _add_control(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("taking control", "Lesson 8 shows what each of these does.")
    group.add_argument(
        "--colours",
        choices=("painting", "luminance", "covariance", "histogram"),
        help="whose colours: the painting's; the photo's, laid over shades of grey; or the photo's, given to "
        "the painting beforehand (default: painting)",
    )
    group.add_argument(
        "--blend", nargs="+", type=float, metavar="W", help="how much each of several paintings counts"
    )
    group.add_argument(
        "--masks",
        nargs="+",
        metavar="FILE",
        help="for each painting a picture that is white where it goes, and black elsewhere",
    )
    group.add_argument(
        "--painting-masks",
        nargs="+",
        type=_file_or_none,
        metavar="FILE",
        help="for each painting a picture that is white where it is looked at; - for all of it",
    )
    group.add_argument(
        "--painting-scale", type=float, metavar="S", help="the size of the strokes; 2 doubles it (default: 1)"
    )
    group.add_argument(
        "--statistic",
        choices=("gram", "shifted gram", "mean and covariance"),
        help="what of the feature maps is the style (default: gram)",
    )
    group.add_argument(
        "--term",
        action="append",
        dest="terms",
        type=_name_and_number,
        metavar="NAME=WEIGHT",
        help="one more term: 'total variation' or 'histogram'; may be given several times",
    )
    group.add_argument("--style-layers", nargs="+", metavar="LAYER", help="(default: conv1_1 … conv5_1)")
    group.add_argument(
        "--layer-weights",
        nargs="+",
        type=_name_and_number,
        action=_Together,
        metavar="LAYER=W",
        help="a weight for each of the style's layers, or one number: the weight of each layer beside that "
        "of the one before it (default: 1)",
    )
    group.add_argument("--content-layer", metavar="LAYER", help="(default: conv4_2)")
    group.add_argument("--content-weight", type=float, metavar="α", help="weight of the photo (default: 1)")
    group.add_argument(
        "--content-sum", action="store_true", help="equation (1) as printed, not divided by its entries"
    )
    group.add_argument("--plain", action="store_true", help="the network as trained, not normalised")
    group.add_argument("--pooling", choices=("avg", "max"), help="(default: avg)")
    group.add_argument(
        "--as-printed",
        metavar="NAME",
        help="take --content-weight and --style-weight as a paper or program prints them, such as 'johnson'",
    )
    group.add_argument("--scales", type=_positive, help="sizes of the run, from coarse to fine")
    group.add_argument(
        "--tolerance",
        type=float,
        metavar="SHARE",
        help="end early where ten steps lower the loss by less than this share, such as 0.01",
    )
    group.add_argument(
        "--save-every",
        type=_positive,
        metavar="STEPS",
        help="keep the picture of every so many steps as well, in a folder called NAME_steps",
    )
    group.add_argument("--film", type=Path, metavar="FILE", help="keep the run as a film, a .gif or a .webp")
    group.add_argument(
        "--save-preset", type=Path, metavar="FILE", help="write these settings to a .json for --preset"
    )


class _Together(argparse.Action):
    """Pairs of a name and a number, as a dict; or the number alone."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        alone = len(values) == 1 and not values[0][0]
        setattr(namespace, self.dest, values[0][1] if alone else dict(values))


def _name_and_number(text: str) -> tuple[str, float]:
    name, _, number = text.rpartition("=")
    try:
        return name, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"a name and a weight are needed, NAME=WEIGHT, not {text!r}"
        ) from None


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where to write it (default: a new file in output/)",
    )
    command.add_argument("--overwrite", action="store_true", help="replace a file that exists")


def _add_keeping(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run of the same command that was cut off, from the file PICTURE.checkpoint",
    )
    command.add_argument(
        "--checkpoint-every",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="how often that file is written (default: 30)",
    )


def _add_preset(command: argparse.ArgumentParser) -> None:
    said = ", ".join(f"{name} ({p['size']} pixels, {p['steps']} steps)" for name, p in PRESETS.items())
    command.add_argument(
        "--preset",
        default="balanced",
        metavar="NAME",
        help=f"{said}, or a .json file of --save-preset; what else is said goes before it "
        "(default: balanced)",
    )


def _add_size_and_steps(
    command: argparse.ArgumentParser, size: int | None = None, steps: int | None = None
) -> None:
    command.add_argument(
        "--size",
        type=_positive,
        default=size,
        metavar="PIXELS",
        help=f"shorter side of the result (default: {size or 'as the preset has it'})",
    )
    command.add_argument(
        "--steps",
        type=_positive,
        default=steps,
        help=f"steps of the optimiser (default: {steps or 'as the preset has it'})",
    )


def _add_folder(command: argparse.ArgumentParser, folder: Path) -> None:
    command.add_argument(
        "--output",
        type=Path,
        default=folder,
        metavar="FOLDER",
        help=f"where to write (default: {folder.relative_to(OUTPUT.parent)})",
    )


def _add_style_weight(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--style-weight",
        type=float,
        metavar="β",
        help="weight of the painting against the photo; 10 is timid, 200 bold (default: 50)",
    )


def _add_weights(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--weights",
        default="bundled",
        help="bundled, imagenet (downloads once), auto, random or a Keras .h5 file (default: bundled)",
    )


def _common(options: argparse.Namespace) -> dict[str, Any]:
    names = (
        "size",
        "steps",
        "seed",
        "weights",
        "optimizer",
        "start",
        "precision",
        "memory",
        "style_weight",
        "deterministic",
    )
    # What was not said is left to the recipe.
    return {name: value for name in names if (value := getattr(options, name, None)) is not None}


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
    return {
        "checkpoint": _checkpoint_of(path),
        "checkpoint_every": options.checkpoint_every,
        "resume": options.resume,
    }


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


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of 1 or more is needed, not {text!r}")
    return int(text)


def _file_or_none(text: str) -> str | None:
    return None if text == "-" else text


def _lesson_number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a lesson's number is needed, such as 04, not {text!r}")
    return int(text)


def _sentence(error: Exception) -> str:
    """What went wrong, in one sentence, whoever raised it."""
    if isinstance(error, CourseError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {reason(error)}."
    if isinstance(error, (OSError, ImportError)):
        return f"{reason(error)}."
    return f"an error that was not foreseen, {type(error).__name__}: {reason(error)}; --verbose says where."
