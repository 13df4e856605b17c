//! Who can be reached, and how.

use std::collections::HashMap;

use runbook::{Line, PassageKind, Runbook, Table};

use super::{Contact, LONGEST};
use crate::words::{has_word, shortened};

/// The most contacts of a runbook.
const MOST: usize = 100;

/// Beginnings of words in headings above contacts.
const CONTACTS: &[&str] = &["contact", "rotation", "oncall", "channels"];

/// Facts about the file that often stand below its contacts.
const ABOUT_THE_FILE: &[&str] =
    &["last updated", "version", "last reviewed", "next review", "updated", "author", "status"];

/// The longest name of a contact, in characters; more before a colon is a sentence.
const LONGEST_ROLE: usize = 60;

/// Whom a runbook names as contacts, in order, each role once; from sections about contacts and tables with a column for
/// them. At most 100.
#[must_use]
pub fn contacts(runbook: &Runbook) -> Vec<Contact> {
    let mut found = Found::default();
    // Whether the section above is about contacts is known before those below it are read.
    let mut about = vec![false; runbook.sections.len()];
    for (at, section) in runbook.sections.iter().enumerate() {
        let above = section.above.is_some_and(|above| about[above] && runbook.sections[above].level > 1);
        about[at] = above || has_word(&section.title, CONTACTS) || section.title.to_lowercase().contains("on-call");
        for passage in &section.passages {
            match &passage.kind {
                PassageKind::Table(table) => of_table(table, &mut found),
                PassageKind::Item(_, line) | PassageKind::Line(line) if about[at] && passage.depth <= 1 => {
                    let is_item = matches!(passage.kind, PassageKind::Item(..));
                    if is_item || line.lead.is_some() {
                        of_line(line, &mut found);
                    }
                }
                _ => {}
            }
        }
    }
    found.contacts
}

#[derive(Default)]
struct Found {
    contacts: Vec<Contact>,
    places: HashMap<String, usize>,
}

impl Found {
    fn add(&mut self, role: &str, reach: Vec<String>, note: &str) {
        let role = shortened(role.trim(), LONGEST);
        if let Some(&at) = self.places.get(&role.to_lowercase()) {
            let known = &mut self.contacts[at];
            for one in reach {
                if known.reach.len() < MOST_WAYS && !known.reach.contains(&one) {
                    known.reach.push(one);
                }
            }
        } else if self.contacts.len() < MOST && !role.is_empty() && !(reach.is_empty() && note.is_empty()) {
            self.places.insert(role.to_lowercase(), self.contacts.len());
            self.contacts.push(Contact { role, reach, note: shortened(note, LONGEST) });
        }
    }
}

fn of_table(table: &Table, found: &mut Found) {
    let column = |words: &[&str]| table.header.iter().position(|cell| has_word(cell, words));
    let Some(contact) = column(&["contact", "phone", "email", "reach", "slack", "channel"]) else { return };
    let Some(role) = column(&["role", "team", "who", "name", "person", "service", "area"])
        .filter(|at| *at != contact)
        .or_else(|| (0..table.header.len()).find(|at| *at != contact))
    else {
        return;
    };
    for row in &table.rows {
        let cell = |at: usize| row.get(at).map(|cell| cell.trim()).unwrap_or_default();
        let (reach, aside) = reach(cell(contact), &[]);
        let others = (0..table.header.len()).filter(|at| ![contact, role].contains(at) && !cell(*at).is_empty());
        let others = others.map(|at| format!("{}: {}", table.header[at].trim(), cell(at)));
        let notes: Vec<String> = aside.into_iter().chain(others).collect();
        found.add(cell(role), reach, &notes.join("; "));
    }
}

fn of_line(line: &Line, found: &mut Found) {
    let (role, value) = match &line.lead {
        Some(lead) => (lead.as_str(), line.rest()),
        None => match line.text.split_once(": ") {
            Some((role, value)) => (role, value),
            // A link alone is its own name.
            None if !line.links.is_empty() => (line.text.as_str(), ""),
            None => return,
        },
    };
    let about_the_file = ABOUT_THE_FILE.contains(&role.trim().to_lowercase().as_str());
    if about_the_file || role.chars().count() > LONGEST_ROLE || (value.is_empty() && line.links.is_empty()) {
        return;
    }
    let (reach, aside) = reach(value, &line.links);
    found.add(role, reach, &aside.unwrap_or_default());
}

/// The most ways to reach one contact.
const MOST_WAYS: usize = 10;

/// How somebody is reached, and what the words around it say. Words without any address are themselves the way
/// (`PagerDuty rotation`), unless they are a place that nobody has filled in (`[Slack channel]`).
fn reach(value: &str, links: &[String]) -> (Vec<String>, Option<String>) {
    let value = value.trim();
    let mut found: Vec<String> = Vec::new();
    let mut others = 0;
    // A telephone number may have blanks in it.
    let words: Vec<&str> = if is_telephone(value) { vec![value] } else { value.split_whitespace().collect() };
    for word in words {
        let bare = word.trim_matches(|c: char| matches!(c, ',' | ';' | '(' | ')' | '<' | '>' | '.' | '/' | '|' | '`'));
        if is_address(bare) {
            if found.len() < MOST_WAYS && !found.iter().any(|known| known == bare) {
                found.push(shortened(bare, LONGEST));
            }
        } else if bare.contains(char::is_alphanumeric) {
            others += 1;
        }
    }
    for link in links {
        let link = link.strip_prefix("mailto:").or_else(|| link.strip_prefix("tel:")).unwrap_or(link);
        if is_address(link) && found.len() < MOST_WAYS && !found.iter().any(|known| known == link) {
            found.push(shortened(link, LONGEST));
        }
    }
    let aside = (others > 0).then(|| value.to_owned());
    if !found.is_empty() {
        (found, aside)
    } else if value.is_empty() || value.starts_with(['[', '<']) {
        (Vec::new(), aside)
    } else {
        (vec![shortened(value, LONGEST)], None)
    }
}

/// A channel, a person's handle, a mail address, a link, a telephone number.
fn is_address(word: &str) -> bool {
    let named = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let mail = word.split_once('@').is_some_and(|(name, host)| named(name) && named(host) && host.contains('.'));
    word.strip_prefix(['#', '@']).is_some_and(named)
        || word.starts_with("https://")
        || word.starts_with("http://")
        || (mail && !word.contains(':'))
        || is_telephone(word)
}

fn is_telephone(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '(' | ')' | '.' | ' ');
    text.chars().filter(char::is_ascii_digit).count() >= 6 && text.chars().all(plain)
}
