use super::*;
use serde_json::{Value, json};

fn parameters(outcome: Value, note: Value) -> String {
    let parameter = [json!({"name": "outcome", "valueCode": outcome}), json!({"name": "note", "valueString": note})];
    json!({"resourceType": "Parameters", "parameter": parameter}).to_string()
}

#[test]
fn every_outcome_is_read_with_its_reason() {
    for outcome in Outcome::ALL {
        let read = Review::read(&parameters(json!(outcome.as_str()), json!("Spoke to the patient."))).unwrap();
        assert_eq!(read, Review { outcome, note: "Spoke to the patient.".to_owned() });
    }
}

#[test]
fn an_outcome_unknown_or_without_a_reason_is_refused_with_its_place() {
    let refused = |text: &str| Review::read(text).map_err(|fault| (fault.code, fault.path)).unwrap_err();
    let value = |at| format!("Parameters.parameter[{at}]");
    assert_eq!(
        refused(&parameters(json!("lifted"), json!("x"))),
        (FaultCode::Value, format!("{}.valueCode", value(0)))
    );
    assert_eq!(
        refused(&parameters(json!("upheld"), json!("  "))),
        (FaultCode::Value, format!("{}.valueString", value(1)))
    );
    let silent = json!({"resourceType": "Parameters", "parameter": [{"name": "outcome", "valueCode": "upheld"}]});
    assert_eq!(
        refused(&silent.to_string()),
        (FaultCode::Required, "Parameters.parameter.where(name='note')".to_owned())
    );
    let more = parameters(json!("upheld"), json!("x")).replace("]}", r#",{"name":"state","valueCode":"lifted"}]}"#);
    assert_eq!(refused(&more), (FaultCode::NotSupported, value(2)));
}

#[test]
fn an_objection_comes_only_to_what_the_table_says() {
    use ConsentState::{Lifted, NotUpheld, Requested, UnderReview, Upheld, WithdrawalRecorded, Withdrawn};
    let table = [
        (Requested, Outcome::UnderReview, Next::State(UnderReview)),
        (Requested, Outcome::Upheld, Next::State(Upheld)),
        (UnderReview, Outcome::Upheld, Next::State(Upheld)),
        (UnderReview, Outcome::NotUpheld, Next::State(NotUpheld)),
        (Upheld, Outcome::UnderReview, Next::State(UnderReview)),
        (NotUpheld, Outcome::UnderReview, Next::State(UnderReview)),
        (NotUpheld, Outcome::PatientTold, Next::State(Lifted)),
        (WithdrawalRecorded, Outcome::WithdrawalConfirmed, Next::State(Withdrawn)),
        (WithdrawalRecorded, Outcome::WithdrawalRejected, Next::AsBefore),
    ];
    for state in ConsentState::ALL {
        for outcome in Outcome::ALL {
            let listed = table.iter().find(|(from, by, _)| (*from, *by) == (state, outcome)).map(|(_, _, to)| *to);
            assert_eq!(outcome.of(state), listed, "{state:?} {outcome:?}");
        }
    }
}
