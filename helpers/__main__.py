"""The command line: ``python3 course.py transfer`` and its neighbours."""

import argparse
import sys
from pathlib import Path
from typing import Any

from helpers.images import IMAGES, image_format
from helpers.presets import PRESETS

OUTPUT = IMAGES.parent / "output"
OPTIMIZERS = ("lbfgs", "adam")
PRECISIONS = ("auto", "float32", "bfloat16")


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 1 after a sentence that says what is wrong."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except (ImportError, MemoryError, OSError, RuntimeError, ValueError) as error:
        print(f"{options.command}: {_sentence(error)}", file=sys.stderr)
        return 1
    return 0


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
        "painting",
        nargs="?",
        default="village_street_in_auvers",
        help="a picture file or a bundled name (default: village_street_in_auvers)",
    )
    _add_style_weight(transfer)
    transfer.add_argument(
        "--start",
        default="photo",
        help="what to paint on: photo, painting, noise or a picture file (default: photo)",
    )

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
        "benchmark.json and benchmark.png. Takes most of an hour on two cores, --quick three minutes.",
    )
    bench.set_defaults(run=run_benchmark)
    bench.add_argument("--quick", action="store_true", help="a short form, on a small picture")
    bench.add_argument("--photo", default="temple", help="a picture file or a bundled name (default: temple)")
    bench.add_argument(
        "--painting",
        default="village_street_in_auvers",
        help="a picture file or a bundled name (default: village_street_in_auvers)",
    )
    bench.add_argument(
        "--output",
        type=Path,
        default=OUTPUT,
        metavar="FOLDER",
        help="where to write (default: output)",
    )

    results = commands.add_parser(
        "results",
        help="make the pictures under images/results/ again",
        description="Make the pictures under images/results/ again, by default all of them.",
    )
    results.set_defaults(run=run_results)
    results.add_argument("names", nargs="*", metavar="NAME", help="a picture's name without its ending")
    return root


def run_transfer(options: argparse.Namespace) -> None:
    """Paint a photograph in the manner of a painting."""
    path = _output_path(options, f"{Path(options.photo).stem}_{Path(options.painting).stem}")
    from helpers.recipes import transfer

    _save(
        transfer(
            options.photo,
            options.painting,
            style_weight=options.style_weight,
            **PRESETS[options.preset] | _common(options),
        ),
        path,
        options,
    )


def run_reconstruct(options: argparse.Namespace) -> None:
    """Rebuild a picture from one layer's feature maps."""
    path = _output_path(options, f"{Path(options.picture).stem}_from_{options.layer}")
    from helpers.recipes import reconstruct

    _save(reconstruct(options.picture, options.layer, **_common(options)), path, options)


def run_texture(options: argparse.Namespace) -> None:
    """Grow a texture from a picture's Gram matrices."""
    path = _output_path(options, f"{Path(options.picture).stem}_texture")
    from helpers.recipes import synthesize_texture

    result = synthesize_texture(
        options.picture,
        options.layers,
        source_size=options.source_size,
        **_common(options),
    )
    _save(result, path, options)


def run_gallery(options: argparse.Namespace) -> None:
    """Paint every pair of a photo and a painting."""
    from helpers.gallery import paint_gallery

    arguments = {"style_weight": options.style_weight, **PRESETS[options.preset], **_common(options)}
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
    options.output.mkdir(parents=True, exist_ok=True)
    from helpers.benchmark import FULL, QUICK, benchmark

    benchmark(options.photo, options.painting, options.output, QUICK if options.quick else FULL)


def run_results(options: argparse.Namespace) -> None:
    """Make the pictures of the README again."""
    from helpers.results import make_results

    make_results(options.names)


def _command(commands: Any, name: str, run: Any, what: str, steps: int | None) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=what,
        description=what[0].upper() + what[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Bundled names are those of the files under images/, such as great_wave.",
    )
    command.set_defaults(run=run)
    command.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where to write the picture (default: a new PNG in output/)",
    )
    command.add_argument("--overwrite", action="store_true", help="replace the --output file if it exists")
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
    return command


def _add_preset(command: argparse.ArgumentParser) -> None:
    said = ", ".join(f"{name} ({p['size']} pixels, {p['steps']} steps)" for name, p in PRESETS.items())
    command.add_argument(
        "--preset",
        choices=PRESETS,
        default="balanced",
        help=f"{said}; --size and --steps go before it (default: balanced)",
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


def _add_style_weight(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--style-weight",
        type=float,
        default=50.0,
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
    names = ("size", "steps", "seed", "weights", "optimizer", "start", "precision", "memory")
    # What was not said is left to the recipe.
    return {name: value for name in names if (value := getattr(options, name, None)) is not None}


def _output_path(options: argparse.Namespace, stem: str) -> Path:
    if options.output is None:
        OUTPUT.mkdir(exist_ok=True)
        path, number = OUTPUT / f"{stem}.png", 1
        while path.exists():
            number += 1
            path = OUTPUT / f"{stem}-{number}.png"
        return path
    image_format(options.output)
    if not options.output.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {options.output.parent} to write the picture into.")
    if options.output.exists() and not options.overwrite:
        raise FileExistsError(f"{options.output} exists already; --overwrite replaces it.")
    return options.output


def _save(result: Any, path: Path, options: argparse.Namespace) -> None:
    if not result.history:
        print("Stopped before the first step: there is no picture to save.", file=sys.stderr)
        return
    result.save(path)
    print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of 1 or more is needed, not {text!r}")
    return int(text)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
