"""The studio without a browser: its buttons are clicked from here, and its widgets read."""

import datetime
import threading
import time

import numpy as np
import pytest

from helpers import image_bytes, load_image, open_studio, read_settings
from helpers.lessons.studio import MOST_COMPARED, _Studio


def wait(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def studio(tmp_path):
    studio = _Studio(tmp_path)
    # Smaller than the sliders offer to a reader: the tests need not wait for a picture worth looking at.
    studio.size.min, studio.size.value = 32, 32
    studio.steps.min, studio.steps.value = 2, 2
    yield studio
    studio.end()
    for thread in threading.enumerate():
        if thread.name == "studio":
            thread.join()


def paint(studio):
    studio.start.click()
    wait(lambda: studio.thread is None)


def choose_file(choice, name, data):
    """What the browser sends where a file is chosen, in the way of the installed ipywidgets."""
    import ipywidgets

    if int(ipywidgets.__version__.split(".")[0]) >= 8:
        file = {
            "name": name,
            "type": "image/png",
            "size": len(data),
            "content": memoryview(data),
            "last_modified": datetime.datetime.now(),
        }
        choice.upload.set_trait("value", (file,))
    else:
        choice.upload.set_trait("value", {name: {"metadata": {"name": name}, "content": data}})


def test_the_page_can_be_shown(tmp_path):
    page = open_studio(tmp_path)
    assert type(page).__name__ == "VBox"
    assert len(page.children) > 5


def test_a_picture_is_painted_shown_and_saved(studio, tmp_path):
    before = studio.picture.value
    assert studio.stop.disabled
    assert studio.save.disabled
    paint(studio)
    assert "Done, 2 steps" in studio.status.value
    assert studio.bar.value == 1
    assert studio.picture.value != before
    assert load_image(studio.curve.value).shape[1] > 300
    studio.save.click()
    (saved,) = tmp_path.glob("*.png")
    assert saved.name in studio.status.value
    settings = read_settings(saved)
    assert settings["arguments"]["style_weight"] == 50
    assert settings["arguments"]["content"] == "temple"
    assert studio.picture.value == image_bytes(load_image(saved))
    studio.film.click()
    (film,) = tmp_path.glob("*.gif")
    assert load_image(film).shape == load_image(saved).shape


def test_stop_ends_the_run_with_what_there_is(studio):
    studio.steps.max, studio.steps.value = 100_000, 100_000
    studio.start.click()
    wait(lambda: "Step" in studio.status.value)
    studio.stop.click()
    wait(lambda: studio.thread is None)
    assert "Done" in studio.status.value
    assert studio.bar.value < 0.1
    assert not studio.save.disabled


def test_pause_holds_the_run_and_goes_on(studio):
    studio.steps.max, studio.steps.value = 100_000, 100_000
    studio.start.click()
    wait(lambda: "Step" in studio.status.value)
    studio.pause.click()
    assert studio.pause.description == "Resume"
    wait(lambda: "Paused" in studio.status.value)
    steps = len(studio.history)
    time.sleep(0.4)
    assert len(studio.history) == steps
    studio.pause.click()
    assert studio.pause.description == "Pause"
    wait(lambda: len(studio.history) > steps)
    studio.pause.click()
    studio.stop.click()
    wait(lambda: studio.thread is None)
    assert "Done" in studio.status.value


def test_a_second_start_is_refused_with_a_word(studio):
    studio.steps.max, studio.steps.value = 100_000, 100_000
    studio.start.click()
    first = studio.thread
    studio.running.clear()
    wait(lambda: "Paused" in studio.status.value)
    studio.start.click()
    assert "in progress" in studio.status.value
    assert studio.thread is first


def test_a_fault_is_said_on_the_page(studio, monkeypatch):
    def broken(*arguments, **options):
        raise MemoryError("Too <large> for this machine.")

    monkeypatch.setattr("helpers.lessons.studio.transfer", broken)
    paint(studio)
    assert "Too &lt;large&gt; for this machine." in studio.status.value
    assert studio.save.disabled
    assert not studio.start.disabled


def test_pictures_of_ones_own_are_painted_and_named(studio, tmp_path, monkeypatch):
    photo = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    choose_file(studio.content, "../my cat.png", image_bytes(photo))
    assert "my cat.png" in studio.status.value
    paint(studio)
    assert "Done" in studio.status.value
    assert studio.result.settings["inputs"]["content"]["height"] == 32
    assert studio.result.settings["arguments"]["content"] == "../my cat.png"
    studio.save.click()
    (saved,) = tmp_path.glob("*.png")
    assert saved.name.startswith("my_cat_village_street_in_auvers")
    studio.content.choose("cat")
    assert studio.arguments()["content"] == "cat"


def test_an_upload_is_bounded_and_its_file_not_kept(studio, monkeypatch):
    large = np.random.default_rng(0).integers(0, 256, (900, 1000, 3), dtype=np.uint8)
    data = image_bytes(large, "JPEG")
    choose_file(studio.content, "mine.jpg", data)
    assert studio.content.source.shape[0] == 768
    assert not studio.content.upload.value
    monkeypatch.setattr("helpers.lessons.studio._MOST_BYTES", len(data) - 1)
    choose_file(studio.content, "larger.jpg", data)
    assert "larger.jpg: the file has" in studio.status.value
    assert studio.content.name == "mine.jpg"
    assert not studio.content.upload.value


def test_a_file_that_is_no_picture_is_refused_on_the_page(studio):
    choose_file(studio.style, "notes.pdf", b"%PDF-1.7")
    assert "notes.pdf" in studio.status.value
    assert "not a picture" in studio.status.value
    assert studio.style.name == "village_street_in_auvers"


def test_the_page_as_python_makes_the_same_picture(studio, tmp_path, monkeypatch):
    studio.keep_colors.value = True
    studio.style_weight.value = 20
    studio.style.choose("great_wave")
    paint(studio)
    studio.as_python.click()
    assert studio.code.layout.display != "none"
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(studio.code.value, found)
    assert found["result"].settings["arguments"]["colors"] == "luma"
    assert np.abs(found["result"].image.astype(int) - studio.result.image).mean() < 4
    assert (tmp_path / "painted.png").exists()


def test_before_and_after_and_results_side_by_side(studio):
    paint(studio)
    whole = load_image(studio.picture.value)
    studio.split.value = 0.5
    half = load_image(studio.picture.value)
    column = whole.shape[1] // 2
    assert (half[:, column:] == whole[:, column:]).all()
    assert np.abs(half[:, :column] - load_image("temple", 32)[:, :column]).max() <= 1
    studio.split.value = 0
    assert (load_image(studio.picture.value) == whole).all()
    for _ in range(MOST_COMPARED + 2):
        studio.keep.click()
    assert len(studio.side_by_side.children) == MOST_COMPARED


def test_the_film_keeps_few_frames_of_a_long_run(studio, monkeypatch):
    monkeypatch.setattr("helpers.lessons.studio._FRAMES", 4)
    studio.steps.value = 18
    paint(studio)
    assert len(studio.frames) == 4


def test_a_preset_sets_size_and_steps(studio):
    from helpers import PRESETS

    for name, preset in reversed(PRESETS.items()):
        studio.preset.value = name
        assert (studio.size.value, studio.steps.value) == (preset["size"], preset["steps"])


def test_a_preview_follows_the_settings_where_the_style_has_a_painter(studio):
    shown = [studio.picture.value]

    def changes(change):
        change()
        shown.append(studio.picture.value)
        return shown[-1] != shown[-2]

    assert "temple by the painter of village_street_in_auvers" in studio.status.value
    assert changes(lambda: setattr(studio.style_weight, "value", 500))
    assert changes(lambda: setattr(studio.keep_colors, "value", True))
    assert changes(lambda: studio.content.choose("cat"))
    assert changes(lambda: studio.style.choose("great_wave"))
    assert changes(lambda: setattr(studio.size, "value", 40))
    assert studio.from_preview.layout.display == ""
    assert not changes(lambda: studio.style.choose("composition_viii"))
    assert studio.from_preview.layout.display == "none"


def test_a_run_starts_from_the_preview(studio, tmp_path, monkeypatch):
    studio.from_preview.value = True
    studio.size.value = 48
    preview = studio.preview()
    paint(studio)
    assert "Done" in studio.status.value
    image = studio.result.image.astype(int)
    photo = load_image("temple", size=48)
    # After two steps it is still nearer to the preview than to the photo.
    assert np.abs(image - preview).mean() < np.abs(image - photo).mean()
    studio.as_python.click()
    monkeypatch.chdir(tmp_path)
    exec(studio.code.value, {})
    assert np.abs(load_image("painted.png") - studio.result.image).mean() < 2
