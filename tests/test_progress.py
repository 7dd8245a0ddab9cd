"""How far a run is, told to a terminal and to a file."""

import io
import re

import numpy as np
import pytest

from helpers.progress import clock, progress_bar, terminal_line


def record(step, size=32, total=1.0):
    return {"step": step, "evaluations": step, "seconds": 0.1 * step, "size": size, "total": total}


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


@pytest.mark.parametrize("encoding", ["cp1252", "cp932", "ascii", "utf-8"])
def test_the_bar_is_made_of_what_the_terminal_has(encoding):
    class Terminal(io.TextIOWrapper):
        def isatty(self):
            return True

    written = io.BytesIO()
    terminal = Terminal(written, encoding=encoding)
    terminal_line(terminal)("half", 0.5, None)
    terminal.flush()
    assert ("█" if encoding == "utf-8" else "#") * 10 in written.getvalue().decode(encoding)


def test_a_program_without_stderr_and_a_closed_terminal_lose_nothing():
    terminal_line(None)("half", 0.5, None)
    closed = io.StringIO()
    write = terminal_line(closed)
    closed.close()
    write("half", 0.5, None)
