use super::JsonFault;
use super::tape::Node;
use std::borrow::Cow;

/// What stands between a string's quotes, escapes and all.
pub fn inside<'a>(source: &'a str, node: &Node) -> &'a str {
    source.get(node.start as usize + 1..(node.end as usize).saturating_sub(1)).unwrap_or_default()
}

/// A string's text, copied only if it has escapes.
pub fn of<'a>(source: &'a str, node: &Node) -> Cow<'a, str> {
    let inside = inside(source, node);
    if node.escaped { Cow::Owned(unescape(inside)) } else { Cow::Borrowed(inside) }
}

/// Checks the escape whose `\` is at `at`; answers where the string goes on.
pub fn check_escape(bytes: &[u8], at: usize) -> Result<usize, JsonFault> {
    match bytes.get(at + 1) {
        None => Err(JsonFault::Truncated),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match unit(bytes, at)? {
            0 => Err(JsonFault::Nul(at)),
            0xDC00..=0xDFFF => Err(JsonFault::LoneSurrogate(at)),
            0xD800..=0xDBFF => {
                let low = bytes.get(at + 6..at + 8) == Some(b"\\u".as_slice())
                    && matches!(unit(bytes, at + 6), Ok(0xDC00..=0xDFFF));
                if low { Ok(at + 12) } else { Err(JsonFault::LoneSurrogate(at)) }
            }
            _ => Ok(at + 6),
        },
        Some(_) => Err(JsonFault::Escape(at)),
    }
}

/// The four hexadecimal digits of the `\u` at `at`.
fn unit(bytes: &[u8], at: usize) -> Result<u32, JsonFault> {
    let digits = bytes.get(at + 2..at + 6).ok_or(JsonFault::Truncated)?;
    digits.iter().try_fold(0, |sum, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(JsonFault::Escape(at))?;
        Ok(sum * 16 + digit)
    })
}

/// Only for what `check_escape` has passed: an escape it would refuse is dropped here.
fn unescape(inside: &str) -> String {
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut after = escape.chars();
        match after.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let (units, length) = match hex(escape) {
                    Some(high @ 0xD800..=0xDBFF) => ([Some(high), escape.get(6..).and_then(hex)], 11),
                    unit => ([unit, None], 5),
                };
                text.extend(char::decode_utf16(units.into_iter().flatten()).flatten());
                rest = escape.get(length..).unwrap_or_default();
                continue;
            }
            Some(itself) => text.push(itself),
            None => {}
        }
        rest = after.as_str();
    }
    text.push_str(rest);
    text
}

/// Of `u0041...`.
fn hex(escape: &str) -> Option<u16> {
    u16::from_str_radix(escape.get(1..5)?, 16).ok()
}
