"""Progress of a run and its remaining time, shown in a notebook, a terminal or a file."""

import base64
import contextlib
import html
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from helpers.images import image_bytes

Show = Callable[[dict[str, float], Callable[[], np.ndarray]], None]
"""Takes the losses of a step by name, and a function that returns the current image."""

_Write = Callable[[str, float | None, Callable[[], np.ndarray] | None], None]
"""Takes a text, the fraction done (``None`` at the end) and a function that returns the current image."""

_SECONDS_PER_PREVIEW = 1.0
_SECONDS_PER_LINE = 10.0
_SECONDS_PER_REWRITE = 0.1


@contextlib.contextmanager
def progress_bar(label: str, costs: Sequence[float], shown: bool = True, done: int = 0) -> Iterator[Show]:
    """Show the progress of a run and its remaining time.

    ``costs``: the relative time of each step, from which the remaining time is estimated. ``done``: the
    number of steps done before. Yields a function to call after each step.
    A notebook shows a bar and the current image, a terminal one line that is rewritten, a file a line every
    ten seconds.
    """
    if not shown:
        yield lambda record, image: None
        return
    write = _write_in_notebook() if in_notebook() else terminal_line(sys.stderr)
    start = first_step_end = time.perf_counter()
    steps, step = len(costs), done

    def show(losses: dict[str, float], image: Callable[[], np.ndarray]) -> None:
        nonlocal step, first_step_end
        step += 1
        now = time.perf_counter()
        text = f"{label}: step {step} of {steps}, loss {losses['total']:.4g}"
        if step == done + 1:
            # The time of the first step includes compilation, so it is not used to estimate the others.
            first_step_end = now
        else:
            remaining = (now - first_step_end) * sum(costs[step:]) / sum(costs[done + 1 : step])
            text += f", {clock(remaining)} left"
        write(text, sum(costs[:step]) / sum(costs), image)

    try:
        yield show
    finally:
        # Before the first step nothing has been written that would need an end.
        if step > done:
            end = f"{steps} steps" if step == steps else f"ended at step {step} of {steps}"
            write(f"{label}: {end}, {clock(time.perf_counter() - start)}", None, None)


def clock(seconds: float) -> str:
    """A duration in words: ``"8 s"``, ``"2 min 05 s"``, ``"1 h 02 min"``."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def in_notebook() -> bool:
    """Whether this program runs in a notebook: Jupyter, VS Code or Colab."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


def data_url(image: np.ndarray, kind: str = "PNG") -> str:
    """An image ``(H, W, 3)``, 0…255, as a data URL for an HTML page. ``kind``: ``"PNG"`` or ``"JPEG"``."""
    return f"data:image/{kind.lower()};base64,{base64.b64encode(image_bytes(image, kind)).decode()}"


def _write_in_notebook() -> _Write:
    from IPython.display import HTML, display

    handle = display(HTML(""), display_id=True)
    last = -_SECONDS_PER_PREVIEW

    def write(text: str, fraction: float | None, image: Callable[[], np.ndarray] | None) -> None:
        nonlocal last
        now = time.perf_counter()
        if fraction is None or image is None:
            handle.update(HTML(f'<div class="progress">{html.escape(text)}</div>'))
        elif now - last >= _SECONDS_PER_PREVIEW:
            last = now
            picture = f'<img src="{data_url(image(), "JPEG")}" alt="" style="height:256px">'
            bar = f'<progress value="{fraction:.4f}" max="1" style="width:320px"></progress>'
            handle.update(HTML(f'<div class="progress">{bar} {html.escape(text)}</div>{picture}'))

    return write


def terminal_line(stream: Any) -> _Write:
    """Show progress in a terminal, where one line is rewritten, or in a file, with a line every ten seconds.

    Returns a function as ``_Write`` describes it, which ignores the image.
    """
    if stream is None:  # A service or a program with windows may have none.
        return lambda text, fraction, image: None
    rewrites = stream.isatty()
    try:
        full, empty = "█", "░"
        (full + empty).encode(stream.encoding or "ascii")
    except (LookupError, UnicodeError):
        full, empty = "#", "-"
    seconds = _SECONDS_PER_REWRITE if rewrites else _SECONDS_PER_LINE
    last = 0.0

    def write(text: str, fraction: float | None, image: Callable[[], np.ndarray] | None) -> None:
        nonlocal last
        now = time.perf_counter()
        if fraction is not None and now - last < seconds:
            return
        last = now
        if rewrites:
            bar = "" if fraction is None else f"[{(full * round(20 * fraction)).ljust(20, empty)}] "
            width = shutil.get_terminal_size().columns - 1
            text = "\r" + f"{bar}{text}"[:width].ljust(width)
        end = "" if rewrites and fraction is not None else "\n"
        # A terminal that was closed is no reason to lose the picture.
        with contextlib.suppress(OSError, ValueError):
            print(text, end=end, file=stream, flush=True)

    return write
