//! What the reader makes of whole files: counts and titles, the links in them, and that no word is lost.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use runbook::{Alternatives, Block, Body, Command, Runbook, RunbookId, parse};

fn read(path: &Path) -> Runbook {
    let stem = path.file_stem().unwrap().to_str().unwrap();
    parse(RunbookId::new(stem), &std::fs::read(path).unwrap(), None).unwrap()
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks")
}

/// Five files of other teams; they are not part of the project.
fn corpus(names: &[&str]) -> Option<Vec<PathBuf>> {
    let folder = PathBuf::from(std::env::var_os("RUNBOOK_CORPUS")?);
    let folder =
        if folder.is_absolute() { folder } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder) };
    Some(names.iter().map(|name| folder.join(format!("{name}.md"))).collect())
}

const CORPUS: &[&str] =
    &["architect-dashboard", "fintech-banking", "platform-service", "pms-platform", "ulp-backstage"];
const SAMPLES: &[&str] = &["checkout-service", "database-care", "incident-response", "platform-health"];

#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn files() -> Vec<PathBuf> {
    let mut files: Vec<_> = SAMPLES.iter().map(|name| samples().join(format!("{name}.md"))).collect();
    match corpus(CORPUS) {
        Some(more) => files.extend(more),
        None => println!("skipped: no corpus"),
    }
    files
}

/// Counts and titles, no commands.
fn outline(runbook: &Runbook) -> String {
    let mut out = String::new();
    let steps: usize = runbook.procedures.iter().map(|procedure| procedure.steps.len()).sum();
    let commands: usize = runbook.procedures.iter().map(|procedure| procedure.commands().count()).sum();
    writeln!(out, "{}: {} procedures, {steps} steps, {commands} commands", runbook.title, runbook.procedures.len())
        .unwrap();
    for procedure in &runbook.procedures {
        writeln!(out, "\n{} ({}) #{}", procedure.title, procedure.id, procedure.anchor).unwrap();
        for step in &procedure.steps {
            let phase = step.phase.as_deref().map(|phase| format!("{phase} > ")).unwrap_or_default();
            writeln!(out, "  {} {phase}{} — {}", step.id, step.title, kind(&step.body)).unwrap();
        }
    }
    out
}

fn kind(body: &Body) -> String {
    let each = |command: &Command| {
        let follows = if command.follows { " follows" } else { "" };
        let open =
            if command.parameters.is_empty() { String::new() } else { format!(" {} open", command.parameters.len()) };
        let expected = if command.expected.is_empty() { "" } else { " expects" };
        format!("{}{follows}{open}{expected}", command.effect)
    };
    match body {
        Body::Commands { alternatives, commands } => {
            let commands: Vec<_> = commands.iter().map(each).collect();
            let one = if *alternatives == Alternatives::One { "one of " } else { "" };
            format!("{one}{}", commands.join(", "))
        }
        Body::Yaml(_) => "configuration".to_owned(),
        Body::Message(code) => format!("message, {} open", code.parameters.len()),
        Body::Manual => "by hand".to_owned(),
    }
}

#[test]
fn own_samples() {
    for name in SAMPLES {
        insta::assert_snapshot!(*name, outline(&read(&samples().join(format!("{name}.md")))));
    }
}

#[test]
fn five_files_of_other_teams() {
    let Some(files) = corpus(CORPUS) else {
        println!("skipped: no corpus");
        return;
    };
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        insta::assert_snapshot!(name, outline(&read(&file)));
    }
}

#[test]
fn every_link_inside_a_file_leads_to_a_heading() {
    for file in files() {
        let runbook = read(&file);
        let anchors: HashSet<&str> = runbook
            .blocks
            .iter()
            .filter_map(|block| match block {
                Block::Heading(heading) => Some(heading.anchor.as_str()),
                _ => None,
            })
            .collect();
        let mut links = 0;
        for block in &runbook.blocks {
            let Block::Prose(html) = block else { continue };
            for link in html.as_str().split("href=\"#").skip(1) {
                let target = link.split('"').next().unwrap();
                assert!(anchors.contains(target), "{}: #{target} leads nowhere", file.display());
                links += 1;
            }
        }
        let source = std::fs::read_to_string(&file).unwrap();
        assert_eq!(links, source.matches("](#").count(), "{}", file.display());
    }
}

fn words(text: &str) -> HashMap<String, usize> {
    let mut words = HashMap::new();
    for word in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() > 1 && !word.bytes().all(|byte| byte.is_ascii_digit()))
    {
        *words.entry(word.to_lowercase()).or_default() += 1;
    }
    words
}

fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text.replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&nbsp;", "\u{a0}")
}

/// Everything that the reading page shows.
fn shown(runbook: &Runbook) -> String {
    let mut text = String::new();
    for block in &runbook.blocks {
        match block {
            Block::Heading(heading) => text.push_str(&heading.text),
            Block::Prose(html) => text.push_str(&without_tags(html.as_str())),
            Block::Widget(fence) => text.push_str(&fence.source),
            Block::Step(procedure, step) => {
                let step = runbook.procedure(procedure).unwrap().step(step).unwrap();
                let mut titles = vec![step.title.clone()];
                text.push_str(&without_tags(step.prose.as_str()));
                match &step.body {
                    Body::Commands { commands, .. } => {
                        for command in commands {
                            titles.extend(command.title.clone().filter(|title| *title != step.title));
                            let source = without_tags(command.html.as_str());
                            text.push_str(&format!("\n{source}\n{}\n", command.expected.join("\n")));
                        }
                    }
                    Body::Yaml(code) | Body::Message(code) => {
                        text.push_str(&format!("\n{}\n", code.source));
                    }
                    Body::Manual => {}
                }
                text.push_str(&format!("\n{}\n", titles.join("\n")));
            }
        }
        text.push('\n');
    }
    text
}

#[test]
fn no_word_is_lost() {
    // Addresses of links, languages of fences and the words that mark an alternative are shown by other means.
    let by_other_means = |line: &str| {
        let mut line = line.to_owned();
        while let Some(start) = line.find("](") {
            let end = line[start..].find(')').map_or(line.len(), |end| start + end + 1);
            line.replace_range(start..end, "]");
        }
        let plain = line.trim_start();
        if plain.starts_with("```") {
            return String::new();
        }
        match plain.strip_prefix("# ").and_then(|comment| comment.split_once(' ')) {
            Some(("Or" | "Option" | "Expected:", rest)) => rest.to_owned(),
            _ => line,
        }
    };
    for file in files() {
        let source = std::fs::read_to_string(&file).unwrap();
        let source = source
            .strip_prefix("---\n")
            .and_then(|text| text.split_once("\n---\n"))
            .map_or(source.clone(), |(_, text)| text.to_owned());
        let source: String = source.lines().map(|line| by_other_means(line) + "\n").collect();
        let shown = words(&shown(&read(&file)));
        for (word, count) in words(&source) {
            let found = shown.get(&word).copied().unwrap_or_default();
            assert!(
                found >= count,
                "{}: `{word}` stands {count} times in the file and {found} times on the page",
                file.display()
            );
        }
    }
}

#[test]
fn every_block_of_a_procedure_is_on_the_reading_page_once() {
    for file in files() {
        let runbook = read(&file);
        let mut seen = HashSet::new();
        for block in &runbook.blocks {
            if let Block::Step(procedure, step) = block {
                assert!(seen.insert((procedure.clone(), step.clone())));
            }
        }
        let steps: usize = runbook.procedures.iter().map(|procedure| procedure.steps.len()).sum();
        assert_eq!(seen.len(), steps);
        for procedure in &runbook.procedures {
            let own = procedure.blocks.iter().filter(|block| matches!(block, Block::Step(..))).count();
            assert_eq!(own, procedure.steps.len());
        }
    }
}
