//! "Did you mean": the known word that is most like the one somebody wrote.

/// The candidate most like `word`, if any is close enough to be what was meant.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| {
            let shorter = candidate.chars().count().min(word.chars().count());
            // Of a word of one letter nothing would be left.
            let differs = *distance < shorter || word.eq_ignore_ascii_case(candidate);
            differs && *distance <= 1 + shorter / 4
        })
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_close() {
        assert_eq!(nearest("epoch", ["epochs", "seed"]), Some("epochs"));
        assert_eq!(nearest("batchsize", ["batch-size", "epochs"]), Some("batch-size"));
        assert_eq!(nearest("q", ["n", "seed"]), None, "any letter is one away from any other");
        assert_eq!(nearest("x", ["X"]), Some("X"));
        assert_eq!(nearest("lr", ["rl"]), Some("rl"));
        assert_eq!(nearest("momentum", ["epochs", "seed"]), None);
    }
}
