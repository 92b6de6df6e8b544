// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

use crate::{leak, require, run, Answer, Load, Watch, NO_CAP};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::{yield_now, JoinSet};

struct Churn {
    has_to_end: AtomicBool,
    running: AtomicUsize,
}

async fn yields(all: &'static Churn) {
    all.running.fetch_add(1, Ordering::Relaxed);
    while !all.has_to_end.load(Ordering::Relaxed) {
        yield_now().await;
    }
}

/// Runs until it is told to end.
async fn yield_in(all: &'static Churn, yielding: usize) {
    let mut group = JoinSet::new();
    for _ in 0..yielding {
        group.spawn(yields(all));
    }
    while let Some(ended) = group.join_next().await {
        ended.unwrap();
    }
}

/// The median, the 99th percentile and the longest, by these names.
pub fn quantiles(mut us: Vec<f64>, names: [&'static str; 3]) -> Vec<(&'static str, f64)> {
    us.sort_by(f64::total_cmp);
    let at = |part: f64| us[(part * (us.len() - 1) as f64) as usize];
    names
        .into_iter()
        .zip([at(0.5), at(0.99), at(1.0)])
        .collect()
}

/// This thread is not of the runtime: it posts one task at a time.
fn latency(rt: &'static Runtime, load: Load, watch: &'static Watch) {
    let yielding = if load.cap == NO_CAP { 1_000 } else { load.cap };
    let all = leak(Churn {
        has_to_end: AtomicBool::new(false),
        running: AtomicUsize::new(0),
    });
    let runner = std::thread::spawn(move || run(rt, yield_in(all, yielding)));
    while all.running.load(Ordering::Relaxed) != yielding {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (sender, waits) = mpsc::channel();
    watch.start();
    for _ in 0..load.tasks {
        std::thread::sleep(Duration::from_micros(50)); // and what the kernel adds
        let sender = sender.clone();
        let begin = Instant::now();
        rt.spawn(async move {
            sender.send(begin.elapsed().as_secs_f64() * 1e6).unwrap();
        });
    }
    drop(sender);
    let us: Vec<f64> = waits.into_iter().collect();
    watch.stop();
    all.has_to_end.store(true, Ordering::Relaxed);
    runner.join().unwrap();
    require(us.len() == load.tasks, "tasks that were posted");
    watch.tell(quantiles(us, ["p50_us", "p99_us", "max_us"]));
}

pub fn answers() -> Vec<Answer> {
    vec![Answer {
        case: "latency",
        library: "tokio, Handle::spawn",
        takes_cap: true,
        warm_up: 0,
        run: latency,
    }]
}
