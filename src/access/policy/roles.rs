use super::{PolicyFault, texts::Texts};
use crate::fhir::ResourceType;
use serde::Deserialize;
use std::collections::HashMap;

/// What the gateway itself keeps about a patient, beside the record: these types are of a kind too.
const OWN_TYPES: [&str; 2] = ["AuditEvent", "Consent"];

/// The reviewed table: which type is what kind of information, and which job role reaches which kinds.
/// Job roles by their code (<https://fhir.hl7.org.uk/CodeSystem/UKCore-SDSJobRoleName>); one that is not there reaches nothing.
pub(in crate::access) struct Roles {
    kinds: Vec<String>,
    types: HashMap<String, Kind>,
    groups: Vec<Vec<Kind>>,
    roles: HashMap<String, (Group, String)>,
}

/// A kind of information: its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::access) struct Kind(usize);

/// A group of job roles that reach the same: its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::access) struct Group(usize);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    kinds: Vec<KindRow>,
    groups: Vec<GroupRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindRow {
    name: String,
    types: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupRow {
    name: String,
    /// For the reviewer; the program only insists that there is one.
    why: String,
    reaches: Vec<String>,
    roles: Vec<RoleRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleRow {
    code: String,
    name: String,
}

impl Roles {
    pub fn read(text: &str) -> Result<Self, Vec<PolicyFault>> {
        let table: Table = serde_json::from_str(text).map_err(|error| {
            vec![PolicyFault::new(Texts::ROLES_FILE, format!("line {}", error.line()), error.to_string())]
        })?;
        let mut faults = Vec::new();
        let mut fault = |place: String, problem: String| {
            faults.push(PolicyFault::new(Texts::ROLES_FILE, place, problem));
        };
        let mut found = Self {
            kinds: table.kinds.iter().map(|kind| kind.name.clone()).collect(),
            types: HashMap::new(),
            groups: Vec::new(),
            roles: HashMap::new(),
        };
        found.read_kinds(&table.kinds, &mut fault);
        found.read_groups(table.groups, &mut fault);
        if faults.is_empty() { Ok(found) } else { Err(faults) }
    }

    fn read_kinds(&mut self, rows: &[KindRow], fault: &mut impl FnMut(String, String)) {
        let known: Vec<&str> = ResourceType::ALL.iter().map(|t| t.as_str()).chain(OWN_TYPES).collect();
        for (at, row) in rows.iter().enumerate() {
            if rows.iter().take(at).any(|earlier| earlier.name == row.name) {
                fault(format!("kinds[{at}]"), format!("another kind is called `{}` too", row.name));
            }
            for (n, name) in row.types.iter().enumerate() {
                let place = || format!("kinds[{at}].types[{n}]");
                if !known.contains(&name.as_str()) {
                    fault(place(), format!("`{name}` is no type this gateway knows"));
                } else if self.types.insert(name.clone(), Kind(at)).is_some() {
                    fault(place(), format!("`{name}` is of another kind already"));
                }
            }
        }
        for name in known.iter().filter(|name| !self.types.contains_key(**name)) {
            fault("kinds".to_owned(), format!("`{name}` is of no kind"));
        }
    }

    fn read_groups(&mut self, rows: Vec<GroupRow>, fault: &mut impl FnMut(String, String)) {
        for (at, row) in rows.into_iter().enumerate() {
            if row.name.trim().is_empty() || row.why.trim().is_empty() {
                fault(format!("groups[{at}]"), "a group needs a name, and a why for its reviewer".to_owned());
            }
            let mut reaches = Vec::new();
            for (n, name) in row.reaches.iter().enumerate() {
                match self.kinds.iter().position(|kind| kind == name) {
                    Some(kind) => reaches.push(Kind(kind)),
                    None => fault(format!("groups[{at}].reaches[{n}]"), format!("`{name}` is no kind")),
                }
            }
            self.groups.push(reaches);
            for (n, role) in row.roles.into_iter().enumerate() {
                let place = format!("groups[{at}].roles[{n}]");
                if !is_job_role(&role.code) || role.name.trim().is_empty() {
                    fault(place.clone(), "a role needs a code such as `R0260` and a name".to_owned());
                }
                // a role in two groups would reach what the later one says: which is meant, only a person can tell
                let problem = format!("`{}` is in the table already", role.code);
                if self.roles.insert(role.code, (Group(at), role.name)).is_some() {
                    fault(place, problem);
                }
            }
        }
    }

    pub fn has_kind(&self, name: &str) -> bool {
        self.kinds.iter().any(|kind| kind == name)
    }

    pub fn kind_name(&self, kind: Kind) -> &str {
        self.kinds.get(kind.0).map_or("", String::as_str)
    }

    pub fn kind_of(&self, resource_type: &str) -> Option<Kind> {
        self.types.get(resource_type).copied()
    }

    /// `None` for a role that is not in the table.
    pub fn group_of(&self, role: &str) -> Option<Group> {
        self.roles.get(role).map(|(group, _)| *group)
    }

    pub fn reaches(&self, group: Group) -> &[Kind] {
        self.groups.get(group.0).map_or(&[], Vec::as_slice)
    }

    pub fn name_of(&self, role: &str) -> Option<&str> {
        self.roles.get(role).map(|(_, name)| name.as_str())
    }

    #[cfg(test)]
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }
}

fn is_job_role(code: &str) -> bool {
    code.strip_prefix('R').is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))
}
