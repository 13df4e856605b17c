//! `kubectl set env|image|resources`, `kubectl label`, `kubectl annotate`: small changes named in words.

use super::commands::{DryRun, Output};
use super::pflag::Arguments;
use super::read::{CHANGE_FORMATS, dry_run, files_refused, output};
use super::{Selection, usage};
use crate::Refusal;

/// `kubectl set …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Which objects.
    pub selection: Selection,
    /// Label selector.
    pub selector: Option<String>,
    /// `--all`
    pub all: bool,
    /// What is set.
    pub what: Setting,
    /// Whether it is only tried.
    pub dry_run: DryRun,
    /// How the result is written; `None` for a sentence.
    pub output: Option<Output>,
}

/// What `kubectl set` sets in the containers of a pod template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `set env`
    Env(Variables),
    /// `set image`: container (`*` for all) and image.
    Image(Vec<(String, String)>),
    /// `set resources`: name and amount of each.
    Resources {
        /// Which containers, by a pattern with `*`.
        containers: String,
        /// `--limits`
        limits: Vec<(String, String)>,
        /// `--requests`
        requests: Vec<(String, String)>,
    },
}

/// What `kubectl set env` does to variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variables {
    /// Which containers, by a pattern with `*`.
    pub containers: String,
    /// Set to these values.
    pub set: Vec<(String, String)>,
    /// Taken away.
    pub removed: Vec<String>,
    /// `--list`: only shown.
    pub list: bool,
    /// `--from`: `configmap/name` or `secret/name`, as written.
    pub from: Option<String>,
    /// Goes before each name that comes from there.
    pub prefix: String,
    /// Which keys come from there; all where empty.
    pub keys: Vec<String>,
    /// `--overwrite=false` leaves what is set already.
    pub overwrite: bool,
}

/// `kubectl label`, `kubectl annotate`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where the marks are.
    pub place: MarkPlace,
    /// Which objects.
    pub selection: Selection,
    /// Label selector.
    pub selector: Option<String>,
    /// Field selector.
    pub field_selector: Option<String>,
    /// `--all`
    pub all: bool,
    /// `--overwrite`
    pub overwrite: bool,
    /// `--list`
    pub list: bool,
    /// The resource version it must have now.
    pub resource_version: Option<String>,
    /// Set to these values.
    pub set: Vec<(String, String)>,
    /// Taken away.
    pub removed: Vec<String>,
    /// Whether it is only tried.
    pub dry_run: DryRun,
    /// How the result is written; `None` for a sentence.
    pub output: Option<Output>,
}

/// Where a mark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkPlace {
    /// `metadata.labels`
    Labels,
    /// `metadata.annotations`
    Annotations,
}

/// Whether a word sets or takes away: `NAME=value`, `NAME-`.
pub(super) fn assigns(word: &str) -> bool {
    word.contains('=') || word.ends_with('-')
}

/// The words that name objects, and after them those that set and take away.
type Parts = (Selection, Vec<(String, String)>, Vec<String>);

fn parts(given: &Arguments, what: &str, nothing: &str) -> Result<Parts, Refusal> {
    let at = given.words.iter().position(|word| assigns(word)).unwrap_or(given.words.len());
    let (named, changes) = given.words.split_at(at);
    if let Some(word) = changes.iter().find(|word| !assigns(word)) {
        return Err(usage(format!("error: all resources must be specified before {what} changes: {word}")));
    }
    let selection = Selection::read(named)?.ok_or_else(|| usage(nothing))?;
    let (mut set, mut removed) = (Vec::new(), Vec::new());
    for word in changes {
        match word.split_once('=') {
            Some((name, value)) => set.push((name.to_owned(), value.to_owned())),
            None => removed.push(word.trim_end_matches('-').to_owned()),
        }
    }
    if let Some(both) = removed.iter().find(|name| set.iter().any(|(set, _)| set == *name)) {
        return Err(usage(format!(
            "error: can not both modify and remove {} {what} in the same command",
            quoted(both)
        )));
    }
    Ok((selection, set, removed))
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

const NOTHING: &str = "error: one or more resources must be specified as <resource> <name> or <resource>/<name>";

pub(super) fn set(verb: &str, given: &Arguments) -> Result<Set, Refusal> {
    files_refused(verb, given)?;
    if given.on("local") || given.on("resolve") {
        return Err(Refusal::not_permitted(format!(
            "kubectl {verb} --local and --resolve are not performed by this portal: use --dry-run=server, and read \
             values where they are kept"
        )));
    }
    let containers = given.text("containers").unwrap_or_else(|| "*".to_owned());
    let (selection, what) = match verb {
        "set env" => {
            let mut with_flags = parts(given, "environment variables", NOTHING)?;
            for word in given.every("env") {
                match word.split_once('=') {
                    Some((name, value)) => with_flags.1.push((name.to_owned(), value.to_owned())),
                    None => {
                        return Err(usage(format!(
                            "error: environment variables must be of the form key=value: {word}"
                        )));
                    }
                }
            }
            let (selection, set, removed) = with_flags;
            let variables = Variables {
                containers,
                set,
                removed,
                list: given.on("list"),
                from: given.text("from"),
                prefix: given.text("prefix").unwrap_or_default(),
                keys: given.list("keys"),
                overwrite: !given.off("overwrite"),
            };
            if variables.list && given.given("output") {
                return Err(usage("error: --list and --output may not be specified together"));
            }
            if let Some((name, _)) = variables.set.iter().find(|(name, _)| name.is_empty()) {
                return Err(usage(format!("error: invalid parameter assignment in \"set env\": {name:?}")));
            }
            (selection, Setting::Env(variables))
        }
        "set image" => {
            let (selection, images, _) = parts(given, "image", NOTHING)?;
            if images.is_empty() {
                return Err(usage("error: at least one image update is required"));
            }
            (selection, Setting::Image(images))
        }
        _ => {
            let selection = Selection::read(&given.words)?.ok_or_else(|| usage(NOTHING))?;
            let (limits, requests) = (amounts(given, "limits")?, amounts(given, "requests")?);
            if limits.is_empty() && requests.is_empty() {
                return Err(usage(
                    "error: you must specify an update to requests or limits (in the form of --requests/--limits)",
                ));
            }
            (selection, Setting::Resources { containers, limits, requests })
        }
    };
    let selector = given.text("selector");
    if given.on("all") && selector.is_some() {
        return Err(usage("error: cannot set --all and --selector at the same time"));
    }
    Ok(Set {
        selection,
        selector,
        all: given.on("all"),
        what,
        dry_run: dry_run(given)?,
        output: output(given, CHANGE_FORMATS)?,
    })
}

fn amounts(given: &Arguments, flag: &str) -> Result<Vec<(String, String)>, Refusal> {
    let Some(text) = given.text(flag) else { return Ok(Vec::new()) };
    text.split(',')
        .map(|part| match part.split_once('=') {
            Some((name, amount)) => Ok((name.to_owned(), amount.to_owned())),
            None => Err(usage(format!("error: invalid argument syntax {part}, expected <resource>=<value>"))),
        })
        .collect()
}

pub(super) fn mark(place: MarkPlace, verb: &str, given: &Arguments) -> Result<Mark, Refusal> {
    files_refused(verb, given)?;
    if given.on("local") {
        return Err(Refusal::not_permitted(format!(
            "kubectl {verb} --local is not performed by this portal: use --dry-run=server"
        )));
    }
    let (what, needed) = match place {
        MarkPlace::Labels => ("label", "error: at least one label update is required"),
        MarkPlace::Annotations => ("annotation", "error: at least one annotation update is required"),
    };
    let (selection, set, removed) =
        parts(given, what, "error: one or more resources must be specified as <resource> <name> or <resource>/<name>")?;
    let list = given.on("list");
    if set.is_empty() && removed.is_empty() && !list {
        return Err(usage(needed));
    }
    Ok(Mark {
        place,
        selection,
        selector: given.text("selector"),
        field_selector: given.text("field-selector"),
        all: given.on("all"),
        overwrite: given.on("overwrite"),
        list,
        resource_version: given.text("resource-version"),
        set,
        removed,
        dry_run: dry_run(given)?,
        output: output(given, CHANGE_FORMATS)?,
    })
}
