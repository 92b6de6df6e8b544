// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

func flow(l load, _ *watch) {
	values := make(chan int, 64)
	go func() {
		for i := 0; i < l.tasks; i++ {
			values <- i
		}
		close(values)
	}()
	sum := 0
	for n := range values {
		sum += n
	}
	require(sum == sumTo(l.tasks), "sum of what arrived")
}

func ping(l load, _ *watch) {
	there, back := make(chan int), make(chan int)
	go func() {
		for n := range there {
			back <- n
		}
	}()
	sum := 0
	for i := 0; i < l.tasks; i++ {
		there <- i
		sum += <-back
	}
	close(there)
	require(sum == sumTo(l.tasks), "sum of the answers")
}

func channelAnswers() []answer {
	return []answer{
		{"channel_flow", "Go, channel", false, 10000, flow},
		{"channel_ping", "Go, channel", false, 10000, ping},
	}
}
