//! One light HTTP server on a port of its own.

use super::Host;
use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use std::net::TcpListener;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A bound port whose URL is known before anything answers there, because the answers name it.
pub struct Port {
    listener: TcpListener,
    /// Such as `http://127.0.0.1:40123`, without a slash at the end.
    pub url: String,
}

pub struct Running {
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

/// The ports of a region, one after the other.
pub struct Ports(Option<Host>);

impl Ports {
    pub fn of(host: Option<Host>) -> Self {
        Self(host)
    }

    pub fn next(&mut self) -> std::io::Result<Port> {
        let Some(Host { name, port }) = &mut self.0 else {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            let url = format!("http://{}", listener.local_addr()?);
            return Ok(Port { listener, url });
        };
        let listener = TcpListener::bind(("0.0.0.0", *port))?;
        let url = format!("http://{name}:{}", listener.local_addr()?.port());
        if *port > 0 {
            *port = port.saturating_add(1);
        }
        Ok(Port { listener, url })
    }
}

impl Port {
    /// Serves the routes that `routes` adds, until stopped.
    pub fn serve<F>(self, routes: F) -> std::io::Result<Running>
    where
        F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    {
        let server = HttpServer::new(move || App::new().configure(routes.clone()))
            .workers(1)
            .worker_max_blocking_threads(1)
            .disable_signals()
            // longer than a client keeps a connection idle, so that none is closed under a request
            .keep_alive(Duration::from_secs(120))
            .shutdown_timeout(1)
            .listen(self.listener)?
            .run();
        Ok(Running { handle: server.handle(), task: tokio::spawn(server) })
    }
}

impl Running {
    pub async fn stop(self) {
        self.handle.stop(true).await;
        // how it ended no longer matters: the port is free
        drop(self.task.await);
    }
}
