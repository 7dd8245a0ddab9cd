"""The cover of a lesson: the picture that stands for it on the site and in the README."""

import base64
import io
import re
from pathlib import Path
from typing import Any

from helpers.files.writing import atomic_write
from helpers.tools.lesson_cells import tags_of
from helpers.tools.rendering import outputs_html

SIZE = (360, 240)
"""Width and height of a cover in pixels, more than twice those in the README, for fine screens."""


def cover_of(notebook: Any) -> bytes | None:
    """The file of the last picture of the cell with the tag ``cover``; ``None`` where there is none.

    ``notebook``: a lesson (``nbformat``) that was run.
    """
    covers = (cell for cell in notebook.cells if "cover" in tags_of(cell))
    outputs = "".join(outputs_html(cell, notebook) for cell in covers)
    # Pictures have the style "width:100%"; plots, whose proportions may not suit a cover, do not.
    pictures = re.findall(r'<img src="data:[^,"]*,([^"]*)" alt="[^"]*" style="width:100%', outputs)
    return base64.b64decode(pictures[-1]) if pictures else None


def write_cover(notebook: Any, path: Path) -> None:
    """Write the cover of a lesson that was run as a JPEG of some kilobytes, and its folder if need be.

    The middle of the picture is taken where its proportions are others. A lesson without a cover leaves the
    file as it is.
    """
    from PIL import Image, ImageOps

    cover = cover_of(notebook)
    if cover is None:
        return
    picture = Image.open(io.BytesIO(cover)).convert("RGB")
    # A feature map of few positions keeps its squares.
    sampling = Image.Resampling.NEAREST if picture.width < SIZE[0] / 4 else Image.Resampling.LANCZOS
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as partial:
        ImageOps.fit(picture, SIZE, sampling).save(partial, "JPEG", quality=88, optimize=True)
