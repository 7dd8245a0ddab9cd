"""Size and steps that suit the computer, and the upload of a student's own picture."""

import os
from typing import Any

import numpy as np

from helpers.compute.framework import device
from helpers.errors import ArgumentError, shown
from helpers.images import load_image


def pace(cpu: tuple[int, int], gpu: tuple[int, int]) -> tuple[int, int]:
    """Choose the size of an image and the number of steps of a run to suit this computer.

    ``cpu``, ``gpu``: ``(size, steps)`` for a computer without and with a GPU.
    Two environment variables, which the tests set, come before the device: ``COURSE_FAST=1`` makes every run
    very small, and ``COURSE_GPU_STEPS=N`` takes the size of a GPU with at most N of its steps.

    Returns ``(size, steps)``. Raises ``ArgumentError`` for an N that is not a whole number of 1 or more.
    """
    if os.environ.get("COURSE_FAST") == "1":
        return (32, 3)
    if most := os.environ.get("COURSE_GPU_STEPS"):
        if not most.isdecimal() or int(most) < 1:
            raise ArgumentError(
                f"The variable COURSE_GPU_STEPS is a whole number of 1 or more, not {shown(most)}."
            )
        return (gpu[0], min(gpu[1], int(most)))
    return gpu if device() == "gpu" else cpu


def upload_button(label: str = "Choose a picture") -> Any:
    """A button that uploads a picture from the student's own computer, for ipywidgets 7.7 and 8.

    Returns an ``ipywidgets.FileUpload``; ``uploaded_image`` reads what was chosen.
    """
    import ipywidgets

    return ipywidgets.FileUpload(
        accept="image/*", multiple=False, description=label, layout={"width": "250px"}
    )


def uploaded_image(button: Any, size: int | None = None) -> np.ndarray | None:
    """The picture chosen with an ``upload_button`` as an image, or ``None`` before one is chosen.

    ``size``: shorter side of the image, see ``load_image``. Raises the errors of ``load_image``.
    """
    file = chosen_file(button)
    return None if file is None else load_image(file[1], size)


def chosen_file(button: Any) -> tuple[str, bytes] | None:
    """Name and bytes of the file chosen with an ``upload_button``, or ``None`` before one is chosen."""
    if not button.value:
        return None
    # ipywidgets 7 has a dict of files by name, ipywidgets 8 a tuple of files.
    if isinstance(button.value, dict):
        name, chosen = next(iter(button.value.items()))
    else:
        chosen = button.value[0]
        name = chosen["name"]
    return str(name), bytes(chosen["content"])
