use super::{Asked, AuditLog, Commit, Guard, Identified, Kind, NotCommitted, Overriding, Receipt, Row, Who};
use crate::{
    access::{Clearance, Evidence, Facts, Permit, Refusal},
    domain::{NhsNumber, RequestId, Timestamp},
    federation::Announced,
    identity::{Party, Requester},
    record::{Content, ItemRanges, Redacted, SourceLine},
};

/// HTTP's See Other: the answer to a form of a page.
const SEE_OTHER: u16 = 303;

/// The audit of one request, opened when its token was verified. It ends in exactly one closing row: if whoever holds it
/// goes away without one (a panic), dropping it writes that the request failed.
pub struct Opened {
    log: AuditLog,
    row: Row,
    /// Whom the decision is about: nobody where the id presented is not for this requester, whoever the row names.
    about: Option<NhsNumber>,
    guard: Option<Guard>,
    /// The closing row on its way. It is kept here, so that a deadline which drops whoever waits for it loses neither the
    /// row nor its outcome.
    closing: Option<Commit>,
    closed: bool,
    /// What it writes is answered by the way to another page.
    leads_on: bool,
}

/// A document whose release is committed: of anything of a patient's, the only thing that can become a response's body.
///
/// It cannot be made anywhere else:
/// ```compile_fail,E0451
/// # fn made_up(content: caregate::record::Content, receipt: caregate::audit::Receipt) {
/// let _ = caregate::audit::Released { content, receipt };
/// # }
/// ```
pub struct Released {
    content: Content,
    receipt: Receipt,
}

/// Proof that the log knows of a request before any provider hears of it or anything is written. It comes of a commit alone:
/// ```compile_fail,E0423
/// let _ = caregate::audit::Intent(caregate::domain::RequestId::fresh());
/// ```
pub struct Intent(RequestId);

impl Announced for Intent {
    fn request_id(&self) -> RequestId {
        self.0
    }
}

impl Opened {
    pub fn new(log: AuditLog, requester: &Requester, network: Option<String>, id: RequestId) -> Self {
        let row = Row {
            who: Some(who(requester, network)),
            interaction: "unknown".to_owned(),
            purpose: Some(requester.purpose.0.clone()),
            status: 500,
            reason: Some("abandoned".to_owned()),
            ..Row::blank(Kind::Failed, id)
        };
        Self { log, row, about: None, guard: None, closing: None, closed: false, leads_on: false }
    }

    /// The audit of one of several things asked for in this request. It closes on its own, under a request id of its own.
    pub fn item(&self, at: usize) -> Self {
        let row = Row { request_id: self.row.request_id.item(at), ..self.row.clone() };
        Self { log: self.log.clone(), row, about: None, guard: None, closing: None, closed: false, leads_on: false }
    }

    /// It is a form of a page of ours: once what it asks for is written, the answer leads on to another page.
    pub fn leads_on(&mut self) {
        self.leads_on = true;
    }

    pub fn request_id(&self) -> RequestId {
        self.row.request_id
    }

    /// What is asked, once it has been understood.
    pub fn asks(
        &mut self,
        interaction: &str,
        request: String,
        resource_type: Option<&str>,
        patient: Option<NhsNumber>,
    ) {
        self.row.interaction = interaction.to_owned();
        self.row.request = request;
        self.row.resource_type = resource_type.map(str::to_owned);
        self.row.patient = patient;
    }

    /// Whose record it concerns, once that is known.
    pub fn names(&mut self, patient: impl Into<Option<NhsNumber>>) {
        self.row.patient = patient.into();
    }

    /// Nothing is decided yet, or not any more.
    pub fn undecided(&mut self, about: Option<NhsNumber>) {
        self.about = about;
        self.guard = None;
        self.row.basis = None;
        self.row.rules.clear();
        self.row.policy = None;
        self.row.epochs = None;
        self.row.evidence = None;
        self.row.identified = None;
        self.row.overriding = None;
        self.row.decided_at = None;
    }

    /// Whom it is about, by the number in use.
    pub fn is_about(&mut self, patient: NhsNumber) {
        self.about = Some(patient);
        self.row.patient = Some(patient);
    }

    /// What a decision is about to weigh, beyond what the epochs tell.
    pub fn weighs(&mut self, facts: &Facts) {
        self.row.decided_at = Some(facts.now);
        let Some(who) = &mut self.row.who else { return };
        who.organisation_kind.clone_from(&facts.organisation);
        // whatever they ask of this patient meanwhile, and however it ends, would tell that they look for another's sake
        let held = facts.patient.overrides.iter().find(|grant| {
            let theirs = grant.person.issuer == who.issuer && grant.person.subject == who.subject;
            theirs && grant.reason.is_for_anothers_sake() && grant.start <= facts.now && facts.now < grant.end
        });
        if let Some(grant) = held {
            self.row.held = Some(grant.id.clone());
        }
    }

    /// What the requester's own organisation said when it was asked.
    pub fn asked(&mut self, evidence: &Evidence) {
        self.row.evidence = match evidence {
            Evidence::NotAsked => None,
            Evidence::Found(found) => Some(Asked::Found(found.to_vec())),
            Evidence::Unreachable => Some(Asked::Unreachable),
        };
    }

    /// What the patient index said of whose record it is.
    pub fn identified(&mut self, identified: Option<Identified>) {
        self.row.identified = identified;
    }

    /// The closing row is not shown to the patient until this hold is released.
    pub fn held(&mut self, hold: &str) {
        self.row.held = Some(hold.to_owned());
    }

    /// Leave was given for something that is about no patient in particular.
    pub fn cleared(&mut self, clearance: &Clearance) {
        self.row.rules = clearance.rules().iter().map(ToString::to_string).collect();
        self.row.policy = Some(clearance.fingerprint().to_string());
        self.row.epochs = Some(clearance.epochs());
        self.guard = Some(Guard { patient: None, epochs: clearance.epochs(), valid_until: clearance.valid_until() });
    }

    /// What was decided: from here on no row of this request commits unless the permit's epochs still stand.
    pub fn permitted(&mut self, permit: &Permit) {
        self.row.basis = Some(permit.basis().to_owned());
        self.row.rules = permit.rules().iter().map(ToString::to_string).collect();
        self.row.policy = Some(permit.fingerprint().to_string());
        self.row.epochs = Some(permit.epochs());
        let overriding = permit.overriding();
        self.row.overriding = overriding.map(|grant| Overriding { id: grant.id.clone(), reason: grant.reason });
        if let Some(grant) = overriding.filter(|grant| grant.reason.is_for_anothers_sake()) {
            self.row.held = Some(grant.id.clone());
        }
        let patient = Some(permit.patient());
        self.guard = Some(Guard { patient, epochs: permit.epochs(), valid_until: permit.valid_until() });
    }

    /// What the sources said, for the closing row of an answer that is not released: nothing of it was shown, so no list
    /// of what it held is stored or named.
    pub fn heard(&mut self, lines: Vec<SourceLine>) {
        self.row.sources = lines.into_iter().map(|line| SourceLine { answer: None, ..line }).collect();
    }

    /// Commits that this is about to be looked up or written.
    pub async fn intent(&self) -> Result<Intent, NotCommitted> {
        let row = Row { kind: Kind::Intent, status: 0, reason: None, sources: Vec::new(), ..self.now() };
        self.log.commit(row, self.guard, Vec::new()).await.map(|_| Intent(self.row.request_id))
    }

    /// The release transaction: only if it commits is there a `Released`.
    pub async fn release(&mut self, redacted: Redacted, status: u16) -> Result<Released, NotCommitted> {
        let Redacted { content, lines, mut items, index } = redacted;
        let mut row = Row { kind: Kind::Released, status, reason: None, sources: lines, ..self.now() };
        if let (Some(identified), Some(shown)) = (&mut row.identified, index) {
            identified.line.answer = Some(shown.id.clone());
            identified.line.released = ItemRanges::of([0]);
            items.push(shown);
        }
        self.closing = Some(self.log.queue(row, self.guard, items)?);
        let receipt = self.settled().await?;
        Ok(Released { content, receipt })
    }

    /// The same for what was just written: its own epoch has moved by that, and what it shows is what was sent.
    pub async fn wrote(&mut self, redacted: Redacted, status: u16) -> Result<Released, NotCommitted> {
        // for good: it is written, and no newer fact is a reason to write it again
        self.guard = None;
        let status = if self.leads_on { SEE_OTHER } else { status };
        self.release(redacted, status).await
    }

    /// Closes with a refusal, under the epochs it was decided under: one that a newer fact would lift is `Stale`.
    pub async fn refuse(&mut self, refusal: &Refusal, status: u16, code: &str) -> Result<(), NotCommitted> {
        self.row.rules = refusal.rules.iter().map(ToString::to_string).collect();
        self.row.policy = Some(refusal.fingerprint.to_string());
        self.row.epochs = Some(refusal.epochs);
        self.guard = self.about.map(|patient| Guard {
            patient: Some(patient),
            epochs: refusal.epochs,
            valid_until: Timestamp::MAX,
        });
        self.end(Kind::Refused, status, code).await
    }

    /// Closes with an error: nothing was shown.
    pub async fn fail(&mut self, status: u16, code: &str) -> Result<(), NotCommitted> {
        self.end(Kind::Failed, status, code).await
    }

    /// Closes with an error, whatever has changed meanwhile.
    pub async fn fail_anyway(&mut self, status: u16, code: &str) -> Result<(), NotCommitted> {
        self.guard = None;
        self.fail(status, code).await
    }

    async fn end(&mut self, kind: Kind, status: u16, code: &str) -> Result<(), NotCommitted> {
        // the deadline fell on a closing row under way: one that was committed stays the only one, and over-reports
        if self.closing.is_some() && self.settled().await.is_ok() {
            return Ok(());
        }
        let row = Row { kind, status, reason: Some(code.to_owned()), ..self.now() };
        self.closing = Some(self.log.queue(row, self.guard, Vec::new())?);
        self.settled().await.map(drop)
    }

    async fn settled(&mut self) -> Result<Receipt, NotCommitted> {
        let closing = self.closing.as_mut().ok_or(NotCommitted::Unavailable)?;
        let outcome = closing.outcome().await;
        self.closing = None;
        self.closed = outcome.is_ok();
        outcome
    }

    fn now(&self) -> Row {
        Row { at: Timestamp::now(), ..self.row.clone() }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if !self.closed {
            self.log.abandon(self.row.clone());
        }
    }
}

impl Released {
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    pub fn into_content(self) -> Content {
        self.content
    }
}

fn who(requester: &Requester, network: Option<String>) -> Who {
    let mut who = Who {
        issuer: requester.issuer.clone(),
        subject: requester.subject.clone(),
        party: "patient".to_owned(),
        user: None,
        name: None,
        role: None,
        role_name: None,
        activities: Vec::new(),
        scopes: requester.scopes.to_string(),
        organisation: requester.party.organisation(),
        organisation_kind: None,
        acting: requester.acting.clone(),
        client: requester.client_id.clone(),
        token: requester.token_id.clone(),
        network,
    };
    match &requester.party {
        Party::Staff { user, name, role, role_name, activities, .. } => {
            who.activities.clone_from(activities);
            who.party = "staff".to_owned();
            who.user = Some(user.clone());
            who.name.clone_from(name);
            who.role.clone_from(role);
            who.role_name.clone_from(role_name);
        }
        Party::System { .. } => who.party = "system".to_owned(),
        Party::Patient { .. } => {}
    }
    who
}

#[cfg(test)]
mod tests;
