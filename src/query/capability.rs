//! What the service says of itself, from the table it works by: a CapabilityStatement that lists what the grammar would refuse,
//! or leaves out what it takes, cannot be written. <https://hl7.org/fhir/R4/capabilitystatement.html>

use super::grammar::{self, Kind, Parameter, Rule};
use crate::domain::NhsNumber;
use crate::fhir::ResourceType;
use serde_json::{Value, json};

/// What the table does not know.
#[derive(Clone, Debug, Default)]
pub struct Service<'a> {
    /// Such as `https://caregate.example/fhir`.
    pub base: &'a str,
    pub version: &'a str,
    /// When this was last changed, as a FHIR dateTime.
    pub date: &'a str,
    pub smart: Option<Smart<'a>>,
    /// `rest.resource` entries of what stands beside the record: Consent, AuditEvent, the registry.
    pub resources: Vec<Value>,
    /// Of Patient: the name without its `$`, and the OperationDefinition's canonical URL.
    pub patient_operations: &'a [(&'a str, &'a str)],
}

/// Where tokens come from. <https://hl7.org/fhir/smart-app-launch/conformance.html>
#[derive(Clone, Copy, Debug)]
pub struct Smart<'a> {
    pub issuer: &'a str,
    pub jwks: &'a str,
    pub authorize: Option<&'a str>,
    pub token: &'a str,
    /// `grant_type`s, and what an assertion may be signed with.
    pub grants: &'a [&'a str],
    pub algorithms: &'a [&'a str],
}

impl Default for Smart<'_> {
    /// Of a server that says no more of itself: what SMART wants of each.
    fn default() -> Self {
        let (grants, algorithms) = (&["client_credentials"], &["RS384", "ES384"]);
        Self { issuer: "", jwks: "", authorize: None, token: "", grants, algorithms }
    }
}

pub fn statement(service: &Service<'_>) -> Value {
    let beside = |t: &str| service.resources.iter().find(|said| said.get("type").is_some_and(|of| of == t));
    let own = ResourceType::ALL.iter().map(|t| both(resource(*t, service), beside(t.as_str())));
    let others = service
        .resources
        .iter()
        .filter(|said| said.get("type").and_then(Value::as_str).is_none_or(|name| ResourceType::parse(name).is_none()));
    let resources: Vec<_> = own.chain(others.cloned()).collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": service.date,
        "kind": "instance",
        "software": {"name": "caregate", "version": service.version},
        "implementation": {"description": "A shared care record, joined up from a region's providers", "url": service.base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{"mode": "server", "security": security(service.smart), "resource": resources}],
    })
}

/// One type may be of the record, and something else be kept under it beside that. A statement names it once.
fn both(mut own: Value, beside: Option<&Value>) -> Value {
    let (Some(all), Some(more)) = (own.as_object_mut(), beside.and_then(Value::as_object)) else { return own };
    for (name, said) in more {
        match (all.get_mut(name).and_then(Value::as_array_mut), said.as_array()) {
            (Some(list), Some(added)) => {
                let new: Vec<Value> = added.iter().filter(|one| !list.contains(one)).cloned().collect();
                list.extend(new);
            }
            _ => drop(all.insert(name.clone(), said.clone())),
        }
    }
    own
}

fn security(smart: Option<Smart<'_>>) -> Value {
    let mut security = json!({
        "cors": false,
        "service": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"
        }]}],
        "description": "A bearer token of an issuer this service trusts; every answer is decided, and written in the audit first",
    });
    // the extension names both ends or is not there; the token's alone is in /.well-known/smart-configuration
    if let Some((smart, authorize)) = smart.and_then(|smart| Some((smart, smart.authorize?)))
        && let Some(security) = security.as_object_mut()
    {
        let uris = json!([{"url": "token", "valueUri": smart.token}, {"url": "authorize", "valueUri": authorize}]);
        let url = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";
        security.insert("extension".into(), json!([{"url": url, "extension": uris}]));
    }
    security
}

fn resource(resource_type: ResourceType, service: &Service<'_>) -> Value {
    let rule = grammar::rule(resource_type);
    let interactions: &[_] = if resource_type.is_target() { &["read"] } else { &["read", "search-type"] };
    let interactions: Vec<_> = interactions.iter().map(|code| json!({"code": code})).collect();
    let mut resource = json!({
        "type": resource_type.as_str(),
        "interaction": interactions,
        "versioning": "no-version",
        "conditionalCreate": false,
        "conditionalUpdate": false,
        "conditionalDelete": "not-supported",
    });
    let includes = rule.includes.iter().map(|one| json!(format!("{resource_type}:{}", one.name)));
    let rev_includes = rule.brings_provenance().then(|| json!("Provenance:target"));
    for (key, list) in [
        ("searchInclude", includes.collect()),
        ("searchRevInclude", rev_includes.into_iter().collect()),
        ("searchParam", rule.parameters().filter_map(|parameter| search_parameter(rule, parameter)).collect()),
    ] {
        let list: Vec<Value> = list;
        if let (false, Some(resource)) = (list.is_empty(), resource.as_object_mut()) {
            resource.insert(key.to_owned(), list.into());
        }
    }
    if let (ResourceType::Patient, false, Some(patient)) =
        (resource_type, service.patient_operations.is_empty(), resource.as_object_mut())
    {
        let operations: Vec<_> =
            service.patient_operations.iter().map(|(name, url)| json!({"name": name, "definition": url})).collect();
        patient.insert("operation".into(), operations.into());
    }
    resource
}

/// Parameters that shape the answer (`_count`...) are no search parameters in FHIR's sense, and chains and modifiers are told of
/// where their parameter is.
fn search_parameter(rule: Rule, Parameter { name, kind }: Parameter) -> Option<Value> {
    if name.contains(['.', ':']) {
        return None;
    }
    let system = NhsNumber::SYSTEM;
    let (kind, said) = match kind {
        Kind::Patient => (
            "reference",
            format!(
                "The patient: ID, Patient/ID or this server's own URL. Or {name}.identifier={system}|N, also spelt \
             {name}:identifier. One of them is required."
            ),
        ),
        Kind::NhsNumber => ("token", format!("Required: {system}|N")),
        Kind::Id => ("token", "Any of up to 100 ids of this service, parted by commas".to_owned()),
        Kind::Date(paths) => {
            ("date", format!("Of {}. May be repeated (and); eq, ne, gt, lt, ge, le; commas for or", paths.join(", ")))
        }
        Kind::Token(_, paths) => {
            ("token", format!("Of {}: code, system|code, |code or system|; commas for or", paths.join(", ")))
        }
        Kind::Code(codes) => ("token", format!("One of {}", codes.join(", "))),
        _ => return None,
    };
    let definition = format!("http://hl7.org/fhir/SearchParameter/{}", definition(rule.resource_type, name));
    Some(json!({"name": name, "definition": definition, "type": kind, "documentation": said}))
}

/// The id of R4's SearchParameter. Some are shared by several types.
fn definition(resource_type: ResourceType, name: &str) -> String {
    use ResourceType as T;
    let shared = match (name, resource_type) {
        ("_id" | "_lastUpdated", _) => return name.replace('_', "Resource-"),
        ("birthdate", T::Patient) => "individual",
        ("date" | "status", T::MedicationRequest) | ("status", T::MedicationStatement | T::MedicationDispense) => {
            "medications"
        }
        ("date", T::Appointment | T::DocumentReference)
        | ("patient", T::Appointment | T::QuestionnaireResponse)
        | ("identifier", T::Patient | T::Appointment | T::Flag | T::QuestionnaireResponse)
        | ("type", T::MedicationDispense) => resource_type.as_str(),
        ("code" | "date" | "identifier" | "patient" | "type", _) => "clinical",
        _ => resource_type.as_str(),
    };
    format!("{shared}-{name}")
}

/// `/.well-known/smart-configuration`: of the authorisation server, as this service trusts it.
pub fn smart_configuration(smart: Smart<'_>, scopes: &[&str]) -> Value {
    let mut configuration = json!({
        "issuer": smart.issuer,
        "jwks_uri": smart.jwks,
        "token_endpoint": smart.token,
        "grant_types_supported": smart.grants,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": smart.algorithms,
        "scopes_supported": scopes,
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["permission-user", "permission-patient", "permission-v2", "client-confidential-asymmetric"],
    });
    if let (Some(authorize), Some(fields)) = (smart.authorize, configuration.as_object_mut()) {
        fields.insert("authorization_endpoint".into(), authorize.into());
        fields.insert("grant_types_supported".into(), json!([&["authorization_code"], smart.grants].concat()));
    }
    configuration
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service<'static> {
        Service {
            base: "https://caregate.example/fhir",
            version: "0.1.0",
            date: "2026-01-01",
            smart: Some(Smart {
                issuer: "https://id.example",
                jwks: "https://id.example/jwks",
                authorize: None,
                token: "https://id.example/token",
                ..Smart::default()
            }),
            resources: vec![json!({"type": "Consent"})],
            patient_operations: &[("everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything")],
        }
    }

    #[test]
    fn every_type_and_every_parameter_of_the_table_is_told_of() {
        let statement = statement(&service());
        let resources = statement["rest"][0]["resource"].as_array().unwrap();
        assert_eq!(resources.len(), ResourceType::ALL.len() + 1);
        for (said, t) in resources.iter().zip(ResourceType::ALL) {
            assert_eq!(said["type"], t.as_str());
            let text = said["searchParam"].to_string();
            for Parameter { name, kind } in grammar::rule(*t).parameters() {
                let filters = matches!(
                    kind,
                    Kind::Patient | Kind::NhsNumber | Kind::Id | Kind::Date(_) | Kind::Token(..) | Kind::Code(_)
                );
                assert_eq!(text.contains(name), filters, "{t} {name}");
            }
            assert_eq!(said["searchParam"].is_null(), t.is_target(), "{t}");
            let includes = said["searchInclude"].as_array().map_or(0, Vec::len);
            assert_eq!(includes, grammar::rule(*t).includes.len(), "{t}");
        }
        assert_eq!(resources[0]["operation"][0]["name"], "everything");
        assert!(resources[1].get("operation").is_none());
        assert_eq!(resources.last().unwrap()["type"], "Consent");
    }

    #[test]
    fn the_way_to_a_token_is_told_where_there_is_one() {
        let mut service = service();
        let uris = |s: &Service<'_>| statement(s)["rest"][0]["security"]["extension"][0]["extension"].clone();
        assert_eq!(uris(&service), Value::Null, "the extension wants both");
        let mut smart = service.smart.take().unwrap();
        service.smart = Some(Smart { authorize: Some("https://id.example/authorize"), ..smart });
        assert_eq!(
            uris(&service),
            json!([
                {"url": "token", "valueUri": "https://id.example/token"},
                {"url": "authorize", "valueUri": "https://id.example/authorize"},
            ])
        );

        assert!(smart_configuration(smart, &[]).get("authorization_endpoint").is_none());
        smart.authorize = Some("https://id.example/authorize");
        let configuration = smart_configuration(smart, &["user/*.rs"]);
        assert_eq!(configuration["authorization_endpoint"], "https://id.example/authorize");
        assert_eq!(configuration["grant_types_supported"], json!(["authorization_code", "client_credentials"]));
        assert_eq!(configuration["scopes_supported"], json!(["user/*.rs"]));
    }
}
