//! Text as Teams takes it: an Adaptive Card in a message.

use operations::Letter;
use serde_json::{Value, json};

use crate::text::{cut, one_line, plain, written_within};

/// Teams refuses messages of more than 28 KB; this counts the whole of it, as it is sent.
const LONGEST_MESSAGE: usize = 27_000;
/// What a line of text costs beside the text.
const LINE: usize = 100;

/// The message. Text stands in `RichTextBlock`, one for each line: unlike `TextBlock` it takes no Markdown
/// (<https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features>), so nothing in a text makes a link, and
/// it always wraps.
pub(super) fn message(letter: &Letter) -> Value {
    let address = letter.address.as_deref().filter(|address| is_web(address));
    let mut room = LONGEST_MESSAGE - 1_000 - address.map_or(0, |address| length(&address.into()));
    let subject = cut(&one_line(&letter.subject), 300).into_owned();
    let mut body = Vec::new();
    let mut spacing = "None";
    for line in plain(&letter.text).lines() {
        if line.trim().is_empty() {
            spacing = "Medium";
            continue;
        }
        let fits = fitting(line, room.saturating_sub(LINE));
        let was_cut = fits != line;
        room = room.saturating_sub(LINE + length(&fits.clone().into()));
        body.push(block(&fits, spacing));
        spacing = "None";
        if was_cut {
            break;
        }
    }
    if body.is_empty() {
        body.push(block(&subject, spacing));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        // Where only a line is shown: notifications, watches.
        "fallbackText": subject,
        "body": body,
        "msteams": { "width": "Full" },
    });
    if let Some(address) = address {
        card["actions"] = json!([{ "type": "Action.OpenUrl", "title": "Open the incident", "url": address }]);
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}

fn block(text: &str, spacing: &str) -> Value {
    json!({ "type": "RichTextBlock", "spacing": spacing, "inlines": [{ "type": "TextRun", "text": text }] })
}

/// As much of a line as has `room`, which counts the bytes of JSON. A character is at most six of them, a note included.
fn fitting(line: &str, room: usize) -> String {
    if length(&line.into()) <= room {
        return line.to_owned();
    }
    written_within(line, room / 6, |c, out| out.push(c))
}

fn length(value: &Value) -> usize {
    value.to_string().len()
}

fn is_web(address: &str) -> bool {
    url::Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
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
            address: Some("https://runbooks.example.com/incidents/1".to_owned()),
        }
    }

    #[test]
    fn text_is_never_where_markdown_is_read() {
        let message = message(&letter("[click](https://evil.example)\n\n<at>everyone</at> **now**"));
        assert_eq!(message["type"], "message");
        let card = &message["attachments"][0]["content"];
        assert_eq!(card["body"][0]["inlines"][0]["text"], "[click](https://evil.example)");
        assert_eq!(card["body"][1]["spacing"], "Medium");
        assert_eq!(card["body"][1]["inlines"][0]["text"], "<at>everyone</at> **now**");
        assert_eq!(card["actions"][0]["url"], "https://runbooks.example.com/incidents/1");
        assert!(!message.to_string().contains("\"TextBlock\""));
        assert!(card["msteams"]["entities"].is_null());
    }

    #[test]
    fn the_whole_message_stays_within_what_teams_takes() {
        for text in ["\u{7f}\"\\ä😀".repeat(9_000), "a\n".repeat(30_000), "\"\n\n".repeat(30_000), "x".repeat(60_000)]
        {
            let message = message(&letter(&text));
            assert!(length(&message) <= 28_000, "{}", length(&message));
            assert!(message.to_string().contains("(cut;"), "{}", &message.to_string()[..300]);
        }
    }

    #[test]
    fn only_web_addresses_are_opened() {
        let evil = Letter { address: Some("javascript:alert(1)".to_owned()), ..letter("a") };
        assert!(message(&evil)["attachments"][0]["content"]["actions"].is_null());
        assert_eq!(
            message(&letter(""))["attachments"][0]["content"]["body"][0]["inlines"][0]["text"],
            "Checkout is slow"
        );
    }
}
