//! Whose is this entry? Every entry is held against the patient asked for before it may join the record (design: promise 6).

use super::{
    Failure, Resolution,
    reference::{self, Target},
    resolution,
};
use crate::{
    domain::Numbers,
    fhir::{
        ResourceType,
        json::{Kind, Value},
    },
    query::grammar::{self, Link, Rule},
    registry::Provider,
};
use std::collections::HashMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    Another,
    /// It names no patient: a room, a group, or nothing but words.
    Nobody,
}

/// What one resource's links are judged by: links and contained Patients are each looked at once, however many there are of both.
struct Judge<'a> {
    provider: &'a Provider,
    numbers: &'a Numbers,
    resolution: &'a Resolution,
    /// Whether the Patients inside the resource that have this id are this one's; none for one that does not say.
    inside: HashMap<String, bool>,
}

/// What an entry's links say.
#[derive(Default)]
struct Links {
    ours: bool,
    another: bool,
    unsaid: bool,
    /// What it contains is another's.
    another_within: bool,
}

/// Verifies that each of the type's patient links leads to this patient, and, but for a target, at least one does.
pub fn verify(
    resource: Value<'_>,
    rule: &Rule,
    provider: &Provider,
    numbers: &Numbers,
    resolution: &Resolution,
) -> Result<(), Failure> {
    if rule.link == Link::Itself {
        return Err(Failure::UnexpectedEntry);
    }
    let Links { ours, another, unsaid, another_within } = links(resource, rule, provider, numbers, resolution);
    if another || another_within {
        Err(Failure::WrongPatient)
    } else if unsaid || (rule.link.is_required() && !ours) {
        Err(Failure::NoSubject)
    } else {
        Ok(())
    }
}

/// Whether an entry is another's only by what it contains.
pub fn is_anothers_within(
    resource: Value<'_>,
    rule: &Rule,
    provider: &Provider,
    numbers: &Numbers,
    resolution: &Resolution,
) -> bool {
    let Links { another, another_within, .. } = links(resource, rule, provider, numbers, resolution);
    another_within && !another
}

fn links(resource: Value<'_>, rule: &Rule, provider: &Provider, numbers: &Numbers, resolution: &Resolution) -> Links {
    let Links { mut ours, mut another, mut unsaid, mut another_within } = Links::default();
    let judge = Judge { provider, numbers, resolution, inside: inside(resource, numbers) };
    if let Some(path) = rule.link.path() {
        // what is in a list of lists is found by some readers and passed over by others
        let first = path.split('.').next().and_then(|first| resource.get(first));
        unsaid |= first.is_some_and(|found| found.items().any(|item| item.kind() == Kind::Array));
        resource.each(path, &mut |found| match judge.whose(found) {
            Whose::Ours => ours = true,
            Whose::Another => another = true,
            // the subject of an entry is a patient; of an appointment's actors only those who are said to be one
            Whose::Nobody => {
                let is_patient = found.text("type").as_deref() == Some("Patient");
                unsaid |= !rule.link.is_shared() || is_patient || found.kind() == Kind::Array;
            }
        });
    }
    // what it contains goes out with it: a result of somebody else's is none of ours inside an entry that is
    resource.each("contained", &mut |inner| {
        let inner_type = inner.text("resourceType").and_then(|name| ResourceType::parse(&name));
        if let Some(path) = inner_type.and_then(|of| grammar::rule(of).link.path()) {
            inner.each(path, &mut |found| another_within |= judge.whose(found) == Whose::Another);
        }
    });
    Links { ours, another, unsaid, another_within }
}

impl Judge<'_> {
    /// A reference may name its target twice, by address and by identifier: then both must be ours.
    fn whose(&self, link: Value<'_>) -> Whose {
        let judged = |ours| if ours { Whose::Ours } else { Whose::Another };
        let by_number = number(link, self.numbers).map(judged);
        let by_address = link.text("reference").map(|address| match reference::target(&address, self.provider) {
            Target::Local { resource_type, id } if resource_type.eq_ignore_ascii_case("Patient") => {
                judged(resource_type == "Patient" && self.resolution.knows(id))
            }
            Target::Local { .. } => Whose::Nobody,
            Target::Contained(id) => self.inside.get(id).copied().map_or(Whose::Nobody, judged),
            // an address elsewhere cannot be followed, so what it says is unknown: an identifier may say it. One of the source's
            // own that is not understood may say otherwise.
            Target::Elsewhere
                if by_number == Some(Whose::Ours) && reference::relative(&address, self.provider).contains(':') =>
            {
                Whose::Nobody
            }
            Target::Elsewhere if address.to_ascii_lowercase().contains("patient") => Whose::Another,
            Target::Elsewhere => Whose::Nobody,
        });
        match (by_address, by_number) {
            (Some(Whose::Another), _) | (_, Some(Whose::Another)) => Whose::Another,
            (Some(Whose::Ours), _) | (_, Some(Whose::Ours)) => Whose::Ours,
            _ => Whose::Nobody,
        }
    }
}

/// Whether it is identified as this patient, or as another; `None` if it is as neither.
fn number(link: Value<'_>, numbers: &Numbers) -> Option<bool> {
    let mut ours = None;
    // FHIR has one identifier here; where there are more, each is heard
    link.each("identifier", &mut |identifier| match resolution::is_number_of(identifier, numbers) {
        // ours, but said to be given up: that says nothing of who it is now
        Some(true) if resolution::is_given_up(identifier) => {}
        Some(this) => ours = Some(this && ours != Some(false)),
        None => {}
    });
    ours
}

fn inside(resource: Value<'_>, numbers: &Numbers) -> HashMap<String, bool> {
    let mut inside = HashMap::new();
    resource.each("contained", &mut |inner| {
        if inner.text("resourceType").as_deref() == Some("Patient")
            && let Some(id) = inner.text("id")
            && let Some(ours) = resolution::whose(inner, numbers)
        {
            inside.entry(id.into_owned()).and_modify(|all| *all &= ours).or_insert(ours);
        }
    });
    inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::NhsNumber,
        federation::testing::{patient, patient_json, provider, resolution},
        fhir::json::{self, Limits, Tape},
    };

    const OTHER: &str = "9990000026";
    const ALL: Result<(), Failure> = Ok(());
    const WRONG: Result<(), Failure> = Err(Failure::WrongPatient);
    const UNSAID: Result<(), Failure> = Err(Failure::NoSubject);

    /// Whose an entry with these members is, at a provider that keeps this patient as 1 and as 2.
    fn judge(resource_type: ResourceType, members: &str) -> Result<(), Failure> {
        let provider = provider("RZ901");
        let held = resolution(&provider, &[patient_json("1", ""), patient_json("2", "")]).unwrap();
        let text = format!("{{{members}}}");
        let mut tape = Tape::new();
        let resource = json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
        verify(resource, &grammar::rule(resource_type), &provider, &patient().into(), &held)
    }

    fn number(number: &str) -> String {
        format!(r#""identifier":{{"system":"{}","value":"{number}"}}"#, NhsNumber::SYSTEM)
    }

    #[test]
    fn a_subject_is_this_patient_by_address_by_number_or_by_what_is_contained_and_by_all_that_are_given() {
        let (ours, theirs) = (number(&patient().digits()), number(OTHER));
        let contained = |identifiers: &str| {
            format!(
                r##""contained":[{{"resourceType":"Patient","id":"p","identifier":[{identifiers}]}}],"subject":{{"reference":"#p"}}"##
            )
        };
        let coded = |number: &str, usage: &str| {
            format!(r#"{{"use":"{usage}","system":"{}","value":"{number}"}}"#, NhsNumber::SYSTEM)
        };
        let digits = patient().digits();
        // two that are contained under one id
        let twice = |one: &str, other: &str| {
            let inner = |number: &str| {
                format!(r#"{{"resourceType":"Patient","id":"p","identifier":[{}]}}"#, coded(number, "official"))
            };
            format!(r##""contained":[{},{}],"subject":{{"reference":"#p"}}"##, inner(one), inner(other))
        };
        for (members, expected) in [
            (r#""subject":{"reference":"Patient/1"}"#.to_owned(), ALL),
            (r#""subject":{"reference":"Patient/2"}"#.to_owned(), ALL),
            (r#""subject":{"reference":"Patient/1/_history/7"}"#.to_owned(), ALL),
            (r#""subject":{"reference":"https://rz901.example/fhir/Patient/1"}"#.to_owned(), ALL),
            (r#""\u0073ubject":{"re\u0066erence":"Patient\/1"}"#.to_owned(), ALL),
            (format!(r#""subject":{{{ours}}}"#), ALL),
            (format!(r#""subject":{{"reference":"Patient/1",{ours}}}"#), ALL),
            (format!(r#""subject":{{"reference":"https://other.example/Patient/1",{ours}}}"#), ALL),
            (contained(&coded(&digits, "official")), ALL),
            (contained(&format!("{},{}", coded(OTHER, "old"), coded(&digits, "official"))), ALL),
            (r#""subject":{"reference":"Patient/3"}"#.to_owned(), WRONG),
            (r#""subject":{"reference":"PATIENT/1"}"#.to_owned(), WRONG),
            (r#""subject":{"reference":"patient/1"}"#.to_owned(), WRONG),
            (r#""subject":{"reference":"Patient/1/"}"#.to_owned(), WRONG),
            (r#""subject":{"reference":"Patient/1?x"}"#.to_owned(), WRONG),
            (r#""subject":{"reference":"https://other.example/fhir/Patient/1"}"#.to_owned(), WRONG),
            (format!(r#""subject":{{{theirs}}}"#), WRONG),
            (format!(r#""subject":{{"reference":"Patient/1",{theirs}}}"#), WRONG),
            (format!(r#""subject":{{"reference":"Patient/3",{ours}}}"#), WRONG),
            (format!(r#""subject":{{"identifier":{{"system":"{}","value":{digits}}}}}"#, NhsNumber::SYSTEM), WRONG),
            (r#""subject":[{"reference":"Patient/1"},{"reference":"Patient/3"}]"#.to_owned(), WRONG),
            (format!(r#""subject":{{"reference":"Patient/1","identifier":[{}]}}"#, coded(OTHER, "usual")), WRONG),
            (format!(r#""subject":{{"reference":"patient/3",{ours}}}"#), WRONG),
            (format!(r#""subject":{{"reference":"https://rz901.example/fhir/patient/3",{ours}}}"#), WRONG),
            (contained(&coded(OTHER, "official")), WRONG),
            (contained(&format!("{},{}", coded(&digits, "official"), coded(OTHER, "official"))), WRONG),
            (contained(&format!("{},{}", coded(OTHER, "usual"), coded(&digits, "official"))), WRONG),
            (twice(OTHER, &digits), WRONG),
            (twice(&digits, OTHER), WRONG),
            (twice(&digits, &digits), ALL),
            (String::new(), UNSAID),
            (r#""subject":null"#.to_owned(), UNSAID),
            (r#""subject":"Patient/1""#.to_owned(), UNSAID),
            (r#""subject":{"display":"Somebody"}"#.to_owned(), UNSAID),
            (r#""subject":{"reference":"Group/1"}"#.to_owned(), UNSAID),
            (r#""subject":[{"reference":"Patient/1"},{"reference":"Group/1"}]"#.to_owned(), UNSAID),
            (r#""subject":{"reference":["Patient/1"]}"#.to_owned(), UNSAID),
            (r#""subject":{"reference":"urn:uuid:1"}"#.to_owned(), UNSAID),
            (r#""patient":{"reference":"Patient/1"}"#.to_owned(), UNSAID),
            (r#""subject":[{"reference":"Patient/1"},[{"reference":"Patient/3"}]]"#.to_owned(), UNSAID),
            (format!(r#""subject":{{"identifier":{}}}"#, coded(&digits, "old")), UNSAID),
            (format!(r#""subject":{{"identifier":{{"system":"{}/","value":"{digits}"}}}}"#, NhsNumber::SYSTEM), UNSAID),
            (contained(&coded(&digits, "old")), UNSAID),
            (r##""contained":[{"resourceType":"Group","id":"p"}],"subject":{"reference":"#p"}"##.to_owned(), UNSAID),
            (r##""subject":{"reference":"#p"}"##.to_owned(), UNSAID),
        ] {
            assert_eq!(judge(ResourceType::Observation, &members), expected, "{members}");
        }
    }

    #[test]
    fn what_an_entry_contains_is_nobody_elses_either() {
        use ResourceType as T;
        let (ours, theirs) = (number(&patient().digits()), number(OTHER));
        let within = |inner: &str| format!(r##""subject":{{"reference":"Patient/1"}},"contained":[{inner}]"##);
        let result =
            |subject: &str| within(&format!(r##"{{"resourceType":"Observation","id":"o","subject":{{{subject}}}}}"##));
        let parent = |identifiers: &str| {
            let parent = format!(r##"{{"resourceType":"Patient","id":"p",{identifiers}}}"##);
            within(&format!(r##"{parent},{{"resourceType":"Specimen","id":"s","subject":{{"reference":"#p"}}}}"##))
        };
        for (members, expected) in [
            (result(r#""reference":"Patient/1""#), ALL),
            (result(&ours), ALL),
            (result(r##""reference":"#""##), ALL),
            (result(r#""reference":"Group/1""#), ALL),
            (result(r#""display":"Somebody""#), ALL),
            (result(r#""reference":"Patient/3""#), WRONG),
            (result(&theirs), WRONG),
            (parent(&format!(r#""identifier":[{{{}]"#, &ours[r#""identifier":{"#.len()..])), ALL),
            (parent(&format!(r#""identifier":[{{{}]"#, &theirs[r#""identifier":{"#.len()..])), WRONG),
            (within(r#"{"resourceType":"Practitioner","id":"d"}"#), ALL),
            (within(r#"{"resourceType":"Nothing","id":"d","subject":{"reference":"Patient/3"}}"#), ALL),
        ] {
            assert_eq!(judge(T::DiagnosticReport, &members), expected, "{members}");
        }
        let held = r#""contained":[{"resourceType":"Device","id":"d","patient":{"reference":"Patient/3"}}]"#;
        assert_eq!(judge(T::Practitioner, held), WRONG);
    }

    #[test]
    fn a_target_need_not_say_whose_it_is_but_if_it_does_it_must_be_ours() {
        use ResourceType as T;
        let reference = |element: &str, to: &str| format!(r#""{element}":{{"reference":"{to}"}}"#);
        for (resource_type, members, expected) in [
            (T::Practitioner, String::new(), ALL),
            (T::Medication, reference("subject", "Patient/3"), ALL),
            (T::Device, String::new(), ALL),
            (T::Device, reference("patient", "Patient/1"), ALL),
            (T::Device, reference("patient", "Patient/3"), WRONG),
            (T::Device, r#""patient":{"display":"Somebody"}"#.to_owned(), UNSAID),
            (T::Specimen, reference("subject", "Patient/2"), ALL),
            (T::Specimen, reference("subject", "Patient/3"), WRONG),
            (T::Specimen, reference("subject", "Group/1"), UNSAID),
            (T::Provenance, r#""target":[{"reference":"Observation/1"}]"#.to_owned(), ALL),
            (T::Provenance, r#""target":[{"reference":"Observation/1"},{"reference":"Patient/1"}]"#.to_owned(), ALL),
            (T::Provenance, r#""target":[{"reference":"Patient/1"},{"reference":"Patient/3"}]"#.to_owned(), WRONG),
            (
                T::Provenance,
                r#""target":[{"reference":"Observation/1"},[{"reference":"Patient/3"}]]"#.to_owned(),
                UNSAID,
            ),
            (T::Provenance, r#""target":[{"type":"Patient","display":"Somebody"}]"#.to_owned(), UNSAID),
        ] {
            assert_eq!(judge(resource_type, &members), expected, "{resource_type} {members}");
        }
    }

    #[test]
    fn an_appointment_is_ours_if_we_are_among_its_actors_and_no_other_patient_is() {
        let actors = |references: &[&str]| {
            let actors: Vec<_> = references.iter().map(|r| format!(r#"{{"actor":{r}}}"#)).collect();
            judge(ResourceType::Appointment, &format!(r#""participant":[{}]"#, actors.join(",")))
        };
        let ours = r#"{"reference":"Patient/1"}"#;
        assert_eq!(actors(&[ours, r#"{"reference":"Location/5"}"#, r#"{"display":"Room 5"}"#]), ALL);
        assert_eq!(actors(&[ours, r#"{"reference":"Patient/3"}"#]), WRONG);
        // found by fuzzing: the other one was passed over, and came out
        for hidden in [
            r#""participant":[{"actor":{"reference":"Patient/1"}},[{"actor":{"reference":"Patient/3"}}]]"#,
            r#""participant":[{"actor":[{"reference":"Patient/1"},[{"reference":"Patient/3"}]]}]"#,
        ] {
            assert_eq!(judge(ResourceType::Appointment, hidden), UNSAID);
        }
        assert_eq!(actors(&[ours, r#"{"reference":"patient/3"}"#]), WRONG);
        assert_eq!(actors(&[ours, r#"{"type":"Patient","display":"Somebody else"}"#]), UNSAID);
        assert_eq!(actors(&[r#"{"reference":"Location/5"}"#]), UNSAID);
        assert_eq!(actors(&[]), UNSAID);
    }
}
