use super::{KeyRefs, Party, Purpose, Requester, profile::JOB_ROLE, signing_keys::SigningKeys};
use crate::domain::{NhsNumber, OdsCode, RequestId, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

/// Told to providers that are to know who asks: statements of ours, signed by our own key. One informs and permits nothing;
/// it is no credential, and the reader's own token is no part of it.
pub struct Statements {
    /// Our own FHIR base.
    issuer: String,
    keys: SigningKeys,
}

/// For whom one statement is, and about what.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The provider's FHIR base.
    pub audience: &'a str,
    pub request: RequestId,
    pub patient: NhsNumber,
}

/// The header it goes in: never `Authorization`, so that nobody takes it for a credential.
pub const CONTEXT_HEADER: &str = "x-caregate-context";
const TYPE: &str = "caregate-context+jwt";
/// As long as a request may take, and clocks may differ.
const SECONDS: i64 = 120;
const SDS_USER: &str = "https://fhir.nhs.uk/Id/sds-user-id";

impl Statements {
    pub fn new(issuer: &str, key_refs: KeyRefs) -> Result<Self, String> {
        Ok(Self { issuer: issuer.trim_end_matches('/').to_owned(), keys: SigningKeys::new(key_refs)? })
    }

    /// Reads the keys again; if one cannot be used, those before stay.
    pub fn reload(&self) -> Result<(), String> {
        self.keys.reload()
    }

    /// The public halves of its keys, as JWKs.
    pub fn public_keys(&self) -> Vec<Value> {
        self.keys.public()
    }

    /// Names of claims as RFC 7519, RFC 9493 (`sub_id`), GP Connect (`reason_for_request`, `requesting_...`) and IHE IUA
    /// (`extensions.ihe_iua`) have them. `None` if nothing can be signed.
    pub fn sign(&self, reader: &Requester, told: Told<'_>) -> Option<String> {
        let now = Timestamp::now().seconds();
        let mut claims = json!({
            "iss": self.issuer,
            "aud": told.audience.trim_end_matches('/'),
            "iat": now,
            "exp": now + SECONDS,
            "jti": Uuid::new_v4().to_string(),
            "sub": reader.subject,
            "sub_id": {"format": "iss_sub", "iss": reader.issuer, "sub": reader.subject},
            "client_id": reader.client_id,
            "request_id": told.request.to_string(),
            "reason_for_request": "directcare",
        });
        let mut iua = json!({
            "purpose_of_use": [{"system": Purpose::SYSTEM, "code": reader.purpose.0}],
            "person_id": format!("{}|{}", NhsNumber::SYSTEM, told.patient.digits()),
        });
        let identifier = |system: &str, value: &str| json!([{"system": system, "value": value}]);
        if let Party::Staff { user, name, role, .. } = &reader.party {
            let mut practitioner = json!({"resourceType": "Practitioner", "identifier": identifier(SDS_USER, user)});
            if let Some(name) = name {
                put(&mut practitioner, "name", json!([{"text": name}]));
            }
            put(&mut claims, "requesting_practitioner", practitioner);
            if let Some(role) = role {
                put(&mut iua, "subject_role", json!([{"system": JOB_ROLE, "code": role}]));
            }
        }
        if let Some(organisation) = reader.party.organisation() {
            let identifier = identifier(OdsCode::SYSTEM, organisation.as_str());
            let organisation = json!({"resourceType": "Organization", "identifier": identifier});
            put(&mut claims, "requesting_organization", organisation);
        }
        put(&mut claims, "extensions", json!({ "ihe_iua": iua }));
        self.keys.sign(TYPE, &claims)
    }
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SecretRef;
    use crate::identity::{Scopes, jwk};

    fn reader(party: Party) -> Requester {
        Requester {
            issuer: "https://id.example".into(),
            subject: "s-1".into(),
            party,
            given_by: "https://gateway.example".into(),
            client_id: "ward-app".into(),
            token_id: "t-1".into(),
            scopes: Scopes::parse("user/*.rs"),
            purpose: Purpose("TREAT".into()),
            acting: None,
            expires: Timestamp::MAX,
        }
    }

    fn claims(token: &str) -> Value {
        let payload = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_statement_says_who_asks_why_and_of_whom_and_nothing_of_the_token() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("statement.pem");
        let pem = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
        std::fs::write(&file, pem).unwrap();
        let key_refs = KeyRefs { key: SecretRef::File(file), also: None };
        let statements = Statements::new("https://gateway.example/fhir/", key_refs).unwrap();
        let request = RequestId::fresh();
        let patient = NhsNumber::parse("9990000018").unwrap();
        let told = Told { audience: "https://trust.example/fhir/", request, patient };
        let staff = Party::Staff {
            user: "555021".into(),
            name: Some("Ada Example".into()),
            role: Some("R0260".into()),
            role_name: None,
            activities: vec!["B0380".into()],
            organisation: OdsCode::parse("F99001").unwrap(),
        };
        let token = statements.sign(&reader(staff), told).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let set = json!({"keys": statements.public_keys()});
        let keys = jwk::read_set(set.as_object().unwrap()).unwrap();
        keys.values().next().unwrap().verify(crate::identity::Algorithm::Es384, signed, signature).unwrap();
        let mut said = claims(&token);
        let (iat, exp) = (said["iat"].as_i64().unwrap(), said["exp"].as_i64().unwrap());
        assert!(exp - iat == 120 && (Timestamp::now().seconds() - iat).abs() < 5);
        let jti = said["jti"].as_str().unwrap().to_owned();
        assert_ne!(
            claims(&statements.sign(&reader(Party::Patient { nhs_number: patient }), told).unwrap())["jti"],
            jti
        );
        for dated in ["iat", "exp", "jti"] {
            said.as_object_mut().unwrap().remove(dated);
        }
        assert_eq!(
            said,
            json!({
                "iss": "https://gateway.example/fhir", "aud": "https://trust.example/fhir", "sub": "s-1",
                "sub_id": {"format": "iss_sub", "iss": "https://id.example", "sub": "s-1"},
                "client_id": "ward-app", "request_id": request.to_string(), "reason_for_request": "directcare",
                "requesting_organization": {"resourceType": "Organization", "identifier":
                    [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "F99001"}]},
                "requesting_practitioner": {"resourceType": "Practitioner", "identifier":
                    [{"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "555021"}], "name": [{"text": "Ada Example"}]},
                "extensions": {"ihe_iua": {
                    "subject_role": [{"system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-SDSJobRoleName", "code": "R0260"}],
                    "purpose_of_use": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}],
                    "person_id": "https://fhir.nhs.uk/Id/nhs-number|9990000018",
                }},
            })
        );
    }
}
