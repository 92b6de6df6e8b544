// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

import (
	"encoding/binary"
	"io"
	"net"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

const (
	smallTree = 8
	largeTree = 20
)

// storm is what all goroutines of a round share.
type storm struct {
	ticks      int
	begin, end time.Time
	hasToEnd   int32
	calls      int64
	echo, late []time.Duration // each of one goroutine
}

func (all *storm) isOver() bool { return atomic.LoadInt32(&all.hasToEnd) != 0 }

func (all *storm) forks(fib func(n int) int, n int) {
	calls := 0
	for ; !all.isOver(); calls += fibCalls(n) {
		require(fib(n) == fibByLoop(n), "fib")
	}
	atomic.AddInt64(&all.calls, int64(calls))
}

func (all *storm) ask(peer net.Conn) {
	defer peer.Close()
	var data, answer [64]byte
	for !all.isOver() {
		binary.LittleEndian.PutUint64(data[:], uint64(len(all.echo)))
		begin := time.Now()
		if _, err := peer.Write(data[:]); err != nil {
			fail(err.Error())
		}
		if _, err := io.ReadFull(peer, answer[:]); err != nil {
			fail(err.Error())
		}
		all.echo = append(all.echo, time.Since(begin))
		require(data == answer, "answer")
	}
}

// tick notes how late it is, and misses the ticks that are past by then.
func (all *storm) tick() {
	for due := all.begin.Add(time.Millisecond); !due.After(all.end); {
		time.Sleep(time.Until(due))
		all.late = append(all.late, time.Since(due))
		passed := time.Since(all.begin).Truncate(time.Millisecond)
		due = all.begin.Add(passed + time.Millisecond)
	}
}

func quantiles(w *watch, prefix string, of []time.Duration) {
	require(len(of) != 0, prefix+" that were measured")
	sort.Slice(of, func(i, j int) bool { return of[i] < of[j] })
	at := func(part float64) float64 {
		return float64(of[int(part*float64(len(of)-1))].Nanoseconds()) * 1e-3
	}
	w.figures[prefix+"_p50_us"] = at(0.5)
	w.figures[prefix+"_p99_us"] = at(0.99)
	w.figures[prefix+"_max_us"] = at(1)
}

func fairness(fib func(n int) int) func(load, *watch) {
	return func(l load, w *watch) {
		parents := l.cap
		if parents == noCap {
			parents = 8
		}
		servers, clients := connect(1)
		all := storm{ticks: l.tasks, begin: time.Now()}
		all.end = all.begin.Add(time.Duration(l.tasks) * time.Millisecond)
		time.AfterFunc(time.Until(all.end), func() { atomic.StoreInt32(&all.hasToEnd, 1) })
		var group sync.WaitGroup
		start := func(f func()) {
			group.Add(1)
			go func() {
				defer group.Done()
				f()
			}()
		}
		w.start()
		start(func() { serve(servers[0]) })
		start(func() { all.ask(clients[0]) })
		start(all.tick)
		for i := 0; i < parents; i++ {
			n := smallTree
			if i%2 != 0 {
				n = largeTree
			}
			start(func() { all.forks(fib, n) })
		}
		group.Wait()
		w.stop()
		require(all.calls != 0, "trees that were computed")
		quantiles(w, "echo", all.echo)
		quantiles(w, "late", all.late)
		w.figures["missed_ticks"] = float64(l.tasks - len(all.late))
		w.figures["calls_per_s"] = float64(all.calls) / w.wall
	}
}

func fairnessAnswers() []answer {
	return []answer{
		{"fairness", "Go, WaitGroup", true, 0, fairness(fibByWaitGroup)},
		{"fairness", "Go, errgroup", true, 0, fairness(fibByErrgroup)},
	}
}
