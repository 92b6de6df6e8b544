// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

use crate::watch::{status_kib, usage_of};
use crate::{leak, Answer, Load, Watch};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::yield_now;
use tokio::time::sleep;

/// Starts tasks that sleep for an hour, and waits until they do. They end with
/// the process.
fn park(rt: &'static Runtime, load: Load) {
    let parked = leak(AtomicUsize::new(0));
    rt.block_on(async {
        for _ in 0..load.tasks {
            tokio::spawn(async move {
                parked.fetch_add(1, Relaxed);
                sleep(Duration::from_secs(3600)).await;
            });
        }
        while parked.load(Relaxed) != load.tasks {
            yield_now().await;
        }
    });
}

fn parked(rt: &'static Runtime, load: Load, watch: &'static Watch) {
    let before = status_kib("VmRSS:");
    park(rt, load);
    watch.stop();
    let grown = status_kib("VmRSS:").saturating_sub(before) as f64;
    watch.tell(vec![("bytes_per_task", grown * 1024.0 / load.tasks as f64)]);
}

fn switches_of_others() -> i64 {
    usage_of(libc::RUSAGE_SELF).ru_nvcsw - usage_of(libc::RUSAGE_THREAD).ru_nvcsw
}

fn idle(rt: &'static Runtime, load: Load, watch: &'static Watch) {
    park(rt, load);
    std::thread::sleep(Duration::from_millis(100)); // what was begun ends
    watch.start();
    let before = switches_of_others();
    std::thread::sleep(Duration::from_secs(1));
    let after = switches_of_others();
    watch.stop();
    watch.tell(vec![("wakeups", (after - before) as f64)]);
}

pub fn answers() -> Vec<Answer> {
    let answer = |case, run| Answer {
        case,
        library: "tokio, spawn",
        takes_cap: false,
        warm_up: 0,
        run,
    };
    vec![answer("parked", parked), answer("idle", idle)]
}
