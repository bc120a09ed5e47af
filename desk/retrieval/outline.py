"""Reads pages written for people, Markdown or HTML, as headings with the text that stands below each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_HEADING = re.compile(r"(#{1,6})\s+")
_FENCE = re.compile(r"\s*(```|~~~)")
_SUMMARY_LEVEL = 7  # deeper than every heading
_LEVELS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6, "summary": _SUMMARY_LEVEL}
_BLOCKS = frozenset({"p", "li", "div", "br", "tr", "ul", "ol", "table", "section", "dd", "dt", "blockquote"})
_LONGEST_HEADING = 1_000  # of one that goes on, the rest is left out: it is too long to be a question
_UNREAD = frozenset({"script", "style", "template", "head", "nav", "noscript"})


@dataclass(slots=True)
class Section:
    """A heading, its level (1 = the page's title), the line it stands in, and the text below it."""

    line: int
    level: int
    heading: str = ""
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text below, without the white space around it."""
        lines = [re.sub(r"[ \t]+", " ", line).strip() for line in "".join(self.pieces).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def read_markdown(lines: Iterable[str]) -> Iterator[Section]:
    """The sections of a Markdown page; a `#` inside a code block is no heading."""
    section, in_code = None, False
    for number, line in enumerate(lines, 1):
        in_code ^= bool(_FENCE.match(line))
        heading = None if in_code else _HEADING.match(line)
        if heading:
            if section:
                yield section
            section = Section(number, len(heading[1]), line[heading.end() :].strip().rstrip("#").rstrip())
        elif section:
            section.pieces.append(line)
    if section:
        yield section


def read_html(lines: Iterable[str]) -> Iterator[Section]:
    """The sections of an HTML page: headings and the text up to the next, or `details` with a `summary`."""
    parser = _Outline()
    # All at once: what is not closed is read again with each piece that is fed, and at the end from each "<".
    whole, end, rest = "".join(lines).rpartition(">")
    parser.feed(whole + end + rest.replace("<", "&lt;"))
    parser.close()
    yield from parser.sections


class _Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[Section] = []
        self._in_heading = False
        self._in_text = False
        self._unread: list[str] = []

    def parse_html_declaration(self, i: int) -> int:
        """As browsers do: what begins with `<![` is a comment. The library stops at some of them."""
        if self.rawdata.startswith("<![", i):
            return self.parse_bogus_comment(i)
        return super().parse_html_declaration(i)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _UNREAD:
            self._unread.append(tag)
        elif tag in _LEVELS:
            self.sections.append(Section(self.getpos()[0], _LEVELS[tag]))
            self._in_heading = self._in_text = True
        elif tag in _BLOCKS:
            self.handle_data("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._unread and tag == self._unread[-1]:
            self._unread.pop()
        elif tag in _LEVELS:
            self._in_heading = False
        elif tag == "details":
            self._in_text = False
        elif tag in _BLOCKS:
            self.handle_data("\n")

    def handle_data(self, data: str) -> None:
        if self._unread or not self._in_text:
            return
        section = self.sections[-1]
        if self._in_heading and len(section.heading) <= _LONGEST_HEADING:
            section.heading = re.sub(r"\s+", " ", section.heading + data).lstrip()
        elif not self._in_heading:
            # A line break in the source is white space; one that shows comes from a block tag.
            section.pieces.append(data if data == "\n" else re.sub(r"\s+", " ", data))
