use super::Given;
use crate::{
    access::{ContentFault, FaultCode, OverrideReason, content::nhs_number},
    domain::NhsNumber,
    fhir::json::Tape,
};

/// `$override`: for this patient, for this reason, said in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overriding {
    pub patient: NhsNumber,
    pub reason: OverrideReason,
    pub text: String,
}

const NO_REASON: &str = "expected one of own-risk, emergency, harm-to-other, harm-to-child; for a court order, a serious \
                         crime, a nearest relative or a notification ask each source: its own authoriser decides on a \
                         disclosure, and no joined-up record is read";

/// Reads patient, reason and text.
pub fn read_override(text: &str) -> Result<Overriding, ContentFault> {
    let mut tape = Tape::new();
    let mut given = Given::read(text, &mut tape)?;
    let patient = nhs_number(&given.need("patient", "valueIdentifier")?)?;
    let reason = given.need("reason", "valueCode")?;
    let reason = OverrideReason::parse(&reason.text()?).ok_or_else(|| reason.fault(FaultCode::Value, NO_REASON))?;
    let text = given.need("text", "valueString")?.text()?.into_owned();
    given.done()?;
    Ok(Overriding { patient, reason, text })
}

/// Reads the reason of `$release-hold`.
pub fn read_release(text: &str) -> Result<String, ContentFault> {
    let mut tape = Tape::new();
    let mut given = Given::read(text, &mut tape)?;
    let reason = given.need("reason", "valueString")?.text()?.into_owned();
    given.done()?;
    Ok(reason)
}
