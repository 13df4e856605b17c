//! What a call asks for, as data.

use std::time::Duration;

use super::Selection;
use super::create::Create;
use super::inside::{Exec, Forward, Run};
use super::look::{CanI, Describe, Drain, Version, Wait};
use super::manifests::{Apply, Manifests, Replace};
use super::set::{Mark, Set};

/// What a call asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// `get`
    Get(Get),
    /// `scale`
    Scale(Scale),
    /// `rollout …`
    Rollout(Rollout),
    /// `logs`
    Logs(Logs),
    /// `delete`
    Delete(Delete),
    /// `top pod`, `top node`
    Top(Top),
    /// `patch`
    Patch(Patch),
    /// `cordon`, `uncordon`
    Cordon(Cordon),
    /// `kubectl edit`
    Edit(Edit),
    /// `apply`
    Apply(Apply),
    /// `create …`
    Create(Create),
    /// `replace`
    Replace(Replace),
    /// `set …`
    Set(Set),
    /// `label`, `annotate`
    Mark(Mark),
    /// `exec`
    Exec(Exec),
    /// `run`
    Run(Run),
    /// `port-forward`
    Forward(Forward),
    /// `describe`
    Describe(Describe),
    /// `drain`
    Drain(Drain),
    /// `wait`
    Wait(Wait),
    /// `auth can-i`
    CanI(CanI),
    /// `version`
    Version(Version),
    /// `cluster-info`
    ClusterInfo,
    /// A verb that is understood as far as its effect and targets, and that the portal does not perform itself.
    Other,
}

/// How objects are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A table, as the server draws it.
    Table,
    /// The table with all its columns.
    Wide,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// `kind/name`
    Name,
    /// kubectl's JSONPath template.
    JsonPath(String),
    /// The template's results as a JSON list.
    JsonPathAsJson(String),
    /// `HEADER:path,HEADER:path`
    CustomColumns(String),
}

/// Whether a change is only tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// It is real.
    None,
    /// Nothing is sent.
    Client,
    /// The server tries it and keeps nothing.
    Server,
}

/// Whether objects are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// They are listed once.
    No,
    /// They are listed, then followed.
    After,
    /// They are followed without being listed.
    Only,
}

/// `kubectl get`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Get {
    /// Which objects.
    pub selection: Selection,
    /// Label selector.
    pub selector: Option<String>,
    /// Field selector.
    pub field_selector: Option<String>,
    /// How they are written.
    pub output: Output,
    /// `--no-headers`
    pub no_headers: bool,
    /// `--show-kind`
    pub show_kind: bool,
    /// `--show-labels`
    pub show_labels: bool,
    /// `-L`: labels shown as columns.
    pub label_columns: Vec<String>,
    /// The path to sort by, as given.
    pub sort_by: Option<String>,
    /// Whether they are followed.
    pub watch: Watch,
    /// `--output-watch-events`
    pub watch_events: bool,
    /// `--ignore-not-found`
    pub ignore_not_found: bool,
    /// Objects in one page of a list; 0 for all at once.
    pub chunk_size: u32,
    /// `--show-managed-fields`
    pub managed_fields: bool,
    /// The subresource to read instead of the object.
    pub subresource: Option<String>,
    /// Whether a template's missing key is empty rather than an error.
    pub missing_keys_allowed: bool,
}

/// `kubectl scale`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Which objects.
    pub selection: Selection,
    /// Label selector.
    pub selector: Option<String>,
    /// `--all`
    pub all: bool,
    /// The wanted size.
    pub replicas: u32,
    /// The size it must have now.
    pub current_replicas: Option<i64>,
    /// The resource version it must have now.
    pub resource_version: Option<String>,
    /// How long to wait for the size; `None` not to wait.
    pub timeout: Option<Duration>,
    /// Whether it is only tried.
    pub dry_run: DryRun,
    /// How the result is written; `None` for a sentence.
    pub output: Option<Output>,
}

/// `kubectl rollout …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// What to do.
    pub verb: RolloutVerb,
    /// Which objects.
    pub selection: Selection,
    /// Label selector.
    pub selector: Option<String>,
    /// How the result is written; `None` for a sentence.
    pub output: Option<Output>,
}

/// The verbs of `kubectl rollout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutVerb {
    /// Starts the pods anew.
    Restart,
    /// Tells how far a rollout is.
    Status {
        /// Whether to wait until it is done.
        watch: bool,
        /// How long to wait; `None` for ever.
        timeout: Option<Duration>,
        /// The revision that must be the running one; 0 for any.
        revision: i64,
    },
    /// Lists the revisions.
    History {
        /// The revision to show in full; 0 for the list.
        revision: i64,
    },
    /// Goes back to a revision.
    Undo {
        /// The revision; 0 for the one before.
        to_revision: i64,
        /// Whether it is only tried.
        dry_run: DryRun,
    },
    /// Holds rollouts back.
    Pause,
    /// Lets rollouts go on.
    Resume,
}

/// Whose logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogsOf {
    /// One object, `TYPE` and `NAME`; a bare name is a pod.
    Object(String, String),
    /// The pods of a label selector.
    Selector(String),
}

/// `kubectl logs`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// Whose.
    pub of: LogsOf,
    /// The container.
    pub container: Option<String>,
    /// `--all-containers`
    pub all_containers: bool,
    /// `--all-pods`
    pub all_pods: bool,
    /// `-f`
    pub follow: bool,
    /// `-p`
    pub previous: bool,
    /// `--timestamps`
    pub timestamps: bool,
    /// `--prefix`
    pub prefix: bool,
    /// `--ignore-errors`
    pub ignore_errors: bool,
    /// Lines from the end; `None` for all.
    pub tail: Option<i64>,
    /// Seconds back from now.
    pub since_seconds: Option<i64>,
    /// RFC 3339 time.
    pub since_time: Option<String>,
    /// Bytes at most.
    pub limit_bytes: Option<i64>,
    /// Streams followed at once, at most.
    pub max_requests: i64,
    /// How long to wait for a first pod.
    pub pod_timeout: Duration,
}

/// What happens to the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cascade {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// What `kubectl delete` deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteOf {
    /// Objects named in words.
    Words(Selection),
    /// Those that manifests name.
    Manifests(Manifests),
}

/// `kubectl delete`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// Which objects.
    pub of: DeleteOf,
    /// Label selector.
    pub selector: Option<String>,
    /// Field selector.
    pub field_selector: Option<String>,
    /// `--all`
    pub all: bool,
    /// Seconds given to end; `None` for the object's own.
    pub grace_seconds: Option<u32>,
    /// `--force`
    pub force: bool,
    /// Whether to wait until they are gone.
    pub wait: bool,
    /// How long to wait; `None` for a week, as kubectl does.
    pub timeout: Option<Duration>,
    /// Whether an object that is not there is no error.
    pub ignore_not_found: bool,
    /// Whether it is only tried.
    pub dry_run: DryRun,
    /// What happens to dependents.
    pub cascade: Cascade,
    /// `-o name`
    pub name_only: bool,
}

/// What `top` orders by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// The name.
    Name,
    /// Processor time, greatest first.
    Cpu,
    /// Memory, greatest first.
    Memory,
}

/// What `top` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopOf {
    /// Pods.
    Pods {
        /// A line for each container.
        containers: bool,
        /// A line with the sum.
        sum: bool,
    },
    /// Nodes.
    Nodes {
        /// Percentages of the capacity rather than of what can be allocated.
        capacity: bool,
    },
}

/// `kubectl top`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Top {
    /// What.
    pub of: TopOf,
    /// One of them.
    pub name: Option<String>,
    /// Label selector.
    pub selector: Option<String>,
    /// Field selector.
    pub field_selector: Option<String>,
    /// The order.
    pub sort_by: SortBy,
    /// `--no-headers`
    pub no_headers: bool,
}

/// The kinds of patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own.
    Strategic,
}

/// Where a patch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchText {
    /// In the call.
    Given(String),
    /// In a file of the caller.
    File(String),
}

/// `kubectl patch`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Which objects.
    pub selection: Selection,
    /// The patch, JSON or YAML; or a file of the caller that holds it.
    pub patch: PatchText,
    /// How it is meant.
    pub kind: PatchKind,
    /// The subresource to patch.
    pub subresource: Option<String>,
    /// Whether it is only tried.
    pub dry_run: DryRun,
    /// How the result is written; `None` for a sentence.
    pub output: Option<Output>,
}

/// Whether a node takes new pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// `cordon`
    Stop,
    /// `uncordon`
    Resume,
}

/// `kubectl edit`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is edited.
    pub selection: Selection,
}

/// `kubectl cordon`, `kubectl uncordon`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cordon {
    /// Which way.
    pub schedule: Schedule,
    /// The nodes named.
    pub nodes: Vec<String>,
    /// Label selector.
    pub selector: Option<String>,
    /// Whether it is only tried.
    pub dry_run: DryRun,
}
