use crate::{
    access::{Action, Clearance, Interaction, Listed},
    audit::{Opened, Released},
    domain::OdsCode,
    pages::{Page, Visit},
    story::Ending,
};

/// Whose pages these are: the organisation that the address names. They are its own people's, and the operators'; who else asks is
/// refused before anything of it is looked up, in the same words whether there is such an organisation or not.
#[derive(Clone, Copy, Debug)]
pub struct Whose {
    /// None where the address names nothing that could be one.
    named: Option<OdsCode>,
    pub is_own: bool,
    pub by_operator: bool,
}

impl Whose {
    pub fn of(visit: &Visit) -> Self {
        Self::named(visit, OdsCode::parse(visit.segment(1)).ok())
    }

    /// The visitor's own.
    pub fn own(visit: &Visit) -> Self {
        Self::named(visit, visit.session.requester.party.organisation())
    }

    fn named(visit: &Visit, named: Option<OdsCode>) -> Self {
        let requester = &visit.session.requester;
        let is_own = named.is_some() && named == requester.party.organisation();
        Self { named, is_own, by_operator: visit.gateway().registry_terms.is_operator(requester) }
    }

    pub fn reads(&self, listed: Listed) -> Action {
        let concerns_own = self.named.is_some() && (self.is_own || self.by_operator);
        Action::ReadRegistry { listed, interaction: Interaction::Read, concerns_own }
    }

    pub fn keeps(&self, listed: Listed, is_new: bool) -> Action {
        Action::KeepRegistry { listed, is_new, concerns_own: self.named.is_some() && (self.is_own || self.by_operator) }
    }

    /// What stands in the way is seen by nobody: whoever gets this far has been let in.
    pub fn ods(&self) -> Result<OdsCode, Ending> {
        self.named.ok_or(Ending::NotFound)
    }

    /// As the audit keeps it: only what could be a code of an organisation's is written down.
    pub fn path(&self, after: &str) -> String {
        format!("/providers/{}{after}", self.named.as_ref().map_or("unknown", OdsCode::as_str))
    }

    pub fn asks(&self, after: &str, opened: &mut Opened) {
        opened.asks("page", format!("GET {}", self.path(after)), None, None);
    }

    /// A page about this organisation, of which no more is looked up than once it was decided.
    pub async fn shown(
        &self,
        visit: &Visit,
        (listed, after): (Listed, &str),
        opened: &mut Opened,
        mut make: impl AsyncFnMut(OdsCode) -> Result<Page, Ending>,
    ) -> Result<Released, Ending> {
        self.asks(after, opened);
        visit.cleared(self.reads(listed), opened, async |_: &Clearance| make(self.ods()?).await).await
    }
}
