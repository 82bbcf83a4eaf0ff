//! An organisation at a glance: what it registered, how far that has come, what waits for whom, and where the rest is.

use super::{probes, stages, whose::Whose};
use crate::{
    access::{Action, Interaction, Listed, Stage, Stages},
    audit::{Opened, Released},
    domain::{OdsCode, Timestamp},
    pages::{
        Page, Visit,
        components::{button_link, facts, heading, inset, subheading},
        words,
    },
    probe::{Kept, State, Verdict},
    registry::directory::{Content, Endpoint, Entry, EntryState},
    story::{self, Ending},
};
use maud::{Markup, html};

/// `GET /providers`: the visitor's own. Whoever answers for access there, and not for its systems, is shown the way to what left it.
pub async fn own(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let whose = Whose::own(visit);
    opened.asks("page", "GET /providers".to_owned(), None, None);
    let actions = [whose.reads(Listed::Organization), Action::ReadLedger { concerns_own: true }];
    visit
        .cleared_by_any(&actions, opened, async |by, clearance| match by {
            Action::ReadLedger { .. } => Ok(officers(visit, clearance.organisation())),
            _ => made(visit, &whose, whose.ods()?).await,
        })
        .await
}

/// `GET /providers/[ODS code]`
pub async fn page(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let whose = Whose::of(visit);
    whose.shown(visit, (Listed::Organization, ""), opened, async |ods| made(visit, &whose, ods).await).await
}

fn officers(visit: &Visit, ods: OdsCode) -> Page {
    let registry = visit.gateway().registries.latest();
    let name = registry.name_of(ods).unwrap_or("Your organisation").to_owned();
    let main = html! {
        (heading(&name))
        p { "You answer for access at this organisation." }
        ul.nhsuk-list {
            (list_links(visit, &format!("/providers/{ods}"), true))
        }
    };
    Page::new(name, Some("/providers"), main)
}

/// What the log and the objections say of it: told in sums to those who look after its systems.
fn list_links(visit: &Visit, below: &str, is_officer: bool) -> Markup {
    let link = |after: &str| visit.pages.base.link(&format!("{below}{after}"));
    html! {
        li { a href=(link("/disclosures")) { "What left your organisation" }
            @if is_officer { ": who was shown what of its records, and why" } @else { ": how much, by day and by organisation" } }
        li { a href=(link("/relationships")) { "Relationships your systems sent" }
            @if is_officer { ": whom your organisation said it cares for, and what was refused" } @else { ": how many were accepted or refused, by day" } }
        li { a href=(link("/recalls")) { "Taking back what was given out" } ": entries that were another patient's, or wrong" }
        @if is_officer { li { a href=(link("/objections")) { "Objections that concern your organisation" } ": what patients object to that names your organisation" } }
    }
}

/// What is known of an organisation.
struct Known {
    ods: OdsCode,
    name: String,
    organisation: Option<Entry>,
    endpoint: Option<Entry>,
    /// The endpoint that is in force, and its version.
    asked: Option<(i64, Endpoint)>,
    stands: Stages,
    is_shut_out: bool,
    /// Whether its sharing agreement holds today.
    shares: bool,
    is_configured: bool,
    probe: Option<Kept>,
    /// What its report says is to be mended first.
    mend: Option<String>,
    is_probed: bool,
}

async fn known(visit: &Visit, ods: OdsCode) -> Result<Known, Ending> {
    let g = visit.gateway();
    let organisation = g.directory.latest(Listed::Organization, ods).await?;
    let endpoint = g.directory.latest(Listed::Endpoint, ods).await?;
    let asked = match g.directory.in_force(Listed::Endpoint, ods).await? {
        Some(Entry { version, content: Content::Endpoint(endpoint), .. }) => Some((version, endpoint)),
        _ => None,
    };
    let now = Timestamp::now();
    let shares = match g.directory.in_force(Listed::Organization, ods).await?.map(|entry| entry.content) {
        Some(Content::Organization(organisation)) => organisation.shares(now),
        _ => false,
    };
    let registry = g.registries.latest();
    let stored = organisation.as_ref().map(|entry| entry.content.name());
    let name = stored.or(registry.name_of(ods)).map_or_else(|| format!("Organisation {ods}"), str::to_owned);
    let since = now.minus(g.registry_terms.probe_holds);
    let is_probed = match &asked {
        Some((version, _)) => g.probes.passed_since(ods, *version, since).await?,
        None => false,
    };
    let probe = g.probes.latest(ods).await?;
    let report = match &probe {
        Some(kept) => g.probes.report(kept.begun.id).await?.and_then(|(_, report)| report),
        None => None,
    };
    let mend = report.as_ref().and_then(|report| report.to_mend().first().map(|finding| finding.title.clone()));
    Ok(Known {
        ods,
        name,
        organisation,
        endpoint,
        asked,
        stands: g.directory.stages(ods).await?.map(|staged| staged.stages).unwrap_or_default(),
        is_shut_out: g.facts.global().await?.suspended.contains(&ods),
        shares,
        is_configured: g.registry_terms.configured.contains(&ods),
        probe,
        mend,
        is_probed,
    })
}

async fn made(visit: &Visit, whose: &Whose, ods: OdsCode) -> Result<Page, Ending> {
    let known = known(visit, ods).await?;
    let officers = Action::InspectObjections { interaction: Interaction::Search, concerns_own: whose.is_own };
    let is_officer = story::may(visit.gateway(), &visit.session.requester, officers).await?;
    let link = |after: &str| visit.pages.base.link(&whose.path(after));
    let whole = Whole { visit, whose, known: &known };
    let main = html! {
        @if whose.by_operator {
            p { a href=(visit.pages.base.link("/providers/all")) { "All organisations, and what waits for a decision" } }
        }
        (heading(&known.name))
        @if known.is_shut_out {
            (inset(&html! { p { "This organisation is " strong { "Suspended" } ": nothing of its records is shown to anybody. An operator of the registry can say why, and end it." } }))
        }
        (whole.next())
        (subheading("Organisation"))
        (whole.organisation())
        @if !known.is_configured && known.organisation.is_some() {
            p { a href=(link("/organisation")) { "Change the organisation's entry" } }
        }
        @if known.organisation.is_some() && !known.is_configured {
            (subheading("Endpoint"))
            (whole.endpoint())
        }
        @if known.is_configured { (subheading("Endpoint")) (whole.configured()) }
        (subheading("More"))
        ul.nhsuk-list {
            @if known.asked.is_some() {
                li { a href=(link("/stages")) { "Stages" } ": how far the endpoint has come, and the next step" }
                li { a href=(link("/probes")) { "Probes" } ": how the endpoint was checked, and what to mend" }
            }
            @if known.asked.is_some() || known.is_configured {
                li { a href=(link("/health")) { "Live health" } ": how it has answered over the last hours" }
            }
            @if whose.is_own { (list_links(visit, &whose.path(""), is_officer)) }
            @if known.organisation.is_some() { li { a href=(link("/history")) { "History" } ": who changed what, and who approved it" } }
        }
        @if whose.is_own {
            (subheading("Who you are here"))
            (facts(&super::person(&visit.session.requester.party)))
        }
    };
    Ok(Page::new(known.name.clone(), Some("/providers"), main))
}

struct Whole<'a> {
    visit: &'a Visit,
    whose: &'a Whose,
    known: &'a Known,
}

impl Whole<'_> {
    fn link(&self, after: &str) -> String {
        self.visit.pages.base.link(&self.whose.path(after))
    }

    /// What waits for whom.
    fn next(&self) -> Markup {
        let Known { organisation, endpoint, asked, stands, shares, is_configured, .. } = self.known;
        if *is_configured {
            return html! {};
        }
        let Some(organisation) = organisation else {
            return html! {
                p { "This organisation is not registered here yet. Its people see nothing of the shared record, and it is asked for nothing, until it is." }
                (button_link(&self.link("/organisation"), "Register your organisation"))
            };
        };
        let waits = html! {
            (self.decided("organisation's entry", "/proposal/organisation", "/organisation", organisation))
            @if let Some(endpoint) = endpoint { (self.decided("endpoint", "/proposal/endpoint", "/endpoint", endpoint)) }
            @let is_in_force = organisation.state == EntryState::InForce;
            @if is_in_force && !shares {
                li { "No sharing agreement holds today: nothing of the organisation is shared, and its people read nothing." }
            }
            @if is_in_force && endpoint.is_none() {
                li { a href=(self.link("/endpoint")) { "Register an endpoint" } ", if the organisation holds records that others need." }
            }
            @if asked.is_some() && !self.known.is_shut_out { (self.step(stands)) }
        };
        html! {
            (subheading("What comes next"))
            @if waits.0.is_empty() { p { "Nothing waits for anybody." } } @else { ul.nhsuk-list.nhsuk-list--bullet { (waits) } }
        }
    }

    fn decided(&self, what: &str, proposal: &str, form: &str, entry: &Entry) -> Markup {
        html! {
            @match entry.state {
                EntryState::Proposed => li {
                    "Version " (entry.version) " of the " (what) " waits for an operator of the registry: "
                    a href=(self.link(proposal)) { "see what it changes" @if self.whose.by_operator { ", and decide" } } "."
                },
                EntryState::Refused => li {
                    "Version " (entry.version) " of the " (what) " was refused"
                    @if let Some(reason) = entry.decided.as_ref().and_then(|decided| decided.reason.as_ref()) { ": " q { (reason) } }
                    ". " a href=(self.link(form)) { "Change it and send it again" } "."
                },
                EntryState::InForce | EntryState::Replaced => {}
            }
        }
    }

    fn step(&self, stands: &Stages) -> Markup {
        let running = self.known.probe.as_ref().is_some_and(|kept| kept.state(Timestamp::now()) == State::Running);
        html! {
            @if running {
                li { "A probe is under way: " a href=(self.link("/probes")) { "see how far it is" } "." }
            } @else if !self.known.is_probed && stands.usual < Stage::Live {
                li { a href=(self.link("/probes")) { "Have the endpoint probed" } ": it goes further once it has passed." }
            } @else if stands.usual < Stage::Live {
                li { "The endpoint has passed its probe: " a href=(self.link("/stages")) { "move it up" } " when you are ready." }
            }
        }
    }

    fn organisation(&self) -> Markup {
        let Known { ods, organisation, is_configured, .. } = self.known;
        let registry = self.visit.gateway().registries.latest();
        let mut rows = vec![("ODS code", html! { (ods) })];
        match organisation {
            Some(entry) if !is_configured => {
                rows.extend(
                    super::said::said(&entry.content)
                        .into_iter()
                        .filter(|(_, said)| !said.is_empty())
                        .map(|(name, said)| (name, html! { (said) })),
                );
                rows.push(("State", html! { (words::state(entry)) " version " (entry.version) }));
                rows.extend(self.decision(entry));
            }
            _ => {
                let kind = registry.kind_of(*ods).map(|kind| words::kind(kind));
                rows.push(("Kind", html! { (kind.as_deref().unwrap_or("not known here")) }));
            }
        }
        facts(&rows)
    }

    /// Who let this version in, or did not, and why.
    fn decision(&self, entry: &Entry) -> Vec<(&'static str, Markup)> {
        let Some(decided) = &entry.decided else { return Vec::new() };
        let registry = self.visit.gateway().registries.latest();
        let reader = self.visit.session.requester.party.organisation();
        let by = words::by(&decided.by, false, reader, &registry);
        let mut rows = vec![("Decided", html! { (words::moment(decided.at)) " by " (by) })];
        rows.extend(decided.reason.as_ref().map(|reason| ("Reason", html! { (reason) })));
        rows
    }

    fn endpoint(&self) -> Markup {
        let Known { endpoint, asked, stands, probe, .. } = self.known;
        let Some(entry) = endpoint else {
            return html! { p { "None is registered. The organisation's people can look; nothing is asked of it." } };
        };
        let mut rows = vec![];
        if let Content::Endpoint(endpoint) = &entry.content {
            rows.push(("Address", html! { (endpoint.address) }));
        }
        rows.push(("State", html! { (words::state(entry)) " version " (entry.version) }));
        rows.extend(self.decision(entry));
        if let Some((_, endpoint)) = asked {
            rows.extend(stages::standing(stands, endpoint));
        }
        rows.push(("Last probe", probes::last(probe.as_ref(), &self.link("/probes"))));
        rows.extend(self.known.mend.as_ref().map(|mend| ("To mend first", html! { (mend) })));
        rows.push(("Live health", super::health::in_short(self.visit, self.known.ods)));
        html! {
            (facts(&rows))
            p { a href=(self.link("/endpoint")) { "Change the endpoint" } }
        }
    }

    /// As the deployment itself says.
    fn configured(&self) -> Markup {
        let registry = self.visit.gateway().registries.latest();
        let standing = match (registry.provider(self.known.ods), self.known.is_shut_out) {
            (None, _) => "It has no records that this gateway asks for: its people can only look.",
            (Some(_), false) => "Its records are asked for, and shown to those who may see them.",
            (Some(_), true) => "Suspended. Nothing of its records is shown to anybody.",
        };
        html! {
            (facts(&[("Standing", html! { (standing) }), ("Live health", super::health::in_short(self.visit, self.known.ods))]))
            p { "What is registered of it is written in this gateway's own configuration. Whoever runs the gateway changes it." }
        }
    }
}

/// In words, with its colour.
pub fn verdict(verdict: Verdict) -> Markup {
    match verdict {
        Verdict::Passed => words::tag("green", "Passed"),
        Verdict::Failed => words::tag("red", "Failed"),
    }
}
