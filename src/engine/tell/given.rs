//! The options of the command line, for messages that suggest another command for the same pipeline.
//!
//! Knows words and shells; knows neither pipelines nor stores.

use std::path::PathBuf;

/// The options given besides the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// `--set`, in order.
    pub set: Vec<String>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--store`.
    pub store: Option<PathBuf>,
    /// `--remote`.
    pub remote: Option<String>,
}

impl Given {
    /// All options, with a space before each word: ` --set train.a.epochs=3 --store /cache`.
    #[must_use]
    pub fn words(&self) -> String {
        let set: String = self.set.iter().map(|set| format!(" --set {}", quoted(set))).collect();
        let remote = self.remote.iter().map(|remote| format!(" --remote {}", quoted(remote)));
        set + &self.places() + &remote.collect::<String>()
    }

    /// The options without `--set`, for commands that do not have it.
    #[must_use]
    pub fn places(&self) -> String {
        let places = [("--data", &self.data), ("--store", &self.store)];
        let given = places.into_iter().filter_map(|(option, path)| Some((option, path.as_ref()?)));
        given.map(|(option, path)| format!(" {option} {}", quoted(&path.display().to_string()))).collect()
    }
}

/// A word, quoted for shells if necessary.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_-./=,:@%+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_repeated_and_quoted() {
        let given = Given {
            set: vec!["train.a.epochs=3".to_owned(), "a.b=[1, 2]".to_owned()],
            data: Some("my data".into()),
            store: Some("/cache/it's".into()),
            remote: Some("none".to_owned()),
        };
        assert_eq!(given.places(), r" --data 'my data' --store '/cache/it'\''s'");
        assert_eq!(
            given.words(),
            " --set train.a.epochs=3 --set 'a.b=[1, 2]'".to_owned() + &given.places() + " --remote none"
        );
        assert_eq!(Given::default().words(), "");
        assert_eq!((quoted(""), quoted("a*")), ("''".to_owned(), "'a*'".to_owned()));
    }
}
