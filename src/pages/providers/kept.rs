//! An entry of the registry that is filled in as a form: what stands is shown, and what was typed becomes the very resource that a system would
//! have sent, read by the same readers and told by the same stories.

use super::{
    whose::Whose,
    written::{self, FieldKind, Written},
};
use crate::{
    access::{ContentFault, Listed, Policy},
    audit::{Opened, Released},
    domain::OdsCode,
    pages::{
        Done, Fields, Page, Undone, Visit,
        components::{back, form, heading},
        input::Faults,
        words,
    },
    registry::directory::{self, Content},
    story::{self, Ending, RegistryFault},
};
use maud::{Markup, html};

/// What one sort of entry is kept by.
pub struct Form {
    pub listed: Listed,
    /// After the organisation's own path.
    pub path: &'static str,
    pub title: &'static str,
    pub kinds: &'static [FieldKind],
    pub write: fn(OdsCode, &Fields) -> Written,
    pub fill: fn(&Content, &mut Fields),
    pub show: fn(&Visit, &Whose, &Kept<'_>) -> Markup,
}

/// What a form is shown with.
pub struct Kept<'a> {
    pub filled: &'a Fields,
    pub faults: &'a Faults,
    /// The kinds of organisation there are.
    pub kinds: Vec<String>,
    /// The names of the credentials that are kept for this organisation.
    pub credentials: Vec<String>,
}

/// The hidden field that says which version was seen: nothing where there was none.
const VERSION: &str = "version";

pub async fn page(of: &Form, visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let whose = Whose::of(visit);
    whose
        .shown(visit, (of.listed, of.path), opened, async |ods| {
            let g = visit.gateway();
            let mut filled = Fields::default();
            if let Some(entry) = g.directory.latest(of.listed, ods).await? {
                (of.fill)(&entry.content, &mut filled);
                filled.set(VERSION, entry.version.to_string());
            }
            made(of, visit, &whose, (&filled, &Faults::default())).await
        })
        .await
}

pub async fn keep(of: &Form, visit: &Visit, filled: &Fields, opened: &mut Opened) -> Result<Done, Undone> {
    let (g, whose, requester) = (visit.gateway(), Whose::of(visit), &visit.session.requester);
    let ods = match whose.ods() {
        Ok(ods) => ods,
        Err(ending) => return Err(ending.close(opened).await.into()),
    };
    let body = (of.write)(ods, filled).resource.to_string();
    let seen = filled.text(VERSION);
    let told = match seen {
        "" => story::register(g, requester, of.listed, &body, opened).await,
        seen => story::change_entry(g, requester, of.listed, (ods.as_str(), Some(seen)), &body, opened).await,
    };
    let ending = match told {
        Ok(wrote) => return Ok(Done::wrote(wrote, &whose.path(""))),
        Err(ending) => ending,
    };
    let mut faults = Faults::default();
    match &ending {
        // whoever may not is told so, and not what is wrong with what they filled in
        Ending::Content(_) if may_keep(visit, of, &whose, seen).await? => {
            let policy = g.policies.of(&*g.facts.global().await.map_err(Ending::from)?).await.map_err(Ending::from)?;
            let read = |text: &str| read(visit, of, text, &policy);
            faults = written::faults(filled, of.kinds, |fields| (of.write)(ods, fields), read);
        }
        Ending::VersionDiffers | Ending::Conflict | Ending::Registry(RegistryFault::Registered) => {
            let said = "Somebody else changed this meanwhile, and nothing of yours was saved. What you typed is still below: copy what you \
                        need, open the page again, and make your change there.";
            faults.add("", said.to_owned());
        }
        Ending::Registry(RegistryFault::OperatorsProposal) => {
            let said = "An operator of the registry has proposed a version of this. It is decided on first; make your change after that.";
            faults.add("", said.to_owned());
        }
        Ending::Registry(RegistryFault::TooOften) => faults.add("", words::TOO_OFTEN.to_owned()),
        Ending::Registry(RegistryFault::OrganisationNotInForce) => {
            let said =
                "Your organisation's own entry has not been approved yet. Its endpoint is registered after that.";
            faults.add("", said.to_owned());
        }
        Ending::Registry(RegistryFault::Configured) => {
            let said = "Who this organisation is, and how it is asked, is written in the configuration of this gateway. Whoever runs it \
                        changes that.";
            faults.add("", said.to_owned());
        }
        _ => return Err(ending.into()),
    }
    if faults.is_empty() {
        return Err(ending.into());
    }
    let page = made(of, visit, &whose, (filled, &faults)).await?;
    Err(Undone::Again(ending.status(), Box::new(page)))
}

/// Whether they may keep this entry at all, decided as the story decides it.
async fn may_keep(visit: &Visit, of: &Form, whose: &Whose, seen: &str) -> Result<bool, Ending> {
    story::may(visit.gateway(), &visit.session.requester, whose.keeps(of.listed, seen.is_empty())).await
}

fn read(visit: &Visit, of: &Form, text: &str, policy: &Policy) -> Result<(), ContentFault> {
    let content = match of.listed {
        Listed::Organization => Content::Organization(directory::read_organization(text, policy)?),
        Listed::Endpoint => Content::Endpoint(directory::read_endpoint(text)?),
    };
    visit.gateway().registry_terms.vet(&content)
}

async fn made(of: &Form, visit: &Visit, whose: &Whose, (filled, faults): (&Fields, &Faults)) -> Result<Page, Ending> {
    let g = visit.gateway();
    let policy = g.policies.of(&*g.facts.global().await?).await?;
    let kinds = policy.organisation_kinds().map(str::to_owned).collect();
    let credentials = whose.ods().ok().and_then(|ods| g.registry_terms.credentials.get(&ods));
    let credentials = credentials.into_iter().flatten().cloned().collect();
    let main = (of.show)(visit, whose, &Kept { filled, faults, kinds, credentials });
    let title = if faults.is_empty() { of.title.to_owned() } else { format!("Error: {}", of.title) };
    Ok(Page::new(title, Some("/providers"), main))
}

pub fn whole(visit: &Visit, whose: &Whose, of: &Form, faults: &Faults, fields: &Markup) -> Markup {
    let base = &visit.pages.base;
    html! {
        (back(base, &whose.path(""), "The organisation"))
        (faults.summary())
        (heading(of.title))
        (form(base, &visit.session, &whose.path(of.path), "", fields))
    }
}

pub fn version(filled: &Fields) -> Markup {
    html! { input type="hidden" name=(VERSION) value=(filled.text(VERSION)); }
}

pub fn approval(said: &str) -> Markup {
    html! { div.nhsuk-inset-text { span.nhsuk-u-visually-hidden { "Information: " } p { (said) } } }
}

pub fn save() -> Markup {
    html! { button.nhsuk-button type="submit" { "Save and send" } }
}
