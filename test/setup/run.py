#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks that apt-get can install what ./dev requests.

    run.py ROOT FOLDER

Runs each command of ROOT/dev as if on a machine where only `./dev setup` has run:
the programs that it calls to query, install and build are replaced, and it is a copy
of ROOT/dev and ROOT/tools that finds no sources. Then asks the real apt-get, without
installing anything, whether it would install what `./dev setup` requests on an empty
machine, and what the other commands request on the machine that results. FOLDER is
for all output; it is emptied first.

Without apt-get or its lists of packages the status is 77.
"""

import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

COMMANDS = [
    ["test"],
    ["sanitize", "tsan"],
    ["sanitize", "asan-16"],
    ["coverage"],
    ["prove"],
    ["site"],
    ["perf", "--peers"],
    ["perf", "--counts"],
    ["format", "--check"],
    ["lint"],
]
OPTIONS = ["--yes", "--no-install-recommends", "--no-remove"]

STUBS = {
    # Reports for each package whether it is in the list `installed`.
    "dpkg-query": """\
for name; do :; done
grep -qx -- "$name" "$STATE/installed" && printf installed
""",
    # Records what it must install, and reports success.
    "apt-get": """\
[ "$1" = install ] || exit 0
echo "$@" >>"$STATE/asked"
for name; do echo "$name" >>"$STATE/installed"; done
""",
    "sudo": 'exec "$@"\n',
    "meson": "exit 1\n",
    "python3": "exit 0\n",
}


def make_machine(folder):
    """A folder of programs: the stubs, and what /usr/bin has beside them."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    for name, text in STUBS.items():
        (programs / name).write_text("#!/bin/sh\n" + text, "utf-8")
        (programs / name).chmod(0o755)
    for path in pathlib.Path("/usr/bin").iterdir():
        if path.name not in STUBS and "clang" not in path.name:
            (programs / path.name).symlink_to(path)
    return programs


def asked_by(dev, command, programs, state, installed):
    """The packages that the command has requested from apt-get; a list per call."""
    state.mkdir()
    (state / "installed").write_text("".join(f"{n}\n" for n in installed), "utf-8")
    environment = {
        **os.environ,
        "PATH": str(programs),
        "STATE": str(state),
        "WEIR_BUILD_DIR": str(state / "build"),
    }
    environment.pop("CXX", None)
    subprocess.run(
        [dev, *command], env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120,
    )
    asked = state / "asked"
    calls = asked.read_text("utf-8").splitlines() if asked.exists() else []
    return [
        [word for word in call.split()[1:] if word[0] != "-" and "::" not in word]
        for call in calls
    ]


def would_install(packages, status):
    """What apt-get would install on a machine with that status; or its message."""
    done = subprocess.run(
        ["apt-get", "install", "--simulate", *OPTIONS]
        + ["-o", f"Dir::State::status={status}", *packages],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env={**os.environ, "LC_ALL": "C"}, check=False,
    )
    lines = done.stdout.splitlines()
    chosen = []
    for line in lines:
        words = line.split()
        if words[:1] == ["Inst"]:
            version = next(word[1:] for word in words if word.startswith("("))
            chosen.append(f"{words[1]}={version}")
    return done.returncode == 0, chosen, done.stdout


def status_with(chosen, status):
    """A status in which those, and no other, packages are installed."""
    shown = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", *chosen],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout
    stanzas = [part for part in shown.split("\n\n") if part.strip()]
    status.write_text(
        "".join(f"{part.strip()}\nStatus: install ok installed\n\n" for part in stanzas),
        "utf-8",
    )


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    root, folder = (pathlib.Path(name).resolve() for name in sys.argv[1:])
    lists = pathlib.Path("/var/lib/apt/lists")
    if not shutil.which("apt-get") or not any(lists.glob("*_Packages*")):
        print("apt-get or its lists of packages are not on this machine")
        return 77
    shutil.rmtree(folder, ignore_errors=True)
    programs = make_machine(folder)
    # `./dev` calls this one first, for its arguments.
    peers = folder / "root/perf/peers/run.py"
    peers.parent.mkdir(parents=True)
    peers.write_text("", "utf-8")
    dev = pathlib.Path(shutil.copy2(root / "dev", folder / "root/dev"))
    shutil.copytree(root / "tools", folder / "root/tools")

    calls = asked_by(dev, ["setup"], programs, folder / "setup", [])
    if len(calls) != 1:
        sys.exit(f"./dev setup called apt-get {len(calls)} times: {calls}")
    base = calls[0]
    empty = folder / "empty-status"
    empty.write_text("", "utf-8")
    good, chosen, words = would_install(base, empty)
    if not good:
        sys.exit(f"./dev setup: cannot install {' '.join(base)}:\n{words}")
    status = folder / "status"
    status_with(chosen, status)
    print(f"./dev setup: {len(chosen)} packages")

    def check(command):
        name = "./dev " + " ".join(command)
        state = folder / "-".join(["state", *command])
        calls = asked_by(dev, command, programs, state, base)
        if not calls:
            return f"{name}: asked for nothing; is it still right here?", False
        lines, fine = [], True
        for packages in calls:
            good, chosen, words = would_install(packages, status)
            fine = fine and good
            lines.append(f"{name}: {len(chosen)} packages for {' '.join(packages)}")
            if not good:
                lines[-1] = f"{name}: cannot install {' '.join(packages)}:\n{words}"
        return "\n".join(lines), fine

    with concurrent.futures.ThreadPoolExecutor(2) as workers:
        results = list(workers.map(check, COMMANDS))
    for text, _ in results:
        print(text)
    return 0 if all(fine for _, fine in results) else 1


if __name__ == "__main__":
    sys.exit(main())
