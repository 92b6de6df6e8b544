// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// watch measures an interval. Only the first stop since start counts.
type watch struct {
	wall, cpu   float64 // seconds
	allocations uint64
	figures     map[string]float64

	begin     time.Time
	cpuBefore float64
	before    uint64
	stopped   bool
}

func (w *watch) start() {
	*w = watch{figures: map[string]float64{}, before: mallocs()}
	w.cpuBefore = cpuSeconds()
	w.begin = time.Now()
}

func (w *watch) stop() {
	if w.stopped {
		return
	}
	w.wall = time.Since(w.begin).Seconds()
	w.cpu = cpuSeconds() - w.cpuBefore
	w.allocations = mallocs() - w.before
	w.stopped = true
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

func usage(who int) syscall.Rusage {
	var used syscall.Rusage
	syscall.Getrusage(who, &used)
	return used
}

func cpuSeconds() float64 {
	used := usage(syscall.RUSAGE_SELF)
	return float64(used.Utime.Nano()+used.Stime.Nano()) * 1e-9
}

// statusKiB reads a line of /proc/self/status that is in kB.
func statusKiB(key string) uint64 {
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if strings.HasPrefix(line, key) {
			var kib uint64
			fmt.Sscan(line[len(key):], &kib)
			return kib
		}
	}
	return 0
}
