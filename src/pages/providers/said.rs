use crate::{
    pages::words,
    registry::{
        Idiom,
        directory::{Contact, Content, Endpoint, Organisation},
    },
};
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use serde_json::Value;

/// Everything that an entry says, each by its name: as it is shown, and as two versions of it are compared. What is left empty is
/// said as an empty text.
pub fn said(content: &Content) -> Vec<(&'static str, String)> {
    match content {
        Content::Organization(organisation) => self::organisation(organisation),
        Content::Endpoint(endpoint) => self::endpoint(endpoint),
    }
}

/// What differs: its name, what was said, what is.
pub fn changes(before: Option<&Content>, now: &Content) -> Vec<(&'static str, String, String)> {
    let before = before.map(said).unwrap_or_default();
    let was = |name: &str| before.iter().find(|(known, _)| *known == name).map(|(_, said)| said.clone());
    let compared = said(now).into_iter().map(|(name, now)| (name, was(name).unwrap_or_default(), now));
    compared.filter(|(_, was, now)| was != now).collect()
}

fn organisation(of: &Organisation) -> Vec<(&'static str, String)> {
    let (agreement, client) = (of.agreement.as_ref(), of.client.as_ref());
    let from = agreement.and_then(|agreement| agreement.from).map(words::precise);
    let until = agreement.and_then(|agreement| agreement.until).map(words::precise_end);
    let keys = client.and_then(|client| client.jwks.as_ref()).map(|keys| keys.iter().map(key).collect::<Vec<_>>());
    vec![
        ("Name", of.name.clone()),
        ("Kind of organisation", words::kind(&of.kind)),
        ("ODS role", of.role.clone().unwrap_or_default()),
        ("Sharing agreement", agreement.map(|agreement| agreement.reference.clone()).unwrap_or_default()),
        ("Agreement begins", from.unwrap_or_default()),
        ("Agreement's last day", until.unwrap_or_default()),
        ("Contacts", contacts(&of.contacts)),
        (
            "Where its system's keys are",
            client.and_then(|client| client.jwks_url.as_ref()).map(ToString::to_string).unwrap_or_default(),
        ),
        ("Its system's keys", keys.unwrap_or_default().join("; ")),
        ("Its system's certificates", client.map(|client| client.certificates.join("; ")).unwrap_or_default()),
    ]
}

fn endpoint(of: &Endpoint) -> Vec<(&'static str, String)> {
    let replicas: Vec<&str> = of.replicas.iter().map(url::Url::as_str).collect();
    let types: Vec<String> = of.types.iter().map(|served| words::resource_type(served.as_str())).collect();
    let patients: Vec<String> = of.test_patients.iter().map(|number| number.digits()).collect();
    vec![
        ("Name", of.name.clone()),
        ("Address", of.address.to_string()),
        ("Other addresses", replicas.join("; ")),
        ("What it holds", types.join(", ")),
        ("How it is asked", idiom(of.idiom).to_owned()),
        ("Credential", of.credential.clone().unwrap_or_default()),
        ("Contacts", contacts(&of.contacts)),
        ("Test patients", patients.join(", ")),
        ("Time for an answer", of.deadline_ms.map(|ms| format!("{ms} milliseconds")).unwrap_or_default()),
        ("In use from", of.from.map(words::precise).unwrap_or_default()),
        ("Last day of use", of.until.map(words::precise_end).unwrap_or_default()),
    ]
}

pub fn idiom(idiom: Idiom) -> &'static str {
    match idiom {
        Idiom::Chained => "At once by the patient's NHS number",
        Idiom::ResolveFirst => "First for the patient, then by the patient's id",
    }
}

fn contacts(contacts: &[Contact]) -> String {
    let one = |contact: &Contact| {
        let purpose = contact.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        format!("{purpose}{}", contact.value)
    };
    contacts.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// A key by what it calls itself, and by what tells it from every other.
fn key(key: &Value) -> String {
    let name = key.get("kid").and_then(Value::as_str).unwrap_or("without a name");
    let print = HEXLOWER.encode(digest::digest(&digest::SHA256, key.to_string().as_bytes()).as_ref());
    format!("{name} (fingerprint {})", print.chars().take(16).collect::<String>())
}
