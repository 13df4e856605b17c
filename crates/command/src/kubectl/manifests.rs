//! Verbs that take objects from manifests: `apply`, `create -f`, `replace`, `delete -f`.

use super::commands::{DryRun, Output};
use super::pflag::Arguments;
use super::read::{CHANGE_FORMATS, dry_run, output};
use super::usage;
use crate::Refusal;

/// Where manifests come from: files of the caller, and `-` for its standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifests {
    /// As the caller wrote them; never empty.
    pub files: Vec<String>,
}

/// How strictly the server looks at fields that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// They are refused.
    Strict,
    /// They are dropped, with a warning.
    Warn,
    /// They are dropped.
    Ignore,
}

impl Validation {
    /// The value of the API's `fieldValidation`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Warn => "Warn",
            Self::Ignore => "Ignore",
        }
    }
}

/// Who merges what is applied with what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// kubectl, with the annotation of what was applied last.
    Client {
        /// `--overwrite`: whether the manifest wins over what others changed.
        overwrite: bool,
    },
    /// The server, which keeps an owner for each field.
    Server {
        /// `--force-conflicts`
        force: bool,
        /// `--field-manager`
        manager: String,
    },
}

/// `kubectl apply`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apply {
    /// What is applied.
    pub manifests: Manifests,
    /// Who merges.
    pub merge: Merge,
    /// `--validate`
    pub validation: Validation,
    /// Whether it is only tried.
    pub dry_run: DryRun,
    /// How the result is written; `None` for a sentence.
    pub output: Option<Output>,
}

/// `kubectl replace`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replace {
    /// What stands afterwards.
    pub manifests: Manifests,
    /// `--validate`
    pub validation: Validation,
    /// Whether it is only tried.
    pub dry_run: DryRun,
    /// How the result is written; `None` for a sentence.
    pub output: Option<Output>,
}

/// Reads `-f`; `None` where it is not given.
pub(super) fn manifests(verb: &str, given: &Arguments) -> Result<Option<Manifests>, Refusal> {
    if given.given("kustomize") {
        return Err(Refusal::not_permitted(format!(
            "kubectl {verb} -k is not performed by this portal: build the manifests beside the runbook and use -f"
        )));
    }
    let files = given.list("filename");
    if files.is_empty() {
        return Ok(None);
    }
    if given.on("recursive") {
        return Err(Refusal::not_permitted(format!(
            "kubectl {verb} --recursive is not performed by this portal: name the files with -f"
        )));
    }
    if given.given("selector") {
        return Err(Refusal::not_permitted(format!(
            "kubectl {verb} -f with a selector is not performed by this portal: keep what is meant in a file of its own"
        )));
    }
    Ok(Some(Manifests { files }))
}

fn required(verb: &str, given: &Arguments) -> Result<Manifests, Refusal> {
    let manifests = manifests(verb, given)?.ok_or_else(|| usage("error: must specify one of -f and -k"))?;
    if !given.words.is_empty() {
        return Err(usage(format!(
            "error: Unexpected args: [{}]\nSee 'kubectl {verb} -h' for help and examples",
            given.words.join(" ")
        )));
    }
    Ok(manifests)
}

/// `--validate`
pub(super) fn validation(given: &Arguments) -> Result<Validation, Refusal> {
    match given.text("validate").as_deref() {
        None | Some("strict" | "true") => Ok(Validation::Strict),
        Some("warn") => Ok(Validation::Warn),
        Some("ignore" | "false") => Ok(Validation::Ignore),
        Some(other) => Err(usage(format!(
            "error: invalid - validate option {other:?}; must be one of: strict (or true), warn, ignore (or false)"
        ))),
    }
}

pub(super) fn apply(given: &Arguments) -> Result<Apply, Refusal> {
    for (name, instead) in [
        ("prune", "delete what is not wanted by name"),
        ("force", "delete and apply in two commands"),
        ("subresource", "patch the subresource"),
    ] {
        if given.on(name) || (name == "subresource" && given.given(name)) {
            return Err(Refusal::not_permitted(format!(
                "kubectl apply --{name} is not performed by this portal: {instead}"
            )));
        }
    }
    let dry_run = dry_run(given)?;
    let merge = match (given.on("server-side"), given.on("force-conflicts")) {
        (false, true) => return Err(usage("error: --force-conflicts only works with --server-side")),
        (false, false) => Merge::Client { overwrite: !given.off("overwrite") },
        (true, _) if dry_run == DryRun::Client => {
            return Err(usage(
                "error: --dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
            ));
        }
        (true, force) => {
            Merge::Server { force, manager: given.text("field-manager").unwrap_or_else(|| "kubectl".to_owned()) }
        }
    };
    Ok(Apply {
        manifests: required("apply", given)?,
        merge,
        validation: validation(given)?,
        dry_run,
        output: output(given, CHANGE_FORMATS)?,
    })
}

pub(super) fn replace(given: &Arguments) -> Result<Replace, Refusal> {
    if given.on("force") || given.given("subresource") {
        return Err(Refusal::not_permitted(
            "kubectl replace --force and --subresource are not performed by this portal: delete and create in two \
             commands, or patch the subresource",
        ));
    }
    Ok(Replace {
        manifests: required("replace", given)?,
        validation: validation(given)?,
        dry_run: dry_run(given)?,
        output: output(given, CHANGE_FORMATS)?,
    })
}
