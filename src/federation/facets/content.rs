use crate::{
    federation::manifest::sha256,
    fhir::{
        ResourceType,
        json::{Kind, Value},
    },
};

/// The digest of what matters for safety in an entry, spelt in one way: equal only where two say the very same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Content([u8; 16]);

/// Elements as R4 has them, `[x]` with every type it may have. Whose it is, when, where and by whom it was written down
/// is left out: that is told with more or less care from copy to copy. Wherever a resource has them, `contained` and
/// `modifierExtension` matter.
const fn elements(resource_type: ResourceType) -> &'static [&'static str] {
    use ResourceType as T;
    match resource_type {
        T::AllergyIntolerance => {
            &["clinicalStatus", "verificationStatus", "type", "category", "criticality", "code", "reaction"]
        }
        T::Condition => &["clinicalStatus", "verificationStatus", "severity", "code", "bodySite", "stage"],
        T::Procedure => &["status", "statusReason", "code", "bodySite", "outcome", "complication", "usedCode"],
        T::Immunization => &[
            "status",
            "statusReason",
            "vaccineCode",
            "lotNumber",
            "site",
            "route",
            "doseQuantity",
            "isSubpotent",
            "protocolApplied",
        ],
        T::MedicationRequest => &[
            "status",
            "statusReason",
            "intent",
            "doNotPerform",
            "medication[x]",
            "dosageInstruction",
            "dispenseRequest",
            "substitution",
        ],
        T::MedicationStatement => &["status", "statusReason", "medication[x]", "dosage"],
        T::MedicationDispense => &[
            "status",
            "statusReason[x]",
            "type",
            "medication[x]",
            "quantity",
            "daysSupply",
            "dosageInstruction",
            "substitution",
        ],
        T::Observation => &[
            "status",
            "code",
            "value[x]",
            "dataAbsentReason",
            "interpretation",
            "component",
            "bodySite",
            "method",
            "referenceRange",
        ],
        T::DiagnosticReport => &["status", "code", "conclusion", "conclusionCode", "presentedForm"],
        T::Encounter => &["status", "class", "type", "priority", "hospitalization"],
        T::EpisodeOfCare => &["status", "type"],
        T::Appointment => &["status", "cancelationReason", "serviceType", "appointmentType", "start", "end"],
        T::ServiceRequest => &[
            "status",
            "intent",
            "priority",
            "doNotPerform",
            "code",
            "orderDetail",
            "quantity[x]",
            "asNeeded[x]",
            "bodySite",
            "patientInstruction",
        ],
        T::CarePlan => &["status", "intent", "category", "title", "description", "activity"],
        T::CareTeam => &["status", "category", "name"],
        T::Goal => &["lifecycleStatus", "achievementStatus", "priority", "description", "target"],
        T::DocumentReference => &["status", "docStatus", "type", "category", "description", "content"],
        T::Flag => &["status", "category", "code"],
        T::FamilyMemberHistory => {
            &["status", "relationship", "sex", "born[x]", "age[x]", "deceased[x]", "condition", "dataAbsentReason"]
        }
        T::List => &["status", "mode", "title", "code", "emptyReason"],
        T::QuestionnaireResponse => &["questionnaire", "status", "item"],
        T::Composition => &["status", "type", "category", "title", "section"],
        T::ImagingStudy => &["status", "modality", "procedureCode", "numberOfSeries", "description"],
        // no event: a person, a place, a thing
        _ => &[],
    }
}

/// Words for people that stand beside a code, and marks within the file.
const BESIDE_THE_POINT: [&str; 3] = ["display", "userSelected", "id"];

impl Content {
    /// `None` where it rests on a reference: the same one means another thing at another source.
    pub fn of(resource: Value<'_>, resource_type: ResourceType) -> Option<Self> {
        if elements(resource_type).is_empty() {
            return None;
        }
        let mut members: Vec<_> =
            resource.members().filter(|(name, _)| matters(elements(resource_type), name)).collect();
        members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut text = String::new();
        for (name, value) in members {
            quote(&name, &mut text);
            spell(&name, value, &mut text)?;
        }
        sha256(text.as_bytes()).first_chunk().copied().map(Self)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn matters(elements: &[&str], name: &str) -> bool {
    // what extends a primitive value stands beside it under its name with an underscore
    let name = name.strip_prefix('_').unwrap_or(name);
    let is = |element: &&str| match element.strip_suffix("[x]") {
        Some(stem) => name.strip_prefix(stem).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase())),
        None => *element == name,
    };
    matches!(name, "contained" | "modifierExtension" | "implicitRules") || elements.iter().any(is)
}

/// The order of members, and of the codings of one concept, says nothing; how a number is written does: 1.0 is less
/// sure than 1.00. Depth is bounded by the reader's limit.
fn spell(under: &str, value: Value<'_>, out: &mut String) -> Option<()> {
    match value.kind() {
        Kind::Object => {
            let coded = value.get("coding").is_some_and(|codings| codings.items().next().is_some());
            let mut members: Vec<_> = value.members().collect();
            members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            out.push('{');
            for (name, member) in members {
                match (&*name, member.as_str()) {
                    (name, _) if BESIDE_THE_POINT.contains(&name) => continue,
                    // what has a code is that, however it is worded
                    ("text", _) if coded => continue,
                    // each source keeps its own copy of the same document
                    ("url", Some(_)) if matches!(under, "attachment" | "presentedForm") => continue,
                    ("reference", Some(to)) if !to.starts_with('#') => return None,
                    _ => {}
                }
                quote(&name, out);
                spell(&name, member, out)?;
            }
            out.push('}');
        }
        Kind::Array => {
            let mut items = Vec::new();
            for item in value.items() {
                let mut text = String::new();
                spell(under, item, &mut text)?;
                items.push(text);
            }
            if under == "coding" {
                items.sort_unstable();
            }
            out.push('[');
            items.iter().for_each(|item| {
                out.push_str(item);
                out.push(',');
            });
            out.push(']');
        }
        Kind::String => quote(&value.as_str()?, out),
        Kind::Number | Kind::True | Kind::False | Kind::Null => {
            out.push(':');
            out.push_str(value.raw_str());
        }
    }
    Some(())
}

/// So that no text can be taken for the end of one.
fn quote(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}
