// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

import (
	"context"
	"sync"
	"time"
)

const pendingTimers = 10000

// churn has l.threads goroutines do l.tasks operations while others are
// pending. operate arms a timeout of 1 s round nothing and cancels it.
func churn(operate func()) func(load, *watch) {
	return func(l load, w *watch) {
		var pending []*time.Timer
		for i := 0; i < pendingTimers; i++ {
			pending = append(pending, time.AfterFunc(time.Minute, func() {}))
		}
		var all sync.WaitGroup
		done := make([]int, l.threads)
		w.start()
		for i := 0; i < l.threads; i++ {
			i, n := i, l.tasks*(i+1)/l.threads-l.tasks*i/l.threads
			all.Add(1)
			go func() {
				defer all.Done()
				own := 0
				for ; own < n; own++ {
					operate()
				}
				done[i] = own
			}()
		}
		all.Wait()
		w.stop()
		sum := 0
		for _, each := range done {
			sum += each
		}
		require(sum == l.tasks, "operations that ended in time")
		for _, each := range pending {
			each.Stop()
		}
	}
}

func afterFunc() { time.AfterFunc(time.Second, func() {}).Stop() }

func newTimer() { time.NewTimer(time.Second).Stop() }

func withTimeout() {
	_, cancel := context.WithTimeout(context.Background(), time.Second)
	cancel()
}

func timeoutAnswers() []answer {
	const warmUp = 10000
	return []answer{
		{"timeout_churn", "Go, AfterFunc", false, warmUp, churn(afterFunc)},
		{"timeout_churn", "Go, NewTimer", false, warmUp, churn(newTimer)},
		{"timeout_churn", "Go, context.WithTimeout", false, warmUp, churn(withTimeout)},
	}
}
