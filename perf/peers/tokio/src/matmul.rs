// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

use crate::{in_both_ways, require, run, Answer, Load, Watch};
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};

const LEAF: usize = 32;

/// A square part of a matrix, with `stride` from one row to the next.
#[derive(Clone, Copy)]
struct Block {
    first: *mut f32,
    rows: usize,
    stride: usize,
}

// Tasks that run at once write to different quarters, and read what nobody
// writes. The matrices live until all tasks have been joined.
unsafe impl Send for Block {}

impl Block {
    fn quarter(self, row: usize, column: usize) -> Block {
        let half = self.rows / 2;
        // In the block, as row and column are 0 or 1.
        let first = unsafe { self.first.add(row * half * self.stride + column * half) };
        Block {
            first,
            rows: half,
            ..self
        }
    }

    /// The row `i` of a leaf.
    unsafe fn row(self, i: usize) -> *mut [f32; LEAF] {
        self.first.add(i * self.stride).cast()
    }
}

/// Adds a * b to c; all three are leaves.
fn multiply_leaf(c: Block, a: Block, b: Block) {
    for i in 0..LEAF {
        // Nobody else has this part of c, or writes a and b.
        unsafe {
            let mut sums = *c.row(i);
            for (k, factor) in (*a.row(i)).iter().enumerate() {
                for (sum, element) in sums.iter_mut().zip(&*b.row(k)) {
                    *sum += factor * element;
                }
            }
            *c.row(i) = sums;
        }
    }
}

/// The four products of one half of the sums: no two write to the same quarter.
fn parts(c: Block, a: Block, b: Block, k: usize) -> [(Block, Block, Block); 4] {
    [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(row, column)| {
        (
            c.quarter(row, column),
            a.quarter(row, k),
            b.quarter(k, column),
        )
    })
}

fn multiply_in_set(group: &mut JoinSet<()>, (c, a, b): (Block, Block, Block)) {
    group.spawn(async move {
        if c.rows == LEAF {
            return multiply_leaf(c, a, b);
        }
        for k in 0..2 {
            let mut children = JoinSet::new();
            for each in parts(c, a, b, k) {
                multiply_in_set(&mut children, each);
            }
            while let Some(ended) = children.join_next().await {
                ended.unwrap();
            }
        }
    });
}

fn start_multiply((c, a, b): (Block, Block, Block)) -> JoinHandle<()> {
    tokio::spawn(async move {
        if c.rows == LEAF {
            return multiply_leaf(c, a, b);
        }
        for k in 0..2 {
            for each in parts(c, a, b, k).map(start_multiply) {
                each.await.unwrap();
            }
        }
    })
}

fn times(matrix: &[f32], vector: &[f64]) -> Vec<f64> {
    let dot = |row: &[f32]| row.iter().zip(vector).map(|(x, y)| f64::from(*x) * y).sum();
    matrix.chunks(vector.len()).map(dot).collect()
}

/// The matrices hold small whole numbers, of which every sum is exact. Right is
/// a c for which c v is a (b v), for a vector v whose elements differ.
fn measure(load: Load, watch: &Watch, multiply: impl Fn((Block, Block, Block))) {
    let mut n = LEAF;
    while n * 2 <= load.tasks {
        n *= 2;
    }
    let mut a: Vec<f32> = (0..n * n).map(|i| (i * 7 % 5) as f32).collect();
    let mut b: Vec<f32> = (0..n * n).map(|i| (i * 3 % 4) as f32).collect();
    let mut c = vec![0.0; n * n];
    let block = |all: &mut Vec<f32>| Block {
        first: all.as_mut_ptr(),
        rows: n,
        stride: n,
    };
    let blocks = (block(&mut c), block(&mut a), block(&mut b));
    watch.start();
    multiply(blocks);
    watch.stop();
    let operations = 2.0 * (n * n * n) as f64;
    watch.tell(vec![(
        "gflop_per_s",
        operations * 1e-9 / watch.seen().wall_s,
    )]);
    let v: Vec<f64> = (0..n).map(|i| (i % 97 + 1) as f64).collect();
    require(times(&c, &v) == times(&a, &times(&b, &v)), "product");
}

fn matmul_sets(rt: &'static Runtime, load: Load, watch: &'static Watch) {
    measure(load, watch, |blocks| {
        run(rt, async move {
            let mut root = JoinSet::new();
            multiply_in_set(&mut root, blocks);
            root.join_next().await.unwrap().unwrap();
        })
    });
}

fn matmul_handles(rt: &'static Runtime, load: Load, watch: &'static Watch) {
    measure(load, watch, |blocks| {
        rt.block_on(async { start_multiply(blocks).await.unwrap() })
    });
}

pub fn answers() -> Vec<Answer> {
    in_both_ways("matmul", matmul_sets, matmul_handles)
}
