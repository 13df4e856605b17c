//! Lines in columns: `text/tabwriter` of Go with two blanks between cells, and the forms of values that describers share.

use serde_json::Value;

use crate::table::escaped;

/// Collects lines whose cells end in tabs.
#[derive(Debug, Default)]
pub(super) struct Writer {
    text: String,
}

impl Writer {
    /// A line, indented by steps of two blanks. What would command the terminal is made harmless.
    pub(super) fn line(&mut self, level: usize, text: &str) {
        for part in text.split('\n') {
            self.text.extend(std::iter::repeat_n(' ', level * 2));
            self.text.push_str(&part.split('\t').map(escaped).collect::<Vec<_>>().join("\t"));
            self.text.push('\n');
        }
    }

    /// A map under a name, a pair a line.
    pub(super) fn pairs(&mut self, level: usize, name: &str, map: &Value, between: &str, skip: &[&str]) {
        let mut pairs: Vec<(&String, &str)> = map
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| !skip.contains(&key.as_str()))
            .map(|(key, value)| (key, value.as_str().unwrap_or_default()))
            .collect();
        pairs.sort();
        if pairs.is_empty() {
            return self.line(level, &format!("{name}:\t<none>"));
        }
        for (index, (key, value)) in pairs.iter().enumerate() {
            let head = if index == 0 { format!("{name}:") } else { String::new() };
            let long = value.trim_end_matches('\n');
            // A long annotation has its own lines, and is cut where it would flood the terminal.
            if between == ": " && (long.contains('\n') || long.len() + key.len() + 2 > 140) {
                self.line(level, &format!("{head}\t{key}:"));
                for part in long.split('\n') {
                    let cut: String = part.chars().take(137).collect();
                    let more = if cut.len() < part.len() { "..." } else { "" };
                    self.line(level, &format!("\t  {cut}{more}"));
                }
            } else {
                self.line(level, &format!("{head}\t{key}{between}{long}"));
            }
        }
    }

    pub(super) fn finish(self) -> String {
        aligned(&self.text)
    }
}

/// A column is a run of lines that have a cell there; it is as wide as its widest cell and two blanks.
fn aligned(text: &str) -> String {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|cells| vec![0; cells.len()]).collect();
    block(&lines, &mut widths, 0..lines.len(), 0);
    let mut out = String::with_capacity(text.len() * 2);
    for (cells, widths) in lines.iter().zip(&widths) {
        for (index, cell) in cells.iter().enumerate() {
            out.push_str(cell);
            if index + 1 < cells.len() {
                out.extend(std::iter::repeat_n(' ', widths[index].saturating_sub(cell.chars().count())));
            }
        }
        out.push('\n');
    }
    out
}

fn block(lines: &[Vec<&str>], widths: &mut [Vec<usize>], range: std::ops::Range<usize>, column: usize) {
    let mut at = range.start;
    while at < range.end {
        if column + 1 >= lines[at].len() {
            at += 1;
            continue;
        }
        let end = (at..range.end).find(|line| column + 1 >= lines[*line].len()).unwrap_or(range.end);
        let widest = (at..end).map(|line| lines[line][column].chars().count()).max().unwrap_or(0);
        // A column of empty cells takes no room (`DiscardEmptyColumns` is off: only its padding).
        let width = widest + 2;
        for line in &mut widths[at..end] {
            line[column] = width;
        }
        block(lines, widths, at..end, column + 1);
        at = end;
    }
}

/// RFC 1123 with a numeric zone, as Go's `time.RFC1123Z`.
pub(super) fn time(value: &Value) -> String {
    let stamp = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    stamp.map_or_else(|| "<unset>".to_owned(), |stamp| stamp.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string())
}

/// How long ago an instant was (`duration.HumanDuration`).
pub(super) fn age(text: &str) -> String {
    let Ok(then) = text.parse::<jiff::Timestamp>() else { return "<unknown>".to_owned() };
    let seconds = jiff::Timestamp::now().as_second() - then.as_second();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |a: i64, unit: &str, b: i64, small: &str| {
        if b == 0 { format!("{a}{unit}") } else { format!("{a}{unit}{b}{small}") }
    };
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => pair(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => pair(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => pair(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => pair(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

/// A text, or what stands for none.
pub(super) fn or<'a>(value: &'a Value, none: &'a str) -> &'a str {
    value.as_str().filter(|text| !text.is_empty()).unwrap_or(none)
}

/// A number or a text as it stands.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        other => crate::gotext::sprint(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_reach_as_far_as_their_lines() {
        let text = "Name:\tweb\nLabels:\ta=b\n\tlonger=c\nHead\n  x\t1\n";
        assert_eq!(aligned(text), "Name:    web\nLabels:  a=b\n         longer=c\nHead\n  x  1\n");
    }
}
