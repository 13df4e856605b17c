//! Programs that somebody talks to at a terminal: a shell, `psql`, `redis-cli`. They echo, edit one line, and answer each
//! line as the simulation answers the same words in a call of its own.

use super::{Container, Outcome, words};

/// Bytes of one line.
const LINE: usize = 4096;

/// Who talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Talker {
    Shell,
    Psql,
    Redis,
}

/// What somebody at the terminal sees next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) shown: Vec<u8>,
    /// Seconds of cluster time that it took.
    pub(crate) seconds: u32,
    /// How the program ended, if it did.
    pub(crate) ended: Option<u8>,
}

/// A program at a terminal.
#[derive(Debug)]
pub(crate) struct Talk {
    talker: Talker,
    line: Vec<u8>,
    /// Earlier lines of a statement.
    statement: String,
    /// Whether what comes belongs to a key's escape sequence.
    escaped: bool,
    code: u8,
    /// Columns and rows.
    size: (u16, u16),
}

impl Talk {
    /// The program, where it is one that talks and that this container has.
    pub(crate) fn begin(argv: &[String], container: &Container<'_>) -> Option<Self> {
        let (first, arguments) = argv.split_first()?;
        let has = |word: &str| arguments.iter().any(|argument| argument.starts_with(word));
        let there = |call: &[&str]| {
            let call: Vec<String> = call.iter().map(|word| (*word).to_owned()).collect();
            container.run(&call, "").code != 127
        };
        let talker = match first.rsplit('/').next().unwrap_or_default() {
            "sh" | "bash" | "ash" if !has("-c") && !has("-lc") => Talker::Shell,
            "psql" if !has("-c") && !has("--command") && there(&["psql", "-c", "select 1"]) => Talker::Psql,
            "redis-cli" if arguments.is_empty() && there(&["redis-cli", "ping"]) => Talker::Redis,
            _ => return None,
        };
        let (line, statement) = (Vec::new(), String::new());
        Some(Self { talker, line, statement, escaped: false, code: 0, size: (80, 24) })
    }

    /// What it says first.
    pub(crate) fn greeting(&self) -> Vec<u8> {
        let words = match self.talker {
            Talker::Psql => "psql (15.8)\r\nType \"help\" for help.\r\n\r\n",
            Talker::Shell | Talker::Redis => "",
        };
        [words, self.prompt()].concat().into_bytes()
    }

    fn prompt(&self) -> &'static str {
        match self.talker {
            Talker::Shell => "/ $ ",
            Talker::Psql if self.statement.is_empty() => "practice=> ",
            Talker::Psql => "practice-> ",
            Talker::Redis => "127.0.0.1:6379> ",
        }
    }

    pub(crate) fn resized(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
    }

    /// What comes of some keys.
    pub(crate) fn typed(&mut self, keys: &[u8], container: &Container<'_>) -> Heard {
        let mut heard = Heard::default();
        for key in keys {
            self.key(*key, container, &mut heard);
            if heard.ended.is_some() {
                break;
            }
        }
        heard
    }

    fn key(&mut self, key: u8, container: &Container<'_>, heard: &mut Heard) {
        if self.escaped {
            // Cursor keys and their like do nothing here (ECMA-48, 5.4: a letter or `~` ends them).
            self.escaped = !(key.is_ascii_alphabetic() || key == b'~') || key == b'O';
            return;
        }
        match key {
            0x1b => self.escaped = true,
            b'\r' | b'\n' => {
                heard.shown.extend_from_slice(b"\r\n");
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).trim().to_owned();
                self.line(&line, container, heard);
            }
            // Ctrl+C
            0x03 => {
                self.line.clear();
                self.statement.clear();
                heard.shown.extend_from_slice(b"^C\r\n");
            }
            // Ctrl+D
            0x04 if self.line.is_empty() => {
                heard.shown.extend_from_slice(b"\r\n");
                heard.ended = Some(self.code);
            }
            0x7f | 0x08 => {
                if self.line.pop().is_some() {
                    heard.shown.extend_from_slice(b"\x08 \x08");
                }
                return;
            }
            0x20.. if self.line.len() < LINE => {
                self.line.push(key);
                heard.shown.push(key);
                return;
            }
            _ => return,
        }
        if heard.ended.is_none() && key != 0x1b {
            heard.shown.extend_from_slice(self.prompt().as_bytes());
        }
    }

    fn line(&mut self, line: &str, container: &Container<'_>, heard: &mut Heard) {
        let outcome = match self.talker {
            Talker::Shell => match words(line).as_slice() {
                [] => return,
                [exit, rest @ ..] if exit == "exit" => {
                    heard.ended = Some(rest.first().and_then(|code| code.parse().ok()).unwrap_or(self.code));
                    return;
                }
                [stty, size] if stty == "stty" && size == "size" => {
                    let (columns, rows) = self.size;
                    Outcome::says(format!("{rows} {columns}\n"))
                }
                _ => container.run(&["sh".to_owned(), "-c".to_owned(), line.to_owned()], ""),
            },
            Talker::Psql if self.statement.is_empty() && ["\\q", "exit", "quit"].contains(&line) => {
                heard.ended = Some(0);
                return;
            }
            Talker::Psql => {
                self.statement.push_str(line);
                let meant = self.statement.trim();
                if meant.is_empty() || !(meant.ends_with(';') || meant.starts_with('\\')) {
                    if !meant.is_empty() {
                        self.statement.push('\n');
                    }
                    self.statement.truncate(self.statement.floor_char_boundary(LINE));
                    return;
                }
                let statement = std::mem::take(&mut self.statement);
                container.run(&["psql".to_owned(), "-c".to_owned(), statement], "")
            }
            Talker::Redis => match line {
                "" => return,
                "exit" | "quit" => {
                    heard.ended = Some(0);
                    return;
                }
                line => container.run(&[vec!["redis-cli".to_owned()], words(line)].concat(), ""),
            },
        };
        self.code = outcome.code;
        heard.seconds = heard.seconds.saturating_add(outcome.seconds);
        let text = (outcome.stdout + &outcome.stderr).replace("\r\n", "\n").replace('\n', "\r\n");
        heard.shown.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::{Limits, Store};

    /// What a session shows, and how it ended.
    fn session(image: &str, argv: &[&str], keys: &str) -> Option<(String, Option<u8>)> {
        let store = Store::new(Limits::default());
        let pod = json!({"metadata": {"name": "p", "namespace": "shop"}, "spec": {"containers": [
            {"name": "c", "image": image}]}});
        let container = Container { store: &store, pod: &pod, name: "c" };
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let mut talk = Talk::begin(&argv, &container)?;
        talk.resized(100, 30);
        let mut shown = talk.greeting();
        let heard = talk.typed(keys.as_bytes(), &container);
        shown.extend(heard.shown);
        Some((String::from_utf8(shown).unwrap(), heard.ended))
    }

    #[test]
    fn a_shell_echoes_edits_and_answers() {
        let (shown, ended) = session("x", &["/bin/sh"], "hostnamx\x7fe\r\x1b[Astty size\rabc\x03exit 3\r").unwrap();
        assert_eq!(ended, Some(3));
        assert_eq!(shown, "/ $ hostnamx\x08 \x08e\r\np\r\n/ $ stty size\r\n30 100\r\n/ $ abc^C\r\n/ $ exit 3\r\n",);
        assert_eq!(session("x", &["sh"], "\x04").unwrap(), ("/ $ \r\n".to_owned(), Some(0)));
    }

    #[test]
    fn a_database_and_a_cache_take_statements() {
        let (shown, ended) = session("postgres:15", &["psql", "-U", "x"], "select\r1;\r\\q\r").unwrap();
        assert!(shown.contains("practice-> 1;\r\n ?column? \r\n") && ended == Some(0), "{shown}");
        let (shown, _) = session("redis:7", &["redis-cli"], "PING\r").unwrap();
        assert!(shown.ends_with("PONG\r\n127.0.0.1:6379> "), "{shown}");
    }

    #[test]
    fn who_does_not_talk_has_no_session() {
        for (image, argv) in [("x", &["psql"][..]), ("x", &["sh", "-c", "date"]), ("x", &["date"]), ("x", &[])] {
            assert!(session(image, argv, "").is_none(), "{argv:?}");
        }
    }
}
