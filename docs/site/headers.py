# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""Prepares the public headers for Doxygen, which reads copies of them.

Doxygen 1.9 and Breathe trip over requires-clauses, and take the labels of our
comments ("Throws:", "Resumes on:") for running text.
"""

import re

NOT_CODE = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*" | (?<!\w)'(?:\\.|[^'\\\n])+'""",
    re.VERBOSE | re.DOTALL)
NAMESPACE = re.compile(r"\bnamespace\s+([\w:]+)?\s*\{")
# What a trait of another library says of our types.
FOREIGN = re.compile(
    r"^template <[^;{]*>\s*(?:struct|class)\s+(?:::)?(?:boost|std)::[^;{]*", re.MULTILINE)
EXPORT = re.compile(r"\bWEIR_API\s+")
MACRO = re.compile(r"^(?:///[^\n]*\n)+#define [^\n]*\n", re.MULTILINE)
REQUIRES = re.compile(r"\brequires\b(?!\s*\{)")
OURS = ("weir", "this_task", "testing")
NAME = re.compile(r"\s*(?:::)?\w+")
LABEL = re.compile(
    r"^(?P<head>\s*/// )(?P<label>(?:Preconditions?|Postconditions?|Throws|"
    r"Cancellation|Thread safety|Resumes on|Complexity|Source|Memory|"
    r"Completion signature)(?: of the \w+)?):\s*(?P<rest>.*)$", re.MULTILINE)


def blank(text):
    """Comments and strings become spaces; places stay the same."""
    return NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def end_of(code, at, opening, closing):
    """Behind the bracket that closes the one at `at`."""
    depth = 0
    while at < len(code):
        depth += (code[at] == opening) - (code[at] == closing)
        at += 1
        if depth == 0:
            return at
    raise ValueError(f"'{opening}' is never closed")


def end_of_clause(code, at):
    """Behind a requires-clause whose first operand begins at `at`."""
    while True:
        at += len(code[at:]) - len(code[at:].lstrip())
        if code[at] == "(":
            at = end_of(code, at, "(", ")")
        else:
            while name := NAME.match(code, at):
                at = name.end()
                if code[at] == "<":
                    at = end_of(code, at, "<", ">")
                if not code.startswith("::", at):
                    break
        more = re.compile(r"\s*(?:&&|\|\|)").match(code, at)
        if not more:
            return at
        at = more.end()


def group_of(name):
    """What Doxygen calls all names of a header."""
    return re.sub(r"\W", "_", name)


def clean(name, text):
    """A header as Doxygen should see it: public names only, which are a group;
    no requires-clause and no WEIR_API, and each label of a comment a paragraph
    with that title."""
    code = blank(text)
    cuts, ours = [], []
    for space in NAMESPACE.finditer(code):
        if any(begin <= space.start() < end for begin, end in cuts):
            continue
        begin, end = space.end(), end_of(code, space.end() - 1, "{", "}")
        if (space[1] or "").split("::")[0] in OURS:
            # A namespace around this one has no names of its own here.
            ours = [each for each in ours if each[1] < begin] + [(begin, end - 1)]
        else:
            cuts.append((space.start(), end))
    cuts += [(trait.start(), end_of(code, trait.end(), "{", "}") + 1)
             if code[trait.end()] == "{" else (trait.start(), trait.end() + 1)
             for trait in FOREIGN.finditer(code)]
    cuts += [(clause.start(), end_of_clause(code, clause.end()))
             for clause in REQUIRES.finditer(code)]
    cuts += [mark.span() for mark in EXPORT.finditer(code)]
    ours += [macro.span() for macro in MACRO.finditer(text)]
    edits = [(*each, "") for each in cuts]
    for begin, end in ours:
        edits += [(begin, begin, f"\n/// \\addtogroup {group_of(name)}\n/// @{{\n\n"),
                  (end, end, "\n/// @}\n")]
    for begin, end, instead in sorted(without_inner(edits), reverse=True):
        text = text[:begin] + instead + text[end:]
    return LABEL.sub(r"\g<head>\\par \g<label>\n\g<head>\g<rest>", text)


def without_inner(edits):
    """All but those within what another one takes away."""
    return [each for each in edits
            if not any(other is not each and other[0] <= each[0]
                       and each[1] <= other[1] and other[0] < other[1]
                       for other in edits)]
