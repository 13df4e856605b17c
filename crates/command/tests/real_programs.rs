//! The calls of real runbooks to programs that the broker runs: each of them must be read, not refused.

use command::Script;

const PROGRAMS: [&str; 6] = ["curl", "wget", "redis-cli", "pg_dump", "pg_restore", "openssl"];

#[test]
fn every_call_of_the_corpus_is_read() {
    let Some(corpus) = std::env::var_os("RUNBOOK_CORPUS") else {
        println!("skipped: no corpus");
        return;
    };
    let (mut read, mut refused) = (0, Vec::new());
    for entry in std::fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        // Every second part stands between fences.
        for fence in text.split("```").skip(1).step_by(2) {
            let Some(script) =
                fence.split_once('\n').filter(|(name, _)| matches!(name.trim(), "bash" | "sh" | "shell" | ""))
            else {
                continue;
            };
            for call in Script::parse(script.1).calls.iter().filter(|call| PROGRAMS.contains(&call.program())) {
                let argv = call.argv();
                if argv[0] == "openssl" && argv.get(1).is_none_or(|command| command != "s_client") {
                    continue;
                }
                match command::classify(&argv) {
                    Ok(_) => read += 1,
                    Err(refusal) => refused.push(format!("{argv:?}: {refusal}")),
                }
            }
        }
    }
    assert_eq!(refused, Vec::<String>::new());
    assert!(read >= 30, "only {read} calls were found");
}
