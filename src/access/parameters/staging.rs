use super::Given;
use crate::{
    access::{ContentFault, FaultCode, Stage, content::identifier},
    fhir::{ResourceType, json::Tape},
};
use std::collections::BTreeSet;

/// `$stage`: how far an endpoint is to have come, or these types of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staging {
    pub stage: Stage,
    /// Where there are none, all of it.
    pub types: BTreeSet<ResourceType>,
    /// Who looks at it while it is safety-only, by sds-user-id.
    pub reviewers: BTreeSet<String>,
    pub reason: String,
}

const USER_ID: &str = "https://fhir.nhs.uk/Id/sds-user-id";
/// Who looks before everybody does are a few.
const MOST_REVIEWERS: usize = 20;

/// Reads stage, reason, and any type and reviewer.
pub fn read_staging(text: &str) -> Result<Staging, ContentFault> {
    let mut tape = Tape::new();
    let mut given = Given::repeating(text, &["type", "reviewer"], &mut tape)?;
    let stage = given.need("stage", "valueCode")?;
    let stage = Stage::parse(&stage.text()?).ok_or_else(|| {
        stage.fault(FaultCode::Value, "expected one of registered, shadow, safety-only, live, suspended")
    })?;
    let reason = given.need("reason", "valueString")?.text()?.trim().to_owned();
    let mut types = BTreeSet::new();
    while let Some(node) = given.take("type", "valueCode")? {
        let known = ResourceType::parse(&node.text()?).filter(|known| !known.is_target());
        types.insert(known.ok_or_else(|| node.fault(FaultCode::Value, "expected a type of the record"))?);
    }
    let mut reviewers = BTreeSet::new();
    while let Some(node) = given.take("reviewer", "valueIdentifier")? {
        if stage != Stage::SafetyOnly {
            return Err(
                node.fault(FaultCode::NotSupported, "only while it is safety-only somebody is named to look at it")
            );
        }
        let (system, value) = identifier(&node)?;
        system.must_be(USER_ID)?;
        let user = value.text()?;
        if user.len() > 64 || !user.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(value.fault(FaultCode::Value, "expected an sds-user-id"));
        }
        reviewers.insert(user.into_owned());
        if reviewers.len() > MOST_REVIEWERS {
            return Err(node.fault(FaultCode::Value, format!("more than {MOST_REVIEWERS} reviewers")));
        }
    }
    given.done()?;
    Ok(Staging { stage, types, reviewers, reason })
}
