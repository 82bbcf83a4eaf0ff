//! Strict JSON (RFC 8259) read in place: a flat [`Tape`] of spans over the source's own bytes, no tree and no copies,
//! so that what a provider said can be passed on byte for byte, `1.10` and seventeen digits included.
//!
//! Promises: what is read without a fault is one JSON text, wholly valid UTF-8, without a byte order mark, NUL, lone
//! surrogate or duplicate key, no deeper and no larger than its [`Limits`]. A reader that took the last of two
//! `subject`s would let a provider hide one; so every object is held to distinct keys, compared as unescaped.
//! No input overflows the stack. A fault tells where, never what.

mod reader;
mod tape;
mod text;
mod value;

#[cfg(test)]
mod tests;

pub(super) use reader::Reader;
pub use tape::Tape;
pub use value::{Items, Kind, Members, Value};

/// What one answer may cost. `nodes` is spent as values are read: keep one `Limits` for all pages of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many objects and arrays may be open at once.
    pub depth: u32,
    /// How many values and keys may still be read.
    pub nodes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, nodes: 2_000_000 }
    }
}

/// Why a text was not read; the number is the byte where it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    #[error("it begins with a byte order mark")]
    Bom,
    #[error("it is not UTF-8 at byte {0}")]
    Utf8(usize),
    #[error("it is longer than 4 GiB")]
    TooLong,
    #[error("it ends before its value does")]
    Truncated,
    #[error("it is not JSON at byte {0}")]
    Syntax(usize),
    #[error("there is no such number at byte {0}")]
    Number(usize),
    #[error("a string holds a bare control character at byte {0}")]
    ControlCharacter(usize),
    #[error("there is no such escape at byte {0}")]
    Escape(usize),
    #[error("half of a surrogate pair stands alone at byte {0}")]
    LoneSurrogate(usize),
    #[error("a string holds NUL at byte {0}")]
    Nul(usize),
    #[error("an object has the same key twice at byte {0}")]
    DuplicateKey(usize),
    #[error("it is nested too deep at byte {0}")]
    TooDeep(usize),
    #[error("it holds too many values at byte {0}")]
    TooManyNodes(usize),
    #[error("something follows its value at byte {0}")]
    Trailing(usize),
}

/// Reads one JSON text. The tape's buffers are used again, what it held is gone.
pub fn parse<'a>(bytes: &'a [u8], limits: &mut Limits, tape: &'a mut Tape) -> Result<Value<'a>, JsonFault> {
    let mut reader = Reader::new(bytes)?;
    reader.value(limits, 0, tape)?;
    reader.end()?;
    Ok(Value::root(reader.source(), tape))
}
