use super::{Base, assets, components};
use crate::identity::{PageSession, Party};
use maud::{DOCTYPE, Markup, html};

/// A page before it is one: all text in it was escaped when it was written.
pub struct Page {
    pub title: String,
    /// Which of the menu's pages it is, or is below.
    pub section: Option<&'static str>,
    pub main: Markup,
    /// Loaded again by itself after so many seconds: while something is under way, and no longer.
    pub again_after: Option<u32>,
    /// For tables, which take all the width there is.
    pub is_wide: bool,
}

impl Page {
    pub fn new(title: impl Into<String>, section: Option<&'static str>, main: Markup) -> Self {
        Self { title: title.into(), section, main, again_after: None, is_wide: false }
    }

    pub fn wide(self) -> Self {
        Self { is_wide: true, ..self }
    }
}

/// What is around every page: whose pages these are, and who is signed in to them.
pub struct Frame<'a> {
    pub base: &'a Base,
    pub session: Option<&'a PageSession>,
}

pub const SERVICE: &str = "Shared care record";

/// For people of an organisation. Each page decides for itself whom it is for.
const MENU: [(&str, &str); 1] = [("/providers", "Your organisation")];

impl Frame<'_> {
    pub fn html(&self, page: &Page) -> String {
        let Self { base, .. } = self;
        let column = if page.is_wide { "nhsuk-grid-column-full" } else { "nhsuk-grid-column-two-thirds" };
        let whole = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { (page.title) " - " (SERVICE) }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="theme-color" content="#005eb8";
                    @if let Some(seconds) = page.again_after { meta http-equiv="refresh" content=(seconds); }
                    link rel="icon" type="image/svg+xml" href=(assets::ICON.path(base));
                    @for style in &*assets::STYLES {
                        link rel="stylesheet" href=(style.path(base));
                    }
                }
                body {
                    a.nhsuk-skip-link href="#maincontent" { "Skip to main content" }
                    (self.header(page.section))
                    div.nhsuk-width-container {
                        main.nhsuk-main-wrapper #maincontent tabindex="-1" {
                            div.nhsuk-grid-row { div class=(column) { (page.main) } }
                        }
                    }
                    (footer())
                }
            }
        };
        whole.into_string()
    }

    fn header(&self, section: Option<&str>) -> Markup {
        let Self { base, session } = self;
        html! {
            header.nhsuk-header {
                div.nhsuk-header__container.nhsuk-width-container {
                    div.nhsuk-header__service {
                        a.nhsuk-header__service-name href=(base.link("/")) { (SERVICE) }
                    }
                    @if let Some(session) = session {
                        nav.nhsuk-header__account aria-label="Account" {
                            ul.nhsuk-header__account-list {
                                li.nhsuk-header__account-item { (name(session)) }
                                li.nhsuk-header__account-item { (sign_out(base, session)) }
                            }
                        }
                    }
                }
                @if session.is_some_and(|session| session.requester.party.organisation().is_some()) {
                    nav.nhsuk-header__navigation aria-label="Menu" {
                        div.nhsuk-header__navigation-container.nhsuk-width-container {
                            ul.nhsuk-header__navigation-list {
                                @for (path, name) in MENU {
                                    li.nhsuk-header__navigation-item.nhsuk-header__navigation-item--current[section == Some(path)] {
                                        a.nhsuk-header__navigation-link href=(base.link(path))
                                            aria-current=[(section == Some(path)).then_some("page")] { (name) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How a person is called on their own pages. A patient is called nothing: who stands behind them may read along.
pub fn name(session: &PageSession) -> &str {
    match &session.requester.party {
        Party::Staff { name: Some(name), .. } => name,
        Party::Staff { user, .. } => user,
        Party::Patient { .. } => "Signed in as a patient",
        Party::System { .. } => "Signed in",
    }
}

fn sign_out(base: &Base, session: &PageSession) -> Markup {
    let button = html! { button.nhsuk-header__account-button type="submit" { "Sign out" } };
    components::form(base, session, "/sign-out", "nhsuk-header__account-form", &button)
}

fn footer() -> Markup {
    html! {
        footer.nhsuk-footer {
            div.nhsuk-width-container {
                div.nhsuk-footer__meta {
                    p.nhsuk-body-s { "caregate " (env!("CARGO_PKG_VERSION")) ": a shared care record gateway" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_is_told_is_text_and_never_markup() {
        let base = Base::new("https://records.example").unwrap();
        let title = "<script>alert(1)</script>\"'&".to_owned();
        let main = html! { p title=(title) { (title) } (components::facts(&[(&title, html! { (title) })])) };
        let text = Frame { base: &base, session: None }.html(&Page::new(title.clone(), None, main));
        assert!(!text.contains("<script") && text.contains("&lt;script&gt;") && text.contains("&quot;"), "{text}");
    }
}
