"""The commands and their arguments: keywords of the recipes, options in groups, and the rest."""

import argparse
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from helpers.color import Colors
from helpers.files.bundled import OUTPUT, bundled_painters
from helpers.options import GROUPS, PRESETS, Losses, Network, Run

CONTENT, STYLE = "temple", "village_street_in_auvers"
"""The bundled pictures that a command takes by default."""

_NOT_FIELDS = ("checkpoint", "resume", "progress")
"""Options of a run that the command line sets itself: ``--resume`` and a checkpoint beside the picture."""

_DEFAULTS = "By default: a normalized network, the faster precision on this machine, coarse-to-fine, pixels."


def build_parser() -> argparse.ArgumentParser:
    """All commands and their arguments. What is not given is ``None``: the recipe's default applies."""
    root = argparse.ArgumentParser(
        prog="course.py", description="Neural style transfer as in Gatys, Ecker and Bethge (2015)."
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_transfer(commands)
    _add_reconstruct(commands)
    _add_texture(commands)
    _add_again(commands)
    _add_painters(commands)
    _add_frames(commands)
    _add_gallery(commands)
    _add_tools(commands)
    for command in commands.choices.values():
        command.add_argument(
            "--verbose", action="store_true", help="log what is done, and where an error was raised"
        )
    return root


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command and its arguments.

    ``argparse`` takes the values of a list from one place of the command line only; here what stands after an
    option belongs to the list as well.
    """
    root = build_parser()
    options, more = root.parse_known_args(arguments)
    commands = next(action for action in root._actions if action.dest == "command")
    command = commands.choices[options.command]
    lists = [
        action for action in command._actions if not action.option_strings and action.nargs in ("*", "+")
    ]
    if more and (not lists or any(text.startswith("-") for text in more)):
        command.error(f"unrecognized arguments: {' '.join(more)}")
    if more:
        values = [command._get_value(lists[-1], text) for text in more]
        setattr(options, lists[-1].dest, [*getattr(options, lists[-1].dest), *values])
    return options


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The recipe's arguments that were given on the command line; fields of groups stand by themselves."""
    fields = {field.name for group in GROUPS.values() for field in dataclasses.fields(group)}
    names = {*KEYWORDS, *fields.difference(_NOT_FIELDS), "terms", "layer", "layers", "source_size"}
    values = {name: value for name, value in vars(options).items() if name in names and value is not None}
    for name in {"terms", "layer_weights"} & values.keys():
        values[name] = dict(values[name])
    # One number without a name is a ratio.
    if "" in (weights := values.get("layer_weights", {})) and len(weights) == 1:
        values["layer_weights"] = weights[""]
    return values


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of 1 or more is needed, not {text!r}")
    return int(text)


def _name_and_number(text: str) -> tuple[str, float]:
    name, _, number = text.rpartition("=")
    try:
        return name, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"a name and a weight are needed, NAME=WEIGHT, not {text!r}"
        ) from None


KEYWORDS: Mapping[str, Mapping[str, Any]] = {
    "size": dict(help="shorter side of the result", metavar="PIXELS", type=positive),
    "steps": dict(help="steps of the optimizer", type=positive),
    "seed": dict(help="seed of the white noise (default: 0)", type=int),
    "start": dict(help="initialization: {start} or a picture file", metavar="IMAGE"),
    "content_weight": dict(help="weight of the content loss (default: 1)", metavar="ALPHA", type=float),
    "style_weight": dict(
        help="weight of the style loss, such as 10 for a weak style and 200 for a strong one (default: 50)",
        metavar="BETA",
        type=float,
    ),
    "content_layer": dict(help="layer of the content loss (default: conv4_2)", metavar="LAYER"),
    "style_layers": dict(
        help="layers of the style loss (default: conv1_1 … conv5_1)", metavar="LAYER", nargs="+"
    ),
    "style_scale": dict(help="stroke size, relative to the default (default: 1)", metavar="S", type=float),
    "blend": dict(help="weight of each of several style images", metavar="W", type=float, nargs="+"),
    "masks": dict(
        help="for each style image a spatial mask, a picture that is white in its region and black elsewhere",
        metavar="FILE",
        nargs="+",
    ),
    "style_masks": dict(
        help="for each style image a spatial mask, white where its style is taken from; - for all of it",
        metavar="FILE",
        nargs="+",
        type=lambda text: None if text == "-" else text,
    ),
    "colors": dict(
        help="style: the style image's colors; luma: the content image's, with the luma of the result; "
        "covariance, histogram: the content image's, to which the style image's are matched beforehand "
        "(default: style)",
        choices=get_args(Colors),
    ),
    "term": dict(
        help="one more term, 'total variation' or 'histogram'; may be repeated",
        metavar="NAME=WEIGHT",
        type=_name_and_number,
        action="append",
        dest="terms",
    ),
}
"""The recipes' keywords as arguments of the command line."""


def _add(command: Any, name: str, help: str, default: Any = None, **settings: Any) -> None:
    """Add an argument whose help ends with its default, if it has one."""
    stated = "" if default is None else f" (default: {default})"
    command.add_argument(name, help=f"{help}{stated}", default=default, **settings)


def _add_keywords(command: Any, names: Iterable[str], start: str = "", **defaults: Any) -> None:
    for name in names:
        settings = {**KEYWORDS[name]}
        help = settings.pop("help").format(start=start)
        _add(command, f"--{name.replace('_', '-')}", help, defaults.get(name), **settings)


def _add_groups(command: argparse.ArgumentParser, *groups: type, leave_out: Iterable[str] = ()) -> None:
    """The fields of groups of options, each with its own help."""
    for group in groups:
        section = command.add_argument_group(group.__name__.lower(), group.__doc__.split("\n")[0])
        hints = get_type_hints(group)
        for field in dataclasses.fields(group):
            if field.name not in (*_NOT_FIELDS, *leave_out):
                section.add_argument(
                    f"--{field.name.replace('_', '-')}", **_settings(field, hints[field.name])
                )


def _settings(field: dataclasses.Field, hint: Any) -> dict[str, Any]:
    """What ``add_argument`` takes for a field of a group; how it is parsed follows from the field's type."""
    alternatives = get_args(hint | None)
    help = field.metadata["help"]
    if bool in alternatives:
        return {"help": help, "action": argparse.BooleanOptionalAction}
    settings = {"help": help if field.default is None else f"{help} (default: {field.default})"}
    if field.metadata["metavar"]:
        settings["metavar"] = field.metadata["metavar"]
    if field.name == "layer_weights":
        return {**settings, "nargs": "+", "action": "extend", "type": _name_and_number}
    for alternative in alternatives:
        if get_origin(alternative) is Literal:
            settings["choices"] = get_args(alternative)
        elif alternative in (int, float):
            settings["type"] = alternative
    return settings


def _command(commands: Any, name: str, help: str, more: str = "") -> argparse.ArgumentParser:
    return commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}. {more}".strip())


def _add_output(command: argparse.ArgumentParser, folder: Path | None = None) -> None:
    place = "a new file in output/" if folder is None else Path(OUTPUT.name, folder.relative_to(OUTPUT))
    metavar = "FILE" if folder is None else "FOLDER"
    help = f"where to write (default: {place})"
    command.add_argument("--output", type=Path, default=folder, metavar=metavar, help=help)


def _recipe(commands: Any, name: str, help: str, more: str, resume: bool = True) -> argparse.ArgumentParser:
    command = _command(commands, name, help, more)
    command.epilog = "Bundled pictures are named as the files under images/, such as great_wave."
    _add_output(command)
    command.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    if resume:
        help = "continue an interrupted run of the same command from the file PICTURE.checkpoint"
        command.add_argument("--resume", action="store_true", help=help)
    return command


def _add_preset(command: argparse.ArgumentParser) -> None:
    presets = ", ".join(f"{name} ({p['size']} pixels, {p['steps']} steps)" for name, p in PRESETS.items())
    help = f"size and steps: {presets}; or a .json file of --save-preset; other arguments override it"
    _add(command, "--preset", help, "balanced", metavar="NAME")


def _add_transfer(commands: Any) -> None:
    command = _recipe(commands, "transfer", "paint a picture in the style of another", _DEFAULTS)
    _add(command, "content", "content image", CONTENT, nargs="?")
    command.add_argument("styles", nargs="*", metavar="style", help=f"style image (default: {STYLE})")
    _add_preset(command)
    _add_keywords(command, KEYWORDS, "content, style, noise")
    help = (
        "read --content-weight and --style-weight in the convention of a paper or program, such as 'johnson'"
    )
    _add(command, "--as-printed", help, metavar="NAME")
    help = "save the picture of every STEPS-th step as well, in a folder called NAME_steps"
    _add(command, "--save-every", help, metavar="STEPS", type=positive)
    _add(command, "--film", "write a film of the run, .gif or .webp", metavar="FILE", type=Path)
    _add(command, "--save-preset", "write these arguments to a .json for --preset", metavar="FILE", type=Path)
    _add_groups(command, Losses, Network, Run)


def _add_reconstruct(commands: Any) -> None:
    more = "By default: the network as trained, float32, one scale, cosine coefficients."
    command = _recipe(commands, "reconstruct", "reconstruct a picture from one layer's feature maps", more)
    _add(command, "picture", "content image", CONTENT, nargs="?")
    _add(command, "--layer", "such as conv4_2 or pool3", "conv4_2")
    _add_keywords(command, ("size", "steps", "seed", "start"), "noise", size=256, steps=100)
    _add_groups(command, Network, Run)


def _add_texture(commands: Any) -> None:
    command = _recipe(commands, "texture", "synthesize a texture from a picture's Gram matrices", _DEFAULTS)
    _add(command, "picture", "picture of the texture", STYLE, nargs="?")
    help = "layers whose Gram matrices are compared (default: conv1_1 … conv5_1)"
    _add(command, "--layers", help, nargs="+", metavar="LAYER")
    help = "shorter side to which the picture is resized"
    _add(command, "--source-size", help, 256, metavar="PIXELS", type=positive)
    _add_keywords(command, ("size", "steps", "seed", "start"), "noise", size=256, steps=120)
    _add_groups(command, Losses, Network, Run)


def _add_again(commands: Any) -> None:
    command = _recipe(commands, "again", "repeat the run that made a picture", "From the settings inside it.")
    command.add_argument("picture", help="a PNG that this course saved")
    _add_keywords(command, ("size", "steps"))


def _add_painters(commands: Any) -> None:
    names = ", ".join(bundled_painters())
    more = "A painter is a network trained for one style image."
    command = _command(commands, "paint", "paint pictures in one pass with a trained painter", more)
    command.add_argument("contents", nargs="+", metavar="PHOTO", help="content images")
    help = f"{names}, or a file of train-painter"
    _add(command, "--painter", help, "great_wave", metavar="NAME")
    _add_keywords(command, ("size", "seed"), size=384)
    help = "weight of the style loss, from 5 to 500"
    _add(command, "--style-weight", help, 50.0, metavar="BETA", type=float)
    _add_output(command)
    command.add_argument("--overwrite", action="store_true", help="replace a file that exists")

    more = "Beside the painter it writes NAME_preview.png, a photo and how it is painted so far."
    command = _command(commands, "train-painter", "train a painter for a style image", more)
    command.add_argument("style", help="style image")
    _add(command, "--minutes", "about how long", 30.0, metavar="MINUTES", type=float)
    _add(command, "--steps", "how many steps, in place of --minutes", metavar="STEPS", type=positive)
    help = "what to train on: pictures, folders and patterns (default: the bundled photos)"
    _add(command, "--photos", help, metavar="PHOTO", nargs="+")
    help = "fine-tune this painter, a name or a file (default: random weights)"
    _add(command, "--start", help, metavar="NAME")
    help = "shorter side to which the style image is resized: larger, larger strokes"
    _add(command, "--style-size", help, 256, metavar="PIXELS", type=positive)
    help = "weight of the style loss relative to the content loss, for the default β"
    _add(command, "--style-weight", help, 15.0, metavar="WEIGHT", type=float)
    _add(command, "--seed", "seed of the weights, the crops and the noise", 0, type=int)
    _add(command, "--weights", "of VGG19: auto, imagenet, bundled, random or a file", "auto", metavar="NAME")
    command.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write, .npz (default: a new file in output/)"
    )
    command.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    help = "continue an interrupted training of the same command from the file PAINTER.checkpoint"
    command.add_argument("--resume", action="store_true", help=help)


def _add_frames(commands: Any) -> None:
    help = "paint the frames of a film, each initialized with the one before"
    command = _recipe(commands, "frames", help, _DEFAULTS, resume=False)
    command.add_argument("source", help="a folder of pictures, or an animated GIF or WebP")
    command.add_argument("style", help="style image")
    keywords = ("size", "steps", "seed", "start", "style_weight")
    _add_keywords(command, keywords, "content, style, noise", size=256, steps=80)
    _add(command, "--next-steps", "steps of each frame after the first", 30, metavar="STEPS", type=positive)
    help = "weight of the temporal consistency loss"
    _add(command, "--consistency-weight", help, 0.01, metavar="WEIGHT", type=float)
    help = (
        "estimate of the motion between frames: none; shift, of the whole picture, as when a camera pans; or "
        "flow, the optical flow of each pixel, which needs the package scikit-image"
    )
    _add(command, "--motion", help, "shift", choices=("none", "shift", "flow"))
    _add_groups(command, Losses, Network, Run, leave_out=("checkpoint_every", "scales"))


def _add_gallery(commands: Any) -> None:
    more = "Pictures that exist already are skipped, so the same command continues an interrupted one."
    command = _command(commands, "gallery", "paint every picture in every style", more)
    command.add_argument("contents", nargs="+", metavar="CONTENT", help="content images")
    command.add_argument("--styles", nargs="+", required=True, metavar="STYLE", help="style images")
    _add_output(command, OUTPUT / "gallery")
    command.add_argument("--overwrite", action="store_true", help="replace pictures of other settings")
    help = "pictures painted at a time on this machine (default: one for each four cores)"
    _add(command, "--workers", help, metavar="N", type=positive)
    help = "paint on a Dask cluster, such as tcp://10.0.0.1:8786 (needs the package distributed)"
    _add(command, "--scheduler", help, metavar="ADDRESS")
    _add_preset(command)
    _add_keywords(command, ("size", "steps", "style_weight"))
    _add_groups(command, Losses, Network, Run, leave_out=("checkpoint_every",))


def _add_tools(commands: Any) -> None:
    """The commands that measure, and those that write the course's own pictures and pages."""
    more = "Writes benchmark.json. Takes forty minutes on two cores, --quick three minutes."
    command = _command(commands, "benchmark", "measure the computing time on this machine", more)
    command.add_argument("--quick", action="store_true", help="measure less, on a small picture")
    _add(command, "--content", "content image", CONTENT)
    _add(command, "--style", "style image", STYLE)
    _add_output(command, OUTPUT)

    command = _command(commands, "results", "make the pictures under images/results/ again")
    command.add_argument("names", nargs="*", metavar="NAME", help="without its ending; all by default")

    more = "Each is one HTML file that needs no network."
    command = _command(commands, "slides", "run lessons and write each as slides for a lecture", more)
    command.add_argument("lessons", nargs="+", metavar="NN", help="a lesson's number, such as 04, or A1")
    _add_output(command, OUTPUT / "slides")

    more = "For students without solutions, for instructors solved and run, and as assignments for nbgrader."
    command = _command(commands, "handout", "write handouts and graded assignments of lessons", more)
    command.add_argument("lessons", nargs="+", metavar="NN", help="a lesson's number, such as 04, or A1")
    _add_output(command, OUTPUT / "handouts")
    command.add_argument("--overwrite", action="store_true", help="replace handouts that exist")
    running = command.add_mutually_exclusive_group()
    help = "run the instructors' notebooks in the short form of the tests"
    running.add_argument("--fast", action="store_true", help=help)
    help = "do not run the instructors' notebooks, which then have no pictures"
    running.add_argument("--no-run", action="store_true", help=help)

    more = "An index, and for each lesson a page and its slides, each one HTML file that needs no network."
    command = _command(commands, "run", "run all lessons in full and write them as a site", more)
    _add_output(command, OUTPUT / "site")
    help = "also write the lessons' covers into images/lessons/, for the README"
    command.add_argument("--covers", action="store_true", help=help)

    more = (
        "Writes OWNER/NAME into the Colab cell of every lesson, the README and CITATION.cff, with badges, "
        "and the workflow .github/workflows/pages.yml, which makes a site. '' as the name removes all of it."
    )
    help = "write the name of your own repository into the course, for Colab and a site"
    command = _command(commands, "publish", help, more)
    command.add_argument("repository", metavar="OWNER/NAME", help="the repository on GitHub")
    _add(command, "--branch", "the branch that the badges open, and the site is made from", "main")
