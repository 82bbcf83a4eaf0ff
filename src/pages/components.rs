//! What several pages are made of, as NHS.UK's front-end has it (<https://service-manual.nhs.uk/design-system/components>).

use super::Base;
use crate::identity::PageSession;
use maud::{Markup, html};

pub fn heading(text: &str) -> Markup {
    html! { h1.nhsuk-heading-l { (text) } }
}

pub fn subheading(text: &str) -> Markup {
    html! { h2.nhsuk-heading-m { (text) } }
}

/// What is known, each thing by its name.
pub fn facts(rows: &[(&str, Markup)]) -> Markup {
    html! {
        dl.nhsuk-summary-list.caregate-facts {
            @for (key, value) in rows {
                div.nhsuk-summary-list__row {
                    dt.nhsuk-summary-list__key { (key) }
                    dd.nhsuk-summary-list__value { (value) }
                }
            }
        }
    }
}

/// What must not be overlooked.
pub fn inset(text: &Markup) -> Markup {
    html! { div.nhsuk-inset-text { span.nhsuk-u-visually-hidden { "Information: " } (text) } }
}

/// A link that is the next thing to do.
pub fn button_link(href: &str, text: &str) -> Markup {
    html! { a.nhsuk-button href=(href) { (text) } }
}

/// Rows under headings. On a small screen it scrolls by itself, by keyboard too, and the page does not.
pub fn table(caption: &str, headings: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div.caregate-table role="region" aria-label=(caption) tabindex="0" {
            table.nhsuk-table {
                caption.nhsuk-table__caption { (caption) }
                thead.nhsuk-table__head { tr { @for heading in headings { th scope="col" { (heading) } } } }
                tbody.nhsuk-table__body {
                    @for row in rows { tr.nhsuk-table__row { @for cell in row { td.nhsuk-table__cell { (cell) } } } }
                }
            }
        }
    }
}

/// Where the page is below.
pub fn back(base: &Base, path: &str, text: &str) -> Markup {
    html! { p { a.nhsuk-back-link href=(base.link(path)) { (text) } } }
}

/// Every form there is: it is taken by its token alone.
pub fn form(base: &Base, session: &PageSession, action: &str, class: &str, fields: &Markup) -> Markup {
    html! {
        form class=(class) method="post" action=(base.local(action)) {
            input type="hidden" name=(super::form::TOKEN) value=(session.id.form_token());
            (fields)
        }
    }
}

/// By what this answer is found again, in the log and the audit.
pub fn reference(id: crate::domain::RequestId) -> Markup {
    html! { p.nhsuk-body-s { "Reference: " (id) } }
}
