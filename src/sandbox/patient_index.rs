//! A patient index as PDS FHIR is: `GET Patient/[number]`, where a number that was given up answers with the Patient of the one
//! in use, a restricted patient without address, and of a sensitive one nothing. Faults are ordered as of any provider.
//! <https://digital.nhs.uk/developer/api-catalogue/personal-demographics-service-fhir>

use super::{
    Provider, SandboxError,
    data::{Flag, IndexRecord, NHS_NUMBER, ODS_CODE, ProviderData, Resource},
    provider::{self, Kind},
    server::{Port, Running},
};
use crate::domain::OdsCode;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, io};

/// Who runs England's.
const ODS: &str = "X26";

pub fn start(records: &[IndexRecord], port: Port) -> Result<(Provider, Running), SandboxError> {
    let patients = records.iter().filter(|record| record.flag != Flag::S).flat_map(answers).collect();
    let data = ProviderData {
        slug: "patient-index".to_owned(),
        ods: OdsCode::parse(ODS).map_err(io::Error::other)?,
        name: "Pretend national patient index".to_owned(),
        kind: "patient-index".to_owned(),
        resources: BTreeMap::from([("Patient".to_owned(), patients)]),
    };
    provider::start(data, "resolve-first", Kind::Bearer, port)
}

/// Under each of the person's numbers the same Patient.
fn answers(record: &IndexRecord) -> Vec<Resource> {
    let json = patient(record).to_string();
    let numbers = [record.nhs_number].into_iter().chain(record.supersedes.iter().copied());
    let under =
        numbers.filter_map(|number| Some(Resource { id: number.digits(), ..Resource::parse("Patient", &json).ok()? }));
    under.collect()
}

fn patient(record: &IndexRecord) -> Value {
    let label = |code, display| json!({"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code, "display": display});
    let security = if record.flag == Flag::R { label("R", "restricted") } else { label("U", "unrestricted") };
    let status = json!({
        "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
        "valueCodeableConcept": {"coding": [{
            "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland",
            "code": record.verification,
        }]},
    });
    let number = record.nhs_number.digits();
    let patient = json!({
        "resourceType": "Patient",
        "id": number,
        "meta": {"versionId": "2", "security": [security]},
        "identifier": [{"system": NHS_NUMBER, "value": number, "extension": [status]}],
        "name": [{"use": "usual", "family": record.family, "given": [record.given]}],
        "gender": record.gender,
        "birthDate": record.birth_date,
    });
    let mut more = Map::new();
    more.extend(record.deceased.as_ref().map(|at| ("deceasedDateTime".to_owned(), json!(at))));
    if record.flag == Flag::U {
        let home = json!({"use": "home", "line": ["1 Index Lane"], "city": "Saltmarsh", "postalCode": "ZZ99 3WZ"});
        more.insert("address".to_owned(), json!([home]));
        more.insert("telecom".to_owned(), json!([{"system": "phone", "value": "01632 960587", "use": "home"}]));
        more.extend(record.gp_practice.map(|practice| {
            let practice = json!({"system": ODS_CODE, "value": practice});
            ("generalPractitioner".to_owned(), json!([{"type": "Organization", "identifier": practice}]))
        }));
    }
    match patient {
        Value::Object(members) => members.into_iter().chain(more).collect(),
        other => other,
    }
}
