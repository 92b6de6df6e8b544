// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Go's answers to weir-perf's questions: goroutines as one writes them by hand,
// and golang.org/x/sync. It runs one of them once and prints what
// weir-perf --json prints.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"time"
)

type load struct {
	tasks, cap, threads int
}

// answer is one way to do a case's work.
type answer struct {
	name, library string
	takesCap      bool // else it runs without one
	warmUp        int
	run           func(l load, w *watch)
}

const noCap = math.MaxInt

func answers() []answer {
	var all []answer
	for _, of := range [][]answer{tasksAnswers(), skynetAnswers(),
		firstErrorAnswers(), timeoutAnswers(), channelAnswers(),
		echoAnswers(), parkedAnswers(), groupsAnswers(), treesAnswers(),
		matmulAnswers(), fairnessAnswers()} {
		all = append(all, of...)
	}
	return all
}

// require ends the program on a wrong answer, which has no speed.
func require(holds bool, what string) {
	if !holds {
		fail("wrong answer: " + what)
	}
}

func fail(what string) {
	fmt.Fprintln(os.Stderr, "go peer:", what)
	os.Exit(1)
}

// measure runs the warm-up, then all.
func measure(a answer, l load) *watch {
	if a.warmUp != 0 {
		small := l
		if a.warmUp < l.tasks {
			small.tasks = a.warmUp
		}
		w := &watch{}
		w.start()
		a.run(small, w)
	}
	w := &watch{}
	w.start()
	a.run(l, w)
	w.stop()
	return w
}

func print(a answer, l load, w *watch) {
	var limit any // null without
	if a.takesCap && l.cap != noCap {
		limit = l.cap
	}
	tasks := float64(l.tasks)
	line, err := json.Marshal(map[string]any{
		"case": a.name, "library": a.library, "threads": l.threads,
		"tasks": l.tasks, "cap": limit,
		"wall_s": w.wall, "wall_s_min": w.wall, "wall_s_max": w.wall,
		"cpu_s": w.cpu, "peak_rss_kib": statusKiB("VmHWM:"),
		"ns_per_task":          w.wall * 1e9 / tasks,
		"allocations_per_task": float64(w.allocations) / tasks,
		"figures":              w.figures, "rounds": 1,
	})
	if err != nil {
		fail(err.Error())
	}
	fmt.Println(string(line))
}

func list() {
	for _, a := range answers() {
		fmt.Printf("{\"case\": %q, \"takes_cap\": %t, \"libraries\": [%q]}\n",
			a.name, a.takesCap, a.library)
	}
}

func main() {
	wantsList := flag.Bool("list", false, "what there is")
	name := flag.String("case", "", "the case")
	library := flag.String("library", "", "how to do it")
	tasks := flag.Int("tasks", 0, "tasks")
	limit := flag.String("cap", "unlimited", "tasks in flight")
	threads := flag.Int("threads", 2, "GOMAXPROCS")
	// As weir-perf's; what they ask for is all there is here.
	flag.Bool("json", true, "print JSON")
	flag.Bool("no-allocations", false, "they cost nothing to count here")
	flag.Int("rounds", 1, "rounds")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "go peer: bad options") }
	flag.CommandLine.Init("", flag.ContinueOnError)
	if flag.CommandLine.Parse(os.Args[1:]) != nil {
		os.Exit(1)
	}
	if *wantsList {
		list()
		return
	}
	l := load{tasks: *tasks, cap: noCap, threads: *threads}
	if *limit != "unlimited" {
		n, err := strconv.Atoi(*limit)
		if err != nil || n < 1 {
			fail("--cap is '" + *limit + "', must be a whole number of at least 1")
		}
		l.cap = n
	}
	if l.tasks < 1 || l.threads < 1 {
		fail("--tasks and --threads must be at least 1")
	}
	time.AfterFunc(600*time.Second, func() { fail("no end after 600 s") })
	runtime.GOMAXPROCS(l.threads)
	for _, a := range answers() {
		if a.name == *name && a.library == *library {
			print(a, l, measure(a, l))
			return
		}
	}
	fail("no '" + *library + "' in '" + *name + "'")
}
