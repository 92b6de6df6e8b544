#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Builds the site: docs/, README and the comments of the public headers as HTML.

usage: build.py OUT

OUT/html/index.html is the site; beside it are the files it was made from. A
broken link, a public name without an entry, and a warning of Doxygen or Sphinx
fail.
"""

import pathlib
import re
import shutil
import subprocess
import sys

from check_html import broken_links
from headers import clean, group_of
from pages import ROOT, Pages, toctree, write_if_changed

DOXYGEN = """
INPUT = {headers}
RECURSIVE = YES
FILE_PATTERNS = *.hpp
OUTPUT_DIRECTORY = {out}
GENERATE_HTML = NO
GENERATE_LATEX = NO
GENERATE_XML = YES
XML_PROGRAMLISTING = NO
QUIET = YES
WARN_AS_ERROR = FAIL_ON_WARNINGS
WARN_IF_UNDOCUMENTED = NO
AUTOLINK_SUPPORT = NO
STRIP_FROM_PATH = {headers}
"""

MADE_BY_SPHINX = ("genindex.html", "search.html")


def run(name, *command):
    print("site:", name, flush=True)
    try:
        status = subprocess.run(command, check=False).returncode
    except FileNotFoundError:
        sys.exit(f"build.py: no '{command[0]}'; install it, or run ./dev site")
    if status != 0:
        sys.exit(f"build.py: {name} failed; what it says is above")


def listed_headers():
    """Those in include/weir/meson.build, but detail."""
    text = (ROOT / "include/weir/meson.build").read_text("utf-8")
    names = re.findall(r"^\s*'((?!detail/)[\w/]+\.hpp)',", text, re.MULTILINE)
    return [f"weir/{name}" for name in names]


def write_headers(headers, out):
    """Copies of the headers, and Doxygen's XML about them if one is new."""
    if not (out / "xml/index.xml").exists():
        shutil.rmtree(out / "headers", ignore_errors=True)
    is_new = write_if_changed(out / "Doxyfile", DOXYGEN.format(
        headers=out / "headers", out=out).encode())
    kept = {out / "headers" / name for name in headers}
    for path in (out / "headers").rglob("*.hpp"):
        if path not in kept:
            path.unlink()
            is_new = True
    for name in headers:
        text = clean(name, (ROOT / "include" / name).read_text("utf-8"))
        is_new |= write_if_changed(out / "headers" / name, text.encode())
    if is_new:
        # Sphinx 5 loses its way when only some pages of names are read anew.
        for name in "xml", "doctrees", "html":
            shutil.rmtree(out / name, ignore_errors=True)
        run("Doxygen", "doxygen", str(out / "Doxyfile"))


def write_names(pages, headers):
    """A page for each header, and one that lists them."""
    for name in headers:
        pages.write(f"include/{name}.md",
                    f"# &lt;{name}&gt;\n\n```{{eval-rst}}\n"
                    f".. doxygengroup:: {group_of(name)}\n   :content-only:\n"
                    "   :members:\n   :undoc-members:\n```\n")
    names = [name.removeprefix("weir/") for name in headers]
    entries = [f"{name} <{name}>" for name in names]
    pages.write("include/weir/index.md",
                "# Headers\n\nEvery public name, by header. `<weir.hpp>` includes "
                "all but those of `weir/testing`.\n" + toctree(entries, hidden=False))


def public_names():
    """The first column of the tables under "Names" in docs/reference.md."""
    text = (ROOT / "docs/reference.md").read_text("utf-8")
    names = text.split("\n## Names\n")[1].split("\n## ")[0]
    for row in re.findall(r"^\| (`[^|]*) \|", names, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", row):
            yield re.sub(r"<.*|\(.*", "", name).split("::")[-1]


# What an entry declares; an operator's name has no such word.
DECLARED = re.compile(r'<span class="sig-name descname">(.*?)</dt>', re.DOTALL)


def missing_names(html):
    """Public names that no page of a header has an entry for."""
    found = set()
    for path in (html / "include").rglob("*.html"):
        for entry in DECLARED.findall(path.read_text("utf-8")):
            found.update(re.findall(r"\w+", re.sub(r"<[^>]*>", " ", entry)))
    return [name for name in public_names() if name not in found]


def main(arguments):
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.exit(__doc__)
    out = pathlib.Path(arguments[0]).resolve()
    headers = listed_headers()
    write_headers(headers, out)
    pages = Pages(ROOT, out / "source", headers)
    try:
        pages.lay_out()
    except ValueError as error:
        sys.exit(f"build.py: {error}")
    write_names(pages, headers)
    pages.remove_others()
    # Sphinx would leave the pages of files that are gone.
    if any(not (out / "source" / path.relative_to(out / "html")).with_suffix(".md").exists()
           for path in (out / "html").rglob("*.html")
           if path.name not in MADE_BY_SPHINX):
        shutil.rmtree(out / "html")
    version = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text("utf-8"))
    run("Sphinx", sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going",
        "-b", "html", "-c", str(pathlib.Path(__file__).parent),
        "-D", f"release={version[1]}", "-D", f"html_title=weir {version[1]}",
        "-D", f"breathe_projects.weir={out / 'xml'}",
        "-d", str(out / "doctrees"), str(out / "source"), str(out / "html"))
    problems = [*broken_links(out / "html"),
                *(f"docs/reference.md: no page of a header has '{name}'"
                  for name in missing_names(out / "html"))]
    for problem in problems:
        print(f"build.py: {problem}", file=sys.stderr)
    if not problems:
        print(f"site: {out / 'html/index.html'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
