// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

import "golang.org/x/sync/errgroup"

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
	sum := 0
	for _, each := range sums {
		sum += each
	}
	return sum
}

func skynetAnswers() []answer {
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
	}
}
