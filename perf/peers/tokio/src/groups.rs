// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

use crate::{require, run, Answer, Load, Watch};
use std::future::Future;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::{yield_now, JoinHandle, JoinSet};
use tokio::time::sleep;

async fn empty() -> usize {
    1
}

async fn yields() -> usize {
    yield_now().await;
    1
}

async fn sleeps() -> usize {
    sleep(Duration::from_millis(1)).await;
    1
}

/// One task makes group after group.
async fn in_join_sets<const CHILDREN: usize, F>(groups: usize, child: fn() -> F) -> usize
where
    F: Future<Output = usize> + Send + 'static,
{
    let mut sum = 0;
    for _ in 0..groups {
        let mut group = JoinSet::new();
        for _ in 0..CHILDREN {
            group.spawn(child());
        }
        while let Some(done) = group.join_next().await {
            sum += done.unwrap();
        }
    }
    sum
}

/// The same with a handle for each child. A task that drops the handles does
/// not end the children.
async fn with_handles<const CHILDREN: usize, F>(groups: usize, child: fn() -> F) -> usize
where
    F: Future<Output = usize> + Send + 'static,
{
    let mut sum = 0;
    for _ in 0..groups {
        let group: [JoinHandle<usize>; CHILDREN] = std::array::from_fn(|_| tokio::spawn(child()));
        for each in group {
            sum += each.await.unwrap();
        }
    }
    sum
}

const DEPTH: usize = 1_000;

/// Calls `nested` with as many levels as are left, DEPTH at most.
fn run_nested(load: Load, nested: impl Fn(usize) -> usize) {
    let mut left = load.tasks;
    while left != 0 {
        let now = left.min(DEPTH);
        require(nested(now) == now, "levels");
        left -= now;
    }
}

fn nested_in_set(group: &mut JoinSet<usize>, levels: usize) {
    group.spawn(async move {
        if levels == 0 {
            return 0;
        }
        let mut child = JoinSet::new();
        nested_in_set(&mut child, levels - 1);
        child.join_next().await.unwrap().unwrap() + 1
    });
}

fn nested_with_handle(levels: usize) -> JoinHandle<usize> {
    tokio::spawn(async move {
        if levels == 0 {
            return 0;
        }
        nested_with_handle(levels - 1).await.unwrap() + 1
    })
}

fn nested_sets(rt: &'static Runtime, load: Load, _: &'static Watch) {
    run_nested(load, |levels| {
        rt.block_on(async move {
            let mut group = JoinSet::new();
            nested_in_set(&mut group, levels);
            group.join_next().await.unwrap().unwrap()
        })
    });
}

fn nested_handles(rt: &'static Runtime, load: Load, _: &'static Watch) {
    run_nested(load, |levels| {
        rt.block_on(async move { nested_with_handle(levels).await.unwrap() })
    });
}

/// One case both ways.
macro_rules! groups_of {
    ($case:literal, $children:literal, $child:ident) => {{
        fn joined(rt: &'static Runtime, load: Load, _: &'static Watch) {
            let sum = run(rt, in_join_sets::<$children, _>(load.tasks, $child));
            require(sum == load.tasks * $children, "children that ran");
        }
        fn handled(rt: &'static Runtime, load: Load, _: &'static Watch) {
            let sum = run(rt, with_handles::<$children, _>(load.tasks, $child));
            require(sum == load.tasks * $children, "children that ran");
        }
        crate::in_both_ways($case, joined, handled)
    }};
}

pub fn answers() -> Vec<Answer> {
    [
        groups_of!("groups_1", 1, empty),
        groups_of!("groups_2", 2, empty),
        groups_of!("groups_8", 8, empty),
        groups_of!("groups_32", 32, empty),
        groups_of!("groups_yield", 8, yields),
        groups_of!("groups_sleep", 8, sleeps),
        crate::in_both_ways("nested", nested_sets, nested_handles),
    ]
    .into_iter()
    .flatten()
    .collect()
}
