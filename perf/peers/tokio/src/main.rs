// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

//! tokio's answers to weir-perf's questions. It runs one of them once and
//! prints what weir-perf --json prints.

mod channels;
mod echo;
mod fairness;
mod first_error;
mod groups;
mod latency;
mod matmul;
mod parked;
mod tasks;
mod timeouts;
mod trees;
mod watch;

use std::future::Future;
use std::os::unix::process::CommandExt;
use tokio::runtime::{Builder, Runtime};
use watch::Watch;

#[derive(Clone, Copy)]
pub struct Load {
    pub tasks: usize,
    pub cap: usize,
    pub threads: usize,
}

pub const NO_CAP: usize = usize::MAX;

/// One way to do a case's work.
pub struct Answer {
    case: &'static str,
    library: &'static str,
    takes_cap: bool,
    warm_up: usize,
    run: Run,
}

/// How a case is run.
type Run = fn(&'static Runtime, Load, &'static Watch);

/// A case without a cap, with a group that joins, and with plain tasks.
fn in_both_ways(case: &'static str, joined: Run, handled: Run) -> Vec<Answer> {
    [("tokio, JoinSet", joined), ("tokio, spawn", handled)]
        .map(|(library, run)| Answer {
            case,
            library,
            takes_cap: false,
            warm_up: 10_000,
            run,
        })
        .into()
}

fn answers() -> Vec<Answer> {
    [
        tasks::answers(),
        trees::answers(),
        groups::answers(),
        first_error::answers(),
        timeouts::answers(),
        channels::answers(),
        echo::answers(),
        parked::answers(),
        latency::answers(),
        matmul::answers(),
        fairness::answers(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Ends the program on a wrong answer, which has no speed.
pub fn require(holds: bool, what: &str) {
    if !holds {
        fail(&format!("wrong answer: {what}"));
    }
}

pub fn fail(what: &str) -> ! {
    eprintln!("tokio peer: {what}");
    std::process::exit(1)
}

/// For ever, so that tasks can refer to it without a count of references.
pub fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Runs `work` as a task, thus on the threads of the runtime: the one that
/// calls block_on is not among them.
pub fn run<F>(rt: &Runtime, work: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    rt.block_on(rt.spawn(work)).unwrap()
}

/// How many of `tasks` the `i`-th of `parts` does.
pub fn share(tasks: usize, i: usize, parts: usize) -> usize {
    tasks * (i + 1) / parts - tasks * i / parts
}

/// One thread has a scheduler of its own in tokio.
fn runtime_of(threads: usize) -> Runtime {
    let mut builder = if threads == 1 {
        Builder::new_current_thread()
    } else {
        let mut many = Builder::new_multi_thread();
        many.worker_threads(threads);
        many
    };
    builder.enable_all().build().unwrap()
}

/// Runs the warm-up, then all. Where allocations are counted the two are of the
/// same size, so that the count is that of the steady state.
fn measure(answer: &Answer, load: Load) -> &'static Watch {
    let rt = leak(runtime_of(load.threads));
    let watch = leak(Watch::new());
    let mut small = load;
    if watch::allocations_so_far().is_none() {
        small.tasks = answer.warm_up.min(load.tasks);
    }
    if small.tasks != 0 {
        watch.start();
        (answer.run)(rt, small, watch);
    }
    watch.start();
    (answer.run)(rt, load, watch);
    watch.stop();
    watch
}

fn print(answer: &Answer, load: Load, watch: &Watch) {
    let seen = watch.seen();
    let cap = match load.cap {
        limit if answer.takes_cap && limit != NO_CAP => limit.to_string(),
        _ => "null".to_string(),
    };
    let tasks = load.tasks as f64;
    let allocations = match watch::allocations_so_far() {
        Some(_) => (seen.allocations as f64 / tasks).to_string(),
        None => "null".to_string(),
    };
    let figures: Vec<String> = seen
        .figures
        .iter()
        .map(|(name, value)| format!("\"{name}\": {value}"))
        .collect();
    println!(
        "{{\"case\": \"{}\", \"library\": \"{}\", \"threads\": {}, \"tasks\": {}, \
         \"cap\": {cap}, \"wall_s\": {wall}, \"wall_s_min\": {wall}, \
         \"wall_s_max\": {wall}, \"cpu_s\": {}, \"peak_rss_kib\": {}, \
         \"ns_per_task\": {}, \"allocations_per_task\": {allocations}, \
         \"figures\": {{{}}}, \"rounds\": 1}}",
        answer.case,
        answer.library,
        load.threads,
        load.tasks,
        seen.cpu_s,
        watch::status_kib("VmHWM:"),
        seen.wall_s * 1e9 / tasks,
        figures.join(", "),
        wall = seen.wall_s,
    );
}

fn list() {
    for each in answers() {
        println!(
            "{{\"case\": \"{}\", \"takes_cap\": {}, \"libraries\": [\"{}\"]}}",
            each.case, each.takes_cap, each.library
        );
    }
}

/// Begins the program anew with the library that counts, one folder above, if
/// it is there.
fn count_allocations() {
    let own = std::env::current_exe().unwrap();
    let counter = own.with_file_name("../libweir-perf-allocations.so");
    if watch::allocations_so_far().is_none() && counter.exists() {
        let error = std::process::Command::new(own)
            .args(std::env::args_os().skip(1))
            .env("LD_PRELOAD", counter)
            .exec();
        fail(&error.to_string());
    }
}

fn number(option: &str, text: &str) -> usize {
    match text.parse() {
        Ok(n) if n >= 1 => n,
        _ => fail(&format!(
            "{option} is '{text}', must be a whole number of at least 1"
        )),
    }
}

fn main() {
    let mut case = String::new();
    let mut library = String::new();
    let mut tasks = None;
    let mut load = Load {
        tasks: 0,
        cap: NO_CAP,
        threads: 2,
    };
    let mut counts = true;
    let mut wants_list = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let mut value = || match arguments.next() {
            Some(text) => text,
            None => fail(&format!("{option} has no value")),
        };
        match option.as_str() {
            "--list" => wants_list = true,
            "--json" => (), // there is nothing else
            "--no-allocations" => counts = false,
            "--case" => case = value(),
            "--library" => library = value(),
            "--tasks" => tasks = Some(number("--tasks", &value())),
            "--threads" => load.threads = number("--threads", &value()),
            "--cap" => match value().as_str() {
                "unlimited" => (),
                text => load.cap = number("--cap", text),
            },
            "--rounds" => require(value() == "1", "--rounds is not 1"),
            _ => fail(&format!("no option '{option}'")),
        }
    }
    if wants_list {
        return list();
    }
    load.tasks = tasks.unwrap_or_else(|| fail("--tasks is missing"));
    if counts {
        count_allocations();
    }
    unsafe { libc::alarm(600) }; // a hang is a failure
    let found = answers()
        .into_iter()
        .find(|each| each.case == case && each.library == library);
    match found {
        Some(answer) => print(&answer, load, measure(&answer, load)),
        None => fail(&format!("no '{library}' in '{case}'")),
    }
}
