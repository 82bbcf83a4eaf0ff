use super::assemble::verifier;
use crate::{
    access::Policy,
    config::Config,
    registry::Registry,
    store::{DatabaseUrl, Store},
};
use std::{path::Path, process::ExitCode, time::Duration};

/// Every fault on stdout, one a line; exit 1 if there is any. A note is no fault.
pub async fn run(path: &Path) -> ExitCode {
    let mut notes = Vec::new();
    let faults = faults(path, &mut notes).await;
    for fault in &faults {
        println!("{fault}");
    }
    for note in notes {
        println!("note: {note}");
    }
    if faults.is_empty() {
        println!("{}: no faults", path.display());
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

const ONLY_FIXTURE: &str = "sensitivities.json is the fixture list, a few codes for trying out: before patients' records are shared, \
     put a reviewed reference set in its place (docs/ACCESS.md, Sensitivity)";

async fn faults(path: &Path, notes: &mut Vec<&'static str>) -> Vec<String> {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(faults) => return faults.0.iter().map(|fault| format!("{}: {}", fault.place, fault.what)).collect(),
    };
    let mut faults = Vec::new();
    match Policy::load(config.policy.directory.as_deref()) {
        Err(found) => faults.extend(found.iter().map(|fault| format!("policy: {fault}"))),
        Ok(policy) => {
            if policy.sensitivities().only_fixture {
                notes.push(ONLY_FIXTURE);
            }
            let providers = config.providers.iter().map(|provider| (provider.ods, &provider.kind));
            let others = config.organisations.iter().map(|organisation| (organisation.ods, &organisation.kind));
            let unknown = providers.chain(others).filter(|(_, kind)| !policy.knows_organisations(kind));
            faults.extend(unknown.map(|(ods, kind)| {
                format!("{ods}: `{kind}` is no kind of organisation in the policy's organisations.json: its people could read nothing")
            }));
        }
    }
    let base = config.gateway.public_url.as_ref().map_or("http://localhost", |url| url.as_str().trim_end_matches('/'));
    let tokens = config.keys.issued_tokens(base).and_then(Result::ok);
    if let Err(error) = verifier(&config, tokens.as_ref()) {
        faults.push(format!("[[issuer]]: {error}"));
    }
    if let Err(error) =
        Registry::new(&config.providers, &config.organisations, Duration::from_millis(config.federation.deadline_ms))
    {
        faults.push(format!("[[provider]]: {error}"));
    }
    match config.database.url().map(|url| DatabaseUrl::parse(&url)) {
        // a database that does not exist yet will be made at start: only what is there is looked at
        Ok(Ok(url)) if url.is_there() => {
            if let Err(fault) = Store::open_existing(&url).await {
                faults.push(format!("database: {fault}"));
            }
        }
        Ok(Ok(_)) => {}
        Ok(Err(fault)) => faults.push(format!("database: {fault}")),
        Err(error) => faults.push(format!("database: {error}")),
    }
    faults
}
