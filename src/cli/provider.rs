use super::failed;
use crate::{
    domain::{NhsNumber, OdsCode},
    store::{DatabaseUrl, Store},
};
use clap::Subcommand;
use std::{error::Error, process::ExitCode};

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
    /// Let a provider's data for one patient be shown again, after a person has looked at them.
    LiftQuarantine {
        ods: String,
        #[arg(long)]
        patient: String,
        #[arg(long)]
        database: String,
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
    match done(&command).await {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => failed("the provider's standing is unchanged", &error),
    }
}

async fn done(command: &ProviderCommand) -> Result<String, Box<dyn Error>> {
    let (ods, database) = match command {
        ProviderCommand::Suspend { ods, database, .. }
        | ProviderCommand::Resume { ods, database }
        | ProviderCommand::LiftQuarantine { ods, database, .. } => (OdsCode::parse(ods)?, database),
    };
    let standing = Store::open_existing(&DatabaseUrl::parse(database)?).await?.standing();
    let said = match command {
        ProviderCommand::Suspend { reason, .. } => {
            standing.suspend(ods, reason).await?;
            "suspended"
        }
        ProviderCommand::Resume { .. } if standing.resume(ods).await? => "resumed",
        ProviderCommand::Resume { .. } => "was not suspended",
        ProviderCommand::LiftQuarantine { patient, .. } => {
            let lifted = standing.lift_quarantine(ods, NhsNumber::parse(patient)?).await?;
            if lifted { "may be shown for this patient again" } else { "was not quarantined for this patient" }
        }
    };
    Ok(format!("{ods} {said}"))
}
