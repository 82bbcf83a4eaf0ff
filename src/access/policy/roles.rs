use super::{PolicyFault, texts::Texts};
use crate::access::{Action, OverrideReason};
use crate::fhir::ResourceType;
use serde::Deserialize;
use std::collections::HashMap;

/// What the gateway itself keeps about a patient, beside the record: these types are of a kind too.
const OWN_TYPES: [&str; 4] = ["AuditEvent", "Consent", "Endpoint", "Task"];

/// What the record's types refer to, and is found through them alone.
const DOCUMENTS: [&str; 1] = [Action::DOCUMENT];

/// The reviewed table: which type is what kind of information, which job role reaches which kinds, and what its activity codes add.
/// Job roles by their code (<https://fhir.hl7.org.uk/CodeSystem/UKCore-SDSJobRoleName>); one that is not there reaches nothing.
pub(in crate::access) struct Roles {
    kinds: Vec<String>,
    types: HashMap<String, Kind>,
    activities: HashMap<String, Kinds>,
    groups: Vec<Group>,
    /// Each with its group's place.
    roles: HashMap<String, (usize, String)>,
}

/// A kind of information: its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::access) struct Kind(u8);

/// A set of kinds, a bit for each place in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::access) struct Kinds(u32);

/// Job roles that reach the same.
#[derive(Debug)]
pub(in crate::access) struct Group {
    reaches: Kinds,
    /// The activity codes that count for them.
    activities: Vec<String>,
    pub may_claim: bool,
    pub may_override: Vec<OverrideReason>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    kinds: Vec<KindRow>,
    activities: Vec<ActivityRow>,
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
    #[serde(default)]
    activities: Vec<String>,
    #[serde(default)]
    may_claim: bool,
    #[serde(default)]
    may_override: Vec<OverrideReason>,
    roles: Vec<RoleRow>,
}

/// <https://digital.nhs.uk/developer/guides-and-documentation/security-and-authorisation/national-rbac-for-developers>
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActivityRow {
    code: String,
    name: String,
    reaches: Vec<String>,
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
            activities: HashMap::new(),
            groups: Vec::new(),
            roles: HashMap::new(),
        };
        if found.kinds.len() > Kinds::MOST {
            fault("kinds".to_owned(), format!("at most {} kinds can be told apart", Kinds::MOST));
        }
        found.read_kinds(&table.kinds, &mut fault);
        found.read_activities(&table.activities, &mut fault);
        found.read_groups(table.groups, &mut fault);
        if faults.is_empty() { Ok(found) } else { Err(faults) }
    }

    fn read_kinds(&mut self, rows: &[KindRow], fault: &mut impl FnMut(String, String)) {
        let known: Vec<&str> = ResourceType::ALL.iter().map(|t| t.as_str()).chain(DOCUMENTS).chain(OWN_TYPES).collect();
        for (at, row) in rows.iter().enumerate() {
            if row.name.trim().is_empty() {
                fault(format!("kinds[{at}]"), "a kind needs a name".to_owned());
            }
            if rows.iter().take(at).any(|earlier| earlier.name == row.name) {
                fault(format!("kinds[{at}]"), format!("another kind is called `{}` too", row.name));
            }
            for (n, name) in row.types.iter().enumerate() {
                let place = || format!("kinds[{at}].types[{n}]");
                if !known.contains(&name.as_str()) {
                    fault(place(), format!("`{name}` is no type this gateway knows"));
                } else if u8::try_from(at).is_ok_and(|at| self.types.insert(name.clone(), Kind(at)).is_some()) {
                    fault(place(), format!("`{name}` is of another kind already"));
                }
            }
        }
        for name in known.iter().filter(|name| !self.types.contains_key(**name)) {
            fault("kinds".to_owned(), format!("`{name}` is of no kind"));
        }
    }

    fn read_activities(&mut self, rows: &[ActivityRow], fault: &mut impl FnMut(String, String)) {
        for (at, row) in rows.iter().enumerate() {
            let place = format!("activities[{at}]");
            if row.code.trim().is_empty() || row.name.trim().is_empty() {
                fault(place.clone(), "an activity needs a code such as `B0380` and a name".to_owned());
            }
            let reaches = self.kinds_named(&row.reaches, &place, fault);
            if self.activities.insert(row.code.clone(), reaches).is_some() {
                fault(place, format!("`{}` is in the table already", row.code));
            }
        }
    }

    fn read_groups(&mut self, rows: Vec<GroupRow>, fault: &mut impl FnMut(String, String)) {
        for (at, row) in rows.into_iter().enumerate() {
            if row.name.trim().is_empty() || row.why.trim().is_empty() {
                fault(format!("groups[{at}]"), "a group needs a name, and a why for its reviewer".to_owned());
            }
            for (n, code) in row.activities.iter().enumerate() {
                if !self.activities.contains_key(code) {
                    fault(format!("groups[{at}].activities[{n}]"), format!("`{code}` is no activity of the table"));
                }
            }
            let reaches = self.kinds_named(&row.reaches, &format!("groups[{at}]"), fault);
            let (may_claim, may_override) = (row.may_claim, row.may_override);
            self.groups.push(Group { reaches, activities: row.activities, may_claim, may_override });
            for (n, role) in row.roles.into_iter().enumerate() {
                let place = format!("groups[{at}].roles[{n}]");
                if !is_job_role(&role.code) || role.name.trim().is_empty() {
                    fault(place.clone(), "a role needs a code such as `R0260` and a name".to_owned());
                }
                // a role in two groups would reach what the later one says: which is meant, only a person can tell
                let problem = format!("`{}` is in the table already", role.code);
                if self.roles.insert(role.code, (at, role.name)).is_some() {
                    fault(place, problem);
                }
            }
        }
    }

    /// The kinds of these names in a `reaches` list at `place`.
    pub fn kinds_named(&self, names: &[String], place: &str, fault: &mut impl FnMut(String, String)) -> Kinds {
        let mut found = Kinds::default();
        for (n, name) in names.iter().enumerate() {
            match self.kind_named(name) {
                Some(kind) => found.add(kind),
                None => fault(format!("{place}.reaches[{n}]"), format!("`{name}` is no kind")),
            }
        }
        found
    }

    pub fn kind_named(&self, name: &str) -> Option<Kind> {
        let at = self.kinds.iter().position(|kind| kind == name)?;
        u8::try_from(at).ok().map(Kind)
    }

    /// What a role reaches, with the activity codes that count for its group.
    pub fn reaches(&self, role: &str, activities: &[String]) -> Kinds {
        let Some(group) = self.group_of(role) else { return Kinds::default() };
        let counted = activities.iter().filter(|code| group.activities.contains(code));
        counted.filter_map(|code| self.activities.get(code)).fold(group.reaches, |all, more| all.and(*more))
    }

    pub fn has_kind(&self, name: &str) -> bool {
        self.kinds.iter().any(|kind| kind == name)
    }

    /// Whether this is a kind of what a record holds, not of what the gateway itself keeps beside it.
    pub fn is_of_records(&self, name: &str) -> bool {
        let own = |kind| OWN_TYPES.iter().any(|own| self.kind_of(own) == Some(kind));
        self.kind_named(name).is_some_and(|kind| !own(kind))
    }

    pub fn kind_name(&self, kind: Kind) -> &str {
        self.kinds.get(usize::from(kind.0)).map_or("", String::as_str)
    }

    pub fn kind_of(&self, resource_type: &str) -> Option<Kind> {
        self.types.get(resource_type).copied()
    }

    /// `None` for a role that is not in the table.
    pub fn group_of(&self, role: &str) -> Option<&Group> {
        self.roles.get(role).and_then(|(group, _)| self.groups.get(*group))
    }

    pub fn name_of(&self, role: &str) -> Option<&str> {
        self.roles.get(role).map(|(_, name)| name.as_str())
    }

    #[cfg(test)]
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }
}

impl Kinds {
    const MOST: usize = 32;

    pub fn add(&mut self, kind: Kind) {
        self.0 |= 1_u32.checked_shl(u32::from(kind.0)).unwrap_or(0);
    }

    pub fn and(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    pub fn within(self, limit: Self) -> Self {
        Self(self.0 & limit.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Kind> {
        (0..32_u8).filter(move |at| self.0 & (1 << at) != 0).map(Kind)
    }
}

fn is_job_role(code: &str) -> bool {
    code.strip_prefix('R').is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))
}
