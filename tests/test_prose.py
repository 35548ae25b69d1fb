"""The documentation is in short sentences of the usual word order; docs/conventions.md has the words that it uses."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
SOURCES = sorted((PROJECT / "src" / "davsn").rglob("*.py"))
LONGEST = 30
"""Words in a sentence. A piece of `code` is one word, and of a link only the text counts."""
INVERTED = ("Of ", "Used are ", "Wanted are ", "Published are ", "The same of ", "The same for ", "What of ")
"""How no sentence begins."""
OTHER_WORDS = ("own car", "embedded world", "network of single frames", "networks of single frames", "pseudo labels")
"""Words of the last column of the table in docs/conventions.md that have no other meaning."""
WRITTEN_BY_A_SCRIPT = re.compile(r"<!-- results:start(?: \w+)? -->.*?<!-- results:end -->", re.DOTALL)
CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
BLOCK_ENDS = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*#]|\d+\.) |\|)")
"""The ends of paragraphs, list items, headings and rows of a table."""
SENTENCE_ENDS = re.compile(r"(?<=[.?!])\s+(?=[A-Z*(\[«])|(?<=[.?!][)*])\s+|(?<=[.?!]\*\*)\s+")


def prose(text: str) -> Iterator[str]:
    """The paragraphs and list items of a page: no headings, tables, images, code or results."""
    for block in BLOCK_ENDS.split(CODE.sub("\n\n", WRITTEN_BY_A_SCRIPT.sub("\n\n", text))):
        if not block.lstrip().startswith(("#", "|", "<!--", "![")):
            yield re.sub(r"^\s*(?:[-*]|\d+\.) ", "", block)


def sentences(text: str) -> Iterator[str]:
    """The sentences of a page's prose, each piece of code as one word and each link as its text."""
    for block in prose(text):
        plain = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "CODE", block))
        yield from SENTENCE_ENDS.split(" ".join(plain.split()))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_sentences_are_short_and_in_the_usual_order(path):
    found = list(sentences(path.read_text(encoding="utf-8")))
    assert len(found) > 10
    assert [each for each in found if len(each.split()) > LONGEST] == []
    assert [each for each in found if each.lstrip("*").startswith(INVERTED)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_concept_has_one_word(path):
    found = [" ".join(block.split()) for block in prose(path.read_text(encoding="utf-8"))]
    assert [block for block in found if any(word in block.lower() for word in OTHER_WORDS)] == []


def docstrings(tree: ast.AST) -> Iterator[str]:
    """The texts of modules, classes and functions, and those below constants and settings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            for statement in node.body:
                value = getattr(statement, "value", None)
                if isinstance(statement, ast.Expr) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PROJECT / "src" / "davsn").as_posix())
def test_a_docstring_names_its_object(path):
    found = list(docstrings(ast.parse(path.read_text(encoding="utf-8"))))
    assert [text for text in found if text.lstrip().startswith((*INVERTED, "The same", "As "))] == []


def test_long_and_inverted_sentences_are_seen():
    text = (
        "# Of a heading\n\nShort. Of `one two` it is.\n\n- "
        + "word " * 31
        + "end.\n- Next ([a b](c d)). **Last.** Used are two."
    )
    short, of, long, link, bold, used = sentences(text)
    assert of.startswith(INVERTED)
    assert used.startswith(INVERTED)
    assert len(long.split()) == 32
    assert (short, link, bold) == ("Short.", "Next ([a b]).", "**Last.**")
