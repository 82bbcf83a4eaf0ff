use crate::domain::{NhsNumber, OdsCode, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who asks, on whose behalf, through which system: all from one verified token. `Debug` names nobody.
#[derive(Clone)]
pub struct Requester {
    /// The issuer's URL (`iss`) and its name for this user (`sub`): together unique for ever.
    pub issuer: String,
    pub subject: String,
    pub party: Party,
    /// Who gave the token (its `iss`): whose name for a system `client_id` is.
    pub given_by: String,
    pub client_id: String,
    /// The token's own id (`jti`), for the audit.
    pub token_id: String,
    pub scopes: Scopes,
    pub purpose: Purpose,
    /// The person acting for the patient, where the token says so (`act.sub`).
    pub acting: Option<String>,
    /// When the token stops being accepted: its `exp` and the issuer's leeway.
    pub expires: Timestamp,
}

/// It is written in our own tokens, and read again from nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    /// A person with a role at an organisation: the *selected* role, never another of theirs.
    Staff {
        /// sds-user-id (<https://fhir.nhs.uk/Id/sds-user-id>)
        user: String,
        name: Option<String>,
        /// The job role, such as `R0260`; `None` where the token selects none, which reaches nothing.
        role: Option<String>,
        role_name: Option<String>,
        activities: Vec<String>,
        organisation: OdsCode,
    },
    /// A patient, proved to level P9.
    Patient { nhs_number: NhsNumber },
    /// An organisation's own registered system.
    System { organisation: OdsCode },
}

impl Requester {
    /// What a page goes on for: who they are, in which role and where.
    pub fn pages_for(&self) -> [&str; 4] {
        let (role, organisation) = match &self.party {
            Party::Staff { role, organisation, .. } => (role.as_deref().unwrap_or_default(), organisation.as_str()),
            Party::System { organisation } => ("", organisation.as_str()),
            Party::Patient { .. } => ("", ""),
        };
        [&self.issuer, &self.subject, role, organisation]
    }
}

impl Party {
    pub fn organisation(&self) -> Option<OdsCode> {
        match self {
            Self::Staff { organisation, .. } | Self::System { organisation } => Some(*organisation),
            Self::Patient { .. } => None,
        }
    }

    /// A member of staff's sds-user-id.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Staff { user, .. } => Some(user),
            Self::Patient { .. } | Self::System { .. } => None,
        }
    }
}

/// A v3-ActReason code, such as `TREAT`. <https://terminology.hl7.org/CodeSystem-v3-ActReason.html>
/// A token that says none is taken to be for treatment by a clinician's issuer (the mapping decides).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Purpose(pub String);

impl Purpose {
    pub const SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
}

/// SMART v2 scopes (<https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html>).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

/// `user/Observation.rs`: whose, which type (`None` for `*`), which of create, read, update, delete, search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub whose: Whose,
    pub resource_type: Option<String>,
    pub may: [bool; 5],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Patient,
    User,
    System,
}

const LETTERS: &str = "cruds";

impl Scopes {
    /// Reads a space-separated list. What is not a resource scope (`openid`, `launch`) or not spelt exactly as SMART
    /// spells it grants nothing; a v2 scope with a query part (`?`) would be narrower than we can hold it to, so it
    /// grants nothing either.
    pub fn parse(text: &str) -> Self {
        Self(text.split(' ').filter_map(Scope::parse).collect())
    }

    /// Whether a scope of this kind lets `letter` (one of c, r, u, d, s) be done to `resource_type`.
    pub fn allow(&self, whose: Whose, resource_type: &str, letter: char) -> bool {
        let Some(at) = LETTERS.find(letter) else { return false };
        self.0.iter().any(|scope| {
            scope.whose == whose
                && scope.resource_type.as_deref().is_none_or(|t| t == resource_type)
                && scope.may.get(at).copied().unwrap_or(false)
        })
    }

    /// These scopes without those for another kind of party.
    pub fn only(mut self, whose: Whose) -> Self {
        self.0.retain(|scope| scope.whose == whose);
        self
    }

    /// What both these and those grant, and no more.
    pub fn within(&self, allowed: &Self) -> Self {
        let mut both: Vec<Scope> = Vec::new();
        for scope in self.0.iter().flat_map(|one| allowed.0.iter().filter_map(|other| one.and(other))) {
            if !both.iter().any(|wider| wider.covers(&scope)) {
                both.retain(|narrower| !scope.covers(narrower));
                both.push(scope);
            }
        }
        Self(both)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

impl fmt::Display for Scopes {
    /// As SMART spells them, so that `parse` reads them again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{scope}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match self.whose {
            Whose::Patient => "patient",
            Whose::User => "user",
            Whose::System => "system",
        };
        let letters: String = LETTERS.chars().zip(self.may).filter_map(|(letter, may)| may.then_some(letter)).collect();
        write!(f, "{whose}/{}.{letters}", self.resource_type.as_deref().unwrap_or("*"))
    }
}

impl Scope {
    /// `None` where one grants nothing of what the other does.
    fn and(&self, other: &Self) -> Option<Self> {
        let resource_type = match (&self.resource_type, &other.resource_type) {
            (Some(one), Some(other)) if one != other => return None,
            (Some(one), _) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        };
        let mut may = self.may;
        may.iter_mut().zip(other.may).for_each(|(may, other)| *may &= other);
        (self.whose == other.whose && may.contains(&true)).then_some(Self { whose: self.whose, resource_type, may })
    }

    fn covers(&self, other: &Self) -> bool {
        self.and(other).as_ref() == Some(other)
    }

    fn parse(text: &str) -> Option<Self> {
        let (whose, rest) = text.split_once('/')?;
        let whose = match whose {
            "patient" => Whose::Patient,
            "user" => Whose::User,
            "system" => Whose::System,
            _ => return None,
        };
        let (resource_type, letters) = rest.split_once('.')?;
        let resource_type = match resource_type {
            "*" => None,
            name if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic()) => Some(name.to_owned()),
            _ => return None,
        };
        let letters = match letters {
            "read" => "rs",
            "write" => "cud",
            "*" => LETTERS,
            other => other,
        };
        let mut may = [false; 5];
        let mut last = None;
        for letter in letters.chars() {
            // v2 letters come once each and in order: anything else is not a SMART scope
            let at = LETTERS.find(letter)?;
            if last.is_some_and(|l| l >= at) {
                return None;
            }
            last = Some(at);
            *may.get_mut(at)? = true;
        }
        last.map(|_| Self { whose, resource_type, may })
    }
}

impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester")
            .field("issuer", &self.issuer)
            .field("party", &self.party)
            .field("client_id", &self.client_id)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Staff { role, organisation, .. } => {
                f.debug_struct("Staff").field("role", role).field("organisation", organisation).finish_non_exhaustive()
            }
            Self::Patient { .. } => f.debug_struct("Patient").finish_non_exhaustive(),
            Self::System { organisation } => f.debug_struct("System").field("organisation", organisation).finish(),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_grants_what_it_spells_and_nothing_else() {
        let scopes =
            Scopes::parse("openid user/Observation.rs patient/AuditEvent.r system/*.read user/Flag.sr user/*.q");
        assert!(scopes.allow(Whose::User, "Observation", 'r'));
        assert!(scopes.allow(Whose::User, "Observation", 's'));
        assert!(!scopes.allow(Whose::User, "Observation", 'c'));
        assert!(!scopes.allow(Whose::User, "Condition", 'r'));
        assert!(!scopes.allow(Whose::Patient, "Observation", 'r'));
        assert!(scopes.allow(Whose::System, "Anything", 's'));
        assert!(!scopes.allow(Whose::User, "Flag", 'r'), "letters out of order are not SMART's");
    }

    #[test]
    fn what_two_lists_grant_is_what_each_of_them_does() {
        let within = |asked: &str, allowed: &str| Scopes::parse(asked).within(&Scopes::parse(allowed)).to_string();
        assert_eq!(within("user/*.cruds", "user/Observation.rs"), "user/Observation.rs");
        assert_eq!(within("user/Observation.r user/Flag.rs", "user/*.rs"), "user/Observation.r user/Flag.rs");
        assert_eq!(within("user/*.rs", "user/*.r user/*.rs user/Flag.crus"), "user/*.rs");
        for (asked, allowed) in [
            ("user/*.rs", "system/*.rs"),
            ("user/Flag.rs", "user/Goal.rs"),
            ("user/*.c", "user/*.rs"),
            ("", "user/*.rs"),
        ] {
            assert_eq!(within(asked, allowed), "", "{asked} of {allowed}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_granted_that_was_not_both_asked_for_and_allowed(
            asked in "((user|system)/(Flag|Goal|[*])\\.(r|rs|cud|cruds) ?){0,4}",
            allowed in "((user|system)/(Flag|Goal|[*])\\.(r|rs|cud|cruds) ?){0,4}",
        ) {
            let (asked, allowed) = (Scopes::parse(&asked), Scopes::parse(&allowed));
            let granted = asked.within(&allowed);
            for (whose, kind) in [(Whose::User, "Flag"), (Whose::User, "Task"), (Whose::System, "Goal"), (Whose::Patient, "Flag")] {
                for letter in LETTERS.chars() {
                    let both = asked.allow(whose, kind, letter) && allowed.allow(whose, kind, letter);
                    proptest::prop_assert_eq!(granted.allow(whose, kind, letter), both);
                }
            }
            proptest::prop_assert_eq!(Scopes::parse(&granted.to_string()), granted);
        }
    }

    #[test]
    fn keeping_one_kind_of_scope_drops_the_others() {
        let scopes = Scopes::parse("system/Endpoint.cruds user/*.rs").only(Whose::System);
        assert_eq!(scopes, Scopes::parse("system/Endpoint.cruds"));
    }

    #[test]
    fn debug_names_neither_the_user_nor_the_patient() {
        let organisation = OdsCode::parse("RZ901").unwrap();
        let staff = Party::Staff {
            user: "555036632103".into(),
            name: Some("Testing Alder".into()),
            role: Some("R0050".into()),
            role_name: None,
            activities: vec![],
            organisation,
        };
        let shown = format!("{staff:?}");
        assert!(shown.contains("R0050") && !shown.contains("Alder") && !shown.contains("5550"), "{shown}");
    }

    #[test]
    fn the_same_person_in_another_role_or_organisation_is_another_reader_of_pages() {
        let asking = |party| Requester {
            issuer: "https://identity.example".into(),
            subject: "someone".into(),
            party,
            given_by: "https://gateway.example".into(),
            client_id: "client".into(),
            token_id: "token".into(),
            scopes: Scopes::default(),
            purpose: Purpose("TREAT".into()),
            acting: None,
            expires: Timestamp::MAX,
        };
        let staff = |role: &str, ods: &str| {
            asking(Party::Staff {
                user: "555036632103".into(),
                name: None,
                role: Some(role.into()),
                role_name: None,
                activities: vec![],
                organisation: OdsCode::parse(ods).unwrap(),
            })
        };
        let one = staff("R0050", "RZ901");
        assert_eq!(one.pages_for(), staff("R0050", "RZ901").pages_for());
        assert_ne!(one.pages_for(), staff("R0260", "RZ901").pages_for());
        assert_ne!(one.pages_for(), staff("R0050", "RZ902").pages_for());
    }

    #[test]
    fn spelling_tricks_grant_nothing() {
        for trick in [
            "USER/*.rs",
            "user/*.RS",
            "user/Observation.rs?category=x",
            "user//*.rs",
            "user/ *.rs",
            "user/*.rrs",
            "user/*.",
            "user/.rs",
            "user/Obs*.rs",
            "user\\*.rs",
            "user/*.rs\n",
            "user/*\u{200b}.rs",
            "*/*.rs",
        ] {
            assert_eq!(Scopes::parse(trick), Scopes::default(), "{trick:?}");
        }
    }
}
