//! Cuts the name of a stage to a width, in the middle of what many names share: first the keys of a trial, then the
//! kind, then the rest. What tells stages apart is kept: the values of a trial, the seed of a repeat, the name's end.
//!
//! Knows how names are written; knows no terminal, and not the other names of a run (see `apart`).

use console::measure_text_width;

/// A name in at most `width` columns. Values are never cut, so a trial with many of them may be wider.
#[must_use]
pub(super) fn cut(name: &str, width: usize) -> String {
    let (stem, tail) = parts(name);
    let forms = || tails(tail).into_iter();
    let fits = |text: &String| measure_text_width(text) <= width;
    if let Some(whole) = forms().map(|tail| format!("{stem}{tail}")).find(fits) {
        return whole;
    }
    let shortest = forms().last().unwrap_or_default();
    let room = width.saturating_sub(measure_text_width(&shortest));
    format!("{}{shortest}", shorter(stem, room))
}

/// The stage in the file, and the rest: `train.base`, `[epochs=3]@1`.
fn parts(name: &str) -> (&str, &str) {
    name.split_at(name.find(['[', '@']).unwrap_or(name.len()))
}

/// The forms of `[learning-rate=0.01,epochs=3]`, from whole to the values alone.
fn tails(tail: &str) -> Vec<String> {
    const LONGEST: usize = 8;
    let Some((values, after)) = tail.strip_prefix('[').and_then(|tail| tail.split_once(']')) else {
        return vec![tail.to_owned()];
    };
    let with = |letters: usize| {
        let all = values.split(',').map(|value| match value.split_once('=') {
            Some((_, value)) if letters == 0 => value.to_owned(),
            Some((key, value)) if key.chars().count() > letters + 1 => {
                format!("{}…={value}", beginning(key, letters))
            }
            _ => value.to_owned(),
        });
        format!("[{}]{after}", all.collect::<Vec<_>>().join(","))
    };
    std::iter::once(tail.to_owned()).chain((0..=LONGEST).rev().map(with)).collect()
}

/// `exp….grad-cam`; in even less room, `explai…d-cam`.
fn shorter(stem: &str, room: usize) -> String {
    let own = stem.split_once('.').map_or("", |(_, own)| own);
    let kind = room.saturating_sub(own.chars().count() + "….".chars().count());
    if kind >= 3 && !own.is_empty() {
        return format!("{}….{own}", beginning(stem, kind));
    }
    let kept = room.saturating_sub(1).max(1);
    let count = stem.chars().count();
    let end: String = stem.chars().skip(count.saturating_sub(kept / 2)).collect();
    format!("{}…{end}", beginning(stem, kept - kept / 2))
}

fn beginning(text: &str, letters: usize) -> String {
    text.chars().take(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_trial_are_cut_and_its_values_are_not() {
        let name = "train.narrow[learning-rate=0.001,batch-size=16]";
        for (width, text) in [
            (47, name),
            (43, "train.narrow[learning…=0.001,batch-si…=16]"),
            (30, "train.narrow[le…=0.001,ba…=16]"),
            (24, "train.narrow[0.001,16]"),
            (19, "trai…rrow[0.001,16]"),
            (5, "t…[0.001,16]"),
        ] {
            assert_eq!(cut(name, width), text, "{width}");
        }
    }

    #[test]
    fn the_kind_gives_way_before_the_name() {
        assert_eq!(cut("explain.grad-cam", 16), "explain.grad-cam");
        assert_eq!(cut("explain.grad-cam", 14), "expl….grad-cam");
        assert_eq!(cut("explain.grad-cam", 10), "expla…-cam");
        assert_eq!(cut("explain.grad-cam@12", 16), "exp….grad-cam@12");
    }

    #[test]
    fn no_other_name_is_wider_than_it_may_be() {
        for name in ["explain.integrated-gradients-of-a-very-long-name", "x.y", "split.é", ""] {
            for width in 2..60 {
                assert!(measure_text_width(&cut(name, width)) <= width, "{name} {width}");
            }
        }
    }
}
