# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Lays out what Sphinx reads: the pages at the places that they have in the
repository, so that their links hold, and a page for each other file that one of
them links to.

A link to a page stays as it is; README is the site's index.md. One to a folder
leads to its README.md, or to an index.md that lists it; one to a public header to
the page of its names; and one to another file to a page that shows the file. Those
pages are called like the file, with .md behind.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/snippets"))
from check_pages import ELSEWHERE, LINK, LINK_DEFINITION  # noqa: E402

GUIDES = ("guide", "recipes")
PICTURES = {".svg", ".png"}
LANGUAGES = {".cpp": "cpp", ".hpp": "cpp", ".py": "python", ".sh": "bash"}
PRELUDE = re.compile(r"<!-- snippet-prelude\n.*?-->\n", re.DOTALL)
MARKER = re.compile(r"<!-- [\w:]+ (?:begin|end) -->\n")
FENCE = re.compile(r"^( *`{3,}\w+) .*$", re.MULTILINE)
DEFINITIONS = re.compile(LINK_DEFINITION.pattern, re.MULTILINE)
CODE = re.compile(r"(`+)[^`].*?\1")


def toctree(entries, caption="", hidden=True):
    if not entries:
        return ""
    options = (f":caption: {caption}\n" if caption else "") + (
        ":hidden:\n" if hidden else ":maxdepth: 1\n")
    return "\n```{toctree}\n" + options + "\n" + "\n".join(entries) + "\n```\n"


def write_if_changed(path, data):
    """An untouched file keeps its time, so that its page is not built again.
    Says whether it was written."""
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return True


class Pages:
    """The source folder of Sphinx, from the repository at `root`."""

    def __init__(self, root, out, headers):
        self.root, self.out = root, out
        self.headers = headers  # "weir/task.hpp": those with a page of names
        self.linked = {}  # files to show -> the page that links there
        self.listed = set()  # folders outside of docs/
        self.found = []  # pages that were linked to
        self.written = set()

    def write(self, name, text):
        self.written.add(self.out / name)
        write_if_changed(self.out / name, text.encode("utf-8"))

    def remove_others(self):
        """What is left from an earlier time."""
        for path in self.out.rglob("*"):
            if path.is_file() and path not in self.written:
                path.unlink()

    def target(self, page, target):
        """Where a link of `page` leads to in the site."""
        path, mark, anchor = target.partition("#")
        if ELSEWHERE.match(target) or not path:
            return target
        goal = (page.parent / path).resolve()
        if not goal.exists() or not goal.is_relative_to(self.root):
            raise ValueError(f"{page.relative_to(self.root)}: no such file: {target}")
        if goal.is_dir():
            name = "README.md" if (goal / "README.md").exists() else "index.md"
            if name == "index.md" and not goal.is_relative_to(self.root / "docs"):
                self.listed.add(goal)
            return path.rstrip("/") + "/" + name
        if goal == self.root / "README.md":
            return path.removesuffix("README.md") + "index.md" + mark + anchor
        if goal.suffix == ".md" or goal.suffix in PICTURES:
            if goal.suffix in PICTURES:
                self.copy(goal)
            else:
                self.found.append(goal)
            return target
        name = str(goal.relative_to(self.root))
        if name.removeprefix("include/") not in self.headers:
            self.linked[goal] = page
        return path + ".md" + mark + anchor

    def copy(self, path):
        goal = self.out / path.relative_to(self.root)
        self.written.add(goal)
        write_if_changed(goal, path.read_bytes())

    def rewrite(self, page, text):
        """The page for MyST, its links those of the site."""
        text = MARKER.sub("", PRELUDE.sub("", text))
        text = FENCE.sub(r"\1", text)  # "cpp norun" is for the tests

        def change(link):
            begin, end = link.span(1)
            begin, end = begin - link.start(), end - link.start()
            return link[0][:begin] + self.target(page, link[1]) + link[0][end:]

        # Prose only, and no code in it; a link may go on in the next line.
        parts = re.split(r"(^ *```.*?^ *```$)", text, flags=re.MULTILINE | re.DOTALL)
        for i in range(0, len(parts), 2):
            codes = []

            def hide(code):
                codes.append(code[0])
                return f"\0{len(codes) - 1}\0"

            part = LINK.sub(change, CODE.sub(hide, parts[i]))
            part = DEFINITIONS.sub(change, part)
            parts[i] = re.sub(r"\0(\d+)\0", lambda m: codes[int(m[1])], part)
        return "".join(parts)

    def lay_out(self):
        """Everything but the pages of names."""
        readme = self.root / "README.md"
        pages = [page for page in [*sorted(self.root.glob("*.md")),
                                   *sorted((self.root / "docs").rglob("*.md"))]
                 if page != readme]
        start, guides, more, folders = [], [], [], {}
        for page in pages:
            name = str(page.relative_to(self.root).with_suffix(""))
            if page.parent not in (self.root, self.root / "docs"):
                folders.setdefault(page.parent, []).append(page.stem)
            elif page.name[0].isdigit():
                start.append(name)
            else:
                (guides if page.name.startswith(GUIDES) else more).append(name)
        folders.setdefault(self.root / "docs/examples", [])
        insides = {}  # page -> what stands below it
        for folder, entries in folders.items():
            name = str(folder.relative_to(self.root))
            for file in sorted(folder.glob("*.[ch]pp")):
                self.linked.setdefault(file, folder)
                entries.append(file.name)
            if "README" in entries:
                entries.remove("README")
                insides[folder / "README.md"] = toctree(entries)
                more.append(f"{name}/README")
            else:
                self.write(f"{name}/index.md", f"# {folder.name.capitalize()}\n"
                           + toctree(entries, hidden=False))
                more.append(f"{name}/index")
        for page in pages:
            self.write_page(page, insides.get(page, ""))
        self.write("index.md", self.rewrite(readme, readme.read_text("utf-8"))
                   + toctree(start, "In reading order") + toctree(guides, "Guides")
                   + toctree(more, "More")
                   + toctree(["include/weir/index"], "Headers"))
        # What is linked to and stands elsewhere, and what is linked to there.
        done = {readme, *pages}
        while self.found:
            page = self.found.pop()
            if page not in done:
                done.add(page)
                self.write_page(page, "", "---\norphan: true\n---\n")
        for folder in self.listed:
            files = sorted(each for each in folder.iterdir() if each.is_file())
            self.linked |= {each: folder for each in files}
            name = folder.relative_to(self.root)
            self.write(f"{name}/index.md", f"---\norphan: true\n---\n# {name}\n\n"
                       + "".join(f"- [{each.name}]({each.name}.md)\n" for each in files))
        for file in sorted(self.linked):
            self.show(file)

    def write_page(self, page, below, above=""):
        self.write(page.relative_to(self.root),
                   above + self.rewrite(page, page.read_text("utf-8")) + below)

    def show(self, file):
        """A page with the text of a file."""
        name = file.relative_to(self.root)
        text = file.read_text("utf-8")
        language = LANGUAGES.get(file.suffix, "text")
        self.write(f"{name}.md", "---\norphan: true\n---\n"
                   f"# {name.name}\n\n`{name}`\n\n"
                   f"`````{language}\n{text.rstrip()}\n`````\n")
