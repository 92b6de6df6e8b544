// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

//! Trees of tasks. A function that is not async starts each task: an async one
//! that calls itself would need a box besides.

use crate::{in_both_ways, require, run, Answer, Load, Watch};
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};

pub async fn sum_of_set(mut group: JoinSet<u64>) -> u64 {
    let mut sum = 0;
    while let Some(each) = group.join_next().await {
        sum += each.unwrap();
    }
    sum
}

async fn sum_of_handles(children: Vec<JoinHandle<u64>>) -> u64 {
    let mut sum = 0;
    for each in children {
        sum += each.await.unwrap();
    }
    sum
}

// --- skynet ---

/// Leaves of the tree: a node has ten children, or as many as leaves.
#[derive(Clone, Copy)]
struct Leaves {
    first: u64,
    count: u64,
}

impl Leaves {
    fn parts(self) -> u64 {
        self.count.min(10)
    }

    fn part(self, i: u64) -> Leaves {
        let begin = self.count * i / self.parts();
        let end = self.count * (i + 1) / self.parts();
        Leaves {
            first: self.first + begin,
            count: end - begin,
        }
    }
}

fn add_to_set(group: &mut JoinSet<u64>, all: Leaves) {
    group.spawn(async move {
        if all.count == 1 {
            return all.first;
        }
        let mut children = JoinSet::new();
        for i in 0..all.parts() {
            add_to_set(&mut children, all.part(i));
        }
        sum_of_set(children).await
    });
}

fn sum_in_turn(all: Leaves) -> u64 {
    match all.count {
        1 => all.first,
        _ => (0..all.parts()).map(|i| sum_in_turn(all.part(i))).sum(),
    }
}

/// Trees of at most `grain` leaves are not divided.
fn start_tree(all: Leaves, grain: u64) -> JoinHandle<u64> {
    tokio::spawn(async move {
        if all.count <= grain {
            return sum_in_turn(all);
        }
        sum_of_handles(
            (0..all.parts())
                .map(|i| start_tree(all.part(i), grain))
                .collect(),
        )
        .await
    })
}

fn check_skynet(load: Load, sum: u64) {
    let n = load.tasks as u64;
    require(sum == n * (n - 1) / 2, "sum of the leaves");
}

fn skynet_sets(rt: &'static Runtime, load: Load, _: &'static Watch) {
    let all = Leaves {
        first: 0,
        count: load.tasks as u64,
    };
    check_skynet(load, run_in_set(rt, move |group| add_to_set(group, all)));
}

fn skynet_handles(rt: &'static Runtime, load: Load, watch: &'static Watch) {
    skynet_above(rt, load, watch, 1);
}

fn skynet_cut_off(rt: &'static Runtime, load: Load, watch: &'static Watch) {
    skynet_above(rt, load, watch, 1_000);
}

fn skynet_above(rt: &'static Runtime, load: Load, _: &'static Watch, grain: u64) {
    let all = Leaves {
        first: 0,
        count: load.tasks as u64,
    };
    check_skynet(load, run_with_handle(rt, move || start_tree(all, grain)));
}

/// The sum of what `start` puts into a set.
fn run_in_set(rt: &Runtime, start: impl FnOnce(&mut JoinSet<u64>) + Send + 'static) -> u64 {
    run(rt, async move {
        let mut root = JoinSet::new();
        start(&mut root);
        sum_of_set(root).await
    })
}

fn run_with_handle(rt: &Runtime, start: impl FnOnce() -> JoinHandle<u64> + Send + 'static) -> u64 {
    rt.block_on(async move { start().await.unwrap() })
}

// --- fib ---

pub fn fib_calls(n: u64) -> usize {
    let (mut last, mut calls) = (1, 1);
    for _ in 2..=n {
        (last, calls) = (calls, 1 + last + calls);
    }
    calls
}

/// The largest n whose fib(n) takes at most `tasks` calls.
fn fib_of_size(tasks: usize) -> u64 {
    let mut n = 1;
    while fib_calls(n + 1) <= tasks {
        n += 1;
    }
    n
}

pub fn fib_by_loop(n: u64) -> u64 {
    let (mut last, mut result) = (0, 1);
    for _ in 1..n {
        (last, result) = (result, last + result);
    }
    result
}

pub fn fib_in_set(group: &mut JoinSet<u64>, n: u64) {
    group.spawn(async move {
        if n < 2 {
            return n;
        }
        let mut both = JoinSet::new();
        fib_in_set(&mut both, n - 1);
        fib_in_set(&mut both, n - 2);
        sum_of_set(both).await
    });
}

pub fn start_fib(n: u64) -> JoinHandle<u64> {
    tokio::spawn(async move {
        if n < 2 {
            return n;
        }
        let parts = [start_fib(n - 1), start_fib(n - 2)];
        let mut sum = 0;
        for each in parts {
            sum += each.await.unwrap();
        }
        sum
    })
}

fn fib_sets(rt: &'static Runtime, load: Load, _: &'static Watch) {
    let n = fib_of_size(load.tasks);
    let found = run_in_set(rt, move |group| fib_in_set(group, n));
    require(found == fib_by_loop(n), "fib");
}

fn fib_handles(rt: &'static Runtime, load: Load, _: &'static Watch) {
    let n = fib_of_size(load.tasks);
    require(
        run_with_handle(rt, move || start_fib(n)) == fib_by_loop(n),
        "fib",
    );
}

// --- nqueens ---

const MOST_ROWS: usize = 16;

/// The first rows of a chess board, with a queen in each; none attacks another.
#[derive(Clone, Copy)]
struct Board {
    rows: usize,
    placed: usize,
    columns: [u8; MOST_ROWS],
}

impl Board {
    fn new(rows: usize) -> Board {
        Board {
            rows,
            placed: 0,
            columns: [0; MOST_ROWS],
        }
    }

    fn is_full(&self) -> bool {
        self.placed == self.rows
    }

    fn is_free(&self, column: usize) -> bool {
        self.columns[..self.placed]
            .iter()
            .enumerate()
            .all(|(i, &other)| {
                let (apart, other) = (self.placed - i, other as usize);
                other != column && other + apart != column && other != column + apart
            })
    }

    /// The boards with one queen more.
    fn next(self) -> impl Iterator<Item = Board> {
        (0..self.rows)
            .filter(move |&c| self.is_free(c))
            .map(move |c| {
                let mut next = self;
                next.columns[next.placed] = c as u8;
                next.placed += 1;
                next
            })
    }

    /// Nodes of the tree below, dead ends too, and solutions.
    fn count(self) -> (usize, u64) {
        if self.is_full() {
            return (1, 1);
        }
        self.next()
            .map(Board::count)
            .fold((1, 0), |(nodes, solutions), (more, found)| {
                (nodes + more, solutions + found)
            })
    }

    /// The largest whose tree has at most `tasks` nodes, and its solutions.
    fn of_size(tasks: usize) -> (Board, u64) {
        let mut chosen = (Board::new(1), 1);
        for rows in 2..=MOST_ROWS {
            let (nodes, solutions) = Board::new(rows).count();
            if nodes > tasks {
                break;
            }
            chosen = (Board::new(rows), solutions);
        }
        chosen
    }
}

fn queens_in_set(group: &mut JoinSet<u64>, board: Board) {
    group.spawn(async move {
        if board.is_full() {
            return 1;
        }
        let mut children = JoinSet::new();
        for next in board.next() {
            queens_in_set(&mut children, next);
        }
        sum_of_set(children).await
    });
}

fn start_queens(board: Board) -> JoinHandle<u64> {
    tokio::spawn(async move {
        if board.is_full() {
            return 1;
        }
        sum_of_handles(board.next().map(start_queens).collect()).await
    })
}

fn queens_sets(rt: &'static Runtime, load: Load, watch: &'static Watch) {
    let (board, solutions) = Board::of_size(load.tasks);
    watch.start();
    let found = run_in_set(rt, move |group| queens_in_set(group, board));
    watch.stop();
    require(found == solutions, "solutions");
}

fn queens_handles(rt: &'static Runtime, load: Load, watch: &'static Watch) {
    let (board, solutions) = Board::of_size(load.tasks);
    watch.start();
    let found = run_with_handle(rt, move || start_queens(board));
    watch.stop();
    require(found == solutions, "solutions");
}

pub fn answers() -> Vec<Answer> {
    let cut_off = Answer {
        case: "skynet",
        library: "tokio, spawn above 1,000 leaves",
        takes_cap: false,
        warm_up: 10_000,
        run: skynet_cut_off,
    };
    [
        vec![cut_off],
        in_both_ways("skynet", skynet_sets, skynet_handles),
        in_both_ways("fib", fib_sets, fib_handles),
        in_both_ways("nqueens", queens_sets, queens_handles),
    ]
    .into_iter()
    .flatten()
    .collect()
}
