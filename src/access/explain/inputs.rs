//! What each step went by, in words.

use super::{Audience, Said, terms};
use crate::{
    access::{
        Evidence, Facts, Matter, Policy, Relationship, Wanted,
        decide::Walk,
        question::{Doing, Reach, Step},
    },
    domain::Timestamp,
    identity::{Party, Requester},
};

pub(super) struct Context<'a> {
    pub policy: &'a Policy,
    pub requester: &'a Requester,
    pub wanted: &'a Wanted,
    pub facts: &'a Facts,
    pub walk: &'a Walk,
    pub audience: Audience<'a>,
}

impl Context<'_> {
    pub fn of(&self, step: &Step, permitted: bool) -> Vec<Said> {
        match step {
            Step::Reach(reach) => self.reach(reach),
            Step::Relate { oneself, .. } => self.relate(*oneself, permitted),
            Step::See { .. } => self.see(),
            Step::Disclose(_) => Vec::new(),
        }
    }

    fn reach(&self, reach: &Reach) -> Vec<Said> {
        let roles = self.policy.roles();
        let (resource_type, letter) = self.wanted.action.scope();
        let doing = Doing::of(self.wanted.action);
        let kind = roles.kind_of(resource_type).map_or("no kind", |kind| roles.kind_name(kind));
        let mut said = vec![Said::new(
            "wanted",
            doing.id().to_owned(),
            format!("What is wanted: {} of {resource_type}, which is {kind}.", doing.id()),
        )];
        if let Party::Staff { role, activities, .. } = &self.requester.party {
            said.push(match role {
                None => Said::new("role", None, "No job role is selected, which reaches nothing."),
                Some(code) => {
                    let name = self.policy.role_name(code).unwrap_or("a role that the policy does not know");
                    let kinds: Vec<&str> = reach.reaches.iter().map(|kind| roles.kind_name(kind)).collect();
                    let kinds = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
                    let with = if activities.is_empty() {
                        String::new()
                    } else {
                        format!(", with the activities {},", activities.join(", "))
                    };
                    let text = format!(
                        "The job role selected is {code}, {name}. At this organisation it{with} reaches: {kinds}."
                    );
                    Said::new("role", code.clone(), text)
                }
            });
        }
        if let Some(organisation) = self.requester.party.organisation() {
            let kind = self.facts.organisation.as_deref();
            let text = match (kind, reach.organisation_reads) {
                (None, _) => format!("{organisation} is no organisation that this region knows."),
                (Some(kind), true) => format!("{organisation} is of the kind {kind}, whose people may read."),
                (Some(kind), false) => format!("{organisation} is of the kind {kind}, whose people read nothing here."),
            };
            said.push(Said::new("organisation", organisation.to_string(), text));
        }
        let covered = if reach.scoped { "cover" } else { "do not cover" };
        let scope = format!("{resource_type}.{letter}");
        said.push(Said::new("scope", scope.clone(), format!("The token's scopes {covered} {scope}.")));
        let purpose = &reach.purpose.0;
        said.push(Said::new("purpose", purpose.clone(), format!("The purpose stated is {purpose}.")));
        said
    }

    fn relate(&self, oneself: bool, permitted: bool) -> Vec<Said> {
        let mut said = Vec::new();
        if oneself {
            said.push(Said::new("oneself", None, "The patient is the one who asks."));
        }
        if let Some(relation) = &self.walk.relation {
            let what = if permitted { "Relied on" } else { "Not enough for this" };
            let text = format!("{what}: {}, {}.", relation.basis, until(relation.end));
            said.push(Said::new("relationship", relation.grade.id().to_owned(), text));
        } else if !oneself {
            let (code, text) = match self.facts.evidence {
                Evidence::NotAsked => {
                    ("not-asked", "No care relationship is stored, and the organisation itself was not asked.")
                }
                Evidence::Found(_) => {
                    ("none", "No care relationship is stored, and none was found by asking the organisation itself.")
                }
                Evidence::Unreachable => {
                    ("unreachable", "No care relationship is stored, and the organisation itself could not be asked.")
                }
            };
            said.push(Said::new("evidence", code.to_owned(), text));
        }
        if let Audience::Officer { .. } = self.audience {
            said.extend(self.not_counted());
        }
        said
    }

    /// What the organisation said of itself and this patient that holds no longer, or not yet, or is a colleague's own word.
    fn not_counted(&self) -> impl Iterator<Item = Said> {
        let own = self.requester.party.organisation();
        let theirs = self.facts.patient.relationships.iter().filter(move |r| Some(r.organisation) == own);
        theirs.filter_map(|relationship| {
            let Relationship { basis, evidence, person, .. } = relationship;
            let (from, end) = self.policy.relationships().holds(relationship);
            let why = if person.as_ref().is_some_and(|person| *person != self.walk.person) {
                "is another person's own word".to_owned()
            } else if self.facts.now < from {
                format!("begins at {}", from.fhir())
            } else if end <= self.facts.now {
                format!("ended at {}", end.fhir())
            } else {
                return None;
            };
            let text = format!("Did not count: {}: {evidence}, which {why}.", basis.as_str());
            Some(Said::new("not-counted", basis.as_str().to_owned(), text))
        })
    }

    fn see(&self) -> Vec<Said> {
        let mut said = Vec::new();
        if let Audience::Officer { sources: places, concealed } = self.audience {
            let own = self.requester.party.organisation();
            said.extend(self.walk.objections.iter().map(|objection| {
                // another organisation's is not theirs to read here either
                let Matter { recipients, sources, .. } = &objection.terms.covers;
                let everyones = recipients.is_empty() && sources.is_empty();
                let recorded_here = own.is_some() && objection.recorded_by == own;
                let of_here = !sources.is_empty() && sources.iter().all(|source| places.contains(source));
                let theirs =
                    recorded_here || of_here || own.is_some_and(|own| objection.terms.named().any(|one| one == own));
                if (!everyones && !theirs) || (concealed && !recorded_here) {
                    return Said::new("objection", "another".to_owned(), "An objection applies.".to_owned());
                }
                let by = objection.recorded_by.map(|ods| format!(" Recorded by {ods}.")).unwrap_or_default();
                Said::new("objection", objection.id.clone(), format!("{}{by}", terms::in_words(&objection.terms)))
            }));
        }
        if let Some(grant) = &self.walk.overriding {
            let text =
                format!("An override is in force, {}: {} ({}).", until(grant.end), grant.reason.as_str(), grant.id);
            said.push(Said::new("override", grant.reason.as_str().to_owned(), text));
        }
        said
    }
}

fn until(end: Timestamp) -> String {
    if end == Timestamp::MAX { "without an end".to_owned() } else { format!("until {}", end.fhir()) }
}
