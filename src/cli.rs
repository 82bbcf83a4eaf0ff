//! The program's commands. What a command is asked for goes to stdout; logs go to stderr.

mod assemble;
mod audit;
mod check;
mod explain;
mod policy;
mod probe;
mod provider;
mod sandbox;
mod serve;
mod token;
mod user;

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// A shared care record gateway: one audited, joined-up answer from many FHIR R4 providers.
#[derive(Debug, Parser)]
#[command(name = "caregate", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the gateway with a pretend region around it (the default).
    Sandbox(sandbox::SandboxArguments),
    /// Start the gateway, as deployed.
    Serve {
        /// The configuration file (TOML); `CAREGATE__SECTION__KEY` variables override it.
        #[arg(long)]
        config: PathBuf,
    },
    /// Validate configuration, policies, keys and database settings; names every fault.
    Check {
        #[arg(long)]
        config: PathBuf,
    },
    /// The audit log, without the gateway.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Why a request of long ago was answered as it was: the decision, made again by the policy and the facts of then.
    Explain {
        #[arg(long)]
        database: String,
        /// Its X-Request-ID.
        #[arg(long)]
        request: String,
    },
    /// The policy in force.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// A provider's standing.
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
    /// What a client needs to ask for a token.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// A user's standing.
    #[command(subcommand)]
    User(user::UserCommand),
}

/// Runs a command to its end.
pub fn run(arguments: Arguments) -> ExitCode {
    let command = arguments.command.unwrap_or_else(|| Command::Sandbox(sandbox::SandboxArguments::default()));
    // both are pulled in by dependencies; without a choice the first TLS connection would panic
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    actix_web::rt::System::with_tokio_rt(runtime).block_on(async {
        match command {
            Command::Sandbox(arguments) => sandbox::run(arguments).await,
            Command::Serve { config } => serve::run(&config).await,
            Command::Check { config } => check::run(&config).await,
            Command::Audit(command) => audit::run(command).await,
            Command::Explain { database, request } => explain::run(&database, &request).await,
            Command::Policy(command) => policy::run(command).await,
            Command::Provider(command) => provider::run(command).await,
            Command::Token(command) => token::run(command),
            Command::User(command) => user::run(command).await,
        }
    })
}

/// The runtime of everything but the HTTP workers: the audit's writer, key refresh, checkpoints.
fn runtime() -> tokio::runtime::Runtime {
    #[expect(clippy::expect_used, reason = "a process that cannot start threads cannot do anything")]
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be started")
}

/// Says what went wrong, on stderr through the log, and how the process ends.
fn failed(what: &str, error: &dyn std::fmt::Display) -> ExitCode {
    tracing::error!(error = %error, "{what}");
    ExitCode::FAILURE
}
