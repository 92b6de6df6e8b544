// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// spawnAll runs f l.tasks times, at most l.cap at once, and waits for all.
type spawnAll func(l load, f func())

func goroutines(l load, f func()) {
	var all sync.WaitGroup
	all.Add(l.tasks)
	for i := 0; i < l.tasks; i++ {
		go func() {
			defer all.Done()
			f()
		}()
	}
	all.Wait()
}

func channelAsSemaphore(l load, f func()) {
	if l.cap == noCap {
		goroutines(l, f)
		return
	}
	var all sync.WaitGroup
	slots := make(chan struct{}, l.cap)
	all.Add(l.tasks)
	for i := 0; i < l.tasks; i++ {
		slots <- struct{}{}
		go func() {
			defer all.Done()
			f()
			<-slots
		}()
	}
	all.Wait()
}

func withErrgroup(l load, f func()) {
	var group errgroup.Group
	if l.cap != noCap {
		group.SetLimit(l.cap)
	}
	for i := 0; i < l.tasks; i++ {
		group.Go(func() error {
			f()
			return nil
		})
	}
	require(group.Wait() == nil, "no error")
}

func withWeighted(l load, f func()) {
	var all sync.WaitGroup
	slots := semaphore.NewWeighted(int64(l.cap))
	all.Add(l.tasks)
	for i := 0; i < l.tasks; i++ {
		if slots.Acquire(context.Background(), 1) != nil {
			fail("a slot")
		}
		go func() {
			defer all.Done()
			f()
			slots.Release(1)
		}()
	}
	all.Wait()
}

func runSleep10(spawn spawnAll) func(load, *watch) {
	return func(l load, _ *watch) {
		var done int64
		spawn(l, func() {
			time.Sleep(10 * time.Millisecond)
			atomic.AddInt64(&done, 1)
		})
		require(done == int64(l.tasks), "sleepers that woke up")
	}
}

func runSpawnJoin(spawn spawnAll) func(load, *watch) {
	return func(l load, _ *watch) {
		var done int64
		spawn(l, func() { atomic.AddInt64(&done, 1) })
		require(done == int64(l.tasks), "tasks that ran")
	}
}

func runYield(spawn spawnAll) func(load, *watch) {
	const hops = 10
	return func(l load, _ *watch) {
		var hopped int64
		spawn(l, func() {
			own := int64(0)
			for ; own != hops; own++ {
				runtime.Gosched()
			}
			atomic.AddInt64(&hopped, own)
		})
		require(hopped == int64(l.tasks)*hops, "hops")
	}
}

func tasksAnswers() []answer {
	ways := []struct {
		library  string
		takesCap bool
		spawn    spawnAll
	}{
		{"Go, goroutines", false, goroutines},
		{"Go, channel as semaphore", true, channelAsSemaphore},
		{"Go, errgroup", true, withErrgroup},
		{"Go, semaphore.Weighted", true, withWeighted},
	}
	var all []answer
	for _, way := range ways {
		all = append(all,
			answer{"sleep10", way.library, way.takesCap, 0, runSleep10(way.spawn)},
			answer{"spawn_join", way.library, way.takesCap, 100000, runSpawnJoin(way.spawn)},
			answer{"yield", way.library, way.takesCap, 10000, runYield(way.spawn)})
	}
	return all
}
