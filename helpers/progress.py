"""Progress of a run with the time left, in a notebook, a terminal or a file."""

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

_PREVIEW_EVERY = 1.0
_LINE_EVERY = 10.0


@contextlib.contextmanager
def progress_bar(label: str, costs: Sequence[float], shown: bool = True, done: int = 0) -> Iterator[Show]:
    """Show how far a run is and how long it will still take, in a notebook or a terminal.

    ``costs``: what each step costs beside the others, so that the time left is right where late steps are
    larger ones. ``done``: how many steps are done already. Yields a function to call once a step with its
    record and a way to get the current image.
    A notebook shows the picture as it grows; a terminal rewrites one line; a file gets a line now and then.
    """
    if not shown:
        yield lambda record, image: None
        return
    write = _write_in_notebook() if in_notebook() else terminal_line(sys.stderr)
    began = first_ended = time.perf_counter()
    steps, all_work = len(costs), sum(costs)
    taken = done

    def show(record: dict[str, float], image: Callable[[], np.ndarray]) -> None:
        nonlocal taken, first_ended
        taken += 1
        now = time.perf_counter()
        text = f"{label}: step {taken} of {steps}, loss {record['total']:.4g}"
        if taken == done + 1:
            # The first step holds the time of compiling, which says nothing about the others.
            first_ended = now
        else:
            left = (now - first_ended) * sum(costs[taken:]) / sum(costs[done + 1 : taken])
            text += f", {clock(left)} left"
        write(text, sum(costs[:taken]) / all_work, image)

    try:
        yield show
    except Exception:
        # What went wrong before the first step is said by the error alone.
        if taken == done:
            raise
        write(f"{label}: ended at step {taken} of {steps}", None, None)
        raise
    else:
        ended = f"{steps} steps" if taken == steps else f"ended at step {taken} of {steps}"
        write(f"{label}: {ended}, {clock(time.perf_counter() - began)}", None, None)


def clock(seconds: float) -> str:
    """A duration in words: ``"8 s"``, ``"2 min 05 s"``, ``"1 h 02 min"``."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def in_notebook() -> bool:
    """Whether the output goes to a notebook: Jupyter, VS Code or Colab."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


def data_url(image: np.ndarray, kind: str = "PNG") -> str:
    """An image as the address that a page shows it from, its bytes included."""
    return f"data:image/{kind.lower()};base64,{base64.b64encode(image_bytes(image, kind)).decode()}"


def _write_in_notebook() -> Callable[[str, float | None, Any], None]:
    from IPython.display import HTML, display

    handle = display(HTML(""), display_id=True)
    written = -_PREVIEW_EVERY

    def write(text: str, fraction: float | None, image: Callable[[], np.ndarray] | None) -> None:
        nonlocal written
        now = time.perf_counter()
        if fraction is None or image is None:
            handle.update(HTML(f'<div class="progress">{html.escape(text)}</div>'))
        elif now - written >= _PREVIEW_EVERY:
            written = now
            picture = f'<img src="{data_url(image(), "JPEG")}" alt="" style="height:256px">'
            bar = f'<progress value="{fraction:.4f}" max="1" style="width:320px"></progress>'
            handle.update(HTML(f'<div class="progress">{bar} {html.escape(text)}</div>{picture}'))

    return write


def terminal_line(stream: Any) -> Callable[[str, float | None, Any], None]:
    """A line that says how far something is: rewritten in a terminal, written now and then in a file.

    Returns a function of the text, the share that is done (``None`` at the end) and a picture, which a
    terminal does not show.
    """
    rewrites = stream.isatty()
    every = 0.1 if rewrites else _LINE_EVERY
    written = 0.0
    longest = 0

    def write(text: str, fraction: float | None, image: Callable[[], np.ndarray] | None) -> None:
        nonlocal written, longest
        now = time.perf_counter()
        if fraction is not None and now - written < every:
            return
        written = now
        if not rewrites:
            print(text, file=stream, flush=True)
            return
        if fraction is not None:
            text = f"[{'█' * round(20 * fraction):░<20}] {text}"
        text = text[: shutil.get_terminal_size().columns - 1]
        longest = max(longest, len(text))
        print("\r" + text.ljust(longest), end="\n" if fraction is None else "", file=stream, flush=True)

    return write
