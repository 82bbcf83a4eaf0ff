use super::{Node, fhir, health, public, token};
use actix_web::{App, HttpServer, dev::ServerHandle, rt, web};
use std::{io, net::SocketAddr, time::Duration};

/// The listeners of one node.
pub struct Running {
    pub address: SocketAddr,
    pub metrics: Option<SocketAddr>,
    handles: Vec<ServerHandle>,
}

/// How the servers listen.
pub struct Listening {
    pub listener: std::net::TcpListener,
    pub metrics: Option<SocketAddr>,
    pub workers: usize,
    pub drain: Duration,
}

/// Starts the public listener and the metrics listener. `pages` adds what is for people, and answers what is nowhere.
pub fn serve(
    node: web::Data<Node>,
    listening: Listening,
    pages: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Running> {
    let Listening { listener, metrics, workers, drain } = listening;
    let address = listener.local_addr()?;
    let data = node.clone();
    let public = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .route("/health/live", web::get().to(health::live))
            .route("/health/ready", web::get().to(health::ready))
            .route("/.well-known/smart-configuration", web::get().to(public::smart_configuration))
            .route("/fhir/.well-known/smart-configuration", web::get().to(public::smart_configuration))
            .route("/.well-known/jwks.json", web::get().to(public::key_set))
            .route("/oauth/token", web::route().to(token::token))
            .route("/fhir/metadata", web::get().to(public::metadata))
            .route("/fhir/{path:.*}", web::route().to(fhir::fhir))
            .configure(pages.clone())
    })
    .workers(workers)
    .shutdown_timeout(drain.as_secs())
    // a caller that sends its headers a byte at a time is let go
    .client_request_timeout(Duration::from_secs(10))
    .client_disconnect_timeout(Duration::from_secs(2))
    .keep_alive(Duration::from_secs(75))
    // an answer goes out in several writes: with Nagle's algorithm each would wait 40 ms for the caller's acknowledgement
    .tcp_nodelay(true)
    .disable_signals()
    .listen(listener)?
    .run();
    let mut handles = vec![public.handle()];
    rt::spawn(public);
    let mut metrics_address = None;
    if let Some(address) = metrics {
        let bound = HttpServer::new(move || {
            App::new().app_data(node.clone()).route("/metrics", web::get().to(health::metrics))
        })
        .workers(1)
        .disable_signals()
        .bind(address)?;
        metrics_address = bound.addrs().first().copied();
        let server = bound.run();
        handles.push(server.handle());
        rt::spawn(server);
    }
    Ok(Running { address, metrics: metrics_address, handles })
}

impl Running {
    /// Takes no more requests and lets those under way end, within the drain time.
    pub async fn drain(self) {
        for handle in self.handles {
            handle.stop(true).await;
        }
    }
}
