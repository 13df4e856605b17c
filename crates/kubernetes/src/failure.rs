//! What goes wrong in a call, in kubectl's words.
//!
//! Source: `k8s.io/kubectl/pkg/cmd/util/helpers.go`, `checkErr` and `StandardErrorMessage`, v0.32.

use command::Refusal;
use operations::CallEnded;
use serde_json::Value;

/// The exit code of a call whose caller is gone: 128 + SIGPIPE, as a program that writes to a closed pipe has.
pub(crate) const ENDED: u8 = 141;

/// The server's own account of a failure (`meta/v1` `Status`).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Status {
    /// One word: `NotFound`, `Forbidden`; may be empty.
    pub(crate) reason: String,
    /// A sentence.
    pub(crate) message: String,
    /// The HTTP status code.
    pub(crate) code: u16,
    details: Value,
}

impl Status {
    /// Reads a response that is not a success.
    pub(crate) fn read(code: u16, body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        if value["kind"] == "Status" {
            return Self::of(&value, code);
        }
        let (reason, message) = match code {
            401 => ("Unauthorized", "the server has asked for the client to provide credentials"),
            403 => ("Forbidden", "the server does not allow this method on the requested resource"),
            404 => ("NotFound", "the server could not find the requested resource"),
            405 => ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
            406 => ("NotAcceptable", "the server was unable to respond with a content type that the client supports"),
            429 => ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "the server was unable to return a response in the time allotted"),
            500.. => ("InternalError", "an error on the server has prevented the request from succeeding"),
            _ => ("", "the server rejected our request for an unknown reason"),
        };
        Self { reason: reason.to_owned(), message: message.to_owned(), code, details: Value::Null }
    }

    /// Reads a `Status` object.
    pub(crate) fn of(value: &Value, code: u16) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Self {
            reason: text("reason"),
            message: text("message"),
            code: value["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(code),
            details: value["details"].clone(),
        }
    }

    pub(crate) fn not_found(&self) -> bool {
        self.reason == "NotFound" || (self.reason.is_empty() && self.code == 404)
    }

    fn standard(&self) -> String {
        match self.reason.as_str() {
            "Unauthorized" => format!("error: You must be logged in to the server ({})", self.message),
            "" => format!("Error from server: {}", self.message),
            reason => format!("Error from server ({reason}): {}", self.message),
        }
    }

    fn invalid(&self) -> String {
        let text = |key: &str| self.details[key].as_str().unwrap_or_default();
        let causes: Vec<String> = self.details["causes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|cause| {
                let text = |key: &str| cause[key].as_str().unwrap_or_default();
                format!("{}: {}", text("field"), text("message"))
            })
            .collect();
        let head = match (text("kind"), text("name")) {
            ("", "") if self.details.is_null() || causes.is_empty() => {
                return format!("The request is invalid: {}", self.message);
            }
            ("", "") => "The request is invalid".to_owned(),
            (kind, name) => format!("The {kind} {name:?} is invalid"),
        };
        match causes.as_slice() {
            [] => head,
            [one] => format!("{head}: {one}"),
            many => format!("{head}: \n* {}", many.join("\n* ")),
        }
    }
}

/// Why a call did not do what was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// The caller is gone; there is nobody to tell.
    Ended,
    /// The server refused.
    Server(Box<Status>),
    /// kubectl's own finding; printed after `error: `.
    Error(String),
    /// Printed as it is.
    Plain(String),
    /// This portal refuses: exit code 126.
    NotPermitted(String),
    /// A program inside a container ended with this code; printed as it is.
    Exit(u8, String),
    /// Several, one a line.
    Several(Vec<Failure>),
}

impl From<CallEnded> for Failure {
    fn from(_: CallEnded) -> Self {
        Self::Ended
    }
}

impl Failure {
    /// One failure of many; `None` of none.
    pub(crate) fn of(mut failures: Vec<Self>) -> Option<Self> {
        match failures.len() {
            0 => None,
            1 => failures.pop(),
            _ => Some(Self::Several(failures)),
        }
    }

    pub(crate) fn error(text: impl Into<String>) -> Self {
        Self::Error(text.into())
    }

    pub(crate) fn not_found(&self) -> bool {
        matches!(self, Self::Server(status) if status.not_found())
    }

    /// The sentence by itself, as Go's `err.Error()` gives it.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Server(status) => status.message.clone(),
            Self::Error(text) | Self::Plain(text) | Self::NotPermitted(text) | Self::Exit(_, text) => text.clone(),
            Self::Ended => String::new(),
            Self::Several(many) => many.iter().map(Self::message).collect::<Vec<_>>().join(", "),
        }
    }

    fn in_a_list(&self) -> String {
        match self {
            Self::Server(status) => status.standard(),
            other => other.message(),
        }
    }

    /// What kubectl would print, with a line end; empty when there is nobody to tell.
    pub(crate) fn print(&self) -> String {
        let text = match self {
            Self::Ended => return String::new(),
            Self::Server(status) if status.reason == "Invalid" => status.invalid(),
            Self::Server(status) => status.standard(),
            Self::Error(text) if text.starts_with("error: ") => text.clone(),
            Self::Error(text) => format!("error: {text}"),
            Self::Plain(text) | Self::NotPermitted(text) | Self::Exit(_, text) => text.clone(),
            Self::Several(many) => many.iter().map(Self::in_a_list).collect::<Vec<_>>().join("\n"),
        };
        if text.is_empty() {
            return text;
        }
        if text.ends_with('\n') { text } else { text + "\n" }
    }

    /// The exit code of the call.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Ended => ENDED,
            Self::NotPermitted(_) => 126,
            Self::Exit(code, _) => *code,
            _ => 1,
        }
    }
}

impl From<Failure> for Refusal {
    /// What the caller and the trail are told of a call that is not performed at all.
    fn from(failure: Failure) -> Self {
        Self { reason: failure.print().trim_end().to_owned(), exit_code: failure.exit_code() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_refusal_reads_as_kubectls() {
        let body = br#"{"kind":"Status","reason":"NotFound","message":"pods \"x\" not found","code":404}"#;
        let failure = Failure::Server(Box::new(Status::read(404, body)));
        assert_eq!(failure.print(), "Error from server (NotFound): pods \"x\" not found\n");
        assert!(failure.not_found());
        let plain = Failure::Server(Box::new(Status::read(404, b"404 page not found")));
        assert_eq!(plain.print(), "Error from server (NotFound): the server could not find the requested resource\n");
    }

    #[test]
    fn an_invalid_object_lists_its_causes() {
        let body = br#"{"kind":"Status","reason":"Invalid","message":"m","code":422,"details":{"kind":"Deployment",
            "name":"web","causes":[{"field":"spec.replicas","message":"must be positive"}]}}"#;
        assert_eq!(
            Failure::Server(Box::new(Status::read(422, body))).print(),
            "The Deployment \"web\" is invalid: spec.replicas: must be positive\n"
        );
    }

    #[test]
    fn several_failures_are_one_a_line() {
        let many = vec![Failure::error("first"), Failure::Server(Box::new(Status::read(404, b"")))];
        assert_eq!(
            Failure::of(many).expect("two").print(),
            "first\nError from server (NotFound): the server could not find the requested resource\n"
        );
        assert_eq!(Failure::of(Vec::new()), None);
    }
}
