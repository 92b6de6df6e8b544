// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

import (
	"sync"

	"golang.org/x/sync/errgroup"
)

const leafRows = 32

// block is a square part of a matrix, with stride from one row to the next.
type block struct {
	elements     []float32
	rows, stride int
}

func (b block) quarter(row, column int) block {
	half := b.rows / 2
	return block{b.elements[row*half*b.stride+column*half:], half, b.stride}
}

// multiplyLeaf adds a * b to c. Each loop is over slices of a known length, so
// that Go checks no index in it; it has no vector instructions.
func multiplyLeaf(c, a, b block) {
	for i := 0; i < leafRows; i++ {
		row := c.elements[i*c.stride:][:leafRows]
		factors := a.elements[i*a.stride:][:leafRows]
		for k, factor := range factors {
			other := b.elements[k*b.stride:][:leafRows]
			for j, element := range other {
				row[j] += factor * element
			}
		}
	}
}

func multiplyByWaitGroup(c, a, b block) {
	if c.rows == leafRows {
		multiplyLeaf(c, a, b)
		return
	}
	for k := 0; k < 2; k++ {
		var all sync.WaitGroup
		all.Add(4)
		for i := 0; i < 4; i++ {
			row, column, k := i/2, i%2, k
			go func() {
				defer all.Done()
				multiplyByWaitGroup(c.quarter(row, column), a.quarter(row, k),
					b.quarter(k, column))
			}()
		}
		all.Wait()
	}
}

func multiplyByErrgroup(c, a, b block) {
	if c.rows == leafRows {
		multiplyLeaf(c, a, b)
		return
	}
	for k := 0; k < 2; k++ {
		var all errgroup.Group
		for i := 0; i < 4; i++ {
			row, column, k := i/2, i%2, k
			all.Go(func() error {
				multiplyByErrgroup(c.quarter(row, column), a.quarter(row, k),
					b.quarter(k, column))
				return nil
			})
		}
		require(all.Wait() == nil, "no error")
	}
}

func times(matrix block, vector []float64) []float64 {
	result := make([]float64, matrix.rows)
	for i := range result {
		for j, each := range vector {
			result[i] += float64(matrix.elements[i*matrix.rows+j]) * each
		}
	}
	return result
}

// The matrices hold small whole numbers, of which every sum is exact. Right is
// a c for which c v is a (b v), for a vector v whose elements differ.
func runMatmul(multiply func(c, a, b block)) func(load, *watch) {
	return func(l load, w *watch) {
		n := leafRows
		for n*2 <= l.tasks {
			n *= 2
		}
		c := block{make([]float32, n*n), n, n}
		a, b := c, c
		a.elements, b.elements = make([]float32, n*n), make([]float32, n*n)
		for i := range a.elements {
			a.elements[i], b.elements[i] = float32(i*7%5), float32(i*3%4)
		}
		w.start()
		multiply(c, a, b)
		w.stop()
		w.figures["gflop_per_s"] = 2e-9 * float64(n*n*n) / w.wall
		v := make([]float64, n)
		for i := range v {
			v[i] = float64(i%97 + 1)
		}
		wanted := times(a, times(b, v))
		for i, each := range times(c, v) {
			require(each == wanted[i], "product")
		}
	}
}

func matmulAnswers() []answer {
	const warmUp = 128
	return []answer{
		{"matmul", "Go, WaitGroup", false, warmUp, runMatmul(multiplyByWaitGroup)},
		{"matmul", "Go, errgroup", false, warmUp, runMatmul(multiplyByErrgroup)},
	}
}
