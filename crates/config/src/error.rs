//! What is wrong with a configuration.

use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong: where, what was found, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The file; `None`: a variable, which the sentence names.
    pub file: Option<PathBuf>,
    /// Line and column of the file, in characters from 1; `None`: the file as a whole.
    pub place: Option<(usize, usize)>,
    /// What is wrong and what to do, one sentence without a full stop.
    pub sentence: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some((line, column)) = self.place {
                write!(f, ":{line}:{column}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Error {}

/// `a, b or c`.
pub(crate) fn alternatives(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

/// `; did you mean X?`, if one of `words` is close to `found`.
pub(crate) fn suggestion<'a>(found: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // `memory_lock` and `Memory-Lock` are the commonest slips, and far away by edits alone.
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    // A text far longer than any word is not compared: the time grows with the product of the lengths.
    let found = Some(plain(found)).filter(|found| found.len() <= 64)?;
    words
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&found, &plain(word)), word))
        .filter(|(distance, word)| *distance <= word.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}
