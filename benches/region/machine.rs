//! The machine: what it is, which core a process runs on, and what a process has used.

use std::{
    fs,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// Cores of the machine, whatever this process may use of it.
pub fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| said("nproc", &["--all"]).parse().unwrap_or(1))
}

/// The core of what is measured; what measures it is on another.
pub const MEASURED: usize = 0;
pub const MEASURING: usize = 1;

/// A command on this core, where there are two.
pub fn on(core: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    if cores() < 2 {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

/// Moves a running process, with all its threads.
pub fn pin(pid: u32, core: usize) {
    if cores() >= 2 {
        let mut moved = Command::new("taskset");
        moved.args(["-acp", &core.to_string(), &pid.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        // a process of a group may just have ended
        let _ = moved.status();
    }
}

pub fn children(pid: u32) -> Vec<u32> {
    let pids = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    pids.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// CPU seconds of a process and its children so far.
pub fn cpu_seconds(pid: u32) -> f64 {
    let own = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = own.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().expect("a number")).sum();
    // USER_HZ is 100 on every Linux
    ticks / 100.0 + children(pid).into_iter().map(cpu_seconds).sum::<f64>()
}

/// CPU seconds of the thread that asks, so far, to some milliseconds: what others do on its core has no part in them.
pub fn own_seconds() -> f64 {
    let own = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux says it");
    let nanoseconds: f64 = own.split(' ').next().expect("three numbers").parse().expect("a number");
    nanoseconds / 1e9
}

/// Bytes: `VmRSS` now, `VmHWM` at most.
pub fn memory(pid: u32, what: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')).expect("a line of it");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") * 1024.0
}

pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

pub fn facts() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("", |(_, m)| m);
    let date = said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]);
    let commit = said("git", &["describe", "--always", "--dirty", "--abbrev=10"]);
    let pinned = match cores() {
        0 | 1 => "one core: all share it, so that nothing here is to be trusted",
        _ => "what is measured on one core, what measures it on another",
    };
    format!(
        "{} cores of {model}; {pinned}. {date}, commit {commit}, load {} before and {} after.\n",
        cores(),
        BEFORE.get().map_or("?", String::as_str),
        load()
    )
}

static BEFORE: OnceLock<String> = OnceLock::new();

pub fn note_load() {
    let _ = BEFORE.set(load());
}

fn said(program: &str, arguments: &[&str]) -> String {
    let ran = Command::new(program).args(arguments).output();
    ran.map(|ran| String::from_utf8_lossy(&ran.stdout).trim().to_owned()).unwrap_or_default()
}
