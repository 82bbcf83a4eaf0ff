use super::tape::Node;
use super::{Tape, text};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// One value of a text that was read whole: a place on the tape, free to copy.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    source: &'a str,
    nodes: &'a [Node],
    at: u32,
    node: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

impl<'a> Value<'a> {
    /// The value a tape holds. A tape that holds none gives `null`, with an empty span.
    pub(in crate::fhir) fn root(source: &'a str, tape: &'a Tape) -> Self {
        let nothing = Node { start: 0, end: 0, next: 0, kind: Kind::Null, escaped: false };
        let node = tape.nodes.first().copied().unwrap_or(nothing);
        Self { source, nodes: &tape.nodes, at: 0, node }
    }

    pub fn kind(self) -> Kind {
        self.node.kind
    }

    /// Where it stands in the source text, in bytes.
    pub fn span(self) -> Range<usize> {
        self.node.start as usize..self.node.end as usize
    }

    /// Exactly as the source wrote it, quotes and spaces included.
    pub fn raw(self) -> &'a [u8] {
        self.raw_str().as_bytes()
    }

    pub fn raw_str(self) -> &'a str {
        self.source.get(self.span()).unwrap_or_default()
    }

    /// A string's text, unescaped; `None` for any other kind.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        (self.kind() == Kind::String).then(|| text::of(self.source, &self.node))
    }

    pub fn as_bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// The member with this key; `None` where there is none, and for anything but an object.
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        let mut members = self.members();
        while let Some((node, value)) = members.advance() {
            // escapes only ever make a text shorter
            let same = if node.escaped {
                text::of(self.source, &node) == key
            } else {
                text::inside(self.source, &node) == key
            };
            if same {
                return Some(value);
            }
        }
        None
    }

    /// `get` and `as_str` in one, for what is nearly always asked.
    pub fn text(self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.as_str()
    }

    /// An object's members in the source's order; none for any other kind.
    pub fn members(self) -> Members<'a> {
        Members(self.inner(Kind::Object))
    }

    /// An array's items; none for any other kind.
    pub fn items(self) -> Items<'a> {
        Items(self.inner(Kind::Array))
    }

    /// Calls `visit` with every value at a dotted path of elements, going into each item of arrays on the way:
    /// `participant.actor` visits the actor of every participant.
    pub fn each(self, path: &str, visit: &mut dyn FnMut(Value<'a>)) {
        if self.kind() == Kind::Array {
            // arrays of arrays are no FHIR, and are not gone into: this recursion is as deep as the path is long
            return self.items().filter(|i| i.kind() != Kind::Array).for_each(|i| i.each(path, visit));
        }
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        match self.get(first) {
            None => {}
            Some(value) if !rest.is_empty() => value.each(rest, visit),
            Some(value) if value.kind() == Kind::Array => value.items().for_each(visit),
            Some(value) => visit(value),
        }
    }

    /// Every object in here, itself included, in the source's order and however deep: one pass over the tape.
    pub fn objects(self) -> impl Iterator<Item = Value<'a>> {
        let Self { source, nodes, at, node } = self;
        let end = if matches!(node.kind, Kind::Object | Kind::Array) { node.next } else { at };
        let inside = nodes.get(at as usize..end as usize).unwrap_or_default().iter();
        let objects = (at..end).zip(inside).filter(|(_, node)| node.kind == Kind::Object);
        objects.map(move |(at, node)| Value { source, nodes, at, node: *node })
    }

    /// A cursor over what is inside, or over nothing if the kind is another.
    fn inner(self, kind: Kind) -> Cursor<'a> {
        let end = if self.kind() == kind { self.node.next } else { 0 };
        Cursor { source: self.source, nodes: self.nodes, at: self.at + 1, end }
    }
}

/// It shows where, never what: values are patients' records.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({:?} at {:?})", self.kind(), self.span())
    }
}

#[derive(Clone)]
struct Cursor<'a> {
    source: &'a str,
    nodes: &'a [Node],
    at: u32,
    end: u32,
}

impl<'a> Cursor<'a> {
    fn advance(&mut self) -> Option<Value<'a>> {
        if self.at >= self.end {
            return None;
        }
        let node = *self.nodes.get(self.at as usize)?;
        let value = Value { source: self.source, nodes: self.nodes, at: self.at, node };
        self.at = node.next;
        Some(value)
    }
}

#[derive(Clone)]
pub struct Members<'a>(Cursor<'a>);

impl<'a> Members<'a> {
    fn advance(&mut self) -> Option<(Node, Value<'a>)> {
        let key = self.0.advance()?;
        Some((key.node, self.0.advance()?))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.advance()?;
        Some((text::of(value.source, &key), value))
    }
}

#[derive(Clone)]
pub struct Items<'a>(Cursor<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.advance()
    }
}
