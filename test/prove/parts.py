# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""The parts of the proof: what each runs, and its targets."""

from dataclasses import dataclass

MILLION = 1_000_000
MIB = 2**20


@dataclass(frozen=True)
class Target:
    """The value that `key` of the part's figures must have."""
    key: str
    sign: str  # ">=", "<=" or "=="
    value: float
    takes_time: bool = False  # checked only if the part has its `minutes`

    def is_met(self, figures):
        figure = figures.get(self.key)
        if figure is None:
            return False
        return {">=": figure >= self.value, "<=": figure <= self.value,
                "==": figure == self.value}[self.sign]


@dataclass(frozen=True)
class Program:
    """A program of the tests, and where it is built."""
    build: str
    target: str  # relative to the build folder


@dataclass(frozen=True)
class Part:
    """Runs `command`; in it {program}, {seconds}, {builds}, {scratch} (a folder
    only for this part), {root} and {dev} are filled in. Its figures are those of its last line `prove: NAME key=value ...`,
    where NAME is its own up to a hyphen, or else the groups of what the pattern
    `reads` finds last.
    """
    name: str
    title: str
    command: tuple
    program: Program | None = None
    minutes: float = 0  # of 60; 0: a part without a time limit
    slice: tuple | None = None  # its command in the short slice, if it is in it
    seconds: float = 0  # in the slice
    targets: tuple = ()
    reads: str = ""
    notes: str = ""
    quotes: bool = False  # the page shows what it prints before its figures


def test_program(name, build="prove"):
    return Program(build, f"test/{name}")


TIMED = ("{program}", "--seconds", "{seconds}")
TESTS = r"^(?P<passed>\d+) passed, (?P<failed>\d+) failed$"
SANITIZER_TARGETS = (Target("failed", "==", 0), Target("passed", ">=", 1))


def sanitizer(kind, title):
    return Part(f"sanitize-{kind}", title, ("{dev}", "sanitize", kind),
                reads=TESTS, targets=SANITIZER_TARGETS)


PARTS = (
    Part("schedules", "Explored schedules of the engine", TIMED,
         test_program("explorer/weir-schedules"), minutes=12, slice=TIMED, seconds=15,
         targets=(Target("exhaustive", ">=", 10 * MILLION, takes_time=True),
                  Target("models", ">=", 16)),
         notes="`exhaustive` counts the schedules of depth-first searches that "
               "came to their end, `partly` of those that did not, `random` the "
               "ones drawn; `bound` is the number of preemptions."),
    Part("schedules-tsan", "The same with a fiber as a thread to TSan", TIMED,
         test_program("explorer/weir-schedules", "tsan"), minutes=5,
         targets=(Target("models", ">=", 16),)),
    Part("seeds", "Seeded runs against a reference model", TIMED,
         test_program("model/weir-model"), minutes=20, slice=TIMED, seconds=10,
         targets=(Target("runs", ">=", 5 * MILLION, takes_time=True),)),
    # What it finds goes to the first folder.
    Part("fuzz", "Fuzzing of the same interpreter",
         ("{program}", "-max_len=64", "-max_total_time={seconds}",
          "-artifact_prefix={scratch}/", "{scratch}", "{root}/test/fuzz/corpus"),
         test_program("fuzz/weir-fuzz", "fuzz"), minutes=10,
         targets=(Target("executions", ">=", 1),)),
    Part("corpus", "The corpus of the fuzzer, again",
         ("{program}", "--corpus", "{root}/test/fuzz/corpus"),
         test_program("model/weir-model"), targets=(Target("files", ">=", 1),)),
    Part("faults", "Allocations that fail",
         ("{program}", "{root}/test/faults/allowed.csv"),
         test_program("faults/weir-faults"),
         slice=("{program}", "{root}/test/faults/allowed.csv"),
         targets=(Target("injected", ">=", 1), Target("not_allowed", "==", 0))),
    Part("mutants", "Mutants of the core",
         ("python3", "{root}/test/mutants/run.py", "--work",
          "{builds}/mutants"),
         slice=("python3", "{root}/test/mutants/run.py", "--work",
                "{builds}/mutants"),
         targets=(Target("total", ">=", 30), Target("survived", "==", 0))),
    Part("threads", "Real threads under ThreadSanitizer", TIMED,
         test_program("threads/weir-threads", "tsan"), minutes=13,
         targets=(Target("iterations", ">=", 1),)),
    sanitizer("asan-gcc", "g++, AddressSanitizer and UBSan"),
    sanitizer("asan-16", "clang 16, AddressSanitizer and UBSan"),
    sanitizer("asan", "clang 19, AddressSanitizer and UBSan"),
    sanitizer("tsan", "clang 19, ThreadSanitizer"),
    Part("suppressions", "Suppressions in use",
         ("python3", "{root}/test/prove/suppressions.py",
          "{root}/test/tsan.supp"),
         slice=("python3", "{root}/test/prove/suppressions.py",
                "{root}/test/tsan.supp"),
         targets=(Target("kinds", "<=", 1),
                  Target("unexplained", "==", 0)), quotes=True),
    Part("coverage", "Coverage of `lib/` and `include/`", ("{dev}", "coverage"),
         targets=(Target("lines", ">=", 99), Target("branches", ">=", 92)),
         notes="in per cent, of what clang counts in the library's sources and "
               "headers; a template counts once. What is left out, and why: "
               "[exclusions.csv](../test/coverage/exclusions.csv)."),
    Part("memory", "Memory of 10,000,000 tasks, at most 1,000 in flight",
         ("python3", "{root}/test/prove/memory.py", "{program}"),
         Program("release", "perf/weir-perf"),
         targets=(Target("above_baseline_mib", "<=", 8),
                  Target("tasks", "==", 10 * MILLION))),
    Part("scenarios", "Scenarios of the catalogue",
         ("python3", "{root}/test/source/check_scenarios.py", "{root}"),
         reads=r"^(?P<scenarios>\d+) scenarios, (?P<with_a_test>\d+) with a test, "
               r"(?P<tests>\d+) tests$",
         targets=(Target("scenarios", "==", 76),),
         notes="A scenario without a test has a reason why it does not apply; a "
               "row without either fails."),
)
