//! `kubectl run`: one pod, and with `--rm` only for as long as it runs.
//!
//! Source: `k8s.io/kubectl/pkg/cmd/run/run.go`, v0.32. Where nothing comes on standard input, the output is followed as
//! the container's log: it then is whole, also of a program that ended before anybody could attach.

use command::kubectl::{DryRun, Run};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value, json};

use crate::api::{AS_JSON, Api, Query};
use crate::change::{self, said};
use crate::discovery;
use crate::exec;
use crate::failure::Failure;
use crate::output::Output;
use crate::resolve::{Found, Scope, path_segment};
use crate::watch::{Event, Watcher};

/// Deletes the pod when the call ends, however it ends: also when the caller goes away.
struct Removal {
    api: Api,
    path: String,
    armed: bool,
}

impl Removal {
    async fn now(mut self) -> Result<(), Failure> {
        let done = remove(&self.api, &self.path).await;
        // Only now: the call may be dropped while it waits for the answer.
        self.armed = false;
        match done {
            Err(failure) if failure.not_found() => Ok(()),
            done => done,
        }
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        if self.armed {
            let (api, path) = (self.api.clone(), std::mem::take(&mut self.path));
            tokio::spawn(async move {
                if let Err(failure) = remove(&api, &path).await {
                    tracing::warn!(
                        path,
                        why = failure.message(),
                        "the pod of an ended kubectl run --rm is still there"
                    );
                }
            });
        }
    }
}

async fn remove(api: &Api, path: &str) -> Result<(), Failure> {
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
    api.delete(path, &Query::new(), &options).await.map(drop)
}

pub(crate) async fn run(scope: &Scope<'_>, run: &Run, out: Output<'_>) -> Result<(), Failure> {
    path_segment(&run.name)?;
    let first = match run.stdin {
        true => out.io.read_stdin().await?,
        false => None,
    };
    let mapping = discovery::one(&scope.api, "pods").await?;
    let mut pod = Found { mapping, object: object(scope, run, first.is_some()) };
    let home = pod.mapping.path(Some(&scope.namespace), None);
    if run.dry_run != DryRun::Client {
        let mut query = change::query(run.dry_run, "kubectl-run");
        query.push(("fieldValidation", "Strict".to_owned()));
        pod.object = scope.api.post(&home, &query, &pod.object).await?;
    } else if !scope.namespace_given
        && let Some(metadata) = pod.object["metadata"].as_object_mut()
    {
        metadata.remove("namespace");
    }
    if !run.attach {
        return out.out(said(run.output.as_ref(), run.dry_run, "created", &mut pod)?).await;
    }
    let removal = run.remove.then(|| Removal { api: scope.api.clone(), path: pod.path(), armed: true });
    if run.terminal && !run.quiet {
        out.err(exec::NO_TERMINAL).await?;
    }
    let done = attached(scope, run, &pod, first, out).await;
    let code = match (&done, run.restart.as_str()) {
        (Ok(()), "Never" | "OnFailure") => exit_code(scope, &pod).await,
        _ => Ok(()),
    };
    if let Some(removal) = removal {
        removal.now().await?;
        if !run.quiet {
            out.out(format!("pod {:?} deleted\n", run.name)).await?;
        }
    }
    done.and(code)
}

async fn attached(
    scope: &Scope<'_>,
    run: &Run,
    pod: &Found,
    first: Option<bytes::Bytes>,
    out: Output<'_>,
) -> Result<(), Failure> {
    let started = |pod: &Value| {
        let phase = pod["status"]["phase"].as_str().unwrap_or_default();
        let state = &pod["status"]["containerStatuses"][0]["state"];
        (phase == "Running" && state.get("waiting").is_none()) || ["Succeeded", "Failed"].contains(&phase)
    };
    let reached = until(scope, pod, started);
    let now = tokio::time::timeout(run.pod_timeout, reached)
        .await
        .unwrap_or_else(|_| Err(Failure::error("timed out waiting for the condition")))?;
    if first.is_some() && now["status"]["phase"] == "Running" {
        let pods: kube::Api<Pod> = kube::Api::namespaced(scope.api.cluster.client.clone(), &scope.namespace);
        let params = exec::params(run.name.clone(), true);
        let process = pods.attach(&run.name, &params).await.map_err(|error| exec::failed(scope, error))?;
        return exec::follow(process, first, out).await;
    }
    let query = vec![("container", run.name.clone()), ("follow", "true".to_owned())];
    let mut lines = scope.api.stream(&format!("{}/log", pod.path()), &query, "application/json, */*").await?;
    while let Some(line) = lines.next().await? {
        out.bytes(line).await?;
    }
    Ok(())
}

/// Waits until the pod is as it should be.
async fn until(scope: &Scope<'_>, pod: &Found, holds: impl Fn(&Value) -> bool) -> Result<Value, Failure> {
    let query = || vec![("fieldSelector", format!("metadata.name={}", pod.name()))];
    loop {
        let now = scope.api.get(&pod.path(), &Query::new(), AS_JSON).await?;
        if holds(&now) {
            return Ok(now);
        }
        let version = now["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let mut watcher = Watcher::start(scope, &pod.mapping, query(), version, AS_JSON).await?;
        loop {
            match watcher.next().await? {
                Event::Change(kind, _) if kind == "DELETED" => {
                    return Err(Failure::error(format!("pods {:?} was deleted", pod.name())));
                }
                Event::Change(_, object) if holds(&object) => return Ok(object),
                Event::Change(..) => {}
                Event::Closed(_) | Event::Expired => break,
            }
        }
    }
}

async fn exit_code(scope: &Scope<'_>, pod: &Found) -> Result<(), Failure> {
    let over = |pod: &Value| ["Succeeded", "Failed"].contains(&pod["status"]["phase"].as_str().unwrap_or_default());
    let pod = until(scope, pod, over).await?;
    if pod["status"]["phase"] == "Succeeded" {
        return Ok(());
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = format!("{}/{}", text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["name"]));
    let last = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    Err(match last["exitCode"].as_u64().and_then(|code| u8::try_from(code).ok()).filter(|code| *code > 0) {
        Some(code) => {
            let why = format!("pod {name} terminated ({})\n{}", text(&last["reason"]), text(&last["message"]));
            Failure::Exit(code, why)
        }
        None => Failure::error(format!("pod {name} failed with unknown exit code")),
    })
}

fn object(scope: &Scope<'_>, run: &Run, reads_input: bool) -> Value {
    let pairs = |pairs: &[(String, String)]| -> Map<String, Value> {
        pairs.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect()
    };
    let labels = match run.labels.as_slice() {
        [] => pairs(&[("run".to_owned(), run.name.clone())]),
        given => pairs(given),
    };
    let mut container = json!({"image": run.image, "name": run.name, "resources": {}});
    if !run.arguments.is_empty() {
        container[if run.command { "command" } else { "args" }] = json!(run.arguments);
    }
    if !run.env.is_empty() {
        let variables: Vec<Value> = run.env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        container["env"] = Value::Array(variables);
    }
    if let Some(port) = run.port {
        container["ports"] = json!([{"containerPort": port}]);
    }
    if let Some(policy) = &run.pull_policy {
        container["imagePullPolicy"] = Value::from(policy.as_str());
    }
    if run.privileged {
        container["securityContext"] = json!({"privileged": true});
    }
    if reads_input {
        container["stdin"] = Value::from(true);
        container["stdinOnce"] = Value::from(true);
    }
    let mut metadata =
        json!({"creationTimestamp": null, "labels": labels, "name": run.name, "namespace": scope.namespace});
    if !run.annotations.is_empty() {
        metadata["annotations"] = Value::Object(pairs(&run.annotations));
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": run.restart}, "status": {}})
}
