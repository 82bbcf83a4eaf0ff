//! What an objection says, in words.

use crate::access::{DataPeriod, Matter, Recipient, Terms};

pub(super) fn in_words(terms: &Terms) -> String {
    let Terms { covers, except, from, until, not_even_in_an_emergency } = terms;
    let mut text = format!("The patient objects to sharing {}", matter(covers));
    for exception in except {
        text.push_str(&format!(", except {}", matter(exception)));
    }
    text.extend(from.map(|from| format!(", from {}", from.fhir())));
    text.extend(until.map(|until| format!(", until {}", until.fhir())));
    if *not_even_in_an_emergency {
        text.push_str(", not even in an emergency");
    }
    text + "."
}

fn matter(matter: &Matter) -> String {
    let Matter { recipients, sources, types, kinds, sensitivities, data } = matter;
    let what: Vec<&str> = types.iter().chain(kinds).map(String::as_str).collect();
    let mut text = if what.is_empty() { "everything".to_owned() } else { what.join(", ") };
    if !sensitivities.is_empty() {
        text.push_str(&format!(" that is marked {}", sensitivities.join(" or ")));
    }
    if !sources.is_empty() {
        let sources: Vec<&str> = sources.iter().map(|source| source.as_str()).collect();
        text.push_str(&format!(" written by {}", sources.join(" or ")));
    }
    if let Some(DataPeriod { from, until }) = data {
        text.push_str(" dated");
        text.extend(from.map(|from| format!(" from {}", from.fhir())));
        text.extend(until.map(|until| format!(" until {}", until.fhir())));
    }
    if !recipients.is_empty() {
        let names = recipients.iter().map(|recipient| match recipient {
            Recipient::Organisation(ods) => ods.to_string(),
            Recipient::Person(user) => format!("user {user}"),
        });
        text.push_str(&format!(" with {}", names.collect::<Vec<_>>().join(" or ")));
    }
    text
}
