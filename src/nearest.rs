//! "Did you mean": the known word that is most similar to a given one.

/// The candidate that is most similar to `word`, if one is similar enough.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| {
            let shorter = candidate.chars().count().min(word.chars().count());
            // At least one letter must be the same.
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
