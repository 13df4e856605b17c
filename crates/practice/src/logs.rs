//! What the containers of a practice cluster write.
//!
//! A log is a function of the pod, the container's run and the time: nothing is stored, any part of it can
//! be read again, and it reads the same each time. Each run shows its last [`KEPT`] lines.

use crate::object::{annotation, hash, instant, list, mix, number, text, uid};
use serde_json::{Value, json};

/// How many lines of one run can be read back.
const KEPT: i64 = 2_000;
/// The annotation on a pod template that picks what kind of program it looks like:
/// `json` (the default), `text`, `postgres` or `nginx`.
pub(crate) const STYLE: &str = "practice.runbook-portal.dev/logs";

/// One line with its instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) at: jiff::Timestamp,
    pub(crate) text: String,
}

/// The log of one run of one container.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    seed: u64,
    service: String,
    style: String,
    started: jiff::Timestamp,
    ended: Option<jiff::Timestamp>,
    failed: bool,
    /// Milliseconds between two lines.
    step: i64,
}

impl Journal {
    /// The log of the container's present run, or of its last one when it is not running now.
    pub(crate) fn of_current(pod: &Value, container: &str, status: &Value, speed: f64) -> Option<Self> {
        let state = &status["state"];
        let (started, end) = if state.get("running").is_some() {
            (instant(text(state, "/running/startedAt"))?, None)
        } else if state.get("terminated").is_some() {
            (instant(text(state, "/terminated/startedAt"))?, Some(&state["terminated"]))
        } else {
            return Self::of_previous(pod, container, status, speed);
        };
        Some(Self::new(pod, container, number(status, "/restartCount", 0), started, end, speed))
    }

    /// The log of the run before the present one.
    pub(crate) fn of_previous(pod: &Value, container: &str, status: &Value, speed: f64) -> Option<Self> {
        let end = status.pointer("/lastState/terminated")?;
        let started = instant(text(end, "/startedAt"))?;
        Some(Self::new(pod, container, number(status, "/restartCount", 0) - 1, started, Some(end), speed))
    }

    fn new(pod: &Value, container: &str, run: i64, started: jiff::Timestamp, end: Option<&Value>, speed: f64) -> Self {
        let seed = hash(&format!("{}/{container}/{run}", uid(pod)));
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float to integer cast saturates, and the result is clamped"
        )]
        let step = ((1_500.0 + (seed % 2_500) as f64) / speed.max(0.001)) as i64;
        Self {
            seed,
            service: list(pod, "/spec/containers").first().map_or(container, |c| text(c, "/name")).to_owned(),
            style: annotation(pod, STYLE).to_owned(),
            started,
            ended: end.map(|end| instant(text(end, "/finishedAt")).unwrap_or(started)),
            failed: end.is_some_and(|end| number(end, "/exitCode", 0) != 0),
            step: step.clamp(20, 60_000),
        }
    }

    /// Whether nothing more will be written.
    pub(crate) fn ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether two journals are of the same run.
    pub(crate) fn same_run(&self, other: &Self) -> bool {
        self.seed == other.seed
    }

    /// The instant of the first line after `at`; `None` when there is none.
    pub(crate) fn next_after(&self, at: jiff::Timestamp) -> Option<jiff::Timestamp> {
        // The line of the present slot may still be to come.
        let index = self.index_at(at).max(0);
        (index..index + 2)
            .map(|i| self.instant_of(i))
            .find(|found| *found > at && self.ended.is_none_or(|end| *found <= end))
    }

    /// The lines from `since` to `until`, at most the last [`KEPT`] of the run.
    pub(crate) fn lines(&self, since: jiff::Timestamp, until: jiff::Timestamp) -> Vec<Line> {
        let until = self.ended.map_or(until, |end| end.min(until));
        let last = self.index_at(until);
        let first = self.index_at(since.max(self.started)).max(last - KEPT + 1).max(0);
        let mut lines: Vec<Line> = (first..=last)
            .map(|index| (index, self.instant_of(index)))
            .filter(|(_, at)| *at >= since && *at <= until)
            .map(|(index, at)| Line { at, text: self.text_of(index, at) })
            .collect();
        if self.failed
            && let Some(end) = self.ended
            && end >= since
        {
            lines.push(Line { at: end, text: self.last_words(end) });
        }
        lines
    }

    fn index_at(&self, at: jiff::Timestamp) -> i64 {
        (at.as_millisecond().saturating_sub(self.started.as_millisecond())).div_euclid(self.step)
    }

    fn instant_of(&self, index: i64) -> jiff::Timestamp {
        let jitter =
            if index == 0 { 0 } else { i64::try_from(self.dice(index, 1) % 1_000).unwrap_or(0) * self.step / 1_200 };
        self.started + jiff::SignedDuration::from_millis(index.saturating_mul(self.step).saturating_add(jitter))
    }

    /// A number that depends on the run, the line and what it is for.
    fn dice(&self, index: i64, salt: u64) -> u64 {
        mix(self.seed ^ mix(index.unsigned_abs().wrapping_mul(31).wrapping_add(salt)))
    }

    fn text_of(&self, index: i64, at: jiff::Timestamp) -> String {
        let luck = self.dice(index, 2) % 100;
        let took = 8 + self.dice(index, 3) % 240;
        let id = format!("{:012x}", self.dice(index, 4) & 0xffff_ffff_ffff);
        let (path, method) = PATHS[index_in(self.dice(index, 5), PATHS.len())];
        match self.style.as_str() {
            "postgres" => self.postgres(index, at, luck),
            "nginx" => {
                let code = if luck < 2 { 502 } else { 200 };
                format!(
                    "10.244.1.{} - - [{}] \"{method} {path} HTTP/1.1\" {code} {} \"-\" \"kube-probe/1.32\"",
                    2 + luck,
                    at.strftime("%d/%b/%Y:%H:%M:%S +0000"),
                    200 + took * 7
                )
            }
            "text" => {
                let (level, said) = self.event(index, luck, took, path);
                format!("{} {level:<5} [{}] {said}", at.strftime("%Y-%m-%d %H:%M:%S%.3f"), self.service)
            }
            _ => {
                let (level, said) = self.event(index, luck, took, path);
                let mut line = json!({
                    "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
                    "level": level, "service": self.service, "message": said, "correlationId": id,
                });
                if index > 1 {
                    let slow = if level == "INFO" { 1 } else { 20 };
                    line["method"] = json!(method);
                    line["path"] = json!(path);
                    line["statusCode"] = json!(if level == "ERROR" { 500 } else { 200 });
                    line["responseTimeMs"] = json!(took * slow);
                }
                line.to_string()
            }
        }
    }

    fn event(&self, index: i64, luck: u64, took: u64, path: &str) -> (&'static str, String) {
        match (index, luck) {
            (0, _) => ("INFO", format!("starting {}", self.service)),
            (1, _) => ("INFO", "listening on port 8080".to_owned()),
            (_, 0) => {
                ("ERROR", format!("request to {path} failed: timeout after {}ms waiting for a connection", took * 20))
            }
            (_, 1) => ("ERROR", format!("upstream answered 503 for {path}, giving up after 3 attempts")),
            (_, 2..=4) => {
                ("WARN", format!("connection pool usage {}% (active={}, idle=2)", 75 + took % 20, 15 + took % 5))
            }
            (_, 5) => ("WARN", format!("slow request: {path} took {}ms", took * 20)),
            (_, 6..=15) => ("INFO", "health check ok".to_owned()),
            _ => ("INFO", format!("request completed {path}")),
        }
    }

    fn postgres(&self, index: i64, at: jiff::Timestamp, luck: u64) -> String {
        let process = 40 + self.dice(index, 6) % 400;
        let said = match (index, luck) {
            (0, _) => "LOG:  starting PostgreSQL 16.3 on x86_64-pc-linux-musl, 64-bit".to_owned(),
            (1, _) => "LOG:  database system is ready to accept connections".to_owned(),
            (_, 0..=1) => "ERROR:  canceling statement due to statement timeout".to_owned(),
            (_, 2..=3) => "FATAL:  remaining connection slots are reserved for superusers".to_owned(),
            (_, 4..=30) => {
                format!("LOG:  checkpoint complete: wrote {} buffers (0.3%); 0 WAL file(s) added", 20 + process)
            }
            _ => format!("LOG:  duration: {luck}.{process:03} ms  execute <unnamed>"),
        };
        format!("{} UTC [{process}] {said}", at.strftime("%Y-%m-%d %H:%M:%S%.3f"))
    }

    fn last_words(&self, at: jiff::Timestamp) -> String {
        let said = "cannot start: required setting PAYMENT_PROVIDER_URL is not set, exiting with status 1";
        match self.style.as_str() {
            "postgres" | "nginx" | "text" => {
                format!("{} FATAL [{}] {said}", at.strftime("%Y-%m-%d %H:%M:%S%.3f"), self.service)
            }
            _ => json!({
                "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
                "level": "FATAL", "service": self.service, "message": said,
            })
            .to_string(),
        }
    }
}

const PATHS: &[(&str, &str)] = &[
    ("/health", "GET"),
    ("/api/v1/items", "GET"),
    ("/api/v1/items/42", "GET"),
    ("/api/v1/orders", "POST"),
    ("/api/v1/session", "POST"),
    ("/api/v1/search", "GET"),
    ("/api/v1/report", "GET"),
];

fn index_in(dice: u64, length: usize) -> usize {
    usize::try_from(dice % length.max(1) as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(hours: i64) -> Journal {
        let pod = json!({"metadata": {"uid": "u"}, "spec": {"containers": [{"name": "web"}]}});
        let started = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
        let status = json!({"restartCount": 0, "state": {"running": {"startedAt": crate::object::stamp(started)}}});
        Journal::of_current(&pod, "web", &status, 1.0).unwrap()
    }

    #[test]
    fn a_log_reads_the_same_twice_and_is_bounded() {
        let journal = journal(48);
        let until = jiff::Timestamp::now();
        let lines = journal.lines(jiff::Timestamp::MIN, until);
        assert_eq!(lines, journal.lines(jiff::Timestamp::MIN, until));
        assert!(lines.len() <= 2_000 && lines.len() > 1_900);
        assert!(lines.is_sorted_by_key(|line| line.at));
        assert!(lines.iter().any(|line| line.text.contains("ERROR")));
    }

    #[test]
    fn the_parts_of_a_log_join_without_gap_or_overlap() {
        let journal = journal(1);
        let until = jiff::Timestamp::now();
        let middle = until - jiff::SignedDuration::from_secs(600);
        let whole = journal.lines(jiff::Timestamp::MIN, until);
        let mut joined = journal.lines(jiff::Timestamp::MIN, middle);
        joined.extend(journal.lines(middle, until).into_iter().filter(|line| line.at > middle));
        assert_eq!(joined, whole);
        let next = journal.next_after(middle).unwrap();
        assert_eq!(whole.iter().find(|line| line.at > middle).unwrap().at, next);
    }
}
