//! The post-mortem: written from the trail until somebody makes it their own.

use std::fmt::Write as _;

use jiff::Timestamp;
use runbook::SafeHtml;
use sha2::{Digest as _, Sha256};

use super::runs::SKIPPED;
use super::timeline::{Entry, Lane, Timeline, span};
use super::{Operations, permit};
use crate::running::hex;
use crate::{Caller, Error, EventKind, Incident, IncidentId, OutcomeResult, Permission};

/// The longest post-mortem, in bytes: what one form can send.
const LONGEST: usize = 64 * 1024;
/// How much of that a part takes that is written from the trail: what people write themselves needs room, too.
const TIMELINE: usize = 28 * 1024;
/// The same for the shorter parts.
const PART: usize = 6 * 1024;
/// How much of one text is told, in characters.
const TEXT: usize = 600;

/// A post-mortem as a page shows it.
#[derive(Clone, Debug)]
pub struct PostMortem {
    /// The incident.
    pub incident: Incident,
    /// Markdown: what was kept, else what the trail says now.
    pub text: String,
    /// The same, safe to show.
    pub html: SafeHtml,
    /// Whether somebody has kept it.
    pub kept: bool,
}

impl Operations {
    /// The post-mortem of an incident.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Audit`], [`Error::Store`].
    pub async fn post_mortem(&self, caller: &Caller, id: IncidentId) -> Result<PostMortem, Error> {
        permit(caller, Permission::View)?;
        let incident = self.existing_incident(id).await?;
        let kept = incident.post_mortem.is_some();
        let text = match &incident.post_mortem {
            Some(text) => text.clone(),
            None => self.written(caller, id).await?,
        };
        Ok(PostMortem { html: runbook::document(&text), text, kept, incident })
    }

    /// What the trail says, as Markdown.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Audit`], [`Error::Store`].
    pub async fn written(&self, caller: &Caller, id: IncidentId) -> Result<String, Error> {
        let view = self.view_incident(caller, id).await?;
        let timeline = self.timeline(caller, id).await?;
        Ok(markdown(&view, &timeline))
    }

    /// Keeps a post-mortem as somebody wrote it; an empty one lets it be written from the trail again. `read` is the text
    /// that the person began with: where somebody else has kept another one meanwhile, nothing is overwritten.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Invalid`] where it is too long, [`Error::Conflict`],
    /// [`Error::Audit`], [`Error::Store`].
    pub async fn keep_post_mortem(
        &self,
        caller: &Caller,
        id: IncidentId,
        written: &str,
        read: &str,
    ) -> Result<(), Error> {
        let written = written.replace("\r\n", "\n");
        if written.len() > LONGEST {
            return Err(Error::Invalid(format!(
                "The post-mortem is too long: {} KiB of at most {} KiB.",
                written.len() >> 10,
                LONGEST >> 10
            )));
        }
        let written = command::mask::mask_text(&written);
        let (this, caller, read) = (self.clone(), caller.clone(), read.to_owned());
        self.whole(async move {
            this.permit(&caller, Permission::Run, "keep a post-mortem").await?;
            let _turn = this.rooms.turn_of(id.0).await;
            let mut incident = this.existing_incident(id).await?;
            if incident.post_mortem.as_ref().is_some_and(|kept| version(kept) != read) {
                return Err(Error::Conflict(
                    "Somebody has kept another version meanwhile. Copy your text, load the page again and put the two together."
                        .to_owned(),
                ));
            }
            let written = Some(written).filter(|text| !text.trim().is_empty());
            let said = match (&written, &incident.share_key) {
                (Some(_), _) => "Post-mortem kept",
                (None, None) => "Post-mortem written from the trail again",
                (None, Some(_)) => "Post-mortem written from the trail again; its link is void",
            };
            this.say(&caller, &incident, EventKind::PostMortemWritten, said, this.rooms.now()).await?;
            if written.is_none() {
                // Nobody has shared what may be kept later.
                incident.share_key = None;
            }
            incident.post_mortem = written;
            this.rooms.incidents.change_incident(&incident).await?;
            this.rooms.news();
            Ok(())
        })
        .await
    }

    /// Makes a key with which others may read the post-mortem, whoever they are; the one before it is void.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Audit`], [`Error::Store`].
    pub async fn share_post_mortem(&self, caller: &Caller, id: IncidentId) -> Result<String, Error> {
        use base64::Engine as _;
        let key = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        self.set_share(caller, id, Some(hashed(&key)), "Post-mortem shared by a link").await?;
        Ok(key)
    }

    /// A path of this portal as people can pass it on: whole, where the portal knows its own address.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.rooms.links.portal().unwrap_or_default())
    }

    /// Voids the key.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Audit`], [`Error::Store`].
    pub async fn unshare_post_mortem(&self, caller: &Caller, id: IncidentId) -> Result<(), Error> {
        self.set_share(caller, id, None, "Post-mortem shared no more").await
    }

    async fn set_share(&self, caller: &Caller, id: IncidentId, key: Option<String>, said: &str) -> Result<(), Error> {
        let (this, caller, said) = (self.clone(), caller.clone(), said.to_owned());
        self.whole(async move {
            this.permit(&caller, Permission::Run, "share a post-mortem").await?;
            let _turn = this.rooms.turn_of(id.0).await;
            let mut incident = this.existing_incident(id).await?;
            if key.is_some() && incident.post_mortem.is_none() {
                return Err(Error::Conflict(
                    "Read it through and keep it first: others see what you have kept, not what the trail says."
                        .to_owned(),
                ));
            }
            this.say(&caller, &incident, EventKind::PostMortemWritten, &said, this.rooms.now()).await?;
            incident.share_key = key;
            this.rooms.incidents.change_incident(&incident).await?;
            this.rooms.news();
            Ok(())
        })
        .await
    }

    /// The post-mortem that a key opens, for anybody who has it. Only what somebody has kept is shown.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn shared_post_mortem(&self, key: &str) -> Result<PostMortem, Error> {
        let found = self.rooms.incidents.shared_incident(&hashed(key)).await?;
        let incident = found.ok_or(Error::NotFound("This post-mortem"))?;
        let text = incident.post_mortem.clone().ok_or(Error::NotFound("This post-mortem"))?;
        Ok(PostMortem { html: runbook::document(&text), text, kept: true, incident })
    }
}

/// Names a text, so that a form can say which one it began with.
#[must_use]
pub fn version(text: &str) -> String {
    hashed(text)[..16].to_owned()
}

fn hashed(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

/// A post-mortem in Markdown.
fn markdown(view: &super::IncidentView, timeline: &Timeline) -> String {
    let incident = &view.incident;
    let mut out = String::new();
    let _ = writeln!(out, "# Post-mortem: {} ({})\n", plain(&incident.title), incident.label());
    facts(&mut out, view, timeline);
    let _ = writeln!(out, "\n## Impact\n");
    let affected = if incident.affected.is_empty() { "_Say who noticed what._" } else { &brief(&incident.affected) };
    let _ = writeln!(out, "Affected: {affected}\n");
    if let Some(duration) = timeline.to_mitigate.or(timeline.to_resolve) {
        let _ = writeln!(out, "It lasted {}.", span(duration));
    }
    if !incident.latest_update.is_empty() {
        let _ = writeln!(out, "\nLatest word: {}", brief(&incident.latest_update));
    }
    let _ = writeln!(out, "\n## Timeline\n\nAll times are UTC.\n");
    let entries = timeline.entries.iter().map(|entry| {
        let mut told = String::new();
        line(&mut told, entry);
        told
    });
    for told in bounded(entries.collect(), TIMELINE) {
        out.push_str(&told);
    }
    if timeline.cut {
        let _ = writeln!(out, "\nEarlier entries are left out: the audit trail has them.");
    }
    actions(&mut out, timeline);
    skipped(&mut out, timeline);
    let _ = writeln!(out, "\n## Follow-ups\n");
    let tasks = follow_ups(view, timeline).into_iter().map(|task| format!("- [ ] {task}\n")).collect();
    for task in bounded(tasks, PART) {
        out.push_str(&task);
    }
    out
}

/// As many lines as fit into so many bytes: where that is not all of them, from the beginning and from the end.
fn bounded(lines: Vec<String>, most: usize) -> Vec<String> {
    if lines.iter().map(String::len).sum::<usize>() <= most {
        return lines;
    }
    let fitting = |lines: &mut dyn Iterator<Item = &String>| {
        let mut room = most / 2;
        lines.take_while(|line| room.checked_sub(line.len()).map(|left| room = left).is_some()).count()
    };
    let (first, last) = (fitting(&mut lines.iter()), fitting(&mut lines.iter().rev()));
    let left_out = lines.len() - first - last;
    let mut kept: Vec<String> = lines[..first].to_vec();
    kept.push(format!("- _{left_out} more are left out here: the audit trail has them_\n"));
    kept.extend_from_slice(&lines[lines.len() - last..]);
    kept
}

fn facts(out: &mut String, view: &super::IncidentView, timeline: &Timeline) {
    let incident = &view.incident;
    let _ = writeln!(out, "| | |\n|---|---|");
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "| {name} | {value} |");
        }
    };
    row("Severity", plain(incident.severity.as_deref().unwrap_or_default()));
    row("Environment", incident.environment.as_ref().map_or_else(String::new, |name| plain(&name.0)));
    row("Started", exact(incident.started_at));
    let moment = |at: Option<Timestamp>, after: Option<jiff::SignedDuration>| match (at, after) {
        (Some(at), Some(after)) => format!("{} (after {})", exact(at), span(after)),
        _ => String::new(),
    };
    row("Acknowledged", moment(incident.acknowledged_at, timeline.to_acknowledge));
    row("Mitigated", moment(incident.mitigated_at, timeline.to_mitigate));
    row("Resolved", moment(incident.resolved_at, timeline.to_resolve));
    row("Commander", incident.commander.as_ref().map_or_else(String::new, |(_, name)| plain(name)));
    let people: Vec<String> = timeline
        .lanes
        .iter()
        .filter_map(|lane| match lane {
            Lane::Person(_, name) => Some(plain(name)),
            Lane::System => None,
        })
        .collect();
    row("People", people.iter().take(40).cloned().collect::<Vec<_>>().join(", "));
    let mut procedures: Vec<String> = Vec::new();
    for run in &view.runs {
        let named = format!(
            "{} · {} (run {}, {})",
            plain(&run.runbook_title),
            plain(&run.procedure_title),
            run.number,
            run.version.short()
        );
        procedures.push(named);
    }
    procedures.truncate(12);
    row("Procedures", procedures.join("; "));
}

fn line(out: &mut String, entry: &Entry) {
    if let Some(silence) = entry.silence {
        let _ = writeln!(out, "- _{} in which nothing was recorded_", span(silence));
    }
    let who = match &entry.lane {
        Lane::System => String::new(),
        Lane::Person(_, name) => format!("**{}** ", plain(name)),
    };
    let took = entry.until.filter(|_| entry.result.is_some()).map(|until| span(until.duration_since(entry.at)));
    let result = match (entry.result, took) {
        (Some(result), Some(took)) => format!(" — {} ({took})", result.word()),
        _ => String::new(),
    };
    let _ = writeln!(out, "- `{}` {who}{}{result}", of_day(entry.at), brief(&entry.words));
    if entry.kind != EventKind::ExecutionIntent && entry.kind != EventKind::MessageIntent {
        for detail in entry.details.iter().take(3) {
            let _ = writeln!(out, "  - {}", brief(&first_line(detail)));
        }
    }
    if let Some((first, last)) = &entry.printed {
        let _ = writeln!(out, "  - printed {}", code(first));
        if first != last {
            let _ = writeln!(out, "  - … {}", code(last));
        }
    }
}

fn actions(out: &mut String, timeline: &Timeline) {
    let _ = writeln!(out, "\n## Actions taken\n");
    let changed = timeline.entries.iter().filter(|entry| {
        entry.kind == EventKind::ExecutionIntent && entry.effect.is_some_and(|effect| effect > command::Effect::Read)
    });
    let mut rows = Vec::new();
    for entry in changed {
        let who = match &entry.lane {
            Lane::System => "the portal".to_owned(),
            Lane::Person(_, name) => plain(name),
        };
        let what =
            entry.details.first().map_or_else(|| brief(&entry.words), |text| in_cell(&shortened(&first_line(text))));
        let result = entry.result.map_or("not ended", OutcomeResult::word);
        rows.push(format!("| {} | {who} | {} | {result} |\n", of_day(entry.at), what));
    }
    if rows.is_empty() {
        let _ = writeln!(out, "Nothing was changed through the portal.");
        return;
    }
    let _ = writeln!(out, "| Time | Who | What | Result |\n|---|---|---|---|");
    for row in bounded(rows, PART) {
        // A word on what is left out is a row like the others here.
        let row = row.strip_prefix("- ").map_or_else(|| row.clone(), |word| format!("| | | {} | |\n", word.trim_end()));
        out.push_str(&row);
    }
}

/// Whether two entries are about the same part of a run, or one about a command of the other's step: `4a` is one of `4`.
fn same_part(one: &Entry, other: &Entry) -> bool {
    let step = |part: &str| part.trim_end_matches(|c: char| c.is_ascii_lowercase()).to_owned();
    let (Some(a), Some(b)) = (one.part.as_deref(), other.part.as_deref()) else { return false };
    one.run == other.run && (a == b || step(a) == b || step(b) == a)
}

/// What was left out, with the reason: what was done after all is not among it.
fn omitted(timeline: &Timeline) -> impl Iterator<Item = &Entry> {
    let says = |entry: &Entry| matches!(entry.kind, EventKind::StepMarked | EventKind::ExecutionIntent);
    timeline.entries.iter().enumerate().filter_map(move |(at, entry)| {
        let later = || timeline.entries.iter().skip(at + 1).any(|later| says(later) && same_part(entry, later));
        let is_skipped = entry.kind == EventKind::StepMarked && entry.words.starts_with(SKIPPED);
        (is_skipped && !later()).then_some(entry)
    })
}

fn skipped(out: &mut String, timeline: &Timeline) {
    let _ = writeln!(out, "\n## Skipped, and why\n");
    let told = |entry: &Entry| {
        let reason = entry.details.first().map_or_else(|| "no reason given".to_owned(), |why| brief(&first_line(why)));
        format!("- {}: {reason}\n", brief(&entry.words))
    };
    let lines: Vec<String> = omitted(timeline).map(told).collect();
    if lines.is_empty() {
        let _ = writeln!(out, "Nothing was skipped.");
    }
    for line in bounded(lines, PART) {
        out.push_str(&line);
    }
}

/// What should be looked at afterwards, as far as the trail tells.
fn follow_ups(view: &super::IncidentView, timeline: &Timeline) -> Vec<String> {
    let mut tasks = Vec::new();
    for deadline in &view.deadlines {
        let incident::State::Missed { at } = deadline.state else { continue };
        let what = match deadline.what {
            incident::What::Respond => "the response",
            incident::What::Escalate => "the escalation",
            incident::What::Update => continue,
        };
        let late = at.map(|at| format!(", {} late", span(at.duration_since(deadline.due)))).unwrap_or_default();
        tasks.push(format!("Find out why {what} came after its time{late}."));
    }
    for entry in omitted(timeline) {
        let step = entry.part.as_deref().unwrap_or_default();
        tasks.push(format!("Step {} was skipped: does the runbook still need it?", plain(step)));
    }
    for entry in timeline.entries.iter().filter(|entry| entry.kind == EventKind::ExecutionIntent) {
        let trouble = match entry.result {
            Some(OutcomeResult::Failed) => "failed",
            Some(OutcomeResult::Expired) => "did not end in time",
            Some(OutcomeResult::Unknown) => "has an outcome that nobody knows",
            _ => continue,
        };
        let task = format!("{} {trouble}: mend the runbook or what it acts on.", brief(&entry.words));
        if !tasks.contains(&task) {
            tasks.push(task);
        }
    }
    tasks.push("Say what caused it, and what would have shown it earlier.".to_owned());
    tasks.push("Write down what went well and what did not.".to_owned());
    tasks
}

fn first_line(text: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default().trim();
    if lines.next().is_some() { format!("{first} …") } else { first.to_owned() }
}

/// A text as code that may stand in a cell of a table. There a bar ends the cell even within code, and what escapes it
/// depends on what stands before it: with one in it, it is told as plain text.
fn in_cell(text: &str) -> String {
    if text.contains('|') { plain(text) } else { code(text) }
}

/// Hostile text as text of a bounded length.
fn brief(text: &str) -> String {
    plain(&shortened(text))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// `2026-11-21 14:02:31 UTC`: seconds are cut, not rounded, as everywhere else.
fn exact(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn of_day(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// Hostile text as text: nothing in it is Markdown or HTML (CommonMark 2.4: any ASCII punctuation may be escaped).
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '!' | '&' | '$' => {
                out.push('\\');
                out.push(character);
            }
            // Without its dots and colons no renderer makes a link of a bare address.
            ':' if text.contains("://") => out.push_str("\\:"),
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

/// Hostile text as code: the fence is longer than any run of backticks in it (CommonMark 6.1).
fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_told_from_both_ends() {
        let lines: Vec<String> = (0..1_000).map(|number| format!("- {number}\n")).collect();
        assert_eq!(bounded(lines[..10].to_vec(), 100).len(), 10);
        let kept = bounded(lines, 100);
        assert!(kept.iter().map(String::len).sum::<usize>() < 170, "{kept:?}");
        assert_eq!((kept[0].as_str(), kept.last().map(String::as_str)), ("- 0\n", Some("- 999\n")));
        assert!(kept.iter().any(|line| line.contains("more are left out here")));
        let long = vec!["x".repeat(500), "y".to_owned()];
        assert_eq!(bounded(long, 100).len(), 2, "a line that is too long is left out, too");
    }

    #[test]
    fn hostile_text_stays_text() {
        assert_eq!(plain("a|b <script> [x](y)\nz"), "a\\|b \\<script\\> \\[x\\](y) z");
        let html =
            runbook::document(&format!("- {}\n- {}", plain("<img src=x> **b** http://e.example"), code("a``b`")));
        let html = html.as_str();
        assert!(!html.contains("<img") && !html.contains("<strong>") && !html.contains("<a "), "{html}");
        assert!(html.contains("<code>a``b`</code>"), "{html}");
    }
}
