//! Where texts to send stand in a runbook.

use jiff::SignedDuration;
use runbook::{Body, Passage, PassageKind, Procedure, Runbook, RunbookId, Step};

use super::{Hint, Template, open};
use crate::duration;
use crate::words::{has_word, shortened};

/// What a line begins with that says how it is sent.
const CHANNELS: &[(&str, Hint)] = &[
    ("slack", Hint::Slack),
    ("email", Hint::Email),
    ("e-mail", Hint::Email),
    ("mail", Hint::Email),
    ("pagerduty", Hint::PagerDuty),
    ("pager", Hint::PagerDuty),
    ("teams", Hint::Teams),
    ("microsoft teams", Hint::Teams),
    ("ms teams", Hint::Teams),
];

/// Beginnings of words that name a text to send, in titles and labels.
const SAYING: &[&str] = &[
    "template",
    "messag",
    "notif",
    "announc",
    "updat",
    "email",
    "slack",
    "statement",
    "communicat",
    "declar",
    "tell",
    "inform",
    "post",
    "write",
    "page",
    "report",
    "lead",
];

/// Beginnings of words about telling people.
const TELLING: &[&str] = &["updat", "tell", "notif", "inform", "communicat", "stakeholder", "customer", "write"];

/// The shortest and the longest pause between two updates that is believed.
const PAUSES: std::ops::RangeInclusive<SignedDuration> = SignedDuration::from_mins(5)..=SignedDuration::from_hours(24);

/// How much of a text to send is read, in bytes. A longer one is no message.
const LARGEST: usize = 16 * 1024;

/// Where a text stands.
#[derive(Clone, Copy)]
struct Place<'r> {
    runbook: &'r RunbookId,
    procedure: &'r Procedure,
    step: &'r Step,
}

/// The texts to send of a runbook, in order: fences that are messages, and lines that say whom to tell on which channel
/// (`Slack: #platform-alerts`).
#[must_use]
pub fn templates(runbook: &Runbook) -> Vec<Template> {
    runbook
        .procedures
        .iter()
        .flat_map(|procedure| procedure.steps.iter().map(|step| Place { runbook: &runbook.id, procedure, step }))
        .flat_map(of_step)
        .collect()
}

/// How often a runbook says that people are told, if it says so: the shortest of what it says.
#[must_use]
pub fn update_every(runbook: &Runbook) -> Option<SignedDuration> {
    let passages = runbook.sections.iter().flat_map(|section| &section.passages);
    let texts = passages.flat_map(|passage| match &passage.kind {
        PassageKind::Line(line) | PassageKind::Item(_, line) => vec![line.text.as_str()],
        PassageKind::Fence { language, source } if language.is_empty() => source.lines().collect(),
        PassageKind::Fence { .. } | PassageKind::Table(_) => Vec::new(),
    });
    texts.filter_map(pause).min()
}

fn pause(line: &str) -> Option<SignedDuration> {
    duration::every(line).filter(|every| has_word(line, TELLING) && PAUSES.contains(every))
}

fn of_step(place: Place<'_>) -> Vec<Template> {
    let Place { procedure, step, .. } = place;
    let mut told: Vec<Template> = step.notes.iter().filter_map(|note| of_note(place, note)).collect();
    let Body::Message(code) = &step.body else { return told };
    if code.source.len() > LARGEST {
        return told;
    }
    let mut template = of_text(place, &code.source);
    let is_named = [Some(&step.title), step.phase.as_ref(), Some(&procedure.title)]
        .into_iter()
        .flatten()
        .any(|title| has_word(title, SAYING));
    if !is_named && template.channel.is_none() && template.subject.is_none() && template.fields.is_empty() {
        // What a command prints is no message.
        return told;
    }
    if template.channel.is_none() && told.len() == 1 {
        // The one line beside it says how it is sent.
        template.channel = told[0].channel;
        template.to = told[0].to.take();
        told.clear();
    }
    told.insert(0, template);
    told
}

/// A fence: lines at its beginning say how it is sent, to whom, and under which subject.
fn of_text(place: Place<'_>, source: &str) -> Template {
    let mut template = empty(place);
    let mut rest = source.trim();
    loop {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let Some((key, value)) = line.split_once(':') else { break };
        let (key, value) = (key.trim().to_lowercase(), value.trim());
        let hint = CHANNELS.iter().find(|(name, _)| *name == key).map(|(_, hint)| *hint);
        if key == "subject" && template.subject.is_none() {
            template.subject = Some(shortened(&open::one_line(value), super::LONGEST_SUBJECT));
            template.channel = template.channel.or(Some(Hint::Email));
        } else if matches!(key.as_str(), "to" | "channel") && template.to.is_none() {
            template.to = address(value)
                .map(|(to, _)| to)
                .or_else(|| (!value.is_empty()).then(|| shortened(&open::one_line(value), LONGEST_ADDRESS)));
        } else if let Some(hint) = hint.filter(|_| template.channel.is_none()) {
            template.channel = Some(hint);
            let (to, said) = address(value).map_or((None, value), |(to, said)| (Some(to), said));
            template.to = to;
            if !said.is_empty() {
                template.text = said.to_owned();
                template.text.push('\n');
                rest = after;
                break;
            }
        } else {
            break;
        }
        rest = after.trim_start();
    }
    template.text.push_str(rest.trim_end());
    template.text = template.text.trim_end().to_owned();
    finished(template)
}

/// `Slack: #platform-alerts`, `Email: team@example.com`, `PagerDuty: Create incident`.
fn of_note(place: Place<'_>, note: &Passage) -> Option<Template> {
    let line = note.line()?;
    let (key, value) = match &line.lead {
        Some(lead) => (lead.as_str(), line.rest()),
        None => line.text.split_once(':')?,
    };
    let key = key.trim().to_lowercase();
    let (_, hint) = CHANNELS.iter().find(|(name, _)| *name == key)?;
    let (to, said) = address(value).map_or((None, value.trim()), |(to, said)| (Some(to), said));
    let said = shortened(said, LARGEST);
    Some(finished(Template { channel: Some(*hint), to, text: said, ..empty(place) }))
}

fn empty(place: Place<'_>) -> Template {
    Template {
        runbook: place.runbook.clone(),
        procedure: place.procedure.id.clone(),
        step: place.step.id.clone(),
        channel: None,
        to: None,
        title: place.step.title.clone(),
        subject: None,
        text: String::new(),
        fields: Vec::new(),
        every: None,
    }
}

fn finished(mut template: Template) -> Template {
    template.fields = open::fields(&[template.subject.as_deref().unwrap_or_default(), &template.text]);
    template.every = template.text.lines().find_map(pause);
    template
}

/// The longest address, in characters (RFC 5321 allows a mail address 254).
const LONGEST_ADDRESS: usize = 254;

/// The channel, person or mail address that a text begins with, and what follows it.
fn address(text: &str) -> Option<(String, &str)> {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let bare = word.trim_end_matches([',', ';', ':']);
    let named = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric());
    let mail = bare.split_once('@').is_some_and(|(name, host)| named(name) && host.contains('.') && named(host));
    let is_address = (bare.strip_prefix(['#', '@']).is_some_and(named) || mail)
        && bare.chars().count() <= LONGEST_ADDRESS
        && !bare.chars().any(char::is_control);
    is_address.then(|| (bare.to_owned(), rest.trim_start_matches([' ', '-', ':', '–', '—']).trim()))
}
