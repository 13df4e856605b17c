//! Prints what the reader makes of a Markdown file: `cargo run -p runbook --example outline -- FILE…`.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::path::Path;

use runbook::{Alternatives, Body, RunbookId, parse};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for file in std::env::args().skip(1) {
        let stem = Path::new(&file).file_stem().and_then(|stem| stem.to_str()).unwrap_or("runbook").to_owned();
        let runbook = parse(RunbookId::new(stem), &std::fs::read(&file)?, None)?;
        println!("{} ({} procedures)", runbook.title, runbook.procedures.len());
        for procedure in &runbook.procedures {
            println!("\n{} #{} [{}] {}", procedure.id, procedure.anchor, procedure.path.join(" / "), procedure.title);
            for step in &procedure.steps {
                let phase = step.phase.as_deref().map(|phase| format!("({phase}) ")).unwrap_or_default();
                println!("  {} {phase}{}", step.id, step.title);
                match &step.body {
                    Body::Commands { alternatives, commands } => {
                        for command in commands {
                            let one = if *alternatives == Alternatives::One { "one of" } else { "" };
                            let follows = if command.follows { "follows" } else { "" };
                            let open: Vec<_> =
                                command.parameters.iter().map(|parameter| parameter.placeholder.as_str()).collect();
                            println!(
                                "     {} {one} [{}] {follows} L{} {:?} {} {open:?} {:?}",
                                command.id,
                                command.effect,
                                command.line,
                                command.title,
                                command.programs.join(","),
                                command.expected
                            );
                            println!("        {}", command.source.replace('\n', "\n        "));
                        }
                    }
                    Body::Yaml(_) => println!("     configuration"),
                    Body::Message(code) => {
                        println!("     message {:?}", code.parameters.iter().map(|p| &p.name).collect::<Vec<_>>());
                    }
                    Body::Manual => println!("     by hand"),
                }
                if !step.prose.is_empty() {
                    println!("     prose: {}", step.prose.as_str().replace('\n', ""));
                }
            }
        }
    }
    Ok(())
}
