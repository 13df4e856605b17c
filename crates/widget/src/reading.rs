//! What an answer says: a name, a word, some numbers.

use crate::threshold::{Limits, Quantity};

/// What one call printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its exit code.
    pub code: u8,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// How something does. Ordered from well to ill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing to say about it.
    #[default]
    Quiet,
    /// Well.
    Good,
    /// On its way, or close to a limit.
    Moving,
    /// Something is wrong.
    Bad,
}

/// One thing as it is now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// What it is called: `payments-db`.
    pub name: String,
    /// What it is: `RDS instance · postgres 15.4`.
    pub about: String,
    /// How it does.
    pub level: Level,
    /// The same in a word or two: `available`, `12 days left`.
    pub words: String,
    /// Its numbers, the most telling first; at most four.
    pub measures: Vec<Measure>,
    /// What else is worth a line; at most six.
    pub facts: Vec<Fact>,
}

/// A line below the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub name: String,
    /// What is to be said.
    pub text: String,
    /// How that does.
    pub level: Level,
}

/// A number that moves.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What is counted: `CPU`, `waiting`.
    pub name: String,
    /// The latest value.
    pub value: f64,
    /// In what.
    pub unit: Unit,
    /// Which of a runbook's thresholds it is compared with.
    pub quantity: Option<Quantity>,
    /// From where on it is a warning.
    pub limits: Option<Limits>,
    /// The values before, oldest first, where the answer holds them; else whoever asks keeps them.
    pub series: Vec<f64>,
}

/// What a number is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// A part of a whole: 0.05 is 5 %.
    Ratio,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// CPU cores.
    Cores,
    /// Nobody knows.
    Plain,
}

/// At most this many numbers and lines on one card.
pub(crate) const MEASURES: usize = 4;
pub(crate) const FACTS: usize = 6;

impl Measure {
    /// A number without a past.
    #[must_use]
    pub fn new(name: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { name: name.into(), value, unit, quantity: None, limits: None, series: Vec::new() }
    }

    #[must_use]
    pub(crate) fn of(mut self, quantity: Quantity) -> Self {
        self.quantity = Some(quantity);
        self
    }

    /// How the latest value stands to its limits.
    #[must_use]
    pub fn level(&self) -> Level {
        self.limits.as_ref().map_or(Level::Quiet, |limits| limits.level(self.value))
    }

    /// The latest value for people: `12.4 %`, `340 ms`, `1.2 GiB`.
    #[must_use]
    pub fn print(&self) -> String {
        self.unit.print(self.value)
    }
}

impl Unit {
    /// A value for people.
    #[must_use]
    pub fn print(self, value: f64) -> String {
        if !value.is_finite() {
            return "no value".to_owned();
        }
        match self {
            Self::Count => whole(value),
            Self::Ratio => format!("{} %", short(value * 100.0)),
            Self::Seconds => seconds(value),
            Self::Bytes => bytes(value),
            Self::Cores if value < 1.0 => format!("{} m", short(value * 1000.0)),
            Self::Cores => format!("{} cores", short(value)),
            Self::Plain => short(value),
        }
    }
}

/// Three digits that matter, without zeros that say nothing.
fn short(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        _ if size >= 100.0 => return whole(value),
        _ if size >= 10.0 => format!("{value:.1}"),
        _ if size >= 0.01 || size == 0.0 => format!("{value:.2}"),
        _ => return format!("{value:.1e}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A whole number, with thin spaces between thousands.
fn whole(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    if value < 0.0 && digits != "0" { format!("-{text}") } else { text }
}

fn seconds(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size < 1.0 => format!("{} ms", short(value * 1000.0)),
        _ if size < 120.0 => format!("{} s", short(value)),
        _ if size < 7200.0 => format!("{} min", whole((value / 60.0).floor())),
        _ if size < 172_800.0 => format!("{} h", whole((value / 3600.0).floor())),
        _ => format!("{} days", whole((value / 86_400.0).floor())),
    }
}

fn bytes(value: f64) -> String {
    let mut left = value;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if left.abs() < 1024.0 {
            return format!("{} {unit}", short(left));
        }
        left /= 1024.0;
    }
    format!("{} PiB", short(left))
}

impl Reading {
    /// A card's beginning.
    pub(crate) fn new(name: impl Into<String>, about: impl Into<String>) -> Self {
        Self { name: name.into(), about: about.into(), ..Self::default() }
    }

    #[must_use]
    pub(crate) fn says(mut self, level: Level, words: impl Into<String>) -> Self {
        self.level = level;
        self.words = words.into();
        self
    }

    #[must_use]
    pub(crate) fn measure(mut self, measure: Measure) -> Self {
        if self.measures.len() < MEASURES {
            self.measures.push(measure);
        }
        self
    }

    #[must_use]
    pub(crate) fn fact(mut self, name: impl Into<String>, text: impl Into<String>, level: Level) -> Self {
        if self.facts.len() < FACTS {
            self.facts.push(Fact { name: name.into(), text: text.into(), level });
        }
        self
    }

    /// Compares its numbers with what the author of the card, else the runbook's own tables, call a warning.
    #[must_use]
    pub fn judged(mut self, limits: Option<&Limits>, thresholds: &[crate::Threshold]) -> Self {
        for (at, measure) in self.measures.iter_mut().enumerate() {
            let known = thresholds.iter().find(|threshold| Some(threshold.quantity) == measure.quantity);
            let given = limits.filter(|_| at == 0).or(known.map(|threshold| &threshold.limits));
            if let Some(given) = given {
                measure.limits = Some(given.clone());
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (unit, value, text) in [
            (Unit::Count, 1_234_567.0, "1\u{202f}234\u{202f}567"),
            (Unit::Count, -12.0, "-12"),
            (Unit::Ratio, 0.1234, "12.3 %"),
            (Unit::Ratio, 0.0, "0 %"),
            (Unit::Ratio, 1.0, "100 %"),
            (Unit::Seconds, 0.0421, "42.1 ms"),
            (Unit::Seconds, 90.0, "90 s"),
            (Unit::Seconds, 86_400.0 * 12.5, "12 days"),
            (Unit::Bytes, 1536.0, "1.5 KiB"),
            (Unit::Cores, 0.25, "250 m"),
            (Unit::Cores, 2.5, "2.5 cores"),
            (Unit::Plain, 0.000_12, "1.2e-4"),
            (Unit::Plain, f64::NAN, "no value"),
        ] {
            assert_eq!(unit.print(value), text);
        }
    }
}
