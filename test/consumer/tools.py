# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Shared by the scripts of this folder."""

import os
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "snippets"))
from extract import read_blocks  # noqa: E402

# By the program at the top of the README.
PRINTS = "500500\n"


class Failed(Exception):
    pass


def call(command, folder, environment=None, shell=False):
    """Returns what the command prints. If it fails, the error has all its output."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        shell=shell,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        words = command if shell else " ".join(map(str, command))
        raise Failed(f"$ {words}\n{done.stdout}(status {done.returncode})")
    return done.stdout


def read_readme(weir):
    """The blocks of the README about using weir, by their kind."""
    text = (weir / "README.md").read_text("utf-8")
    blocks = {}
    for block in read_blocks(text):
        name = " ".join(block.info)
        if name != "cpp":
            blocks[name] = "\n".join(block.code) + "\n"
        elif "main.cpp" not in blocks and block.kind == "program":
            blocks["main.cpp"] = "\n".join(block.code) + "\n"
    wanted = [
        "main.cpp",
        "cmake installed",
        "cmake fetched",
        "meson",
        "ini",
        "sh compile",
        "sh elsewhere",
    ]
    missing = [name for name in wanted if name not in blocks]
    if missing:
        raise Failed(f"README.md has no block '{missing[0]}'")
    return blocks


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def files_below(folder):
    return sorted(p.relative_to(folder) for p in folder.rglob("*") if not p.is_dir())


class Report:
    """Any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.passed, self.failed = 0, 0

    def run(self, name, step):
        begin = time.monotonic()
        try:
            step()
            trouble = None
        except (Failed, OSError) as failure:
            trouble = str(failure)
        with self.lock:
            seconds = f"{time.monotonic() - begin:5.1f} s"
            if trouble is None:
                self.passed += 1
                print(f"{seconds}  {name}", flush=True)
            else:
                self.failed += 1
                print(f"{seconds}  {name}: FAILED\n{trouble}", flush=True)
        return trouble is None
