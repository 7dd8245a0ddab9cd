"""The lessons and documents speak the field's words: each introduced once, and none of the course's own."""

import ast
import functools
import re
from pathlib import Path

import nbformat
import pytest

from helpers.files.bundled import lesson_files

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    *lesson_files(),
    *sorted(ROOT.glob("*.md")),
    ROOT / "notebooks" / "README.md",
    *(path for path in sorted((ROOT / "docs").glob("*.md")) if path.name != "glossary.md"),
]

# A word of the course's own, and the field's word in its place.
NOT_OURS = {
    r"\banswers? (most |strongly |more )*(to|of)\b|\banswers\b(?! (a|your|the) question)": "activation",
    r"(?<!in )(?<!take )(?<!takes )(?<!decimal )(?<!first )\bplaces?\b(?! (of|where you))": "position",
    r"\bmaps (in|out)\b(?! the)": "input channels, output channels",
    r"\bslid(e|es|ing) (a |small |the )*windows?\b|\b(the|its|each) window\b|\bwindows? of\b": "kernel",
    r"\bprepar(e|es|ed|ation) (of )?(a|the|it|each) ?(pictures?|photos?|images?)?\b": "preprocess",
    r"\bread the plan\b|\bplan of VGG\b": "architecture",
    r"\brebuil(d|ds|t|ding)\b|\bc(o|a)mes? back\b|\bg(i|a)ves? (the photo|it) back\b": "reconstruct",
    r"\bforgets?\b|\bforgot(ten)?\b": "discards, is invariant to",
    r"\bminds? (more|less|the|where|a)\b|\bdoes not mind\b|\bhardly minds\b": "is sensitive to",
    r"\bgoes? together\b|\bgo together\b": "co-occur",
    r"\bwork(s|ed|ing)? (it|the gradient|out)\b": "compute, backpropagation",
    r"\bmov(e|es|ing) (the )?(pixels|waves|numbers)\b": "optimize",
    r"\bunknown is\b": "optimization variable",
    r"(?<!learning )\brate says\b|\bhow far (each|it) (pixel |number )?moves\b": "learning rate",
    r"\blow places?\b|\bvalley\b": "local minimum",
    r"\bhow the loss curves\b": "curvature approximation",
    r"\bsmall first\b": "coarse-to-fine",
    r"\bfourier\b": "frequency (DCT) parametrization",
    r"\bbinary digits\b|\bdecimal ones\b|\bso few digits\b|\bfewer digits\b": "significand bits",
    r"\bheld[- ]out\b": "validation or test set",
    r"\bby heart\b|\bfool(ing)? yourself\b": "overfitting, leakage",
    r"\bas a share of\b|\bin shares of\b|\bshare of (zeros|answers|the)\b": "fraction of",
    r"\bheld (to|against)\b|\bseen to\b|\bgoes? before\b": "checked against, handled, overrides",
    r"\b(the )?machine works\b|\bof yours;": "of which … is computation",
    r"\bupright\b|\blevel edges\b": "vertical, horizontal",
    r"\blooks after\b|\bturned round\b|\bturns? .{1,20} round\b": "a plain verb",
    r"\b(colour|grey|normalis|optimis|synthesis(e|ing)\b)": "American spelling",
}


@functools.cache
def text_of(path):
    """What a reader sees: the text, and of the code its comments and the strings it shows."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    parts = []
    for cell in nbformat.read(path, as_version=4).cells:
        if "colab" in cell.metadata.get("tags", []):
            continue
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        else:
            strings = (n.value for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Constant))
            parts += [value for value in strings if isinstance(value, str)]
            parts += re.findall(r"#.*", cell.source)
    return "\n".join(parts)


def prose(text):
    """Text without code, formulas and links, and on one line."""
    bare = re.sub(
        r"```.*?```|\$\$.*?\$\$|\]\([^)]*\)|`[^`]*`|<summary>Answer</summary>", " ", text, flags=re.S
    )
    return re.sub(r"\s+", " ", bare)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_word_stands_where_the_field_has_its_own(path):
    text = prose(text_of(path))
    found = {
        text[max(0, hit.start() - 40) : hit.end() + 30]: word
        for pattern, word in NOT_OURS.items()
        for hit in re.finditer(pattern, text, re.I)
    }
    assert not found


GLOSSARY = [
    [entry.strip() for entry in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| **")
]
"""Term, Chinese term, meaning, lesson."""


def test_the_glossary_is_sorted_and_every_entry_is_whole():
    terms = [entry[0].strip("*").lower() for entry in GLOSSARY]
    assert terms == sorted(terms)
    assert len(terms) == len(set(terms)) > 80
    for _, chinese, meaning, lesson in GLOSSARY:
        assert re.search("[\N{CJK UNIFIED IDEOGRAPH-4E00}-\N{CJK UNIFIED IDEOGRAPH-9FFF}]|^[A-Z]", chinese)
        assert len(meaning) > 20
        assert re.search(r"\d", lesson)


@pytest.mark.parametrize("entry", GLOSSARY, ids=lambda entry: entry[0].strip("*"))
def test_a_term_is_introduced_in_bold_once_in_the_lesson_that_the_glossary_names(entry):
    term = re.escape(entry[0].strip("*").split(" (")[0])
    bold = re.compile(rf"\*\*{term}s?( \([^)]*\))?s?,?\.?\*\*", re.I)
    texts = {path: re.sub(r"\s+", " ", text_of(path)) for path in lesson_files()}
    introduced = [path.name[:2].lstrip("0") or "0" for path, text in texts.items() if bold.search(text)]
    (lesson,) = re.findall(r"\[?(\w\d|\d+)\b", entry[3])[:1]
    assert introduced == [lesson]
