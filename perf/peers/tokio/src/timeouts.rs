// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

use crate::{require, run, share, Answer, Load, Run, Watch};
use std::future::ready;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::{yield_now, JoinSet};
use tokio::time::{sleep, timeout};

const PENDING: usize = 10_000;
const SECOND: Duration = Duration::from_secs(1);

/// Starts the timers that are pending meanwhile.
async fn start_pending() -> JoinSet<()> {
    let mut pending = JoinSet::new();
    for _ in 0..PENDING {
        pending.spawn(sleep(60 * SECOND));
    }
    yield_now().await;
    pending
}

/// timeout() asks the work first, and arms no timer if it has ended by then.
async fn with_timeout(operations: usize) -> usize {
    let mut own = 0;
    for _ in 0..operations {
        timeout(SECOND, async { own += 1 }).await.unwrap();
    }
    own
}

/// The timer is asked first, and so it is armed.
async fn with_select(operations: usize) -> usize {
    let mut own = 0;
    for _ in 0..operations {
        tokio::select! {
            biased;
            _ = sleep(SECOND) => (),
            _ = ready(()) => own += 1,
        }
    }
    own
}

/// One worker for each thread, with its share of the operations.
macro_rules! churn {
    ($worker:ident) => {
        |rt: &'static Runtime, load: Load, watch: &'static Watch| {
            let sum = run(rt, async move {
                let pending = start_pending().await;
                let mut workers = JoinSet::new();
                watch.start();
                for i in 0..load.threads {
                    workers.spawn($worker(share(load.tasks, i, load.threads)));
                }
                let mut sum = 0;
                while let Some(done) = workers.join_next().await {
                    sum += done.unwrap();
                }
                watch.stop();
                drop(pending);
                sum
            });
            require(sum == load.tasks, "operations that ended in time");
        }
    };
}

pub fn answers() -> Vec<Answer> {
    [
        ("tokio, timeout", churn!(with_timeout) as Run),
        ("tokio, select", churn!(with_select)),
    ]
    .map(|(library, run)| Answer {
        case: "timeout_churn",
        library,
        takes_cap: false,
        warm_up: 10_000,
        run,
    })
    .into()
}
