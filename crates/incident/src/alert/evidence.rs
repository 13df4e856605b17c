//! What speaks for a procedure, and how much.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use runbook::{Line, Passage, PassageKind, Procedure, ProcedureId, Runbook};

use super::address::{Address, Names};
use super::{Alert, Candidate};
use crate::words::{Word, has_word, shortened, telling};

/// How much of each text of an alert is read, in characters.
const LONGEST: usize = 1000;

/// The longest name of an alert, in characters; what is longer is read so far.
const LONGEST_NAME: usize = 200;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 300;

/// The most labels that are looked at.
const MOST_LABELS: usize = 64;

/// Less than this is chance.
const LEAST: u32 = 80;

/// The most words that a reason names.
const MOST_WORDS: usize = 3;

/// Beginnings of words in labels above symptoms.
const SYMPTOMS: &[&str] = &["symptom", "sign", "alert", "trigger", "when"];

/// Labels of an alert that name what it is about, and what a command's target of that name is called.
const SUBJECTS: &[&str] = &[
    "deployment",
    "service",
    "app",
    "application",
    "app_kubernetes_io_name",
    "label_app",
    "job",
    "container",
    "statefulset",
    "daemonset",
    "queue",
    "database",
    "db",
    "cluster",
    "pod",
    "exported_service",
    "name",
];

/// An alert in the form in which it is compared.
pub(super) struct Asked {
    name: String,
    name_words: Vec<(String, u32)>,
    text_words: BTreeSet<String>,
    address: Option<Address>,
    subjects: BTreeMap<String, String>,
    namespace: Option<String>,
}

/// The texts of a procedure.
#[derive(Default)]
struct Texts<'r> {
    symptoms: Vec<&'r Line>,
    lines: Vec<&'r Line>,
    fences: Vec<&'r str>,
    /// The places of its sections.
    places: Vec<usize>,
}

impl Asked {
    pub(super) fn of(alert: &Alert) -> Self {
        let name: String = alert.name.trim().chars().take(LONGEST_NAME).collect();
        let mut name_words: Vec<(String, u32)> = Vec::new();
        for word in telling(&name) {
            let weight = word.weight();
            if name_words.iter().all(|(known, _)| *known != word.stem) {
                name_words.push((word.stem, weight));
            }
        }
        let texts = ["summary", "description", "message", "title"].iter().filter_map(|key| alert.annotations.get(*key));
        let text_words = texts
            .flat_map(|text| {
                telling(&beginning(text)).filter(|word| word.weight() > 1).map(|word| word.stem).collect::<Vec<_>>()
            })
            .filter(|word| name_words.iter().all(|(known, _)| known != word))
            .collect();
        let labels = alert.labels.iter().take(MOST_LABELS).filter(|(_, value)| value.len() <= LONGEST);
        let subject = |key: &str| SUBJECTS.contains(&key);
        Self {
            text_words,
            address: Address::of(&alert.annotations),
            subjects: labels
                .filter(|(key, value)| subject(key) && !value.is_empty())
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            namespace: alert.labels.get("namespace").filter(|value| !value.is_empty()).cloned(),
            name,
            name_words,
        }
    }

    /// The procedures of a runbook that something speaks for.
    pub(super) fn candidates(&self, runbook: &Runbook) -> Vec<Candidate> {
        let mut texts: HashMap<&ProcedureId, Texts<'_>> = HashMap::new();
        for (at, section) in runbook.sections.iter().enumerate() {
            let Some(procedure) = &section.procedure else { continue };
            let texts = texts.entry(procedure).or_default();
            texts.places.push(at);
            section.passages.iter().for_each(|passage| texts.add(passage));
        }
        let behind = self.address.as_ref().and_then(|address| address.runbook(runbook));
        let empty = Texts::default();
        let candidate = |procedure: &std::sync::Arc<Procedure>| {
            let texts = texts.get(&procedure.id).unwrap_or(&empty);
            self.candidate(runbook, procedure, texts, behind)
        };
        runbook.procedures.iter().filter_map(candidate).collect()
    }

    fn candidate(
        &self,
        runbook: &Runbook,
        procedure: &Procedure,
        texts: &Texts<'_>,
        behind: Option<usize>,
    ) -> Option<Candidate> {
        let mut found = Evidence::default();
        let names = self.address.as_ref().and_then(|address| address.names(runbook, procedure, &texts.places, behind));
        match names {
            Some(Names::Section) => found.add(1000, "its runbook_url names this section"),
            Some(Names::SectionAbove) => found.add(350, "its runbook_url names the section above"),
            Some(Names::Anchor) => found.add(250, "its runbook_url names a section like this"),
            Some(Names::Runbook) | None => {}
        }
        self.by_name(texts, &mut found);
        self.by_heading(&procedure.title, &mut found);
        self.by_symptoms(texts, &mut found);
        if found.score < LEAST {
            return None;
        }
        // What follows tells where, not what: it only adds.
        if names == Some(Names::Runbook) {
            found.add(150, "its runbook_url names this runbook");
        }
        self.by_labels(runbook, procedure, &mut found);
        Some(Candidate {
            runbook: runbook.id.clone(),
            procedure: procedure.id.clone(),
            score: found.score,
            reasons: found.reasons,
        })
    }

    fn by_name(&self, texts: &Texts<'_>, found: &mut Evidence) {
        if self.name.chars().count() < 3 {
            return;
        }
        // A name of one ordinary word stands in many texts; it counts where the text says that it is an alert's.
        let is_name = self.name_words.len() > 1;
        let named = |line: &&Line| has_name(&line.text, &self.name) && (is_name || has_word(&line.text, &["alert"]));
        if texts.symptoms.iter().any(named) {
            found.add(500, format!("the symptoms name the alert {}", self.name));
        } else if texts.lines.iter().any(named) {
            found.add(400, format!("the text names the alert {}", self.name));
        }
        if texts.fences.iter().any(|fence| fence.lines().any(|line| rule(line).is_some_and(|rule| rule == self.name))) {
            found.add(120, format!("a rule for the alert {} stands in it", self.name));
        }
    }

    fn by_heading(&self, heading: &str, found: &mut Evidence) {
        let words: Vec<Word<'_>> = telling(heading).collect();
        let shared = |stem: &str| words.iter().find(|word| word.stem == stem);
        let whole: u32 = self.name_words.iter().map(|(_, weight)| weight).sum();
        let matched: u32 =
            self.name_words.iter().filter(|(stem, _)| shared(stem).is_some()).map(|(_, weight)| weight).sum();
        let is_telling =
            |words: &[(String, u32)]| words.iter().any(|(stem, weight)| *weight > 1 && shared(stem).is_some());
        let has_telling = self.name_words.iter().any(|(_, weight)| *weight > 1);
        if matched == 0 || (has_telling && !is_telling(&self.name_words)) || (!has_telling && matched < whole.max(2)) {
            return;
        }
        let in_name = |word: &&Word<'_>| self.name_words.iter().any(|(stem, _)| *stem == word.stem);
        let same: Vec<&str> = words.iter().filter(in_name).map(|word| word.written).collect();
        let score = match matched == whole {
            true if same.len() == words.len() => 350,
            true => 300,
            false => 200 * matched / whole,
        };
        found.add(score, format!("the heading says “{}”", same.join(" ")));
    }

    fn by_symptoms(&self, texts: &Texts<'_>, found: &mut Evidence) {
        let mut words: Vec<Word<'_>> = Vec::new();
        let mut seen = BTreeSet::new();
        // The alert's own name has counted.
        let lines = texts.symptoms.iter().filter(|line| !has_name(&line.text, &self.name));
        for word in lines.flat_map(|line| telling(&line.text)) {
            if word.weight() > 1 && seen.insert(word.stem.clone()) {
                words.push(word);
            }
        }
        let in_name = |word: &Word<'_>| self.name_words.iter().any(|(stem, _)| *stem == word.stem);
        let shared: Vec<&Word<'_>> =
            words.iter().filter(|word| in_name(word) || self.text_words.contains(&word.stem)).collect();
        if shared.is_empty() {
            return;
        }
        let score: u32 = shared.iter().map(|word| if in_name(word) { 40 } else { 20 }).sum();
        let named: Vec<String> = shared.iter().take(MOST_WORDS).map(|word| word.written.to_lowercase()).collect();
        found.add(score.min(200), format!("the symptoms speak of {}", listed(&named)));
    }

    fn by_labels(&self, runbook: &Runbook, procedure: &Procedure, found: &mut Evidence) {
        let targets = || procedure.commands().flat_map(|command| &command.actions).flat_map(|action| &action.targets);
        let named = targets().find_map(|target| {
            let name = target.name.as_deref()?;
            self.subjects.iter().any(|(key, value)| is_same(key, value, name)).then_some((target.kind.as_str(), name))
        });
        let selected = || {
            targets().filter_map(|target| target.selector.as_deref()).find_map(|selector| {
                let mut values = selector
                    .split(',')
                    .filter_map(|one| one.split_once('='))
                    .map(|(_, value)| value.trim_start_matches('='));
                values.find(|name| self.subjects.iter().any(|(key, value)| is_same(key, value, name)))
            })
        };
        if let Some((kind, name)) = named {
            found.add(80, format!("its commands act on {kind} {name}"));
        } else if let Some(name) = selected() {
            found.add(60, format!("its commands act on what is labelled {name}"));
        }
        if let Some(namespace) = &self.namespace
            && targets().any(|target| target.namespace.as_ref() == Some(namespace))
        {
            found.add(40, format!("its commands act in namespace {namespace}"));
        }
        let name = runbook.id.as_str().rsplit('.').next().unwrap_or_default();
        if self.subjects.values().any(|value| value == name) {
            found.add(60, format!("the runbook is about {name}"));
        }
    }
}

/// Whether a label means a thing of this name; the name of a pod begins with that of its deployment.
fn is_same(key: &str, value: &str, name: &str) -> bool {
    let pod_of =
        || key == "pod" && name.len() > 2 && value.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
    value == name || pod_of()
}

impl<'r> Texts<'r> {
    fn add(&mut self, passage: &'r Passage) {
        match &passage.kind {
            PassageKind::Line(line) | PassageKind::Item(_, line) => {
                let told = passage.label.as_ref().or(line.lead.as_ref());
                if told.is_some_and(|label| has_word(label, SYMPTOMS)) {
                    self.symptoms.push(line);
                } else {
                    self.lines.push(line);
                }
            }
            PassageKind::Fence { source, .. } => self.fences.push(source),
            PassageKind::Table(_) => {}
        }
    }
}

#[derive(Default)]
struct Evidence {
    score: u32,
    reasons: Vec<String>,
}

impl Evidence {
    fn add(&mut self, score: u32, reason: impl Into<String>) {
        self.score += score;
        self.reasons.push(shortened(&reason.into(), LONGEST_REASON));
    }
}

/// Whether a name stands in a text as a word of its own.
fn has_name(text: &str, name: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).any(|word| word == name)
}

/// The name of the alert that a line of an alerting rule defines (Prometheus, `rule_files`).
fn rule(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let name = line.strip_prefix("- ").unwrap_or(line).trim_start().strip_prefix("alert:")?;
    Some(name.trim().trim_matches(['"', '\'']))
}

fn beginning(text: &str) -> String {
    text.trim().chars().take(LONGEST).collect()
}

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}
