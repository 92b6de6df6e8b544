// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

import (
	"sync"

	"golang.org/x/sync/errgroup"
)

const ways = 10

// leaves of the tree: a node has ten children, or as many as leaves.
type leaves struct{ first, count int }

func (r leaves) parts() int {
	if r.count < ways {
		return r.count
	}
	return ways
}

func (r leaves) part(i int) leaves {
	begin := r.count * i / r.parts()
	return leaves{r.first + begin, r.count*(i+1)/r.parts() - begin}
}

func sumTo(n int) int { return n * (n - 1) / 2 }

func sumByChannel(r leaves, result chan<- int) {
	if r.count == 1 {
		result <- r.first
		return
	}
	sums := make(chan int, ways)
	for i := 0; i < r.parts(); i++ {
		go sumByChannel(r.part(i), sums)
	}
	sum := 0
	for i := 0; i < r.parts(); i++ {
		sum += <-sums
	}
	result <- sum
}

func sumByErrgroup(r leaves) int {
	if r.count == 1 {
		return r.first
	}
	var group errgroup.Group
	var sums [ways]int
	for i := 0; i < r.parts(); i++ {
		i := i
		group.Go(func() error {
			sums[i] = sumByErrgroup(r.part(i))
			return nil
		})
	}
	require(group.Wait() == nil, "no error")
	return sumOf(sums[:])
}

func sumInTurn(r leaves) int {
	if r.count == 1 {
		return r.first
	}
	sum := 0
	for i := 0; i < r.parts(); i++ {
		sum += sumInTurn(r.part(i))
	}
	return sum
}

// sumByWaitGroup does not divide trees of at most grain leaves.
func sumByWaitGroup(r leaves, grain int) int {
	if r.count <= grain {
		return sumInTurn(r)
	}
	var group sync.WaitGroup
	var sums [ways]int
	group.Add(r.parts())
	for i := 0; i < r.parts(); i++ {
		i := i
		go func() {
			defer group.Done()
			sums[i] = sumByWaitGroup(r.part(i), grain)
		}()
	}
	group.Wait()
	return sumOf(sums[:])
}

func skynetAnswers() []answer {
	waitGroup := func(grain int) func(load, *watch) {
		return func(l load, _ *watch) {
			require(sumByWaitGroup(leaves{0, l.tasks}, grain) == sumTo(l.tasks),
				"sum of the leaves")
		}
	}
	return []answer{
		{"skynet", "Go, goroutines", false, 10000, func(l load, _ *watch) {
			result := make(chan int, 1)
			go sumByChannel(leaves{0, l.tasks}, result)
			require(<-result == sumTo(l.tasks), "sum of the leaves")
		}},
		{"skynet", "Go, errgroup", false, 10000, func(l load, _ *watch) {
			require(sumByErrgroup(leaves{0, l.tasks}) == sumTo(l.tasks),
				"sum of the leaves")
		}},
		{"skynet", "Go, WaitGroup", false, 10000, waitGroup(1)},
		{"skynet", "Go, WaitGroup above 1,000 leaves", false, 10000, waitGroup(1000)},
	}
}
