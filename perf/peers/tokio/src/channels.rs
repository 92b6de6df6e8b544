// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

use crate::{require, run, Answer, Load, Watch};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

fn sum_to(n: usize) -> usize {
    n * (n - 1) / 2
}

fn flow(rt: &'static Runtime, load: Load, _: &'static Watch) {
    let sum = run(rt, async move {
        let (sender, mut receiver) = mpsc::channel(64);
        tokio::spawn(async move {
            for i in 0..load.tasks {
                sender.send(i).await.unwrap();
            }
        });
        let mut sum = 0;
        while let Some(n) = receiver.recv().await {
            sum += n;
        }
        sum
    });
    require(sum == sum_to(load.tasks), "sum of what arrived");
}

/// No channel of tokio's is without a buffer; these hold one value.
fn ping(rt: &'static Runtime, load: Load, _: &'static Watch) {
    let sum = run(rt, async move {
        let (there, mut asked) = mpsc::channel(1);
        let (answer, mut back) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(n) = asked.recv().await {
                answer.send(n).await.unwrap();
            }
        });
        let mut sum = 0;
        for i in 0..load.tasks {
            there.send(i).await.unwrap();
            sum += back.recv().await.unwrap();
        }
        sum
    });
    require(sum == sum_to(load.tasks), "sum of the answers");
}

pub fn answers() -> Vec<Answer> {
    let answer = |case, run| Answer {
        case,
        library: "tokio, mpsc",
        takes_cap: false,
        warm_up: 10_000,
        run,
    };
    vec![answer("channel_flow", flow), answer("channel_ping", ping)]
}
