# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""What is measured: the tables of the page, and the sweeps of its pictures."""

from dataclasses import dataclass, field

FLOOR = "std::thread loops"


@dataclass(frozen=True)
class Load:
    tasks: int
    cap: int | None = None
    threads: int = 2

    def arguments(self, takes_cap):
        cap = ["--cap", str(self.cap or "unlimited")] if takes_cap else []
        return ["--tasks", str(self.tasks), "--threads", str(self.threads), *cap]


@dataclass(frozen=True)
class Experiment:
    """One case at one size or at several; its name is that of its marker."""

    name: str
    case: str
    loads: list
    quick: list  # the sizes of --quick
    # What counts, and is compared: the time, or a figure of the case.
    metric: str = "wall_s"
    # Libraries that are left out: they would do the same twice, or do not
    # belong to the question. Part of a name is enough.
    without: tuple = ()
    only: tuple = ()
    # Libraries that are measured although they have no cap.
    uncapped: tuple = ()
    # The most for libraries that would take too much time or memory.
    most_tasks: dict = field(default_factory=dict)
    most_cap: dict = field(default_factory=dict)
    sweep: str | None = None  # the size that varies, in a picture

    def takes(self, library, load, takes_cap):
        if any(part in library for part in self.without):
            return False
        if self.only and not any(part in library for part in self.only):
            return False
        if any(part in library and load.tasks > most
               for part, most in self.most_tasks.items()):
            return False
        if any(part in library and (load.cap or 0) > most
               for part, most in self.most_cap.items()):
            return False
        return (takes_cap or load.cap is None or library == FLOOR
                or any(part in library for part in self.uncapped))


def floor_of(experiment, load):
    """Seconds that physics asks for, or None."""
    if experiment.case != "sleep10":
        return None
    return -(-load.tasks // min(load.cap, load.tasks)) * 0.010


def one(name, case, load, quick, **more):
    return Experiment(name, case, [load], [quick], **more)


def sweep(name, case, sizes, quick, **more):
    return Experiment(name, case, sizes, quick, sweep=name, **more)


MILLION = 1_000_000
# With no cap these are plain goroutines.
SEMAPHORES = ("channel as semaphore", "semaphore.Weighted")

# On one thread the same as the row of one thread.
CONTEXTS = "a context per thread"
# One thread, whatever the number of threads or the cap.
ONE_THREAD = "asio callbacks, one thread"

EXPERIMENTS = [
    one("sleep10", "sleep10", Load(MILLION, 50_000), Load(2_000, 500),
        uncapped=("Go, goroutines",)),
    one("spawn_join", "spawn_join", Load(MILLION, 1_000), Load(5_000, 100),
        without=("asio post",)),
    one("spawn_join_one_thread", "spawn_join", Load(MILLION, 1_000, 1),
        Load(5_000, 100, 1), without=("asio post", CONTEXTS)),
    one("spawn_join_no_cap", "spawn_join", Load(MILLION), Load(5_000),
        without=SEMAPHORES),
    one("yield", "yield", Load(100_000, 1_000), Load(2_000, 100)),
    one("skynet", "skynet", Load(MILLION), Load(5_000),
        without=("above 1,000 leaves", "in turn")),
    one("skynet_cut_off", "skynet", Load(MILLION), Load(5_000),
        only=("above 1,000 leaves", "in turn", FLOOR)),
    one("fib", "fib", Load(635_621), Load(5_000)),
    one("nqueens", "nqueens", Load(856_189), Load(5_000)),
    one("matmul", "matmul", Load(1_024), Load(128)),
    one("groups_1", "groups_1", Load(100_000), Load(1_000)),
    one("groups_2", "groups_2", Load(100_000), Load(1_000)),
    one("groups_8", "groups_8", Load(100_000), Load(1_000)),
    one("groups_32", "groups_32", Load(30_000), Load(500)),
    one("groups_yield", "groups_yield", Load(100_000), Load(1_000)),
    one("groups_sleep", "groups_sleep", Load(300), Load(20)),
    one("nested", "nested", Load(100_000), Load(2_000)),
    one("first_error", "first_error", Load(10_000), Load(500)),
    one("first_error_timers", "first_error_timers", Load(10_000), Load(500)),
    one("first_error_sockets", "first_error_sockets", Load(10_000), Load(500)),
    one("timeout_churn", "timeout_churn", Load(MILLION), Load(5_000)),
    one("awaitable_children", "awaitable_children", Load(MILLION, 1_000),
        Load(5_000, 100)),
    one("channel_flow", "channel_flow", Load(2 * MILLION), Load(10_000)),
    one("channel_ping", "channel_ping", Load(500_000), Load(5_000)),
    one("echo", "echo", Load(200_000, 64), Load(1_000, 16)),
    one("parked", "parked", Load(MILLION), Load(5_000),
        metric="bytes_per_task"),
    one("idle", "idle", Load(100_000), Load(1_000), metric="wakeups"),
    one("latency", "latency", Load(5_000, 1_000), Load(100, 100),
        metric="p99_us"),
    one("fairness", "fairness", Load(2_000, 8), Load(100, 8),
        metric="echo_p99_us"),
    one("compile_time", "compile_time", Load(1, threads=1), Load(1, threads=1),
        metric="cpu_s"),
    sweep("tasks", "spawn_join",
          [Load(10**n, 1_000) for n in range(3, 8)],
          [Load(n, 100) for n in (100, 1_000)],
          without=("asio post", FLOOR, ONE_THREAD),
          most_tasks={"on strands": MILLION}),
    sweep("threads", "spawn_join",
          [Load(MILLION, 1_000, n) for n in (1, 2, 3, 4, 6, 8)],
          [Load(2_000, 100, n) for n in (1, 2)],
          without=("asio post", FLOOR)),
    sweep("cap", "spawn_join",
          [Load(MILLION, 10**n) for n in range(0, 7)],
          [Load(2_000, n) for n in (1, 100)],
          without=("asio post", FLOOR, ONE_THREAD, "Boost.Fiber, shared_work"),
          most_cap={"Boost.Fiber": 100_000}),  # a stack of 16 KiB for each
    sweep("memory", "parked",
          [Load(10**n) for n in range(3, 7)],
          [Load(n) for n in (100, 1_000)],
          metric="peak_rss_kib"),
]
