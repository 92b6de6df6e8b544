#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Checks what ./dev does apart from building: with stand-ins for Meson and for the
programs that it would build, which record how they were called.

usage: dev_commands.py ROOT [MD5_ALL [WEIR_PERF]]

With the programs, the text of their --help is compared, too.
"""

import os
import pathlib
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


class Commands(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.builds = self.folder / "build"
        tools = self.folder / "tools"
        tools.mkdir()
        self.calls = self.folder / "calls"
        self.calls.touch()
        for name, text in ("meson", MESON), ("ninja", "#!/bin/sh\n"):
            (tools / name).write_text(text, "utf-8")
            (tools / name).chmod(0o755)
        # All other tools, but those that look at this machine's packages:
        # without them ./dev installs nothing.
        hidden = {"dpkg-query", "apt-get", *os.listdir(tools)}
        for path in os.environ["PATH"].split(":"):
            for name in os.listdir(path) if os.path.isdir(path) else []:
                if name not in hidden:
                    hidden.add(name)
                    (tools / name).symlink_to(os.path.join(path, name))
        self.environment = {**os.environ, "PATH": str(tools), "CXX": "true",
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


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
