// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

use crate::trees::{fib_by_loop, fib_calls, fib_in_set, start_fib, sum_of_set};
use crate::{echo, latency, leak, require, run, Answer, Load, Run, Watch, NO_CAP};
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

const SMALL_TREE: u64 = 8;
const LARGE_TREE: u64 = 20;
const MS: Duration = Duration::from_millis(1);

/// What all tasks of a round share.
struct Storm {
    begin: Instant,
    end: Instant,
    has_to_end: AtomicBool,
    calls: AtomicUsize,
}

impl Storm {
    fn is_over(&self) -> bool {
        self.has_to_end.load(Relaxed)
    }
}

/// What a task has measured, in microseconds.
enum Measured {
    Nothing,
    Echo(Vec<f64>),
    Late(Vec<f64>),
}

fn us_since(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e6
}

async fn fib_by_set(n: u64) -> u64 {
    let mut root = JoinSet::new();
    fib_in_set(&mut root, n);
    sum_of_set(root).await
}

async fn fib_by_handles(n: u64) -> u64 {
    start_fib(n).await.unwrap()
}

async fn forks<F: Future<Output = u64>>(
    all: &'static Storm,
    fib: fn(u64) -> F,
    n: u64,
) -> Measured {
    let mut calls = 0;
    while !all.is_over() {
        require(fib(n).await == fib_by_loop(n), "fib");
        calls += fib_calls(n);
    }
    all.calls.fetch_add(calls, Relaxed);
    Measured::Nothing
}

async fn ask(all: &'static Storm, mut peer: TcpStream) -> Measured {
    let mut us = Vec::new();
    let mut data = [0; 64];
    let mut answer = [0; 64];
    while !all.is_over() {
        data[..8].copy_from_slice(&(us.len() as u64).to_le_bytes());
        let begin = Instant::now();
        peer.write_all(&data).await.unwrap();
        peer.read_exact(&mut answer).await.unwrap();
        us.push(us_since(begin));
        require(data == answer, "answer");
    }
    Measured::Echo(us)
}

/// Notes how late it is, and misses the ticks that are past by then.
async fn ticks(all: &'static Storm) -> Measured {
    let mut us = Vec::new();
    let mut due = all.begin + MS;
    while due <= all.end {
        sleep_until(due.into()).await;
        us.push(us_since(due));
        due = all.begin + (all.begin.elapsed().as_millis() as u32 + 1) * MS;
    }
    Measured::Late(us)
}

async fn run_all<F>(all: &'static Storm, parents: usize, fib: fn(u64) -> F) -> (Vec<f64>, Vec<f64>)
where
    F: Future<Output = u64> + Send + 'static,
{
    let (server, client) = echo::connect(1).pop().unwrap();
    let server = TcpStream::from_std(server).unwrap();
    let client = TcpStream::from_std(client).unwrap();
    let mut group = JoinSet::new();
    group.spawn(async {
        echo::serve::<64>(server).await;
        Measured::Nothing
    });
    group.spawn(ask(all, client));
    group.spawn(ticks(all));
    for i in 0..parents {
        let n = if i % 2 == 0 { SMALL_TREE } else { LARGE_TREE };
        group.spawn(forks(all, fib, n));
    }
    let (mut echo, mut late) = (Vec::new(), Vec::new());
    while let Some(ended) = group.join_next().await {
        match ended.unwrap() {
            Measured::Nothing => (),
            Measured::Echo(us) => echo = us,
            Measured::Late(us) => late = us,
        }
    }
    (echo, late)
}

fn measure<F>(rt: &'static Runtime, load: Load, watch: &'static Watch, fib: fn(u64) -> F)
where
    F: Future<Output = u64> + Send + 'static,
{
    let begin = Instant::now();
    let all = leak(Storm {
        begin,
        end: begin + load.tasks as u32 * MS,
        has_to_end: AtomicBool::new(false),
        calls: AtomicUsize::new(0),
    });
    let clock = std::thread::spawn(move || {
        std::thread::sleep(all.end - Instant::now());
        all.has_to_end.store(true, Relaxed);
    });
    let parents = if load.cap == NO_CAP { 8 } else { load.cap };
    watch.start();
    let (echo, late) = run(rt, run_all(all, parents, fib));
    watch.stop();
    clock.join().unwrap();
    let calls = all.calls.load(Relaxed);
    require(calls != 0, "trees that were computed");
    let missed = load.tasks - late.len();
    let mut figures = latency::quantiles(echo, ["echo_p50_us", "echo_p99_us", "echo_max_us"]);
    figures.extend(latency::quantiles(
        late,
        ["late_p50_us", "late_p99_us", "late_max_us"],
    ));
    figures.push(("missed_ticks", missed as f64));
    figures.push(("calls_per_s", calls as f64 / watch.seen().wall_s));
    watch.tell(figures);
}

pub fn answers() -> Vec<Answer> {
    let joined: Run = |rt, load, watch| measure(rt, load, watch, fib_by_set);
    let handled: Run = |rt, load, watch| measure(rt, load, watch, fib_by_handles);
    [("tokio, JoinSet", joined), ("tokio, spawn", handled)]
        .map(|(library, run)| Answer {
            case: "fairness",
            library,
            takes_cap: true,
            warm_up: 0,
            run,
        })
        .into()
}
