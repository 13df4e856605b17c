//! Verbs that look, and `drain`: `describe`, `wait`, `version`, `cluster-info`, `auth can-i`.

use std::time::Duration;

use super::commands::{DryRun, Output};
use super::pflag::Arguments;
use super::read::{dry_run, files_refused, output};
use super::{Selection, usage};
use crate::Refusal;

/// `kubectl describe`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Describe {
    /// Which objects.
    pub selection: Selection,
    /// Label selector.
    pub selector: Option<String>,
    /// `--show-events`
    pub events: bool,
}

/// What `kubectl wait` waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// It is there.
    Create,
    /// It is gone.
    Delete,
    /// A condition has a status.
    Condition {
        /// Its type, in any case.
        kind: String,
        /// The status, in any case: `true`.
        status: String,
    },
    /// A path has a value; `None` for any.
    Path {
        /// kubectl's JSONPath, with its braces.
        path: String,
        /// The value as text.
        value: Option<String>,
    },
}

/// `kubectl wait`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Which objects.
    pub selection: Selection,
    /// Label selector.
    pub selector: Option<String>,
    /// Field selector.
    pub field_selector: Option<String>,
    /// `--all`
    pub all: bool,
    /// What for.
    pub condition: WaitFor,
    /// How long; `None` to look once.
    pub timeout: Option<Duration>,
    /// How the result is written; `None` for a sentence.
    pub output: Option<Output>,
}

/// `kubectl drain`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// The nodes named.
    pub nodes: Vec<String>,
    /// Label selector of nodes.
    pub selector: Option<String>,
    /// Label selector of pods: others stay.
    pub pod_selector: Option<String>,
    /// `--ignore-daemonsets`
    pub ignore_daemon_sets: bool,
    /// `--delete-emptydir-data`
    pub delete_local_data: bool,
    /// `--force`: pods that nobody makes again go too.
    pub force: bool,
    /// `--disable-eviction`: budgets are not asked.
    pub disable_eviction: bool,
    /// Seconds given to end; `None` for the pod's own.
    pub grace_seconds: Option<u32>,
    /// How long to try; `None` for ever.
    pub timeout: Option<Duration>,
    /// Whether it is only tried.
    pub dry_run: DryRun,
}

/// `kubectl auth can-i`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanI {
    /// The verb.
    pub verb: String,
    /// The type as written.
    pub kind: String,
    /// One object.
    pub name: Option<String>,
    /// `--subresource`, or what stands after the type's slash.
    pub subresource: String,
    /// `-q`: only the exit code tells.
    pub quiet: bool,
}

/// `kubectl version`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// `--client`
    pub client_only: bool,
    /// `json` or `yaml`; `None` for lines.
    pub output: Option<Output>,
}

pub(super) fn describe(given: &Arguments) -> Result<Describe, Refusal> {
    files_refused("describe", given)?;
    let selection = Selection::read(&given.words)?
        .ok_or_else(|| usage("error: You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources."))?;
    Ok(Describe { selection, selector: given.text("selector"), events: !given.off("show-events") })
}

pub(super) fn wait(given: &Arguments) -> Result<Wait, Refusal> {
    files_refused("wait", given)?;
    if given.on("local") {
        return Err(Refusal::not_permitted("kubectl wait --local is not performed by this portal"));
    }
    let Some(text) = given.text("for") else {
        return Err(usage("error: unrecognized condition: \"\""));
    };
    let condition = match text.split_once('=') {
        None if text.eq_ignore_ascii_case("delete") => WaitFor::Delete,
        None if text.eq_ignore_ascii_case("create") => WaitFor::Create,
        Some((kind, condition)) if kind.eq_ignore_ascii_case("condition") => {
            let (kind, status) = condition.split_once('=').unwrap_or((condition, "true"));
            WaitFor::Condition { kind: kind.to_owned(), status: status.to_owned() }
        }
        Some((kind, path)) if kind.eq_ignore_ascii_case("jsonpath") => {
            let end = path.rfind('}').map_or(path.len(), |at| at + 1);
            let (path, rest) = path.split_at(end);
            let path = if path.starts_with('{') { path.to_owned() } else { format!("{{{path}}}") };
            let value = rest.strip_prefix('=').map(str::to_owned);
            if !rest.is_empty() && value.as_deref().is_none_or(str::is_empty) {
                return Err(usage(
                    "error: jsonpath wait format must be --for=jsonpath='{}'=value or --for=jsonpath='{}'",
                ));
            }
            WaitFor::Path { path, value }
        }
        _ => return Err(usage(format!("error: unrecognized condition: {text:?}"))),
    };
    let selection = Selection::required(&given.words)?;
    let nanoseconds = given.nanoseconds("timeout").unwrap_or(30_000_000_000);
    // Negative stands for a week, as kubectl has it.
    let timeout = match u64::try_from(nanoseconds) {
        Ok(0) => None,
        Ok(length) => Some(Duration::from_nanos(length)),
        Err(_) => Some(Duration::from_secs(168 * 3_600)),
    };
    Ok(Wait {
        selection,
        selector: given.text("selector"),
        field_selector: given.text("field-selector"),
        all: given.on("all"),
        condition,
        timeout,
        output: output(given, super::read::CHANGE_FORMATS)?,
    })
}

pub(super) fn drain(given: &Arguments) -> Result<Drain, Refusal> {
    let selector = given.text("selector");
    if given.words.is_empty() && selector.is_none() {
        return Err(usage("error: USAGE: drain NODE [flags]\nSee 'kubectl drain -h' for help and examples"));
    }
    if !given.words.is_empty() && selector.is_some() {
        return Err(usage(
            "error: cannot specify both a node name and a --selector option\nSee 'kubectl drain -h' for help and examples",
        ));
    }
    Ok(Drain {
        nodes: given.words.clone(),
        selector,
        pod_selector: given.text("pod-selector"),
        ignore_daemon_sets: given.on("ignore-daemonsets"),
        delete_local_data: given.on("delete-emptydir-data"),
        force: given.on("force"),
        disable_eviction: given.on("disable-eviction"),
        grace_seconds: given.number("grace-period").and_then(|seconds| u32::try_from(seconds).ok()),
        timeout: super::read::wait(given),
        dry_run: dry_run(given)?,
    })
}

pub(super) fn can_i(given: &Arguments) -> Result<CanI, Refusal> {
    if given.on("list") {
        return Err(Refusal::not_permitted(
            "kubectl auth can-i --list is not performed by this portal: ask for a verb and a type",
        ));
    }
    let (verb, kind, name) = match given.words.as_slice() {
        [verb, kind] => (verb, kind, None),
        [verb, kind, name] => (verb, kind, Some(name.clone())),
        _ => {
            return Err(usage(
                "error: you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth \
                 can-i -h' for help and examples.",
            ));
        }
    };
    if kind.starts_with('/') {
        return Err(Refusal::not_permitted(
            "kubectl auth can-i for an address is not performed by this portal: ask for a type",
        ));
    }
    let (kind, of_kind) = kind.split_once('/').unwrap_or((kind, ""));
    Ok(CanI {
        verb: verb.clone(),
        kind: kind.to_owned(),
        name: name.or_else(|| Some(of_kind.to_owned()).filter(|name| !name.is_empty())),
        subresource: given.text("subresource").unwrap_or_default(),
        quiet: given.on("quiet"),
    })
}

pub(super) fn version(given: &Arguments) -> Result<Version, Refusal> {
    let output = match given.text("output").as_deref() {
        None => None,
        Some("json") => Some(Output::Json),
        Some("yaml") => Some(Output::Yaml),
        Some(_) => return Err(usage("error: --output must be 'yaml' or 'json'")),
    };
    Ok(Version { client_only: given.on("client"), output })
}
