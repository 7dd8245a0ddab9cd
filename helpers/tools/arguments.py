"""The arguments of the command line: those of the recipes' own keywords, and of the groups of ``options``."""

import argparse
import dataclasses
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from helpers.color import Colors
from helpers.files.bundled import IMAGES
from helpers.options import GROUPS, PRESETS, Losses, Network, Run

OUTPUT = IMAGES.parent / "output"
CONTENT, STYLE = "temple", "village_street_in_auvers"
"""The bundled pictures that a command takes where none is named."""

_BUNDLED = "Bundled names are those of the files under images/, such as great_wave."
_KEPT = ("checkpoint", "resume", "progress")
_USUAL = "By default a normalized network in the faster precision here, coarse to fine, pixels."


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments. What is not said is ``None``: it is left to the recipe."""
    root = argparse.ArgumentParser(
        prog="course.py", description="Neural style transfer as in Gatys, Ecker and Bethge (2015)."
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_transfer,
        _add_reconstruct,
        _add_texture,
        _add_again,
        _add_frames,
        _add_gallery,
        _add_benchmark,
        _add_pages,
        _add_publish,
    ):
        add(commands)
    for command in commands.choices.values():
        command.add_argument(
            "--verbose", action="store_true", help="tell more of what is done, and where an error arose"
        )
    return root


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of 1 or more is needed, not {text!r}")
    return int(text)


def _file_or_none(text: str) -> str | None:
    return None if text == "-" else text


def _name_and_number(text: str) -> tuple[str, float]:
    name, _, number = text.rpartition("=")
    try:
        return name, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"a name and a weight are needed, NAME=WEIGHT, not {text!r}"
        ) from None


def _lesson_number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a lesson's number is needed, such as 04, not {text!r}")
    return int(text)


class _Together(argparse.Action):
    """Pairs of a name and a number, as a dict; or the number alone."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        alone = len(values) == 1 and not values[0][0]
        setattr(namespace, self.dest, values[0][1] if alone else dict(values))


KEYWORDS: Mapping[str, Mapping[str, Any]] = {
    "size": {"type": positive, "metavar": "PIXELS", "help": "shorter side of the result"},
    "steps": {"type": positive, "help": "steps of the optimizer"},
    "seed": {"type": int, "help": "seed of the white noise (default: 0)"},
    "start": {"metavar": "IMAGE", "help": "initial image: {start} or a picture file"},
    "content_weight": {"type": float, "metavar": "α", "help": "weight of the content loss (default: 1)"},
    "style_weight": {
        "type": float,
        "metavar": "β",
        "help": "weight of the style loss; 10 is timid, 200 bold (default: 50)",
    },
    "content_layer": {"metavar": "LAYER", "help": "(default: conv4_2)"},
    "style_layers": {"nargs": "+", "metavar": "LAYER", "help": "(default: conv1_1 … conv5_1)"},
    "style_scale": {
        "type": float,
        "metavar": "S",
        "help": "the size of the strokes; 2 doubles it (default: 1)",
    },
    "blend": {"nargs": "+", "type": float, "metavar": "W", "help": "weight of each of several style images"},
    "masks": {
        "nargs": "+",
        "metavar": "FILE",
        "help": "for each style image a picture that is white in its region, and black elsewhere",
    },
    "style_masks": {
        "nargs": "+",
        "type": _file_or_none,
        "metavar": "FILE",
        "help": "for each style image a picture that is white where the style is taken; - for all of it",
    },
    "colors": {
        "choices": get_args(Colors),
        "help": "whose colors: the style image's; the content image's, over the luma of a result in gray; or "
        "the content image's, given to the style image beforehand (default: style)",
    },
    "term": {
        "action": "append",
        "dest": "terms",
        "type": _name_and_number,
        "metavar": "NAME=WEIGHT",
        "help": "one more term: 'total variation' or 'histogram'; may be given several times",
    },
}
"""The recipes' own keywords on the command line."""


def _add_keywords(command: Any, names: Iterable[str], start: str = "", **defaults: Any) -> None:
    for name in names:
        described = {**KEYWORDS[name]}
        described["help"] = described["help"].format(start=start)
        if name in defaults:
            described |= {"default": defaults[name]}
            described["help"] += f" (default: {defaults[name] or 'as the preset has it'})"
        command.add_argument(f"--{name.replace('_', '-')}", **described)


def _add_groups(command: argparse.ArgumentParser, *kinds: type, leave_out: Iterable[str] = ()) -> None:
    """The fields of groups of options, each with its own text."""
    for kind in kinds:
        group = command.add_argument_group(kind.__name__.lower(), kind.__doc__.split("\n")[0])
        hints = get_type_hints(kind)
        for each in dataclasses.fields(kind):
            if each.name not in (*_KEPT, *leave_out):
                group.add_argument(f"--{each.name.replace('_', '-')}", **_described(each, hints[each.name]))


def _described(field: dataclasses.Field, hint: Any) -> dict[str, Any]:
    """A field of a group as an argument: its kind is that of its type."""
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    default = "" if field.default is None else f" (default: {field.default})"
    described: dict[str, Any] = {"help": field.metadata["help"], "default": None}
    if field.metadata["metavar"]:
        described["metavar"] = field.metadata["metavar"]
    choices = next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), None)
    if field.name == "layer_weights":
        return {**described, "nargs": "+", "type": _name_and_number, "action": _Together}
    if bool in kinds:
        return {**described, "action": argparse.BooleanOptionalAction}
    described["help"] += default
    if choices:
        return {**described, "choices": choices}
    number = next((kind for kind in kinds if kind in (int, float)), None)
    return {**described, "type": number} if number else described


def _add_output(command: argparse.ArgumentParser, folder: Path | None = None) -> None:
    where = "a new file in output/" if folder is None else folder.relative_to(OUTPUT.parent)
    command.add_argument(
        "--output",
        type=Path,
        default=folder,
        metavar="FILE" if folder is None else "FOLDER",
        help=f"where to write (default: {where})",
    )


def _add_keeping(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run of the same command that was cut off, from the file PICTURE.checkpoint",
    )


def _add_preset(command: argparse.ArgumentParser) -> None:
    said = ", ".join(f"{name} ({p['size']} pixels, {p['steps']} steps)" for name, p in PRESETS.items())
    command.add_argument(
        "--preset",
        default="balanced",
        metavar="NAME",
        help=f"{said}, or a .json file of --save-preset; other arguments override it (default: balanced)",
    )


def _command(commands: Any, name: str, help: str, more: str = "") -> argparse.ArgumentParser:
    return commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}. {more}".strip())


def _recipe(commands: Any, name: str, help: str, more: str) -> argparse.ArgumentParser:
    command = _command(commands, name, help, more)
    command.epilog = _BUNDLED
    _add_output(command)
    command.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    return command


def _add_transfer(commands: Any) -> None:
    command = _recipe(commands, "transfer", "paint a picture in the style of another", _USUAL)
    command.add_argument("content", nargs="?", default=CONTENT, help=f"content image (default: {CONTENT})")
    command.add_argument("styles", nargs="*", metavar="style", help=f"style image (default: {STYLE})")
    _add_preset(command)
    _add_keywords(command, KEYWORDS, "content, style, noise", size=None, steps=None)
    command.add_argument(
        "--as-printed",
        metavar="NAME",
        help="take --content-weight and --style-weight as a paper or program prints them, such as 'johnson'",
    )
    command.add_argument(
        "--save-every",
        type=positive,
        metavar="STEPS",
        help="keep the picture of every so many steps as well, in a folder called NAME_steps",
    )
    command.add_argument("--film", type=Path, metavar="FILE", help="keep the run as a film, .gif or .webp")
    command.add_argument(
        "--save-preset", type=Path, metavar="FILE", help="write these arguments to a .json for --preset"
    )
    _add_groups(command, Losses, Network, Run)
    _add_keeping(command)


def _add_reconstruct(commands: Any) -> None:
    more = "By default the network as trained, in float32, at one scale, with cosine coefficients."
    command = _recipe(commands, "reconstruct", "reconstruct a picture from one layer's feature maps", more)
    command.add_argument("picture", nargs="?", default=CONTENT, help=f"(default: {CONTENT})")
    command.add_argument("--layer", default="conv4_2", help="such as conv4_2 or pool3 (default: conv4_2)")
    _add_keywords(command, ("size", "steps", "seed", "start"), "noise", size=256, steps=100)
    _add_groups(command, Network, Run)
    _add_keeping(command)


def _add_texture(commands: Any) -> None:
    command = _recipe(commands, "texture", "synthesize a texture from a picture's Gram matrices", _USUAL)
    command.add_argument("picture", nargs="?", default=STYLE, help=f"(default: {STYLE})")
    command.add_argument(
        "--layers",
        nargs="+",
        metavar="LAYER",
        help="the layers whose Gram matrices count (default: conv1_1 … conv5_1)",
    )
    command.add_argument(
        "--source-size",
        type=positive,
        default=256,
        metavar="PIXELS",
        help="shorter side at which the picture is used (default: 256)",
    )
    _add_keywords(command, ("size", "steps", "seed", "start"), "noise", size=256, steps=120)
    _add_groups(command, Losses, Network, Run)
    _add_keeping(command)


def _add_again(commands: Any) -> None:
    more = "From the settings inside it."
    command = _recipe(commands, "again", "repeat the run that made a picture", more)
    command.add_argument("picture", help="a PNG that this course saved")
    _add_keywords(command, ("size", "steps"))
    _add_keeping(command)


def _add_frames(commands: Any) -> None:
    help = "paint the frames of a film, each from the one before"
    command = _recipe(commands, "frames", help, _USUAL)
    command.add_argument("source", help="a folder of pictures, or an animated GIF or WebP")
    command.add_argument("style", help="style image")
    _add_keywords(
        command, ("size", "steps", "seed", "start", "style_weight"), "content, style, noise", steps=80
    )
    command.add_argument(
        "--next-steps",
        type=positive,
        default=30,
        metavar="STEPS",
        help="steps of every frame after the first (default: 30)",
    )
    command.add_argument(
        "--steadiness",
        type=float,
        default=0.01,
        metavar="WEIGHT",
        help="weight of the temporal consistency (default: 0.01)",
    )
    command.add_argument(
        "--motion",
        choices=("none", "shift", "flow"),
        default="shift",
        help="how the picture moves: not at all; as a whole, as where a camera pans; or each thing by "
        "itself, by optical flow, which needs the package scikit-image (default: shift)",
    )
    _add_groups(command, Losses, Network, Run, leave_out=("checkpoint_every", "scales"))


def _add_gallery(commands: Any) -> None:
    more = "What is there already is not done again, so the same command goes on where it was stopped."
    command = _command(commands, "gallery", "paint every picture in every style", more)
    command.add_argument("contents", nargs="+", metavar="CONTENT", help="content images")
    command.add_argument("--styles", nargs="+", required=True, metavar="STYLE", help="style images")
    _add_output(command, OUTPUT / "gallery")
    command.add_argument("--overwrite", action="store_true", help="replace pictures of other settings")
    command.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="pictures painted at a time on this machine (default: one for each four cores)",
    )
    command.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="paint on a Dask cluster, such as tcp://10.0.0.1:8786 (needs the package distributed)",
    )
    _add_preset(command)
    _add_keywords(command, ("size", "steps", "style_weight"), size=None, steps=None)
    _add_groups(command, Losses, Network, Run, leave_out=("checkpoint_every",))


def _add_benchmark(commands: Any) -> None:
    more = "Writes benchmark.json and benchmark.png. Takes forty minutes on two cores, --quick three minutes."
    command = _command(commands, "benchmark", "measure where the time goes on this machine", more)
    command.add_argument("--quick", action="store_true", help="a short form, on a small picture")
    command.add_argument("--content", default=CONTENT, help=f"content image (default: {CONTENT})")
    command.add_argument("--style", default=STYLE, help=f"style image (default: {STYLE})")
    _add_output(command, OUTPUT)


def _add_pages(commands: Any) -> None:
    command = _command(commands, "results", "make the pictures under images/results/ again")
    command.add_argument("names", nargs="*", metavar="NAME", help="without its ending; all by default")
    more = "Each is one HTML file that needs no network."
    command = _command(commands, "slides", "run lessons and write each as slides for a lecture", more)
    command.add_argument("lessons", nargs="+", type=_lesson_number, metavar="NN", help="such as 04")
    _add_output(command, OUTPUT / "slides")
    more = "An index, and of every lesson a page and its slides, each one HTML file that needs no network."
    command = _command(commands, "run", "run all lessons in full and write them as a site", more)
    _add_output(command, OUTPUT / "site")


def _add_publish(commands: Any) -> None:
    more = "Writes OWNER/NAME into the Colab cell of every lesson, and a badge above that opens it."
    help = "put the name of your own repository into the lessons, for Colab"
    command = _command(commands, "publish", help, more)
    command.add_argument("repository", metavar="OWNER/NAME", help="the repository on GitHub")
    command.add_argument("--branch", default="main", help="the branch that the badges open (default: main)")


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of a recipe that were given on the command line, options of groups by themselves."""
    fields = [each.name for kind in GROUPS.values() for each in dataclasses.fields(kind)]
    names = [*KEYWORDS, *(name for name in fields if name not in _KEPT)]
    told = {name: value for name in names if (value := getattr(options, name, None)) is not None}
    if getattr(options, "terms", None):
        told["terms"] = dict(options.terms)
    return told
