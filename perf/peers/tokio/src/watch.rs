// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

//! What one round sees of the process.

use std::sync::Mutex;
use std::time::Instant;

/// What was seen between the start and the stop.
#[derive(Clone, Default)]
pub struct Seen {
    pub wall_s: f64,
    pub cpu_s: f64,
    pub allocations: u64,
    pub figures: Vec<(&'static str, f64)>,
}

/// Measures an interval. Only the first stop since the last start counts.
/// Tasks may start and stop it, on any thread.
pub struct Watch(Mutex<State>);

struct State {
    begin: Instant,
    cpu_before: f64,
    allocations_before: u64,
    is_stopped: bool,
    seen: Seen,
}

impl Watch {
    pub fn new() -> Watch {
        Watch(Mutex::new(State {
            begin: Instant::now(),
            cpu_before: 0.0,
            allocations_before: 0,
            is_stopped: false,
            seen: Seen::default(),
        }))
    }

    pub fn start(&self) {
        let mut state = self.0.lock().unwrap();
        state.is_stopped = false;
        state.allocations_before = allocations_so_far().unwrap_or(0);
        state.cpu_before = cpu_seconds();
        state.begin = Instant::now();
    }

    pub fn stop(&self) {
        let mut state = self.0.lock().unwrap();
        if state.is_stopped {
            return;
        }
        state.seen.wall_s = state.begin.elapsed().as_secs_f64();
        state.seen.cpu_s = cpu_seconds() - state.cpu_before;
        state.seen.allocations = allocations_so_far().unwrap_or(0) - state.allocations_before;
        state.is_stopped = true;
    }

    pub fn tell(&self, figures: Vec<(&'static str, f64)>) {
        self.0.lock().unwrap().seen.figures = figures;
    }

    pub fn seen(&self) -> Seen {
        self.0.lock().unwrap().seen.clone()
    }
}

/// Allocations of the process; none unless the library that counts them was
/// preloaded, as in weir-perf.
pub fn allocations_so_far() -> Option<u64> {
    let name = b"weir_perf_allocations\0";
    // dlsym reads the name up to its zero, and the symbol is that function.
    unsafe {
        let found = libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr().cast());
        if found.is_null() {
            return None;
        }
        let count: extern "C" fn() -> u64 = std::mem::transmute(found);
        Some(count())
    }
}

pub fn usage_of(who: libc::c_int) -> libc::rusage {
    // The call fills in what was zeroed.
    unsafe {
        let mut used = std::mem::zeroed();
        libc::getrusage(who, &mut used);
        used
    }
}

fn cpu_seconds() -> f64 {
    let used = usage_of(libc::RUSAGE_SELF);
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 * 1e-6;
    seconds(used.ru_utime) + seconds(used.ru_stime)
}

/// A line of /proc/self/status that is in kB, "VmRSS:".
pub fn status_kib(key: &str) -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .find_map(|line| {
            line.strip_prefix(key)?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0)
}
