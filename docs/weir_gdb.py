# SPDX-License-Identifier: BSL-1.0
# Part of weir: structured concurrency for Boost.Asio.
"""For gdb: the tasks of a runtime, and the coroutines that each is suspended in.

    (gdb) source weir_gdb.py
    (gdb) weir-tasks runtime      any expression that is a weir::runtime

Prints one task after the other, with its name, what it waits for, and the chain
of coroutines from the innermost out. `frame` is an address: with g++

    (gdb) weir-frame 0x...        its parameters and local variables

It reads weir's own structures, so it belongs to the sources that it is part of.
The program must be stopped; nothing is locked, and a task that runs at that
moment may be shown half changed. A task that has not awaited anything yet is in
no list and is not shown. Both weir and the program need debug information.
"""

import re

import gdb

POINTER = gdb.lookup_type("unsigned long")


def word(address):
    """The pointer-sized number at an address."""
    return int(gdb.Value(address).cast(POINTER.pointer()).dereference())


def text(value):
    return value.string() if int(value) != 0 else "(unnamed)"


def function_at(address):
    """Name and line of the function that a frame goes on in."""
    sal = gdb.find_pc_line(address)
    block = gdb.block_for_pc(address)
    while block is not None and block.function is None:
        block = block.superblock
    if block is None:
        return "?"
    name = re.sub(r"\s*\[clone [^]]*\]$", "", block.function.print_name)
    if name.endswith("Frame *)"):  # g++: what resumes it takes the frame
        depth, at = 0, len(name)
        while at == len(name) or depth != 0:
            at -= 1
            depth += {")": 1, "(": -1}.get(name[at], 0)
        name = name[:at]
    where = f" at {sal.symtab.filename}:{sal.line}" if sal.symtab else ""
    return name + where


def listed(tasks):
    """Both parts of a task_list."""
    for head in ("uncancelled_", "cancelled_"):
        task = tasks[head]
        while int(task) != 0:
            yield task.dereference()
            task = task["links"]["next"]


def coroutines(task):
    """The addresses of the frames of a task, the innermost first.

    A promise stands behind two pointers, to the functions that resume and that
    destroy; its link leads to what awaits it, and in the outermost to the task.
    """
    promise = int(task["leaf_"])
    base = gdb.lookup_type("weir::detail::promise_base").pointer()
    awaiter = gdb.lookup_type("weir::detail::task_awaiter_base").pointer()
    for _ in range(1000):  # one that is changed under our eyes may be a ring
        if promise == 0:
            return
        yield promise - 16
        link = int(gdb.Value(promise).cast(base)["link_"])
        if link & 1 == 0:
            return
        promise = int(gdb.Value(link - 1).cast(awaiter)["parent"])


def show(task, indent):
    waiting = task["waiting_"]
    line = f"{indent}task {text(task['name'])}"
    if int(waiting) == 0:
        print(f"{line} runs, or is about to")
        return  # its frames are not to be looked at
    kind = gdb.lookup_type("weir::detail::wait_kind").pointer()
    name = waiting["of_kind"].cast(kind)["name"]
    print(f"{line} waits for: {text(name)}")
    for frame in coroutines(task):
        print(f"{indent}  frame {frame:#x} {function_at(word(frame))}")


class WeirTasks(gdb.Command):
    """weir-tasks RUNTIME: the tasks of a weir::runtime and their coroutines."""

    def __init__(self):
        super().__init__("weir-tasks", gdb.COMMAND_STACK, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        runtime = gdb.parse_and_eval(argument)
        if runtime.type.strip_typedefs().code in (
            gdb.TYPE_CODE_REF,
            gdb.TYPE_CODE_PTR,
        ):
            runtime = runtime.referenced_value()
        if str(runtime.type.unqualified().strip_typedefs()) != "weir::runtime":
            raise gdb.GdbError(
                f"'{argument}' is a {runtime.type}, must be a weir::runtime"
            )
        core = gdb.parse_and_eval(
            f"(*(weir::runtime*){int(runtime.address)}).core_._M_t._M_t"
        )
        # The pointer is the last base of libstdc++'s tuple.
        core = int(core["_M_head_impl"]) if has(core, "_M_head_impl") else core_of(core)
        core = (
            gdb.Value(core)
            .cast(gdb.lookup_type("weir::detail::runtime_core").pointer())
            .dereference()
        )
        for task in listed(core["roots_"]):
            show(task, "")
        lists = core["groups_"]["lists_"]["_M_elems"]  # of a std::array
        low, high = lists.type.strip_typedefs().range()
        for part in range(low, high + 1):
            group = lists[part]["first"]
            while int(group) != 0:
                show_group(group)
                group = group["runtime_links"]["next"]


def show_group(group):
    """A task_group, or the children of a when_all() or race()."""
    of_type = group.dereference().dynamic_type.unqualified()
    if str(of_type) == "weir::detail::group_core":
        g = group.cast(of_type.pointer()).dereference()
        lists = [g["children_"]["tasks"]]
        more = g["more_children_"]["_M_payload"]
        if bool(more["_M_engaged"]):
            more = more["_M_payload"]["_M_value"]["_M_elems"]
            low, high = more.type.strip_typedefs().range()
            lists += [more[part]["tasks"] for part in range(low, high + 1)]
    else:
        block = gdb.lookup_type("weir::detail::join_block").pointer()
        g = group.cast(block).dereference()
        lists = [g["tasks_"]]
    print(f"group {text(g['name_'])}")
    for tasks in lists:
        for task in listed(tasks):
            show(task, "  ")


def has(value, member):
    return any(field.name == member for field in value.type.fields())


def core_of(value):
    """The pointer in a std::tuple<runtime_core*, deleter>."""
    for field in value.type.fields():
        if field.name == "_M_head_impl":
            found = value[field]
            if found.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
                pointed = str(found.type.target().strip_typedefs())
                if pointed.endswith("runtime_core"):
                    return int(found)
        elif field.is_base_class:
            found = core_of(value[field])
            if found:
                return found
    return 0


class WeirFrame(gdb.Command):
    """weir-frame ADDRESS: what stands in a suspended coroutine of g++'s."""

    def __init__(self):
        super().__init__("weir-frame", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        address = int(gdb.parse_and_eval(argument))
        try:
            block = gdb.block_for_pc(word(address))
        except gdb.MemoryError:
            block = None
        while block is not None and block.function is None:
            block = block.superblock
        for symbol in block or ():
            if symbol.is_argument and symbol.type.code == gdb.TYPE_CODE_PTR:
                frame = gdb.Value(address).cast(symbol.type).dereference()
                for field in frame.type.fields():
                    if field.name and not field.name.startswith(("_Coro_", "D.", "Aw", "Fs", "Is", "Yd")):
                        name = re.sub(r"(_\d+){2,}$", "", field.name)
                        print(f"{name} = {frame[field].format_string(max_elements=20)}")
                return
        raise gdb.GdbError(
            f"{address:#x} is no suspended coroutine with debug information"
        )


WeirTasks()
WeirFrame()
