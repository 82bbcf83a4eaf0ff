use super::failed;
use crate::{
    access::{Policies, PolicyUnavailable},
    config::Config,
    store::{DatabaseUrl, Store},
};
use clap::Subcommand;
use std::{path::PathBuf, process::ExitCode};

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Put the configured policy in force, at once and on every node; with a fault in it, nothing changes and the exit is 1.
    Apply {
        #[arg(long)]
        config: PathBuf,
    },
    /// Which policy was put in force when, the last of which is; with a fingerprint, that policy's files.
    Show {
        #[arg(long)]
        database: String,
        #[arg(long)]
        fingerprint: Option<String>,
    },
}

pub async fn run(command: PolicyCommand) -> ExitCode {
    crate::telemetry::log(&Default::default());
    let done = match command {
        PolicyCommand::Apply { config } => apply(&config).await,
        PolicyCommand::Show { database, fingerprint } => show(&database, fingerprint.as_deref()).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => failed("the policy in force is unchanged", &error),
    }
}

async fn apply(path: &std::path::Path) -> Result<ExitCode, String> {
    let config = Config::load(path).map_err(|e| e.to_string())?;
    let url = DatabaseUrl::parse(&config.database.url()?).map_err(|e| e.to_string())?;
    let store = Store::open_existing(&url).await.map_err(|e| e.to_string())?;
    match Policies::new(store.policies(), config.policy.directory.clone()).apply().await {
        Ok(applied) => {
            let was = if applied.changed { "is in force" } else { "was in force already" };
            println!("{} {was}", applied.policy.fingerprint());
            Ok(ExitCode::SUCCESS)
        }
        Err(PolicyUnavailable::Faults(faults)) => {
            faults.iter().for_each(|fault| println!("{fault}"));
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error.to_string()),
    }
}

async fn show(database: &str, fingerprint: Option<&str>) -> Result<ExitCode, String> {
    let url = DatabaseUrl::parse(database).map_err(|e| e.to_string())?;
    let policies = Store::open_existing(&url).await.map_err(|e| e.to_string())?.policies();
    let Some(fingerprint) = fingerprint else {
        for change in policies.history().await.map_err(|e| e.to_string())? {
            println!("{} from {} (epoch {})", change.fingerprint, change.at.fhir(), change.from_epoch);
        }
        return Ok(ExitCode::SUCCESS);
    };
    let texts = policies.texts(fingerprint).await.map_err(|e| e.to_string())?;
    for (file, text) in texts.ok_or("no policy of this fingerprint ever was in force")? {
        println!("==> {file} <==\n{text}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts the node's policy directory in force, and says so: at its start, and when it is told to read it again.
pub async fn reload(policies: &Policies) -> Result<(), PolicyUnavailable> {
    let applied = policies.apply().await?;
    let fingerprint = applied.policy.fingerprint();
    if applied.changed {
        tracing::warn!(policy.fingerprint = %fingerprint, "another policy is in force, on every node");
        metrics::counter!("caregate_policy_changes_total").increment(1);
    } else {
        tracing::info!(policy.fingerprint = %fingerprint, "the policy was in force already");
    }
    if applied.policy.sensitivities().only_fixture {
        tracing::warn!(policy.fingerprint = %fingerprint, "sensitivities.json is only the fixture list");
    }
    Ok(())
}

/// What has a fault is told, and what is in force stays.
pub async fn reload_or_say(policies: &Policies) {
    match reload(policies).await {
        Ok(()) => {}
        Err(PolicyUnavailable::Faults(faults)) => {
            for fault in faults {
                tracing::error!(policy.fault = %fault, "the policy in the directory has a fault: what is in force stays");
            }
        }
        Err(error) => tracing::error!(error = %error, "the policy could not be put in force: what is in force stays"),
    }
}
