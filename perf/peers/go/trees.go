// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

import (
	"sync"

	"golang.org/x/sync/errgroup"
)

// fibCalls is how many calls fib(n) takes by recursion.
func fibCalls(n int) int {
	last, calls := 1, 1
	for i := 2; i <= n; i++ {
		last, calls = calls, 1+last+calls
	}
	return calls
}

// fibOfSize is the largest n whose fib(n) takes at most that many calls.
func fibOfSize(tasks int) int {
	n := 1
	for fibCalls(n+1) <= tasks {
		n++
	}
	return n
}

func fibByLoop(n int) int {
	last, result := 0, 1
	for i := 1; i < n; i++ {
		last, result = result, last+result
	}
	return result
}

func fibByWaitGroup(n int) int {
	if n < 2 {
		return n
	}
	var parts [2]int
	var both sync.WaitGroup
	both.Add(2)
	go func() {
		defer both.Done()
		parts[0] = fibByWaitGroup(n - 1)
	}()
	go func() {
		defer both.Done()
		parts[1] = fibByWaitGroup(n - 2)
	}()
	both.Wait()
	return parts[0] + parts[1]
}

func fibByErrgroup(n int) int {
	if n < 2 {
		return n
	}
	var parts [2]int
	var both errgroup.Group
	both.Go(func() error {
		parts[0] = fibByErrgroup(n - 1)
		return nil
	})
	both.Go(func() error {
		parts[1] = fibByErrgroup(n - 2)
		return nil
	})
	require(both.Wait() == nil, "no error")
	return parts[0] + parts[1]
}

func runFib(fib func(n int) int) func(load, *watch) {
	return func(l load, _ *watch) {
		n := fibOfSize(l.tasks)
		require(fib(n) == fibByLoop(n), "fib")
	}
}

const mostRows = 16

// board is the first rows of a chess board, with a queen in each; none attacks
// another.
type board struct {
	rows, placed int
	columns      [mostRows]uint8
}

func (b board) isFull() bool { return b.placed == b.rows }

// free returns the columns of the next row that may have its queen.
func (b board) free() (columns [mostRows]uint8, count int) {
	for c := 0; c < b.rows; c++ {
		if b.isFree(c) {
			columns[count] = uint8(c)
			count++
		}
	}
	return
}

func (b board) isFree(column int) bool {
	for i := 0; i < b.placed; i++ {
		apart, other := b.placed-i, int(b.columns[i])
		if other == column || other+apart == column || other == column+apart {
			return false
		}
	}
	return true
}

func (b board) with(column uint8) board {
	b.columns[b.placed] = column
	b.placed++
	return b
}

// count tells the nodes of the tree below b, dead ends too, and the solutions.
func (b board) count() (nodes, solutions int) {
	if b.isFull() {
		return 1, 1
	}
	nodes = 1
	columns, n := b.free()
	for _, c := range columns[:n] {
		more, found := b.with(c).count()
		nodes, solutions = nodes+more, solutions+found
	}
	return
}

// boardOfSize is the largest board whose tree has at most that many nodes.
func boardOfSize(tasks int) (b board, solutions int) {
	b, solutions = board{rows: 1}, 1
	for b.rows != mostRows {
		next := board{rows: b.rows + 1}
		nodes, found := next.count()
		if nodes > tasks {
			break
		}
		b, solutions = next, found
	}
	return
}

func sumOf(numbers []int) int {
	sum := 0
	for _, each := range numbers {
		sum += each
	}
	return sum
}

func queensByWaitGroup(b board) int {
	if b.isFull() {
		return 1
	}
	columns, n := b.free()
	var each [mostRows]int
	var all sync.WaitGroup
	all.Add(n)
	for i := 0; i < n; i++ {
		next, found := b.with(columns[i]), &each[i]
		go func() {
			defer all.Done()
			*found = queensByWaitGroup(next)
		}()
	}
	all.Wait()
	return sumOf(each[:n])
}

func queensByErrgroup(b board) int {
	if b.isFull() {
		return 1
	}
	columns, n := b.free()
	var each [mostRows]int
	var all errgroup.Group
	for i := 0; i < n; i++ {
		next, found := b.with(columns[i]), &each[i]
		all.Go(func() error {
			*found = queensByErrgroup(next)
			return nil
		})
	}
	require(all.Wait() == nil, "no error")
	return sumOf(each[:n])
}

func runQueens(queens func(b board) int) func(load, *watch) {
	return func(l load, w *watch) {
		b, solutions := boardOfSize(l.tasks)
		w.start()
		found := queens(b)
		w.stop()
		require(found == solutions, "solutions")
	}
}

func treesAnswers() []answer {
	const warmUp = 10000
	return []answer{
		{"fib", "Go, WaitGroup", false, warmUp, runFib(fibByWaitGroup)},
		{"fib", "Go, errgroup", false, warmUp, runFib(fibByErrgroup)},
		{"nqueens", "Go, WaitGroup", false, warmUp, runQueens(queensByWaitGroup)},
		{"nqueens", "Go, errgroup", false, warmUp, runQueens(queensByErrgroup)},
	}
}
