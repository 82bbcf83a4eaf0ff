use super::{
    components::{facts, heading, inset, subheading},
    layout::Page,
    visit::Visit,
};
use crate::{
    access::{Action, Interaction, Listed},
    audit::{Opened, Released},
    domain::OdsCode,
    identity::Party,
    story::Ending,
};
use maud::{Markup, html};

/// `GET /providers`: an organisation's own page, for those of its people who look after its systems.
pub async fn show(visit: &Visit, opened: &mut Opened) -> Result<Released, Ending> {
    let action =
        Action::ReadRegistry { listed: Listed::Organization, interaction: Interaction::Search, concerns_own: true };
    visit.cleared(action, opened, async |clearance| organisation(visit, clearance.organisation()).await).await
}

async fn organisation(visit: &Visit, ods: OdsCode) -> Result<Page, Ending> {
    let g = visit.gateway();
    let name = g.registry.name_of(ods).unwrap_or("Your organisation").to_owned();
    let suspended = g.facts.global().await?.suspended.contains(&ods);
    let kind = g.registry.kind_of(ods).map(|kind| in_words(kind));
    let standing = match (g.registry.provider(ods), suspended) {
        (None, _) => "It has no records that this gateway asks for: its people can only look.",
        (Some(_), false) => "Its records are asked for, and shown to those who may see them.",
        (Some(_), true) => "Suspended. Nothing of its records is shown to anybody.",
    };
    let main = html! {
        (heading(&name))
        @if suspended {
            (inset(&html! { p { "This organisation is suspended. Whoever runs the gateway can say why, and end it." } }))
        }
        (facts(&[
            ("ODS code", html! { (ods) }),
            ("Kind", html! { (kind.as_deref().unwrap_or("not known here")) }),
            ("Standing", html! { (standing) }),
        ]))
        (subheading("Who you are here"))
        (facts(&person(&visit.session.requester.party)))
    };
    Ok(Page { title: name, section: Some("/providers"), main })
}

fn person(party: &Party) -> Vec<(&'static str, Markup)> {
    let Party::Staff { user, name, role, role_name, .. } = party else { return Vec::new() };
    let code = role.as_deref().unwrap_or("none");
    vec![
        ("Name", html! { (name.as_deref().unwrap_or("not told")) }),
        ("User", html! { (user) }),
        ("Role", html! { @if let Some(name) = role_name { (name) " (" (code) ")" } @else { (code) } }),
    ]
}

/// `acute-trust` is an Acute trust.
fn in_words(kind: &str) -> String {
    match kind {
        "gp-practice" => "GP practice".to_owned(),
        "icb" => "Integrated care board".to_owned(),
        "nhs-england" => "NHS England".to_owned(),
        other => {
            let words = other.replace('-', " ");
            let (first, rest) = words.split_at_checked(1).unwrap_or_default();
            format!("{}{rest}", first.to_ascii_uppercase())
        }
    }
}
