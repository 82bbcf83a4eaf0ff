//! What people fill in (<https://service-manual.nhs.uk/design-system/components>): each question with its label, what helps to answer
//! it, what was typed, and what is wrong with that.

use super::form::Fields;
use maud::{Markup, html};

/// What is wrong with what was filled in, field by field, in the order of the form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<(String, String)>);

/// A form as it is filled in.
pub struct Inputs<'a> {
    pub filled: &'a Fields,
    pub faults: &'a Faults,
}

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub field: &'a str,
    pub label: &'a str,
    pub hint: &'a str,
}

impl Faults {
    /// The first that is said of a field is the one that is read.
    pub fn add(&mut self, field: &str, said: String) {
        if self.of(field).is_none() {
            self.0.push((field.to_owned(), said));
        }
    }

    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, said)| said.as_str())
    }

    /// In the order of what this says of each field.
    pub fn ordered<K: Ord>(mut self, place: impl Fn(&str) -> K) -> Self {
        self.0.sort_by_key(|(field, _)| place(field));
        self
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong, above everything else, each with a way to where it is mended.
    pub fn summary(&self) -> Markup {
        html! {
            @if !self.is_empty() {
                div.nhsuk-error-summary aria-labelledby="error-summary-title" role="alert" tabindex="-1" {
                    h2.nhsuk-error-summary__title #error-summary-title { "There is a problem" }
                    div.nhsuk-error-summary__body {
                        ul.nhsuk-list.nhsuk-error-summary__list role="list" {
                            @for (field, said) in &self.0 {
                                li { @if field.is_empty() { (said) } @else { a href={ "#" (field) } { (said) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Inputs<'_> {
    pub fn text(&self, question: Question<'_>) -> Markup {
        let Question { field, .. } = question;
        self.group(question, &html! {
            input.nhsuk-input.nhsuk-input--error[self.faults.of(field).is_some()] #(field) name=(field) type="text" autocomplete="off"
                spellcheck="false" value=(self.filled.text(field)) aria-describedby=[self.described(question)];
        })
    }

    pub fn area(&self, question: Question<'_>, rows: u8) -> Markup {
        let Question { field, .. } = question;
        self.group(question, &html! {
            textarea.nhsuk-textarea.nhsuk-textarea--error[self.faults.of(field).is_some()] #(field) name=(field) rows=(rows)
                spellcheck="false" aria-describedby=[self.described(question)] { (self.filled.text(field)) }
        })
    }

    /// One of few words in a list that opens; an empty one is said by its own word.
    pub fn select(&self, question: Question<'_>, options: &[(String, String)]) -> Markup {
        let Question { field, .. } = question;
        let chosen = self.filled.text(field);
        self.group(
            question,
            &html! {
                select.nhsuk-select.nhsuk-select--error[self.faults.of(field).is_some()] #(field) name=(field)
                    aria-describedby=[self.described(question)] {
                    @for (value, said) in options { option value=(value) selected[value == chosen] { (said) } }
                }
            },
        )
    }

    /// One of few, all seen at once: value, what it says, and what it means.
    pub fn radios(&self, question: Question<'_>, options: &[(&str, &str, &str)]) -> Markup {
        let Question { field, .. } = question;
        let chosen = self.filled.text(field);
        self.set(question, &html! {
            div.nhsuk-radios {
                @for (at, (value, said, hint)) in options.iter().enumerate() {
                    // the summary's link leads to the first
                    @let id = if at == 0 { field.to_owned() } else { format!("{field}-{value}") };
                    div.nhsuk-radios__item {
                        input.nhsuk-radios__input #(id) name=(field) type="radio" value=(value) checked[*value == chosen]
                            aria-describedby=[(!hint.is_empty()).then(|| format!("{id}-item-hint"))];
                        label.nhsuk-label.nhsuk-radios__label for=(id) { (said) }
                        @if !hint.is_empty() { div.nhsuk-hint.nhsuk-radios__hint id={ (id) "-item-hint" } { (hint) } }
                    }
                }
            }
        })
    }

    /// Any of several: each a field of its own, `[field]-[value]`.
    pub fn checkboxes(&self, question: Question<'_>, options: &[(&str, String)]) -> Markup {
        let Question { field, .. } = question;
        self.set(
            question,
            &html! {
                div.nhsuk-checkboxes.nhsuk-checkboxes--small.caregate-columns {
                    @for (at, (value, said)) in options.iter().enumerate() {
                        @let name = format!("{field}-{value}");
                        @let id = if at == 0 { field.to_owned() } else { name.clone() };
                        div.nhsuk-checkboxes__item {
                            input.nhsuk-checkboxes__input #(id) name=(name) type="checkbox" value="yes"
                                checked[!self.filled.text(&name).is_empty()];
                            label.nhsuk-label.nhsuk-checkboxes__label for=(id) { (said) }
                        }
                    }
                }
            },
        )
    }

    fn group(&self, question: Question<'_>, input: &Markup) -> Markup {
        let Question { field, label, .. } = question;
        html! {
            div.nhsuk-form-group.nhsuk-form-group--error[self.faults.of(field).is_some()] {
                label.nhsuk-label for=(field) { (label) }
                (self.help(question))
                (input)
            }
        }
    }

    fn set(&self, question: Question<'_>, inputs: &Markup) -> Markup {
        let Question { field, label, .. } = question;
        html! {
            div.nhsuk-form-group.nhsuk-form-group--error[self.faults.of(field).is_some()] {
                fieldset.nhsuk-fieldset aria-describedby=[self.described(question)] {
                    legend.nhsuk-fieldset__legend.nhsuk-fieldset__legend--s { (label) }
                    (self.help(question))
                    (inputs)
                }
            }
        }
    }

    fn help(&self, Question { field, hint, .. }: Question<'_>) -> Markup {
        html! {
            @if !hint.is_empty() { div.nhsuk-hint id={ (field) "-hint" } { (hint) } }
            @if let Some(said) = self.faults.of(field) {
                span.nhsuk-error-message id={ (field) "-error" } {
                    span.nhsuk-u-visually-hidden { "Error: " } (said)
                }
            }
        }
    }

    fn described(&self, Question { field, hint, .. }: Question<'_>) -> Option<String> {
        let hint = (!hint.is_empty()).then(|| format!("{field}-hint"));
        let fault = self.faults.of(field).map(|_| format!("{field}-error"));
        let both: Vec<String> = hint.into_iter().chain(fault).collect();
        (!both.is_empty()).then(|| both.join(" "))
    }
}

pub fn asks<'a>(field: &'a str, label: &'a str, hint: &'a str) -> Question<'a> {
    Question { field, label, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_above_and_beside_and_what_was_typed_stays_as_text() {
        let mut filled = Fields::default();
        filled.set("name", "\"><script>alert(1)</script>");
        let mut faults = Faults::default();
        faults.add("name", "Name: <b>".to_owned());
        faults.add("name", "again".to_owned());
        let inputs = Inputs { filled: &filled, faults: &faults };
        let told = html! { (faults.summary()) (inputs.text(asks("name", "Name", "As on the door"))) }.into_string();
        assert!(
            told.contains("href=\"#name\"") && told.contains("aria-describedby=\"name-hint name-error\""),
            "{told}"
        );
        assert!(!told.contains("<script") && !told.contains("<b>") && !told.contains("again"), "{told}");
        let none = Faults::default();
        let told = Inputs { filled: &filled, faults: &none }.area(asks("note", "Note", ""), 3).into_string();
        assert!(none.summary().into_string().is_empty() && !told.contains("aria-describedby"), "{told}");
    }
}
