//! Words of a text, for comparing.

/// Whether a word of the text begins like one of these, whatever its case.
pub(crate) fn has_word(text: &str, beginnings: &[&str]) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| {
        beginnings
            .iter()
            .any(|beginning| word.get(..beginning.len()).is_some_and(|head| head.eq_ignore_ascii_case(beginning)))
    })
}
