use super::{assemble::assemble, failed, policy};
use crate::{
    api::{self, Listening, Node, Running},
    config::Config,
    story::Gateway,
    telemetry,
};
use actix_web::web;
use std::{net::SocketAddr, path::Path, process::ExitCode, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

pub async fn run(path: &Path) -> ExitCode {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(faults) => {
            telemetry::log(&Default::default());
            return failed("the configuration has faults", &faults);
        }
    };
    telemetry::log(&config.log);
    let told = until_told();
    let gateway = match Serving::start(&config).await {
        Ok(gateway) => gateway,
        Err(error) => return failed("the gateway did not start", &error),
    };
    println!("caregate listens at {}", gateway.url);
    told.await;
    gateway.stop().await;
    ExitCode::SUCCESS
}

/// A gateway that listens.
pub struct Serving {
    /// The base that callers use.
    pub url: String,
    pub metrics: Option<SocketAddr>,
    node: web::Data<Node>,
    running: Running,
}

impl Serving {
    pub async fn start(config: &Config) -> Result<Self, String> {
        let listen = config.gateway.listen;
        // bound before anything else: the port is part of the URLs that answers hold
        let listener =
            std::net::TcpListener::bind(listen).map_err(|e| format!("{listen} cannot be listened at: {e}"))?;
        listener.set_nonblocking(true).map_err(|e| e.to_string())?;
        let bound = listener.local_addr().map_err(|e| e.to_string())?;
        let url = match &config.gateway.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{bound}"),
        };
        let node = assemble(config, &url).await?;
        actix_web::rt::spawn(reload_when_told(node.clone()));
        let listening = Listening {
            listener,
            metrics: config.gateway.metrics_listen,
            workers: config.gateway.workers,
            drain: Duration::from_secs(config.gateway.drain_seconds),
        };
        let running = api::serve(node.clone(), listening).map_err(|e| e.to_string())?;
        tracing::info!(gateway.address = %bound, "gateway started");
        Ok(Self { url, metrics: running.metrics, node, running })
    }

    /// Lets requests under way end, then writes what the audit still holds and a last checkpoint.
    pub async fn stop(self) {
        tracing::info!("gateway stops: requests under way may end");
        self.running.drain().await;
        self.node.bad_tokens.flush();
        self.node.gateway.log.close().await;
        tracing::info!("gateway stopped");
    }
}

/// Reads the policy directory and the secrets of providers again at each SIGHUP from the call on. What has a fault is told,
/// and what was in force stays.
fn reload_when_told(node: web::Data<Node>) -> impl Future<Output = ()> {
    let told = signal(SignalKind::hangup());
    async move {
        let Ok(mut told) = told else { return };
        while told.recv().await.is_some() {
            policy::reload_or_say(&node.gateway.policies).await;
            let node = node.clone();
            // files, and keys to be checked: not on the event loop
            drop(actix_web::rt::task::spawn_blocking(move || reload_secrets(&node.gateway)).await);
        }
    }
}

fn reload_secrets(gateway: &Gateway) {
    for (provider, what) in gateway.registries.reload_secrets() {
        tracing::error!(provider.ods = %provider, secret.fault = %what, "a secret cannot be used: the one before stays");
    }
    if let Some(Err(what)) = gateway.statements.as_ref().map(|statements| statements.reload()) {
        tracing::error!(secret.fault = %what, "the key of statements cannot be used: the one before stays");
    }
    for (place, what) in gateway.authorisation.iter().flat_map(|authorisation| authorisation.reload()) {
        tracing::error!(secret.place = place, secret.fault = %what, "a key of tokens cannot be used: the one before stays");
    }
    tracing::info!("the secrets were read again");
}

/// Waits for SIGTERM or an interrupt, from the call on: made before the first thing is started, so that no signal ends the
/// process undrained.
pub fn until_told() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else { return std::future::pending().await };
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    }
}
