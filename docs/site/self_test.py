#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Tests of what build.py does beside Sphinx and Doxygen. Needs neither."""

import pathlib
import tempfile
import unittest

from check_html import broken_links
from headers import clean
from pages import ROOT, Pages
from build import listed_headers, missing_names, public_names

HEADER = """\
#pragma once
/// A number.
#define WEIR_NUMBER 1
namespace weir {
namespace detail {
class hidden; // {
}
/// Runs it.
///
/// Throws: what `f`
///   throws.
/// Resumes on: the strand.
template <typename F>
requires std::is_invocable_v<F, int&&> && (sizeof(F) > 0) ||
    detail::callable<F>::value auto run(F f) {
  if constexpr (requires { f(1); })
    f(1);
}
class WEIR_API shown {
  WEIR_API [[nodiscard]] int get();
};
} // namespace weir
template <>
struct boost::system::is_error_code_enum<weir::errc> : std::true_type {};
"""

CLEAN = """\
#pragma once

/// \\addtogroup weir_run_hpp
/// @{

/// A number.
#define WEIR_NUMBER 1

/// @}
namespace weir {
/// \\addtogroup weir_run_hpp
/// @{



/// Runs it.
///
/// \\par Throws
/// what `f`
///   throws.
/// \\par Resumes on
/// the strand.
template <typename F>
 auto run(F f) {
  if constexpr (requires { f(1); })
    f(1);
}
class shown {
  [[nodiscard]] int get();
};

/// @}
} // namespace weir

"""


class Headers(unittest.TestCase):
    def test_only_public_names_are_left_and_labels_are_titles(self):
        self.assertEqual(clean("weir/run.hpp", HEADER), CLEAN)

    def test_every_public_header_can_be_cleaned(self):
        self.assertGreater(len(listed_headers()), 50)
        for name in listed_headers():
            text = clean(name, (ROOT / "include" / name).read_text("utf-8"))
            self.assertNotIn("namespace detail {", text, name)
            self.assertEqual(text.count("/// @{"), text.count("/// @}"), name)

    def test_the_names_are_those_of_the_reference(self):
        names = set(public_names())
        self.assertLessEqual({"task", "task_group", "with_task_group"}, names)


class InFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()

    def write(self, **files):
        for name, text in files.items():
            path = self.root / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")

    def page(self, text):
        """The page docs/a.md with that text, for the site."""
        self.write(docs__a_md=text, docs__b_md="# B\n", docs__design__c_md="# C\n",
                   docs__p_svg="<svg/>", include__weir__x_hpp="", LICENSE="free")
        pages = Pages(self.root, self.root / "out", ["weir/x.hpp"])
        return pages, pages.rewrite(self.root / "docs/a.md", text)

    def test_links_to_pages_and_pictures_stay(self):
        text = "[b](b.md#b) ![p](p.svg) [e](https://example.org/) [h](#b)\n"
        pages, changed = self.page(text)
        self.assertEqual(changed, text)
        self.assertTrue((self.root / "out/docs/p.svg").exists())

    def test_links_to_files_and_folders_lead_to_their_pages(self):
        pages, changed = self.page(
            "[x](../include/weir/x.hpp) [l\nm](../LICENSE) [d](design/)\n")
        self.assertEqual(changed, "[x](../include/weir/x.hpp.md) "
                                  "[l\nm](../LICENSE.md) [d](design/index.md)\n")
        self.assertEqual(list(pages.linked), [self.root / "LICENSE"])

    def test_links_to_the_readme_lead_to_the_first_page(self):
        self.write(README_md="# R\n")
        self.assertEqual(self.page("[r](../README.md#why)\n")[1],
                         "[r](../index.md#why)\n")

    def test_so_do_links_that_are_defined_apart(self):
        text = "[x], [e]\n\n[x]: ../include/weir/x.hpp\n[e]: https://example.org/\n"
        self.assertEqual(self.page(text)[1], text.replace("x.hpp", "x.hpp.md"))

    def test_the_readme_of_a_folder_leads_to_its_pages(self):
        self.write(docs__design__README_md="# D\n", lib__x_cpp="int x;\n",
                   README_md="# R\n[a](docs/a.md) [l](lib/) [c](CHANGES.md)\n",
                   CHANGES_md="# C\n")
        pages, changed = self.page("[d](design/) [l](../lib/)\n")
        self.assertEqual(changed, "[d](design/README.md) [l](../lib/index.md)\n")
        pages.lay_out()
        out = self.root / "out"
        self.assertIn("\nc\n", (out / "docs/design/README.md").read_text("utf-8"))
        self.assertIn("int x;", (out / "lib/x.cpp.md").read_text("utf-8"))
        front = (out / "index.md").read_text("utf-8")
        for text in ("(lib/index.md)", "\nCHANGES\n", "\ndocs/design/README\n"):
            self.assertIn(text, front)

    def test_code_stays_as_it_is(self):
        text = "`[x](y)`\n```cpp\nauto f = [x](y);\n```\n"
        self.assertEqual(self.page(text)[1], text)

    def test_what_is_for_the_tests_of_snippets_is_left_out(self):
        text = "<!-- snippet-prelude\nint x;\n-->\n```cpp norun\nint y;\n```\n"
        self.assertEqual(self.page(text)[1], "```cpp\nint y;\n```\n")

    def test_a_link_to_no_file_is_refused_with_its_page(self):
        with self.assertRaisesRegex(ValueError, r"docs/a\.md: no such file: none\.md"):
            self.page("[n](none.md)\n")

    def test_a_public_name_without_an_entry_is_found(self):
        self.write(include__task_html='<span class="sig-name descname"><span>task'
                                      "</span></span></dt> task_group")
        missing = missing_names(self.root)
        self.assertIn("task_group", missing)
        self.assertNotIn("task", missing)

    def test_links_that_lead_nowhere_are_found_in_what_was_built(self):
        self.write(a_html='<a href="b.html#here">x</a> <a href="none.html">y</a>'
                          '<a href="b.html#nowhere">z</a> <a href="#nor">n</a>'
                          '<a href="https://example.org/none">e</a>',
                   b_html='<p id="here"></p><img src="none.svg">')
        self.assertEqual(list(broken_links(self.root)), [
            "a.html: no such file: none.html", "a.html: no such place: b.html#nowhere",
            "a.html: no such place: #nor", "b.html: no such file: none.svg"])


if __name__ == "__main__":
    unittest.main()
