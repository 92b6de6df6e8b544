// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

var errFailed = errors.New("failed")

type siblings struct{ parked, ended int64 }

func (all *siblings) sleep(ctx context.Context) error {
	defer atomic.AddInt64(&all.ended, 1)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	atomic.AddInt64(&all.parked, 1)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (all *siblings) fail(l load, w *watch) error {
	for atomic.LoadInt64(&all.parked) != int64(l.tasks) {
		runtime.Gosched()
	}
	w.start()
	return errFailed
}

func (all *siblings) check(l load, err error) {
	require(err == errFailed, "the error that came out of the join")
	require(all.ended == int64(l.tasks), "siblings that ended")
}

func firstErrorByErrgroup(l load, w *watch) {
	var all siblings
	group, ctx := errgroup.WithContext(context.Background())
	for i := 0; i < l.tasks; i++ {
		group.Go(func() error { return all.sleep(ctx) })
	}
	group.Go(func() error { return all.fail(l, w) })
	err := group.Wait()
	w.stop()
	all.check(l, err)
}

func firstErrorByHand(l load, w *watch) {
	var all siblings
	var group sync.WaitGroup
	var once sync.Once
	var first error
	ctx, cancel := context.WithCancel(context.Background())
	start := func(f func() error) {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := f(); err != nil {
				once.Do(func() {
					first = err
					cancel()
				})
			}
		}()
	}
	for i := 0; i < l.tasks; i++ {
		start(func() error { return all.sleep(ctx) })
	}
	start(func() error { return all.fail(l, w) })
	group.Wait()
	w.stop()
	all.check(l, first)
}

func firstErrorAnswers() []answer {
	const warmUp = 10000
	return []answer{
		{"first_error", "Go, errgroup", false, warmUp, firstErrorByErrgroup},
		{"first_error", "Go, context by hand", false, warmUp, firstErrorByHand},
	}
}
