#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks what ./dev does apart from building: with stand-ins for Meson, for the
programs that it would build and for the tools that lint calls, which record how
they were called.

usage: dev_commands.py ROOT [MD5_ALL [WEIR_PERF]]

With the programs, the text of their --help is compared, too.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv[1]).resolve()
PROGRAMS = dict(zip(["md5", "perf"], sys.argv[2:]))

# Meson's stand-in. "compile" makes the two programs of the demo.
MESON = """#!/bin/sh
echo "meson $*" >>"$CALLS"
[ "$1" = compile ] || exit 0
mkdir -p "$3/docs/examples" "$3/perf"
cat >"$3/docs/examples/md5_all" <<'END'
#!/bin/sh
echo "md5_all $*" >>"$CALLS"
for dir; do :; done
exec find -H "$dir" -type f -exec md5sum -- {} +
END
cat >"$3/perf/weir-perf-demo" <<'END'
#!/bin/sh
echo "weir-perf-demo $*" >>"$CALLS"
END
chmod +x "$3/docs/examples/md5_all" "$3/perf/weir-perf-demo"
"""

LINTERS = ["clang-format", "clang-tidy-19", "shellcheck"]
LINTER = """#!/bin/sh
echo "${0##*/} $*" >>"$CALLS"
"""


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.tools = pathlib.Path(folder.name)
        stand_ins = {"meson": MESON, "ninja": "#!/bin/sh\n",
                     **dict.fromkeys(LINTERS, LINTER)}
        for name, text in stand_ins.items():
            (cls.tools / name).write_text(text, "utf-8")
            (cls.tools / name).chmod(0o755)
        # All other tools, but those that look at this machine's packages:
        # without them ./dev installs nothing.
        hidden = {"dpkg-query", "apt-get", *stand_ins}
        for path in os.environ["PATH"].split(":"):
            for name in os.listdir(path) if os.path.isdir(path) else []:
                if name not in hidden:
                    hidden.add(name)
                    (cls.tools / name).symlink_to(os.path.join(path, name))

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.builds = self.folder / "build"
        self.calls = self.folder / "calls"
        self.calls.touch()
        self.environment = {**os.environ, "PATH": str(self.tools), "CXX": "true",
                            "CALLS": str(self.calls), "WEIR_BUILD_DIR": str(self.builds)}

    def dev(self, *arguments):
        return subprocess.run([ROOT / "dev", *arguments], text=True, timeout=60,
                              env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)

    def called(self):
        return self.calls.read_text("utf-8").splitlines()

    def check_help(self, *arguments):
        done = self.dev(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        self.assertTrue(done.stdout.startswith("usage: "), done.stdout)
        self.assertEqual(self.called(), [])
        self.assertFalse(self.builds.exists())
        return done.stdout

    def test_help_of_md5_builds_nothing_and_is_the_programs(self):
        text = self.check_help("md5", "--help")
        self.assertEqual(self.check_help("md5", "--jobs", "2", "--help"), text)
        self.compare_help("md5", text)

    def test_help_of_perf_builds_nothing_and_is_the_programs(self):
        self.compare_help("perf", self.check_help("perf", "--help"))

    def compare_help(self, name, text):
        if name not in PROGRAMS:
            return
        done = subprocess.run([PROGRAMS[name], "--help"], text=True, timeout=60,
                              capture_output=True, check=True)
        self.assertEqual(done.stdout, text)

    def test_a_wrong_argument_of_the_peers_is_told_before_they_are_built(self):
        done = self.dev("perf", "--peers", "--only", "none")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--only is 'none', must be of sleep10,", done.stderr)
        self.assertEqual(self.called(), [])

    def test_the_list_of_the_peers_experiments_builds_nothing(self):
        done = self.dev("perf", "--peers", "--list")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sleep10", done.stdout.splitlines())
        self.assertEqual(self.called(), [])

    def test_the_demo_builds_what_it_runs_and_shows_the_bar(self):
        tree = self.folder / "tree"
        tree.mkdir()
        (tree / "file").write_text("text", "utf-8")
        done = self.dev("demo", str(tree))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("identical to md5sum", done.stdout)
        self.assertEqual(done.stderr, "")
        calls = self.called()
        builds = [call for call in calls if call.startswith("meson compile")]
        release = self.builds / "release"
        self.assertEqual(builds, [f"meson compile -C {release} md5_all perf-demo"])
        self.assertIn(f"md5_all --progress {tree}", calls)
        cases = [call.split()[2] for call in calls if call.startswith("weir-perf-demo")]
        self.assertEqual(cases, ["sleep10", "spawn_join"])

    def test_dev_sources_each_file_of_tools(self):
        text = (ROOT / "dev").read_text("utf-8")
        sourced = re.findall(r'^source "\$root/(tools/.*)"$', text, re.MULTILINE)
        files = [f"tools/{path.name}" for path in (ROOT / "tools").iterdir()]
        self.assertEqual(sorted(sourced), sorted(files))

    def test_a_file_of_tools_has_functions_only(self):
        def names_after(command, path):
            # With no program to call, and none of dev's variables.
            done = subprocess.run(
                [shutil.which("bash"), "-euc", f'PATH=; {command} "$0"; compgen -v', path],
                text=True, timeout=60, env={}, stdin=subprocess.DEVNULL,
                capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), path)
            return done.stdout

        for path in sorted((ROOT / "tools").iterdir()):
            self.assertEqual(names_after("source", path), names_after(":", path), path)

    def test_lint_reads_every_source(self):
        done = self.dev("lint")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], "5 passed, 0 failed")
        read = {name: [] for name in LINTERS}
        for call in self.called():
            name, *arguments = call.split()
            if name in read:
                read[name].append(arguments)
        for name, rooms, suffixes in (
            ("clang-format", ["include", "lib", "test", "perf", "docs"], [".cpp", ".hpp"]),
            ("clang-tidy-19", ["lib"], [".cpp"]),
        ):
            files = {str(path) for room in rooms for path in (ROOT / room).rglob("*")
                     if path.suffix in suffixes}
            given = {word for call in read[name] for word in call}
            self.assertEqual(files - given, set(), name)
        # With dev it reads what dev sources, which is all of tools/.
        (arguments,) = read["shellcheck"]
        options = {word for word in arguments if word.startswith("--")}
        self.assertEqual(options, {"--severity=warning", "--external-sources",
                                   "--check-sourced"})
        scripts = {str(path) for path in (ROOT / "test").rglob("*.sh")}
        scripts |= {str(ROOT / "dev"), str(ROOT / ".ci/run")}
        self.assertEqual(set(arguments) - options, scripts)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
