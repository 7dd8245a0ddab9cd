"""An interactive page for a notebook: choose a photo and a painting, and watch the picture grow."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from helpers.display import clock
from helpers.files import bundled_images
from helpers.images import image_bytes, load_image
from helpers.lessons import upload_button, uploaded_image
from helpers.presets import PRESETS
from helpers.recipes import Result, transfer

_PICTURE_EVERY = 0.5


def open_studio(folder: str | Path = "../output") -> Any:
    """A page of widgets that paints a photo in the manner of a painting.

    Bundled pictures or uploaded ones; a preset, or size and steps of one's own; style weight; Start, Stop
    and Save. The painting runs in a thread of its own, which sets nothing but the values of widgets, so the
    page stays alive meanwhile.
    ``folder``: where Save puts the pictures.

    Returns an ``ipywidgets.VBox`` to be shown, for ipywidgets 7.7 and 8.
    """
    import ipywidgets

    photo = ipywidgets.Dropdown(options=_names("content"), value="temple", description="photo")
    painting = ipywidgets.Dropdown(
        options=_names("style"), value="village_street_in_auvers", description="painting"
    )
    own_photo, own_painting = upload_button("or your own photo"), upload_button("or your own painting")
    preset = ipywidgets.ToggleButtons(options=list(PRESETS), value="quick", description="preset")
    size = ipywidgets.IntSlider(PRESETS["quick"]["size"], 96, 512, step=32, description="size")
    steps = ipywidgets.IntSlider(PRESETS["quick"]["steps"], 10, 200, step=10, description="steps")
    style_weight = ipywidgets.FloatLogSlider(
        50, base=10, min=0.5, max=3, step=0.05, description="β", readout_format=".0f"
    )
    start, stop, save = (ipywidgets.Button(description=text) for text in ("Start", "Stop", "Save"))
    bar = ipywidgets.FloatProgress(0, min=0, max=1)
    says = ipywidgets.Label("Press Start.")
    picture = ipywidgets.Image(value=image_bytes(load_image("temple", size=160)), width=480)
    stopping = threading.Event()
    finished: list[Result] = []

    def chosen(button: Any, names: Any) -> Any:
        uploaded = uploaded_image(button)
        return names.value if uploaded is None else uploaded

    def preset_chosen(change: Any) -> None:
        size.value, steps.value = (PRESETS[change["new"]][name] for name in ("size", "steps"))

    def paint() -> None:
        try:
            result = transfer(
                chosen(own_photo, photo),
                chosen(own_painting, painting),
                size=size.value,
                steps=steps.value,
                style_weight=style_weight.value,
                callback=_reporter(bar, says, picture, steps.value, stopping),
                progress=False,
            )
        except Exception as error:
            says.value = f"{error}"
        else:
            finished[:] = [result]
            picture.value = image_bytes(result.image)
            says.value = f"Done, {len(result.history)} steps. Save keeps it, with its settings inside."
        finally:
            start.disabled, stop.disabled, save.disabled = False, True, not finished

    def started(_: Any) -> None:
        start.disabled, stop.disabled, save.disabled = True, False, True
        bar.value, says.value = 0, "Looking at both pictures."
        stopping.clear()
        threading.Thread(target=paint, name="studio", daemon=True).start()

    def stopped(_: Any) -> None:
        says.value = "Stopping after this step."
        stopping.set()

    def saved(_: Any) -> None:
        path = Path(folder) / f"studio_{time.strftime('%Y%m%d_%H%M%S')}.png"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            says.value = f"Saved: {finished[0].save(path)}"
        except OSError as error:
            says.value = f"It could not be saved: {error}"

    preset.observe(preset_chosen, "value")
    stop.disabled, save.disabled = True, True
    for button, action in ((start, started), (stop, stopped), (save, saved)):
        button.on_click(action)
    return ipywidgets.VBox(
        [
            ipywidgets.HBox([photo, own_photo]),
            ipywidgets.HBox([painting, own_painting]),
            preset,
            ipywidgets.HBox([size, steps, style_weight]),
            ipywidgets.HBox([start, stop, save, bar]),
            says,
            picture,
        ]
    )


def _names(kind: str) -> list[str]:
    return [path.stem for path in bundled_images(kind)]


def _reporter(
    bar: Any, says: Any, picture: Any, steps: int, stopping: threading.Event
) -> Callable[[dict[str, float], Callable[[], np.ndarray]], None]:
    shown = 0.0

    def report(record: dict[str, float], image: Callable[[], np.ndarray]) -> None:
        nonlocal shown
        if stopping.is_set():
            raise StopIteration
        step = record["step"]
        bar.value = step / steps
        left = clock(record["seconds"] / step * (steps - step))
        says.value = f"Step {step} of {steps}, loss {record['total']:.3g}, about {left} left."
        if time.perf_counter() - shown > _PICTURE_EVERY:
            shown = time.perf_counter()
            picture.value = image_bytes(image())

    return report
