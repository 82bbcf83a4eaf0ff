//! A decision of long ago, made again: by the policy, the facts and the evidence of then, and what was asked, as the row says.

use super::{Asked, Kind, Row, Who};
use crate::{
    access::{
        Action, Audience, Evidence, Explanation, FactStore, Facts, Interaction, Outcome, Policies, PolicyUnavailable,
        RefusalKind, Wanted,
    },
    domain::{Epochs, OdsCode, StoreError, Timestamp},
    fhir::ResourceType,
    identity::{Party, Purpose, Requester, Scopes},
};
use std::sync::Arc;

/// The rule by which whoever is revoked, or asks through a client that is, is refused.
const BARRED: &str = "user-revoked";

/// What a row says, and what the rules of then say of the same.
#[derive(Debug)]
pub struct Past {
    pub row: Row,
    pub again: Again,
}

#[derive(Debug)]
pub enum Again {
    Explained {
        explanation: Explanation,
        /// That it says what the row recorded: the outcome, each rule in its place, the relationship relied on, the policy.
        agrees: bool,
    },
    /// In words.
    Not(&'static str),
}

/// What the decision was made from.
struct Made {
    requester: Requester,
    wanted: Wanted,
    evidence: Evidence,
    epochs: Epochs,
    policy: Arc<str>,
    at: Timestamp,
}

impl Past {
    /// Explains what this row recorded.
    pub async fn explain(
        row: Row,
        facts: &dyn FactStore,
        policies: &Policies,
        audience: Audience<'_>,
    ) -> Result<Self, StoreError> {
        let again = match Made::of(&row) {
            Err(why) => Again::Not(why),
            Ok(made) => made.again(&row, facts, policies, audience).await?,
        };
        Ok(Self { row, again })
    }
}

impl Made {
    fn of(row: &Row) -> Result<Self, &'static str> {
        let who = row.who.as_ref().ok_or("Nobody is known to have asked: the token was refused.")?;
        let (Some(policy), Some(epochs)) = (&row.policy, row.epochs) else {
            return Err("Nothing was decided: the request ended before.");
        };
        let wanted = Wanted { action: action(row, who)?, patient: row.patient };
        Ok(Self {
            requester: requester(row, who)?,
            wanted,
            evidence: match &row.evidence {
                None => Evidence::NotAsked,
                Some(Asked::Unreachable) => Evidence::Unreachable,
                Some(Asked::Found(found)) => Evidence::Found(found.as_slice().into()),
            },
            epochs,
            policy: policy.as_str().into(),
            at: row.decided_at.unwrap_or(row.at),
        })
    }

    async fn again(
        mut self,
        row: &Row,
        store: &dyn FactStore,
        policies: &Policies,
        audience: Audience<'_>,
    ) -> Result<Again, StoreError> {
        let policy = match policies.named(&self.policy).await {
            Ok(policy) => policy,
            Err(PolicyUnavailable::Store(error)) => return Err(error),
            Err(PolicyUnavailable::Unknown) => return Ok(Again::Not("The texts of the policy of then are not kept.")),
            Err(PolicyUnavailable::Faults(_)) => {
                return Ok(Again::Not("The policy of then is for another version of this program."));
            }
        };
        let patient = match self.wanted.patient {
            Some(patient) => store.patient_facts_at(patient, self.epochs.patient, self.at).await?,
            None => Default::default(),
        };
        let facts = Facts {
            patient: Arc::new(patient),
            global: Arc::new(store.global_facts_at(self.epochs.global).await?),
            evidence: self.evidence,
            organisation: row.who.as_ref().and_then(|who| who.organisation_kind.clone()),
            until: None,
            now: self.at,
        };
        if row.rules.iter().any(|rule| rule == BARRED)
            && let Some(client) = facts.global.revoked.iter().find(|one| one.subject == self.requester.client_id)
        {
            self.requester.given_by.clone_from(&client.issuer);
        }
        let explanation = policy.explain(&self.requester, &self.wanted, &facts, audience);
        let agrees = agrees(row, &explanation) && facts.global.policy.as_ref() == Some(&self.policy);
        Ok(Again::Explained { explanation, agrees })
    }
}

fn agrees(row: &Row, explanation: &Explanation) -> bool {
    let outcome = match (row.kind, row.reason.as_deref()) {
        (Kind::Refused, Some("access-denied")) => Outcome::Refused(RefusalKind::Uniform),
        (Kind::Refused, Some("no-patient-consent")) => Outcome::Refused(RefusalKind::NoConsent),
        (Kind::Refused, Some("could-not-check")) => Outcome::Refused(RefusalKind::CouldNotCheck),
        // it was permitted, whatever became of it
        _ => Outcome::Permitted,
    };
    let rules = row.rules.iter().map(String::as_str).eq(explanation.rules.iter().map(|rule| rule.as_str()));
    outcome == explanation.outcome && rules && row.basis == explanation.basis
}

/// Who asked, as far as a decision knows them.
fn requester(row: &Row, who: &Who) -> Result<Requester, &'static str> {
    let organisation = who.organisation.ok_or("The row names no organisation.");
    let party = match who.party.as_str() {
        "staff" => Party::Staff {
            user: who.user.clone().unwrap_or_default(),
            name: who.name.clone(),
            role: who.role.clone(),
            role_name: who.role_name.clone(),
            activities: who.activities.clone(),
            organisation: organisation?,
        },
        "system" => Party::System { organisation: organisation? },
        // a patient's row does not say whose number the token named: if it was released, the patient's own
        _ if row.kind == Kind::Released => {
            Party::Patient { nhs_number: row.patient.ok_or("The row names no patient.")? }
        }
        _ => return Err("What is refused to a patient is not explained again: their own number is not in the row."),
    };
    Ok(Requester {
        issuer: who.issuer.clone(),
        // not in the row, and of no weight but where the client was revoked
        given_by: String::new(),
        subject: who.subject.clone(),
        party,
        client_id: who.client.clone(),
        token_id: who.token.clone(),
        scopes: Scopes::parse(&who.scopes),
        purpose: Purpose(row.purpose.clone().unwrap_or_default()),
        acting: who.acting.clone(),
        expires: Timestamp::MAX,
    })
}

/// What was wanted, where the row says all of it.
fn action(row: &Row, who: &Who) -> Result<Action, &'static str> {
    const OTHER: &str = "This kind of request is not explained again.";
    let interaction = match row.interaction.as_str() {
        "search" => Some(Interaction::Search),
        "read" => Some(Interaction::Read),
        _ => None,
    };
    let resource_type = row.resource_type.as_deref().unwrap_or_default();
    if let Some(interaction) = interaction {
        return match (ResourceType::parse(resource_type), resource_type) {
            // its row names the type of what refers to it
            (Some(referrer), _) if row.request.starts_with("Binary/") => Ok(Action::ReadDocument(referrer)),
            (Some(resource_type), _) => Ok(Action::ReadRecord(resource_type, interaction)),
            (None, "AuditEvent") => Ok(Action::ReadLog(interaction)),
            // officers look at objections by another right, and of some of them alone
            (None, "Consent")
                if who.party != "staff" || row.rules.iter().any(|rule| rule == "role-keeps-objections") =>
            {
                Ok(Action::ReadObjections(interaction))
            }
            _ => Err(OTHER),
        };
    }
    let own = || who.organisation.filter(|_| !row.rules.iter().any(|rule| rule == "relationship-in-anothers-name"));
    let own = |action: fn(OdsCode) -> Action| own().map(action).ok_or(OTHER);
    let (path, query) = row.request.split_once('?').unwrap_or((&row.request, ""));
    match (row.interaction.as_str(), path) {
        ("create", "Consent") => Ok(Action::RecordObjection),
        ("operation", "Patient/$assert-relationship") => {
            own(|organisation| Action::AssertRelationship { organisation })
        }
        ("operation", "Patient/$end-relationship") => own(|organisation| Action::EndRelationship { organisation }),
        ("operation", "Patient/$recall") => own(|organisation| Action::Recall { organisation }),
        ("operation", "Patient/$claim-relationship") => Ok(Action::ClaimRelationship),
        ("operation", "Patient/$explain-access") if query.starts_with("identifier=") => {
            Ok(if query.contains("&user=") { Action::ExplainColleague } else { Action::Explain })
        }
        _ => Err(OTHER),
    }
}
