use super::Kind;

/// One value's nodes in document order, and the parser's own stack; both keep their room from value to value.
#[derive(Debug, Default)]
pub struct Tape {
    pub(super) nodes: Vec<Node>,
    pub(super) open: Vec<Open>,
}

/// An object's node is followed by its members', each a key (a string node) and the value's nodes; an array's by its
/// items'. `next` leads past all of them, so that skipping a subtree costs nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub start: u32,
    pub end: u32,
    pub next: u32,
    pub kind: Kind,
    /// Whether a string has a `\` in it; one without is its own text.
    pub escaped: bool,
}

/// A container whose end has not been reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub node: u32,
    pub object: bool,
}

impl Tape {
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the value and keeps the room.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.open.clear();
    }
}

// a megabyte of `[[[]]]` costs sixteen times its size, and no more
const _: () = assert!(size_of::<Node>() == 16);
