//! Whoever asks: wrk where it is requests a second that count, clients of our own where it is each one's time.

use crate::machine::{MEASURING, on};
use reqwest::Client;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// Requests for wrk, asked round and round.
pub struct Script(PathBuf);

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Heavy {
    pub requests: f64,
    /// Requests a second.
    pub rate: f64,
}

impl Script {
    /// Of these paths below the root, each with this token.
    pub fn new(file: PathBuf, paths: &[String], token: &str) -> Self {
        let mut text = format!("local headers = {{ ['Authorization'] = 'Bearer {token}' }}\nlocal paths = {{\n");
        for path in paths {
            // a String takes all
            let _ = writeln!(text, "'/{path}',");
        }
        text.push_str(
            "}\nlocal all, at = {}, 0\n\
             function init() for i, path in ipairs(paths) do all[i] = wrk.format('GET', path, headers) end end\n\
             function request() at = at % #all + 1 return all[at] end\n\
             function done(summary)\n\
             local e = summary.errors\n\
             io.write(string.format('RESULT %d %d %d\\n', summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout))\n\
             end\n",
        );
        fs::write(&file, text).expect("a file is written");
        Self(file)
    }

    /// # Panics
    /// If any request failed: what answers wrongly is not fast.
    pub fn run(&self, url: &str, connections: usize, seconds: usize) -> Heavy {
        let mut wrk = on(MEASURING, "wrk");
        wrk.args(["-t", "1", "-c", &connections.to_string(), "-d", &format!("{seconds}s"), "-s"]).arg(&self.0).arg(url);
        let ran = wrk.output().expect("wrk runs");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let result = said.lines().find_map(|line| line.strip_prefix("RESULT "));
        let numbers: Vec<f64> = result
            .unwrap_or_else(|| panic!("wrk: {said}{}", String::from_utf8_lossy(&ran.stderr)))
            .split(' ')
            .map(|number| number.parse().expect("a number"))
            .collect();
        assert!(numbers[2] == 0.0 && numbers[0] > 0.0, "{} of {} requests to {url} failed", numbers[2], numbers[0]);
        Heavy { requests: numbers[0], rate: numbers[0] / (numbers[1] / 1e6) }
    }
}

pub fn client() -> Client {
    Client::builder().no_proxy().build().expect("a client")
}

/// The body, once its last byte has come; and how long that took.
pub async fn get(http: &Client, url: &str, token: &str) -> (Duration, String) {
    let began = Instant::now();
    let answer = http.get(url).bearer_auth(token).send().await.expect("an answer");
    let status = answer.status();
    let body = answer.bytes().await.expect("all of it");
    let took = began.elapsed();
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(status.is_success(), "{url}: {status} {body}");
    (took, body)
}

/// Asks all of these, so many at a time; in seconds, each one's time.
pub async fn each<T, F: Future<Output = f64>>(at_once: usize, asks: &[T], ask: impl Fn(usize) -> F) -> Vec<f64> {
    let next = AtomicUsize::new(0);
    let client = async || {
        let mut times = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= asks.len() {
                return times;
            }
            times.push(ask(n).await);
        }
    };
    let clients = (0..at_once).map(|_| client());
    futures::future::join_all(clients).await.concat()
}

/// Keeps what was answered, for the peers to answer the same.
pub fn keep(body: &str, file: &Path) {
    fs::write(file, body).expect("a file is written");
}
