//! A gateway that joins a region by a configuration which the test has changed before.

use crate::{
    harness::{Around, Gate},
    program::Region,
};
use serde_json::Value;
use std::{fs, path::PathBuf};

/// One `[[provider]]` of a configuration, to be changed.
pub struct Entry(pub String);

impl Entry {
    /// Sets a key, or with an empty value takes it away.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        let start = format!("{key} = ");
        let mut lines: Vec<_> = self.0.lines().filter(|line| !line.starts_with(&start)).map(str::to_owned).collect();
        if !value.is_empty() {
            lines.insert(1, format!("{start}{value}"));
        }
        self.0 = lines.join("\n");
        self
    }
}

/// The configuration with this provider's entry changed.
pub fn with(config: &str, ods: &str, change: impl FnOnce(Entry) -> Entry) -> String {
    let wanted = format!("ods = \"{ods}\"");
    let mut parts: Vec<String> = config.split("[[provider]]").map(str::to_owned).collect();
    let part = parts.iter_mut().find(|part| part.contains(&wanted)).expect("a provider of the region");
    *part = change(Entry(part.trim_end().to_owned())).0 + "\n\n";
    parts.join("[[provider]]")
}

impl Region {
    /// Where the region wrote this secret.
    pub fn secret(&self, file: &str) -> PathBuf {
        self.file().with_extension("d").join(file)
    }

    /// The address of a provider of the region, below which its FHIR base is.
    pub fn provider(&self, slug: &str) -> String {
        self.ready()["providers"][slug].as_str().unwrap().trim_end_matches("/fhir").to_owned()
    }

    fn ready(&self) -> Value {
        serde_json::from_slice(&fs::read(self.folder.path().join("ready.json")).unwrap()).unwrap()
    }

    /// Starts a gateway by this configuration, with these variables in its environment.
    pub fn join(&self, config: &str, variables: &[(&'static str, &str)]) -> Gate {
        self.join_on(None, config, variables)
    }

    /// The same on this database.
    pub fn join_on(&self, database: Option<String>, config: &str, variables: &[(&'static str, &str)]) -> Gate {
        let folder = tempfile::tempdir().unwrap();
        let own = || format!("sqlite:{}", folder.path().join("caregate.db").display());
        let database = database.unwrap_or_else(own);
        let file = folder.path().join("caregate.toml");
        fs::write(&file, config).unwrap();
        let mut settings: Vec<_> = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        settings.push(("CAREGATE__DATABASE__URL", database.clone()));
        // what providers hear is counted here; what they declare is told in `push_down`
        settings.push(("CAREGATE__FEDERATION__CAPABILITY_REFRESH_SECONDS", "0".to_owned()));
        let ready = self.ready();
        let identity = ready["identity"].as_str().unwrap().to_owned();
        let providers = serde_json::from_value(ready["providers"].clone()).unwrap();
        Gate::serve(folder, &file, &settings, Around { identity, metrics: String::new(), providers, database })
    }
}
