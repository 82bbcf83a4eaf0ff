//! Just enough of Rust's grammar to see what a source file uses: comments, texts and tests are taken away first.

use std::collections::BTreeSet;

pub struct Code {
    /// Without comments, the insides of strings, and what is only there for tests.
    pub text: String,
    /// `x` of each `#[cfg(test)] mod x;`: files of their own that are tests altogether.
    pub test_modules: Vec<String>,
}

pub fn code(source: &str) -> Code {
    let mut text = without_comments_and_texts(source);
    let mut test_modules = Vec::new();
    const TEST: &str = "#[cfg(test)]";
    while let Some(start) = text.find(TEST) {
        let end = start + TEST.len() + item_length(&text[start + TEST.len()..]);
        let item = text[start + TEST.len()..end].to_owned();
        let name = item.trim_end_matches(';').rsplit_once("mod ").map(|(_, name)| name.trim());
        test_modules.extend(name.filter(|name| item.ends_with(';') && is_name(name)).map(str::to_owned));
        text.replace_range(start..end, "");
    }
    Code { text, test_modules }
}

/// The modules below the crate's root that are named: by `crate::`, or by as many `super::` as the file is deep.
pub fn parts(code: &str, depth: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for root in ["crate::".to_owned(), "super::".repeat(depth)] {
        for (at, _) in code.match_indices(&root) {
            let whole = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if whole {
                names(code[at + root.len()..].trim_start(), &mut found);
            }
        }
    }
    found
}

pub fn names_crate(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path)
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

/// The first name of a path, or of each path in a group of them.
fn names(path: &str, found: &mut BTreeSet<String>) {
    let Some(group) = path.strip_prefix('{') else {
        found.insert(path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        return;
    };
    let mut depth = 0;
    let mut member = String::new();
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names(std::mem::take(&mut member).trim(), found);
                continue;
            }
            _ => {}
        }
        member.push(c);
    }
    names(member.trim(), found);
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// How far the item (with its attributes) reaches: to its `;`, or to the end of its block.
fn item_length(text: &str) -> usize {
    let (mut braces, mut brackets) = (0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets -= 1,
            '{' => braces += 1,
            '}' => braces -= 1,
            ';' if braces == 0 && brackets == 0 => return at + 1,
            _ => {}
        }
        if c == '}' && braces == 0 && brackets == 0 && !text[at + 1..].trim_start().starts_with(';') {
            return at + 1;
        }
    }
    text.len()
}

fn without_comments_and_texts(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = string(rest).filter(|_| !out.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        {
            out.push_str("\"\"");
            length
        } else if let Some(length) = character(rest) {
            out.push_str("' '");
            length
        } else {
            out.push(c);
            c.len_utf8()
        };
        rest = &rest[taken..];
    }
    out
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let here = &text.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += 1;
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

/// The length of the string literal that begins here: plain, byte, or raw with any number of `#`.
fn string(text: &str) -> Option<usize> {
    let unprefixed = text.strip_prefix('b').unwrap_or(text);
    let prefix = text.len() - unprefixed.len();
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.chars().take_while(|c| *c == '#').count();
        let inside = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(prefix + 1 + hashes + 1 + inside.find(&end).map_or(inside.len(), |at| at + end.len()));
    }
    let inside = unprefixed.strip_prefix('"')?;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            '"' if !escaped => return Some(prefix + 1 + at + 1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Some(text.len())
}

/// The length of the character literal that begins here; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let first = inside.chars().next()?;
    if first == '\\' {
        let end = inside[2..].find('\'')?;
        return Some(1 + 2 + end + 1);
    }
    inside[first.len_utf8()..].starts_with('\'').then(|| 1 + first.len_utf8() + 1)
}
