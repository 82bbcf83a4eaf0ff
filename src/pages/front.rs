use super::{
    components::{button_link, heading, inset, subheading},
    form::Fields,
    layout::{Page, SERVICE, name},
    place::Place,
    server::Pages,
    sign_in::{place, with_place},
};
use crate::identity::{ClaimProfile, PageSession, Party, Way};
use maud::{Markup, html};

/// `GET /`: what this is, for whom, and who is signed in.
pub fn page(pages: &Pages, session: Option<&PageSession>, query: &str) -> Page {
    let to = place(query);
    let left = Fields::read(query.as_bytes()).is_some_and(|fields| fields.get("signed-out") == Some("yes"));
    let main = match session {
        Some(session) => signed_in(pages, session),
        None => html! {
            (heading(SERVICE))
            @if left { (inset(&html! {
                    p { "You are signed out here. You may still be signed in where you came from: take out your smartcard, or close the browser." }
                })) }
            p.nhsuk-lede-text {
                "When people of several services look after somebody, each of them can see here what the others hold about that person, \
                 if they may."
            }
            @if to.as_str() != Place::FRONT { (inset(&html! { p { "Sign in to see the page you asked for." } })) }
            (ways(pages, &to))
            (about())
        },
    };
    Page::new(if session.is_some() { "You are signed in" } else { "Sign in" }, None, main)
}

fn ways(pages: &Pages, to: &Place) -> Markup {
    html! {
        @if pages.sign_ins.ways().is_empty() {
            (inset(&html! { p { "Nobody can sign in here: this gateway serves other systems, not people." } }))
        }
        @for way in pages.sign_ins.ways() {
            (subheading(whom(way)))
            (button_link(&pages.base.link(&with_place(&format!("/sign-in/{}", way.name), to)), label(way)))
        }
    }
}

fn whom(way: &Way) -> &'static str {
    match way.profile {
        ClaimProfile::NhsLogin => "If you are a patient",
        _ => "If you work in health or care",
    }
}

fn label(way: &Way) -> &'static str {
    match way.profile {
        ClaimProfile::NhsLogin => "Continue with NHS login",
        _ => "Sign in with Care Identity",
    }
}

fn about() -> Markup {
    html! {
        (subheading("What this is"))
        ul.nhsuk-list.nhsuk-list--bullet {
            li { "The organisations that hold records keep them. Each is asked at the moment somebody needs to know." }
            li { "Only people who care for a patient see their record, and only what their work needs." }
            li { "Every look is written down first. Patients can see who looked, and can object." }
        }
    }
}

fn signed_in(pages: &Pages, session: &PageSession) -> Markup {
    let staff = matches!(session.requester.party, Party::Staff { .. });
    html! {
        (heading("You are signed in"))
        @if staff {
            p { "You are " strong { (name(session)) } "." }
            p { a href=(pages.base.link("/providers")) { "Your organisation" } ": how it stands here, and what this gateway knows of it." }
        } @else {
            p { "Your own record, who looked at it and your choices are not among these pages yet." }
        }
        p { "If you share this device, sign out when you are done. After a while without use you are signed out." }
    }
}
