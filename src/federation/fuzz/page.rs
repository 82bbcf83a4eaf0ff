//! A provider's answer as a fuzzer's bytes decide it: FHIR for the most part, with what providers, and those who attack by way of
//! one, might write.

use crate::{
    domain::NhsNumber,
    federation::testing::patient,
    fhir::{ResourceType, fuzz::Dice},
    query::grammar::{Link, Rule},
};

pub const OTHER: &str = "9990000026";

/// Where references lead. The first two are this patient's, at a provider that keeps them as 1 and as 2.
const PATIENTS: [&str; 12] = [
    "Patient/1",
    "https://rz901.example/fhir/Patient/2",
    "Patient/1/_history/3",
    "Patient/3",
    "patient/1",
    "PATIENT/3",
    "https://other.example/fhir/Patient/1",
    "https://rz901.example/fhir/https://other.example/Patient/1",
    "#p",
    "Group/1",
    "urn:uuid:00000000-0000-4000-8000-000000000000",
    "Patient/1?x=Patient/3",
];
const ELSEWHERE: [&str; 8] = [
    "Encounter/e-1",
    "https://rz901.example/fhir/Practitioner/x/_history/1",
    "Organization/RZ901",
    "Observation/00000000-0000-4000-8000-000000000000",
    "Medication/an-id-that-is-too-long-to-be-sealed-as-it-is",
    "#p",
    "https://other.example/Location/1",
    "Patient/3",
];
const ADDRESSES: [&str; 8] = [
    "Binary/1",
    "https://rz901.example/fhir/Binary/1",
    "https://rz901.example/files?id=1&name=a b",
    "data:text/plain,x",
    "DATA:",
    "",
    "../../admin",
    "javascript:alert(1)",
];
const LOCALS: [&str; 8] = [
    "a",
    "b",
    "00000000-0000-4000-8000-000000000000",
    "RZ901-1",
    "rz901.example",
    "an-id-too-long-to-be-sealed-as-it-is",
    "a/b",
    "",
];
/// Places that a concealed patient's entries are rid of, and what only resembles them.
const PROSE: [&str; 6] = ["plain", "seen at RZ901", "The \"RZ901\" Trust", "RZ9012", "https://RZ901.example/x", "<b>"];

fn reference(dice: &mut Dice<'_>, to: &str) -> String {
    let to = dice.text(to);
    let mut members = vec![dice.member("reference", &to)];
    if dice.one_in(8) {
        let words = dice.pick(&PROSE);
        let words = dice.text(words);
        members.push(dice.member("display", &words));
    }
    dice.object(members)
}

fn identifier(dice: &mut Dice<'_>, number: &str) -> String {
    let (system, number) = (dice.text(NhsNumber::SYSTEM), dice.text(number));
    let mut members = vec![dice.member("system", &system), dice.member("value", &number)];
    if dice.one_in(8) {
        members.push(r#""use":"old""#.to_owned());
    }
    dice.object(members)
}

/// Who it is about, in one of the ways there are to say so.
fn subject(dice: &mut Dice<'_>) -> String {
    let to = if dice.one_in(3) { dice.pick(&PATIENTS) } else { PATIENTS[dice.below(2)] };
    if !dice.one_in(4) {
        return reference(dice, to);
    }
    let number = if dice.one_in(4) { OTHER.to_owned() } else { patient().digits() };
    let number = identifier(dice, &number);
    let number = if dice.one_in(8) { format!("[{number}]") } else { number };
    let mut members = vec![dice.member("identifier", &number)];
    if dice.one_in(2) {
        let to = dice.text(to);
        members.push(dice.member("reference", &to));
    }
    if dice.one_in(8) {
        members.push(dice.member("type", "\"Patient\""));
    }
    dice.object(members)
}

fn meta(dice: &mut Dice<'_>) -> String {
    let mut members = Vec::new();
    for (key, usual) in [
        ("versionId", r#""7""#),
        ("lastUpdated", r#""2024-05-01T10:00:00Z""#),
        ("source", r#""urn:source\u0041""#),
        ("tag", r#"[{"code":"x"}]"#),
        ("extension", r#"[{"url":"u","valueReference":{"reference":"Encounter/1"}}]"#),
        ("security", r#"[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]"#),
    ] {
        if dice.one_in(2) {
            let value = if dice.one_in(12) { dice.value() } else { dice.pick(&[usual, usual, "[]"]).to_owned() };
            members.push(dice.member(key, &value));
        }
    }
    dice.object(members)
}

fn attachment(dice: &mut Dice<'_>) -> String {
    let long = format!("https://rz901.example/{}", "x".repeat(2040));
    let address = if dice.one_in(32) { &long } else { dice.pick(&ADDRESSES) };
    let address = dice.text(address);
    let attachment = dice.object(vec![format!(r#""url":{address}"#), r#""contentType":"text/plain""#.to_owned()]);
    format!(r#"{{"attachment":{attachment}}}"#)
}

fn contained(dice: &mut Dice<'_>) -> String {
    let number = if dice.one_in(3) { OTHER.to_owned() } else { patient().digits() };
    let number = identifier(dice, &number);
    let place = r#"{"resourceType":"Organization","id":"p","name":"x"}"#;
    if dice.one_in(4) {
        return format!("[{place}]");
    }
    format!(r#"[{{"resourceType":"Patient","id":"p","identifier":[{number}]}}]"#)
}

fn resource(of: ResourceType, rule: &Rule, dice: &mut Dice<'_>) -> String {
    let name = if dice.one_in(32) { "Basic" } else { of.as_str() };
    let name = dice.text(name);
    let id = dice.pick(&LOCALS);
    let mut members = vec![dice.member("resourceType", &name)];
    if !dice.one_in(32) {
        let id = dice.text(id);
        members.push(dice.member("id", &id));
    }
    if !dice.one_in(16) {
        let about = subject(dice);
        // more than one now and then, and in lists of lists
        let about = match dice.below(16) {
            13 => format!("[{about},{}]", subject(dice)),
            14 => format!("[{about},[{}]]", subject(dice)),
            15 => format!("[{about}]"),
            _ => about,
        };
        members.push(match rule.link {
            Link::Actor => {
                let more = match dice.below(8) {
                    5 => format!(r#",{{"actor":{}}}"#, subject(dice)),
                    6 => format!(r#",[{{"actor":{}}}]"#, subject(dice)),
                    7 => r#",{"actor":{"reference":"Location/1"}}"#.to_owned(),
                    _ => String::new(),
                };
                dice.member("participant", &format!(r#"[{{"actor":{about}}}{more}]"#))
            }
            link => dice.member(link.path().unwrap_or("subject"), &about),
        });
    }
    type Made = fn(&mut Dice<'_>) -> String;
    let others: [(&str, Made); 9] = [
        ("meta", meta),
        ("contained", contained),
        ("content", |dice| format!("[{}]", attachment(dice))),
        ("photo", |dice| format!(r#"[{{"url":{}}}]"#, dice.value())),
        ("encounter", |dice| {
            let to = dice.pick(&ELSEWHERE);
            reference(dice, to)
        }),
        ("valueQuantity", |dice| format!(r#"{{"value":{}}}"#, dice.value())),
        ("note", |dice| {
            let words = dice.pick(&PROSE);
            format!(r#"[{{"text":{}}}]"#, dice.text(words))
        }),
        ("extension", |dice| dice.value()),
        ("x", |dice| dice.value()),
    ];
    for (key, made) in others {
        if dice.one_in(4) {
            let value = made(dice);
            members.push(dice.member(key, &value));
        }
    }
    dice.object(members)
}

pub fn page(of: ResourceType, rule: &Rule, dice: &mut Dice<'_>) -> Vec<u8> {
    let mut entries = Vec::new();
    for _ in 0..=dice.below(4) {
        let mut members = vec![format!(r#""resource":{}"#, resource(of, rule, dice))];
        if dice.one_in(4) {
            members.push(format!(
                r#""search":{{"mode":"{}"}}"#,
                dice.pick(&["match", "match", "match", "include", "outcome"])
            ));
        }
        let entry = if dice.one_in(32) { dice.value() } else { dice.object(members) };
        entries.push(entry);
    }
    if dice.one_in(8) {
        entries.push(entries[0].clone());
    }
    let members = vec![
        r#""resourceType":"Bundle""#.to_owned(),
        r#""type":"searchset""#.to_owned(),
        dice.member("entry", &format!("[{}]", entries.join(","))),
    ];
    let page = dice.object(members);
    dice.spoil(page.into_bytes())
}
