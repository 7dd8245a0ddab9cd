"""What the lessons need besides the mathematics: a pace that fits the device, and a student's own photo."""

import os
from typing import Any

import numpy as np

from helpers.compute.framework import device
from helpers.images import load_image

FAST = (32, 3)


def pace(cpu: tuple[int, int], gpu: tuple[int, int]) -> tuple[int, int]:
    """Choose a picture's size and a run's number of steps that suit this machine.

    ``cpu``, ``gpu``: ``(size, steps)`` for a laptop without and with a graphics processor.
    The environment variable ``COURSE_FAST=1``, which the tests set, makes every run a tiny one.

    Returns ``(size, steps)``.
    """
    if os.environ.get("COURSE_FAST") == "1":
        return FAST
    return gpu if device() == "gpu" else cpu


def upload_button(label: str = "Choose a picture") -> Any:
    """A button that reads a picture from the reader's own disk, for ipywidgets 7.7 and 8.

    Returns an ``ipywidgets.FileUpload``; ``uploaded_image`` reads what was chosen.
    """
    import ipywidgets

    return ipywidgets.FileUpload(
        accept="image/*", multiple=False, description=label, layout={"width": "220px"}
    )


def uploaded_image(button: Any, size: int | None = None) -> np.ndarray | None:
    """The picture chosen with an ``upload_button`` as an image, or ``None`` before one is chosen.

    ``size``: shorter side of the image, see ``load_image``. Raises as ``load_image`` does.
    """
    file = chosen_file(button)
    return None if file is None else load_image(file[1], size)


def chosen_file(button: Any) -> tuple[str, bytes] | None:
    """The name and the bytes of the file chosen with an ``upload_button``, ``None`` before one is chosen."""
    if not button.value:
        return None
    # ipywidgets 7 keeps a dict by file name, ipywidgets 8 a tuple of files.
    if isinstance(button.value, dict):
        name, chosen = next(iter(button.value.items()))
    else:
        chosen = button.value[0]
        name = chosen["name"]
    return str(name), bytes(chosen["content"])
