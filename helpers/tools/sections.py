"""The sections of a page: anchors that links lead to, and the plain text that a search looks through."""

import html
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

HEADINGS = r"<h[1-6]>(.*?)</h[1-6]>"
ROWS = r"<tr>\s*<td>(.*?)</td>"
"""Rows of a table, each named by its first cell, as in the glossary."""

_STARTS = re.compile(r'<(h[1-6]|tr) id="([^"]*)">(.*?)</(?:h[1-6]|td)>', re.S)
_LETTERS_OF_EQUATIONS = "[\u2100-\u214f\U0001d400-\U0001d7ff]"
_WITHIN_A_LINE = r"</?(?:a|b|code|em|i|m\w+|span|strong|sub|sup)\b[^>]*>"


class Section(NamedTuple):
    """A part of a page: its anchor, its heading and its text, both without markup.

    ``tag``: ``h1`` to ``h6``, or ``tr`` for a row of a table.
    """

    tag: str
    anchor: str
    heading: str
    text: str


def with_anchors(markup: str, pattern: str = HEADINGS, prefix: str = "") -> str:
    """HTML in which each heading has an id, made from its text as GitHub makes it, so that links lead there.

    ``pattern``: what gets an id, ``HEADINGS`` or ``ROWS``. ``prefix``: what the ids begin with. A second
    heading of the same text gets the ending ``-1``.
    """
    taken: set[str] = set()

    def with_id(start: re.Match[str]) -> str:
        anchor = slug = prefix + _slug(plain_text(start[1]))
        number = 0
        while anchor in taken:
            number += 1
            anchor = f"{slug}-{number}"
        taken.add(anchor)
        return start[0].replace(">", f' id="{anchor}">', 1)

    return re.sub(pattern, with_id, markup, flags=re.S)


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def sections_of(markup: str) -> list[Section]:
    """The sections of a page with anchors: each reaches from one anchor to the next."""
    starts = list(_STARTS.finditer(markup))
    ends = [start.start() for start in starts[1:]] + [len(markup)]
    return [
        Section(start[1], start[2], plain_text(start[3]), plain_text(markup[start.end() : end]))
        for start, end in zip(starts, ends, strict=True)
    ]


def plain_text(markup: str) -> str:
    """What a reader sees of HTML as text, on one line, with letters that can be typed."""
    bare = html.unescape(re.sub(r"<[^>]*>", " ", re.sub(_WITHIN_A_LINE, "", markup)))
    typed = re.sub(_LETTERS_OF_EQUATIONS, lambda letter: unicodedata.normalize("NFKC", letter[0]), bare)
    return " ".join(typed.split())


def contents_html(sections: Sequence[Section], page: str = "", of: str = "this page") -> str:
    """A folded list of links to the sections of a page, without its title.

    ``page``: the file's name, by default the page that has the list. ``of``: its name, for screen readers.
    """
    entries = "".join(
        f'<li class="{section.tag}"><a href="{page}#{section.anchor}">{html.escape(section.heading)}</a></li>'
        for section in sections
        if section.tag != "h1"
    )
    summary = f'<summary aria-label="{html.escape(f"Sections of {of}")}">Sections</summary>'
    return f'<details class="contents">{summary}<ul>{entries}</ul></details>'
