use cedar_policy::ffi::DetailedError;
use std::fmt;

/// What is wrong with a policy file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFault {
    /// The file's name, such as `reach.cedar`.
    pub file: String,
    /// `line 12` or `groups[2].roles[0]`; empty where the whole file is meant.
    pub place: String,
    pub problem: String,
}

impl PolicyFault {
    pub(super) fn new(file: &str, place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: place.into(), problem: problem.into() }
    }

    /// One of Cedar's own errors, at the line it points to.
    pub(super) fn in_text<'a, E>(file: &str, text: &str, error: &'a E) -> Self
    where
        E: ?Sized,
        DetailedError: From<&'a E>,
    {
        let error = DetailedError::from(error);
        let place = error.source_locations.first().map(|label| line_at(text, label.loc.start)).unwrap_or_default();
        let label = error.source_locations.into_iter().find_map(|label| label.label);
        let more = [label, error.help].into_iter().flatten().map(|text| format!(" ({text})")).collect::<String>();
        Self::new(file, place, error.message + &more)
    }
}

/// `line N` of this byte.
pub(super) fn line_at(text: &str, offset: usize) -> String {
    let before = text.as_bytes().iter().take(offset);
    format!("line {}", before.filter(|byte| **byte == b'\n').count() + 1)
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, problem } = self;
        if place.is_empty() { write!(f, "{file}: {problem}") } else { write!(f, "{file}, {place}: {problem}") }
    }
}

impl std::error::Error for PolicyFault {}
