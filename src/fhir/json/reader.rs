use super::tape::{Node, Open};
use super::{JsonFault, Kind, Limits, Tape, text};
use std::borrow::Cow;
use std::collections::HashSet;

/// A place in a JSON text, and the one loop that reads a value from there.
pub struct Reader<'a> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// The whole text is checked to be UTF-8 here, once.
    pub fn new(bytes: &'a [u8]) -> Result<Self, JsonFault> {
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(JsonFault::Bom);
        }
        if u32::try_from(bytes.len()).is_err() {
            return Err(JsonFault::TooLong);
        }
        let source = std::str::from_utf8(bytes).map_err(|e| JsonFault::Utf8(e.valid_up_to()))?;
        Ok(Self { source, bytes, at: 0 })
    }

    pub fn source(&self) -> &'a str {
        self.source
    }

    /// The next byte that is no white space, not consumed.
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                other => return Some(*other),
            }
        }
        None
    }

    /// Consumes `byte` if it comes next.
    pub fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// What is wrong where something else should come next.
    pub fn unexpected(&mut self) -> JsonFault {
        if self.peek().is_none() { JsonFault::Truncated } else { JsonFault::Syntax(self.at) }
    }

    /// Nothing but white space may be left.
    pub fn end(&mut self) -> Result<(), JsonFault> {
        if self.peek().is_none() { Ok(()) } else { Err(JsonFault::Trailing(self.at)) }
    }

    /// Reads a member's key with its colon; answers where the key began, and its text.
    pub fn member(&mut self, limits: &mut Limits) -> Result<(usize, Cow<'a, str>), JsonFault> {
        let key = self.key(limits)?;
        Ok((start(&key), text::of(self.source, &key)))
    }

    /// Reads one value onto the tape, which is cleared first; `outer` containers are open around it.
    pub fn value(&mut self, limits: &mut Limits, outer: u32, tape: &mut Tape) -> Result<(), JsonFault> {
        tape.clear();
        let Tape { nodes, open } = tape;
        loop {
            let first = self.peek();
            let start = self.at;
            spend(limits, start)?;
            let kind = match first {
                Some(b'{') => Kind::Object,
                Some(b'[') => Kind::Array,
                Some(b'"') => Kind::String,
                Some(b't') => Kind::True,
                Some(b'f') => Kind::False,
                Some(b'n') => Kind::Null,
                Some(b'-' | b'0'..=b'9') => Kind::Number,
                _ => return Err(self.unexpected()),
            };
            let index = small(nodes.len());
            let mut node = Node { start: small(start), end: 0, next: index + 1, kind, escaped: false };
            match kind {
                Kind::Object | Kind::Array => {
                    self.at += 1;
                    if small(open.len()) + outer >= limits.depth {
                        return Err(JsonFault::TooDeep(start));
                    }
                    let object = kind == Kind::Object;
                    open.push(Open { node: index, object });
                    nodes.push(node);
                    let empty = self.peek() == Some(if object { b'}' } else { b']' });
                    if !empty {
                        if object {
                            nodes.push(self.key(limits)?.at(index + 1));
                        }
                        continue;
                    }
                }
                Kind::String => node.escaped = self.string()?,
                Kind::Number => self.number()?,
                Kind::True => self.word(b"true")?,
                Kind::False => self.word(b"false")?,
                Kind::Null => self.word(b"null")?,
            }
            if !matches!(kind, Kind::Object | Kind::Array) {
                node.end = small(self.at);
                nodes.push(node);
            }
            // a value has ended; so may any number of containers with it
            loop {
                let Some(Open { node, object }) = open.last().copied() else { return Ok(()) };
                match (self.peek(), object) {
                    (Some(b','), false) => {
                        self.at += 1;
                        break;
                    }
                    (Some(b','), true) => {
                        self.at += 1;
                        let index = small(nodes.len());
                        nodes.push(self.key(limits)?.at(index));
                        break;
                    }
                    (Some(b']'), false) | (Some(b'}'), true) => {
                        self.at += 1;
                        open.pop();
                        let next = small(nodes.len());
                        if let Some(closed) = nodes.get_mut(node as usize) {
                            closed.end = small(self.at);
                            closed.next = next;
                        }
                        if object {
                            distinct(self.source, nodes, node)?;
                        }
                    }
                    _ => return Err(self.unexpected()),
                }
            }
        }
    }

    fn key(&mut self, limits: &mut Limits) -> Result<Node, JsonFault> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected());
        }
        let start = self.at;
        spend(limits, start)?;
        let escaped = self.string()?;
        let node = Node { start: small(start), end: small(self.at), next: 0, kind: Kind::String, escaped };
        if self.take(b':') { Ok(node) } else { Err(self.unexpected()) }
    }

    /// From the opening quote past the closing one; answers whether there are escapes.
    fn string(&mut self) -> Result<bool, JsonFault> {
        self.at += 1;
        let mut escaped = false;
        loop {
            while let Some(chunk) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
                let mask = noteworthy(u64::from_le_bytes(*chunk));
                if mask != 0 {
                    self.at += mask.trailing_zeros() as usize / 8;
                    break;
                }
                self.at += 8;
            }
            match self.bytes.get(self.at) {
                None => return Err(JsonFault::Truncated),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at = text::check_escape(self.bytes, self.at)?;
                }
                Some(..0x20) => return Err(JsonFault::ControlCharacter(self.at)),
                Some(_) => self.at += 1,
            }
        }
    }

    /// By RFC 8259's grammar; how large or how long it is does not matter, for its digits are kept as they are.
    fn number(&mut self) -> Result<(), JsonFault> {
        let start = self.at;
        self.at += usize::from(self.next_is(b"-"));
        if self.next_is(b"0") {
            self.at += 1;
        } else {
            self.digits(start)?;
        }
        if self.next_is(b".") {
            self.at += 1;
            self.digits(start)?;
        }
        if self.next_is(b"eE") {
            self.at += 1;
            self.at += usize::from(self.next_is(b"+-"));
            self.digits(start)?;
        }
        if self.bytes.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || b".+-".contains(b)) {
            return Err(JsonFault::Number(start));
        }
        Ok(())
    }

    fn digits(&mut self, start: usize) -> Result<(), JsonFault> {
        let from = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        match self.at {
            at if at > from => Ok(()),
            at if at == self.bytes.len() => Err(JsonFault::Truncated),
            _ => Err(JsonFault::Number(start)),
        }
    }

    fn next_is(&self, any: &[u8]) -> bool {
        self.bytes.get(self.at).is_some_and(|b| any.contains(b))
    }

    fn word(&mut self, word: &[u8]) -> Result<(), JsonFault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        Err(if word.starts_with(rest) { JsonFault::Truncated } else { JsonFault::Syntax(self.at) })
    }
}

impl Node {
    fn at(self, index: u32) -> Self {
        Self { next: index + 1, ..self }
    }
}

/// The high bit of each byte that ends a string or needs a look: `"`, `\` and control characters. A borrow may mark
/// bytes above a true one, never below it, and only the lowest is used.
fn noteworthy(chunk: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 0x80;
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    let control = chunk.wrapping_sub(ONES * 0x20) & !chunk;
    (zero(chunk ^ (ONES * u64::from(b'"'))) | zero(chunk ^ (ONES * u64::from(b'\\'))) | control) & HIGH
}

/// Up to this many keys are compared each with each, which beats hashing them; past it the cost would be quadratic.
const FEW: usize = 16;

fn distinct(source: &str, nodes: &[Node], object: u32) -> Result<(), JsonFault> {
    let mut few = [""; FEW];
    for (seen, key) in keys(nodes, object).enumerate() {
        let Some(room) = few.get_mut(seen).filter(|_| !key.escaped) else {
            return distinct_among_many(source, nodes, object);
        };
        *room = text::inside(source, key);
        let text = *room;
        if few.iter().take(seen).any(|earlier| *earlier == text) {
            return Err(JsonFault::DuplicateKey(start(key)));
        }
    }
    Ok(())
}

#[cold]
fn distinct_among_many(source: &str, nodes: &[Node], object: u32) -> Result<(), JsonFault> {
    let mut seen = HashSet::new();
    match keys(nodes, object).find(|key| !seen.insert(text::of(source, key))) {
        Some(twice) => Err(JsonFault::DuplicateKey(start(twice))),
        None => Ok(()),
    }
}

fn keys(nodes: &[Node], object: u32) -> impl Iterator<Item = &Node> {
    let end = nodes.get(object as usize).map_or(0, |o| o.next);
    let mut at = object + 1;
    std::iter::from_fn(move || {
        let key = nodes.get(at as usize).filter(|_| at < end)?;
        at = nodes.get(at as usize + 1)?.next;
        Some(key)
    })
}

fn spend(limits: &mut Limits, at: usize) -> Result<(), JsonFault> {
    limits.nodes = limits.nodes.checked_sub(1).ok_or(JsonFault::TooManyNodes(at))?;
    Ok(())
}

fn start(node: &Node) -> usize {
    node.start as usize
}

/// Lengths were checked to fit when the reader was made, and no value has more nodes than bytes.
#[expect(clippy::cast_possible_truncation, reason = "`Reader::new` refuses more than u32::MAX bytes")]
fn small(number: usize) -> u32 {
    number as u32
}
