use super::{Action, Person, policy::Policy};
use crate::{
    domain::{Labels, OdsCode, Timestamp},
    fhir::date::Interval,
};
use serde::{Deserialize, Serialize};

/// An objection that is, or once was or will be, in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The Consent's id.
    pub id: String,
    pub terms: Terms,
    /// The organisation that wrote it down, where it was not the patient.
    pub recorded_by: Option<OdsCode>,
    /// Somebody else than the patient has written down that it is withdrawn, and nobody has confirmed that yet: for them
    /// and their organisation it stands, for everyone else it does not.
    pub stands_only_for: Option<Withdrawer>,
}

/// Who wrote a withdrawal down on a patient's behalf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawer {
    pub person: Person,
    pub organisation: Option<OdsCode>,
}

/// What an objection says (docs/ACCESS.md, "What an objection covers"). `Default` is the whole record, for good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Terms {
    pub covers: Matter,
    /// What is shared all the same: one level, and never an objection of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Matter>,
    /// In force from here on, inclusive...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// ... until here, exclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// No override for the patient's own sake opens what this covers.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not_even_in_an_emergency: bool,
}

/// What is objected to, or excepted: whatever fits each list that is not empty, and the period of data if there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Matter {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<Recipient>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<OdsCode>,
    /// Resource types and kinds of information (roles.json): an entry fits if it is of any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Names of sensitivities.json.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sensitivities: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<DataPeriod>,
}

/// To whom it is not to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recipient {
    Organisation(OdsCode),
    /// By sds-user-id.
    Person(String),
}

/// Data dated from here, inclusive, until there, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPeriod {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Who would be shown something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub user: Option<&'a str>,
    pub person: &'a Person,
    pub organisation: Option<OdsCode>,
}

/// What would be shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    pub source: OdsCode,
    pub resource_type: &'a str,
    /// It is a document that something of this type refers to: then what is objected to in documents covers it as well.
    pub document: bool,
    pub labels: &'a Labels,
    /// The time that the entry's own date covers, where it has one.
    pub date: Option<Interval>,
}

/// What a list says of something it does not know, or of data without a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    Fits,
    DoesNot,
}

impl Objection {
    /// Whether it has a say for this reader now.
    pub(super) fn applies(&self, reader: &Reader<'_>, now: Timestamp) -> bool {
        let concerns = self.stands_only_for.as_ref().is_none_or(|withdrawer| {
            withdrawer.person == *reader.person
                || (withdrawer.organisation.is_some() && withdrawer.organisation == reader.organisation)
        });
        self.terms.in_force(now) && concerns && self.terms.covers.is_for(reader)
    }

    /// Whether it closes the whole record to whom it applies.
    pub(super) fn is_whole(&self) -> bool {
        self.terms.except.is_empty() && self.terms.covers.is_everything()
    }

    /// Whether it covers this item of one to whom it applies.
    pub(super) fn covers(&self, item: &Item<'_>, reader: &Reader<'_>, policy: &Policy) -> bool {
        self.terms.covers.fits(item, policy, Doubt::Fits)
            && !self
                .terms
                .except
                .iter()
                .any(|matter| matter.is_for(reader) && matter.fits(item, policy, Doubt::DoesNot))
    }

    /// Whether it covers all of this type that this source could hold, given one without labels or date: then the source is
    /// not asked. What fits an entry without labels fits it with any: they only add kinds and sensitivities.
    pub(super) fn covers_all_like(&self, item: &Item<'_>, reader: &Reader<'_>, policy: &Policy) -> bool {
        let excepted = |matter: &Matter| matter.is_for(reader) && matter.is_from(item.source);
        self.terms.covers.data.is_none()
            && self.terms.covers.fits(item, policy, Doubt::Fits)
            && !self.terms.except.iter().any(excepted)
    }

    /// Whether it depends on an entry's date.
    pub(super) fn is_dated(&self) -> bool {
        self.terms.covers.data.is_some() || self.terms.except.iter().any(|matter| matter.data.is_some())
    }
}

impl Terms {
    /// The organisations that it names, as sources or as recipients.
    pub fn named(&self) -> impl Iterator<Item = OdsCode> {
        let matters = || std::iter::once(&self.covers).chain(&self.except);
        let recipients = matters().flat_map(|matter| &matter.recipients).filter_map(|recipient| match recipient {
            Recipient::Organisation(organisation) => Some(*organisation),
            Recipient::Person(_) => None,
        });
        matters().flat_map(|matter| matter.sources.iter().copied()).chain(recipients)
    }

    /// By its own dates.
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

impl Matter {
    /// Whether it names this organisation as one that is not to be shown it.
    pub fn is_for_organisation(&self, organisation: OdsCode) -> bool {
        self.recipients.contains(&Recipient::Organisation(organisation))
    }

    /// Whether it is about less than all that its sources hold.
    pub fn is_in_part(&self) -> bool {
        let Self { recipients: _, sources: _, types, kinds, sensitivities, data } = self;
        !(types.is_empty() && kinds.is_empty() && sensitivities.is_empty() && data.is_none())
    }

    fn is_everything(&self) -> bool {
        let Self { recipients: _, sources, types, kinds, sensitivities, data } = self;
        sources.is_empty() && types.is_empty() && kinds.is_empty() && sensitivities.is_empty() && data.is_none()
    }

    fn is_for(&self, reader: &Reader<'_>) -> bool {
        self.recipients.is_empty()
            || self.recipients.iter().any(|recipient| match recipient {
                Recipient::Organisation(ods) => reader.organisation == Some(*ods),
                Recipient::Person(user) => reader.user == Some(user.as_str()),
            })
    }

    fn is_from(&self, source: OdsCode) -> bool {
        self.sources.is_empty() || self.sources.contains(&source)
    }

    fn fits(&self, item: &Item<'_>, policy: &Policy, doubt: Doubt) -> bool {
        let doubted = doubt == Doubt::Fits;
        let by_source = self.is_from(item.source);
        // an exception for documents excepts none whose own resource it does not
        let documents = (item.document && doubted).then_some(Action::DOCUMENT);
        let by_type = (self.types.is_empty() && self.kinds.is_empty())
            || [Some(item.resource_type), documents].into_iter().flatten().any(|resource_type| {
                self.types.iter().any(|name| name == resource_type || (doubted && !policy.knows_type(name)))
                    || self
                        .kinds
                        .iter()
                        .any(|name| policy.is_of_kind(resource_type, item.labels, name).unwrap_or(doubted))
            });
        let by_sensitivity = self.sensitivities.is_empty()
            || self.sensitivities.iter().any(|name| {
                item.labels.sensitivities().any(|marked| marked == name)
                    || (doubted && !policy.sensitivities().knows(name))
            });
        let by_date = self.data.is_none_or(|period| match item.date {
            _ if item.resource_type == "Patient" => false,
            Some(date) if doubted => period.shares(date),
            Some(date) => period.contains(date),
            None => doubted,
        });
        by_source && by_type && by_sensitivity && by_date
    }
}

impl DataPeriod {
    /// Whether some of that time is of the period: of an entry dated by its year alone it is not known.
    fn shares(&self, date: Interval) -> bool {
        self.from.is_none_or(|from| from.0 < date.end()) && self.until.is_none_or(|until| date.start() < until.0)
    }

    fn contains(&self, date: Interval) -> bool {
        self.from.is_none_or(|from| from.0 <= date.start()) && self.until.is_none_or(|until| date.end() <= until.0)
    }
}
