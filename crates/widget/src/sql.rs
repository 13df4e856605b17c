//! Cards of a PostgreSQL database.

use crate::reading::{Level, Measure, Reading, Unit};
use crate::subject::{Trouble, call};
use crate::threshold::Quantity;

/// Asks only the catalogue: nothing of the team's own data, and nothing that grows with it.
const STATE: &str = "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), \
     (SELECT setting FROM pg_settings WHERE name = 'max_connections'), \
     (SELECT coalesce(extract(epoch FROM max(now() - query_start)), 0) FROM pg_stat_activity \
     WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()), \
     (SELECT count(*) FROM pg_locks WHERE NOT granted), \
     pg_database_size(current_database()), \
     CASE WHEN pg_is_in_recovery() THEN coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0) END";

/// A query that runs this long is worth a word, in seconds.
const LONG: f64 = 60.0;

/// What a reference says for people.
pub(crate) fn name(connection: &str) -> &str {
    connection.split_once(':').map_or(connection, |(_, name)| name)
}

fn ask(connection: &str, query: &str) -> Vec<String> {
    call(&["psql", connection, "-X", "-A", "-t", "-q", "-F", "|", "-c", query])
}

pub(crate) fn state(connection: &str) -> Vec<String> {
    ask(connection, STATE)
}

pub(crate) fn number(connection: &str, query: &str) -> Vec<String> {
    ask(connection, query)
}

pub(crate) fn read_state(connection: &str, printed: &str) -> Result<Reading, Trouble> {
    let row: Vec<&str> = printed.lines().next().unwrap_or_default().split('|').collect();
    let value = |at: usize| row.get(at).and_then(|text| text.parse::<f64>().ok());
    let (Some(used), Some(most)) = (value(0), value(1)) else {
        return Err(Trouble::Unreachable("The database says nothing about its connections.".to_owned()));
    };
    let (longest, waiting) = (value(2).unwrap_or(0.0), value(3).unwrap_or(0.0));
    let (level, words) = match () {
        () if waiting > 0.0 => (Level::Moving, format!("{waiting} waiting for a lock")),
        () if longest > LONG => (Level::Moving, format!("a query runs {}", Unit::Seconds.print(longest))),
        () => (Level::Good, "answers".to_owned()),
    };
    let card = Reading::new(name(connection), "PostgreSQL").says(level, words).measure(
        Measure::new(format!("{used} of {most} connections"), used / most.max(1.0), Unit::Ratio)
            .of(Quantity::Connections),
    );
    let card = match value(5) {
        Some(lag) => card.measure(Measure::new("behind its primary", lag, Unit::Seconds)),
        None => card,
    };
    let size = value(4).map(|size| Unit::Bytes.print(size)).unwrap_or_default();
    Ok(card
        .fact(
            "longest query",
            Unit::Seconds.print(longest.max(0.0)),
            if longest > LONG { Level::Moving } else { Level::Quiet },
        )
        .fact("size", size, Level::Quiet))
}

pub(crate) fn read_number(connection: &str, query: &str, printed: &str) -> Result<Reading, Trouble> {
    let first = printed.lines().next().unwrap_or_default().split('|').next().unwrap_or_default().trim();
    let value = first.parse().map_err(|_| {
        Trouble::Unreachable("The first value of the answer is no number: ask for one number.".to_owned())
    })?;
    Ok(Reading::new(query, format!("SQL · {}", name(connection))).measure(Measure::new("", value, Unit::Plain)))
}

#[cfg(test)]
mod tests {
    use command::Effect;

    use super::*;

    #[test]
    fn the_question_only_looks() {
        let action = command::classify(&state("datasource:shop")).unwrap();
        assert_eq!(action.effect, Effect::Read);
    }

    #[test]
    fn connections_are_a_part_of_all() {
        let card = read_state("datasource:shop", "25|100|3.5|0|1048576|\n").unwrap();
        assert_eq!((card.name.as_str(), card.level), ("shop", Level::Good));
        assert_eq!(card.measures[0].print(), "25 %");
        assert_eq!(card.measures.len(), 1, "a primary is behind nobody");
        assert_eq!(read_state("x", "1|10|900|0|1|4\n").unwrap().words, "a query runs 15 min");
        assert_eq!(read_state("x", "1|10|0|2|1|\n").unwrap().level, Level::Moving);
        assert!(read_state("x", "\n").is_err());
    }

    #[test]
    fn a_number_is_a_number() {
        assert!((read_number("datasource:shop", "q", "42\n").unwrap().measures[0].value - 42.0).abs() < f64::EPSILON);
        assert!(read_number("datasource:shop", "q", "many\n").is_err());
    }
}
