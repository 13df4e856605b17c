//! Backslash commands that send the statement before them: `\gset`, `\gexec`, `\watch`.

use std::time::Duration;

use command::sql::Scanner;

use super::super::client::{Client, Halt};
use super::After;

/// The shortest pause of `\watch`.
const SHORTEST_PAUSE: f64 = 0.1;

impl Client<'_> {
    /// `\gset`: the one row's columns become variables.
    pub(super) async fn gset(
        &mut self,
        prefix: &str,
        scanner: &mut Scanner,
        previous: &mut Vec<u8>,
    ) -> Result<Result<After, String>, Halt> {
        let query = match scanner.take() {
            empty if empty.is_empty() => previous.clone(),
            query => query,
        };
        previous.clone_from(&query);
        if query.is_empty() {
            return Ok(Ok(After::Done));
        }
        let Some((columns, rows)) = self.collect(&query).await? else { return Ok(Ok(After::Failed)) };
        match rows.as_slice() {
            [] => return Ok(Err("no rows returned for \\gset".to_owned())),
            [row] => {
                for (column, value) in columns.iter().zip(row) {
                    let name = format!("{prefix}{}", column.name);
                    let set = match value {
                        Some(value) => self.variables.set(&name, value),
                        None => self.variables.unset(&name),
                    };
                    if let Err(wrong) = set {
                        return Ok(Err(wrong));
                    }
                }
            }
            _ => return Ok(Err("more than one row returned for \\gset".to_owned())),
        }
        Ok(Ok(After::Done))
    }

    /// `\gexec`: each value is a statement.
    pub(super) async fn gexec(
        &mut self,
        scanner: &mut Scanner,
        previous: &mut Vec<u8>,
    ) -> Result<Result<After, String>, Halt> {
        let query = match scanner.take() {
            empty if empty.is_empty() => previous.clone(),
            query => query,
        };
        previous.clone_from(&query);
        let Some((_, rows)) = self.collect(&query).await? else { return Ok(Ok(After::Failed)) };
        let mut done = true;
        for statement in rows.into_iter().flatten().flatten() {
            done &= self.send(statement.as_bytes()).await?;
            if !done && self.variables.on_error_stop {
                break;
            }
        }
        Ok(Ok(if done { After::Done } else { After::Failed }))
    }

    /// `\watch`: again and again until it is stopped or fails.
    pub(super) async fn watch(&mut self, query: &[u8], pause: f64) -> Result<Result<After, String>, Halt> {
        if query.is_empty() {
            return Ok(Err("\\watch cannot be used with an empty query".to_owned()));
        }
        let pause = Duration::from_secs_f64(pause.clamp(SHORTEST_PAUSE, 86_400.0));
        let own = self.style.title.clone();
        loop {
            let now =
                jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).strftime("%a %b %e %H:%M:%S %Y").to_string();
            let every = format!("{now} (every {}s)\n", pause.as_secs_f64());
            let mut style = self.style.clone();
            style.title = Some(match &own {
                Some(title) => format!("{title}\t{every}"),
                None => every,
            });
            let done = self.send_styled(query, Some(style)).await?;
            self.output.flush().await?;
            if !done {
                return Ok(Ok(After::Failed));
            }
            self.output.wait(pause).await?;
        }
    }
}
