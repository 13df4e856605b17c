//! Cards of a Redis server.

use crate::reading::{Level, Measure, Reading, Unit};
use crate::sql;
use crate::subject::{Trouble, call};
use crate::threshold::Quantity;

/// Commands that say how long something is.
const LENGTHS: [&str; 4] = ["LLEN", "XLEN", "SCARD", "ZCARD"];

fn ask(server: Option<&str>, words: &[&str]) -> Vec<String> {
    let server = server.map(|server| ["-u", server]).into_iter().flatten();
    call(&["redis-cli"].into_iter().chain(server).chain(words.iter().copied()).collect::<Vec<_>>())
}

pub(crate) fn info(server: Option<&str>) -> Vec<String> {
    ask(server, &["INFO"])
}

pub(crate) fn length(server: Option<&str>, database: Option<u32>, command: &str, key: &str) -> Vec<String> {
    match database.map(|number| number.to_string()) {
        Some(number) => ask(server, &["-n", &number, command, key]),
        None => ask(server, &[command, key]),
    }
}

/// The command and the key, where a call asks how long something is.
pub(crate) fn asked_length(argv: &[String]) -> Option<(String, String)> {
    let at = argv.iter().position(|word| LENGTHS.contains(&word.to_ascii_uppercase().as_str()))?;
    Some((argv[at].to_ascii_uppercase(), argv.get(at + 1)?.clone()))
}

pub(crate) fn read_info(server: Option<&str>, printed: &str) -> Result<Reading, Trouble> {
    let field = |name: &str| printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let number = |name: &str| field(name).and_then(|text| text.parse::<f64>().ok());
    let Some(used) = number("used_memory") else {
        return Err(Trouble::Unreachable("The server says nothing about its memory.".to_owned()));
    };
    let most = number("maxmemory").filter(|most| *most > 0.0);
    let loading = field("loading") == Some("1");
    let down = field("master_link_status") == Some("down");
    let (level, words) = match () {
        () if down => (Level::Bad, "cut off from its primary"),
        () if loading => (Level::Moving, "loading"),
        () => (Level::Good, "answers"),
    };
    let about = format!("Redis {} · {}", field("redis_version").unwrap_or_default(), field("role").unwrap_or_default());
    let memory = match most {
        Some(most) => Measure::new("memory of its most", used / most, Unit::Ratio).of(Quantity::Memory),
        None => Measure::new("memory", used, Unit::Bytes),
    };
    let mut card = Reading::new(server.map_or("Redis", sql::name), about)
        .says(level, words)
        .measure(memory)
        .measure(Measure::new("commands a second", number("instantaneous_ops_per_sec").unwrap_or(0.0), Unit::Count));
    let (hits, misses) = (number("keyspace_hits").unwrap_or(0.0), number("keyspace_misses").unwrap_or(0.0));
    if hits + misses > 0.0 {
        card = card.fact("found in the cache", Unit::Ratio.print(hits / (hits + misses)), Level::Quiet);
    }
    Ok(card.fact("clients", field("connected_clients").unwrap_or("?"), Level::Quiet).fact(
        "evicted",
        field("evicted_keys").unwrap_or("?"),
        Level::Quiet,
    ))
}

pub(crate) fn read_length(server: Option<&str>, command: &str, key: &str, printed: &str) -> Result<Reading, Trouble> {
    let value = printed.trim().trim_start_matches("(integer)").trim().parse();
    let value = value
        .map_err(|_| Trouble::Unreachable(printed.lines().next().unwrap_or_default().chars().take(200).collect()))?;
    Ok(Reading::new(key, format!("{} · {command}", server.map_or("Redis", sql::name)))
        .measure(Measure::new("", value, Unit::Count).of(Quantity::Queue)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_tells_how_it_does() {
        let card = read_info(
            Some("datasource:cache"),
            "redis_version:7.0.15\r\nrole:master\r\nused_memory:1048576\r\nmaxmemory:4194304\r\nkeyspace_hits:3\r\nkeyspace_misses:1\r\n\
             connected_clients:5\r\ninstantaneous_ops_per_sec:12\r\nevicted_keys:0\r\n",
        )
        .unwrap();
        assert_eq!((card.name.as_str(), card.about.as_str()), ("cache", "Redis 7.0.15 · master"));
        let told: Vec<String> = card.measures.iter().map(Measure::print).collect();
        assert_eq!(told, ["25 %", "12"]);
        assert_eq!(card.facts[0].text, "75 %");
        assert!(read_info(None, "NOAUTH").is_err());
    }

    #[test]
    fn a_length_is_asked_again_as_it_was_asked() {
        let argv = call(&["redis-cli", "-n", "2", "llen", "jobs"]);
        assert_eq!(asked_length(&argv), Some(("LLEN".to_owned(), "jobs".to_owned())));
        assert_eq!(asked_length(&call(&["redis-cli", "FLUSHDB"])), None);
        assert_eq!(length(None, Some(2), "LLEN", "jobs"), call(&["redis-cli", "-n", "2", "LLEN", "jobs"]));
        assert!(
            (read_length(None, "LLEN", "jobs", "(integer) 7\n").unwrap().measures[0].value - 7.0).abs() < f64::EPSILON
        );
        assert!(read_length(None, "LLEN", "jobs", "WRONGTYPE\n").is_err());
    }
}
