"""Pictures that tell what they were made from, so that a call that is repeated does not paint them again."""

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.engine.run import json_ready, recorded_options
from helpers.errors import CourseError
from helpers.images import as_uint8, load_image, read_settings
from helpers.recipes import Result

_MADE_FROM = "made_from"


def checksum(arguments: Mapping[str, Any], *inputs: Any) -> str:
    """A checksum of all that a picture depends on.

    ``arguments``: of ``transfer``, from ``merged``. ``inputs``: fingerprints of images, and what else counts.
    """
    run = {**recorded_options(arguments.get("run", {})), "memory": None}
    text = json.dumps([json_ready({**arguments, "run": run}), *inputs], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def save_finished(result: Result, path: Path, made_from: str) -> None:
    """Save a result as a PNG with the checksum of what it was made from."""
    dataclasses.replace(result, settings={**result.settings, _MADE_FROM: made_from}).save(path)


def finished(path: Path, made_from: str) -> Result | None:
    """The result of an earlier call with this checksum, if its picture is there."""
    with contextlib.suppress(CourseError, KeyError):
        settings = read_settings(path)
        if settings.pop(_MADE_FROM, None) == made_from:
            return Result(as_uint8(load_image(path)), settings.pop("history"), settings)
    return None
