use super::failed;
use crate::{
    domain::{NhsNumber, OdsCode},
    store::{DatabaseUrl, Store},
};
use clap::Subcommand;
use std::{error::Error, process::ExitCode};

#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Judge an endpoint, as it is judged before it may join (docs/PROBE.md): exit 0 if it passes, 1 if it fails, 2 if the
    /// probe could not begin. The report goes to stdout, how far it has come to stderr.
    Probe(Box<super::probe::ProbeArguments>),
    #[command(flatten)]
    Standing(StandingCommand),
}

#[derive(Debug, Subcommand)]
pub enum StandingCommand {
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
    let command = match command {
        ProviderCommand::Probe(arguments) => return super::probe::run(*arguments).await,
        ProviderCommand::Standing(command) => command,
    };
    match done(&command).await {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => failed("the provider's standing is unchanged", &error),
    }
}

async fn done(command: &StandingCommand) -> Result<String, Box<dyn Error>> {
    let (ods, database) = match command {
        StandingCommand::Suspend { ods, database, .. }
        | StandingCommand::Resume { ods, database }
        | StandingCommand::LiftQuarantine { ods, database, .. } => (OdsCode::parse(ods)?, database),
    };
    let standing = Store::open_existing(&DatabaseUrl::parse(database)?).await?.standing();
    let said = match command {
        StandingCommand::Suspend { reason, .. } => {
            standing.suspend(ods, reason).await?;
            "suspended"
        }
        StandingCommand::Resume { .. } if standing.resume(ods).await? => "resumed",
        StandingCommand::Resume { .. } => "was not suspended",
        StandingCommand::LiftQuarantine { patient, .. } => {
            let lifted = standing.lift_quarantine(ods, NhsNumber::parse(patient)?).await?;
            if lifted { "may be shown for this patient again" } else { "was not quarantined for this patient" }
        }
    };
    Ok(format!("{ods} {said}"))
}
