use super::Given;
use crate::{
    access::{ContentFault, FaultCode},
    fhir::json::Tape,
};

/// `$approve`: this version comes into force, or is refused, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approving {
    pub version: i64,
    pub is_let_in: bool,
    /// Always there where it is refused.
    pub reason: Option<String>,
}

/// Reads version, decision and reason.
pub fn read_approving(text: &str) -> Result<Approving, ContentFault> {
    let mut tape = Tape::new();
    let mut given = Given::read(text, &mut tape)?;
    let version = given.need("version", "valuePositiveInt")?;
    let number =
        version.value.raw_str().parse::<i64>().ok().filter(|number| (1..=i64::from(i32::MAX)).contains(number));
    let number = number.ok_or_else(|| version.fault(FaultCode::Value, "expected the number of a version"))?;
    let decision = given.need("decision", "valueCode")?;
    let is_let_in = match decision.text()?.as_ref() {
        "approve" => true,
        "refuse" => false,
        _ => return Err(decision.fault(FaultCode::Value, "expected approve or refuse")),
    };
    let reason = given.take("reason", "valueString")?.map(|reason| reason.text()).transpose()?;
    if !is_let_in && reason.is_none() {
        return Err(decision.fault(FaultCode::Required, "who is refused is told why: a reason is needed"));
    }
    given.done()?;
    Ok(Approving { version: number, is_let_in, reason: reason.map(std::borrow::Cow::into_owned) })
}
