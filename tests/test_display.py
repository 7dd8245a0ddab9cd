import io
import re

import numpy as np
import pytest

from helpers import heatmap, plot_history, show_images, show_table
from helpers.display import clock, progress_bar, terminal_line


def record(step, size=32, total=1.0):
    return {"step": step, "evaluations": step, "seconds": 0.1 * step, "size": size, "total": total}


@pytest.fixture
def shown(monkeypatch):
    markup = []
    monkeypatch.setattr("helpers.display._show_html", markup.append)
    return markup


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_durations_in_words():
    assert [clock(seconds) for seconds in (-1, 0.4, 8, 60, 125, 3720)] == [
        "0 s",
        "0 s",
        "8 s",
        "1 min 00 s",
        "2 min 05 s",
        "1 h 02 min",
    ]


def test_a_terminal_rewrites_one_line(monkeypatch):
    now = iter(np.arange(0.0, 100.0, 1.0))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(now)))
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar("transfer", [1, 1, 4, 4]) as show:
        for step in range(1, 5):
            show(record(step), lambda: None)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert "step 3 of 4" in text
    assert text.rstrip().endswith("s")
    assert "4 steps" in text.rsplit("\r", 1)[1]


def test_the_time_left_counts_late_steps_at_their_cost(monkeypatch):
    clock_reads = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock_reads[0])
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar("run", [1, 1, 1, 4, 4]) as show:
        clock_reads[0] = 30.0  # compiling
        show(record(1), lambda: None)
        clock_reads[0] = 32.0
        show(record(2), lambda: None)
        clock_reads[0] = 34.0
        show(record(3), lambda: None)
    lefts = re.findall(r"(\d+) s left", stream.getvalue())
    assert lefts == ["18", "16"]


def test_a_file_gets_whole_lines(monkeypatch):
    stream = io.StringIO()
    write = terminal_line(stream)
    write("step 1 of 2", 0.5, None)
    write("step 2 of 2", 1.0, None)
    write("2 steps, 3 s", None, None)
    assert stream.getvalue() == "step 1 of 2\n2 steps, 3 s\n"


def test_a_run_that_ends_early_says_so(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar("run", [1, 1, 1]) as show:
        show(record(1), lambda: None)
    assert "ended at step 1 of 3" in stream.getvalue()


def test_progress_can_be_silent(capsys):
    with progress_bar("run", [1], shown=False) as show:
        show(record(1), lambda: None)
    assert capsys.readouterr() == ("", "")


def test_images_are_shown_with_titles_caption_and_alternative_text(shown):
    images = [np.zeros((2, 3, 3), np.uint8), np.full((2, 3, 3), 255.0)]
    show_images(images, ["a < b", "two"], caption="Two & more", alt="black and white")
    (markup,) = shown
    assert markup.count("<img") == 2
    assert "a &lt; b" in markup
    assert "Two &amp; more" in markup
    assert 'aria-label="black and white"' in markup
    with pytest.raises(ValueError, match="2 images and 1 titles"):
        show_images(images, ["one"])


def test_small_pictures_can_be_shown_pixel_by_pixel(shown):
    show_images([np.zeros((2, 2, 3), np.uint8)], alt="black")
    show_images([np.zeros((2, 2, 3), np.uint8)], alt="black", pixelated=True)
    assert ["pixelated" in markup for markup in shown] == [False, True]


def test_a_heat_map_runs_from_black_to_light_and_a_signed_one_from_blue_to_red():
    picture = heatmap([[0.0, 5.0]])
    assert picture.shape == (1, 2, 3)
    assert picture[0, 0].max() < 10
    assert picture[0, 1].min() > 180
    negative, zero, positive = heatmap([[-2.0, 0.0, 2.0]], signed=True)[0].astype(int)
    assert negative[2] > negative[0]
    assert positive[0] > positive[2]
    assert zero.min() > 240
    assert not np.any(heatmap(np.zeros((2, 2))) - heatmap([[0.0, 1.0]])[0, 0])
    with pytest.raises(ValueError, match=r"\(1, 2, 2\)"):
        heatmap(np.zeros((1, 2, 2)))


def test_a_table_sets_numbers_and_refuses_ragged_rows(shown):
    show_table(["layer", "numbers", "share"], [("a < b", 138357544, 1 / 3)], caption="Two & more")
    assert "a &lt; b" in shown[0]
    assert "138\N{NARROW NO-BREAK SPACE}357\N{NARROW NO-BREAK SPACE}544" in shown[0]
    assert "0.3333" in shown[0]
    assert "Two &amp; more" in shown[0]
    with pytest.raises(ValueError, match="3 columns, and a row of it 2"):
        show_table(["a", "b", "c"], [(1, 2)])


def test_histories_are_plotted_with_alternative_text(shown):
    history = [record(1, 16, 9.0), record(2, 16, 4.0), record(3, 32, 6.0)]
    plot_history({"run": history}, caption="falls", alt="a falling curve")
    assert 'alt="a falling curve"' in shown[0]
    assert "<figcaption" in shown[0]
