use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// The name of one log: one per configured node, written by that node alone. It ends a checkpoint's origin line, so it
/// holds nothing that a URL or a file name would trip over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogId(Arc<str>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a log id is 1 to 40 of a-z, 0-9, '-', '_' and '.'")]
pub struct InvalidLogId;

impl LogId {
    pub fn parse(text: &str) -> Result<Self, InvalidLogId> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
        let held = (1..=40).contains(&text.len()) && text.bytes().all(good) && !text.starts_with('.');
        held.then(|| Self(text.into())).ok_or(InvalidLogId)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for LogId {
    type Error = InvalidLogId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<LogId> for String {
    fn from(id: LogId) -> Self {
        id.0.as_ref().to_owned()
    }
}
