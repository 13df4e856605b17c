//! A letter as a mail (RFC 5322): plain text, in a thread with the others of its incident.

use lettre::Message;
use lettre::error::Error;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use operations::Letter;

use crate::text::{cut, digest, one_line, plain, with_address};

/// Lines of a header should be short (RFC 5322, 2.1.1); longer subjects are cut by who shows them.
const LONGEST_SUBJECT: usize = 250;
const LONGEST_TEXT: usize = 100_000;
/// A key that is longer stands in an identifier by its digest.
const LONGEST_KEY: usize = 64;

/// Writes it. Its identifier is made of the letter's key, so that a repeated letter is known again; the thread hangs on
/// an identifier made of the incident's key, which no mail has.
pub(super) fn write(letter: &Letter, from: &Mailbox, to: &[Mailbox]) -> Result<Message, Error> {
    let domain = from.email.domain();
    let thread = format!("<incident.{}@{domain}>", identifier(&letter.incident_key));
    let text = with_address(cut(&plain(&letter.text), LONGEST_TEXT).into_owned(), letter.address.as_deref());
    let builder = Message::builder()
        .from(from.clone())
        .subject(cut(&one_line(&letter.subject), LONGEST_SUBJECT))
        .message_id(Some(format!("<letter.{}@{domain}>", identifier(&letter.key))))
        .in_reply_to(thread.clone())
        .references(thread)
        // No answer of a machine comes back (RFC 3834).
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    to.iter().cloned().fold(builder, lettre::message::MessageBuilder::to).singlepart(SinglePart::plain(text + "\n"))
}

/// The key in the characters that an identifier may have (RFC 5322, 3.6.4), or else its digest.
fn identifier(key: &str) -> String {
    let plain = !key.is_empty()
        && key.len() <= LONGEST_KEY
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if plain { key.to_owned() } else { format!("sha256-{}", digest(key)) }
}

#[cfg(test)]
mod tests {
    use operations::PagerAction;

    use super::*;

    fn written(letter: &Letter) -> String {
        let from: Mailbox = "Runbook Portal <runbooks@example.com>".parse().unwrap();
        let to = ["a@example.com".parse().unwrap(), "b@example.com".parse().unwrap()];
        String::from_utf8(write(letter, &from, &to).unwrap().formatted()).unwrap()
    }

    fn letter() -> Letter {
        Letter {
            key: "0199-a".to_owned(),
            incident_key: "0199-b".to_owned(),
            subject: "Checkout is slow".to_owned(),
            text: "Since 10:00.\n.\nMore at 11:00.".to_owned(),
            action: PagerAction::Trigger,
            severity: "critical",
            address: Some("https://runbooks.example.com/incidents/1".to_owned()),
        }
    }

    #[test]
    fn a_letter_names_itself_and_its_incident() {
        let mail = written(&letter());
        for line in [
            "From: \"Runbook Portal\" <runbooks@example.com>",
            "To: a@example.com, b@example.com",
            "Subject: Checkout is slow",
            "Message-ID: <letter.0199-a@example.com>",
            "In-Reply-To: <incident.0199-b@example.com>",
            "References: <incident.0199-b@example.com>",
            "Auto-Submitted: auto-generated",
            "Content-Type: text/plain; charset=utf-8",
            "https://runbooks.example.com/incidents/1",
        ] {
            assert!(mail.contains(&format!("{line}\r\n")), "{line} is not in\n{mail}");
        }
    }

    #[test]
    fn no_text_makes_a_header() {
        let hostile = "x\r\nBcc: evil@example.com\r\n\r\nbody\n\u{2028}ä".repeat(20);
        let mail = written(&Letter {
            key: hostile.clone(),
            incident_key: "a> <b@c".to_owned(),
            subject: hostile.clone(),
            text: hostile,
            ..letter()
        });
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("\r\nBcc"), "{head}");
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with(' '))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "From",
                "Subject",
                "Message-ID",
                "In-Reply-To",
                "References",
                "Auto-Submitted",
                "To",
                "MIME-Version",
                "Date",
                "Content-Type",
                "Content-Transfer-Encoding"
            ]
        );
        assert!(mail.is_ascii());
        assert!(mail.lines().all(|line| line.len() < 998));
    }
}
