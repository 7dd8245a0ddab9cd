"""Settings of runs in files: presets, and the settings in a PNG, from which its run can be repeated."""

import inspect
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from helpers import recipes
from helpers.engine.run import SETTINGS_VERSION, fingerprint, recorded_options
from helpers.errors import ArgumentError, MissingFileError, nearest
from helpers.files.writing import atomic_write
from helpers.images import load_image, read_settings
from helpers.options import PRESETS, merged
from helpers.recipes import Result

_RECIPES: Mapping[str, Callable[..., Result]] = {
    recipe.__name__: recipe for recipe in (recipes.transfer, recipes.reconstruct, recipes.synthesize_texture)
}
NOT_IN_A_PRESET = ("content", "style", "masks", "style_masks", "callback")
"""The arguments of ``transfer`` that are specific to certain images or to one run."""


def save_preset(path: str | os.PathLike, **arguments: Any) -> Path:
    """Write arguments of ``transfer`` to a JSON file; those in ``NOT_IN_A_PRESET`` are not accepted.

    ``save_preset("mine.json", size=256, steps=80)`` and ``transfer(…, **load_preset("mine.json"))``.
    Returns the path. Raises ``ArgumentError`` for an argument that ``transfer`` does not have, a value that
    JSON cannot represent, or a name that does not end in ``.json``.
    """
    path = _preset_path(path)
    _check_preset(arguments, path)
    try:
        text = json.dumps(merged(arguments), indent=2, ensure_ascii=False, allow_nan=False, default=os.fspath)
    except (TypeError, ValueError):
        raise ArgumentError("A preset holds numbers, texts and lists of them, nothing else.") from None
    with atomic_write(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    return path


def load_preset(name: str | os.PathLike) -> dict[str, Any]:
    """The arguments in ``PRESETS[name]``, or in a file that ``save_preset`` wrote.

    Raises ``MissingFileError`` for a missing file, and ``ArgumentError`` for an unknown name, a file that is
    not a preset, or an argument that ``transfer`` does not have.
    """
    if os.fspath(name) in PRESETS:
        return dict(PRESETS[os.fspath(name)])
    path = _preset_path(name)
    if not path.is_file():
        raise MissingFileError(f"There is no file {path}.")
    try:
        arguments = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise ArgumentError(f"{path} is not a preset: it holds no JSON object.")
    arguments = _current_arguments(arguments)
    _check_preset(arguments, path)
    return arguments


def again(picture: str | os.PathLike, **changes: Any) -> Result:
    """Repeat the run that generated a picture, with the settings stored in it.

    ``picture``: a PNG that ``Result.save`` wrote. ``changes``: arguments that override the stored ones;
    groups of options are overridden field by field.

    Raises ``PictureError`` if the picture holds no settings. Raises ``ArgumentError`` if they are not those
    of a run, if an input was given as an array and is not among ``changes``, or if an input image has changed
    since.
    """
    settings = current_settings(read_settings(picture))
    try:
        recipe, arguments = _RECIPES[settings["recipe"]], merged(settings["arguments"])
        sides = {name: min(noted["width"], noted["height"]) for name, noted in settings["inputs"].items()}
        # A picture from an unknown source must not determine which files are written.
        arguments["run"] = recorded_options(arguments.get("run", {}))
        arguments.pop("callback", None)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ArgumentError(f"{picture} carries settings, but not those of a run of this course.") from None
    arguments = merged(arguments, changes)
    for name, value in arguments.items():
        type_name = _given_as(value)
        if type_name is not None:
            raise ArgumentError(
                f"{picture} was made from a {name} given as {type_name}: give it again to repeat the run."
            )
    _check_arguments(arguments, picture, recipe)
    for name, parameter in inspect.signature(recipe).parameters.items():
        if parameter.default is parameter.empty and name not in arguments:
            raise ArgumentError(f"{picture} does not state which {name} it was made from.")
    for name, side in sides.items():
        if name.partition(" ")[0] not in changes:
            current = fingerprint(load_image(_source(arguments, name), side))
            if current != settings["inputs"][name]:
                raise ArgumentError(f"The {name} is not the image any more that {picture} was made from.")
    return recipe(**arguments)


_RENAMED = {
    "photo": "content",
    "painting": "style",
    "painting_masks": "style_masks",
    "painting_scale": "style_scale",
    "colours": "colors",
    "coordinates": "parametrization",
    "normalised": "normalized",
}
_NEW_VALUES = {
    "colors": {"painting": "style", "luminance": "luma"},
    "start": {"photo": "content", "painting": "style"},
    "parametrization": {"fourier": "cosine"},
}


def current_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings stored in a picture, converted to the current version.

    Version 1 had other names and no groups of options. Settings of another form are returned unchanged.
    """
    arguments, inputs = settings.get("arguments"), settings.get("inputs")
    if "version" in settings or not (isinstance(arguments, Mapping) and isinstance(inputs, Mapping)):
        return dict(settings)
    current_inputs = {}
    for name, value in inputs.items():
        argument, space, number = name.partition(" ")
        current_inputs[_RENAMED.get(argument, argument) + space + number] = value
    arguments = _current_arguments(arguments)
    return {**settings, "version": SETTINGS_VERSION, "arguments": arguments, "inputs": current_inputs}


def _current_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a recipe with the current names, values and groups of options."""
    renamed = {_RENAMED.get(name, name): value for name, value in arguments.items()}
    for name, values in _NEW_VALUES.items():
        if isinstance(renamed.get(name), str):
            renamed[name] = values.get(renamed[name], renamed[name])
    return merged(renamed)


def _source(arguments: Mapping[str, Any], name: str) -> Any:
    """The source of an input, from its name in the settings, such as ``"style 2"``."""
    argument, _, number = name.partition(" ")
    source = arguments.get(argument)
    position = int(number) if number.isdecimal() else 1
    return source[position - 1] if isinstance(source, list) and 0 < position <= len(source) else source


def _given_as(value: Any) -> str | None:
    """The type of the first value in an argument that could not be stored, such as an array, or ``None``."""
    if isinstance(value, Mapping) and set(value) == {"given_as"}:
        return value["given_as"]
    values = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, (Mapping, list, tuple)):
        return next((name for name in map(_given_as, values) if name is not None), None)
    return None


def _preset_path(name: str | os.PathLike) -> Path:
    path = Path(name)
    if path.suffix.lower() != ".json":
        raise ArgumentError(f"A preset is one of {', '.join(PRESETS)} or a file ending in .json, not {name}.")
    return path


def _check_arguments(
    arguments: Mapping[str, Any], source: Any, recipe: Callable[..., Result] = recipes.transfer
) -> None:
    known = list(inspect.signature(recipe).parameters)
    for name in arguments:
        if name not in known:
            near = ", ".join(nearest(name, known))
            raise ArgumentError(f"{source}: {recipe.__name__} takes no {name!r}; near are {near}.")


def _check_preset(arguments: Mapping[str, Any], path: Path) -> None:
    _check_arguments(arguments, path)
    pictures = [name for name in arguments if name in NOT_IN_A_PRESET]
    if pictures:
        raise ArgumentError(f"{path}: a preset serves any picture, so {pictures[0]} has no place in it.")
