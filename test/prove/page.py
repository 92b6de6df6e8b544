# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""The page, from the parts' figures."""

import textwrap

INTRODUCTION = """# Evidence

What was run against weir's correctness, and what came out. `./dev prove` runs all of it again and
rewrites this page; every figure on it is from the last line of a program or from a tool's output.
A target that was missed, or a part that failed, is said so. With `--resume`, a part that has run with
the same program, or for the same sources, shows what it showed then.
"""


def figure(value):
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}"


def target_of(target):
    sign = {">=": "at least ", "<=": "at most ", "==": ""}[target.sign]
    return f"{target.key}: {sign}{figure(target.value)}"


def figures_of(outcome):
    return ", ".join(f"{key} {figure(value)}"
                     for key, value in outcome.figures.items()) or "no figures"


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|")
                                     for cell in line) + " |\n"
                   for line in lines)


def verdict(target, outcome):
    if target.key not in outcome.figures:
        return "**no figure**"
    return "met" if target.is_met(outcome.figures) else "**missed**"


def targets_table(outcomes, minutes):
    rows = []
    for outcome in outcomes:
        for target in outcome.part.targets:
            said = target_of(target)
            if target.takes_time:
                said += f", in {outcome.part.minutes:g} minutes"
            rows.append([outcome.part.title,
                         figure(outcome.figures[target.key])
                         if target.key in outcome.figures else "-",
                         said, verdict(target, outcome)])
    return table(["what", "figure", "target", ""], rows)


def parts_table(outcomes):
    return table(
        ["part", "all its figures", "seconds", ""],
        [[f"`{outcome.part.name}`", figures_of(outcome),
          f"{outcome.seconds:.0f}",
          f"**failed**: {outcome.problem.splitlines()[0]}"
          if outcome.problem else "passed"] for outcome in outcomes])


def render(outcomes, facts, minutes, share):
    text = INTRODUCTION + "\n"
    text += table(["", ""], facts)
    text += "\n## Targets\n\n" + targets_table(outcomes, minutes)
    text += "\n## All figures\n\n"
    text += (f"The parts that search as long as they are let share {minutes:g} minutes: "
             + ", ".join(f"`{outcome.part.name}` "
                         f"{minutes * outcome.part.minutes / share:.1f}"
                         for outcome in outcomes if outcome.part.minutes)
             + ". The others take what they take.\n\n")
    text += parts_table(outcomes)
    notes = [outcome.part for outcome in outcomes if outcome.part.notes]
    if notes:
        text += "\n" + "".join(f"- `{part.name}`: {part.notes}\n"
                               for part in notes)
    for outcome in outcomes:
        if outcome.part.quotes and outcome.told:
            text += f"\n## {outcome.part.title}\n\n"
            text += "".join(f"    {line}\n" for line in textwrap.wrap(
                outcome.told, 96, break_long_words=False))
    text += "\n## Commands\n\n"
    text += "".join(f"    {outcome.command}\n" for outcome in outcomes
                    if outcome.command)
    return text
