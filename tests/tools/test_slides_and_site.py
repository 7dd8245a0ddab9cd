"""Lessons rendered to HTML, as slides and as a site."""

import ast
import base64
import hashlib
import html
import itertools
import json
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
from helpers.lessons import feedback
from helpers.tools import covers, rendering, sections, site, slides
from helpers.tools.command_line import main

ROOT = bundled.ROOT
LESSONS = lesson_files()
THEME = Path(rendering.__file__).parent / "theme"
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
def test_no_line_within_a_paragraph_begins_a_list(path):
    for cell in nbformat.read(path, as_version=4).cells:
        lines = cell.source.splitlines() if cell.cell_type == "markdown" else []
        for line, following in itertools.pairwise(lines):
            # "Zero padding (lesson", "1) gives": a renderer makes a list of the second line.
            in_a_paragraph = re.match(r"[^\W\d]|\*\*|\[", line)
            assert not (in_a_paragraph and re.match(r"(\d+[.)]|[-+*]) ", following)), following


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
    checksum = hashlib.sha256((THEME / "math.woff2").read_bytes()).hexdigest()
    assert checksum in (THEME / "CREDITS.md").read_text("utf-8")
    assert "SIL OPEN FONT LICENSE" in (THEME / "OFL.txt").read_text("utf-8")


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
    assert "<p>What it is about.</p>" in site._card_html(notebook, "a", [])


def test_a_solution_stays_folded():
    markup = rendering.markdown_html(
        "<details><summary>Solution</summary>\n\n```python\nx = 1\n```\n\n</details>\n\n"
    )
    assert "highlight" in markup[markup.index("<details>") : markup.index("</details>")]


def test_a_page_links_to_the_pages_before_and_after_it():
    markup = site.page_html(lesson(), ["00_a", "01_b", "02_c"], "01_b")
    navigation = re.search(r"<nav.*?</nav>", markup)[0]
    targets = ["00_a.html", "index.html", "slides/01_b.html", "02_c.html", "glossary.html"]
    assert re.findall(r'href="(.*?)"', navigation) == targets
    assert markup.count(navigation) == 2
    assert 'href=".html"' not in site.page_html(lesson(), ["00_a"], "00_a")


def test_links_between_lessons_lead_to_pages_in_the_site_and_are_removed_from_slides():
    notebook = lesson(markdown("See [the next](02_vgg19.ipynb) and [a paper](https://example.org)."))
    assert '<a href="02_vgg19.html">the next</a>' in site.page_html(notebook, ["a", "02_vgg19"], "a")
    # A lesson that failed has no page.
    assert "<p>See the next and <a" in site.page_html(notebook, ["a"], "a")
    assert "ipynb" not in slides.deck_html(notebook)
    assert 'href="https://example.org"' in slides.deck_html(notebook)


def dead_links(folder):
    """All links of a site's pages, and of the search, that lead to no page or to no anchor of it."""
    pages = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.html")}
    anchors = {name: re.findall(r' id="([^"]*)"', markup) for name, markup in pages.items()}
    entries = json.loads(re.search(r'id="sections">(.*?)</script>', pages["index.html"], re.S)[1])
    links = [("index.html", address) for _, _, address, _ in entries]
    for name, markup in pages.items():
        links += [(name, link) for link in re.findall(r'<a href="(?![a-z]+:)([^"]*)"', markup)]
    assert entries
    dead = []
    for name, link in links:
        page, _, anchor = link.partition("#")
        target = page or name
        if target not in pages or (anchor and html.unescape(anchor) not in anchors[target]):
            dead.append((name, link))
    return dead


def test_every_link_of_the_site_leads_to_a_page_and_an_anchor_of_it(unrun_site):
    assert dead_links(unrun_site) == []
    glossary = (unrun_site / "glossary.html").read_text("utf-8")
    assert 'href="04_texture_synthesis.html"' in glossary
    assert 'href="A1_how_it_is_fast.html"' in glossary
    assert ".ipynb" not in glossary


def test_every_heading_of_the_site_has_an_anchor_of_its_own(unrun_site):
    for path in unrun_site.glob("*_*.html"):
        page = path.read_text("utf-8")
        headings = re.findall(r"<h[1-6]([^>]*)>", page)
        anchors = re.findall(r' id="([^"]*)"', page)
        assert len(headings) > 5
        assert all(heading.startswith(' id="') for heading in headings), path.name
        assert len(anchors) == len(set(anchors)), path.name
    assert 'id="term-gram-matrix"' in (unrun_site / "glossary.html").read_text("utf-8")
    assert 'id="the-gram-matrix-equation-3"' in (unrun_site / "04_texture_synthesis.html").read_text("utf-8")


def test_anchors_are_those_of_github_and_differ():
    markup = "<h2>A · <code>b</code>, &amp; c</h2>x<h3>Twice</h3><h3>Twice</h3><h3>Twice 1</h3>"
    found = sections.sections_of(sections.with_anchors(markup))
    assert [section.anchor for section in found] == ["a--b--c", "twice", "twice-1", "twice-1-1"]
    assert found[0] == sections.Section("h2", "a--b--c", "A · b, & c", "x")


def test_a_section_has_its_text_for_the_search():
    source = "## $\\mathcal{L}$ and **G**ram\n\nOne $x_1$, *two*.\n\n- a < b\n- `c`\n\n### Next\n\nThree."
    notebook = lesson(markdown(source), code("print(1)", outputs=[html_output("<p>Seen</p>")]))
    found = sections.sections_of(site._lesson_html(notebook, []))
    assert [(section.heading, section.text) for section in found] == [
        ("1 · A lesson", "What it is about."),
        ("L and Gram", "One x1, two. a < b c"),
        ("Next", "Three. print(1) Seen"),
    ]


def test_the_search_knows_sections_and_terms(unrun_site):
    index = (unrun_site / "index.html").read_text("utf-8")
    entries = json.loads(re.search(r'id="sections">(.*?)</script>', index, re.S)[1])
    texts = {(title, heading): (address, text) for title, heading, address, text in entries}
    assert len(texts) > 250
    address, text = texts["Glossary", "Gram matrix"]
    assert address == "glossary.html#term-gram-matrix"
    assert "each pair of filters" in text
    address, text = texts["4 · Texture synthesis", "The Gram matrix: equation (3)"]
    assert address == "04_texture_synthesis.html#the-gram-matrix-equation-3"
    assert "co-occur" in text
    # Each card lists the lesson's sections; no text of a lesson ends the element that holds it.
    assert index.count('<details class="contents">') == len(LESSONS)
    assert index.count("</script>") == 2
    assert 'href="04_texture_synthesis.html#summary">Summary</a>' in index


def colors_of(name):
    """The colors of a variable of the style sheets, on light and on dark ground."""
    declared = (THEME / "common.css").read_text("utf-8")
    return re.search(rf"--{name}: light-dark\((#\w{{6}}), (#\w{{6}})\);", declared).groups()


def contrast(one, other):
    """The contrast of two colors as WCAG 2 defines it, from 1 to 21."""

    def luminance(color):
        channels = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
        linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return sum(c * weight for c, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


READABLE = 4.5
"""The contrast that WCAG AA asks of text; of bars and borders it asks for 3."""
GROUNDS_OF_OTHERS = "#ffffff", "#111111"
"""JupyterLab's, in its light and its dark theme."""


def test_the_contrast_of_a_known_pair():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_all_text_of_the_pages_can_be_read_on_light_and_on_dark_ground():
    code = ("keyword", "string", "comment", "number", "name")
    for text, ground in itertools.product(("ink", "soft", "accent", *code), ("paper", "tint")):
        for color, behind in zip(colors_of(text), colors_of(ground), strict=True):
            assert contrast(color, behind) >= READABLE, (text, ground)
    for text, (color, behind) in itertools.product(("ink", "soft", "accent"), enumerate(colors_of("mark"))):
        assert contrast(colors_of(text)[color], behind) >= READABLE, text
    # Every color is one of these, so that none stays light in the dark.
    for sheet in ("common.css", "page.css"):
        rules = re.sub(r"--\w+: light-dark\(.*?\);", "", (THEME / sheet).read_text("utf-8"))
        assert not re.search(r"#[0-9a-f]{3,8}\b|\brgb|: *(white|black|gray)\b", rules), sheet


def test_what_checks_and_questions_say_can_be_read_on_every_ground():
    grounds = {*GROUNDS_OF_OTHERS, *colors_of("paper")}
    for color in (feedback.RIGHT, feedback.WRONG, feedback.OPEN):
        assert contrast(color, "#ffffff") >= READABLE
        assert all(contrast(color, ground) >= 3 for ground in grounds)
        assert f"background:{color};color:#ffffff" in feedback.feedback_html(color, "said", "Right.")
    # Outputs say nothing in letters of a color of their own.
    for path in (ROOT / "helpers" / "lessons").rglob("*.py"):
        if path.name != "feedback.py":
            assert not re.search(r"[\"';](color|background)\s*:\s*[#a-z]", path.read_text("utf-8")), path.name


def test_the_page_on_accessibility_has_these_contrasts():
    page = (ROOT / "docs" / "accessibility.md").read_text("utf-8")
    rows = {
        cells[0]: tuple(map(float, cells[1:]))
        for cells in re.findall(r"^\| ([\w, ]+) \| ([\d.]+) \| ([\d.]+) \|$", page, re.M)
    }
    code = [colors_of(name) for name in ("keyword", "string", "comment", "number", "name")]
    paper, tint = colors_of("paper"), colors_of("tint")

    def least(colors, grounds):
        return tuple(min(contrast(color[i], grounds[i]) for color in colors) for i in range(2))

    verdicts = min(contrast(color, "#ffffff") for color in (feedback.RIGHT, feedback.WRONG, feedback.OPEN))
    wanted = {
        "text": least([colors_of("ink")], paper),
        "captions": least([colors_of("soft")], paper),
        "links": least([colors_of("accent")], paper),
        "code, the palest": least(code, tint),
        "verdicts of checks": (verdicts, verdicts),
    }
    assert rows == {name: tuple(round(each, 1) for each in pair) for name, pair in wanted.items()}


SAFE = (
    "\x00-~\u00a0-\u017f"  # Latin
    "\u0370-\u03ff"  # Greek
    "\u2010-\u2044"  # dashes, quotation marks, spaces
    "\u1d40\u2070-\u209c\u2150-\u215e"  # raised and lowered letters, fractions
    "\u2190-\u2193\u2200-\u22ff\u2308-\u230b\u27e8\u27e9"  # four arrows, operators, brackets
    "\u2588\u2591"  # of a progress bar, in terminals that say they have them
)
"""Characters that common fonts have. Emoji, and rare arrows and signs, are an empty box on many systems."""
CHINESE = "\u4e00-\u9fff\uff08\uff09"


def unsafe(text, also=""):
    return set(re.findall(f"[^{SAFE}{also}]", text))


def test_texts_and_programs_have_no_character_that_many_fonts_lack():
    assert unsafe("an emoji \u23f1 \U0001f600 \u21dd") == {"\u23f1", "\U0001f600", "\u21dd"}
    for path in LESSONS:
        cells = nbformat.read(path, as_version=4).cells
        assert unsafe("\n".join(cell.source for cell in cells)) == set(), path.name
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("notebooks/*.md")]
    for path in (*documents, *THEME.glob("*.css"), *THEME.glob("*.js"), *ROOT.glob("images/*.md")):
        text = path.read_text("utf-8")
        assert unsafe(text, CHINESE if path.name == "glossary.md" else "") == set(), path.name
        # Style sheets and programs may name a character by its number as well.
        assert path.suffix == ".md" or not re.search(r"\\(u|x)?[0-9a-fA-F]{2}", text), path.name
    for path in (ROOT / "course.py", *ROOT.glob("helpers/**/*.py")):
        text = path.read_text("utf-8")
        strings = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
        shown = "".join(string for string in strings if isinstance(string, str))
        if path.name != "sections.py":  # It names the letters that it replaces.
            assert unsafe(text + shown) == set(), path.name


def test_pages_have_no_character_that_many_fonts_lack(unrun_site):
    font = re.search(r"with the ranges (.*?)\.$", (THEME / "CREDITS.md").read_text("utf-8"), re.S)[1]
    ranges = re.findall(r"([0-9A-F]+)(?:–([0-9A-F]+))?", font.replace("U+", ""))
    of_equations = "".join(
        f"{re.escape(chr(int(a, 16)))}-{re.escape(chr(int(b or a, 16)))}" for a, b in ranges
    )
    for path in unrun_site.rglob("*.html"):
        body = html.unescape(re.sub(r"<style>.*?</style>", "", path.read_text("utf-8"), flags=re.S))
        equations = "".join(re.findall(r"<math.*?</math>", body, re.S))
        assert not re.findall(f"[^{of_equations}\\s]", re.sub("<[^>]*>", "", equations)), path.name
        text = re.sub(r"<math.*?</math>", "", body, flags=re.S)
        assert unsafe(text, CHINESE if path.stem in ("glossary", "index") else "") == set(), path.name


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
    assert dead_links(tmp_path / "site") == []
    assert ".ipynb" not in (tmp_path / "site" / "glossary.html").read_text("utf-8")


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
    assert (written.format, written.size) == ("JPEG", covers.SIZE)
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
