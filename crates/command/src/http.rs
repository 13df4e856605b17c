//! `curl`: the effect is that of the HTTP method (RFC 9110, 9.2.1: GET, HEAD and OPTIONS are safe).

use crate::action::{Action, Effect, Refusal};
use crate::classify::{Arguments, target};

/// Short options that take a value (curl(1)).
const SHORT_VALUES: &str = "AbcCdDeEFhHKmoPQrtTuUwxXyYz";

/// Long options that take a value and matter here, or that runbooks use.
const LONG_VALUES: &[&str] = &[
    "request",
    "data",
    "data-raw",
    "data-binary",
    "data-urlencode",
    "data-ascii",
    "json",
    "form",
    "form-string",
    "upload-file",
    "header",
    "user",
    "output",
    "max-time",
    "connect-timeout",
    "retry",
    "retry-delay",
    "user-agent",
    "cookie",
    "cookie-jar",
    "config",
    "proxy",
    "cacert",
    "cert",
    "key",
    "resolve",
    "write-out",
    "referer",
    "url",
    "range",
    "limit-rate",
    "output-dir",
];

/// Endpoints whose POST only looks: the Prometheus HTTP API takes its query as a form, Elasticsearch takes it as a body.
const READING_POSTS: &[&str] =
    &["/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/labels", "/_search", "/_count", "/_msearch"];

pub(crate) fn curl(arguments: &Arguments<'_>) -> Result<Action, Refusal> {
    let mut method = None;
    let mut body = false;
    let mut head = false;
    let mut as_query = false;
    let mut urls = Vec::new();
    for (name, value) in options(arguments.words) {
        match name.as_str() {
            "X" | "request" => method = value.map(|value| value.to_ascii_uppercase()),
            "I" | "head" => head = true,
            "G" | "get" => as_query = true,
            "d" | "F" | "T" | "json" | "form" | "form-string" | "upload-file" => body = true,
            name if name.starts_with("data") => body = true,
            "K" | "config" | "x" | "proxy" | "preproxy" | "unix-socket" | "abstract-unix-socket" | "netrc-file" => {
                return Err(Refusal::not_permitted(format!(
                    "`curl` with option `{name}` is not permitted: it could leave the environment."
                )));
            }
            "o" | "output"
                if value.is_some_and(|path| path.starts_with('/') || path.split('/').any(|part| part == "..")) =>
            {
                return Err(Refusal::not_permitted("`curl -o` may only write below the run's own folder."));
            }
            "" | "url" => urls.extend(value),
            _ => {}
        }
    }
    if let Some(url) = urls.iter().find(|url| !allowed_scheme(url)) {
        let scheme = url.split(':').next().unwrap_or_default();
        return Err(Refusal::not_permitted(format!("`curl` may only use http and https, not `{scheme}`.")));
    }
    let method = method.unwrap_or_else(|| match (head, body && !as_query) {
        (true, _) => "HEAD".to_owned(),
        (false, true) => "POST".to_owned(),
        (false, false) => "GET".to_owned(),
    });
    let looks = |url: &&str| READING_POSTS.iter().any(|path| address(url).ends_with(path));
    let effect = match method.as_str() {
        "GET" | "HEAD" | "OPTIONS" => Effect::Read,
        "POST" if !urls.is_empty() && urls.iter().all(looks) => Effect::Read,
        "DELETE" => Effect::Destroy,
        _ => Effect::Change,
    };
    let targets = urls.iter().map(|url| target("url", Some(&address(url)))).collect();
    Ok(arguments.action(method, effect, targets))
}

fn allowed_scheme(url: &str) -> bool {
    url.split_once("://").is_none_or(|(scheme, _)| matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https"))
}

/// A URL without what may be secret: user and password, query, fragment.
fn address(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = &url[..end];
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") }
}

/// Options with their values in order; an operand has the empty name.
fn options(words: &[String]) -> Vec<(String, Option<&str>)> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            let value = if LONG_VALUES.contains(&long) { words.next().map(String::as_str) } else { None };
            found.push((long.to_owned(), value));
        } else if let Some(cluster) = word.strip_prefix('-').filter(|cluster| !cluster.is_empty()) {
            for (at, letter) in cluster.char_indices() {
                if SHORT_VALUES.contains(letter) {
                    let rest = &cluster[at + letter.len_utf8()..];
                    let value = if rest.is_empty() { words.next().map(String::as_str) } else { Some(rest) };
                    found.push((letter.to_string(), value));
                    break;
                }
                found.push((letter.to_string(), None));
            }
        } else {
            found.push((String::new(), Some(word.as_str())));
        }
    }
    found
}
