# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
#
# The commands docs and site.

cmd_docs() {
  configure_debug
  run_tests debug --suite snippets
  report
}

# Debian's Sphinx and its extensions belong to Debian's Python; another may come
# first in PATH.
cmd_site() {
  need python3-sphinx python3-myst-parser python3-breathe furo doxygen chromium
  local python=/usr/bin/python3
  [[ -x $python ]] || python=python3
  run_part site "$python" "$root/docs/site/build.py" "$builds/site"
  ((failed > 0)) ||
    run_part search "$python" "$root/docs/site/search_test.py" "$builds/site/html"
  report
}
