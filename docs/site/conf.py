# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Sphinx's configuration; build.py hands in version and the place of the XML."""

project = "weir"
extensions = ["myst_parser", "breathe"]
html_theme = "furo"
html_show_sphinx = False
html_copy_source = False
html_show_copyright = False

primary_domain = "cpp"
highlight_language = "cpp"
cpp_index_common_prefix = ["weir::"]
breathe_default_project = "weir"
breathe_show_include = False
# Each heading has the anchor that our links use.
myst_heading_anchors = 6
# Warnings are errors, but this one: an indented block of a comment may be what a
# program prints, and is then shown without colours.
suppress_warnings = ["misc.highlighting_failure"]
