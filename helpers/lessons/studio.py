"""The studio: a page to choose a content image and a style image, and to watch the transfer step by step.

A transfer runs in its own thread, so that the page stays responsive. That thread only sets the values of
widgets.
"""

import html
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
from IPython.core.pylabtools import print_figure
from matplotlib.figure import Figure

from helpers.color import gray, with_colors_of
from helpers.engine.coarse_to_fine import Record, steps_per_size
from helpers.errors import CourseError, PictureError
from helpers.files.bundled import bundled_images, bundled_painters
from helpers.files.writing import safe_stem
from helpers.images import image_bytes, load_image, resize_image
from helpers.lessons.display import draw_losses
from helpers.lessons.feedback import WRONG, feedback_html
from helpers.lessons.film import filming, save_film
from helpers.lessons.notebook import chosen_file, upload_button
from helpers.options import PRESETS, Run
from helpers.painter.network import paint
from helpers.progress import clock
from helpers.recipes import Result, transfer

MOST_COMPARED = 4

_FRAMES = 120  # at most, in a film
_MOST_SIZE = 768  # pixels
_MOST_BYTES = 50_000_000  # of an upload
_THUMBNAIL = 92  # pixels
_PREVIEW_SIZE = 256  # pixels
_CHOSEN, _NOT_CHOSEN = "3px solid #1976d2", "3px solid transparent"
_BLANK = image_bytes(np.full((2, 2, 3), 255))


def open_studio(folder: str | Path = "../output") -> Any:
    """A page of widgets for ``transfer``.

    Before the run: bundled images as thumbnails, or uploads; a preset, or size and steps; a slider for the
    style weight β; a checkbox that keeps the colors of the content image; where there is a painter for the
    style image, a preview that follows all of these, and a checkbox that starts from it. During the run:
    Start, Pause and Stop; the generated image, the time left, and the curves of the total loss and its terms.
    After the run: a slider that compares the content image with the generated image; up to four generated
    images side by side; the generated image, with its settings in the file; the run as a film; the
    same call in Python.
    ``folder``: where files are saved.

    Returns an ``ipywidgets.VBox``, for ipywidgets 7.7 and 8.
    """
    return _Studio(Path(folder)).page


class _Studio:
    """The widgets of one page, its current run and its results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.result: Result | None = None
        self.thread: threading.Thread | None = None
        # ``running`` is set unless the run is paused.
        self.stopping, self.running = threading.Event(), threading.Event()
        self.page = widgets.VBox([*self.settings_rows(), *self.run_rows(), *self.result_rows()])
        for choice in (self.content, self.style):
            choice.changed = self.show_preview
        for widget in (self.size, self.style_weight, self.keep_colors):
            widget.observe(lambda change: self.show_preview(), "value")
        # Tests find the widgets on a page by these names.
        self.picture.add_class("studio-picture")
        self.style_weight.add_class("studio-weight")
        self.steps.add_class("studio-steps")
        self.code.add_class("studio-code")
        self.set_buttons()
        self.show_preview()

    def settings_rows(self) -> list[Any]:
        self.content = _Choice("content", "temple", self.show_status)
        self.style = _Choice("style", "village_street_in_auvers", self.show_status)
        quick = PRESETS["quick"]
        self.preset = widgets.ToggleButtons(options=list(PRESETS), value="quick", description="preset")
        self.preset.observe(self.preset_chosen, "value")
        self.size = widgets.IntSlider(quick["size"], 96, _MOST_SIZE, step=16, description="size")
        self.steps = widgets.IntSlider(quick["steps"], 10, 400, step=10, description="steps")
        self.style_weight = widgets.FloatLogSlider(
            50, base=10, min=0.5, max=3, step=0.05, description="style weight β", readout_format=".0f"
        )
        self.style_weight.style.description_width = "initial"
        self.keep_colors = widgets.Checkbox(
            False, description="keep the colors of the content image", indent=False
        )
        self.from_preview = widgets.Checkbox(
            False, description="start from the preview", indent=False, layout={"display": "none"}
        )
        ends = (widgets.HTML("more content"), self.style_weight, widgets.HTML("more style"))
        sliders = [widgets.HBox([self.size, self.steps]), widgets.HBox(ends)]
        rows = [self.content.heading, self.content.box, self.style.heading, self.style.box]
        return [*rows, self.preset, *sliders, self.keep_colors, self.from_preview]

    def run_rows(self) -> list[Any]:
        self.start = self.button("Start", self.begin)
        self.start.button_style = "primary"
        self.pause = self.button("Pause", self.pause_or_resume)
        self.stop = self.button("Stop", self.end)
        self.bar = widgets.FloatProgress(0, min=0, max=1, layout={"width": "300px"})
        self.status = widgets.HTML("Press Start to begin the style transfer.")
        self.picture = widgets.Image(value=image_bytes(load_image("temple", size=160)), width=480)
        self.curve = widgets.Image(value=_BLANK, width=420, layout={"align_self": "flex-start"})
        self.split = widgets.FloatSlider(
            0, min=0, max=1, step=0.01, description="content image", readout=False, layout={"width": "480px"}
        )
        self.split.style.description_width = "initial"
        self.split.observe(self.show_split, "value")
        buttons = widgets.HBox([self.start, self.pause, self.stop, self.bar])
        pictures = widgets.HBox([widgets.VBox([self.picture, self.split]), self.curve])
        return [buttons, self.status, pictures]

    def result_rows(self) -> list[Any]:
        self.save = self.button("Save", lambda: self.save_as("png", self.result.save))
        self.film = self.button(
            "Save film", lambda: self.save_as("gif", lambda path: save_film(self.frames, path))
        )
        self.keep = self.button("Compare", self.compare)
        self.code = widgets.Textarea(layout={"width": "620px", "height": "190px", "display": "none"})
        self.as_python = self.button("Copy as Python", self.show_python)
        self.side_by_side = widgets.HBox([])
        buttons = widgets.HBox([self.save, self.film, self.keep, self.as_python])
        return [buttons, self.code, self.side_by_side]

    def button(self, text: str, action: Callable[[], None]) -> Any:
        """A button that shows the errors of its action on the page, where nobody reads a log."""

        def act(button: Any) -> None:
            try:
                action()
            except Exception as error:
                self.show_error(error)

        button = widgets.Button(description=text, layout={"width": "130px"})
        button.on_click(act)
        return button

    # The actions of the widgets, in the main thread.

    def begin(self) -> None:
        if self.thread:
            self.show_status("A run is in progress. Press Stop to end it first.")
            return
        self.frames: list[np.ndarray] = []
        self.history: list[Record] = []
        self.shown_at = self.drawn_at = 0.0
        self.bar.value, self.split.value = 0, 0
        self.show_status("Loading VGG19, the content image and the style image.")
        self.stopping.clear()
        self.running.set()
        self.pause.description = "Pause"
        self.chosen = self.arguments()
        self.keep_frame = filming(self.frames, every=math.ceil(self.chosen["steps"] / _FRAMES))
        sources = {"content": self.content.source, "style": self.style.source}
        if self.from_preview.value and self.has_painter():
            sources["start"] = self.preview()
        self.thread = threading.Thread(target=self.paint, args=(sources,), name="studio", daemon=True)
        self.thread.start()
        self.set_buttons()

    def pause_or_resume(self) -> None:
        if self.running.is_set():
            # Shown first, so that it does not replace the text that the thread of the run shows afterwards.
            self.show_status("Pausing after this step.")
            self.pause.description = "Resume"
            self.running.clear()
        else:
            self.pause.description = "Pause"
            self.running.set()

    def end(self) -> None:
        self.show_status("Stopping after this step.")
        self.stopping.set()
        self.running.set()

    def save_as(self, ending: str, write: Callable[[Path], Any]) -> None:
        names = "_".join(safe_stem(choice.name) for choice in (self.content, self.style))
        path = self.folder / f"{names}_{time.strftime('%Y%m%d_%H%M%S')}.{ending}"
        self.folder.mkdir(parents=True, exist_ok=True)
        write(path)
        self.show_status(f"Saved: {path.resolve()}")

    def compare(self) -> None:
        weight = self.result.settings["arguments"]["style_weight"]
        label = f"{self.style.name}, β = {weight:.0f}, {len(self.result.history)} steps"
        picture = widgets.VBox([widgets.Image(value=image_bytes(self.result.image)), widgets.Label(label)])
        self.side_by_side.children = [*self.side_by_side.children, picture][-MOST_COMPARED:]
        for box in self.side_by_side.children:
            box.children[0].width = 960 // max(2, len(self.side_by_side.children))

    def show_python(self) -> None:
        arguments = self.arguments()
        lines = "".join(f"    {name}={value!r},\n" for name, value in arguments.items())
        imported = "transfer"
        if self.from_preview.value and self.has_painter():
            imported = "paint, transfer"
            content, style, size = (arguments[name] for name in ("content", "style", "size"))
            weight = arguments["style_weight"]
            lines += f"    start=paint({content!r}, {style!r}, size={size}, style_weight={weight}),\n"
        self.code.value = (
            f'from helpers import {imported}\n\nresult = transfer(\n{lines})\nresult.save("painted.png")\n'
        )
        self.code.layout.display = ""

    def preset_chosen(self, change: Any) -> None:
        preset = PRESETS[change["new"]]
        self.size.value, self.steps.value = preset["size"], preset["steps"]

    def show_split(self, change: Any) -> None:
        painted = self.result.image
        column = round(self.split.value * painted.shape[1])
        parts = [self.content_image[:, :column], painted[:, column:]]
        self.picture.value = image_bytes(np.concatenate(parts, axis=1))

    def arguments(self) -> dict[str, Any]:
        """The arguments of ``transfer``."""
        return {
            "content": self.content.name,
            "style": self.style.name,
            "size": self.size.value,
            "steps": self.steps.value,
            # The steps of a logarithmic slider are not round: for 50 its value is 50.12.
            "style_weight": float(f"{self.style_weight.value:.2g}"),
            "colors": "luma" if self.keep_colors.value else "style",
        }

    def has_painter(self) -> bool:
        return isinstance(self.style.source, str) and self.style.source in bundled_painters()

    def preview(self, most: int = _MOST_SIZE) -> np.ndarray:
        """The content image, painted in one pass, at the chosen size or at ``most`` pixels."""
        photo = load_image(self.content.source, min(self.size.value, most))
        kept = self.keep_colors.value
        painted = paint(
            gray(photo) if kept else photo,
            self.style.source,
            style_weight=self.style_weight.value,
        )
        return with_colors_of(painted, photo) if kept else painted

    def show_preview(self) -> None:
        """Show the preview of the settings, unless a run is in progress or the style has no painter."""
        self.from_preview.layout.display = "" if self.has_painter() else "none"
        if self.thread or not self.has_painter():
            return
        began = time.perf_counter()
        try:
            self.picture.value = image_bytes(self.preview(_PREVIEW_SIZE))
        except CourseError as error:
            self.show_error(error)
            return
        self.show_status(
            f"A preview: {self.content.name} by the painter of {self.style.source}, made in "
            f"{time.perf_counter() - began:.1f} s. Press Start to begin the style transfer."
        )

    # The thread of a run.

    def paint(self, sources: dict[str, Any]) -> None:
        try:
            result = transfer(**{**self.chosen, **sources}, callback=self.after_step, run=Run(progress=False))
            content = load_image(sources["content"], self.chosen["size"])
            self.content_image = resize_image(content, *result.image.shape[:2])
        except Exception as error:
            self.show_error(error)
        else:
            # The settings name the images; an upload was passed as an array, without its name.
            named = {name: self.chosen[name] for name in ("content", "style")}
            result.settings["arguments"].update(named)
            self.result = result
            self.picture.value = image_bytes(result.image)
            self.draw_curve(result.history)
            self.show_status(
                f"Done, {len(result.history)} steps. Save writes the generated image and its settings."
            )
        finally:
            self.thread = None
            self.set_buttons()

    def after_step(self, record: Record, image: Callable[[], np.ndarray]) -> None:
        steps = self.chosen["steps"]
        if not self.running.is_set():
            self.picture.value = image_bytes(image())
            self.show_status(f"Paused at step {record['step']} of {steps}.")
            self.running.wait()
        if self.stopping.is_set():
            raise StopIteration
        if not self.history:
            # The time of a step is roughly proportional to its number of pixels.
            sizes = 1 + round(math.log2(self.chosen["size"] / record["size"]))
            self.costs = np.repeat(4.0 ** np.arange(sizes), steps_per_size(steps, sizes))
        self.keep_frame(record, image)
        self.history.append(record)
        done = len(self.history)
        self.bar.value = self.costs[:done].sum() / self.costs.sum()
        text = f"Step {done} of {steps}, total loss {record['total']:.3g}"
        if done > 1:
            # Without the first step, whose time includes compilation.
            seconds = (record["seconds"] - self.history[0]["seconds"]) / self.costs[1:done].sum()
            text += f", about {clock(seconds * self.costs[done:].sum())} left"
        self.show_status(f"{text}.")
        now = time.perf_counter()
        if now - self.shown_at > 0.5:  # seconds
            self.shown_at = now
            self.picture.value = image_bytes(image())
        if now - self.drawn_at > 2:
            self.drawn_at = now
            self.draw_curve(self.history)

    def draw_curve(self, history: Sequence[Record]) -> None:
        """Show the loss and its weighted terms over the steps."""
        # A figure of pyplot would belong to the main thread.
        figure = Figure(figsize=(4.2, 3.0), dpi=100, layout="constrained")
        weight = self.chosen["style_weight"]
        lines = {
            "total loss": (history, "total", 1.0),
            "content loss": (history, "content", 1.0),
            f"{weight:.0f} × style loss": (history, "style", weight),
        }
        draw_losses(figure.add_subplot(), lines, "loss")
        self.curve.value = print_figure(figure, bbox_inches=None)

    # For both threads.

    def show_status(self, text: str, error: bool = False) -> None:
        said = html.escape(text)
        self.status.value = feedback_html(WRONG, said) if error else f"<span>{said}</span>"

    def show_error(self, error: Exception) -> None:
        self.show_status(str(error) or type(error).__name__, error=True)

    def set_buttons(self) -> None:
        self.pause.disabled = self.stop.disabled = self.thread is None
        for widget in (self.save, self.film, self.keep, self.split):
            widget.disabled = self.thread is not None or self.result is None


class _Choice:
    """A row of thumbnails to choose an image from, and a button to upload another one.

    ``heading``: what the row is for. ``name``: the bundled image or the uploaded file that is chosen.
    ``source``: what ``load_image`` reads.
    """

    def __init__(self, kind: str, first: str, show_status: Callable[..., None]) -> None:
        self.kind, self.show_status = kind, show_status
        self.changed: Callable[[], None] = lambda: None
        self.heading = widgets.HTML(f"<strong>{kind} image</strong>")
        self.frames = {}
        for path in bundled_images(kind):
            button = widgets.Button(
                description=path.stem.replace("_", " "),
                tooltip=f"{kind} image: {path.stem}",
                layout={"width": f"{_THUMBNAIL + 32}px"},
            )
            button.on_click(lambda _, name=path.stem: self.choose(name))
            self.frames[path.stem] = self.frame(widgets.Image(value=_thumbnail(path)), button)
        self.upload = upload_button(f"or your own {kind} image")
        self.upload.observe(self.uploaded, "value")
        self.own_image = widgets.Image(value=_BLANK, layout={"display": "none"})
        self.own_frame = self.frame(self.own_image, self.upload)
        rows = {"flex_flow": "row wrap", "align_items": "flex-end"}
        self.box = widgets.HBox([*self.frames.values(), self.own_frame], layout=rows)
        self.choose(first)

    def frame(self, image: Any, button: Any) -> Any:
        return widgets.VBox([image, button], layout={"align_items": "center", "padding": "2px"})

    def choose(self, name: str, image: np.ndarray | None = None) -> None:
        """Choose a bundled image, or an uploaded one."""
        self.name, self.source = name, name if image is None else image
        chosen = self.frames[name] if image is None else self.own_frame
        for frame in self.box.children:
            frame.layout.border = _CHOSEN if frame is chosen else _NOT_CHOSEN
        self.changed()

    def uploaded(self, change: Any) -> None:
        file = chosen_file(self.upload)
        if file is None:
            return
        name, data = file
        # Of the file nothing is kept but the picture, at the largest size that the studio paints.
        self.upload.set_trait("value", type(self.upload.value)())
        try:
            if len(data) > _MOST_BYTES:
                size, most = len(data) / 1e6, _MOST_BYTES / 1e6
                raise PictureError(f"the file has {size:.0f} MB; an upload has {most:.0f} at most.")
            image = load_image(data)
            image = load_image(image, min(_MOST_SIZE, *image.shape[:2]))
            self.own_image.value = _thumbnail(image)
        except CourseError as error:
            self.show_status(f"{name}: {error}", error=True)
            return
        self.own_image.layout.display = ""
        self.show_status(f"The {self.kind} image is {name}.")
        self.choose(name, image)


def _thumbnail(source: Path | np.ndarray) -> bytes:
    return image_bytes(load_image(source, _THUMBNAIL, crop=True), "JPEG")
