//! Each sort of write, and what rested on what was so before.

use super::*;

/// A write, and which rows would be late after it.
pub struct Race {
    pub name: &'static str,
    pub begin: Write,
    pub write: Write,
    pub late: fn(&Row) -> bool,
}

pub fn released(row: &Row) -> bool {
    row.kind == Kind::Released
}

fn from_closing(row: &Row) -> bool {
    released(row) && row.sources.iter().any(|line| line.source == ods(CLOSING) && !line.released.is_empty())
}

fn under_the_old_number(row: &Row) -> bool {
    released(row) && row.patient == Some(patient())
}

pub const RACES: [Race; 11] = [
    Race {
        name: "an objection to the whole record",
        begin: cared_for,
        write: |state| {
            state.patient.epoch += 1;
            state.patient.objections.push(objection(Terms::default()));
        },
        late: released,
    },
    Race {
        name: "an objection to one source",
        begin: cared_for,
        write: |state| {
            state.patient.epoch += 1;
            let covers = Matter { sources: vec![ods(CLOSING)], ..Default::default() };
            state.patient.objections.push(objection(Terms { covers, ..Terms::default() }));
        },
        late: from_closing,
    },
    Race {
        name: "a relationship's end",
        begin: cared_for,
        write: |state| {
            state.patient.epoch += 1;
            let related = state.patient.relationships.first_mut().unwrap();
            (related.end, related.closed) = (Some(Timestamp::now()), true);
        },
        late: released,
    },
    Race {
        name: "a quarantine",
        begin: cared_for,
        write: |state| {
            state.patient.epoch += 1;
            state.patient.quarantined.insert(ods(CLOSING));
        },
        late: from_closing,
    },
    Race {
        name: "a recall",
        begin: cared_for,
        write: |state| {
            state.patient.epoch += 1;
            for resource_type in [ResourceType::Condition, ResourceType::DocumentReference] {
                let item = Item { resource_type, local: "a".to_owned() };
                let reason = RecallReason::WrongPatient;
                state.patient.recalls.push(Recall { source: ods(CLOSING), item, reason, epoch: state.patient.epoch });
            }
        },
        late: from_closing,
    },
    Race {
        name: "the number given up for another",
        begin: cared_for,
        write: |state| {
            state.patient.epoch += 1;
            state.patient.current = Some(NhsNumber::parse("9990000026").unwrap());
            state.patient.superseded = vec![patient()];
        },
        late: under_the_old_number,
    },
    Race {
        name: "a suspension",
        begin: cared_for,
        write: |state| {
            state.global.epoch += 1;
            state.global.suspended.insert(ods(CLOSING));
        },
        late: from_closing,
    },
    Race {
        name: "a stage that is lowered",
        begin: |state| staged(state, Stage::Live, None),
        write: |state| {
            state.global.epoch += 1;
            staged(state, Stage::Shadow, None);
        },
        late: from_closing,
    },
    Race {
        name: "a type's stage that is suspended",
        begin: |state| staged(state, Stage::Live, None),
        write: |state| {
            state.global.epoch += 1;
            staged(state, Stage::Live, Some(Stage::Suspended));
        },
        late: from_closing,
    },
    Race {
        name: "a revocation",
        begin: cared_for,
        write: |state| {
            state.global.epoch += 1;
            state.global.revoked.insert(person());
        },
        late: released,
    },
    Race {
        name: "another policy",
        begin: cared_for,
        write: |state| {
            state.global.epoch += 1;
            state.global.policy = Some(Arc::clone(POLICIES[1].fingerprint()));
        },
        late: released,
    },
];

/// Nobody writes anything: time passes its end.
pub const EXPIRY: Race = Race {
    name: "an override's end",
    begin: |state| {
        cared_for(state);
        let (start, end) = (Timestamp(0), Timestamp::now().plus(SHORT));
        let id = "g".to_owned();
        let organisation = ods("RZ900");
        let grant = Override { id, person: person(), organisation, reason: OverrideReason::HarmToChild, start, end };
        state.patient.overrides.push(grant);
        state.patient.objections.push(objection(Terms::default()));
        state.end = Some(end);
    },
    write: |state| {
        while state.end.is_some_and(|end| Timestamp::now() < end) {
            std::thread::sleep(Duration::from_millis(1));
        }
    },
    late: released,
};

fn cared_for(state: &mut State) {
    let organisation = ods("RZ900");
    let related = Relationship::of(organisation, Basis::Encounter, Timestamp::now(), None, "s|1".to_owned());
    state.patient.relationships.push(related);
    state.global.policy = Some(Arc::clone(POLICIES[0].fingerprint()));
}

/// The closing source has come so far, and with what is asked for so far.
fn staged(state: &mut State, usual: Stage, asked: Option<Stage>) {
    if state.patient.relationships.is_empty() {
        cared_for(state);
    }
    let types = [ResourceType::Condition, ResourceType::DocumentReference];
    let types = asked.map(|stage| types.map(|kind| (kind, stage)).into()).unwrap_or_default();
    let before = Some(Before { usual, ..Before::default() });
    state.global.stages.insert(ods(CLOSING), Stages { usual, types, before, ..Stages::default() });
}

fn objection(terms: Terms) -> Objection {
    Objection { id: "o".to_owned(), terms, recorded_by: None, stands_only_for: None }
}
