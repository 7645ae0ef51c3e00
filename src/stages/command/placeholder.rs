//! Placeholders in the words of a command: `{predictions}`, `{artifacts.table}`.
//!
//! Only names in braces are placeholders, so that awk's `{ print $1 }`, the shell's `${HOME}` and JSON do not change.
//! `{{name}}` becomes `{name}`.

/// What replaces a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port<'a> {
    /// The path of an input.
    Input(&'a str),
    /// The path of an artifact.
    Artifact(&'a str),
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Plain text.
    Text(&'a str),
    /// A placeholder.
    Port(Port<'a>),
}

/// The pieces of a word, in order.
#[must_use]
pub fn pieces(word: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut rest, mut from) = (word, 0);
    while let Some(open) = rest[from..].find('{').map(|at| at + from) {
        let Some((name, end)) = name_in_braces(rest, open) else {
            from = open + 1;
            continue;
        };
        let escaped = rest[..open].ends_with('{') && rest[end..].starts_with('}');
        if escaped {
            // `{{name}}`: without the outer braces.
            pieces.push(Piece::Text(&rest[..open - 1]));
            pieces.push(Piece::Text(&rest[open..end]));
            (rest, from) = (&rest[end + 1..], 0);
        } else if rest[..open].ends_with('$') {
            from = end;
        } else {
            pieces.push(Piece::Text(&rest[..open]));
            pieces.push(Piece::Port(match name.strip_prefix("artifacts.") {
                Some(name) => Port::Artifact(name),
                None => Port::Input(name),
            }));
            (rest, from) = (&rest[end..], 0);
        }
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

/// The name in the braces that open at `open`, and where they end; `None` if it is not a name.
fn name_in_braces(text: &str, open: usize) -> Option<(&str, usize)> {
    let inner = &text[open + 1..];
    let name = &inner[..inner.find('}')?];
    let letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(letter);
    is_name.then(|| (name, open + name.len() + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(word: &str) -> String {
        let piece = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => (*text).to_owned(),
            Piece::Port(Port::Input(name)) => format!("<{name}>"),
            Piece::Port(Port::Artifact(name)) => format!("<out {name}>"),
        };
        pieces(word).iter().map(piece).collect()
    }

    #[test]
    fn names_in_braces_are_placeholders_and_nothing_else_is() {
        for (word, expected) in [
            ("{x}", "<x>"),
            ("--in={x.csv}:{artifacts.t-1}!", "--in=<x.csv>:<out t-1>!"),
            ("awk '{ print $1 }{y}'", "awk '{ print $1 }<y>'"),
            ("{\"a\": {}}", "{\"a\": {}}"),
            ("${HOME} $${x}", "${HOME} $${x}"),
            ("{{print}} {{{x}}}", "{print} {{x}}"),
            ("a{{x}", "a{<x>"),
            ("{x", "{x"),
            ("{1}x{}", "{1}x{}"),
            ("{ä}{x}", "{ä}<x>"),
            ("", ""),
        ] {
            assert_eq!(shown(word), expected, "{word}");
        }
    }
}
