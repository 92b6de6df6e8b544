// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

const messageSize = 1024

func serve(peer net.Conn) {
	defer peer.Close()
	data := make([]byte, messageSize)
	for {
		n, err := peer.Read(data)
		if err != nil {
			return // the client has no more
		}
		if _, err := peer.Write(data[:n]); err != nil {
			return
		}
	}
}

// ask returns how many of the answers were right.
func ask(peer net.Conn, requests int) (good int64) {
	defer peer.Close()
	data, answer := make([]byte, messageSize), make([]byte, messageSize)
	for i := 0; i < requests; i++ {
		binary.LittleEndian.PutUint64(data[messageSize-8:], uint64(i))
		if _, err := peer.Write(data); err != nil {
			return
		}
		if _, err := io.ReadFull(peer, answer); err != nil {
			return
		}
		if bytes.Equal(data, answer) {
			good++
		}
	}
	return
}

func connect(count int) (servers, clients []net.Conn) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		fail(err.Error())
	}
	defer listener.Close()
	for i := 0; i < count; i++ {
		client, err := net.Dial("tcp4", listener.Addr().String())
		if err != nil {
			fail(err.Error())
		}
		server, err := listener.Accept()
		if err != nil {
			fail(err.Error())
		}
		servers, clients = append(servers, server), append(clients, client)
	}
	return
}

func echo(l load, w *watch) {
	count := l.cap
	if count > l.tasks {
		count = l.tasks
	}
	if count > 5000 {
		count = 5000 // descriptors are few
	}
	servers, clients := connect(count)
	var all sync.WaitGroup
	var answered int64
	w.start()
	for i := 0; i < count; i++ {
		server, client := servers[i], clients[i]
		n := l.tasks*(i+1)/count - l.tasks*i/count
		all.Add(2)
		go func() {
			defer all.Done()
			serve(server)
		}()
		go func() {
			defer all.Done()
			atomic.AddInt64(&answered, ask(client, n))
		}()
	}
	all.Wait()
	w.stop()
	w.figures["requests_per_s"] = float64(l.tasks) / w.wall
	require(answered == int64(l.tasks), "requests that were answered")
}

func echoAnswers() []answer {
	return []answer{{"echo", "Go, net", true, 1000, echo}}
}
