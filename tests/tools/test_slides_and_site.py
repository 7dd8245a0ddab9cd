"""Lessons rendered to HTML, as slides and as a site."""

import base64
import hashlib
import re
from pathlib import Path

import ipywidgets
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from helpers import CourseError
from helpers.files import bundled
from helpers.files.bundled import lesson_files
from helpers.images import image_bytes
from helpers.tools import covers, rendering, site, slides
from helpers.tools.command_line import main

LESSONS = lesson_files()
PIXEL = base64.b64encode(b"\x89PNG").decode()


def html_output(markup):
    return new_output("display_data", {"text/html": markup, "text/plain": "…"})


def markdown(source, slide_type="-"):
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": slide_type}})


def code(source, slide_type="-", outputs=(), tags=()):
    cell = new_code_cell(source, outputs=list(outputs), metadata={"slideshow": {"slide_type": slide_type}})
    cell.metadata["tags"] = list(tags)
    return cell


def lesson(*cells):
    return new_notebook(cells=[markdown("# 1 · A lesson\n\nWhat it is about.", "slide"), *cells])


def slides_of(notebook):
    """The text of each slide: its main part and its side."""
    return [
        tuple(
            re.sub(r"(?:<[^>]*>|\s)+", " ", part).strip()
            for part in re.search(
                r'<div class="main">(.*)</div><div class="side">(.*)</div></section>', slide, re.S
            ).groups()
        )
        for slide in slides.deck_html(notebook).split('<section class="slide"')[1:]
    ]


def test_slides_begin_and_continue_by_the_slide_types_of_cells():
    found = slides_of(
        lesson(
            markdown("## One", "slide"),
            markdown("goes on"),
            markdown("left out", "skip"),
            markdown("two", "subslide"),
            markdown("left out as well", "notes"),
        )
    )
    assert found == [
        ("1 · A lesson What it is about.", ""),
        ("One goes on", ""),
        ("two", ""),
    ]


def test_text_about_a_picture_is_beside_it_and_appears_after_a_key():
    notebook = lesson(
        code("x = 1", "subslide", [html_output("<img src='data:,'>seen")]), markdown("said", "fragment")
    )
    assert slides_of(notebook)[1] == ("x = 1 seen", "said")
    assert '<div class="part text fragment">' in slides.deck_html(notebook)


def test_the_output_of_long_code_is_on_the_next_slide_and_hidden_code_is_folded():
    long = "\n".join(f"x{n} = {n}" for n in range(12))
    found = slides_of(lesson(code(long, "subslide", [html_output("answer")]), markdown("said", "fragment")))
    assert found[1][0].startswith("x0 = 0")
    assert "answer" not in found[1][0]
    assert found[2] == ("answer", "said")
    hidden = code("show_images([])", "subslide", [html_output("figure")], tags=["hide-input"])
    assert slides_of(lesson(hidden))[1] == ("figure", "")
    assert "<details><summary>Code</summary>" in site.page_html(lesson(hidden), ["a"], "a")


def test_a_call_that_shows_results_is_one_line():
    source = "a = 1\nshow_images(\n    [a],\n    caption='c',\n)\nplot_history({})\nb = f(\n    a,\n)"
    assert (
        slides._with_short_display_calls(source)
        == "a = 1\nshow_images(...)\nplot_history({})\nb = f(\n    a,\n)"
    )


def test_an_equation_is_mathml_with_its_number():
    markup = rendering.markdown_html("$$ E = \\frac{1}{4} \\sum_i G_i^2 \\tag{4} $$\n\nand $x_1$.")
    assert markup.count("<math") == 2
    assert "<mfrac>" in markup
    assert '<span class="number">(4)</span>' in markup
    assert "tag" not in markup


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_equation_of_a_lesson_is_converted(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            equations = re.findall(r"<math.*?</math>", rendering.markdown_html(cell.source), re.S)
            assert not any("\\" in equation for equation in equations), cell.id


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_cell_of_a_lesson_has_a_slide_type(path):
    cells = nbformat.read(path, as_version=4).cells
    slide_types = {cell.id: cell.metadata["slideshow"]["slide_type"] for cell in cells}
    assert set(slide_types.values()) <= {"slide", "subslide", "fragment", "-", "skip", "notes"}
    assert slide_types["title"] == "slide"
    assert slide_types["colab"] == "skip"
    for cell in cells:
        if cell.source.startswith("## "):
            assert slide_types[cell.id] == "slide", cell.id
        # A heading begins a slide, so it must be at the beginning of a cell.
        assert not re.search(r"\n## ", cell.source) or cell.cell_type == "code", cell.id


def test_the_checksum_of_the_font_is_in_the_credits():
    theme = Path(rendering.__file__).parent / "theme"
    checksum = hashlib.sha256((theme / "math.woff2").read_bytes()).hexdigest()
    assert checksum in (theme / "CREDITS.md").read_text("utf-8")
    assert "SIL OPEN FONT LICENSE" in (theme / "OFL.txt").read_text("utf-8")


def outside(markup):
    """Everything that a browser would fetch to show a page; links do not count."""
    bare = re.sub(r"<a [^>]*>", "", markup)
    return re.findall(r"""(?:src|href)=["'](?!data:)[^"'#]|@import|url\((?!["']?data:)|<link""", bare)


def test_a_page_fetches_nothing():
    assert outside('<img src="a.png">')
    assert outside('<link rel="x">')
    assert outside("url(https://a)")
    notebook = lesson(code("1", outputs=[html_output(f'<img src="data:image/png;base64,{PIXEL}">')]))
    for markup in (slides.deck_html(notebook), site.page_html(notebook, ["a", "b"], "a")):
        assert outside(markup) == []
        assert "font/woff2;base64," in markup


def test_the_badge_of_a_published_lesson_becomes_a_text_link():
    badge = "[![Open in Colab](https://colab.example/badge.svg)](https://colab.example/lesson)\n\n"
    notebook = new_notebook(cells=[markdown(badge + "# 1 · A lesson\n\nWhat it is about.", "slide")])
    for markup in (slides.deck_html(notebook), site.page_html(notebook, ["a"], "a")):
        assert '<a href="https://colab.example/lesson">Open in Colab</a>' in markup
        assert outside(markup) == []
    assert "<p>What it is about.</p>" in site._card_html(notebook, "a")


def test_a_solution_stays_folded():
    markup = rendering.markdown_html(
        "<details><summary>Solution</summary>\n\n```python\nx = 1\n```\n\n</details>\n\n"
    )
    assert "highlight" in markup[markup.index("<details>") : markup.index("</details>")]


def test_a_page_links_to_the_pages_before_and_after_it():
    markup = site.page_html(lesson(), ["00_a", "01_b", "02_c"], "01_b")
    for target in ("00_a.html", "02_c.html", "index.html", "slides/01_b.html"):
        assert f'href="{target}"' in markup
    assert 'href=".html"' not in site.page_html(lesson(), ["00_a"], "00_a")


def test_links_between_lessons_lead_to_pages_in_the_site_and_are_removed_from_slides():
    notebook = lesson(markdown("See [the next](02_vgg19.ipynb) and [a paper](https://example.org)."))
    assert '<a href="02_vgg19.html">' in site.page_html(notebook, ["a"], "a")
    assert "ipynb" not in slides.deck_html(notebook)
    assert 'href="https://example.org"' in slides.deck_html(notebook)


def test_every_relative_link_of_a_lesson_leads_to_a_page_of_the_site():
    pages = {"glossary.html", *(f"{path.stem}.html" for path in LESSONS)}
    for path in LESSONS:
        texts = (
            cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"
        )
        markup = "".join(site._linked(rendering.markdown_html(text)) for text in texts)
        links = set(re.findall(r'href="(?![a-z]+:)([^"#]+)', markup)) - pages
        assert not links, path.stem


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (new_output("stream", text="a < b"), "a &lt; b"),
        (new_output("execute_result", {"text/plain": "<3>"}), "&lt;3&gt;"),
        (new_output("display_data", {"image/png": PIXEL, "text/plain": ""}), f"base64,{PIXEL}"),
    ],
)
def test_each_type_of_output_is_rendered(output, expected):
    assert expected in rendering._output_html(output, {})


def test_a_widget_is_shown_in_its_last_state():
    box = ipywidgets.VBox(
        [
            ipywidgets.Dropdown(options=["conv1_1", "conv2_1"], index=1, description="layer"),
            ipywidgets.IntSlider(7, 0, 63, description="map"),
            ipywidgets.FloatLogSlider(10.0, min=0, max=2),
            ipywidgets.HBox([ipywidgets.Button(description="Start"), ipywidgets.Checkbox(True)]),
            ipywidgets.Image(value=b"\x89PNG", width=460),
            ipywidgets.HTML("<b>bold</b>"),
            ipywidgets.HTML("unseen", layout={"display": "none"}),
        ]
    )
    models = ipywidgets.Widget.get_manager_state()["state"]
    markup = rendering._widget_html(box.model_id, models)
    for part in ("<option>conv2_1<", 'max="63" step="any" value="7"', 'max="100', ">Start<", "checked"):
        assert part in markup, part
    assert f'base64,{PIXEL}" alt="" style="width:460px"' in markup
    assert "<b>bold</b>" in markup
    assert "unseen" not in markup
    assert rendering._widget_html("gone", models) == ""


@pytest.fixture
def small_lessons(tmp_path, monkeypatch):
    """Two lessons in a folder of their own, of which the second fails."""
    paths = []
    for number, source in enumerate(["print(6 * 7, flush=True)\nprint(43, flush=True)", "1 / 0"]):
        notebook = lesson(code(source, "subslide"))
        notebook.cells[1].id = "the-cell"
        paths.append(tmp_path / f"{number:02}_small.ipynb")
        nbformat.write(notebook, paths[-1])
    monkeypatch.setattr(bundled, "lesson_files", lambda: paths)
    monkeypatch.setattr(site, "lesson_files", lambda: paths)
    return paths


def test_slides_are_written_with_the_outputs_of_the_cells(small_lessons, tmp_path, capsys):
    assert main(["slides", "00", "--output", str(tmp_path / "out" / "slides")]) == 0
    written = tmp_path / "out" / "slides" / "00_small.html"
    assert capsys.readouterr().out.strip().endswith("00_small.html")
    # Lines printed one by one are one output.
    assert "<pre>42\n43\n</pre>" in written.read_text("utf-8")
    assert main(["slides", "7", "--output", str(tmp_path)]) == 1
    assert "There is no lesson 07; there are 00, 01." in capsys.readouterr().err


def test_the_site_has_every_lesson_except_those_that_fail(small_lessons, tmp_path, capsys):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "01_small.html").write_text("of an earlier run")
    assert main(["run", "--output", str(tmp_path / "site")]) == 1
    errors = capsys.readouterr().err
    assert "01_small.ipynb failed in its cell the-cell: ZeroDivisionError: division by zero" in errors
    files = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.*")}
    assert files == {"index.html", "glossary.html", "00_small.html", "slides/00_small.html"}
    index = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert 'href="00_small.html"' in index
    assert "01_small" not in index
    assert outside(index) == []
    assert "01_small" not in (tmp_path / "site" / "00_small.html").read_text("utf-8")
    glossary = (tmp_path / "site" / "glossary.html").read_text("utf-8")
    assert 'href="04_texture_synthesis.html"' in glossary
    assert 'href="A1_how_it_is_fast.html"' in glossary
    assert ".ipynb" not in glossary


def picture_of(level):
    return base64.b64encode(image_bytes(np.full((300, 600, 3), level))).decode()


def covered_lesson():
    """A lesson that was run, whose cover is a picture of gray level 80."""

    def figure(level):
        picture, plot = (
            f'<img src="data:image/png;base64,{picture_of(level)}" alt="" style="',
            'width:100%">',
        )
        return html_output(f"{picture}{plot}{picture}max-{plot}")

    plain, cover = code("1", outputs=[figure(200)]), code("2", outputs=[figure(80)], tags=["cover"])
    return lesson(cover, plain)


def test_a_lesson_has_one_cover():
    assert site._cover_html(covered_lesson()) == f'<img src="data:image/png;base64,{picture_of(80)}" alt="">'
    assert site._cover_html(lesson()) == ""
    for path in LESSONS:
        cells = nbformat.read(path, as_version=4).cells
        assert sum("cover" in cell.metadata.get("tags", []) for cell in cells) == 1, path


def test_covers_are_small_files(tmp_path):
    covers.write_cover(covered_lesson(), tmp_path / "new" / "cover.jpg")
    written = Image.open(tmp_path / "new" / "cover.jpg")
    assert (written.format, written.size) == ("JPEG", (360, 180))
    assert abs(np.asarray(written).mean() - 80) < 3
    covers.write_cover(lesson(), tmp_path / "new" / "cover.jpg")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["cover.jpg"]


def test_a_lesson_whose_kernel_dies_is_reported(small_lessons):
    nbformat.write(lesson(code("import os; os._exit(1)")), small_lessons[1])
    with pytest.raises(CourseError, match="ended before its last cell"):
        rendering.run_lesson(small_lessons[1])


def test_a_folder_that_cannot_be_created_is_reported(tmp_path, capsys):
    (tmp_path / "taken").write_text("a file, not a folder")
    assert main(["slides", "0", "--output", str(tmp_path / "taken" / "slides")]) == 1
    assert str(tmp_path / "taken") in capsys.readouterr().err
