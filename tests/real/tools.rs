//! What `./test` has installed: servers and clients that others wrote. Whoever lacks them is told what was not looked at;
//! in CI nothing may be missing but what `./test` found unreachable, and named in `CAREGATE_UNREACHABLE`.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Something installed, as `./test` names it, and the file by which it is known to be there.
#[derive(Clone, Copy, Debug)]
pub struct Tool(&'static str, &'static str);

/// Helios HFS.
pub const HFS: Tool = Tool("hfs", "hfs/bin/hfs");
/// R4's own definitions, Medplum's router, the clients in JavaScript.
pub const NODE: Tool = Tool("npm", "node_modules/.installed");
/// HAPI FHIR: its validator, its client, its server. A JDK runs our sources over it.
pub const HAPI: Tool = Tool("hapi", "hapi/.installed");
/// The clients in Python.
pub const PYTHON: Tool = Tool("pip", "clients/bin/python");

/// A browser; Debian's.
pub const CHROMIUM: Tool = Tool("chromium", "/usr/bin/chromium");

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools")
}

/// Whether all are there.
pub fn have(tools: &[Tool], what: &str) -> bool {
    let missing: Vec<&str> = tools.iter().filter(|Tool(_, file)| !folder().join(file).exists()).map(|t| t.0).collect();
    if missing.is_empty() {
        return true;
    }
    eprintln!("NOT TESTED: {what}: {} missing, which ./test installs", missing.join(" and "));
    let unreachable = env::var("CAREGATE_UNREACHABLE").unwrap_or_default();
    let excused = missing.iter().all(|tool| unreachable.split_whitespace().any(|named| named == *tool));
    assert!(excused || env::var("CI").is_err(), "nothing is left out in CI but what cannot be fetched");
    false
}

/// Node in a version that all of it runs on: the one of `./test`, where the machine's is too old.
pub fn node() -> PathBuf {
    let own = folder().join("node/bin/node");
    if own.exists() { own } else { "node".into() }
}

/// A script or source of ours, in `tests`.
pub fn ours(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file)
}

/// What has Java run a source file of ours over HAPI's libraries.
pub fn java(file: &str) -> Vec<PathBuf> {
    // it is soon over: what takes long to warm up is not worth it
    let quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"].map(PathBuf::from);
    quick.into_iter().chain([folder().join("hapi/lib/*"), ours(file)]).collect()
}

impl Tool {
    pub fn path(self) -> PathBuf {
        folder().join(self.1)
    }
}

/// Starts a program that ends with this process: nobody drops what is static.
pub fn watched(program: &Path, change: impl FnOnce(&mut Command)) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", r#""$@" & child=$!; cat > /dev/null; kill -9 $child"#, "sh"]).arg(program);
    command.stdin(Stdio::piped());
    change(&mut command);
    command.spawn().expect("sh runs")
}
