"""An interactive page: choose a photo and a painting, and watch the picture grow.

The painting runs in a thread of its own, which sets nothing but the values of widgets, so the page stays
alive meanwhile.
"""

import html
import inspect
import io
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from helpers.engine.coarse_to_fine import Record, shared_steps
from helpers.errors import CourseError
from helpers.files.bundled import bundled_images
from helpers.files.writing import safe_stem
from helpers.images import image_bytes, load_image, resize_image
from helpers.lessons.film import save_film
from helpers.lessons.notebook import chosen_file, upload_button
from helpers.options import PRESETS, Run
from helpers.progress import clock
from helpers.recipes import Result, transfer

MOST_COMPARED = 4

_PICTURE_EVERY = 0.5
_CURVE_EVERY = 2.0
_FRAMES = 120
_THUMBNAIL = 92
_USUAL = inspect.signature(transfer).parameters
_LARGE = "480px"
_CHOSEN, _NOT_CHOSEN = "3px solid #1976d2", "3px solid transparent"


def open_studio(folder: str | Path = "../output") -> Any:
    """A page of widgets that paints a photo in the manner of a painting.

    Bundled pictures by their thumbnails, or uploaded ones; a preset, or size and steps of one's own; a
    slider from the photo to the painting; a switch that keeps the photo's colors. Start, Pause and Stop; the
    picture as it grows, the time left, the loss term by term; before and after under a slider; up to four
    results side by side; the picture, with its settings inside, and the run as a film; the same as Python.
    ``folder``: where what is saved goes.

    Returns an ``ipywidgets.VBox`` to be shown, for ipywidgets 7.7 and 8.
    """
    return _Studio(Path(folder)).page


class _Studio:
    """The widgets of one page, and what it has painted so far."""

    def __init__(self, folder: Path) -> None:
        import ipywidgets as widgets

        self.widgets = widgets
        self.folder = folder
        self.result: Result | None = None
        self.photo_seen: np.ndarray | None = None
        self.frames: list[np.ndarray] = []
        self.compared: list[tuple[bytes, str]] = []
        self.history: list[Record] = []
        self.weights: dict[str, float] = {}
        self.shown_at = self.drawn_at = 0.0
        self.thread: threading.Thread | None = None
        self.stopping, self.going_on = threading.Event(), threading.Event()

        self.content = _Choice(widgets, "content", "temple", "content image", self.says)
        self.style = _Choice(widgets, "style", "village_street_in_auvers", "style image", self.says)
        self.preset = widgets.ToggleButtons(options=list(PRESETS), value="quick", description="preset")
        self.size = widgets.IntSlider(PRESETS["quick"]["size"], 96, 768, step=16, description="size")
        self.steps = widgets.IntSlider(PRESETS["quick"]["steps"], 10, 400, step=10, description="steps")
        self.style_weight = widgets.FloatLogSlider(
            50, base=10, min=0.5, max=3, step=0.05, description="β", readout_format=".0f"
        )
        self.keep_colors = widgets.Checkbox(False, description="keep the photo's colors", indent=False)
        self.start, self.pause, self.stop = map(self.button, ("Start", "Pause", "Stop"))
        self.bar = widgets.FloatProgress(0, min=0, max=1, layout={"width": "300px"})
        self.status = widgets.HTML("Press Start.")
        self.picture = widgets.Image(value=image_bytes(load_image("temple", size=160)), width=480)
        self.curve = widgets.Image(value=_blank(), width=420)
        self.split = widgets.FloatSlider(
            0.0, min=0, max=1, step=0.01, description="content", readout=False, layout={"width": _LARGE}
        )
        self.save, self.film, self.keep = map(self.button, ("Save", "Save film", "Compare"))
        self.as_python = self.button("Copy as Python")
        self.code = widgets.Textarea(layout={"width": "620px", "height": "190px", "display": "none"})
        self.side_by_side = widgets.HBox([])

        self.start.button_style = "primary"
        # Names by which a page's style, or a test, finds them.
        for widget, name in (
            (self.picture, "picture"),
            (self.style_weight, "weight"),
            (self.steps, "steps"),
            (self.code, "code"),
        ):
            widget.add_class(f"studio-{name}")
        self.preset.observe(self.preset_chosen, "value")
        self.split.observe(self.show_split, "value")
        for button, action in (
            (self.start, self.begin),
            (self.pause, self.pause_or_go_on),
            (self.stop, self.end),
            (self.save, self.save_picture),
            (self.film, self.save_film),
            (self.keep, self.compare),
            (self.as_python, self.show_python),
        ):
            button.on_click(self.on_the_page(action))
        self.set_buttons()
        self.page = self.laid_out()

    def button(self, text: str) -> Any:
        return self.widgets.Button(description=text, layout={"width": "130px"})

    def laid_out(self) -> Any:
        widgets = self.widgets
        ends = [
            widgets.HTML("<span>like the photo</span>"),
            self.style_weight,
            widgets.HTML("<span>like the painting</span>"),
        ]
        settings = [self.preset, widgets.HBox([self.size, self.steps]), widgets.HBox(ends), self.keep_colors]
        after = [self.save, self.film, self.keep, self.as_python]
        return widgets.VBox(
            [
                self.content.box,
                self.style.box,
                widgets.VBox(settings),
                widgets.HBox([self.start, self.pause, self.stop, self.bar]),
                self.status,
                widgets.HBox([widgets.VBox([self.picture, self.split]), self.curve]),
                widgets.HBox(after),
                self.code,
                self.side_by_side,
            ]
        )

    def on_the_page(self, action: Callable[[Any], None]) -> Callable[[Any], None]:
        """An action whose errors are said on the page: nobody reads a log while looking at one."""

        def act(button: Any) -> None:
            try:
                action(button)
            except Exception as error:
                self.says(str(error) or type(error).__name__, wrong=True)

        return act

    # What the buttons do, in the thread of the page.

    def begin(self, _: Any) -> None:
        if self.is_painting():
            self.says("It is painting already; Stop ends that first.")
            return
        arguments = self.arguments()
        pictures = {"content": self.content.picture(), "style": self.style.picture()}
        steps, size = self.steps.value, self.size.value
        self.bar.value, self.split.value = 0, 0
        self.says("Looking at both pictures.")
        self.stopping.clear()
        self.going_on.set()
        self.frames, self.history, self.shown_at, self.drawn_at = [], [], 0.0, 0.0
        self.weights = {"content": 1.0, "style": self.weight()}
        self.costs: list[float] = []
        self.pause.description = "Pause"
        self.thread = threading.Thread(
            target=self.paint, args=(arguments, pictures, steps, size), name="studio", daemon=True
        )
        self.thread.start()
        self.set_buttons()

    def pause_or_go_on(self, _: Any) -> None:
        if self.going_on.is_set():
            # Said before it is done: what the painting thread says then is not to be overwritten.
            self.says("Pausing after this step.")
            self.pause.description = "Go on"
            self.going_on.clear()
        else:
            self.pause.description = "Pause"
            self.going_on.set()

    def end(self, _: Any) -> None:
        self.says("Stopping after this step.")
        self.stopping.set()
        self.going_on.set()

    def save_picture(self, _: Any) -> None:
        self.saved("png", lambda path: self.result.save(path))

    def save_film(self, _: Any) -> None:
        self.saved("gif", lambda path: save_film(self.frames, path))

    def saved(self, ending: str, write: Callable[[Path], Any]) -> None:
        names = "_".join(safe_stem(choice.name()) for choice in (self.content, self.style))
        path = self.folder / f"{names}_{time.strftime('%Y%m%d_%H%M%S')}.{ending}"
        self.folder.mkdir(parents=True, exist_ok=True)
        write(path)
        self.says(f"Saved: {path.resolve()}")

    def compare(self, _: Any) -> None:
        if len(self.compared) == MOST_COMPARED:
            self.compared.pop(0)
        arguments = self.result.settings["arguments"]
        said = f"{self.style.name()}, β = {arguments['style_weight']:.0f}, {len(self.result.history)} steps"
        self.compared.append((image_bytes(self.result.image), said))
        width = 960 // max(2, len(self.compared))
        self.side_by_side.children = [
            self.widgets.VBox(
                [self.widgets.Image(value=picture, width=width), self.widgets.Label(said)],
            )
            for picture, said in self.compared
        ]

    def show_python(self, _: Any) -> None:
        self.code.value = _as_python(self.arguments())
        self.code.layout.display = ""

    def preset_chosen(self, change: Any) -> None:
        self.size.value, self.steps.value = (PRESETS[change["new"]][name] for name in ("size", "steps"))

    def show_split(self, _: Any) -> None:
        if self.result is None or self.photo_seen is None:
            return
        painted = self.result.image
        column = round(self.split.value * painted.shape[1])
        photo = resize_image(self.photo_seen, *painted.shape[:2])
        self.picture.value = image_bytes(np.concatenate([photo[:, :column], painted[:, column:]], axis=1))

    def weight(self) -> float:
        """β as it can be read: a logarithmic slider stands at 50.12, and says 50."""
        return float(f"{self.style_weight.value:.2g}")

    def arguments(self) -> dict[str, Any]:
        """The call that the page stands for."""
        arguments = {
            "content": self.content.name(),
            "style": self.style.name(),
            "size": self.size.value,
            "steps": self.steps.value,
            "style_weight": self.weight(),
            "colors": "luma" if self.keep_colors.value else "style",
        }
        return {name: value for name, value in arguments.items() if value != _USUAL[name].default}

    # What happens in the thread that paints.

    def paint(self, arguments: dict[str, Any], pictures: dict[str, Any], steps: int, size: int) -> None:
        def after_step(record: Record, image: Callable[[], np.ndarray]) -> None:
            if not self.going_on.is_set():
                self.picture.value = image_bytes(image())
                self.says(f"Paused at step {record['step']} of {steps}.")
                self.going_on.wait()
            if self.stopping.is_set():
                raise StopIteration
            self.report(record, image, steps, size)

        try:
            result = transfer(**{**arguments, **pictures}, callback=after_step, run=Run(progress=False))
            photo = load_image(pictures["content"], size)
        except Exception as error:
            self.says(str(error) or type(error).__name__, wrong=True)
        else:
            # The bytes of an upload have no name; the settings are to tell which file it was.
            names = {name: arguments[name] for name in pictures}
            result.settings["arguments"].update(names)
            self.result, self.photo_seen = result, photo
            self.picture.value = image_bytes(result.image)
            self.curve.value = _curve(result.history, self.weights)
            self.says(f"Done, {len(result.history)} steps. Save keeps it, with its settings inside.")
        finally:
            self.thread = None
            self.set_buttons()

    def report(self, record: Record, image: Callable[[], np.ndarray], steps: int, size: int) -> None:
        self.history.append(record)
        self.costs = self.costs or _costs(record["size"], size, steps)
        done = len(self.history)
        self.bar.value = sum(self.costs[:done]) / sum(self.costs)
        seconds = record["seconds"] - self.history[0]["seconds"]
        spent = sum(self.costs[1:done])
        left = f", about {clock(seconds / spent * sum(self.costs[done:]))} left" if spent else ""
        if self.going_on.is_set() and not self.stopping.is_set():
            self.says(f"Step {done} of {steps}, loss {record['total']:.3g}{left}.")
        if len(self.frames) == _FRAMES:
            self.frames[:] = self.frames[::2]
        now = time.perf_counter()
        if now - self.shown_at > _PICTURE_EVERY:
            self.shown_at = now
            self.frames.append(image())
            self.picture.value = image_bytes(self.frames[-1])
        if now - self.drawn_at > _CURVE_EVERY:
            self.drawn_at = now
            self.curve.value = _curve(self.history, self.weights)

    # What both threads do.

    def is_painting(self) -> bool:
        return self.thread is not None

    def says(self, text: str, wrong: bool = False) -> None:
        color = ' style="color:#b71c1c"' if wrong else ""
        self.status.value = f"<span{color}>{html.escape(text)}</span>"

    def set_buttons(self) -> None:
        painting, done = self.is_painting(), self.result is not None
        self.pause.disabled = self.stop.disabled = not painting
        self.save.disabled = self.film.disabled = self.keep.disabled = painting or not done
        self.split.disabled = painting or not done


class _Choice:
    """A row of thumbnails to choose one of, and a button for a picture of one's own."""

    def __init__(self, widgets: Any, kind: str, first: str, what: str, says: Callable[..., None]) -> None:
        self.says, self.what = says, what
        self.chosen = first
        self.own: tuple[str, bytes] | None = None
        self.frames: dict[str, Any] = {}
        for path in bundled_images(kind):
            image = widgets.Image(value=image_bytes(_thumbnail(load_image(path, _THUMBNAIL)), "JPEG"))
            self.frames[path.stem] = self.framed(widgets, image, path.stem)
        self.upload = upload_button(f"or your own {what}")
        self.upload.observe(self.uploaded, "value")
        self.own_image = widgets.Image(value=_blank(), layout={"display": "none"})
        self.own_frame = widgets.VBox([self.own_image, self.upload], layout={"align_items": "center"})
        rows = {"flex_flow": "row wrap", "align_items": "flex-end"}
        self.box = widgets.HBox([*self.frames.values(), self.own_frame], layout=rows)
        self.mark()

    def framed(self, widgets: Any, image: Any, name: str) -> Any:
        button = widgets.Button(
            description=name.replace("_", " "), tooltip=name, layout={"width": f"{_THUMBNAIL + 32}px"}
        )
        button.on_click(lambda _: self.choose(name))
        return widgets.VBox([image, button], layout={"align_items": "center", "padding": "2px"})

    def choose(self, name: str) -> None:
        self.chosen, self.own = name, None
        self.mark()

    def mark(self) -> None:
        for name, frame in self.frames.items():
            frame.layout.border = _CHOSEN if self.own is None and name == self.chosen else _NOT_CHOSEN
        self.own_frame.layout.border = _NOT_CHOSEN if self.own is None else _CHOSEN

    def uploaded(self, _: Any) -> None:
        file = chosen_file(self.upload)
        if file is None:
            return
        try:
            image = load_image(file[1], _THUMBNAIL)
        except CourseError as error:
            self.says(f"{file[0]}: {error}", wrong=True)
            return
        self.own = file
        self.own_image.value = image_bytes(_thumbnail(image), "JPEG")
        self.own_image.layout.display = ""
        self.says(f"The {self.what} is {file[0]}.")
        self.mark()

    def name(self) -> str:
        return self.own[0] if self.own else self.chosen

    def picture(self) -> str | bytes:
        return self.own[1] if self.own else self.chosen


def _thumbnail(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    top, left = (height - _THUMBNAIL) // 2, (width - _THUMBNAIL) // 2
    return image[top : top + _THUMBNAIL, left : left + _THUMBNAIL]


def _blank() -> bytes:
    return image_bytes(np.full((2, 2, 3), 255))


def _costs(first: float, size: int, steps: int) -> list[float]:
    """What each step of a coarse-to-fine run costs beside the others, from the size of its first one."""
    scales = 1 + round(math.log2(size / first))
    return [
        0.25**halvings
        for halvings, share in zip(reversed(range(scales)), shared_steps(steps, scales), strict=True)
        for _ in range(share)
    ]


def _as_python(arguments: Mapping[str, Any]) -> str:
    lines = "".join(f"    {name}={value!r},\n" for name, value in arguments.items())
    return f'from helpers import transfer\n\nresult = transfer(\n{lines})\nresult.save("painted.png")\n'


def _curve(history: Sequence[Record], weights: Mapping[str, float]) -> bytes:
    """The loss and its weighted terms over the steps as a PNG; broken where the size changes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Not pyplot, whose figures belong to the main thread.
    figure = Figure(figsize=(4.2, 3.0), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, (name, weight) in enumerate({"total": 1.0, **weights}.items()):
        label = name if weight == 1 else f"{weight:.0f} × {name}"
        for size in dict.fromkeys(record["size"] for record in history):
            steps = [(r["step"], weight * r[name]) for r in history if r["size"] == size]
            axes.semilogy(*zip(*steps, strict=True), color=f"C{number}", label=label)
            label = None
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
