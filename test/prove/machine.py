# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""What the figures apply to: the commit, the machine, the compilers."""

import datetime
import os
import platform
import subprocess


def output_of(*command):
    """Its first line; "" if it failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    return (done.stdout.splitlines() or [""])[0] if done.returncode == 0 else ""


def last_change(root, form, *without):
    """The commit, in that form, that last changed anything but those; and
    whether there are changes to it."""
    what = ["--", ".", *(f":(exclude,glob){path}" for path in without)]
    return (output_of("git", "-C", str(root), "log", "-1", f"--format={form}",
                      *what),
            bool(output_of("git", "-C", str(root), "status", "--porcelain",
                           *what)))


def commit(root):
    """The last commit that changed anything but the page itself."""
    name, changed = last_change(root, "%H (%cs)", "docs/evidence.md")
    return (name or "unknown") + (", with changes" if changed else "")


def sources(root):
    """The last commit that changed anything but pages and the runner of the parts;
    "" if there are uncommitted changes to such files."""
    name, changed = last_change(root, "%H", "**/*.md", "test/prove/**")
    return "" if changed else name


def hardware():
    model = "unknown CPU"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    with open("/proc/meminfo", encoding="ascii") as info:
        kib = next(int(line.split()[1]) for line in info
                   if line.startswith("MemTotal"))
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {kib / 2**20:.0f} GiB"


def describe(root):
    compilers = [output_of(name, "--version")
                 for name in ("g++", "clang++-16", "clang++-19")]
    return [
        ("commit", commit(root)),
        ("date", datetime.datetime.now(datetime.timezone.utc)
         .strftime("%Y-%m-%d %H:%M UTC")),
        ("machine", hardware()),
        ("system", f"Linux {platform.release()}, "
                   f"glibc {os.confstr('CS_GNU_LIBC_VERSION').split()[-1]}"),
        ("compilers", "; ".join(filter(None, compilers))),
    ]
