//! From where on a number is a warning: read off the runbook's own tables and alert rules.

use runbook::Table;
use serde_yaml_ng::Value;

use crate::reading::{Level, Unit};

/// What a runbook's tables speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// CPU in use, of all there is.
    Cpu,
    /// Memory in use, of all there is.
    Memory,
    /// Requests that fail, of all.
    Errors,
    /// How long an answer takes, in seconds.
    Latency,
    /// Messages that wait.
    Queue,
    /// Connections in use, of all that there may be.
    Connections,
    /// Disk in use, of all there is.
    Disk,
}

/// The words that tables use for each, the longest first where one holds another.
const WORDS: [(&str, Quantity); 18] = [
    ("cpu", Quantity::Cpu),
    ("memory", Quantity::Memory),
    ("heap", Quantity::Memory),
    ("error rate", Quantity::Errors),
    ("error ratio", Quantity::Errors),
    ("5xx", Quantity::Errors),
    ("failure rate", Quantity::Errors),
    ("latency", Quantity::Latency),
    ("response time", Quantity::Latency),
    ("duration", Quantity::Latency),
    ("queue depth", Quantity::Queue),
    ("queue length", Quantity::Queue),
    ("queue size", Quantity::Queue),
    ("backlog", Quantity::Queue),
    ("connections", Quantity::Connections),
    ("connection pool", Quantity::Connections),
    ("disk", Quantity::Disk),
    ("storage", Quantity::Disk),
];

impl Quantity {
    /// What a table's row speaks of.
    fn named(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        WORDS.iter().find(|(word, _)| text.contains(word)).map(|(_, quantity)| *quantity)
    }

    /// What it is measured in here.
    fn unit(self) -> Unit {
        match self {
            Self::Latency => Unit::Seconds,
            Self::Queue => Unit::Count,
            _ => Unit::Ratio,
        }
    }
}

/// Where a number turns.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// From here on it is a warning.
    pub warning: Option<f64>,
    /// From here on it is critical.
    pub critical: Option<f64>,
    /// Where this is said, for people: `from the runbook's own table`.
    pub source: &'static str,
}

/// What a runbook says of one quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// Of what.
    pub quantity: Quantity,
    /// Where it turns.
    pub limits: Limits,
}

impl Limits {
    /// Whether critical lies below warning.
    #[must_use]
    pub fn less_is_worse(&self) -> bool {
        matches!((self.warning, self.critical), (Some(warning), Some(critical)) if critical < warning)
    }

    /// How a value stands to them.
    #[must_use]
    pub fn level(&self, value: f64) -> Level {
        let less_is_worse = self.less_is_worse();
        let beyond =
            |limit: Option<f64>| limit.is_some_and(|limit| if less_is_worse { value <= limit } else { value >= limit });
        if !value.is_finite() {
            Level::Quiet
        } else if beyond(self.critical) {
            Level::Bad
        } else if beyond(self.warning) {
            Level::Moving
        } else {
            Level::Good
        }
    }
}

/// The thresholds in tables that have a column for a metric and one for a warning or what is critical.
#[must_use]
pub fn in_tables(tables: &[Table]) -> Vec<Threshold> {
    let mut found: Vec<Threshold> = Vec::new();
    for table in tables {
        let column = |word: &str| table.header.iter().position(|cell| cell.to_ascii_lowercase().contains(word));
        let (warning, critical) = (column("warning").or(column("warn")), column("critical").or(column("crit")));
        if warning.is_none() && critical.is_none() {
            continue;
        }
        for row in &table.rows {
            let Some(quantity) = row.first().and_then(|metric| Quantity::named(metric)) else { continue };
            let value = |column: Option<usize>| number(row.get(column?)?, quantity.unit());
            let limits =
                Limits { warning: value(warning), critical: value(critical), source: "from the runbook's table" };
            let new = found.iter().all(|known| known.quantity != quantity);
            if new && (limits.warning.is_some() || limits.critical.is_some()) {
                found.push(Threshold { quantity, limits });
            }
        }
    }
    found
}

/// A number as people write it in tables, in a unit: `5%`, `> 500ms`, `1,000`, `80% max`.
#[must_use]
pub fn number(text: &str, unit: Unit) -> Option<f64> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let rest = &text[start..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(rest.len());
    let value: f64 = rest[..end].replace(',', "").trim_end_matches('.').parse().ok()?;
    let word: String = rest[end..].trim_start().chars().take_while(|c| c.is_ascii_alphabetic() || *c == '%').collect();
    let factor = match (unit, word.to_ascii_lowercase().as_str()) {
        (Unit::Ratio, "%" | "percent" | "pct") => return Some(value / 100.0),
        // Nobody means 500 %.
        (Unit::Ratio, _) if value > 1.0 => return None,
        (Unit::Seconds, "s" | "sec" | "second" | "seconds") => 1.0,
        (Unit::Seconds, "ms" | "msec" | "milliseconds" | "millis") => return Some(value / 1000.0),
        (Unit::Seconds, "m" | "min" | "mins" | "minutes" | "minute") => 60.0,
        (Unit::Seconds, "h" | "hours" | "hour") => 3600.0,
        (Unit::Bytes, "ki" | "kib" | "kb" | "k") => 1024.0,
        (Unit::Bytes, "mi" | "mib" | "mb" | "m") => 1_048_576.0,
        (Unit::Bytes, "gi" | "gib" | "gb" | "g") => 1_073_741_824.0,
        (Unit::Count | Unit::Plain, "%") => return None,
        (Unit::Count | Unit::Plain, "k") => 1000.0,
        _ => 1.0,
    };
    Some(value * factor)
}

/// The longest text of YAML that is read, in bytes.
pub(crate) const LONGEST: usize = 64 << 10;

/// Whether a text of YAML may refer to parts of itself (YAML 1.2, 7.1): `*name` at the beginning of a value.
pub(crate) fn has_aliases(text: &str) -> bool {
    let mut before = '\n';
    text.chars().any(|c| {
        let begins = c == '*' && (before.is_whitespace() || matches!(before, '[' | '{' | ',' | ':' | '-'));
        before = c;
        begins
    })
}

/// An alert rule of Prometheus: what it looks at, and from where on.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The alert's name.
    pub alert: String,
    /// What it looks at, without the comparison.
    pub expression: String,
    /// Where it turns; `None` where the expression compares with no number.
    pub limits: Option<Limits>,
}

/// The alert rules in a YAML text: a `PrometheusRule`, or a file of rules.
#[must_use]
pub fn rules(text: &str) -> Vec<Rule> {
    // Most manifests are none, and a few bytes of YAML with aliases are as large in memory as their author likes.
    if !text.contains("alert:") || text.len() > LONGEST || has_aliases(text) {
        return Vec::new();
    }
    let Ok(value) = serde_yaml_ng::from_str::<Value>(text) else { return Vec::new() };
    let groups = value.get("spec").unwrap_or(&value).get("groups").and_then(Value::as_sequence);
    let rules = groups.into_iter().flatten().filter_map(|group| group.get("rules")?.as_sequence()).flatten();
    rules
        .filter_map(|rule| {
            let text = |key: &str| rule.get(key).and_then(Value::as_str);
            let (alert, whole) = (text("alert")?, text("expr")?.trim());
            let critical =
                rule.get("labels").and_then(|labels| labels.get("severity")).and_then(Value::as_str) != Some("warning");
            let (expression, limits) = compared(whole, critical);
            Some(Rule { alert: alert.to_owned(), expression: expression.to_owned(), limits })
        })
        .collect()
}

/// An expression without the comparison with a number at its end.
fn compared(whole: &str, is_critical: bool) -> (&str, Option<Limits>) {
    let Some(at) = whole.rfind(['>', '<']) else { return (whole, None) };
    let value = whole[at + 1..].trim_start_matches('=').trim().parse::<f64>().ok();
    // A selector or a subquery has such a sign as well: what follows it is no number then.
    match value {
        Some(value) if whole[at..].starts_with('>') => {
            let (warning, critical) = if is_critical { (None, Some(value)) } else { (Some(value), None) };
            let limits = Limits { warning, critical, source: "from the runbook's alert rule" };
            (whole[..at].trim_end(), Some(limits))
        }
        // Less is worse: said by two numbers that nobody gave. The number alone is shown.
        Some(_) => (whole[..at].trim_end(), None),
        None => (whole, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(header: &[&str], rows: &[&[&str]]) -> Table {
        let cells = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        Table { header: cells(header), rows: rows.iter().map(|row| cells(row)).collect() }
    }

    #[test]
    fn a_table_of_thresholds_is_read() {
        let tables = [
            table(&["Role", "Contact"], &[&["CPU", "70%"]]),
            table(
                &["Metric", "Warning Threshold", "Critical Threshold"],
                &[
                    &["CPU usage", "70%", "90%"],
                    &["API latency (p99)", "500ms", "1 s"],
                    &["Queue depth", "1,000", "> 10000"],
                    &["DB connections", "80% max", "95% max"],
                    &["Error rate", "high", "5%"],
                    &["Mood", "1", "2"],
                ],
            ),
        ];
        let found = in_tables(&tables);
        let of = |quantity| {
            let limits = &found.iter().find(|threshold| threshold.quantity == quantity).unwrap().limits;
            (limits.warning, limits.critical)
        };
        assert_eq!(found.len(), 5);
        assert_eq!(of(Quantity::Cpu), (Some(0.7), Some(0.9)));
        assert_eq!(of(Quantity::Latency), (Some(0.5), Some(1.0)));
        assert_eq!(of(Quantity::Queue), (Some(1000.0), Some(10_000.0)));
        assert_eq!(of(Quantity::Connections), (Some(0.8), Some(0.95)));
        assert_eq!(of(Quantity::Errors), (None, Some(0.05)));
    }

    #[test]
    fn values_stand_to_their_limits() {
        let limits = |warning, critical| Limits { warning, critical, source: "" };
        let rising = limits(Some(0.7), Some(0.9));
        assert_eq!([0.5, 0.7, 0.95].map(|value| rising.level(value)), [Level::Good, Level::Moving, Level::Bad]);
        let falling = limits(Some(30.0), Some(7.0));
        assert_eq!([60.0, 12.0, 3.0].map(|value| falling.level(value)), [Level::Good, Level::Moving, Level::Bad]);
        assert_eq!(limits(None, Some(1.0)).level(f64::NAN), Level::Quiet);
    }

    #[test]
    fn an_alert_rule_says_what_it_looks_at_and_from_where_on() {
        let text = "spec:\n  groups:\n  - rules:\n    - alert: Errors\n      expr: sum(rate(e[5m])) / sum(rate(a{x=~\">2\"}[5m])) > 0.05\n      \
                    labels: {severity: critical}\n    - alert: Gone\n      expr: up == 0\n    - alert: Slow\n      expr: p99 >= 1\n      \
                    labels: {severity: warning}\n    - record: x\n      expr: y\n";
        let found = rules(text);
        let names: Vec<_> = found.iter().map(|rule| (rule.alert.as_str(), rule.expression.as_str())).collect();
        assert_eq!(
            names,
            [("Errors", "sum(rate(e[5m])) / sum(rate(a{x=~\">2\"}[5m]))"), ("Gone", "up == 0"), ("Slow", "p99")]
        );
        assert_eq!(found[0].limits.as_ref().unwrap().critical, Some(0.05));
        assert_eq!(found[2].limits.as_ref().unwrap().warning, Some(1.0));
        assert!(found[1].limits.is_none());
        assert!(rules("[1, 2").is_empty() && rules("a: b").is_empty());
        let bomb = format!("{}groups: [*a, *a]\n# alert:", "x: &a yes\n");
        assert!(
            rules(&bomb).is_empty()
                && has_aliases(&bomb)
                && !has_aliases("a: 2*b # 3 * 4".replace(" * ", "*").as_str())
        );
    }
}
