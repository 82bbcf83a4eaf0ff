use super::failed;
use crate::identity::{SigningKey, client_assertion};
use clap::Subcommand;
use std::{path::PathBuf, process::ExitCode};

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Sign a client assertion, as a client does before each request for a token: for trying out.
    Assertion {
        /// The client's private key: PEM, or a JWK.
        #[arg(long)]
        key: PathBuf,
        /// The key's id, as the client is registered with it; its thumbprint if left out.
        #[arg(long)]
        kid: Option<String>,
        #[arg(long)]
        client: String,
        /// The token endpoint.
        #[arg(long)]
        audience: String,
    },
}

pub fn run(command: TokenCommand) -> ExitCode {
    crate::telemetry::log(&Default::default());
    let TokenCommand::Assertion { key, kid, client, audience } = command;
    let read = std::fs::read_to_string(&key).map_err(|e| e.to_string());
    let signing = read.and_then(|text| SigningKey::read(&text, None, kid.as_deref()));
    let signing = match signing {
        Ok(signing) => signing,
        Err(what) => return failed("the key cannot be used", &format!("{}: {what}", key.display())),
    };
    match client_assertion(&signing, &client, &audience) {
        Some(assertion) => {
            println!("{assertion}");
            ExitCode::SUCCESS
        }
        None => failed("the assertion could not be signed", &key.display()),
    }
}
