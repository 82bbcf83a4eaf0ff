//! What parts the values of a parameter, and how a value may hold it all the same:
//! <https://hl7.org/fhir/R4/search.html#escaping>

/// The parts between the separators that no backslash stands before, still escaped.
pub fn split(text: &str, separator: char) -> Vec<&str> {
    let mut escaped = false;
    let parts = text.split(|c| {
        let parts = c == separator && !escaped;
        escaped = c == '\\' && !escaped;
        parts
    });
    parts.collect()
}

/// `None` where a backslash stands before anything but `\`, `,`, `|` and `$`.
pub fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        plain.push(if c == '\\' { rest.next().filter(|c| r"\,|$".contains(*c))? } else { c });
    }
    Some(plain)
}

pub fn escape(plain: &str) -> String {
    let mut text = String::with_capacity(plain.len());
    for c in plain.chars() {
        if r"\,|$".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}
