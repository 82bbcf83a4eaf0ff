//! What a fuzzer's bytes decide. All zeros, or nothing, decide for what is plain and right, so that most of what is made gets
//! past a reader's first look; and a byte more or less changes one decision.

pub struct Dice<'a>(&'a [u8]);

const NUMBERS: [&str; 12] = [
    "0",
    "1.10",
    "-0",
    "1e3",
    "1E-7",
    "-2.50e+10",
    "12345678901234567890123",
    "0.000000000000000000001",
    "1e999",
    "01",
    "1.",
    "+1",
];
const WORDS: [&str; 12] =
    ["", "a", "\u{e9}\u{1f600}", "\"", "\\", "\n", "<b>", "final", "2024-05-01", "2024", "\u{2028}", "\u{7f}"];
const KEYS: [&str; 12] = [
    "note",
    "extension",
    "url",
    "reference",
    "attachment",
    "identifier",
    "contained",
    "meta",
    "subject",
    "id",
    "valueReference",
    "",
];
const SCRAPS: [&[u8]; 16] = [
    b"\"",
    b",",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\0",
    b"null",
    b" ",
    b"1",
];

impl<'a> Dice<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// One of `0..n`, for an n up to 256.
    pub fn below(&mut self, n: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % n
    }

    /// Seldom, and never once the bytes are used up.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    pub fn pick<'t, T: ?Sized>(&mut self, of: &[&'t T]) -> &'t T {
        of[self.below(of.len())]
    }

    /// A JSON string, written in one of the ways there are.
    pub fn text(&mut self, text: &str) -> String {
        let escaped = |c: char| {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
        };
        match self.below(16) {
            13 => format!("\"{}\"", text.chars().map(escaped).collect::<String>()),
            14 => {
                let mut rest = text.chars();
                let first = rest.next().map(escaped).unwrap_or_default();
                format!("\"{first}{}", serde_json::Value::from(rest.as_str()).to_string().split_off(1))
            }
            15 => serde_json::Value::from(text).to_string().replace('/', "\\/"),
            _ => serde_json::Value::from(text).to_string(),
        }
    }

    pub fn member(&mut self, key: &str, value: &str) -> String {
        let space = self.pick(&["", "", "", " ", "\r\n\t"]);
        format!("{}{space}:{space}{value}", self.text(key))
    }

    /// Any JSON value, and now and then none.
    pub fn value(&mut self) -> String {
        self.nested(5)
    }

    fn nested(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 4 } else { 10 }) {
            0 => {
                let word = self.pick(&WORDS);
                self.text(word)
            }
            1 => self.pick(&NUMBERS).to_owned(),
            2 => self.pick(&["true", "false", "null", "nul", "NaN"]).to_owned(),
            3 => {
                let deep = self.below(80);
                format!("{}{}{}", "[".repeat(deep), self.pick(&["", "1", "{}"]), "]".repeat(deep))
            }
            4..6 => {
                let items: Vec<_> = (0..self.below(4)).map(|_| self.nested(depth - 1)).collect();
                format!("[{}]", items.join(","))
            }
            _ => {
                let members: Vec<_> = (0..self.below(4))
                    .map(|_| {
                        let (key, value) = (self.pick(&KEYS), self.nested(depth - 1));
                        self.member(key, &value)
                    })
                    .collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }

    /// An object of these members: now and then in another order, with one twice, or with one nobody expects.
    pub fn object(&mut self, mut members: Vec<String>) -> String {
        if self.one_in(8) {
            let value = self.value();
            let key = self.pick(&KEYS);
            members.push(self.member(key, &value));
        }
        if self.one_in(16) && !members.is_empty() {
            let again = members[self.below(members.len())].clone();
            members.push(again);
        }
        if self.one_in(8) {
            members.reverse();
        }
        format!("{{{}}}", members.join(","))
    }

    /// The text as the wire may have spoilt it; mostly it has not.
    pub fn spoil(&mut self, mut text: Vec<u8>) -> Vec<u8> {
        for _ in 0..self.below(16).saturating_sub(12) {
            let at = (self.below(256) * 256 + self.below(256)) % (text.len() + 1);
            let until = (at + self.below(32)).min(text.len());
            match self.below(5) {
                0 => text.truncate(at),
                1 => drop(text.drain(at..until)),
                2 => {
                    let again = text[at..until].to_vec();
                    text.splice(at..at, again);
                }
                3 => drop(text.splice(at..at, self.pick(&SCRAPS).iter().copied()).collect::<Vec<_>>()),
                _ => text.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << self.below(8)),
            }
        }
        text
    }
}
