//! `pods/log`: what a container has written, and what it writes from now on.

use super::Call;
use crate::cluster::Cluster;
use crate::logs::{Journal, Line};
use crate::object::{self, instant, list, name, text};
use crate::programs;
use crate::status::Refusal;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::{StatusCode, header};
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::watch;

/// Answers a request for a container's log.
pub(crate) fn serve(call: &Call) -> Result<Response, Refusal> {
    let pod = call.stored()?;
    let container = container(&pod, call.query.get("container"))?;
    let status = container_status(&pod, &container);
    let previous = call.query.on("previous");
    let journal = if previous {
        let found = status.and_then(|status| Journal::of_previous(&pod, &container, status, call.cluster.speed));
        found.ok_or_else(|| {
            Refusal::bad_request(format!(
                "previous terminated container \"{container}\" in pod \"{}\" not found",
                name(&pod)
            ))
        })?
    } else {
        let found = status.and_then(|status| Journal::of_current(&pod, &container, status, call.cluster.speed));
        found.ok_or_else(|| not_started(&pod, &container, status))?
    };
    if let Some(outcome) = programs::of_pod(&call.cluster.store(), &pod) {
        let kind = [(header::CONTENT_TYPE, "text/plain")];
        return Ok((StatusCode::OK, kind, outcome.stdout + &outcome.stderr).into_response());
    }
    let now = jiff::Timestamp::now();
    let mut since = jiff::Timestamp::MIN;
    if let Some(seconds) = call.query.number("sinceSeconds") {
        since = now - jiff::SignedDuration::from_secs(seconds.clamp(0, 1 << 32));
    }
    if let Some(at) = instant(call.query.get("sinceTime")) {
        since = at;
    }
    let mut lines = journal.lines(since, now);
    if let Some(tail) = call.query.number("tailLines").and_then(|n| usize::try_from(n).ok()) {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    let timestamps = call.query.on("timestamps");
    let mut text = String::new();
    for line in &lines {
        write(&mut text, line, timestamps);
    }
    let limit = call.query.number("limitBytes").and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let mut left = limit.unwrap_or(usize::MAX);
    let first = cut(text, &mut left);
    let kind = [(header::CONTENT_TYPE, "text/plain")];
    if !call.query.on("follow") || previous || journal.ended() || left == 0 {
        return Ok((StatusCode::OK, kind, first).into_response());
    }
    let follow = Follow {
        cluster: Arc::clone(&call.cluster),
        news: call.cluster.store().subscribe(),
        namespace: object::namespace(&pod).to_owned(),
        pod: name(&pod).to_owned(),
        container,
        journal,
        seen: now,
        timestamps,
        left,
        first: Some(first),
        over: false,
    };
    let body = Body::from_stream(stream::unfold(follow, |mut follow| async move {
        follow.next().await.map(|chunk| (Ok::<_, Infallible>(chunk), follow))
    }));
    Ok((StatusCode::OK, kind, body).into_response())
}

fn write(out: &mut String, line: &Line, timestamps: bool) {
    if timestamps {
        out.push_str(&line.at.strftime("%Y-%m-%dT%H:%M:%S%.9fZ ").to_string());
    }
    out.push_str(&line.text);
    out.push('\n');
}

/// Keeps what fits into `left` bytes, and counts it off. Log lines are ASCII, so any cut is sound.
fn cut(mut text: String, left: &mut usize) -> Bytes {
    let mut keep = text.len().min(*left);
    while !text.is_char_boundary(keep) {
        keep -= 1;
    }
    text.truncate(keep);
    *left -= keep;
    Bytes::from(text)
}

/// The container asked for, or the only one.
pub(super) fn container(pod: &Value, asked: &str) -> Result<String, Refusal> {
    let names = |group: &str| -> Vec<&str> { list(pod, group).iter().map(|c| text(c, "/name")).collect() };
    let (main, init) = (names("/spec/containers"), names("/spec/initContainers"));
    if asked.is_empty() {
        return match main.as_slice() {
            [only] if init.is_empty() => Ok((*only).to_owned()),
            _ => Err(Refusal::bad_request(format!(
                "a container name must be specified for pod {}, choose one of: [{}]",
                name(pod),
                main.iter().chain(&init).copied().collect::<Vec<_>>().join(" ")
            ))),
        };
    }
    if main.contains(&asked) || init.contains(&asked) {
        Ok(asked.to_owned())
    } else {
        Err(Refusal::bad_request(format!("container {asked} is not valid for pod {}", name(pod))))
    }
}

fn container_status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    list(pod, "/status/containerStatuses")
        .iter()
        .chain(list(pod, "/status/initContainerStatuses"))
        .find(|status| text(status, "/name") == container)
}

fn not_started(pod: &Value, container: &str, status: Option<&Value>) -> Refusal {
    let why = match status.map(|status| text(status, "/state/waiting/reason")).unwrap_or_default() {
        "ErrImagePull" => "image can't be pulled".to_owned(),
        "ImagePullBackOff" => "trying and failing to pull image".to_owned(),
        "" => "ContainerCreating".to_owned(),
        reason => reason.to_owned(),
    };
    Refusal::bad_request(format!("container \"{container}\" in pod \"{}\" is waiting to start: {why}", name(pod)))
}

/// A log that goes on until the container ends. It holds no lines: each is computed when it is due.
struct Follow {
    cluster: Arc<Cluster>,
    news: watch::Receiver<u64>,
    namespace: String,
    pod: String,
    container: String,
    journal: Journal,
    seen: jiff::Timestamp,
    timestamps: bool,
    left: usize,
    first: Option<Bytes>,
    over: bool,
}

impl Follow {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Some(first);
        }
        while !self.over && self.left > 0 {
            let due = self.journal.next_after(self.seen);
            let wait = due.map_or(std::time::Duration::from_secs(3600), |due| {
                std::time::Duration::try_from(due.duration_since(jiff::Timestamp::now())).unwrap_or_default()
            });
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                changed = self.news.changed() => if changed.is_err() { self.over = true },
                () = self.cluster.stop.cancelled() => return None,
            }
            if let Some(chunk) = self.since_last() {
                return Some(chunk);
            }
        }
        None
    }

    fn since_last(&mut self) -> Option<Bytes> {
        let pod = self.cluster.store().get("pods", &self.namespace, &self.pod);
        let journal = pod.as_deref().and_then(|pod| {
            let status = container_status(pod, &self.container)?;
            Journal::of_current(pod, &self.container, status, self.cluster.speed)
        });
        match journal.filter(|journal| journal.same_run(&self.journal)) {
            Some(journal) => {
                self.over = journal.ended();
                self.journal = journal;
            }
            None => self.over = true,
        }
        let now = jiff::Timestamp::now();
        let mut text = String::new();
        for line in self.journal.lines(self.seen, now) {
            if line.at > self.seen {
                write(&mut text, &line, self.timestamps);
            }
        }
        self.seen = now;
        (!text.is_empty()).then(|| cut(text, &mut self.left))
    }
}
