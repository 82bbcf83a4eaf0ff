use super::{Kind, Kinds, PolicyFault, Roles, texts::Texts};
use crate::domain::{CodeSystem, Labels};
use aws_lc_rs::digest;
use serde::Deserialize;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// The reviewed list of what is sensitive: which labels and which codes mark an entry, and what a mark means.
#[derive(Debug)]
pub struct Sensitivities {
    /// The list that came with the program: a few codes for trying out, not a licensed reference set.
    pub only_fixture: bool,
    id: ListId,
    marks: HashMap<Arc<str>, Mark>,
    /// v3-ActCode sensitivity in capitals -> name.
    labels: HashMap<String, Arc<str>>,
    /// Code -> the systems that mean something by it, and what: most codes that arrive end at the first step.
    codes: HashMap<String, Vec<(String, Arc<str>)>>,
}

/// Names one list: what was marked by another is not used with it. The SHA-256 of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId([u8; 32]);

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
    /// The codes of this system are the list's own names.
    pub const SYSTEM: &str = "https://caregate.example/CodeSystem/sensitivity";

    pub(in crate::access) fn read(text: &str, roles: &Roles) -> Result<Self, Vec<PolicyFault>> {
        const FILE: &str = Texts::SENSITIVITIES_FILE;
        let table: Table = serde_json::from_str(text)
            .map_err(|error| vec![PolicyFault::new(FILE, format!("line {}", error.line()), error.to_string())])?;
        let mut faults = Vec::new();
        let mut fault = |at: usize, problem: String| {
            faults.push(PolicyFault::new(FILE, format!("sensitivities[{at}]"), problem));
        };
        let (mut marks, mut labels) = (HashMap::new(), HashMap::new());
        let mut codes: HashMap<String, Vec<(String, Arc<str>)>> = HashMap::new();
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
            if row.name.trim().is_empty() {
                fault(at, "needs a name".to_owned());
            }
            let name: Arc<str> = row.name.as_str().into();
            if marks.insert(Arc::clone(&name), mark).is_some() {
                fault(at, format!("another is called `{name}` too"));
            }
            for label in row.labels {
                let problem = format!("the label `{label}` means another already");
                if labels.insert(label.to_ascii_uppercase(), Arc::clone(&name)).is_some() {
                    fault(at, problem);
                }
            }
            for Coding { system, code } in row.codes {
                let problem = format!("the code `{code}` means another already");
                let meanings = codes.entry(code).or_default();
                if meanings.iter().any(|(known, _)| *known == system) {
                    fault(at, problem);
                }
                meanings.push((system, Arc::clone(&name)));
            }
        }
        if faults.is_empty() {
            let mut id = [0; 32];
            id.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
            Ok(Self { only_fixture: table.origin == "fixture", id: ListId(id), marks, labels, codes })
        } else {
            Err(faults)
        }
    }

    /// In order.
    pub fn names(&self) -> BTreeSet<&str> {
        self.marks.keys().map(|name| &**name).collect()
    }

    pub fn knows(&self, name: &str) -> bool {
        self.marks.contains_key(name)
    }

    /// Which list this is.
    pub fn id(&self) -> ListId {
        self.id
    }

    /// What a v3-ActCode sensitivity label means, in capitals or not.
    pub fn of_label(&self, code: &str) -> Option<&Arc<str>> {
        self.labels.get(code.trim().to_ascii_uppercase().as_str())
    }

    /// What one of this list's own names means: itself.
    pub fn named(&self, name: &str) -> Option<&Arc<str>> {
        self.marks.get_key_value(name.trim()).map(|(name, _)| name)
    }

    /// What a code in an entry means. One that says no system means whatever it means in any: it may have lost it.
    pub fn of_code(&self, system: &str, code: &str) -> Option<&Arc<str>> {
        let meanings = self.codes.get(code.trim())?;
        let system = CodeSystem::spelt(system);
        let same = |listed: &str| system.is_unsaid() || system.is(listed);
        meanings.iter().find(|(listed, _)| same(listed)).map(|(_, name)| name)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    const SNOMED: &str = "http://snomed.info/sct";

    fn read(text: &str) -> Result<Sensitivities, Vec<PolicyFault>> {
        let texts = Texts::built_in();
        let roles = Roles::read(texts.table(Texts::ROLES_FILE)).unwrap_or_else(|faults| panic!("{faults:?}"));
        Sensitivities::read(text, &roles)
    }

    /// A list of one sensitivity, by these codes.
    fn list(codes: &[String]) -> String {
        let codes: Vec<_> = codes.iter().map(|code| format!(r#"{{"system":"{SNOMED}","code":"{code}"}}"#)).collect();
        format!(
            r#"{{"origin":"made up","sensitivities":[{{"name":"hiv","kind":"sexual-health","labels":["HIV"],"codes":[{}]}}]}}"#,
            codes.join(",")
        )
    }

    #[test]
    fn a_list_of_a_hundred_thousand_codes_is_no_burden() {
        let codes: Vec<String> = (100_000..200_000).map(|code| code.to_string()).collect();
        let found = read(&list(&codes)).unwrap_or_else(|faults| panic!("{faults:?}"));
        let began = Instant::now();
        let known = (0..300_000).filter(|code| found.of_code(SNOMED, &code.to_string()).is_some()).count();
        assert_eq!(known, 100_000);
        // one that looked through all of them would take an hour
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert!(!found.only_fixture);
    }

    #[test]
    fn a_code_means_one_thing_in_one_system_and_lists_that_differ_have_other_ids() {
        let codes = |codes: &[&str]| list(&codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>());
        let [one, other] = [codes(&["1"]), codes(&["2"])].map(|text| read(&text).unwrap_or_else(|f| panic!("{f:?}")));
        assert_ne!(one.id(), other.id());
        assert!(one.of_code("http://loinc.org", "1").is_none() && one.of_code(SNOMED, "2").is_none());
        assert!(one.of_code("", "1").is_some() && one.of_label("hiv").is_some() && one.named("hiv").is_some());
        let faults = read(&codes(&["1", "1"])).err().map(|faults| faults[0].to_string());
        assert_eq!(faults.as_deref(), Some("sensitivities.json, sensitivities[0]: the code `1` means another already"));
    }
}
