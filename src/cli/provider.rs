use super::failed;
use crate::{
    domain::OdsCode,
    store::{DatabaseUrl, Store},
};
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Show nothing more of a provider, at once and on every node.
    Suspend {
        ods: String,
        #[arg(long)]
        database: String,
        #[arg(long)]
        reason: String,
    },
    /// Lift a suspension.
    Resume {
        ods: String,
        #[arg(long)]
        database: String,
    },
}

pub async fn run(command: ProviderCommand) -> ExitCode {
    crate::telemetry::log(&Default::default());
    let (ods, database) = match &command {
        ProviderCommand::Suspend { ods, database, .. } | ProviderCommand::Resume { ods, database } => (ods, database),
    };
    let ods = match OdsCode::parse(ods) {
        Ok(ods) => ods,
        Err(error) => return failed("no such organisation", &error),
    };
    let url = match DatabaseUrl::parse(database) {
        Ok(url) => url,
        Err(error) => return failed("no such database", &error),
    };
    let store = match Store::open_existing(&url).await {
        Ok(store) => store,
        Err(error) => return failed("the database could not be opened", &error),
    };
    let standing = store.standing();
    let (done, said) = match &command {
        ProviderCommand::Suspend { reason, .. } => (standing.suspend(ods, reason).await, "suspended"),
        ProviderCommand::Resume { .. } => match standing.resume(ods).await {
            Ok(was) => (Ok(()), if was { "resumed" } else { "was not suspended" }),
            Err(error) => (Err(error), ""),
        },
    };
    match done {
        Ok(()) => {
            println!("{ods} {said}");
            ExitCode::SUCCESS
        }
        Err(error) => failed("the database refused", &error),
    }
}
