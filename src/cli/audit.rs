use super::failed;
use crate::{
    audit::{
        Checkpoint, LogId, Signer, VerifierKey,
        shown::{self, Item},
        verify::{self, Outside},
    },
    config::Config,
    domain::{NhsNumber, OdsCode, RequestId},
    store::{DatabaseUrl, Store},
};
use clap::Subcommand;
use std::{fs, path::PathBuf, process::ExitCode};

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Recompute every log: exit 0 if all holds, 1 with the first bad row; says what was proved and what could not be.
    Verify {
        #[arg(long)]
        database: String,
        /// The keys that checkpoints are signed by, one a line (`name+hash+key`).
        #[arg(long)]
        public_key: Option<PathBuf>,
        /// Checkpoints that were kept elsewhere.
        #[arg(long)]
        checkpoint: Option<PathBuf>,
    },
    /// The public key of a node's log, as `verify --public-key` reads it: keep it where the database's owner cannot write.
    Key {
        #[arg(long)]
        config: PathBuf,
        /// Another node's that has the same key; this configuration's own if left out.
        #[arg(long)]
        node: Option<String>,
    },
    /// What one request put on a screen: its X-Request-ID.
    Release {
        request_id: String,
        #[arg(long)]
        database: String,
    },
    /// Everyone who was shown an item: its source's ODS code, and Type/id as the source calls it.
    Shown {
        source: String,
        item: String,
        #[arg(long)]
        database: String,
        /// Whose it is, where that is known: much faster.
        #[arg(long)]
        patient: Option<String>,
    },
}

pub async fn run(command: AuditCommand) -> ExitCode {
    crate::telemetry::log(&Default::default());
    match told(command).await {
        Ok(code) => code,
        Err(error) => failed("the audit could not be read", &error),
    }
}

async fn told(command: AuditCommand) -> Result<ExitCode, String> {
    match command {
        AuditCommand::Verify { database, public_key, checkpoint } => {
            let text = |file: Option<PathBuf>| {
                file.map(|f| fs::read_to_string(&f).map_err(|e| format!("{}: {e}", f.display()))).transpose()
            };
            let keys = text(public_key)?.map(|t| VerifierKey::parse_all(&t)).transpose().map_err(|e| e.to_string())?;
            let held = text(checkpoint)?.map(|t| Checkpoint::parse_all(&t)).transpose().map_err(|e| e.to_string())?;
            let outside = Outside { keys: keys.unwrap_or_default(), held: held.unwrap_or_default() };
            let store = opened(&database).await?;
            let report = verify::verify(&*store.log_reader(), &outside).await.map_err(|e| e.to_string())?;
            print!("{report}");
            Ok(if report.ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        AuditCommand::Key { config, node } => {
            let config = Config::load(&config).map_err(|e| e.to_string())?;
            let log = LogId::parse(node.as_deref().unwrap_or(&config.gateway.node)).map_err(|e| e.to_string())?;
            let seed = config.keys.checkpoint.key().map_err(|e| format!("keys.checkpoint: {e}"))?;
            let signer = Signer::new(&config.audit.origin, &seed).map_err(|e| e.to_string())?;
            println!("{}", signer.verifier_key(&log));
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Release { request_id, database } => {
            let request = RequestId::parse(&request_id).ok_or("an X-Request-ID is a UUID")?;
            let store = opened(&database).await?;
            let screens = shown::release(&*store.log_reader(), request).await.map_err(|e| e.to_string())?;
            if screens.is_empty() {
                println!("Nothing was released under this request id.");
            }
            for screen in screens {
                println!("{} {}", screen.row.at.fhir(), screen.row.request);
                screen.shown.iter().for_each(|item| println!("  shown     {}", line(item)));
                screen.withheld.iter().for_each(|item| println!("  withheld  {}", line(item)));
                screen.missing.iter().for_each(|answer| println!("  erased    {}", answer.0));
            }
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Shown { source, item, database, patient } => {
            let source = OdsCode::parse(&source).map_err(|e| e.to_string())?;
            let patient = patient.map(|p| NhsNumber::parse(&p)).transpose().map_err(|e| e.to_string())?;
            let store = opened(&database).await?;
            let viewers = shown::shown(&*store.log_reader(), source, std::slice::from_ref(&item), patient)
                .await
                .map_err(|e| e.to_string())?;
            if viewers.is_empty() {
                println!("Nobody was shown this item.");
            }
            for viewer in viewers {
                let who = viewer.who.map(|w| {
                    let organisation = w.organisation.map(|o| o.to_string()).unwrap_or_default();
                    format!("{} {} {organisation}", w.user.unwrap_or(w.subject), w.name.unwrap_or_default())
                });
                let who = who.unwrap_or_default();
                println!("{} {} {who} {}", viewer.at.fhir(), viewer.request_id, line(&viewer.item));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn opened(database: &str) -> Result<Store, String> {
    let url = DatabaseUrl::parse(database).map_err(|e| e.to_string())?;
    Store::open_existing(&url).await.map_err(|e| e.to_string())
}

fn line(item: &Item) -> String {
    let version = item.version.as_deref().unwrap_or("-");
    format!("{} {} version {version} sha256 {}", item.source, item.reference, item.hash)
}
