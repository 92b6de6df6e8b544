// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// park starts l.tasks goroutines that sleep for an hour, and waits until they
// do. They end with the process.
func park(l load) {
	var parked int64
	for i := 0; i < l.tasks; i++ {
		go func() {
			atomic.AddInt64(&parked, 1)
			time.Sleep(time.Hour)
		}()
	}
	for atomic.LoadInt64(&parked) != int64(l.tasks) {
		runtime.Gosched()
	}
}

func parked(l load, w *watch) {
	before := statusKiB("VmRSS:")
	park(l)
	w.stop()
	grown := float64(statusKiB("VmRSS:")) - float64(before)
	w.figures["bytes_per_task"] = grown * 1024 / float64(l.tasks)
}

func switchesOfOthers() int64 {
	const ofThread = 1 // RUSAGE_THREAD
	all, own := usage(syscall.RUSAGE_SELF), usage(ofThread)
	return all.Nvcsw - own.Nvcsw
}

// The watching thread sleeps in the kernel, so that its own wake-up is the
// only one that is not counted.
func idle(l load, w *watch) {
	park(l)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	second := syscall.Timespec{Sec: 1}
	short := syscall.Timespec{Nsec: 100e6} // what was begun ends
	syscall.Nanosleep(&short, nil)
	w.start()
	before := switchesOfOthers()
	syscall.Nanosleep(&second, nil)
	after := switchesOfOthers()
	w.stop()
	w.figures["wakeups"] = float64(after - before)
}

func parkedAnswers() []answer {
	return []answer{
		{"parked", "Go, goroutines", false, 0, parked},
		{"idle", "Go, goroutines", false, 0, idle},
	}
}
