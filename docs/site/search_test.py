#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Opens the built site in headless Chromium and looks names up as its search box
does.

usage: search_test.py HTML_FOLDER
"""

import functools
import http.server
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

LONGEST = 60  # s, for one page


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def check(holds, what):
    if not holds:
        sys.exit(f"search_test.py: {what}")


def shown(url):
    """What the page at that address has become when its scripts have run."""
    with tempfile.TemporaryDirectory(prefix="weir-site-") as profile:
        command = ["chromium", "--headless", "--disable-gpu", "--dump-dom",
                   # Time runs as fast as the scripts allow.
                   "--virtual-time-budget=20000", "--no-first-run",
                   "--disable-background-networking", "--disable-sync",
                   f"--user-data-dir={profile}", url]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # refused to root otherwise
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.PIPE, start_new_session=True)
        try:
            page, errors = child.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            check(False, f"chromium did not show {url} within {LONGEST} s")
        check(child.returncode == 0, f"chromium ended with {child.returncode}: {errors}")
        return page


def results(page):
    """Address and text of each result."""
    part = page.split('id="search-results"')[1].split("<footer")[0]
    return [(link, re.sub(r"<[^>]*>", "", text))
            for link, text in re.findall(r'<a href="([^"]*)"[^>]*>(.*?)</a>', part)]


def look_up(site, name, header):
    found = results(shown(f"{site}/search.html?q={name}"))
    check(any(f"include/weir/{header}.html" in link and name in text
              for link, text in found),
          f"'{name}' leads to the page of {header}: {found}")
    print(f"ok: '{name}' is found, on {len(found)} pages")


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    check(os.path.isfile(f"{arguments[0]}/index.html"), f"no site in {arguments[0]}")
    handler = functools.partial(Quiet, directory=arguments[0])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{server.server_port}"
        try:
            front = shown(f"{site}/index.html")
            # The box: a form that asks search.html for q.
            box = re.search(r'<form[^>]*action="search.html"[^>]*>.*?</form>', front,
                            re.DOTALL)
            check(box and 'name="q"' in box[0], "the first page has a search box")
            look_up(site, "with_task_group", "with_task_group.hpp")
            look_up(site, "deterministic_runtime", "testing/deterministic_runtime.hpp")
            nothing = results(shown(f"{site}/search.html?q=nosuchnameanywhere"))
            check(nothing == [], f"nothing is found for what is not there: {nothing}")
        finally:
            server.shutdown()
    print("ok: nothing is found for a name that is not there")


if __name__ == "__main__":
    main(sys.argv[1:])
