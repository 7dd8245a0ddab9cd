"""The lessons and the studio in a real browser, driven as a student would, against ``course.py lab``.

Pictures of the pages are kept under ``output/screenshots/``.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from helpers import show_sliders
from helpers.tools.site import page_html
from helpers.tools.slides import deck_html

ROOT = Path(__file__).parent.parent
SCREENSHOTS = ROOT / "output" / "screenshots"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here; .ci/run installs it where it may"),
    pytest.mark.skipif(sys.platform == "win32", reason="the servers are ended by signals"),
]

# What a page says that is not the course's doing: a server without a network cannot fetch fonts or news.
NOT_OURS = re.compile(
    r"ERR_NAME_NOT_RESOLVED|ERR_INTERNET_DISCONNECTED|ERR_CONNECTION|Unsatisfied version|shared module|"
    r"favicon|workspaces|service worker|WebSocket|Kernel: restarting|sourcemap|mathjax",
    re.IGNORECASE,
)


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def serving(command, url, folder):
    """A server of the course on a copy of the lessons, until the generator goes on."""
    settings = folder / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # All cells are in the page, not only those in sight, so that a test finds them.
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    environment = {
        **os.environ,
        "COURSE_FAST": "1",
        # Jupyter keeps notes there, and does not start where it cannot.
        "HOME": str(folder),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True
    )
    try:
        until = time.monotonic() + 90
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < until, (folder / "log").read_text()
                time.sleep(0.3)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        log.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    port = free_port()
    options = [
        "--no-browser",
        f"--port={port}",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
    ]
    command = [sys.executable, ROOT / "course.py", "lab", *options]
    yield from serving(command, f"http://127.0.0.1:{port}/", folder)


TOKEN = "of-the-tests"


@pytest.fixture(scope="module")
def studio_app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voila")
    port = free_port()
    options = ["--no-browser", f"--port={port}", f"--Voila.token={TOKEN}"]
    command = [sys.executable, ROOT / "course.py", "studio", *options]
    yield from serving(command, f"http://127.0.0.1:{port}/", folder)


@pytest.fixture
def page():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(30_000)
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        yield page
        browser.close()
        assert [fault for fault in faults if not NOT_OURS.search(fault)] == []


def photograph(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def open_lesson(page, lab, name):
    page.goto(f"{lab}lab/tree/notebooks/{name}.ipynb?reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()


def cell(page, number):
    return page.locator(".jp-Notebook .jp-Cell").nth(number)


def number_of(name, text):
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text("utf-8"))["cells"]
    return next(n for n, c in enumerate(cells) if c["cell_type"] == "code" and text in "".join(c["source"]))


def run(page, number):
    here = cell(page, number)
    prompt = here.locator(".jp-InputPrompt")
    here.locator(".cm-content").first.click()
    before = prompt.inner_text()
    page.keyboard.press("Control+Enter")
    until = time.monotonic() + 120
    while prompt.inner_text() == before or "*" in prompt.inner_text():
        assert time.monotonic() < until
        time.sleep(0.1)
    return here


def write(page, number, source):
    cell(page, number).locator(".cm-content").first.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(source)


@pytest.mark.slow
def test_lesson_0_runs_and_shows_its_picture(lab, page):
    name = "00_start_here"
    open_lesson(page, lab, name)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    shown = cell(page, number_of(name, "show_images(\n    [load_image(")).locator("figure img")
    shown.nth(2).wait_for(timeout=60_000)
    assert shown.count() == 3
    widths = shown.evaluate_all("images => images.map(image => image.naturalWidth)")
    assert all(width > 0 for width in widths)
    shown.first.scroll_into_view_if_needed()
    photograph(page, "lesson_0")
    # The first exercise, which is not solved yet, says what is to be done.
    exercise = cell(page, number_of(name, 'check("shorter_side"'))
    exercise.locator(".jp-OutputArea-output").first.wait_for()
    assert "Return the smaller" in exercise.inner_text()


SIDE = "def my_shorter_side(image):\n    return "
GRAM = "def my_gram_matrix(features):\n    "
EXERCISES = {
    "00_start_here": (
        ["from helpers import ("],
        "shorter_side",
        f"{SIDE}image.shape",
        f"{SIDE}min(image.shape[:2])",
        "number",
    ),
    "04_texture_synthesis": (
        ["from helpers import (", "import tensorflow as tf"],
        "gram_matrix",
        f"{GRAM}return tf.reduce_sum(features)",
        f"{GRAM}matrix = tf.reshape(features, (-1, features.shape[-1]))\n"
        "    return tf.matmul(matrix, matrix, transpose_a=True)",
        "shape",
    ),
}


@pytest.mark.parametrize(
    "name", ["00_start_here", pytest.param("04_texture_synthesis", marks=pytest.mark.slow)]
)
def test_an_exercise_done_wrongly_and_rightly(lab, page, name):
    imports, checked, wrongly, rightly, named = EXERCISES[name]
    open_lesson(page, lab, name)
    for cell_of_imports in imports:
        run(page, number_of(name, cell_of_imports))
    check = number_of(name, f'check("{checked}"')
    said = {}
    for word, source in (("wrong", wrongly), ("right", rightly)):
        write(page, check - 1, source)
        run(page, check - 1)
        output = run(page, check).locator(".jp-OutputArea-output").first
        output.wait_for()
        said[word] = output.inner_text()
        photograph(page, f"lesson_{name[:2]}_{word}")
    assert named in said["wrong"].lower()
    assert "Traceback" not in "".join(said.values())
    assert said["right"].startswith("Right.")
    assert not said["wrong"].startswith("Right.")
    # A question: a click on a letter says whether it is right, and why.
    asked = run(page, number_of(name, "quiz(")).locator(".jp-OutputArea-output").first
    asked.get_by_role("button", name="B", exact=True).first.click()
    asked.get_by_text(re.compile("^B\\. (Yes|No)")).first.wait_for()
    photograph(page, f"lesson_{name[:2]}_question")


def paint_in_the_studio(page, folder, upload, name):
    """Upload, slide, start, watch, pause, stop, save: what a student does with the page."""
    start = page.get_by_role("button", name="Start", exact=True)
    start.wait_for(timeout=120_000)
    start.scroll_into_view_if_needed()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("or your own content image")).click()
    chooser.value.set_files(upload)
    page.get_by_text("A preview: mine.png by the painter of village_street_in_auvers").wait_for()
    for slider, steps in (("weight", 4), ("steps", 30)):
        handle = page.locator(f".studio-{slider} .noUi-handle")
        handle.focus()
        for _ in range(steps):
            handle.press("ArrowRight")
    start.click()
    picture = page.locator(".studio-picture").first
    seen = {picture.get_attribute("src")}
    page.get_by_text(re.compile(r"^Step \d+ of")).wait_for(timeout=120_000)
    until = time.monotonic() + 120
    while len(seen) < 6:
        assert time.monotonic() < until
        seen.add(picture.get_attribute("src"))
        time.sleep(0.1)
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_text(re.compile("^Paused at step")).wait_for()
    photograph(page, f"{name}_paused")
    page.get_by_role("button", name="Resume", exact=True).click()
    page.get_by_text(re.compile(r"^Step \d+ of")).wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text(re.compile("^Done,")).wait_for()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_role("button", name="Copy as Python", exact=True).click()
    page.wait_for_function("document.querySelector('.studio-code textarea').value.includes('transfer(')")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text(re.compile("^Saved: ")).wait_for()
    photograph(page, f"{name}_done")
    path = Path(page.get_by_text(re.compile("^Saved: ")).inner_text().removeprefix("Saved: "))
    assert path.parent == folder
    assert path.name.startswith("mine_village_street_in_auvers")
    with Image.open(path) as saved:
        assert min(saved.size) == 160
        assert '"style_weight": 79.0' in saved.text["settings"]
    path.unlink()


@pytest.fixture
def upload(tmp_path):
    path = tmp_path / "mine.png"
    colors = np.linspace(0, 255, 200 * 260 * 3).reshape(200, 260, 3).astype(np.uint8)
    Image.fromarray(colors).save(path)
    return path


@pytest.mark.slow
def test_the_studio_in_the_lab(lab, page, upload):
    name = "10_studio_and_project"
    open_lesson(page, lab, name)
    run(page, number_of(name, "from helpers import ("))
    here = run(page, number_of(name, "open_studio()"))
    here.locator(".widget-vbox").first.wait_for()
    (output,) = {Path(lab_folder(page, lab)) / "output"}
    paint_in_the_studio(page, output, upload, "studio_in_lab")


def lab_folder(page, lab):
    with urllib.request.urlopen(f"{lab}api/contents/notebooks?content=0") as answer:
        assert json.load(answer)["type"] == "directory"
    return page.evaluate(
        "JSON.parse(document.getElementById('jupyter-config-data').textContent).serverRoot"
    ).replace("~", str(Path.home()))


@pytest.mark.slow
def test_the_studio_as_an_app(studio_app, page, upload):
    page.goto(studio_app)
    assert "/login" in page.url
    page.goto(f"{studio_app}?token={TOKEN}", timeout=120_000)
    paint_in_the_studio(page, ROOT / "output", upload, "studio_app")


SMALLEST = 0.55
"""How far a slide may be made smaller: 26 pixels of text stay 14 of the projector's 720."""


@pytest.fixture(scope="module")
def deck(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    command = [sys.executable, ROOT / "course.py", "slides", "04", "--output", folder]
    subprocess.run(command, env={**os.environ, "COURSE_FAST": "1"}, check=True, cwd=folder)
    return folder / "04_texture_synthesis.html"


def levels_of(page):
    """The gray levels of the pictures in sight, each of one level."""
    return page.locator("figure img:visible").evaluate_all(
        """images => images.map(image => {
          const canvas = document.createElement("canvas").getContext("2d");
          canvas.drawImage(image, 0, 0);
          return canvas.getImageData(2, 2, 1, 1).data[0];
        })"""
    )


def test_sliders_work_on_a_page_and_on_slides_without_a_kernel(page, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda output: shown.append(output.data))
    images = [np.full((60, 90, 3), 40 * number, np.uint8) for number in range(6)]
    show_sliders(images, {"β/α": [1, 100], "style layers": [1, 2, 3]}, start=(0, 1), alt="gray")
    output = nbformat.v4.new_output("display_data", {"text/html": shown[0]})
    cells = [
        nbformat.v4.new_markdown_cell("# 1 · A lesson\n\nText."),
        nbformat.v4.new_code_cell("show_sliders()"),
    ]
    cells[1].outputs = [output]
    for cell, slide_type in zip(cells, ("slide", "slide"), strict=True):
        cell.metadata["slideshow"] = {"slide_type": slide_type}
    notebook = nbformat.v4.new_notebook(cells=cells)
    (tmp_path / "page.html").write_text(page_html(notebook, ["page"], "page"), encoding="utf-8")
    (tmp_path / "deck.html").write_text(deck_html(notebook), encoding="utf-8")
    for name in ("page.html", "deck.html#2"):
        page.goto(f"{tmp_path.as_uri()}/{name}")
        ratio, count = page.get_by_role("slider").all()
        assert levels_of(page) == [40]
        ratio.focus()
        page.keyboard.press("ArrowRight")
        assert levels_of(page) == [160]
        assert page.locator("output").all_inner_texts() == ["100", "2"]
        assert ratio.get_attribute("aria-valuetext") == "100"
        count.focus()
        page.keyboard.press("End")
        assert levels_of(page) == [200]
        count.fill("0")
        assert levels_of(page) == [120]
        photograph(page, f"sliders_{name[:4]}")
    # The other keys still lead through the slides.
    page.keyboard.press("PageUp")
    assert page.locator(".slide.shown h1").is_visible()


@pytest.mark.slow
def test_the_sliders_of_lesson_5_in_the_lab(lab, page):
    name = "05_style_transfer"
    open_lesson(page, lab, name)
    run(page, number_of(name, "show_sliders,"))
    shown = run(page, number_of(name, "show_sliders(\n"))
    ratio, count = shown.get_by_role("slider").all()
    shown.locator("figure img:visible").wait_for()
    seen = [shown.locator("figure img:visible").get_attribute("alt")]
    for slider, key in ((ratio, "End"), (count, "Home")):
        slider.focus()
        page.keyboard.press(key)
        seen.append(shown.locator("figure img:visible").get_attribute("alt"))
    assert seen == [
        f"β/α = {beta}, style layers = {layers}" for beta, layers in ((10, 5), (100, 5), (100, 1))
    ]
    photograph(page, "sliders_lab")


@pytest.mark.slow
def test_a_lecture_on_lesson_4_without_a_network(deck, page):
    fetched = []
    page.on("request", lambda request: fetched.append(request.url))
    page.context.set_offline(True)
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(deck.as_uri())
    slide = page.locator(".slide.shown")
    assert slide.locator("h1").inner_text() == "4 · Texture synthesis"
    count = page.locator(".slide").count()
    headings, long = set(), []
    for _ in range(count + page.locator(".fragment").count()):
        number = int(slide.get_attribute("id"))
        headings.update(slide.locator("h2").all_inner_texts())
        box = slide.evaluate("slide => [slide.scrollHeight - slide.clientHeight, slide.scrollWidth - 1280]")
        scale = float(
            re.search(r"[\d.]+", slide.locator(".main").evaluate("main => main.style.transform"))[0]
        )
        if max(box) > 2 or scale < SMALLEST:
            long.append((number, box, scale))
        if number in (2, 5, 8):
            photograph(page, f"slide_{number}")
        page.keyboard.press("ArrowRight")
    assert number == count
    assert long == []
    assert {"The Gram matrix: equation (3)", "Summary"} <= headings
    # What you saw comes beside the figure at a key, and goes at another.
    page.goto(f"{deck.as_uri()}#1")
    while not slide.locator(".fragment.waiting").count():
        page.keyboard.press("ArrowRight")
    said, figure = slide.locator(".side .fragment"), slide.locator("figure img").first
    wide = figure.bounding_box()["width"]
    assert not said.is_visible()
    page.keyboard.press(" ")
    assert said.is_visible()
    assert figure.bounding_box()["width"] <= wide
    page.keyboard.press("ArrowLeft")
    assert not said.is_visible()
    # The contents lead to a slide; a solution opens at a click.
    page.keyboard.press("c")
    page.locator("dialog a", has_text="The derivative").click()
    assert slide.locator("h2").inner_text() == "The derivative: equation (6)"
    assert slide.locator(".equation.block math").bounding_box()["height"] > 60
    page.keyboard.press("PageDown")
    solution = slide.locator("details", has=page.locator("summary", has_text="Solution"))
    solution.locator("summary").click()
    solution.locator(".highlight").wait_for()
    photograph(page, "slide_solution")
    # Enter folds it again, and opens it, where Tab has reached it.
    for is_open in (False, True):
        solution.locator("summary").focus()
        page.keyboard.press("Enter")
        assert solution.locator(".highlight").is_visible() == is_open
    assert [url for url in fetched if not url.startswith(("file:", "data:"))] == []


def sideways(page):
    """How many pixels a page is wider than the window, with all that is folded open."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


NARROW = (400, 320)
"""The width of a telephone, and the least for which WCAG asks that nothing is scrolled sideways; pixels."""


def test_no_page_of_the_site_is_scrolled_sideways(unrun_site, page):
    wide = []
    for path in sorted(unrun_site.glob("*.html")):
        page.goto(path.as_uri())
        for width in NARROW:
            page.set_viewport_size({"width": width, "height": 800})
            if sideways(page) > 0:
                wide.append((path.name, width))
    assert wide == []


OUTPUTS = """\
import numpy as np, matplotlib.pyplot as plt
from helpers import check, open_studio, quiz, show_images, show_plot, show_table
images = [np.full((40, 60, 3), 128.0)] * 6
show_images(images, ["a_title_without_a_space_to_break_it_at"] * 6, caption="Six images.", alt="Gray.")
show_table(["layer", *map(str, range(9))], [["block1_conv1", *(10.0**9 / 7,) * 9]], caption="A table.")
show_plot(plt.subplots(figsize=(14, 3))[0], caption="A plot.", alt="Nothing.")
print("a long line " * 30)
quiz(4)
check("total_loss", lambda *arguments: 0)"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """A page with each kind of output that is wider than a telephone."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    from helpers.tools import rendering, site

    folder = tmp_path_factory.mktemp("outputs")
    cells = [
        new_markdown_cell("# Outputs\n\nOf each kind."),
        new_code_cell(OUTPUTS),
        new_code_cell("open_studio()"),
    ]
    run = rendering.run_notebook(new_notebook(cells=cells), folder / "outputs.ipynb")
    path = folder / "outputs.html"
    path.write_text(site.page_html(run, ["outputs"], "outputs"), encoding="utf-8")
    return path


def test_no_output_is_wider_than_a_narrow_page(outputs, page):
    page.goto(outputs.as_uri())
    assert page.locator("figure").count() == 3
    assert page.locator(".widget button").count() > 10
    for width in NARROW:
        page.set_viewport_size({"width": width, "height": 800})
        assert sideways(page) <= 0
    photograph(page, "site_outputs_narrow")


def test_the_search_of_the_site(unrun_site, page):
    page.context.set_offline(True)
    page.goto((unrun_site / "index.html").as_uri())
    field, said, results = (
        page.get_by_label("Search all lessons"),
        page.get_by_role("status"),
        page.locator(".results a"),
    )
    cards = page.locator(".cards")
    page.keyboard.press("Tab")
    while not field.evaluate("field => field === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.insert_text("MATRIX gram")
    assert said.inner_text() == f"{results.count()} sections were found."
    assert results.first.inner_text() == "4 · Texture synthesis – The Gram matrix: equation (3)"
    assert "Glossary – Gram matrix" in results.all_inner_texts()
    assert "histogram" not in "".join(page.locator(".results mark").all_inner_texts()).lower()
    assert not cards.is_visible()
    photograph(page, "site_search")
    # Enter leads to the first result, and Enter there to its page.
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("04_texture_synthesis.html#the-gram-matrix-equation-3$"))
    page.go_back()
    for query in ("matrix (nonsense", "[", "zebra"):
        field.fill(query)
        assert said.inner_text().startswith(f"Nothing was found for “{query}”") == (results.count() == 0)
    assert results.count() == 0
    field.fill("格拉姆矩阵")
    assert "Glossary – Gram matrix" in results.all_inner_texts()
    field.fill("")
    assert said.inner_text() == ""
    assert cards.is_visible()


GROUND = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(22, 25, 29)"


def test_the_colors_of_the_site_follow_the_system_and_the_button(unrun_site, page):
    lesson, glossary = ((unrun_site / name).as_uri() for name in ("05_style_transfer.html", "glossary.html"))
    for system, ground in (("dark", DARK), ("light", LIGHT)):
        page.emulate_media(color_scheme=system)
        page.goto(lesson)
        assert page.evaluate(GROUND) == ground
    page.get_by_role("button", name="dark colors").click()
    assert page.evaluate(GROUND) == DARK
    photograph(page, "site_dark")
    page.goto(glossary)
    assert page.evaluate(GROUND) == DARK
    ink = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
    assert page.evaluate("getComputedStyle(document.querySelector('td math mi')).color") == ink
    page.get_by_role("button", name="light colors").click()
    assert page.evaluate(GROUND) == LIGHT
    # Paper is white, whatever the system and the button say.
    page.get_by_role("button", name="dark colors").click()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(GROUND) == LIGHT
    page.emulate_media(media="screen")
    page.goto((unrun_site / "slides" / "05_style_transfer.html").as_uri())
    assert page.evaluate(GROUND) == LIGHT


def test_the_button_works_where_the_storage_is_refused(unrun_site, page):
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused'); } })"
    )
    page.goto((unrun_site / "glossary.html").as_uri())
    page.get_by_role("button", name="dark colors").click()
    assert page.evaluate(GROUND) == DARK
