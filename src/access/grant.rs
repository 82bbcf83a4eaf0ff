use super::{Person, objection::Reader};
use crate::domain::{OdsCode, Timestamp};
use serde::{Deserialize, Serialize};

/// Leave, taken by one person for one patient and a short time, to look where the patient objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub id: String,
    pub person: Person,
    /// Where they worked when they took it: at another organisation it opens nothing.
    pub organisation: OdsCode,
    pub reason: OverrideReason,
    pub start: Timestamp,
    /// Exclusive.
    pub end: Timestamp,
}

/// Why: the first three of the seven reasons that may override an objection, the first told apart by its urgency. The others are
/// disclosures, decided by each source's own authoriser, and no reason here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverrideReason {
    OwnRisk,
    Emergency,
    HarmToOther,
    HarmToChild,
}

impl OverrideReason {
    pub const ALL: [Self; 4] = [Self::OwnRisk, Self::Emergency, Self::HarmToOther, Self::HarmToChild];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::OwnRisk => "own-risk",
            Self::Emergency => "emergency",
            Self::HarmToOther => "harm-to-other",
            Self::HarmToChild => "harm-to-child",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == code)
    }

    /// Whether telling the patient could put somebody else at risk: what is done under it is held back from their log.
    pub fn is_for_anothers_sake(self) -> bool {
        matches!(self, Self::HarmToOther | Self::HarmToChild)
    }
}

impl Override {
    pub(super) fn in_force(&self, reader: &Reader<'_>, now: Timestamp) -> bool {
        let theirs = self.person == *reader.person && reader.organisation == Some(self.organisation);
        theirs && self.start <= now && now < self.end
    }

    /// Of this reader's overrides, for reasons that their present role may still take, the one that opens most, and of these the
    /// one that lasts longest.
    pub(super) fn best<'a>(
        all: &'a [Self],
        reader: &Reader<'_>,
        may: &[OverrideReason],
        now: Timestamp,
    ) -> Option<&'a Self> {
        let in_force = all.iter().filter(|grant| grant.in_force(reader, now) && may.contains(&grant.reason));
        in_force.max_by_key(|grant| (grant.reason.is_for_anothers_sake(), grant.end, grant.reason, &grant.id))
    }
}
