"""The studio without a browser: its buttons are clicked from here, and its widgets read."""

import threading
import time

import pytest

from helpers import image_bytes, load_image, open_studio, read_settings


def parts(page):
    """The widgets of the page by what is written on them."""
    found = {}

    def walk(widget):
        for child in getattr(widget, "children", ()):
            walk(child)
        name = getattr(widget, "description", "") or type(widget).__name__
        found[name] = widget

    walk(page)
    return found


def wait(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def page(tmp_path):
    page = parts(open_studio(tmp_path))
    # Smaller than the slider offers to a reader: the test need not wait for a picture worth looking at.
    page["size"].min, page["size"].value = 32, 32
    page["steps"].min, page["steps"].value = 2, 2
    yield page
    for thread in threading.enumerate():
        if thread.name == "studio":
            thread.join()


def test_a_picture_is_painted_shown_and_saved(page, tmp_path):
    before = page["Image"].value
    assert page["Stop"].disabled
    assert page["Save"].disabled
    page["Start"].click()
    assert page["Start"].disabled
    wait(lambda: not page["Start"].disabled)
    assert page["Label"].value.startswith("Done, 2 steps")
    assert page["FloatProgress"].value == 1
    assert page["Image"].value != before
    page["Save"].click()
    (saved,) = tmp_path.glob("*.png")
    assert saved.name in page["Label"].value
    assert read_settings(saved)["arguments"]["style_weight"] == 50
    assert page["Image"].value == image_bytes(load_image(saved))


def test_stop_ends_the_run_with_what_there_is(page):
    page["steps"].max, page["steps"].value = 100_000, 100_000
    page["Start"].click()
    wait(lambda: page["Label"].value.startswith("Step"))
    page["Stop"].click()
    wait(lambda: not page["Start"].disabled)
    assert page["Label"].value.startswith("Done")
    assert page["FloatProgress"].value < 0.1


def test_a_fault_is_said_on_the_page(page, monkeypatch):
    def broken(*arguments, **options):
        raise MemoryError("Too large for this machine.")

    monkeypatch.setattr("helpers.studio.transfer", broken)
    page["Start"].click()
    wait(lambda: not page["Start"].disabled)
    assert page["Label"].value == "Too large for this machine."
    assert page["Save"].disabled
