//! `caregate provider probe URL`: an endpoint judged from here, without a gateway and without a database.

use crate::{
    domain::{NhsNumber, OdsCode, SecretRef},
    fhir::ResourceType,
    probe::{Progress, Target, probe},
    registry::{CredentialConfig, Idiom, Locate, ProviderConfig, ReaderContext},
};
use clap::{Args, ValueEnum};
use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use url::Url;

#[derive(Debug, Args)]
pub struct ProbeArguments {
    /// The endpoint's FHIR base URL.
    url: Url,
    /// The NHS number of a test patient that the provider supplies, of the 999 range; best two or more.
    #[arg(long = "patient", value_name = "NHSNUMBER")]
    patients: Vec<String>,
    /// A type of resource that it says it serves; what its CapabilityStatement claims where none is given.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// How it wants to be asked for a patient's resources.
    #[arg(long, value_enum, default_value_t = AskedBy::ResolveFirst)]
    idiom: AskedBy,
    /// A file that holds the bearer token it wants to see.
    #[arg(long, value_name = "FILE")]
    bearer_file: Option<PathBuf>,
    /// It may be inside a private network.
    #[arg(long)]
    allow_private: bool,
    /// It may be reached by plain http.
    #[arg(long)]
    allow_http: bool,
    /// The only authorities whose certificates it may have, in PEM.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Milliseconds for one answer.
    #[arg(long, default_value_t = 3_000)]
    deadline_ms: u64,
    /// The report as JSON (docs/PROBE.md).
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AskedBy {
    Chained,
    ResolveFirst,
}

/// It stands in for the code of an organisation that is not registered yet.
const NOBODY: &str = "X26";

pub async fn run(arguments: ProbeArguments) -> ExitCode {
    let json = arguments.json;
    let target = match target(arguments) {
        Ok(target) => target,
        Err(faults) => {
            // a probe that does not begin is no probe that failed
            let _ = writeln!(io::stderr(), "the probe cannot begin: {}", faults.join("; "));
            return ExitCode::from(2);
        }
    };
    let report = probe(&target, |Progress { done, total, what }| {
        // whoever reads may have gone: that is no reason to stop
        let _ = writeln!(io::stderr(), "[{done:>3}/{total}] {}", if what.is_empty() { "done" } else { &what });
    })
    .await;
    let written = if json { serde_json::to_string_pretty(&report).unwrap_or_default() } else { report.to_string() };
    println!("{}", written.trim_end());
    if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn target(arguments: ProbeArguments) -> Result<Target, Vec<String>> {
    let mut faults = Vec::new();
    let mut patients = Vec::new();
    for text in &arguments.patients {
        match NhsNumber::parse(text) {
            Ok(number) => patients.push(number),
            Err(fault) => faults.push(format!("--patient: {fault}")),
        }
    }
    let mut types = Vec::new();
    for name in &arguments.types {
        match ResourceType::parse(name) {
            Some(of) => types.push(of),
            None => faults.push(format!("--type {name}: no type that a record has here")),
        }
    }
    let ods = OdsCode::parse(NOBODY).map_err(|fault| vec![fault.to_string()])?;
    let config = ProviderConfig {
        ods,
        name: "the endpoint".to_owned(),
        kind: "unknown".to_owned(),
        base_url: arguments.url,
        replicas: Vec::new(),
        ca: arguments.ca.map(SecretRef::File),
        idiom: match arguments.idiom {
            AskedBy::Chained => Idiom::Chained,
            AskedBy::ResolveFirst => Idiom::ResolveFirst,
        },
        credential: arguments.bearer_file.map(|file| CredentialConfig::Bearer(SecretRef::File(file))),
        client_certificate: None,
        reader_context: ReaderContext::Untold,
        deadline_ms: Some(arguments.deadline_ms),
        max_calls: None,
        allow_private_addresses: arguments.allow_private,
        allow_http: arguments.allow_http,
        restricted: false,
        locate: Locate::Always,
        push_down: true,
    };
    faults.extend(config.faults().into_iter().map(as_argument));
    if !faults.is_empty() {
        return Err(faults);
    }
    let provider = config.provider(Duration::from_secs(3)).map_err(|fault| vec![fault])?;
    Target::new(Arc::new(provider), patients, types).map_err(|fault| vec![fault.to_string()])
}

/// What is wrong with a configuration, in the words of this command.
fn as_argument(fault: String) -> String {
    let fault = fault.replace("set allow_private_addresses if meant", "say --allow-private if that is meant");
    let fault = fault.replace("set allow_http if that is meant", "say --allow-http if that is meant");
    let fault = fault.replace("base_url", "the URL").replace("; use credential", "; use --bearer-file");
    fault.replace("credential: ", "--bearer-file: ").replace("deadline_ms", "--deadline-ms")
}
