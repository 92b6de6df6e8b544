// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

use crate::{leak, require, run, Answer, Load, Run, Watch, NO_CAP};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::{yield_now, JoinSet};
use tokio::time::sleep;

/// Counts what tasks did.
type Counter = &'static AtomicUsize;

fn counter() -> Counter {
    leak(AtomicUsize::new(0))
}

/// Runs `load.tasks` of what `make` returns, at most `load.cap` at once: at the
/// cap it joins one before it starts the next.
async fn in_join_set<F>(load: Load, make: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut all = JoinSet::new();
    for _ in 0..load.tasks {
        if all.len() == load.cap {
            all.join_next().await.unwrap().unwrap();
        }
        all.spawn(make());
    }
    while let Some(ended) = all.join_next().await {
        ended.unwrap();
    }
}

/// The same with a permit for each task; all have ended when all permits are
/// back.
async fn with_semaphore<F>(load: Load, make: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let most = if load.cap == NO_CAP {
        load.tasks
    } else {
        load.cap
    };
    let slots = leak(Semaphore::new(most));
    for _ in 0..load.tasks {
        let slot = slots.acquire().await.unwrap();
        let work = make();
        tokio::spawn(async move {
            work.await;
            drop(slot);
        });
    }
    drop(slots.acquire_many(most as u32).await.unwrap());
}

async fn sleeps(done: Counter) {
    sleep(Duration::from_millis(10)).await;
    done.fetch_add(1, Relaxed);
}

async fn ticks(done: Counter) {
    done.fetch_add(1, Relaxed);
}

const HOPS: usize = 10;

async fn yields(hopped: Counter) {
    for _ in 0..HOPS {
        yield_now().await;
    }
    hopped.fetch_add(HOPS, Relaxed);
}

/// Runs both ways with `$task`; the counter must then be at `$each` per task.
macro_rules! both_ways {
    ($case:literal, $warm_up:expr, $task:ident, $each:expr, $what:literal) => {{
        fn check(load: Load, done: Counter) {
            require(done.load(Relaxed) == load.tasks * $each, $what);
        }
        fn joined(rt: &'static Runtime, load: Load, _: &'static Watch) {
            let done = counter();
            run(rt, in_join_set(load, move || $task(done)));
            check(load, done);
        }
        fn permitted(rt: &'static Runtime, load: Load, _: &'static Watch) {
            let done = counter();
            run(rt, with_semaphore(load, move || $task(done)));
            check(load, done);
        }
        [
            ("tokio, JoinSet", joined as Run),
            ("tokio, Semaphore", permitted),
        ]
        .map(|(library, run)| Answer {
            case: $case,
            library,
            takes_cap: true,
            warm_up: $warm_up,
            run,
        })
    }};
}

pub fn answers() -> Vec<Answer> {
    [
        both_ways!("sleep10", 0, sleeps, 1, "sleepers that woke up"),
        both_ways!("spawn_join", 100_000, ticks, 1, "tasks that ran"),
        both_ways!("yield", 10_000, yields, HOPS, "hops"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
