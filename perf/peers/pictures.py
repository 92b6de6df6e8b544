# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""The pictures of the page, as SVG files that are the same for the same rows."""

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

from experiments import FLOOR, floor_of  # noqa: E402
from page import digits, group_by_load, is_weir, load_key, value_of  # noqa: E402

matplotlib.rcParams.update({
    "svg.fonttype": "none",  # text stays text, and the file small
    "svg.hashsalt": "weir",  # no random names
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
})

# A colour for each family, lighter for each further member.
COLOURS = [
    ("weir", ["#0b5fa5", "#3d8bd0", "#7fb5e6", "#b5d5f2"]),
    ("asio", ["#d95f02", "#f08c3c", "#f7b27a", "#fbd3b2"]),
    ("Go", ["#1b7f5c", "#45a884", "#85caae", "#b8e2d1"]),
    ("tokio", ["#b8860b", "#dcb455"]),
    ("Boost.Fiber", ["#7a3e9d", "#a977c4"]),
    ("oneTBB", ["#a0522d"]),
    ("std::thread", ["#444444"]),
]
MARKERS = "osv^DPX*"


def styles_of(libraries):
    """Name -> colour and marker."""
    styles = {}
    for family, shades in COLOURS:
        members = [name for name in libraries if name.startswith(family)]
        for i, name in enumerate(members):
            styles[name] = {"color": shades[min(i, len(shades) - 1)],
                            "marker": MARKERS[i % len(MARKERS)]}
    return styles


def save(figure, path):
    figure.savefig(path, format="svg", bbox_inches="tight",
                   metadata={"Date": None})
    pyplot.close(figure)


START_AND_JOIN = {
    "sleep10", "spawn_join", "spawn_join_one_thread", "spawn_join_no_cap",
    "yield", "awaitable_children",
}
TREES_AND_GROUPS = {
    "skynet", "skynet_cut_off", "fib", "nqueens", "matmul", "groups_1",
    "groups_2", "groups_8", "groups_32", "groups_yield", "groups_sleep",
    "nested",
}
UNITS = {"wall_s": "ms", "bytes_per_task": "bytes/task", "p99_us": "p99, us"}


def draw_bars(axes, experiment, load, rows):
    scale = 1e3 if experiment.metric == "wall_s" else 1
    styles = styles_of([row["library"] for row in rows])
    rows = sorted(rows, key=lambda row: -value_of(row, experiment.metric))
    names = [row["library"] for row in rows]
    values = [value_of(row, experiment.metric) * scale for row in rows]
    spread, ends = None, values
    if experiment.metric == "wall_s":
        ends = [row["wall_s_max"] * 1e3 for row in rows]
        spread = [[(row["wall_s"] - row["wall_s_min"]) * 1e3 for row in rows],
                  [(row["wall_s_max"] - row["wall_s"]) * 1e3 for row in rows]]
    axes.barh(names, values, xerr=spread, height=0.7,
              color=[styles[name]["color"] for name in names],
              error_kw={"lw": 0.8, "ecolor": "#222222"})
    for i, (end, value) in enumerate(zip(ends, values)):
        axes.text(end, i, f"  {digits(value)}", va="center", fontsize=6)
    if max(values) > 20 * min(values) > 0:
        axes.set_xscale("log")
        axes.set_xlim(left=min(values) / 2)
    axes.minorticks_off()
    axes.yaxis.set_ticks_position("none")
    floor = floor_of(experiment, load)
    if floor and experiment.metric == "wall_s":
        axes.axvline(floor * 1e3, color="#444444", lw=0.8, ls=":")
    for label, row in zip(axes.get_yticklabels(), rows):
        label.set_fontsize(6)
        label.set_fontweight("bold" if is_weir(row) else "normal")
    axes.set_title(experiment.name, fontsize=8, loc="left")
    axes.set_xlabel(UNITS[experiment.metric], fontsize=7)


def draw_cases(experiments, rows, path):
    """A panel for each case, a bar for each library."""
    panels = []
    for experiment in experiments:
        if not experiment.sweep and experiment.metric in UNITS:
            for load, those in group_by_load(experiment, rows).items():
                panels.append((experiment, load, those))
    if not panels:
        return
    pairs = [panels[i:i + 2] for i in range(0, len(panels), 2)]
    heights = [2 + max(len(those) for _, _, those in pair) for pair in pairs]
    figure, grid = pyplot.subplots(
        len(pairs), 2, squeeze=False, figsize=(10, 0.17 * sum(heights)),
        gridspec_kw={"height_ratios": heights})
    for axes in grid.flat[len(panels):]:
        axes.set_visible(False)
    for axes, panel in zip(grid.flat, panels):
        draw_bars(axes, *panel)
    figure.tight_layout()
    save(figure, path)


AXES = {
    "tasks": ("tasks", "ns per task"),
    "threads": ("threads", "ns per task"),
    "cap": ("tasks in flight, at most", "ns per task"),
    "memory": ("tasks in flight", "peak MiB of the process"),
}


def draw_sweep(experiment, rows, path):
    """A line for each library."""
    by_load = group_by_load(experiment, rows)
    if not by_load:
        return
    names = {row["library"]: None for those in by_load.values() for row in those}
    styles = styles_of(names)
    figure, axes = pyplot.subplots(figsize=(7, 4))
    memory = experiment.metric == "peak_rss_kib"
    for name in names:
        points = [(load_key(experiment, load), row)
                  for load, those in by_load.items() for row in those
                  if row["library"] == name]
        axes.plot([x for x, _ in points],
                  [row["peak_rss_kib"] / 1024 if memory else row["ns_per_task"]
                   for _, row in points],
                  label=name, lw=2 if name.startswith("weir") else 1,
                  ms=4, **styles[name])
    axes.set_yscale("log")
    if experiment.sweep == "threads":
        axes.set_xticks([load.threads for load in by_load])
    else:
        axes.set_xscale("log")
    axes.set_xlabel(AXES[experiment.sweep][0])
    axes.set_ylabel(AXES[experiment.sweep][1])
    axes.grid(True, which="major", lw=0.3)
    axes.legend(fontsize=6, frameon=False, loc="center left",
                bbox_to_anchor=(1, 0.5))
    save(figure, path)


def draw_all(experiments, rows, folder):
    folder.mkdir(parents=True, exist_ok=True)
    # Three, as one would be large.
    rest = {each.name for each in experiments} - START_AND_JOIN - TREES_AND_GROUPS
    for name, names in [("time", START_AND_JOIN), ("trees", TREES_AND_GROUPS),
                        ("waits", rest)]:
        those = [each for each in experiments if each.name in names]
        draw_cases(those, rows, folder / f"{name}.svg")
    for experiment in experiments:
        if experiment.sweep:
            draw_sweep(experiment, rows, folder / f"{experiment.sweep}.svg")
