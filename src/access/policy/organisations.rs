use super::{Kinds, PolicyFault, Roles, texts::Texts};
use serde::Deserialize;
use std::collections::HashMap;

/// The reviewed table of kinds of organisation: what their people may reach at most, whatever their job roles do.
pub(in crate::access) struct Organisations {
    kinds: HashMap<String, Kinds>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    groups: Vec<GroupRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupRow {
    name: String,
    why: String,
    /// None: recipients of disclosures, never readers.
    reaches: Vec<String>,
    kinds: Vec<String>,
}

impl Organisations {
    pub fn read(text: &str, roles: &Roles) -> Result<Self, Vec<PolicyFault>> {
        const FILE: &str = Texts::ORGANISATIONS_FILE;
        let table: Table = serde_json::from_str(text)
            .map_err(|error| vec![PolicyFault::new(FILE, format!("line {}", error.line()), error.to_string())])?;
        let mut faults = Vec::new();
        let mut fault = |place: String, problem: String| faults.push(PolicyFault::new(FILE, place, problem));
        let mut kinds = HashMap::new();
        for (at, row) in table.groups.into_iter().enumerate() {
            let place = format!("groups[{at}]");
            if row.name.trim().is_empty() || row.why.trim().is_empty() {
                fault(place.clone(), "a group needs a name, and a why for its reviewer".to_owned());
            }
            let reaches = roles.kinds_named(&row.reaches, &place, &mut fault);
            for (n, kind) in row.kinds.into_iter().enumerate() {
                if kind.trim().is_empty() {
                    fault(format!("{place}.kinds[{n}]"), "a kind of organisation needs a name".to_owned());
                }
                let problem = format!("`{kind}` is in the table already");
                if kinds.insert(kind, reaches).is_some() {
                    fault(format!("{place}.kinds[{n}]"), problem);
                }
            }
        }
        if faults.is_empty() { Ok(Self { kinds }) } else { Err(faults) }
    }

    /// Nothing for a kind that is not in the table.
    pub fn reaches(&self, kind: &str) -> Kinds {
        self.kinds.get(kind).copied().unwrap_or_default()
    }

    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        let mut kinds: Vec<&str> = self.kinds.keys().map(String::as_str).collect();
        kinds.sort_unstable();
        kinds.into_iter()
    }

    pub fn knows(&self, kind: &str) -> bool {
        self.kinds.contains_key(kind)
    }
}
