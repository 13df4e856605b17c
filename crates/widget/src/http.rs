//! Cards of what answers over HTTP: health endpoints, and queries to Prometheus.

use jiff::Timestamp;
use serde_json::Value;

use crate::reading::{Level, Measure, Reading, Unit};
use crate::subject::{Trouble, call, json, list, text};
use crate::threshold::Quantity;

/// How far back a query looks, and how far its points lie apart, in seconds.
const WINDOW: i64 = 30 * 60;
const STEP: i64 = 60;

/// The last part of the paths that say whether something is well.
const HEALTHY_PATHS: [&str; 12] = [
    "health",
    "healthz",
    "healthcheck",
    "health_check",
    "ready",
    "readyz",
    "readiness",
    "live",
    "livez",
    "liveness",
    "ping",
    "status",
];

/// Whether an address is one that says whether something is well: safe to ask again and again.
pub(crate) fn is_health(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let after_host = path.split_once("://").map_or(path, |(_, rest)| rest);
    after_host.rsplit_once('/').is_some_and(|(_, last)| HEALTHY_PATHS.contains(&last.to_ascii_lowercase().as_str()))
}

/// Whether an address is a scheme, a host and at most a path, and nothing that curl or a server reads more into.
pub(crate) fn is_plain(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:%".contains(c);
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && rest.chars().all(plain))
}

/// The server and the query, where a call of curl asks Prometheus something.
pub(crate) fn prometheus(argv: &[String], urls: &[String]) -> Option<(String, String)> {
    let url = urls.first()?;
    let (address, own) = url.split_once('?').unwrap_or((url, ""));
    let server = address.strip_suffix("/api/v1/query").or_else(|| address.strip_suffix("/api/v1/query_range"))?;
    let decoded = |pair: &str| Some(url::form_urlencoded::parse(pair.as_bytes()).next()?.1.into_owned());
    let in_url = || own.split('&').find(|pair| pair.starts_with("query=")).and_then(decoded);
    let given = argv.windows(2).find_map(|pair| {
        let value = pair[1].strip_prefix("query=")?;
        match pair[0].as_str() {
            "--data-urlencode" => Some(value.to_owned()),
            "-d" | "--data" => decoded(&pair[1]),
            _ => None,
        }
    });
    let server = if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
    Some((server, given.or_else(in_url)?)).filter(|(server, _)| is_plain(server))
}

pub(crate) fn health(url: &str, is_insecure: bool) -> Vec<String> {
    let mut words = call(&[
        "curl",
        "--silent",
        "--show-error",
        "--globoff",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code} %{time_total}",
        "--max-time",
        "5",
    ]);
    if is_insecure {
        words.push("--insecure".to_owned());
    }
    words.push(url.to_owned());
    words
}

pub(crate) fn query(server: &str, query: &str, now: Timestamp) -> Vec<String> {
    let end = now.as_second();
    let words = ["curl", "--silent", "--show-error", "--globoff", "--get", "--max-time", "8"].map(str::to_owned);
    let fields = [
        ("query", query.to_owned()),
        ("start", (end - WINDOW).to_string()),
        ("end", end.to_string()),
        ("step", STEP.to_string()),
    ];
    let fields =
        fields.into_iter().flat_map(|(name, value)| ["--data-urlencode".to_owned(), format!("{name}={value}")]);
    words.into_iter().chain(fields).chain([format!("{}/api/v1/query_range", server.trim_end_matches('/'))]).collect()
}

pub(crate) fn read_health(url: &str, printed: &str) -> Result<Reading, Trouble> {
    let (code, seconds) = printed.trim().split_once(' ').unwrap_or((printed, ""));
    let code: u16 = code.parse().map_err(|_| Trouble::Unreachable("The answer has no status.".to_owned()))?;
    let level = match code {
        200..=299 => Level::Good,
        300..=399 => Level::Moving,
        _ => Level::Bad,
    };
    let (host, path) = named(url);
    let card = Reading::new(host, path).says(level, code.to_string());
    Ok(match seconds.parse() {
        Ok(value) => card.measure(Measure::new("answers in", value, Unit::Seconds).of(Quantity::Latency)),
        Err(_) => card,
    })
}

/// An address as host and path, for people.
fn named(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.find('/').map_or((rest, ""), |at| rest.split_at(at))
}

/// What an expression's numbers are, as far as it says so itself.
fn meaning(query: &str) -> (Unit, Option<Quantity>) {
    let lower = query.to_ascii_lowercase();
    let holds = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let is_quotient = lower.split('"').step_by(2).any(|outside| outside.contains('/'));
    if holds(&["5..", "error", "fail"]) && is_quotient {
        (Unit::Ratio, Some(Quantity::Errors))
    } else if holds(&["_seconds"]) && (holds(&["histogram_quantile"]) || (is_quotient && holds(&["_sum"]))) {
        (Unit::Seconds, Some(Quantity::Latency))
    } else if holds(&["_bytes"]) && !is_quotient && !holds(&["rate("]) {
        (Unit::Bytes, None)
    } else {
        (Unit::Plain, None)
    }
}

pub(crate) fn read_query(server: &str, query: &str, printed: &str) -> Result<Reading, Trouble> {
    let value = json(printed)?;
    if value["status"] != "success" {
        let said: String = text(&value, "/error").chars().take(300).collect();
        let wrong = text(&value, "/errorType") == "bad_data";
        // That the query is wrong in itself is no trouble of whoever was asked.
        return match wrong {
            true => {
                Ok(Reading::new(query, named(server).0).says(Level::Quiet, "wrong query").fact("", said, Level::Quiet))
            }
            false => Err(Trouble::Unreachable(format!("Prometheus: {said}"))),
        };
    }
    let point = |pair: &Value| pair.get(1).and_then(Value::as_str).and_then(|text| text.parse::<f64>().ok());
    let mut lines: Vec<(String, Vec<f64>)> = list(&value, "/data/result")
        .iter()
        .map(|line| (labels(&line["metric"]), list(line, "/values").iter().filter_map(point).collect()))
        .filter(|(_, values): &(_, Vec<f64>)| !values.is_empty())
        .collect();
    let latest = |values: &[f64]| values.last().copied().filter(|value| value.is_finite()).unwrap_or(f64::NEG_INFINITY);
    lines.sort_by(|left, right| latest(&right.1).total_cmp(&latest(&left.1)));
    let (unit, quantity) = meaning(query);
    let card = Reading::new(query, format!("{} · 30 min", named(server).0));
    let Some((_, greatest)) = lines.first() else { return Ok(card.says(Level::Quiet, "no data")) };
    let mut measure = Measure::new(if lines.len() > 1 { "greatest" } else { "" }, latest(greatest), unit);
    measure.quantity = quantity;
    measure.series.clone_from(greatest);
    let words = if lines.len() > 1 { format!("{} series", lines.len()) } else { String::new() };
    let card = card.says(Level::Quiet, words).measure(measure);
    let several = lines.len() > 1;
    Ok(lines
        .iter()
        .filter(|_| several)
        .take(4)
        .fold(card, |card, (labels, values)| card.fact(labels, unit.print(latest(values)), Level::Quiet)))
}

/// A series' labels, as PromQL writes them, without its name.
fn labels(metric: &Value) -> String {
    let pairs = metric.as_object().into_iter().flatten().filter(|(key, _)| *key != "__name__");
    let pairs: Vec<String> =
        pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    if pairs.is_empty() { text(metric, "/__name__").to_owned() } else { pairs.join(" ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_addresses_that_tell_health_are_asked_again_and_again() {
        for (url, is) in [
            ("https://api.example.com/health", true),
            ("http://a:8080/actuator/health?x=1", true),
            ("web/healthz/", true),
            ("https://health", false),
            ("https://a/api/pay", false),
            ("https://a/health/export", false),
        ] {
            assert_eq!(is_health(url), is, "{url}");
        }
    }

    #[test]
    fn a_query_is_found_however_curl_is_told() {
        let found = |words: &[&str]| prometheus(&call(words), &call(&[words[1]]));
        let expected = Some(("http://p:9090".to_owned(), "sum(up)".to_owned()));
        assert_eq!(found(&["curl", "http://p:9090/api/v1/query", "--data-urlencode", "query=sum(up)"]), expected);
        assert_eq!(found(&["curl", "http://p:9090/api/v1/query?time=1&query=sum%28up%29"]), expected);
        assert_eq!(found(&["curl", "http://p:9090/api/v1/query", "-d", "query=sum(up)"]), expected);
        assert_eq!(found(&["curl", "http://p:9090/api/v1/labels", "-d", "query=x"]), None);
    }

    #[test]
    fn what_a_quotient_of_errors_is_can_be_compared() {
        for (query, unit, quantity) in [
            ("sum(rate(a{c=~\"5..\"}[5m])) / sum(rate(a[5m]))", Unit::Ratio, Some(Quantity::Errors)),
            ("rate(a{c=~\"5..\",path=\"/x\"}[5m])", Unit::Plain, None),
            ("histogram_quantile(0.99, http_request_duration_seconds)", Unit::Seconds, Some(Quantity::Latency)),
            ("rate(d_seconds_sum[5m])/rate(d_seconds_count[5m])", Unit::Seconds, Some(Quantity::Latency)),
            ("container_memory_usage_bytes", Unit::Bytes, None),
        ] {
            assert_eq!(meaning(query), (unit, quantity), "{query}");
        }
    }

    #[test]
    fn the_greatest_series_is_the_number() {
        let line = |path: &str, values: &[&str]| json!({"metric": {"path": path}, "values": values.iter().map(|value| json!([0, value])).collect::<Vec<_>>()});
        let printed = json!({"status": "success", "data": {"result": [line("/a", &["1", "2"]), line("/b", &["3", "NaN"]), line("/c", &["1", "9"])]}});
        let card = read_query("http://p:9090", "x", &printed.to_string()).unwrap();
        assert_eq!(
            (card.words.as_str(), card.measures[0].value, card.measures[0].series.as_slice()),
            ("3 series", 9.0, &[1.0, 9.0][..])
        );
        assert_eq!(card.facts[0].name, "path=/c");
        let empty = read_query("http://p:9090", "x", r#"{"status":"success","data":{"result":[]}}"#).unwrap();
        assert_eq!(empty.words, "no data");
        let wrong =
            read_query("http://p:9090", "x(", r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#)
                .unwrap();
        assert_eq!((wrong.words.as_str(), wrong.facts[0].text.as_str()), ("wrong query", "parse error"));
        assert!(
            read_query("http://p:9090", "x(", r#"{"status":"error","error":"too busy"}"#)
                .unwrap_err()
                .to_string()
                .contains("too busy")
        );
    }

    #[test]
    fn health_is_a_status_and_a_time() {
        let card = read_health("https://api.example.com/health?k=v", "503 0.012").unwrap();
        assert_eq!((card.name.as_str(), card.about.as_str(), card.level), ("api.example.com", "/health", Level::Bad));
        assert_eq!(card.measures[0].print(), "12 ms");
        assert!(read_health("x", "").is_err());
    }
}
