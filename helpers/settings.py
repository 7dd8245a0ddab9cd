"""Settings of runs in files: presets, and the settings in a PNG, from which its run can be repeated."""

import inspect
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from helpers import recipes
from helpers.engine.run import SETTINGS_VERSION, fingerprint, recorded_options
from helpers.errors import ArgumentError, MissingFileError, reason
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
        arguments = _current_arguments(json.loads(path.read_text(encoding="utf-8")))
    except (AttributeError, OSError, ValueError, RecursionError):
        raise ArgumentError(f"{path} is not a preset: it holds no JSON object.") from None
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
        recipe, stored = _RECIPES[settings["recipe"]], merged(settings["arguments"])
        # A picture from an unknown source must not determine which files are written.
        stored["run"] = recorded_options(stored.get("run", {}))
        stored.pop("callback", None)
        inputs = [
            (name, _source(stored, name), min(noted["width"], noted["height"]), noted)
            for name, noted in settings["inputs"].items()
            if name.partition(" ")[0] not in changes
        ]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise ArgumentError(f"{picture} carries settings, but not those of a run of this course.") from None
    for name, value in stored.items():
        # What JSON cannot represent, such as an array, is stored as {"given_as": its type}.
        if name not in changes and '"given_as"' in json.dumps(value):
            raise ArgumentError(f"The {name} is not stored in {picture}: give it again to repeat the run.")
    arguments = merged(stored, changes)
    _check_arguments(inspect.signature(recipe).bind, arguments, picture)
    for name, source, side, noted in inputs:
        if fingerprint(load_image(source, side)) != noted:
            raise ArgumentError(f"The {name} is not the image any more that {picture} was made from.")
    return recipe(**arguments)


def _source(arguments: Mapping[str, Any], name: str) -> Any:
    """The source of an input, from its name in the settings, such as ``"style 2"``."""
    argument, _, number = name.partition(" ")
    return arguments[argument][int(number) - 1] if number else arguments[argument]


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
    for old in ("photo", "painting"):
        inputs = {name.replace(old, _RENAMED[old]): value for name, value in inputs.items()}
    arguments = _current_arguments(arguments)
    return {**settings, "version": SETTINGS_VERSION, "arguments": arguments, "inputs": inputs}


def _current_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a recipe with the current names, values and groups of options."""
    renamed = {_RENAMED.get(name, name): value for name, value in arguments.items()}
    for name, values in _NEW_VALUES.items():
        for old, new in values.items():
            if renamed.get(name) == old:
                renamed[name] = new
    return merged(renamed)


def _preset_path(name: str | os.PathLike) -> Path:
    path = Path(name)
    if path.suffix.lower() != ".json":
        raise ArgumentError(f"A preset is one of {', '.join(PRESETS)} or a file ending in .json, not {name}.")
    return path


def _check_arguments(bind: Callable[..., Any], arguments: Mapping[str, Any], source: Any) -> None:
    """Raise ``ArgumentError`` for arguments that a recipe does not take, or that are missing."""
    try:
        bind(**arguments)
    except TypeError as error:
        raise ArgumentError(f"{source} does not fit the recipe: {reason(error)}.") from None


def _check_preset(arguments: Mapping[str, Any], path: Path) -> None:
    _check_arguments(inspect.signature(recipes.transfer).bind_partial, arguments, path)
    for name in arguments:
        if name in NOT_IN_A_PRESET:
            raise ArgumentError(f"{path}: a preset serves any picture, so it cannot hold {name}.")
