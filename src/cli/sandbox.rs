mod region_config;

use super::{
    failed,
    serve::{Serving, until_told},
};
use crate::{
    config::Config,
    domain::OdsCode,
    sandbox::{self, Host, Options, Region, data::Dataset},
    telemetry,
};
use clap::Args;
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

#[derive(Debug, Args)]
pub struct SandboxArguments {
    /// A region folder (region.json and NDJSON files); the built-in region if left out.
    #[arg(long)]
    data: Option<PathBuf>,
    /// sqlite:FILE or postgres://...; an SQLite file in the folder for state if left out.
    #[arg(long)]
    database: Option<String>,
    /// The gateway's port; 0 for any free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Written once all listen: {"gateway", "identity", "metrics", "index", "providers": {slug: url}}.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// Leave the region's patient index out of the configuration: the sources' own word says who a patient is.
    #[arg(long)]
    no_index: bool,
    /// Start the region without a gateway.
    #[arg(long, requires = "write_config")]
    region_only: bool,
    /// Write the configuration with which `caregate serve` joins the region.
    #[arg(long)]
    write_config: Option<PathBuf>,
    /// NAME:PORT. Listen on all addresses, from this port upwards, and be called by this name: a region on a machine of its own.
    #[arg(long, requires = "region_only")]
    host: Option<Host>,
    /// Where keys, database and checkpoints are kept.
    #[arg(long, default_value = "caregate-data")]
    state: PathBuf,
}

impl Default for SandboxArguments {
    fn default() -> Self {
        Self {
            data: None,
            host: None,
            database: None,
            port: 8080,
            ready_file: None,
            no_index: false,
            region_only: false,
            write_config: None,
            state: "caregate-data".into(),
        }
    }
}

pub async fn run(arguments: SandboxArguments) -> ExitCode {
    telemetry::log(&Default::default());
    match started(&arguments).await {
        Ok(code) => code,
        Err(error) => failed("the sandbox did not start", &error),
    }
}

async fn started(arguments: &SandboxArguments) -> Result<ExitCode, String> {
    let told = until_told();
    let patients = match &arguments.data {
        Some(folder) => Dataset::load(folder).map_err(|e| e.to_string())?,
        None => Dataset::builtin(),
    }
    .patients;
    let options = Options { data: arguments.data.clone(), host: arguments.host.clone() };
    let mut region = sandbox::start(options).await.map_err(|e| e.to_string())?;
    if arguments.no_index {
        region.index = None;
    }
    // with a configuration to write, its keys stand beside it; else in the folder for state
    let folder = match &arguments.write_config {
        Some(file) => file.with_extension("d"),
        None => arguments.state.clone(),
    };
    let text = region_config::write(&region, arguments.port, arguments.database.as_deref(), &folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?;
    if let Some(file) = &arguments.write_config {
        fs::write(file, &text).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    let serving = if arguments.region_only {
        None
    } else {
        Some(Serving::start(&Config::parse(&text).map_err(|e| e.to_string())?).await?)
    };
    if let Some(file) = &arguments.ready_file {
        ready(file, &region, serving.as_ref()).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    match (&serving, &arguments.write_config) {
        (Some(serving), _) => {
            let found = Walk::of(&region, &patients);
            let variables = folder.join("sandbox.env");
            fs::write(&variables, found.variables(serving, &region, &folder)).map_err(|e| e.to_string())?;
            println!("{}", found.greeting(serving, &region, &variables.display().to_string()));
        }
        (None, Some(file)) => println!(
            "The region runs without a gateway. Identity provider: {}\nJoin it with: caregate serve --config {}",
            region.identity,
            file.display()
        ),
        (None, None) => {}
    }
    told.await;
    if let Some(serving) = serving {
        serving.stop().await;
    }
    region.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Written whole or not at all: whoever waits for the file may read it at once.
fn ready(file: &PathBuf, region: &Region, serving: Option<&Serving>) -> io::Result<()> {
    let providers: BTreeMap<&str, &str> = region.providers.iter().map(|p| (p.slug.as_str(), p.url.as_str())).collect();
    let ready = json!({
        "gateway": serving.map(|s| s.url.as_str()),
        "identity": region.identity,
        "index": region.index.as_ref().map(|index| index.url.as_str()),
        "metrics": serving.and_then(|s| s.metrics).map(|address| format!("http://{address}/metrics")),
        "providers": providers,
    });
    let written = file.with_extension("part");
    fs::write(&written, ready.to_string())?;
    fs::rename(written, file)
}

/// The three requests that a newcomer is shown, with people who fit them in whatever region is loaded.
struct Walk {
    /// A patient of the first practice, whom other organisations know too, and one of another practice.
    patient: String,
    stranger: String,
    persona: &'static str,
    /// A hospital that knows the patient, to be taken down.
    hospital: String,
}

impl Walk {
    fn of(region: &Region, patients: &[sandbox::data::PatientInfo]) -> Self {
        let practice = OdsCode::parse("F99001").ok();
        let own = patients.iter().filter(|p| Some(p.gp_practice) == practice).max_by_key(|p| p.held_by.len());
        let stranger = patients.iter().find(|p| Some(p.gp_practice) != practice);
        let hospital = region
            .providers
            .iter()
            .find(|p| p.kind == "acute-trust" && own.is_some_and(|patient| patient.held_by.contains(&p.slug)));
        let number = |patient: Option<&sandbox::data::PatientInfo>| patient.map(|p| p.nhs_number.digits());
        Self {
            patient: number(own).unwrap_or_default(),
            stranger: number(stranger).unwrap_or_default(),
            persona: "gp-saltmarsh",
            hospital: hospital.or(region.providers.first()).map(|p| p.url.clone()).unwrap_or_default(),
        }
    }

    /// For the README's three curls: `. caregate-data/sandbox.env`.
    fn variables(&self, serving: &Serving, region: &Region, folder: &Path) -> String {
        format!(
            "GATEWAY={}\nIDENTITY={}\nPERSONA={}\nPATIENT={}\nSTRANGER={}\nHOSPITAL={}\nCLIENT={}\nCLIENT_KEY={}\n",
            serving.url,
            region.identity,
            self.persona,
            self.patient,
            self.stranger,
            self.hospital.trim_end_matches("/fhir"),
            region_config::CLIENT,
            folder.join("client.pem").display(),
        )
    }

    fn greeting(&self, serving: &Serving, region: &Region, variables: &str) -> String {
        let mut text = format!(
            "caregate sandbox: a pretend care region; every patient in it is made up\n\n  pages              {}/\n  gateway            {}/fhir\n",
            serving.url, serving.url
        );
        if let Some(metrics) = serving.metrics {
            text.push_str(&format!("  metrics            http://{metrics}/metrics\n"));
        }
        text.push_str(&format!(
            "  token endpoint     {}/oauth/token (client: {})\n",
            serving.url,
            region_config::CLIENT
        ));
        text.push_str(&format!("  identity provider  {} (personas: {}/personas)\n", region.identity, region.identity));
        for provider in region.index.iter().chain(&region.providers) {
            text.push_str(&format!("  {:<18} {}  ({})\n", provider.slug, provider.url, provider.name));
        }
        text.push_str(&format!(
            r#"
Try it, in another terminal:

  . {variables}
  TOKEN=$(curl -s -d grant_type=persona -d persona=$PERSONA $IDENTITY/token | sed 's/.*"access_token":"\([^"]*\).*/\1/')
  NHS='https://fhir.nhs.uk/Id/nhs-number|'

  1. A joined-up answer, to the patient's own GP:
     curl -s -G $GATEWAY/fhir/Observation -H "Authorization: Bearer $TOKEN" --data-urlencode "patient.identifier=$NHS$PATIENT"

  2. The uniform refusal, for a patient of another practice:
     curl -s -G $GATEWAY/fhir/Observation -H "Authorization: Bearer $TOKEN" --data-urlencode "patient.identifier=$NHS$STRANGER"

  3. One provider down: the answer says so:
     curl -s $HOSPITAL/control -d '{{"fault":"error","status":503}}' >/dev/null
     curl -s -G $GATEWAY/fhir/Condition -H "Authorization: Bearer $TOKEN" --data-urlencode "patient.identifier=$NHS$PATIENT"
"#
        ));
        text
    }
}
