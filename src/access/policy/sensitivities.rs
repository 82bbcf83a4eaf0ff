use super::{Kind, Kinds, PolicyFault, Roles, texts::Texts};
use crate::domain::Labels;
use serde::Deserialize;
use std::{collections::HashMap, sync::Arc};

/// The reviewed list of what is sensitive: which labels and which codes mark an entry, and what a mark means.
#[derive(Debug)]
pub struct Sensitivities {
    /// The list that came with the program: a few codes for trying out, not a licensed reference set.
    pub only_fixture: bool,
    marks: HashMap<Arc<str>, Mark>,
    /// v3-ActCode sensitivity -> name.
    labels: HashMap<String, Arc<str>>,
    /// (system, code) -> name.
    codes: HashMap<(String, String), Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Kind(Kind),
    Statutory,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// `fixture`, or where the list comes from.
    origin: String,
    sensitivities: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    /// The kind of information an entry marked so is too...
    kind: Option<String>,
    /// ... or the statute that bars it from being disclosed.
    statute: Option<String>,
    labels: Vec<String>,
    codes: Vec<Coding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Coding {
    system: String,
    code: String,
}

impl Sensitivities {
    pub(in crate::access) fn read(text: &str, roles: &Roles) -> Result<Self, Vec<PolicyFault>> {
        const FILE: &str = Texts::SENSITIVITIES_FILE;
        let table: Table = serde_json::from_str(text)
            .map_err(|error| vec![PolicyFault::new(FILE, format!("line {}", error.line()), error.to_string())])?;
        let mut faults = Vec::new();
        let mut fault = |at: usize, problem: String| {
            faults.push(PolicyFault::new(FILE, format!("sensitivities[{at}]"), problem));
        };
        let (mut marks, mut labels, mut codes) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (at, row) in table.sensitivities.into_iter().enumerate() {
            let mark = match (&row.kind, &row.statute) {
                (Some(kind), None) => match roles.kind_named(kind) {
                    Some(kind) => Mark::Kind(kind),
                    None => {
                        fault(at, format!("`{kind}` is no kind of information in roles.json"));
                        continue;
                    }
                },
                (None, Some(statute)) if !statute.trim().is_empty() => Mark::Statutory,
                _ => {
                    fault(at, "needs either a kind or a statute".to_owned());
                    continue;
                }
            };
            let name: Arc<str> = row.name.as_str().into();
            if marks.insert(Arc::clone(&name), mark).is_some() {
                fault(at, format!("another is called `{name}` too"));
            }
            for label in row.labels {
                let problem = format!("the label `{label}` means another already");
                if labels.insert(label, Arc::clone(&name)).is_some() {
                    fault(at, problem);
                }
            }
            for Coding { system, code } in row.codes {
                let problem = format!("the code `{code}` means another already");
                if codes.insert((system, code), Arc::clone(&name)).is_some() {
                    fault(at, problem);
                }
            }
        }
        if faults.is_empty() {
            Ok(Self { only_fixture: table.origin == "fixture", marks, labels, codes })
        } else {
            Err(faults)
        }
    }

    pub fn knows(&self, name: &str) -> bool {
        self.marks.contains_key(name)
    }

    /// What a v3-ActCode sensitivity label means.
    pub fn of_label(&self, code: &str) -> Option<&Arc<str>> {
        self.labels.get(code)
    }

    /// What a code in an entry means.
    pub fn of_code(&self, system: &str, code: &str) -> Option<&Arc<str>> {
        // no allocation for the many codes that are none of these
        self.codes.iter().find(|((s, c), _)| c == code && s == system).map(|(_, name)| name)
    }

    /// The sensitive kinds that an entry labelled so is of.
    pub(in crate::access) fn kinds(&self, labels: &Labels) -> Kinds {
        let mut kinds = Kinds::default();
        for name in labels.sensitivities() {
            if let Some(Mark::Kind(kind)) = self.marks.get(name) {
                kinds.add(*kind);
            }
        }
        kinds
    }

    /// The statutory bars that an entry labelled so falls under, sorted. A mark that this list does not have (it was made by
    /// another) bars too: what it meant is not known.
    pub(in crate::access) fn statutory(&self, labels: &Labels) -> Vec<Arc<str>> {
        let bars = labels.sensitivities().filter(|name| !matches!(self.marks.get(*name), Some(Mark::Kind(_))));
        bars.map(Arc::from).collect()
    }
}
