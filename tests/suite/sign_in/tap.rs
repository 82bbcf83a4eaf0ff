//! A server between the gateway and a provider: it keeps what it was sent, answers what a test has it answer, and passes the
//! rest on to the provider behind it. Raw HTTP/1.1, over TLS too, as a client certificate is only seen there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// One request as it came.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// The client certificate, in DER.
    pub certificate: Option<Vec<u8>>,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// A field of a form.
    pub fn field(&self, name: &str) -> String {
        let mut fields = url::form_urlencoded::parse(self.body.as_bytes());
        fields.find(|(field, _)| field == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// All of it, to look for what must not be there.
    pub fn text(&self) -> String {
        format!("{self:?}")
    }
}

type Answer = dyn Fn(&Seen) -> Option<(u16, String)> + Send + Sync;

pub struct Tap {
    /// Where it listens, without a slash at the end.
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A provider that a tap passes on to: its FHIR base, and the header it wants.
#[derive(Clone)]
pub struct Behind {
    pub base: String,
    pub header: (String, String),
}

impl Tap {
    pub async fn start(
        behind: Option<Behind>,
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&Seen) -> Option<(u16, String)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer): (_, Arc<Answer>) = (Arc::clone(&seen), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (behind, tls, kept, answer) = (behind.clone(), tls.clone(), Arc::clone(&kept), Arc::clone(&answer));
                tokio::spawn(async move {
                    let Some(tls) = tls else { return serve(stream, None, behind, &kept, &*answer).await };
                    let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await else { return };
                    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| Some(chain.first()?.to_vec()));
                    serve(stream, shown, behind, &kept, &*answer).await;
                });
            }
        });
        Self { url, seen }
    }

    /// What came since it was last asked.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

/// One request to a connection.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    certificate: Option<Vec<u8>>,
    behind: Option<Behind>,
    kept: &Mutex<Vec<Seen>>,
    answer: &Answer,
) {
    let Some(mut seen) = read(&mut stream).await else { return };
    seen.certificate = certificate;
    kept.lock().unwrap().push(seen.clone());
    let (status, body) = match (answer(&seen), behind) {
        (Some(own), _) => own,
        (None, Some(behind)) => pass_on(&seen, &behind).await,
        (None, None) => (404, "{}".to_owned()),
    };
    let kind = if seen.method == "POST" { "application/json" } else { "application/fhir+json" };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.split("\r\n");
            let mut first = lines.next()?.split(' ');
            let headers = lines.filter_map(|line| line.split_once(": "));
            let headers: BTreeMap<_, _> =
                headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
            let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
                return Some(Seen { method, path, headers, body: body.to_owned(), certificate: None });
            }
        }
        match stream.read(&mut piece).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&piece[..n]),
            _ => return None,
        }
    }
}

async fn pass_on(seen: &Seen, behind: &Behind) -> (u16, String) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}{}", behind.base, seen.path.strip_prefix("/fhir").expect("a path of the provider's"));
    let answer = http.get(url).header(&behind.header.0, &behind.header.1).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}
