//! An explanation as FHIR Parameters (`https://caregate.example/OperationDefinition/explain-access`).

use super::{Explanation, Place, Said, Taken, Whose};
use crate::domain::OdsCode;
use serde_json::{Value, json};

impl Explanation {
    /// The parameters, for a Parameters resource.
    pub fn parameters(&self) -> Vec<Value> {
        let mut parameters = vec![
            json!({"name": "outcome", "valueCode": self.outcome.as_str()}),
            json!({"name": "text", "valueString": self.outcome.text()}),
            json!({"name": "policy", "valueString": &*self.policy}),
        ];
        parameters.extend(self.steps.iter().map(step));
        parameters.extend(self.places.iter().map(place));
        parameters.extend(self.next.iter().map(|next| said("next", next)));
        parameters
    }
}

fn step(taken: &Taken) -> Value {
    let mut part = vec![
        json!({"name": "name", "valueCode": taken.step.as_str()}),
        json!({"name": "permitted", "valueBoolean": taken.permitted}),
    ];
    part.extend(taken.rules.iter().map(|rule| said("rule", rule)));
    part.extend(taken.inputs.iter().map(|input| said("because", input)));
    json!({"name": "step", "part": part})
}

fn place(place: &Place) -> Value {
    let mut part = vec![match place.whose {
        Whose::Own => json!({"name": "of", "valueCode": "own"}),
        Whose::Others => json!({"name": "of", "valueCode": "others"}),
        Whose::Source(ods) => {
            json!({"name": "of", "valueIdentifier": {"system": OdsCode::SYSTEM, "value": ods.as_str()}})
        }
    }];
    part.push(json!({"name": "text", "valueString": place.text()}));
    part.extend(place.withheld.iter().map(|(mark, rule)| {
        json!({"name": "withheld", "part": [
            {"name": "mark", "valueCode": mark},
            {"name": "rule", "valueCode": rule.code},
            {"name": "text", "valueString": rule.text},
        ]})
    }));
    json!({"name": "source", "part": part})
}

fn said(name: &str, said: &Said) -> Value {
    let mut part = vec![json!({"name": "code", "valueCode": said.code})];
    part.extend(said.value.as_ref().map(|value| json!({"name": "value", "valueString": value})));
    part.push(json!({"name": "text", "valueString": said.text}));
    json!({"name": name, "part": part})
}
