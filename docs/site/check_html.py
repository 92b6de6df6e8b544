# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Looks whether every internal link of built pages leads somewhere: to a file,
and to an element with that id. Links to other hosts are not followed."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

# Made by scripts when the page is shown.
NO_FILE = re.compile(r"^(?:javascript|mailto|data):")


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.links = set(), []

    def handle_starttag(self, tag, attributes):
        for key, value in attributes:
            if value and (key == "id" or (tag == "a" and key == "name")):
                self.ids.add(value)
            elif value is not None and key in ("href", "src"):
                self.links.append(value)


def read(path):
    page = Page()
    page.feed(path.read_text("utf-8"))
    return page


def broken_links(folder):
    """Page and link, for each that leads nowhere."""
    folder = folder.resolve()
    pages = {path: read(path) for path in sorted(folder.rglob("*.html"))}
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or NO_FILE.match(link):
                continue
            goal = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not goal.is_relative_to(folder) or not goal.is_file():
                yield f"{path.relative_to(folder)}: no such file: {link}"
            elif (parts.fragment and goal in pages
                  and unquote(parts.fragment) not in pages[goal].ids):
                yield f"{path.relative_to(folder)}: no such place: {link}"
