# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""The tables of the page, between its markers."""

import re

from experiments import FLOOR, floor_of

MARKER = re.compile(
    r"(<!-- measured:(?P<name>\w+) begin -->\n).*?(<!-- measured:\w+ end -->)",
    re.DOTALL)
EMPTY = "Not measured yet: `./dev perf --peers`.\n"


def value_of(row, metric):
    return row[metric] if metric in row else row["figures"][metric]


def is_weir(row):
    return row["library"].startswith("weir")


def digits(value):
    """Three digits that count."""
    if value is None:
        return "-"
    if value == 0 or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else "0.000"


def table(header, rows, align="---:"):
    line = "|---|" + f"{align}|" * (len(header) - 1)
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n"
        if row else line + "\n" for row in [header, None, *rows])


def times(value, base):
    return f"{value / base:.3g}x" if base else "-"


def is_capless(row, load):
    """Does it other work than the rest, for want of a cap?"""
    return load.cap is not None and row["cap"] is None and row["library"] != FLOOR


def title_of(experiment, load, rows):
    cap = f"at most {load.cap:,} in flight" if load.cap else "no cap"
    threads = "1 thread" if load.threads == 1 else f"{load.threads} threads"
    dirty = sum(row["rounds"] - row["clean"] for row in rows)
    text = (f"`{experiment.case}`: {load.tasks:,} tasks, {cap}, {threads}; "
            f"{rows[0]['rounds']} rounds")
    if dirty:
        text += f", {dirty} of all the rounds disturbed by others"
    return text + ".\n"


def case_table(experiment, load, rows):
    """One row for each library, the best first."""
    metric = experiment.metric
    rows = sorted(rows, key=lambda row: value_of(row, metric))
    peers = [value_of(row, metric) for row in rows
             if not (is_weir(row) or row["library"] == FLOOR
                     or is_capless(row, load))]
    physics = floor_of(experiment, load)
    floors = [row["wall_s"] for row in rows if row["library"] == FLOOR]
    floor = physics or (floors[0] if floors else None)
    figures = list(rows[0]["figures"])

    header = ["library", "ms, median", "min", "max", "ns/task", "CPU ms",
              "peak MiB", "allocs/task", *figures, "of best peer"]
    header += ["of floor"] if floor else []
    lines = []
    for row in rows:
        name = row["library"]
        if is_capless(row, load):
            name += " (no cap)"
        line = [f"**{name}**" if is_weir(row) else name,
                digits(row["wall_s"] * 1e3), digits(row["wall_s_min"] * 1e3),
                digits(row["wall_s_max"] * 1e3), digits(row["ns_per_task"]),
                digits(row["cpu_s"] * 1e3), digits(row["peak_rss_kib"] / 1024),
                digits(row["allocations_per_task"]),
                *(digits(row["figures"][key]) for key in figures),
                "-" if is_capless(row, load)
                else times(value_of(row, metric), min(peers, default=0))]
        if floor:
            line.append("-" if is_capless(row, load)
                        else times(row["wall_s"], floor))
        lines.append(line)
    text = title_of(experiment, load, rows) + "\n" + table(header, lines)
    if physics:
        text += f"\nFloor: {physics:.3f} s.\n"
    return text


def load_key(experiment, load):
    return {"tasks": load.tasks, "threads": load.threads,
            "cap": load.cap or 0, "memory": load.tasks}[experiment.sweep]


def sweep_table(experiment, by_load):
    """One column for each size; the last tells how even a library is."""
    names = {row["library"]: None for rows in by_load.values() for row in rows}
    memory = experiment.metric == "peak_rss_kib"
    header = ["library", *(f"{load_key(experiment, load):,}" for load in by_load)]
    header += [] if memory else ["worst/best"]
    lines = []
    for name in names:
        values = []
        for rows in by_load.values():
            found = [row for row in rows if row["library"] == name]
            key = experiment.metric if memory else "ns_per_task"
            values.append(found[0][key] if found else None)
        shown = [value / 1024 if memory and value else value for value in values]
        there = [value for value in values if value is not None]
        line = [f"**{name}**" if name.startswith("weir") else name,
                *map(digits, shown)]
        line += [] if memory else [times(max(there), min(there))]
        lines.append(line)
    what = "Peak MiB of the process" if memory else "ns per task"
    axis = "tasks in flight" if memory else experiment.sweep
    return f"{what}, by {axis}:\n\n" + table(header, lines)


def section(experiment, rows):
    """The text between the markers of an experiment."""
    by_load = group_by_load(experiment, rows)
    if not by_load:
        return EMPTY
    if experiment.sweep:
        return sweep_table(experiment, by_load)
    return "\n".join(case_table(experiment, load, those)
                     for load, those in by_load.items())


def group_by_load(experiment, rows):
    rows = [row for row in rows if row["experiment"] == experiment.name]
    found = {}
    loads = [*experiment.loads, *experiment.quick]
    if experiment.sweep:
        loads.sort(key=lambda load: load_key(experiment, load))
    for load in loads:
        those = [row for row in rows if row["asked"] == load_text(load)]
        if those:
            found[load] = those
    return found


def load_text(load):
    return f"{load.tasks} {load.cap} {load.threads}"


# What README tells: experiment, what is done, the column, its factor and unit;
# and a part of the libraries' names, if not all of them answer.
SUMMARY = [
    ("sleep10", "a million tasks sleep 10 ms, 50,000 at once (at least 0.2 s)",
     "wall_s", 1, "s"),
    ("spawn_join", "start an empty task and see its end, 1,000 at once",
     "ns_per_task", 1, "ns"),
    ("spawn_join_one_thread", "the same on one thread", "ns_per_task", 1, "ns"),
    ("groups_8", "make a group of eight empty tasks and join it", "ns_per_task",
     1, "ns"),
    ("first_error", "stop 10,000 sleeping siblings of a task that fails",
     "wall_s", 1e3, "ms"),
    ("timeout_churn", "a timeout that does not strike", "ns_per_task", 1, "ns"),
    ("echo", "echo 1 KiB, 64 connections, both sides", "ns_per_task", 1e-3, "us"),
    ("fairness", "an echo beside trees without end, 99th percentile",
     "echo_p99_us", 1, "us"),
    ("parked", "memory of a task that sleeps", "bytes_per_task", 1, "B"),
    ("compile_time", "compile a hello at -O2, with the headers that it needs",
     "cpu_s", 1, "s", "used headers"),
    ("compile_time", "the same with `weir.hpp`, or `boost/asio.hpp`",
     "cpu_s", 1, "s", "all headers"),
]


def summary(rows):
    """The best of weir, of Asio and of the others; empty if not all is there."""
    lines = []
    for name, what, metric, factor, unit, *parts in SUMMARY:
        those = [row for row in rows if row["experiment"] == name
                 and all(part in row["library"] for part in parts)
                 and row["library"] != FLOOR
                 and (row["cap"] is not None or row["asked"].split()[1] == "None")]
        kinds = {"weir": [], "asio": [], "others": []}
        for row in those:
            first = row["library"].replace(",", " ").split()[0]
            kinds[first if first in kinds else "others"].append(row)
        if not kinds["weir"]:
            return EMPTY
        line = [what]
        for kind, found in kinds.items():
            if not found:
                line.append("")
                continue
            best = min(found, key=lambda row: value_of(row, metric))
            text = f"{digits(value_of(best, metric) * factor)} {unit}"
            if best["library"] != "weir" and not parts:
                text += f", {best['library'].removeprefix('weir, ')}"
            line.append(text)
        lines.append(line)
    return table(["", "weir", "bare Asio, the best", "others, the best"], lines,
                 "---")


def fill(page, texts):
    """The page with `texts[name]` between the markers of each name."""
    missing = set(texts) - {each["name"] for each in MARKER.finditer(page)}
    if missing:
        raise KeyError(f"no markers for {', '.join(sorted(missing))}")
    return MARKER.sub(
        lambda each: each[1] + texts.get(each["name"], EMPTY) + each[3], page)
