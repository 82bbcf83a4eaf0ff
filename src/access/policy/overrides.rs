use super::{PolicyFault, texts::Texts};
use serde::Deserialize;
use std::time::Duration;

/// How long an override lasts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    seconds: u32,
    why: String,
}

impl Overrides {
    /// A day: past it, it is no emergency any more.
    const LONGEST: u32 = 24 * 3_600;

    pub fn read(text: &str) -> Result<Self, Vec<PolicyFault>> {
        const FILE: &str = Texts::OVERRIDES_FILE;
        let found: Self = serde_json::from_str(text)
            .map_err(|error| vec![PolicyFault::new(FILE, format!("line {}", error.line()), error.to_string())])?;
        if !(1..=Self::LONGEST).contains(&found.seconds) || found.why.trim().is_empty() {
            let problem = "an override lasts 1 second to a day (86400), and needs a why for its reviewer";
            return Err(vec![PolicyFault::new(FILE, "seconds", problem)]);
        }
        Ok(found)
    }

    pub fn lasts(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}
