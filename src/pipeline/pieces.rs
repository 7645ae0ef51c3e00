//! Reads a long text in pieces, because the TOML reader needs about twenty times the memory of a text.
//!
//! A piece ends before a line that begins with `[`. If a piece is valid by itself, it ends outside of strings and
//! brackets, so the next one begins with the header of a table, and the pieces together equal the text. If a piece is
//! not valid, or two pieces define the same table, the text is read as a whole, which also reports the mistakes.

use toml::{
    Spanned,
    de::{DeTable, DeValue, Error},
};

use super::overrides::shift_table;

/// The size of a piece in bytes: more than most pipelines.
const PIECE: usize = 128 << 10;

/// The tables of a text and its errors, like [`DeTable::parse_recoverable`].
pub(super) fn read(text: &str) -> (Spanned<DeTable<'_>>, Vec<Error>) {
    match in_pieces(text, PIECE) {
        Some(tables) => (tables, Vec::new()),
        None => DeTable::parse_recoverable(text),
    }
}

fn in_pieces(text: &str, size: usize) -> Option<Spanned<DeTable<'_>>> {
    let pieces = split(text, size);
    if pieces.len() < 2 {
        return None;
    }
    let mut whole = DeTable::new();
    for piece in pieces {
        join(text, &mut whole, read_piece(piece)?)?;
    }
    Some(Spanned::new(0..0, whole))
}

/// Where each piece begins, and its text.
fn split(text: &str, size: usize) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    while let Some(rest) = text.get(begin..).filter(|rest| !rest.is_empty()) {
        let from = rest.ceil_char_boundary(size.min(rest.len()));
        let length = rest[from..].find("\n[").map_or(rest.len(), |found| from + found + 1);
        pieces.push((begin, &rest[..length]));
        begin += length;
    }
    pieces
}

fn read_piece((begin, text): (usize, &str)) -> Option<DeTable<'_>> {
    let (tables, errors) = DeTable::parse_recoverable(text);
    errors.is_empty().then(|| shift_table(tables.into_inner(), begin))
}

/// Adds the tables of a piece. `None` if another piece defines one of them.
fn join<'a>(text: &str, whole: &mut DeTable<'a>, piece: DeTable<'a>) -> Option<()> {
    for (key, value) in piece {
        if !whole.contains_key(key.get_ref().as_ref()) {
            whole.insert(key, value);
            continue;
        }
        let old = whole.get_mut(key.get_ref().as_ref())?;
        if !is_of_headers(text, old) || !is_of_headers(text, &value) {
            return None;
        }
        let (DeValue::Table(old), DeValue::Table(new)) = (old.get_mut(), value.into_inner()) else {
            return None;
        };
        for (name, table) in new {
            if old.insert(name, table).is_some() {
                return None;
            }
        }
    }
    Some(())
}

/// Whether a table has no header, and exists only because of the headers of tables in it. Its place is then that of its
/// name in the first of these headers.
fn is_of_headers(text: &str, table: &Spanned<DeValue<'_>>) -> bool {
    let at = table.span().start;
    !text[at..].starts_with(['[', '{']) && text[..at].trim_end_matches([' ', '\t']).ends_with('[')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All keys and values with their places.
    fn told(tables: &DeTable<'_>) -> Vec<String> {
        fn tell(path: &str, tables: &DeTable<'_>, all: &mut Vec<String>) {
            for (key, value) in tables {
                let path = format!("{path}.{}@{:?}", key.get_ref(), key.span());
                match value.get_ref() {
                    DeValue::Table(table) => {
                        all.push(format!("{path} {:?}", value.span()));
                        tell(&path, table, all);
                    }
                    plain => all.push(format!("{path} = {plain:?} {:?}", value.span())),
                }
            }
        }
        let mut all = Vec::new();
        tell("", tables, &mut all);
        all
    }

    /// Reads a text in pieces, if that is possible, and checks that the result equals that of the whole.
    fn read_twice(text: &str, size: usize) -> bool {
        let Some(pieces) = in_pieces(text, size) else { return false };
        let (whole, errors) = DeTable::parse_recoverable(text);
        assert!(errors.is_empty(), "{errors:?} in\n{text}");
        assert_eq!(told(pieces.get_ref()), told(whole.get_ref()), "{text}");
        assert_eq!(pieces.span(), whole.span());
        true
    }

    #[test]
    fn pieces_together_equal_the_text() {
        let text = "# ä\nextends = 'x'\n[pipeline]\nseed = 1\n[ train.a]\nx = 1\n[split.b] # b\ny = [\n[1],\n]\n\
                    [train.c]\nz = { q = '''\n[train.d]\n''' }\n[train.c.deep]\nk = 1\n[evaluate.e]\n";
        let sizes = (1..text.len()).filter(|size| read_twice(text, *size)).count();
        assert!(sizes > 10, "{sizes} sizes that cut no array and no string");
    }

    #[test]
    fn a_text_that_cannot_be_split_is_read_as_a_whole() {
        let texts = [
            "[a.b]\nx = 1\n[a.b]\ny = 1\n",
            "[a.b]\nx = 1\n[a.b.c]\ny = 1\n",
            "[a]\n[a.b]\n[a]\n",
            "[a]\nx = 1\n[a]\ny = 1\n",
            "a = { b = {} }\n[a.c]\n",
            "a.b.c = 1\n[a.d]\n",
            "[[a]]\n[[a]]\n",
            "[a]\nx = '''\n[b]\n'''\n",
            "[a]\nx = [\n[1]]\n",
            "[a]\nx = \n[b]\n",
        ];
        for text in texts {
            assert!(in_pieces(text, 1).is_none(), "{text}");
        }
        for text in ["", "[a]", "x = 1", "[a]\n\n"] {
            assert!(in_pieces(text, 1).is_none(), "one piece: {text}");
        }
    }

    fn lines() -> impl Strategy<Value = Vec<String>> {
        let header = ("[ab]", prop::option::of("[ab]"), prop::option::of("[ab]"));
        let header = header.prop_map(|(one, two, three)| {
            let path: Vec<String> = [Some(one), two, three].into_iter().flatten().collect();
            format!("[{}]", path.join("."))
        });
        let line = prop_oneof![
            4 => header,
            4 => "[a-d] = [0-9]",
            1 => "[ab]\\.[ab] = 1",
            1 => prop::sample::select(vec!["x = [", "[1],", "]", "s = '''", "'''", "[[a]]", "# [a]", "t = { u = 1 }", "\u{e4} = 1"])
                .prop_map(str::to_owned),
        ];
        prop::collection::vec(line, 0..14)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn pieces_of_any_text_equal_the_text(lines in lines(), size in 1_usize..60) {
            read_twice(&lines.join("\n"), size);
        }
    }
}
