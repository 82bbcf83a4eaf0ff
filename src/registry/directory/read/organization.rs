use super::{
    super::{
        Agreement, ClientKeys, Contact, Organisation,
        shape::{AGREEMENT, CLIENT_KEYS, KIND, ODS_ROLE, REGISTRATION},
    },
    extensions::Extensions,
    parts,
};
use crate::{
    access::{
        ContentFault, FaultCode, Policy,
        content::{self, Members, Node},
    },
    domain::OdsCode,
    fhir::json::Tape,
    identity::{self, Thumbprint},
};
use serde_json::Value;

const MOST_KEYS: usize = 8;
/// An RSA key of 8192 bits, with room.
const LONGEST_KEY: usize = 4_000;

/// Reads an Organization (<https://hl7.org/fhir/R4/organization.html>).
pub fn read_organization(text: &str, policy: &Policy) -> Result<Organisation, ContentFault> {
    let mut tape = Tape::new();
    let root = Node::resource(text, "Organization", &mut tape)?;
    let mut members = root.members()?;
    let id = parts::head(&mut members, "Organization")?;
    let mut extensions = Extensions::of(&mut members)?;
    extensions.skip(REGISTRATION);
    let agreement = extensions.parts(AGREEMENT)?.map(agreement).transpose()?;
    let client = extensions.parts(CLIENT_KEYS)?.map(client_keys).transpose()?;
    extensions.done()?;
    let identifier = members.need("identifier")?.only_item()?;
    let ods = content::ods_code(&identifier)?;
    if id.is_some_and(|id| id != ods) {
        return Err(identifier.fault(FaultCode::Value, "is another organisation's than the id"));
    }
    // whether it is active follows from the registration; a value that is none is a fault all the same
    if let Some(active) = members.take("active")
        && active.value.as_bool().is_none()
    {
        return Err(active.fault(FaultCode::Structure, "expected true or false"));
    }
    let (kind, role) = kind(&members.need("type")?.only_item()?, policy)?;
    let name = parts::name(&members.need("name")?)?;
    let contacts = contacts(&mut members)?;
    own_endpoint(&mut members, ods)?;
    members.done()?;
    Ok(Organisation { ods, name, kind, role, agreement, contacts, client })
}

/// One coding says which of the kinds known here it is, and one beside it may say what the Organisation Data Service calls it.
fn kind(concept: &Node<'_>, policy: &Policy) -> Result<(String, Option<String>), ContentFault> {
    let mut members = concept.members()?;
    let (mut kind, mut role) = (None, None);
    for coding in members.need("coding")?.items()? {
        let (system, code) = content::coding(&coding)?;
        let text = code.text()?;
        let (place, fits, said) = match system.text()?.as_ref() {
            KIND => (&mut kind, policy.knows_organisations(&text), "no kind of organisation that is known here"),
            ODS_ROLE => (&mut role, is_ods_role(&text), "expected an ODS role such as RO177"),
            _ => {
                return Err(system.fault(FaultCode::NotSupported, format!("only {KIND} and {ODS_ROLE} are understood")));
            }
        };
        if !fits {
            return Err(code.fault(FaultCode::Value, said));
        }
        if place.replace(text.into_owned()).is_some() {
            return Err(coding.fault(FaultCode::NotSupported, "only one of each system is understood here"));
        }
    }
    members.take("text").map(|text| text.text()).transpose()?;
    members.done()?;
    let missing = || concept.fault(FaultCode::Required, format!("needs a coding of {KIND}"));
    Ok((kind.ok_or_else(missing)?, role))
}

fn is_ods_role(code: &str) -> bool {
    let digits = code.strip_prefix("RO").unwrap_or_default();
    (1..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn agreement(mut parts: Extensions<'_>) -> Result<Agreement, ContentFault> {
    let reference = parts.value("reference", "valueString")?.map(|node| node.text_of(200)).transpose()?;
    let period = parts.value("period", "valuePeriod")?.map(|node| content::period(&node)).transpose()?;
    parts.done()?;
    let missing = || ContentFault {
        code: FaultCode::Required,
        path: format!("Organization.extension('{AGREEMENT}').extension('reference')"),
        diagnostics: "is required".to_owned(),
    };
    let (from, until) = period.unwrap_or_default();
    Ok(Agreement { reference: parts::owned(reference.ok_or_else(missing)?), from, until })
}

/// Keys at a URL or here, one of the two.
fn client_keys(mut parts: Extensions<'_>) -> Result<ClientKeys, ContentFault> {
    let place = parts.value("jwks-url", "valueUrl")?;
    let nodes = parts.values("jwk", "valueString", MOST_KEYS)?;
    let certificates = parts.values("certificate", "valueString", MOST_KEYS)?;
    parts.done()?;
    let certificates = certificates.iter().map(|node| {
        let said = "expected a certificate's SHA-256 as x5t#S256 has it: base64url, 43 characters";
        let thumbprint = Thumbprint::parse(&node.text()?).ok_or_else(|| node.fault(FaultCode::Value, said))?;
        Ok(thumbprint.to_string())
    });
    let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
    let url = place.as_ref().map(parts::address).transpose()?;
    match (url, nodes.is_empty(), place) {
        (Some(url), true, _) => Ok(ClientKeys { jwks_url: Some(url), jwks: None, certificates }),
        (None, false, _) => Ok(ClientKeys { jwks_url: None, jwks: Some(keys(&nodes)?), certificates }),
        (Some(_), false, Some(place)) => {
            Err(place.fault(FaultCode::NotSupported, "keys are at a URL or here, not both"))
        }
        _ => Err(ContentFault {
            code: FaultCode::Required,
            path: format!("Organization.extension('{CLIENT_KEYS}')"),
            diagnostics: "needs jwks-url, or a jwk for each key".to_owned(),
        }),
    }
}

/// Each is a JWK, as JSON in a string: FHIR has no place for other JSON.
fn keys(nodes: &[Node<'_>]) -> Result<Vec<Value>, ContentFault> {
    let keys = nodes.iter().map(|node| {
        let fault = || node.fault(FaultCode::Value, "expected a JWK, as JSON in a string");
        let text = node.text_of(LONGEST_KEY)?;
        // one reader of JSON would take the first of two members, another the last
        Node::resource(&text, "JWK", &mut Tape::new()).map_err(|_| fault())?;
        serde_json::from_str(&text).map_err(|_| fault())
    });
    let keys = keys.collect::<Result<Vec<Value>, ContentFault>>()?;
    match identity::vet_keys(&keys) {
        Ok(()) => Ok(keys),
        Err(bad) => match nodes.get(bad.at) {
            Some(node) => Err(node.fault(FaultCode::Value, bad.why)),
            None => Err(ContentFault {
                code: FaultCode::Value,
                path: "Organization".to_owned(),
                diagnostics: bad.why.to_owned(),
            }),
        },
    }
}

fn contacts(members: &mut Members<'_>) -> Result<Vec<Contact>, ContentFault> {
    let mut contacts = Vec::new();
    for point in parts::few(members.take("telecom"))? {
        contacts.push(parts::contact_point(&point, None)?);
    }
    for contact in parts::few(members.take("contact"))? {
        let mut members = contact.members()?;
        if let Some(person) = members.take("name") {
            let said = "a contact is an office, not a person: say what it is for in purpose.text";
            return Err(person.fault(FaultCode::NotSupported, said));
        }
        let mut purpose = members.need("purpose")?.members()?;
        let said = parts::name(&purpose.need("text")?)?;
        purpose.done()?;
        for point in parts::few(Some(members.need("telecom")?))? {
            contacts.push(parts::contact_point(&point, Some(&said))?);
        }
        members.done()?;
    }
    Ok(contacts)
}

/// Where an answer of ours is sent back it names the organisation's own endpoint; it has no other.
fn own_endpoint(members: &mut Members<'_>, ods: OdsCode) -> Result<(), ContentFault> {
    let Some(list) = members.take("endpoint") else { return Ok(()) };
    let mut endpoint = list.only_item()?.members()?;
    let reference = endpoint.need("reference")?;
    if parts::local(&reference, "Endpoint")? != ods {
        return Err(reference.fault(FaultCode::NotSupported, "an organisation has its own endpoint alone here"));
    }
    endpoint.done()
}
