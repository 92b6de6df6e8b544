// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

use crate::{leak, require, run, Answer, Load, Watch};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::{yield_now, JoinSet};
use tokio::time::sleep;

#[derive(Debug)]
struct Failed;

struct Siblings {
    parked: AtomicUsize,
    ended: AtomicUsize,
}

/// Counts whichever way the task ends.
struct EndMark(&'static Siblings);

impl Drop for EndMark {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Relaxed);
    }
}

async fn sleeps(all: &'static Siblings) -> Result<(), Failed> {
    let _mark = EndMark(all);
    all.parked.fetch_add(1, Relaxed);
    sleep(Duration::from_secs(3600)).await;
    Ok(())
}

async fn fails(all: &'static Siblings, load: Load, watch: &'static Watch) -> Result<(), Failed> {
    while all.parked.load(Relaxed) != load.tasks {
        yield_now().await;
    }
    watch.start();
    Err(Failed)
}

/// The first error of the set; the siblings are aborted and joined.
async fn join_all(mut group: JoinSet<Result<(), Failed>>) -> Option<Failed> {
    let mut first = None;
    while let Some(ended) = group.join_next().await {
        match ended {
            Ok(Err(error)) if first.is_none() => {
                first = Some(error);
                group.abort_all();
            }
            Err(error) => require(error.is_cancelled(), "a sibling that was aborted"),
            _ => (),
        }
    }
    first
}

fn first_error(rt: &'static Runtime, load: Load, watch: &'static Watch) {
    let all = leak(Siblings {
        parked: AtomicUsize::new(0),
        ended: AtomicUsize::new(0),
    });
    let error = run(rt, async move {
        let mut group = JoinSet::new();
        for _ in 0..load.tasks {
            group.spawn(sleeps(all));
        }
        group.spawn(fails(all, load, watch));
        join_all(group).await
    });
    watch.stop();
    require(error.is_some(), "the error that came out of the join");
    require(all.ended.load(Relaxed) == load.tasks, "siblings that ended");
}

pub fn answers() -> Vec<Answer> {
    vec![Answer {
        case: "first_error",
        library: "tokio, JoinSet::abort_all",
        takes_cap: false,
        warm_up: 10_000,
        run: first_error,
    }]
}
