//! The providers of a made-up region, all at one port: HTTP/1.1 with connections kept, so that a call costs what it costs in
//! the field, and a behaviour that each row sets. The identity provider's keys are published there too.

use bytes::Bytes;
use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::sleep,
};

/// A search: of which provider, for which type, about whom (its number, whatever it is asked by).
pub struct Asked<'a> {
    pub provider: &'a str,
    pub kind: &'a str,
    pub patient: &'a str,
}

pub enum Act {
    Answer(Duration, Bytes),
    /// Nothing, for as long as it is waited for.
    Silence,
}

type Behaviour = Arc<dyn Fn(&Asked<'_>) -> Act + Send + Sync>;

pub struct Providers {
    pub port: u16,
    behaviour: Arc<Mutex<Behaviour>>,
    calls: Arc<Mutex<HashMap<String, usize>>>,
}

impl Providers {
    /// On a thread of their own, beside whoever measures.
    pub fn start(key_set: String) -> Self {
        let behaviour: Arc<Mutex<Behaviour>> = Arc::new(Mutex::new(Arc::new(|_| Act::Silence)));
        let calls: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
        let (tell, told) = mpsc::channel();
        let serving = (Arc::clone(&behaviour), Arc::clone(&calls));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let socket = TcpSocket::new_v4().expect("a socket");
                socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
                // three thousand call at once
                let listener = socket.listen(4096).expect("a listener");
                tell.send(listener.local_addr().expect("an address").port()).expect("somebody waits");
                let key_set = Bytes::from(key_set);
                while let Ok((stream, _)) = listener.accept().await {
                    let _ = stream.set_nodelay(true);
                    tokio::spawn(serve(stream, key_set.clone(), Arc::clone(&serving.0), Arc::clone(&serving.1)));
                }
            });
        });
        Self { port: told.recv().expect("it listens"), behaviour, calls }
    }

    pub fn do_as(&self, behaviour: impl Fn(&Asked<'_>) -> Act + Send + Sync + 'static) {
        *self.behaviour.lock().expect("nobody panics holding it") = Arc::new(behaviour);
    }

    pub fn base(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}/fhir", self.port)
    }

    pub fn keys(&self) -> String {
        format!("http://127.0.0.1:{}/keys", self.port)
    }

    /// Searches so far, but for Patients, at providers whose names begin so.
    pub fn calls(&self, prefix: &str) -> usize {
        let calls = self.calls.lock().expect("nobody panics holding it");
        calls.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, calls)| calls).sum()
    }
}

async fn serve(
    mut stream: TcpStream,
    key_set: Bytes,
    behaviour: Arc<Mutex<Behaviour>>,
    calls: Arc<Mutex<HashMap<String, usize>>>,
) {
    let mut heard = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(&mut heard).await.map_or(0, |read| read) == 0 {
                return;
            }
        };
        let head = String::from_utf8_lossy(&heard[..end]).into_owned();
        heard.drain(..end + 4);
        let target = head.split(' ').nth(1).unwrap_or_default();
        let act = if target == "/keys" {
            Act::Answer(Duration::ZERO, key_set.clone())
        } else {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let mut parts = path.trim_start_matches('/').split('/');
            let (provider, kind) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
            let patient = number(query);
            if kind != "Patient" {
                let mut calls = calls.lock().expect("nobody panics holding it");
                *calls.entry(provider.to_owned()).or_default() += 1;
            }
            let behaviour = Arc::clone(&behaviour.lock().expect("nobody panics holding it"));
            behaviour(&Asked { provider, kind, patient })
        };
        let Act::Answer(after, body) = act else { return pending().await };
        if !after.is_zero() {
            sleep(after).await;
        }
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/fhir+json\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
            return;
        }
    }
}

/// The ten digits in `identifier=SYSTEM|9990000018` and in `patient=p-9990000018`.
fn number(query: &str) -> &str {
    let digits = |text: &str| text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit());
    let mut at = 0;
    while let Some(found) = query.get(at..at + 10) {
        if digits(found) {
            return found;
        }
        at += 1;
    }
    ""
}
