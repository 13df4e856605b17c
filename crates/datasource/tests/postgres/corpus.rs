//! The calls of psql in real runbooks, against a schema made for them.

use std::path::Path;

use crate::fixture::{Caller, Database};

const SEED: &str = "
CREATE TABLE transactions (id int PRIMARY KEY, amount numeric);
CREATE TABLE users (id int PRIMARY KEY, name text);
INSERT INTO transactions VALUES (1, 2.5);
INSERT INTO users VALUES (1, 'Ann');
";

/// The calls of psql in a runbook, those that it makes inside a pod too: the words behind the program.
fn calls(text: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for block in text.split("```").skip(1).step_by(2) {
        let script = block.split_once('\n').map_or("", |(_, script)| script);
        for word in ["psql"] {
            for (at, _) in script.match_indices(word) {
                let line = &script[at..];
                let before = script[..at].lines().last().unwrap_or_default().trim();
                if !(before.is_empty() || before.ends_with("--")) {
                    continue;
                }
                calls.extend(words(line));
            }
        }
    }
    calls
}

/// The words of the first command of a text, by the quoting rules that the runbooks use.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut open) = (String::new(), None, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), c) => word.push(c),
            (None, '"' | '\'') => (quote, open) = (Some(c), true),
            (None, '\\') => {
                chars.next();
            }
            (None, '\n' | ';' | '|') => break,
            (None, '<') if chars.as_str().starts_with(' ') => break,
            (None, c) if c.is_whitespace() => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (None, c) => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    (words.first().is_some_and(|word| word == "psql")).then(|| words.split_off(1))
}

#[tokio::test]
async fn every_call_of_the_corpus_is_answered_as_psql_does() {
    let Ok(corpus) = std::env::var("RUNBOOK_CORPUS") else {
        println!("skipped: no corpus");
        return;
    };
    let Some(mut database) = Database::create(SEED).await else { return };
    let references = ["fintech_banking_db", "platform_db", "backstage", "postgres"].map(str::to_owned);
    database.environment.datasources[0].references.extend(references);
    let folder = tempfile::TempDir::new().unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(Path::new(&corpus)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        for arguments in calls(&std::fs::read_to_string(&path).unwrap()) {
            seen += 1;
            let ours = database.psql(&arguments, &Caller::default()).await;
            // The real psql is told by its environment where to go.
            let mut plain: Vec<String> = Vec::new();
            let mut words = arguments.iter();
            while let Some(word) = words.next() {
                match word.as_str() {
                    "-h" | "-U" | "-d" => drop(words.next()),
                    "-c" => plain.extend([word.clone(), words.next().unwrap().clone()]),
                    _ => {}
                }
            }
            let theirs = database.real_psql(&plain, "", folder.path());
            assert_eq!((ours.code, &ours.err), (theirs.code, &theirs.err), "{arguments:?}");
            let names = |text: &str| -> Vec<String> {
                text.lines().next().unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
            };
            assert_eq!(names(&ours.out), names(&theirs.out), "{arguments:?}");
            // What the server does at the moment differs from one call to the next.
            if !arguments.iter().any(|word| ["pg_stat_", "now()", "pg_database"].iter().any(|part| word.contains(part)))
            {
                assert_eq!(ours.out, theirs.out, "{arguments:?}");
            }
        }
    }
    database.remove().await;
    assert!(seen >= 15, "only {seen} calls were found");
}
