//! The post-mortem: written from the trail until somebody makes it their own.

use std::fmt::Write as _;

use jiff::Timestamp;
use runbook::SafeHtml;
use sha2::{Digest as _, Sha256};

use super::timeline::{Entry, Lane, Timeline, span};
use super::{Operations, permit};
use crate::running::hex;
use crate::{Caller, Error, EventKind, Incident, IncidentId, OutcomeResult, Permission};

/// The longest post-mortem, in bytes.
const LONGEST: usize = 256 * 1024;

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
            let said = if written.trim().is_empty() { "Post-mortem written from the trail again" } else { "Post-mortem kept" };
            this.say(&caller, &incident, EventKind::PostMortemWritten, said, this.rooms.now()).await?;
            incident.post_mortem = Some(written).filter(|text| !text.trim().is_empty());
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
    let affected = if incident.affected.is_empty() { "_Say who noticed what._" } else { &plain(&incident.affected) };
    let _ = writeln!(out, "Affected: {affected}\n");
    if let Some(duration) = timeline.to_mitigate.or(timeline.to_resolve) {
        let _ = writeln!(out, "It lasted {}.", span(duration));
    }
    if !incident.latest_update.is_empty() {
        let _ = writeln!(out, "\nLatest word: {}", plain(&incident.latest_update));
    }
    let _ = writeln!(out, "\n## Timeline\n\nAll times are UTC.\n");
    for entry in &timeline.entries {
        line(&mut out, entry);
    }
    if timeline.cut {
        let _ = writeln!(out, "\nEarlier entries are left out: the audit trail has them.");
    }
    actions(&mut out, timeline);
    skipped(&mut out, timeline);
    let _ = writeln!(out, "\n## Follow-ups\n");
    for task in follow_ups(view, timeline) {
        let _ = writeln!(out, "- [ ] {task}");
    }
    out
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
    row("People", people.join(", "));
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
    let _ = writeln!(out, "- `{}` {who}{}{result}", of_day(entry.at), plain(&entry.words));
    if entry.kind != EventKind::ExecutionIntent && entry.kind != EventKind::MessageIntent {
        for detail in entry.details.iter().take(3) {
            let _ = writeln!(out, "  - {}", plain(&first_line(detail)));
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
    let mut none = true;
    for entry in changed {
        if none {
            let _ = writeln!(out, "| Time | Who | What | Result |\n|---|---|---|---|");
            none = false;
        }
        let who = match &entry.lane {
            Lane::System => "the portal".to_owned(),
            Lane::Person(_, name) => plain(name),
        };
        let what = entry.details.first().map_or_else(|| plain(&entry.words), |text| code(&first_line(text)));
        let result = entry.result.map_or("not ended", OutcomeResult::word);
        let _ = writeln!(out, "| {} | {who} | {} | {result} |", of_day(entry.at), what.replace('|', "\\|"));
    }
    if none {
        let _ = writeln!(out, "Nothing was changed through the portal.");
    }
}

/// What was left out, with the reason.
fn omitted(timeline: &Timeline) -> impl Iterator<Item = &Entry> {
    timeline.entries.iter().filter(|entry| entry.kind == EventKind::StepMarked && entry.words.starts_with("Skipped"))
}

fn skipped(out: &mut String, timeline: &Timeline) {
    let _ = writeln!(out, "\n## Skipped, and why\n");
    let mut none = true;
    for entry in omitted(timeline) {
        none = false;
        let reason = entry.details.first().map_or_else(|| "no reason given".to_owned(), |why| plain(&first_line(why)));
        let _ = writeln!(out, "- {}: {reason}", plain(&entry.words));
    }
    if none {
        let _ = writeln!(out, "Nothing was skipped.");
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
        let task = format!("{} {trouble}: mend the runbook or what it acts on.", plain(&entry.words));
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
    fn hostile_text_stays_text() {
        assert_eq!(plain("a|b <script> [x](y)\nz"), "a\\|b \\<script\\> \\[x\\](y) z");
        let html =
            runbook::document(&format!("- {}\n- {}", plain("<img src=x> **b** http://e.example"), code("a``b`")));
        let html = html.as_str();
        assert!(!html.contains("<img") && !html.contains("<strong>") && !html.contains("<a "), "{html}");
        assert!(html.contains("<code>a``b`</code>"), "{html}");
    }
}
