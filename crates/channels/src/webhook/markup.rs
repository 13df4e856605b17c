//! Text as Slack and Mattermost take it for text.

use operations::Letter;

use crate::text::{plain, units, written_within};

/// Slack cuts longer texts (<https://api.slack.com/changelog/2018-04-truncating-really-long-messages>).
const LONGEST_IN_SLACK: usize = 40_000;
/// Mattermost refuses longer posts.
const LONGEST_IN_MATTERMOST: usize = 16_383;

/// What calls everybody in a channel of Mattermost, behind the `@`.
const EVERYBODY: [&str; 3] = ["channel", "all", "here"];

/// With Slack's three control characters escaped
/// (<https://docs.slack.dev/messaging/formatting-message-text#escaping>): without `<` there is no mention of a channel
/// or of everybody, and no link under another text.
pub(super) fn slack(letter: &Letter) -> String {
    whole(&text(letter), letter, LONGEST_IN_SLACK, escape)
}

/// Mattermost reads Slack's markup, Markdown's too, and takes `@channel` for a mention wherever it stands.
pub(super) fn mattermost(letter: &Letter) -> String {
    whole(&calling_nobody(&text(letter)), letter, LONGEST_IN_MATTERMOST, |c, out| {
        // Links and pictures need brackets; within backticks a backslash would be seen.
        if matches!(c, '\\' | '`' | '[' | ']') {
            out.push('\\');
        }
        escape(c, out);
    })
}

fn text(letter: &Letter) -> String {
    let text = plain(&letter.text);
    if text.is_empty() { plain(&letter.subject) } else { text }
}

/// The text and behind it the page of the incident, which is never cut.
fn whole(text: &str, letter: &Letter, most: usize, write: impl Fn(char, &mut String)) -> String {
    let mut end = String::new();
    if let Some(address) = letter.address.as_deref().filter(|address| !text.contains(*address)) {
        end.push_str("\n\n");
        address.chars().for_each(|c| escape(c, &mut end));
    }
    let mut whole = written_within(text, most.saturating_sub(units(&end)), write);
    whole.push_str(&end);
    whole
}

fn escape(c: char, out: &mut String) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        other => out.push(other),
    }
}

/// With something invisible behind each `@` that would call everybody.
fn calling_nobody(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        out.push(c);
        if c == '@' && calls_everybody(&text[at + 1..]) {
            out.push('\u{200B}');
        }
    }
    out
}

fn calls_everybody(behind: &str) -> bool {
    EVERYBODY.iter().any(|word| {
        behind.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            && !behind[word.len()..].starts_with(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use operations::PagerAction;

    use super::*;

    fn letter(text: &str) -> Letter {
        Letter {
            key: "1".to_owned(),
            incident_key: "1".to_owned(),
            subject: "Checkout is slow".to_owned(),
            text: text.to_owned(),
            action: PagerAction::Trigger,
            severity: "critical",
            address: None,
        }
    }

    #[test]
    fn slack_finds_no_markup_that_mentions_or_links() {
        let hostile = "<!channel> <@U1> <https://evil.example|https://good.example> a & b &lt;!here&gt;";
        assert_eq!(
            slack(&letter(hostile)),
            "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|https://good.example&gt; a &amp; b &amp;lt;!here&amp;gt;"
        );
    }

    #[test]
    fn mattermost_finds_no_markup_either() {
        let written = mattermost(&letter("@Channel, (@here) x@all. @allison [a](https://evil.example) `<!all>`\\"));
        assert_eq!(
            written,
            "@\u{200B}Channel, (@\u{200B}here) x@\u{200B}all. @allison \\[a\\](https://evil.example) \\`&lt;!all&gt;\\`\\\\"
        );
    }

    #[test]
    fn long_texts_are_cut_before_the_page_of_the_incident() {
        let address = "https://runbooks.example.com/incidents/1?a=1&b=2";
        let long = Letter { address: Some(address.to_owned()), ..letter(&"<😀".repeat(30_000)) };
        for (written, most) in [(slack(&long), LONGEST_IN_SLACK), (mattermost(&long), LONGEST_IN_MATTERMOST)] {
            assert!(units(&written) <= most);
            assert!(written.contains("(cut;"));
            assert!(written.ends_with("\n\nhttps://runbooks.example.com/incidents/1?a=1&amp;b=2"));
        }
        let named = Letter { address: Some(address.to_owned()), ..letter(&format!("See {address}")) };
        assert_eq!(slack(&named).matches("https://").count(), 1);
    }

    #[test]
    fn a_letter_without_text_has_its_subject() {
        assert_eq!(slack(&letter(" \n")), "Checkout is slow");
    }
}
