use super::{
    super::{
        Endpoint,
        shape::{CONNECTION_TYPE, FHIR_JSON, HOW_TO_ASK, REGISTRATION, RESOURCE_TYPES, REST, TEST_PATIENT},
    },
    extensions::Extensions,
    parts,
};
use crate::{
    access::{
        ContentFault, FaultCode,
        content::{self, Members, Node},
    },
    domain::NhsNumber,
    fhir::{ResourceType, json::Tape},
    registry::Idiom,
};
use std::collections::BTreeSet;
use url::Url;

const MOST_REPLICAS: usize = 3;
const MOST_TEST_PATIENTS: usize = 50;
const DEADLINES: std::ops::RangeInclusive<u64> = 10..=60_000;

/// Reads an Endpoint (<https://hl7.org/fhir/R4/endpoint.html>).
pub fn read_endpoint(text: &str) -> Result<Endpoint, ContentFault> {
    let mut tape = Tape::new();
    let root = Node::resource(text, "Endpoint", &mut tape)?;
    let mut members = root.members()?;
    let id = parts::head(&mut members, "Endpoint")?;
    let mut extensions = Extensions::of(&mut members)?;
    extensions.skip(REGISTRATION);
    let asked = extensions.parts(HOW_TO_ASK)?.map(how_to_ask).transpose()?.unwrap_or_default();
    let test_patients = extensions.values(TEST_PATIENT, "valueIdentifier", MOST_TEST_PATIENTS)?;
    let test_patients = test_patients.iter().map(test_patient).collect::<Result<Vec<_>, _>>()?;
    extensions.done()?;
    let managing = members.need("managingOrganization")?;
    let ods = parts::organisation(&managing)?;
    if id.is_some_and(|id| id != ods) {
        return Err(managing.fault(FaultCode::Value, "is another organisation than the id names"));
    }
    connection_type(&members.need("connectionType")?)?;
    let name = parts::name(&members.need("name")?)?;
    let contacts = parts::few(members.take("contact"))?;
    let contacts = contacts.iter().map(|point| parts::contact_point(point, None)).collect::<Result<_, _>>()?;
    let (from, until) = members.take("period").map(|period| content::period(&period)).transpose()?.unwrap_or_default();
    status(&members.need("status")?, until.is_some())?;
    let types = types(&members.need("payloadType")?)?;
    if let Some(list) = members.take("payloadMimeType") {
        list.only_item()?.must_be(FHIR_JSON)?;
    }
    let address = parts::address(&members.need("address")?)?;
    no_header(&mut members)?;
    members.done()?;
    let HowToAsk { idiom, credential, replicas, deadline_ms } = asked;
    Ok(Endpoint {
        ods,
        name,
        address,
        replicas,
        types,
        idiom,
        credential,
        contacts,
        test_patients,
        deadline_ms,
        from,
        until,
    })
}

#[derive(Default)]
struct HowToAsk {
    idiom: Idiom,
    credential: Option<String>,
    replicas: Vec<Url>,
    deadline_ms: Option<u64>,
}

fn how_to_ask(mut parts: Extensions<'_>) -> Result<HowToAsk, ContentFault> {
    let idiom = parts.value("idiom", "valueCode")?.map(|node| {
        let text = node.text()?;
        let known = Idiom::ALL.into_iter().find(|idiom| idiom.as_str() == text);
        known.ok_or_else(|| node.fault(FaultCode::Value, "expected chained or resolve-first"))
    });
    let credential = parts.value("credential", "valueString")?.map(|node| {
        let text = node.text_of(64)?;
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        let said = "expected the name of a credential that the deployment keeps, never what it holds";
        if plain { Ok(text.into_owned()) } else { Err(node.fault(FaultCode::Value, said)) }
    });
    let replicas = parts.values("replica", "valueUrl", MOST_REPLICAS)?;
    let deadline = parts.value("deadline", "valuePositiveInt")?.map(|node| {
        let number = node.value.raw_str().parse().ok().filter(|ms| DEADLINES.contains(ms));
        number.ok_or_else(|| node.fault(FaultCode::Value, "expected 10 to 60000 milliseconds"))
    });
    parts.done()?;
    Ok(HowToAsk {
        idiom: idiom.transpose()?.unwrap_or_default(),
        credential: credential.transpose()?,
        replicas: replicas.iter().map(parts::address).collect::<Result<_, _>>()?,
        deadline_ms: deadline.transpose()?,
    })
}

/// A probe asks for these, so they must be nobody.
fn test_patient(node: &Node<'_>) -> Result<NhsNumber, ContentFault> {
    let number = content::nhs_number(node)?;
    let said = "a test patient's number is of the range 999, which is never issued: no probe asks for a real person";
    if number.is_for_tests() { Ok(number) } else { Err(node.fault(FaultCode::Value, said)) }
}

fn connection_type(node: &Node<'_>) -> Result<(), ContentFault> {
    let (system, code) = content::coding(node)?;
    system.must_be(CONNECTION_TYPE)?;
    if code.text()? == REST {
        return Ok(());
    }
    let said = format!(
        "only {REST} is asked: FHIR R4 by REST. A provider that speaks anything else registers an adapter in front of it that speaks \
         R4 (docs/REGISTRY.md, Adapters)"
    );
    Err(code.fault(FaultCode::NotSupported, said))
}

/// R4 wants one, and an answer of ours has one that may come back: what it says follows from the registration, the stage and the
/// period. One that wishes the endpoint away without saying so where it is heard is refused.
fn status(node: &Node<'_>, ends: bool) -> Result<(), ContentFault> {
    match node.text()?.as_ref() {
        "active" | "test" | "suspended" => Ok(()),
        "off" if ends => Ok(()),
        "off" => {
            let said = "to take the endpoint out of use say in period.end from when; at once, suspend it by $stage";
            Err(node.fault(FaultCode::NotSupported, said))
        }
        _ => Err(node.fault(FaultCode::NotSupported, "only active, test, suspended and off are understood here")),
    }
}

fn types(list: &Node<'_>) -> Result<BTreeSet<ResourceType>, ContentFault> {
    let mut types = BTreeSet::new();
    for concept in list.items()? {
        let code = content::concept(&concept, RESOURCE_TYPES)?;
        let said = "no type of the record here; documents come with DocumentReference";
        let served = ResourceType::parse(&code.text()?).ok_or_else(|| code.fault(FaultCode::Value, said))?;
        types.insert(served);
    }
    Ok(types)
}

fn no_header(members: &mut Members<'_>) -> Result<(), ContentFault> {
    let Some(header) = members.take("header") else { return Ok(()) };
    let said = "a header could hold a secret, which has no place in a registry that others read: have the deployment keep it as a \
                credential, and name that in how-to-ask";
    Err(header.fault(FaultCode::NotSupported, said))
}
