//! From flags and words to what a call asks for, with the checks that kubectl makes before it asks the server.

use std::time::Duration;

use super::commands::{
    Cascade, Command, Cordon, Delete, DeleteOf, DryRun, Edit, Get, Logs, LogsOf, Output, Patch, PatchKind, PatchText,
    Rollout, RolloutVerb, Scale, Schedule, SortBy, Top, TopOf, Watch,
};
use super::pflag::Arguments;
use super::selection::{self, NOTHING_NAMED};
use super::set::MarkPlace;
use super::{Selection, create, inside, look, manifests, set, usage};
use crate::Refusal;

/// Reads a call whose flags are known.
pub(super) fn command(verb: &str, given: &Arguments) -> Result<Command, Refusal> {
    Ok(match verb {
        "get" => Command::Get(get(given)?),
        "scale" => Command::Scale(scale(given)?),
        "rollout restart" => Command::Rollout(rollout(RolloutVerb::Restart, given)?),
        "rollout pause" => Command::Rollout(rollout(RolloutVerb::Pause, given)?),
        "rollout resume" => Command::Rollout(rollout(RolloutVerb::Resume, given)?),
        "rollout status" => {
            let revision = revision(given)?;
            let watch = !given.off("watch");
            Command::Rollout(rollout(RolloutVerb::Status { watch, timeout: wait(given), revision }, given)?)
        }
        "rollout history" => Command::Rollout(rollout(RolloutVerb::History { revision: revision(given)? }, given)?),
        "rollout undo" => {
            let to_revision = given.number("to-revision").unwrap_or(0);
            Command::Rollout(rollout(RolloutVerb::Undo { to_revision, dry_run: dry_run(given)? }, given)?)
        }
        "logs" => Command::Logs(logs(given)?),
        "delete" => Command::Delete(delete(given)?),
        "top pod" => {
            let of = TopOf::Pods { containers: given.on("containers"), sum: given.on("sum") };
            Command::Top(top(of, "pod", given)?)
        }
        "top node" => Command::Top(top(TopOf::Nodes { capacity: given.on("show-capacity") }, "node", given)?),
        "patch" => Command::Patch(patch(given)?),
        "edit" => Command::Edit(edit(given)?),
        "cordon" => Command::Cordon(cordon(Schedule::Stop, "cordon", given)?),
        "uncordon" => Command::Cordon(cordon(Schedule::Resume, "uncordon", given)?),
        "apply" => Command::Apply(manifests::apply(given)?),
        "replace" => Command::Replace(manifests::replace(given)?),
        "set env" | "set image" | "set resources" => Command::Set(set::set(verb, given)?),
        "label" => Command::Mark(set::mark(MarkPlace::Labels, verb, given)?),
        "annotate" => Command::Mark(set::mark(MarkPlace::Annotations, verb, given)?),
        "exec" => Command::Exec(inside::exec(given)?),
        "run" => Command::Run(inside::run(given)?),
        "port-forward" => Command::Forward(inside::forward(given)?),
        "describe" => Command::Describe(look::describe(given)?),
        "drain" => Command::Drain(look::drain(given)?),
        "wait" => Command::Wait(look::wait(given)?),
        "auth can-i" => Command::CanI(look::can_i(given)?),
        "version" => Command::Version(look::version(given)?),
        "cluster-info" => Command::ClusterInfo,
        _ if verb == "create" || verb.starts_with("create ") => {
            create::create(verb, given)?.map_or(Command::Other, Command::Create)
        }
        _ => Command::Other,
    })
}

/// The words of a verb that the portal does not perform which name objects: those before `key=value` or `key-`.
pub(super) fn selection_words<'a>(verb: &str, words: &'a [String]) -> &'a [String] {
    let assigns = matches!(verb, "label" | "annotate" | "taint") || verb.starts_with("set ");
    let end = words.iter().position(|word| assigns && set::assigns(word));
    let words = &words[..end.unwrap_or(words.len())];
    // `set selector` and `set serviceaccount` end in what is set.
    match (verb, words) {
        ("set serviceaccount", [rest @ .., _]) if words.len() > 1 => rest,
        _ => words,
    }
}

pub(super) fn files_refused(verb: &str, given: &Arguments) -> Result<(), Refusal> {
    if given.given("filename") || given.given("kustomize") {
        return Err(Refusal::not_permitted(format!(
            "kubectl {verb} -f is not performed by this portal: name the objects instead, for example \
             'kubectl {verb} deployment/NAME'"
        )));
    }
    Ok(())
}

/// `--dry-run`.
pub(super) fn dry_run(given: &Arguments) -> Result<DryRun, Refusal> {
    match given.text("dry-run").as_deref() {
        None | Some("none") => Ok(DryRun::None),
        // Given bare, which kubectl still takes for the client's.
        Some("client" | "unchanged") => Ok(DryRun::Client),
        Some("server") => Ok(DryRun::Server),
        Some(other) => {
            Err(usage(format!("error: Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\".")))
        }
    }
}

/// A wait of more than no time.
pub(super) fn wait(given: &Arguments) -> Option<Duration> {
    given
        .nanoseconds("timeout")
        .and_then(|length| u64::try_from(length).ok())
        .filter(|length| *length > 0)
        .map(Duration::from_nanos)
}

fn revision(given: &Arguments) -> Result<i64, Refusal> {
    let revision = given.number("revision").unwrap_or(0);
    if revision < 0 {
        return Err(usage(format!("error: revision must be a positive integer: {revision}")));
    }
    Ok(revision)
}

/// `-o` and `--template`; `None` when nothing was asked for.
pub(super) fn output(given: &Arguments, allowed: &str) -> Result<Option<Output>, Refusal> {
    let Some(format) = given.text("output") else {
        return match given.given("template") {
            true => Err(go_template()),
            false => Ok(None),
        };
    };
    let (name, template) = match format.split_once('=') {
        Some((name, template)) => (name, Some(template.to_owned())),
        None => (format.as_str(), given.text("template")),
    };
    let needed = |template: Option<String>| {
        template.ok_or_else(|| usage("error: template format specified but no template given"))
    };
    let table = allowed.starts_with("custom-columns");
    Ok(Some(match name.to_ascii_lowercase().as_str() {
        "json" => Output::Json,
        "yaml" => Output::Yaml,
        "name" => Output::Name,
        "jsonpath" => Output::JsonPath(needed(template)?),
        "jsonpath-as-json" => Output::JsonPathAsJson(needed(template)?),
        "wide" if table => Output::Wide,
        "custom-columns" if table => Output::CustomColumns(
            template
                .filter(|spec| !spec.is_empty())
                .ok_or_else(|| usage("error: custom-columns format specified but no custom columns given"))?,
        ),
        "go-template" | "template" => return Err(go_template()),
        _ => {
            return Err(usage(format!(
                "error: unable to match a printer suitable for the output format {format:?}, allowed formats are: {allowed}"
            )));
        }
    }))
}

fn go_template() -> Refusal {
    Refusal::not_permitted(
        "kubectl -o go-template is not performed by this portal: write the template as -o jsonpath or -o custom-columns",
    )
}

const GET_FORMATS: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,\
                           jsonpath-as-json,jsonpath-file,name,template,templatefile,wide,yaml";
pub(super) const CHANGE_FORMATS: &str =
    "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,yaml";

fn get(given: &Arguments) -> Result<Get, Refusal> {
    files_refused("get", given)?;
    if given.off("server-print") {
        return Err(Refusal::not_permitted(
            "kubectl get --server-print=false is not performed by this portal: leave it out",
        ));
    }
    let watch = match (given.on("watch"), given.on("watch-only")) {
        (true, _) => Watch::After,
        (false, true) => Watch::Only,
        (false, false) => Watch::No,
    };
    let Some(selection) = Selection::read(&given.words)? else {
        return Err(usage(match watch {
            Watch::No => {
                "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of \
                 supported resources.\n\nerror: Required resource not specified.\nUse \"kubectl explain <resource>\" for \
                 a detailed description of that resource (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and \
                 examples"
            }
            _ => NOTHING_NAMED,
        }));
    };
    let output = output(given, GET_FORMATS)?.unwrap_or(Output::Table);
    let format = given.text("output").unwrap_or_default();
    let drawn = matches!(output, Output::Table | Output::Wide);
    if given.on("show-labels") && !drawn {
        return Err(usage(format!("error: --show-labels option cannot be used with {format} printer")));
    }
    let label_columns = given.list("label-columns");
    if !label_columns.is_empty() && format.starts_with("custom-columns") {
        return Err(usage(format!("error: --label-columns option cannot be used with {format} printer")));
    }
    if given.on("output-watch-events") && watch == Watch::No {
        return Err(usage("error: --output-watch-events option can only be used with --watch or --watch-only"));
    }
    Ok(Get {
        selection,
        selector: given.text("selector"),
        field_selector: given.text("field-selector"),
        output,
        no_headers: given.on("no-headers"),
        show_kind: given.on("show-kind"),
        show_labels: given.on("show-labels"),
        label_columns,
        sort_by: given.text("sort-by"),
        watch,
        watch_events: given.on("output-watch-events"),
        ignore_not_found: given.on("ignore-not-found"),
        chunk_size: u32::try_from(given.number("chunk-size").unwrap_or(500)).unwrap_or(0),
        managed_fields: given.on("show-managed-fields"),
        subresource: given.text("subresource"),
        missing_keys_allowed: !given.off("allow-missing-template-keys"),
    })
}

fn scale(given: &Arguments) -> Result<Scale, Refusal> {
    let Some(replicas) = given.number("replicas") else {
        return Err(usage("error: required flag(s) \"replicas\" not set"));
    };
    files_refused("scale", given)?;
    let replicas = u32::try_from(replicas).ok().filter(|count| *count <= i32::MAX as u32).ok_or_else(|| {
        usage("error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    })?;
    let current = given.number("current-replicas").unwrap_or(-1);
    if current < -1 {
        return Err(usage("error: The --current-replicas must specify an integer of -1 or greater"));
    }
    Ok(Scale {
        selection: Selection::required(&given.words)?,
        selector: given.text("selector"),
        all: given.on("all"),
        replicas,
        current_replicas: Some(current).filter(|count| *count >= 0),
        resource_version: given.text("resource-version"),
        timeout: wait(given),
        dry_run: dry_run(given)?,
        output: output(given, CHANGE_FORMATS)?,
    })
}

fn rollout(verb: RolloutVerb, given: &Arguments) -> Result<Rollout, Refusal> {
    files_refused("rollout", given)?;
    let selection = Selection::read(&given.words)?.ok_or_else(|| usage("error: required resource not specified"))?;
    let output = match verb {
        RolloutVerb::Status { .. } => None,
        _ => output(given, CHANGE_FORMATS)?,
    };
    Ok(Rollout { verb, selection, selector: given.text("selector"), output })
}

fn logs(given: &Arguments) -> Result<Logs, Refusal> {
    const USAGE: &str = "error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required \
                         argument for the logs command\nSee 'kubectl logs -h' for help and examples";
    let selector = given.text("selector");
    let object = |word: &String| match word.contains('/') {
        true => selection::pair(word).map(|(kind, name)| LogsOf::Object(kind, name)),
        false => Ok(LogsOf::Object("pods".to_owned(), word.clone())),
    };
    let (of, inline) = match (given.words.as_slice(), selector) {
        ([], Some(selector)) => (LogsOf::Selector(selector), None),
        ([_], Some(_)) => {
            return Err(usage(
                "error: only a selector (-l) or a POD name is allowed\nSee 'kubectl logs -h' for help and examples",
            ));
        }
        ([name], None) => (object(name)?, None),
        ([name, container], None) => (object(name)?, Some(container.clone())),
        _ => return Err(usage(USAGE)),
    };
    if inline.is_some() && given.given("container") {
        return Err(usage("error: only one of -c or an inline [CONTAINER] arg is allowed"));
    }
    let container = inline.or_else(|| given.text("container"));
    let since = given.nanoseconds("since").unwrap_or(0);
    let since_time = given.text("since-time");
    if since_time.is_some() && since != 0 {
        return Err(usage("error: at most one of `sinceTime` or `sinceSeconds` may be specified"));
    }
    let all_containers = given.on("all-containers");
    if all_containers && let Some(container) = &container {
        return Err(usage(format!(
            "error: --all-containers=true should not be specified with container name {container}"
        )));
    }
    let limit = given.number("limit-bytes").unwrap_or(0);
    if limit < 0 {
        return Err(usage("error: --limit-bytes must be greater than 0"));
    }
    if since < 0 {
        return Err(usage("error: --since must be greater than 0"));
    }
    let tail = match (given.number("tail"), &of) {
        (Some(lines), _) if lines < -1 => return Err(usage("error: --tail must be greater than or equal to -1")),
        (Some(lines), _) => Some(lines).filter(|lines| *lines >= 0),
        // Ten lines of each pod that a selector chooses, so that a busy service does not flood the terminal.
        (None, LogsOf::Selector(_)) => Some(10),
        (None, LogsOf::Object(..)) => None,
    };
    let pod_timeout = given.nanoseconds("pod-running-timeout").unwrap_or(20_000_000_000);
    Ok(Logs {
        of,
        container,
        all_containers,
        all_pods: given.on("all-pods"),
        follow: given.on("follow"),
        previous: given.on("previous"),
        timestamps: given.on("timestamps"),
        prefix: given.on("prefix") || given.on("all-pods"),
        ignore_errors: given.on("ignore-errors"),
        tail,
        since_seconds: (since > 0).then_some((since + 500_000_000) / 1_000_000_000),
        since_time,
        limit_bytes: (limit > 0).then_some(limit),
        max_requests: given.number("max-log-requests").unwrap_or(5),
        pod_timeout: Duration::from_nanos(u64::try_from(pod_timeout).unwrap_or(0)),
    })
}

fn delete(given: &Arguments) -> Result<Delete, Refusal> {
    if given.on("interactive") {
        return Err(Refusal::not_permitted("kubectl delete -i is not permitted: nobody can answer its question"));
    }
    let manifests = manifests::manifests("delete", given)?;
    let selector = given.text("selector");
    let field_selector = given.text("field-selector");
    let all = given.on("all");
    let force = given.on("force");
    let grace = match given.number("grace-period").unwrap_or(-1) {
        -1 if given.on("now") => 1,
        _ if given.on("now") => {
            return Err(usage("error: --now and --grace-period cannot be specified together"));
        }
        0 if !force => 1,
        seconds if seconds < 0 && force => 0,
        seconds => seconds,
    };
    if !matches!(given.text("output").as_deref(), None | Some("name")) {
        return Err(usage(format!(
            "error: unexpected -o output mode: {}. We only support '-o name'",
            given.text("output").unwrap_or_default()
        )));
    }
    if all && (selector.is_some() || field_selector.is_some()) {
        return Err(usage("error: setting 'all' parameter but found a non empty selector. "));
    }
    if grace > 0 && force {
        return Err(usage("error: --force and --grace-period greater than 0 cannot be specified together"));
    }
    let cascade = match given.text("cascade").as_deref() {
        None | Some("background" | "true") => Cascade::Background,
        Some("foreground") => Cascade::Foreground,
        Some("orphan" | "false") => Cascade::Orphan,
        Some(other) => {
            return Err(usage(format!(
                "error: invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            )));
        }
    };
    let by_selector = all || selector.is_some() || field_selector.is_some();
    Ok(Delete {
        of: match manifests {
            Some(manifests) => DeleteOf::Manifests(manifests),
            None => DeleteOf::Words(Selection::required(&given.words)?),
        },
        selector,
        field_selector,
        all,
        grace_seconds: u32::try_from(grace).ok(),
        force,
        wait: !given.off("wait"),
        timeout: wait(given),
        ignore_not_found: if given.given("ignore-not-found") { given.on("ignore-not-found") } else { by_selector },
        dry_run: dry_run(given)?,
        cascade,
        name_only: given.given("output"),
    })
}

fn top(of: TopOf, word: &str, given: &Arguments) -> Result<Top, Refusal> {
    let name = match given.words.as_slice() {
        [] => None,
        [name] => Some(name.clone()),
        _ => {
            return Err(usage(format!(
                "error: {word} [NAME | -l label]\nSee 'kubectl top {word} -h' for help and examples"
            )));
        }
    };
    let sort_by = match given.text("sort-by").as_deref() {
        None => SortBy::Name,
        Some("cpu") => SortBy::Cpu,
        Some("memory") => SortBy::Memory,
        Some(_) => return Err(usage("error: --sort-by accepts only cpu or memory")),
    };
    let selector = given.text("selector");
    let field_selector = given.text("field-selector");
    if name.is_some() && (selector.is_some() || field_selector.is_some()) {
        let which = if word == "pod" { "selector" } else { "--selector" };
        return Err(usage(format!("error: only one of NAME or {which} can be provided")));
    }
    Ok(Top { of, name, selector, field_selector, sort_by, no_headers: given.on("no-headers") })
}

fn patch(given: &Arguments) -> Result<Patch, Refusal> {
    files_refused("patch", given)?;
    if given.on("local") {
        return Err(Refusal::not_permitted(
            "kubectl patch --local is not performed by this portal: use --dry-run=server",
        ));
    }
    let kind = match given.text("type").as_deref() {
        None | Some("strategic") => PatchKind::Strategic,
        Some("merge") => PatchKind::Merge,
        Some("json") => PatchKind::Json,
        Some(other) => {
            return Err(usage(format!(
                "error: --type must be one of [json merge strategic], not {other:?}\nSee 'kubectl patch -h' for help and \
                 examples"
            )));
        }
    };
    let patch = match (given.text("patch"), given.text("patch-file")) {
        (Some(_), Some(_)) => {
            return Err(usage("error: cannot specify --patch and --patch-file together"));
        }
        (Some(patch), None) => PatchText::Given(patch),
        (None, Some(file)) => PatchText::File(file),
        (None, None) => {
            return Err(usage("error: must specify --patch or --patch-file containing the contents of the patch"));
        }
    };
    Ok(Patch {
        selection: Selection::required(&given.words)?,
        patch,
        kind,
        subresource: given.text("subresource"),
        dry_run: dry_run(given)?,
        output: output(given, CHANGE_FORMATS)?,
    })
}

fn edit(given: &Arguments) -> Result<Edit, Refusal> {
    files_refused("edit", given)?;
    if let Some(other) = given.text("subresource").or(given.text("output").filter(|format| format != "yaml")) {
        return Err(Refusal::not_permitted(format!(
            "kubectl edit with {other} is not performed by this portal: objects are edited whole, as YAML"
        )));
    }
    if given.on("output-patch") {
        return Err(Refusal::not_permitted(
            "kubectl edit --output-patch is not performed by this portal: what changes is shown anyway. Leave it out.",
        ));
    }
    Ok(Edit { selection: Selection::required(&given.words)? })
}

fn cordon(schedule: Schedule, verb: &str, given: &Arguments) -> Result<Cordon, Refusal> {
    let selector = given.text("selector");
    if given.words.is_empty() && selector.is_none() {
        return Err(usage(format!(
            "error: USAGE: {verb} NODE [options]\nSee 'kubectl {verb} -h' for help and examples"
        )));
    }
    if !given.words.is_empty() && selector.is_some() {
        return Err(usage(
            "error: cannot specify both a node name and a --selector option\nSee 'kubectl drain -h' for help and examples",
        ));
    }
    Ok(Cordon { schedule, nodes: given.words.clone(), selector, dry_run: dry_run(given)? })
}
