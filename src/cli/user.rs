use super::failed;
use crate::store::{DatabaseUrl, Store};
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Refuse a user from now on, whatever tokens they hold, on every node.
    Revoke {
        /// The `iss` of their tokens.
        issuer: String,
        /// The `sub` of their tokens.
        subject: String,
        #[arg(long)]
        database: String,
        #[arg(long)]
        reason: String,
    },
}

pub async fn run(command: UserCommand) -> ExitCode {
    crate::telemetry::log(&Default::default());
    let UserCommand::Revoke { issuer, subject, database, reason } = command;
    let url = match DatabaseUrl::parse(&database) {
        Ok(url) => url,
        Err(error) => return failed("no such database", &error),
    };
    let store = match Store::open_existing(&url).await {
        Ok(store) => store,
        Err(error) => return failed("the database could not be opened", &error),
    };
    match store.facts().revoke(&issuer, &subject, &reason).await {
        Ok(()) => {
            println!("{subject} of {issuer} revoked");
            ExitCode::SUCCESS
        }
        Err(error) => failed("the database refused", &error),
    }
}
