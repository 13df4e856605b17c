//! What a runbook expects of a command (`# Expected: < 10`), decided from what it printed where that can be decided.
//!
//! A wrong *met* is worse than a question: whatever a rule does not fit exactly is left to the person.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whether an expectation is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// It is as expected.
    Met,
    /// It is not.
    Unmet,
    /// Only a person can tell.
    Open,
}

/// One expectation after an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What the runbook says, as it stands there.
    pub expected: String,
    /// Whether that is so.
    pub judgement: Judgement,
    /// What was seen, in a few words; empty where it is open.
    pub observed: String,
}

/// The longest observation, in characters.
const LONGEST: usize = 120;

/// Decides each expectation by what a command printed. `whole` says whether that is all of it.
#[must_use]
pub fn judge(expected: &[String], output: &str, exit_code: i32, whole: bool) -> Vec<Finding> {
    expected
        .iter()
        .map(|text| {
            let (judgement, observed) = match Rule::read(text) {
                Some(rule) if whole || rule.needs_no_whole() => {
                    rule.judge(output, exit_code).unwrap_or((Judgement::Open, String::new()))
                }
                _ => (Judgement::Open, String::new()),
            };
            Finding { expected: text.clone(), judgement, observed: shortened(&observed) }
        })
        .collect()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn met(is: bool) -> Judgement {
    if is { Judgement::Met } else { Judgement::Unmet }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Below,
    AtMost,
    Equal,
    AtLeast,
    Above,
}

/// An expectation that can be decided.
#[derive(Clone, Debug, PartialEq)]
enum Rule {
    /// `All pods Running`, `1/1 Running`: every row of a table as `kubectl get` prints it.
    Rows { status: Option<String>, ready: Option<String> },
    /// `status: "healthy"`: a key and its value, in JSON or in text.
    Pair(String, String),
    /// `< 10`, `0`, `at least 3`, `below 70 %`.
    Number(Comparison, f64),
    /// `HTTP 200`, `200 OK`.
    Http(u16),
    /// `"pong"`: these words are printed.
    Words(String),
    /// `Connection successful`: the program says so by its exit code.
    Success,
    /// `No output`, `empty`.
    Nothing,
}

impl Rule {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches(['.', '!']);
        let lower = text.to_lowercase();
        if let Some(rule) = rows(text).or_else(|| pair(text)) {
            return Some(rule);
        }
        if let Some((comparison, number)) = number(&lower) {
            return Some(Self::Number(comparison, number));
        }
        if let Some(code) = http(&lower) {
            return Some(Self::Http(code));
        }
        let quoted = text.strip_prefix(['"', '`', '\'']).and_then(|rest| rest.strip_suffix(['"', '`', '\'']));
        if let Some(words) = quoted.filter(|words| !words.is_empty() && !words.contains(['"', '`'])) {
            return Some(Self::Words(words.to_owned()));
        }
        match lower.as_str() {
            "no output" | "nothing" | "empty" | "empty output" | "no results" | "no rows" => Some(Self::Nothing),
            "success" | "successful" | "succeeds" | "ok" => Some(Self::Success),
            _ if lower.ends_with(" successful") || lower.ends_with(" succeeds") || lower.ends_with(" succeeded") => {
                Some(Self::Success)
            }
            _ => None,
        }
    }

    /// Whether the beginning of a long output is enough.
    fn needs_no_whole(&self) -> bool {
        matches!(self, Self::Success)
    }

    fn judge(&self, output: &str, exit_code: i32) -> Option<(Judgement, String)> {
        match self {
            Self::Rows { status, ready } => judge_rows(output, status.as_deref(), ready.as_deref()),
            Self::Pair(key, value) => {
                let found = find_pair(output, key)?;
                Some((met(found.eq_ignore_ascii_case(value)), format!("{key}: {found}")))
            }
            Self::Number(comparison, wanted) => {
                let seen = only_number(output)?;
                let is = match comparison {
                    Comparison::Below => seen < *wanted,
                    Comparison::AtMost => seen <= *wanted,
                    #[expect(clippy::float_cmp, reason = "both were read from decimal digits")]
                    Comparison::Equal => seen == *wanted,
                    Comparison::AtLeast => seen >= *wanted,
                    Comparison::Above => seen > *wanted,
                };
                Some((met(is), format!("{seen}")))
            }
            Self::Http(wanted) => {
                let line = output.lines().rev().find(|line| line.starts_with("HTTP/"))?;
                let code: u16 = line.split_whitespace().nth(1)?.parse().ok()?;
                Some((met(code == *wanted), line.trim().to_owned()))
            }
            Self::Words(words) => {
                let is = output.contains(words.as_str());
                Some((met(is), if is { words.clone() } else { "not in the output".to_owned() }))
            }
            Self::Success => Some((met(exit_code == 0), format!("exit {exit_code}"))),
            Self::Nothing => {
                let first = output.lines().find(|line| !line.trim().is_empty());
                Some((met(first.is_none()), first.unwrap_or("no output").trim().to_owned()))
            }
        }
    }
}

/// Words of kubectl's STATUS column that expectations name.
const STATUSES: &[&str] = &["Running", "Completed", "Ready", "Active", "Bound", "Available"];

fn rows(text: &str) -> Option<Rule> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let status = words.iter().find(|word| STATUSES.contains(word)).map(|word| (*word).to_owned())?;
    let rest: Vec<&str> = words.iter().copied().filter(|word| *word != status).collect();
    let fraction = |word: &str| {
        word.split_once('/').is_some_and(|(ready, all)| ready.parse::<u32>().is_ok() && all.parse::<u32>().is_ok())
    };
    match rest.as_slice() {
        [] => Some(Rule::Rows { status: Some(status), ready: None }),
        [one] if fraction(one) => Some(Rule::Rows { status: Some(status), ready: Some((*one).to_owned()) }),
        words => {
            let filler = [
                "all", "every", "each", "pods", "pod", "nodes", "node", "are", "is", "in", "state", "status", "should",
                "be",
            ];
            let all = words.iter().all(|word| filler.contains(&word.to_lowercase().as_str()));
            all.then_some(Rule::Rows { status: Some(status), ready: None })
        }
    }
}

/// Every row of a table with a STATUS column; open where there is none, or no row.
fn judge_rows(output: &str, status: Option<&str>, ready: Option<&str>) -> Option<(Judgement, String)> {
    let mut lines = output.lines().filter(|line| !line.trim().is_empty());
    let header: Vec<&str> = lines.next()?.split_whitespace().collect();
    let column = |name: &str| header.iter().position(|word| *word == name);
    let (name, status_at, ready_at) = (column("NAME")?, column("STATUS")?, column("READY"));
    let (mut all, mut wrong) = (0, Vec::new());
    for line in lines {
        let cells: Vec<&str> = line.split_whitespace().collect();
        // A further table, or something else: this is no one table.
        let (row, state) = (cells.get(name)?, cells.get(status_at)?);
        all += 1;
        let right = status.is_none_or(|wanted| *state == wanted || (wanted == "Running" && *state == "Completed"))
            && ready.is_none_or(|wanted| ready_at.and_then(|at| cells.get(at)) == Some(&wanted));
        if !right {
            let ready = ready_at.and_then(|at| cells.get(at)).map_or(String::new(), |cell| format!(" {cell}"));
            wrong.push(format!("{row} is {state}{ready}"));
        }
    }
    match (all, wrong.as_slice()) {
        (0, _) => None,
        (_, []) => Some((Judgement::Met, format!("{all} of {all} {}", status.unwrap_or("ready")))),
        (_, [first]) => Some((Judgement::Unmet, first.clone())),
        (_, [first, more @ ..]) => Some((Judgement::Unmet, format!("{first}, and {} more", more.len()))),
    }
}

/// `status: "healthy"`, `"state": "ok"`, `status = green`.
fn pair(text: &str) -> Option<Rule> {
    let (key, value) = text.split_once([':', '='])?;
    let bare = |text: &str| text.trim().trim_matches(['"', '\'', '`']).to_owned();
    let (key, value) = (bare(key), bare(value));
    let plain = |text: &str| {
        !text.is_empty()
            && text.len() <= 64
            && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    (plain(&key) && plain(&value) && key.starts_with(|c: char| c.is_alphabetic())).then_some(Rule::Pair(key, value))
}

/// The value of a key: in JSON wherever it first stands, else behind the key in a line of text.
fn find_pair(output: &str, key: &str) -> Option<String> {
    if let Ok(json) = serde_json::from_str::<Value>(output.trim()) {
        return in_json(&json, key);
    }
    // A line of JSON among others: a response behind its headers.
    if let Some(json) =
        output.lines().find_map(|line| serde_json::from_str::<Value>(line.trim()).ok().filter(Value::is_object))
    {
        return in_json(&json, key);
    }
    output.lines().find_map(|line| {
        let (name, value) = line.split_once([':', '='])?;
        let bare = |text: &str| text.trim().trim_matches(['"', '\'', ',']).to_owned();
        (bare(name).eq_ignore_ascii_case(key)).then(|| bare(value))
    })
}

fn in_json(json: &Value, key: &str) -> Option<String> {
    let mut waiting = std::collections::VecDeque::from([json]);
    while let Some(value) = waiting.pop_front() {
        match value {
            Value::Object(map) => {
                if let Some(found) = map.get(key).filter(|found| !found.is_object() && !found.is_array()) {
                    return Some(found.as_str().map_or_else(|| found.to_string(), str::to_owned));
                }
                waiting.extend(map.values());
            }
            Value::Array(items) => waiting.extend(items.iter().take(1000)),
            _ => {}
        }
    }
    None
}

fn number(lower: &str) -> Option<(Comparison, f64)> {
    const SIGNS: &[(&str, Comparison)] = &[
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("≤", Comparison::AtMost),
        ("≥", Comparison::AtLeast),
        ("<", Comparison::Below),
        (">", Comparison::Above),
        ("less than ", Comparison::Below),
        ("fewer than ", Comparison::Below),
        ("below ", Comparison::Below),
        ("under ", Comparison::Below),
        ("more than ", Comparison::Above),
        ("greater than ", Comparison::Above),
        ("above ", Comparison::Above),
        ("over ", Comparison::Above),
        ("at least ", Comparison::AtLeast),
        ("at most ", Comparison::AtMost),
    ];
    let (comparison, rest) = SIGNS
        .iter()
        .find_map(|(sign, comparison)| lower.strip_prefix(sign).map(|rest| (*comparison, rest)))
        .unwrap_or((Comparison::Equal, lower));
    let rest = rest.trim().trim_end_matches('%').trim();
    plain_number(rest).map(|number| (comparison, number))
}

fn plain_number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.len() <= 18;
    plain.then(|| text.parse().ok()).flatten()
}

/// The number that an output consists of: alone, or as the only row of one column.
fn only_number(output: &str) -> Option<f64> {
    let lines: Vec<&str> = output
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.chars().all(|c| c == '-' || c == '+'))
        .collect();
    let plain = |text: &str| plain_number(text.trim_end_matches('%').trim());
    match lines.as_slice() {
        [one] => plain(one),
        // psql: the column's name, the value, the count of rows.
        [name, one, rows] if rows.starts_with('(') && rows.contains("row") && plain(name).is_none() => plain(one),
        _ => None,
    }
}

fn http(lower: &str) -> Option<u16> {
    let words: Vec<&str> = lower.split_whitespace().collect();
    let code = match words.as_slice() {
        ["http", code] | ["http", "status", code] | ["status", code] | ["http", code, "ok"] | [code, "ok"] => code,
        [one] => one.strip_prefix("http/1.1")?,
        _ => return None,
    };
    code.parse().ok().filter(|code| (100..600).contains(code))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(expected: &str, output: &str, code: i32) -> (Judgement, String) {
        let finding = judge(&[expected.to_owned()], output, code, true).remove(0);
        (finding.judgement, finding.observed)
    }

    #[test]
    fn rows_of_a_table() {
        let good = "NAME    READY   STATUS    RESTARTS   AGE\nweb-1   1/1     Running   0          1d\nweb-2   1/1     Running   3 (1h ago)   1d\n";
        let bad = good.replace("web-2   1/1     Running", "web-2   0/1     CrashLoopBackOff");
        assert_eq!(of("All pods Running", good, 0), (Judgement::Met, "2 of 2 Running".to_owned()));
        assert_eq!(of("All pods Running", &bad, 0), (Judgement::Unmet, "web-2 is CrashLoopBackOff 0/1".to_owned()));
        assert_eq!(of("1/1 Running", good, 0).0, Judgement::Met);
        assert_eq!(of("2/2 Running", good, 0).0, Judgement::Unmet);
        assert_eq!(of("All pods Running", "No resources found in default namespace.\n", 0).0, Judgement::Open);
        assert_eq!(of("All pods Running", "", 0).0, Judgement::Open);
        assert_eq!(of("Running, at half the load", good, 0).0, Judgement::Open);
    }

    #[test]
    fn keys_and_values() {
        for (output, judgement) in [
            ("{\"status\":\"healthy\",\"checks\":{}}", Judgement::Met),
            ("{\"data\":{\"status\":\"degraded\"}}", Judgement::Unmet),
            ("HTTP/1.1 200 OK\nServer: x\n\n{\"status\": \"healthy\"}\n", Judgement::Met),
            ("Status: healthy\n", Judgement::Met),
            ("all fine\n", Judgement::Open),
        ] {
            assert_eq!(of("status: \"healthy\"", output, 0).0, judgement, "{output}");
        }
    }

    #[test]
    fn numbers() {
        for (expected, output, judgement) in [
            ("< 10", "3\n", Judgement::Met),
            ("< 10", "10\n", Judgement::Unmet),
            ("0", "0\n", Judgement::Met),
            ("0", "12\n", Judgement::Unmet),
            ("at least 3", " count \n-------\n     3\n(1 row)\n", Judgement::Met),
            ("below 70 %", "81%\n", Judgement::Unmet),
            ("< 10", "3 errors\n4 warnings\n", Judgement::Open),
            ("< 10", "", Judgement::Open),
            ("Increasing counter", "7\n", Judgement::Open),
        ] {
            assert_eq!(of(expected, output, 0).0, judgement, "{expected}: {output}");
        }
    }

    #[test]
    fn words_codes_and_nothing() {
        assert_eq!(of("Connection successful", "", 0), (Judgement::Met, "exit 0".to_owned()));
        assert_eq!(of("Connection successful", "", 1).0, Judgement::Unmet);
        assert_eq!(of("HTTP 200", "HTTP/1.1 301 Moved\n\nHTTP/2 200 \n", 0).0, Judgement::Met);
        assert_eq!(of("200 OK", "HTTP/1.1 503 Service Unavailable\n", 0).0, Judgement::Unmet);
        assert_eq!(of("\"PONG\"", "PONG\n", 0).0, Judgement::Met);
        assert_eq!(of("No output", "x\n", 0), (Judgement::Unmet, "x".to_owned()));
        assert_eq!(of("READY shows the same number twice", "x", 0).0, Judgement::Open);
        assert_eq!(judge(&["< 10".to_owned()], "3\n", 0, false)[0].judgement, Judgement::Open);
    }

    proptest! {
        #[test]
        fn nothing_panics(expected in "\\PC{0,40}", output in "\\PC{0,80}", code in -1..300) {
            let _ = judge(&[expected], &output, code, true);
        }
    }
}
