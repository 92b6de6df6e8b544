// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// group does work in a goroutine for each of done, which it sets to 1, and waits
// for all.
type group func(done []int, work func())

func byWaitGroup(done []int, work func()) {
	var all sync.WaitGroup
	all.Add(len(done))
	for i := range done {
		each := &done[i]
		go func() {
			defer all.Done()
			work()
			*each = 1
		}()
	}
	all.Wait()
}

func byErrgroup(done []int, work func()) {
	var all errgroup.Group
	for i := range done {
		each := &done[i]
		all.Go(func() error {
			work()
			*each = 1
			return nil
		})
	}
	require(all.Wait() == nil, "no error")
}

// One goroutine makes group after group.
func runGroups(run group, children int, work func()) func(load, *watch) {
	return func(l load, _ *watch) {
		sum := 0
		done := make([]int, children)
		for i := 0; i < l.tasks; i++ {
			run(done, work)
			for j := range done {
				sum += done[j]
				done[j] = 0
			}
		}
		require(sum == l.tasks*children, "children that ran")
	}
}

func nestedByWaitGroup(levels int) int {
	if levels == 0 {
		return 0
	}
	below := 0
	var child sync.WaitGroup
	child.Add(1)
	go func() {
		defer child.Done()
		below = nestedByWaitGroup(levels - 1)
	}()
	child.Wait()
	return below + 1
}

func nestedByErrgroup(levels int) int {
	if levels == 0 {
		return 0
	}
	below := 0
	var child errgroup.Group
	child.Go(func() error {
		below = nestedByErrgroup(levels - 1)
		return nil
	})
	require(child.Wait() == nil, "no error")
	return below + 1
}

func runNested(nested func(levels int) int) func(load, *watch) {
	const depth = 1000
	return func(l load, _ *watch) {
		for left := l.tasks; left != 0; {
			now := depth
			if left < now {
				now = left
			}
			require(nested(now) == now, "levels")
			left -= now
		}
	}
}

func groupsAnswers() []answer {
	const warmUp = 10000
	empty := func() {}
	sleep := func() { time.Sleep(time.Millisecond) }
	var all []answer
	for _, each := range []struct {
		name     string
		children int
		work     func()
	}{
		{"groups_1", 1, empty},
		{"groups_2", 2, empty},
		{"groups_8", 8, empty},
		{"groups_32", 32, empty},
		{"groups_yield", 8, runtime.Gosched},
		{"groups_sleep", 8, sleep},
	} {
		all = append(all,
			answer{each.name, "Go, WaitGroup", false, warmUp,
				runGroups(byWaitGroup, each.children, each.work)},
			answer{each.name, "Go, errgroup", false, warmUp,
				runGroups(byErrgroup, each.children, each.work)})
	}
	return append(all,
		answer{"nested", "Go, WaitGroup", false, warmUp, runNested(nestedByWaitGroup)},
		answer{"nested", "Go, errgroup", false, warmUp, runNested(nestedByErrgroup)})
}
