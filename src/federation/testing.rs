//! For the tests: providers, and what they are made to have said.

use super::{Answer, Failure, Resolution, Rewriter, pages, resolution::SourcePatient, split::Splitter};
use crate::{
    access::{Policy, Sensitivities},
    domain::{IdSealer, NhsNumber, OdsCode, Timestamp},
    fhir::{
        ResourceType,
        json::{self, Limits, Tape},
    },
    identity::{Party, Purpose, Requester, Scopes},
    registry::{Idiom, Locate, Provider, ReaderContext, Want},
};
use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
    time::Duration,
};

pub const BASE: &str = "https://caregate.example/fhir/";

pub fn patient() -> NhsNumber {
    NhsNumber::parse("9990000018").unwrap()
}

pub fn ids() -> Arc<IdSealer> {
    Arc::new(IdSealer::new(&[7; 32]))
}

/// An organisation's own system.
pub fn requester() -> Requester {
    Requester {
        issuer: "https://identity.example".to_owned(),
        subject: "someone".to_owned(),
        party: Party::System { organisation: OdsCode::parse("RZ900").unwrap() },
        given_by: "https://gateway.example".into(),
        client_id: "client".to_owned(),
        token_id: "token".to_owned(),
        scopes: Scopes::parse("system/*.rs"),
        purpose: Purpose("TREAT".to_owned()),
        acting: None,
        expires: Timestamp::MAX,
    }
}

/// The built-in list.
pub fn sensitivities() -> Arc<Sensitivities> {
    static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::load(None).unwrap());
    Arc::clone(POLICY.sensitivities())
}

/// At `https://[ods].example/fhir/`.
pub fn provider(ods: &str) -> Provider {
    Provider {
        ods: OdsCode::parse(ods).unwrap(),
        name: format!("The \"{ods}\" Trust"),
        kind: "acute-trust".into(),
        base: format!("https://{ods}.example/fhir/").parse().unwrap(),
        replicas: Vec::new(),
        authorities: Vec::new(),
        idiom: Idiom::ResolveFirst,
        sign_in: Arc::default(),
        reader_context: ReaderContext::Untold,
        deadline: Duration::from_secs(1),
        max_calls: None,
        allow_private_addresses: false,
        restricted: false,
        locate: Locate::Always,
        push_down: true,
        types: None,
        version: 0,
        is_out_of_use: false,
        declared: Arc::default(),
    }
}

/// The provider's Patients, as JSON.
pub fn resolution(provider: &Provider, patients: &[String]) -> Result<Arc<Resolution>, Failure> {
    let read = |text: &String| {
        let mut tape = Tape::new();
        let resource = json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
        SourcePatient::read(resource, &patient().into(), &sensitivities())
    };
    let patients = patients.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Arc::new(Resolution::of(provider, patient(), patients)?))
}

/// A Patient under the number of all these tests; `more` is further members, each with a comma before it.
pub fn patient_json(local: &str, more: &str) -> String {
    format!(
        r#"{{"resourceType":"Patient","id":"{local}","identifier":[{{"system":"{}","value":"{}"}}]{more}}}"#,
        NhsNumber::SYSTEM,
        patient().digits()
    )
}

pub fn rewriter(provider: &Provider, resolution: &Arc<Resolution>) -> Rewriter {
    Rewriter {
        ids: ids(),
        provider: Arc::new(provider.clone()),
        numbers: patient().into(),
        resolution: Arc::clone(resolution),
        base: BASE.into(),
        long_ids: HashSet::new(),
        concealing: None,
    }
}

/// What is made of a searchset with these resources, where nothing but each other lends them labels.
pub fn answer<S: AsRef<str>>(
    provider: &Provider,
    resolution: &Arc<Resolution>,
    resource_type: ResourceType,
    resources: &[S],
) -> Result<Answer, Failure> {
    answer_lent(provider, resolution, resource_type, resources, &[])
}

/// ... and where these do.
pub fn answer_lent<S: AsRef<str>>(
    provider: &Provider,
    resolution: &Arc<Resolution>,
    resource_type: ResourceType,
    resources: &[S],
    lent: &[(ResourceType, Arc<Answer>)],
) -> Result<Answer, Failure> {
    said(provider, resolution, &Want::all(resource_type), resources, lent)
}

/// What is made of such a searchset as the answer to this want.
pub fn answer_to<S: AsRef<str>>(
    provider: &Provider,
    resolution: &Arc<Resolution>,
    want: &Want,
    resources: &[S],
) -> Result<Answer, Failure> {
    said(provider, resolution, want, resources, &[])
}

fn said<S: AsRef<str>>(
    provider: &Provider,
    resolution: &Arc<Resolution>,
    want: &Want,
    resources: &[S],
    lent: &[(ResourceType, Arc<Answer>)],
) -> Result<Answer, Failure> {
    let entries: Vec<String> = resources.iter().map(|r| format!(r#"{{"resource":{}}}"#, r.as_ref())).collect();
    let page = format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{}]}}"#, entries.join(","));
    let mut splitter = Splitter::new(want.clone(), rewriter(provider, resolution), sensitivities());
    pages::read_here(page.as_bytes(), &mut Limits::default(), &mut splitter)?;
    splitter.inherit(lent, &[])?;
    Ok(splitter.finish()?.0)
}
