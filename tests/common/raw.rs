//! A provider that is a bare socket. It answers from the built-in region as any other would, or does on cue what no server
//! would do; and it remembers what it heard.

use caregate::sandbox::data::{Dataset, NHS_NUMBER, ProviderData};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Heard {
    pub target: String,
    pub kind: String,
    pub query: HashMap<String, String>,
    pub head: String,
}

/// What it does about a request.
pub enum Act {
    /// What a sound provider would do.
    Sound,
    /// These bytes, then the end of the connection.
    Send(Vec<u8>),
    /// These bytes, then a reset.
    Reset(Vec<u8>),
    /// These bytes one by one, so far apart.
    Drip(Vec<u8>, Duration),
    /// Nothing, for ever.
    Silence,
    /// What a sound provider would do, once the gate is opened.
    Held,
}

type Script = Arc<dyn Fn(&Heard, &Sound) -> Act + Send + Sync>;

pub struct Raw {
    pub port: u16,
    inner: Arc<Inner>,
    listening: JoinHandle<()>,
}

struct Inner {
    ods: &'static str,
    script: Mutex<Script>,
    heard: Mutex<Vec<Heard>>,
    connections: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    gate: Semaphore,
}

/// What the organisation truly holds.
pub struct Sound(&'static ProviderData);

impl Sound {
    /// The resources that are asked for, each as JSON.
    pub fn resources(&self, heard: &Heard) -> Vec<String> {
        let of = |name: &str| heard.query.get(name).cloned();
        let number = of("identifier").or(of("patient.identifier"));
        let locals: Vec<String> = match number.as_deref().and_then(|n| n.rsplit_once('|')) {
            Some((_, digits)) => {
                self.0.local_patients(Some(NHS_NUMBER), digits).into_iter().map(str::to_owned).collect()
            }
            None => of("patient").into_iter().collect(),
        };
        let all = self.0.of_type(&heard.kind).iter();
        let asked = all.filter(|one| match heard.kind.as_str() {
            "Patient" => locals.contains(&one.id),
            _ => one.patients.iter().any(|id| locals.contains(id)),
        });
        asked.map(|one| one.json.to_string()).collect()
    }

    pub fn body(&self, heard: &Heard) -> String {
        searchset(&self.resources(heard), "")
    }

    /// Resources of this type about anybody else than the one asked for.
    pub fn of_others(&self, heard: &Heard) -> Vec<String> {
        let own = self.resources(heard);
        let all = self.0.of_type(&heard.kind).iter().map(|one| one.json.to_string());
        all.filter(|one| !own.contains(one)).collect()
    }
}

/// A page; `more` is further members of the Bundle, each with a comma before it.
pub fn searchset(resources: &[String], more: &str) -> String {
    let entries: Vec<_> = resources.iter().map(|one| format!(r#"{{"resource":{one}}}"#)).collect();
    let entries = if entries.is_empty() { String::new() } else { format!(r#","entry":[{}]"#, entries.join(",")) };
    format!(r#"{{"resourceType":"Bundle","type":"searchset"{more}{entries}}}"#)
}

/// A whole HTTP answer.
pub fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// ... that says 200 and FHIR.
pub fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("200 OK", "content-type: application/fhir+json\r\n", body)
}

impl Raw {
    pub async fn start(ods: &'static str) -> Self {
        Self::listen(ods, None).await
    }

    pub async fn start_tls(ods: &'static str, tls: ServerConfig) -> Self {
        Self::listen(ods, Some(TlsAcceptor::from(Arc::new(tls)))).await
    }

    async fn listen(ods: &'static str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner {
            ods,
            script: Mutex::new(Arc::new(|_, _| Act::Sound)),
            heard: Mutex::default(),
            connections: AtomicUsize::new(0),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            gate: Semaphore::new(0),
        });
        let serving = Arc::clone(&inner);
        let listening = tokio::spawn(async move {
            let sound = Arc::new(Sound(region(ods)));
            while let Ok((stream, _)) = listener.accept().await {
                let (inner, sound, tls) = (Arc::clone(&serving), Arc::clone(&sound), tls.clone());
                tokio::spawn(async move {
                    inner.connections.fetch_add(1, Ordering::SeqCst);
                    match tls {
                        None => inner.serve(stream, &sound, reset).await,
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            inner.serve(stream, &sound, |_| {}).await;
                        }
                    }
                });
            }
        });
        Self { port, inner, listening }
    }

    pub fn ods(&self) -> &'static str {
        self.inner.ods
    }

    pub fn does(&self, script: impl Fn(&Heard, &Sound) -> Act + Send + Sync + 'static) {
        *self.inner.script.lock().unwrap() = Arc::new(script);
    }

    pub fn recovers(&self) {
        self.does(|_, _| Act::Sound);
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.inner.heard.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::SeqCst)
    }

    /// The most requests that were there at once.
    pub fn most(&self) -> usize {
        self.inner.most.load(Ordering::SeqCst)
    }

    pub fn now(&self) -> usize {
        self.inner.now.load(Ordering::SeqCst)
    }

    /// All that is held is answered from here on.
    pub fn open(&self) {
        self.inner.gate.add_permits(1_000_000);
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn region(ods: &str) -> &'static ProviderData {
    static REGION: std::sync::LazyLock<Dataset> = std::sync::LazyLock::new(Dataset::builtin);
    REGION.providers.iter().find(|provider| provider.ods.as_str() == ods).expect("an organisation of the region")
}

/// The next close sends a reset.
fn reset(stream: &TcpStream) {
    stream.set_zero_linger().unwrap();
}

impl Inner {
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S, sound: &Sound, reset: impl Fn(&S)) {
        let Some(heard) = hear(&mut stream).await else { return };
        self.heard.lock().unwrap().push(heard.clone());
        let script = Arc::clone(&self.script.lock().unwrap());
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        // the other side may have gone: that is its business
        match script(&heard, sound) {
            Act::Sound => drop(stream.write_all(&ok(sound.body(&heard))).await),
            Act::Send(bytes) => drop(stream.write_all(&bytes).await),
            Act::Reset(bytes) => {
                let _ = (stream.write_all(&bytes).await, stream.flush().await);
                // what was sent must have left before the reset overtakes it
                tokio::time::sleep(Duration::from_millis(30)).await;
                reset(&stream);
                self.now.fetch_sub(1, Ordering::SeqCst);
                return;
            }
            Act::Drip(bytes, apart) => {
                for byte in bytes {
                    if stream.write_all(&[byte]).await.and(stream.flush().await).is_err() {
                        break;
                    }
                    tokio::time::sleep(apart).await;
                }
            }
            Act::Silence => {
                // until the other side has had enough
                let _ = stream.read(&mut [0; 1]).await;
            }
            Act::Held => {
                let _ = self.gate.acquire().await;
                let _ = stream.write_all(&ok(sound.body(&heard))).await;
            }
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        let _ = stream.shutdown().await;
    }
}

async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> Option<Heard> {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(&piece[..read]);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let url = url::Url::parse(&format!("http://raw{target}")).unwrap();
    let kind = url.path().rsplit('/').next().unwrap().to_owned();
    Some(Heard { kind, query: url.query_pairs().into_owned().collect(), target, head })
}
