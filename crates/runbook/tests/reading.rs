//! The rules of reading, one small file each.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use command::Effect;
use proptest::prelude::*;
use runbook::{Alternatives, Block, Body, LARGEST, Language, Procedure, ReadError, Runbook, RunbookId, Step, parse};

fn read(text: &str) -> Runbook {
    parse(RunbookId::new("sample"), text.as_bytes(), None).unwrap()
}

fn only(text: &str) -> std::sync::Arc<Procedure> {
    let runbook = read(text);
    assert_eq!(runbook.procedures.len(), 1, "{:?}", runbook.procedures);
    runbook.procedures[0].clone()
}

fn bash(text: &str) -> std::sync::Arc<Procedure> {
    only(&format!("# T\n\n## S\n\n```bash\n{text}\n```\n"))
}

fn titles(procedure: &Procedure) -> Vec<&str> {
    procedure.steps.iter().map(|step| step.title.as_str()).collect()
}

fn options(step: &Step) -> Vec<&str> {
    assert!(matches!(step.body, Body::Commands { alternatives: Alternatives::One, .. }), "{step:?}");
    step.commands().iter().map(|command| command.title.as_deref().unwrap_or_default()).collect()
}

fn ids(step: &Step) -> Vec<&str> {
    step.commands().iter().map(|command| command.id.as_str()).collect()
}

#[test]
fn each_comment_of_a_fence_leads_a_step() {
    let procedure = bash("# Restart\nkubectl rollout restart deployment/a\n\n# Look\nwatch kubectl get pods");
    assert_eq!(titles(&procedure), ["Restart", "Look"]);
    assert!(procedure.steps[1].commands()[0].follows);
    assert_eq!(procedure.steps[1].commands()[0].line, 10);
    assert_eq!(procedure.id.as_str(), "s");
}

#[test]
fn options_ors_and_ifs_are_choices() {
    let procedure = bash("# Look\nls\n\n# Option 1: Restart\na\n\n# Option 2: Scale\nb\n\n# Check\nc");
    assert_eq!(titles(&procedure), ["Look", "Restart or scale", "Check"]);
    assert_eq!(options(&procedure.steps[1]), ["Restart", "Scale"]);
    assert_eq!(ids(&procedure.steps[1]), ["2a", "2b"]);

    let procedure = bash("# View\na\n\n# Edit\nb\n\n# Or apply\nc <<EOF\n\n# Or not\nEOF\n\nd");
    assert_eq!(titles(&procedure), ["View", "Edit or apply"]);
    assert_eq!(procedure.steps[1].commands()[1].source, "c <<EOF\n\n# Or not\nEOF\n\nd");

    let procedure = bash("# If A\na\n\n# Then restart\nb\n\n# If C\n# Why\nc\n# Do\nd\n\n# Check\ne");
    assert_eq!(titles(&procedure), ["S", "Check"]);
    assert_eq!(options(&procedure.steps[0]), ["If A", "If C"]);
    assert_eq!(procedure.steps[0].commands()[0].source, "a\n\n# Then restart\nb");
    assert_eq!(procedure.steps[0].commands()[1].source, "# Why\nc\n# Do\nd");
}

#[test]
fn one_if_is_no_choice() {
    let procedure = bash("# Scale\na\n\n# If that is too little, do more\nb\n\n# Watch\nc");
    assert_eq!(titles(&procedure), ["Scale", "If that is too little, do more", "Watch"]);
}

#[test]
fn commands_that_replace_each_other_are_a_choice() {
    let procedure = bash(
        "# History\nkubectl rollout history deployment/a\n\n# Previous\nkubectl rollout undo deployment/a\n\n# Specific\nkubectl rollout undo deployment/a --to-revision=2",
    );
    assert_eq!(titles(&procedure), ["History", "Previous or specific"]);
    assert_eq!(options(&procedure.steps[1]), ["Previous", "Specific"]);
    for sequence in [
        "# Down\nkubectl scale deployment a --replicas=0\n\n# Up\nkubectl scale deployment a --replicas=3",
        "# One\nkubectl scale deployment a --replicas=1\n\n# Then two\nkubectl scale deployment a --replicas=3",
        "# 1. One\nkubectl scale deployment a --replicas=1\n\n# 2. Two\nkubectl scale deployment a --replicas=3",
        "# One\nkubectl scale deployment a --replicas=1\n\n# Two\nkubectl scale deployment b --replicas=3",
        "# One\nkubectl get pod a\n\n# Two\nkubectl get pod a -o yaml",
    ] {
        assert_eq!(bash(sequence).steps.len(), 2, "{sequence}");
    }
}

#[test]
fn comments_without_a_command_are_done_by_hand() {
    let procedure = bash(
        "# 1. Tell people\n# 2. Put up the notice\n\n# 3. Work\n# - Disks\n# - Nodes\n\n# 4. Test\ncurl https://a/health\n# Expected: ok\n\n# Note: slow",
    );
    assert_eq!(titles(&procedure), ["Tell people", "Put up the notice", "Work", "Test"]);
    assert!(matches!(procedure.steps[0].body, Body::Manual));
    assert_eq!(procedure.steps[2].prose.as_str(), "<ul><li>Disks</li><li>Nodes</li></ul>");
    assert_eq!(procedure.steps[3].commands()[0].expected, ["ok"]);
    assert_eq!(procedure.steps[3].prose.as_str(), "<p>Note: slow</p>");
}

#[test]
fn numbered_items_are_steps_with_their_fences() {
    let text = "# T\n\n## S\n\n1. **Look:**\n   ```bash\n   # Pods\n   kubectl get pods\n\n   # Logs\n   kubectl logs a\n   ```\n2. **Tell** - everyone\n   - by mail\n3. **Choose**\n   ```bash\n   # Scale\n   a\n   # Or restart\n   b\n   ```\n4. Send\n   ```\n   Slack: [what]\n   ```\n5. Ask\n   ```sql\n   SELECT 1;\n   ```\n";
    let procedure = only(text);
    assert_eq!(titles(&procedure), ["Look", "Tell", "Choose", "Send", "Ask"]);
    assert_eq!(ids(&procedure.steps[0]), ["1a", "1b"]);
    assert_eq!(procedure.steps[0].commands()[1].title.as_deref(), Some("Logs"));
    assert_eq!(procedure.steps[0].commands()[1].source, "kubectl logs a");
    assert_eq!(procedure.steps[0].commands()[1].line, 11);
    assert!(procedure.steps[1].prose.as_str().contains("everyone"));
    assert_eq!(options(&procedure.steps[2]), ["Scale", "Restart"]);
    assert!(matches!(&procedure.steps[3].body, Body::Message(code) if code.parameters.len() == 1));
    assert!(matches!(&procedure.steps[4].commands()[0].language, Language::Sql { .. }));
}

#[test]
fn labels_are_phases_and_bullets_are_steps_where_they_are_actions() {
    let procedure = only(
        "# T\n\n## S\n\n**Symptoms:**\n- Slow\n\n**Check**:\n```bash\nkubectl get pods\n```\n\n**Fix**:\n- Scale up\n- Pending: Check quota\n",
    );
    assert_eq!(titles(&procedure), ["Check", "Scale up", "Pending: Check quota"]);
    assert_eq!(procedure.steps[1].phase.as_deref(), Some("Fix"));
}

#[test]
fn counted_headings_are_phases() {
    let procedure =
        only("# T\n\n## Deploy\n\n### 1. Check\n\n```bash\nls\n```\n\n### 2. Go (now)\n\n```bash\nls\n```\n");
    assert_eq!(procedure.title, "Deploy");
    assert_eq!(procedure.steps[1].phase.as_deref(), Some("2. Go (now)"));
    let sections = read("# T\n\n## 1. One\n\n```bash\nls\n```\n\n## 2. Two\n\n```bash\nls\n```\n");
    assert_eq!(sections.procedures.len(), 2);
}

#[test]
fn what_is_only_to_be_read_is_no_procedure() {
    let runbook = read(
        "# T\n\n## Contents\n\n1. [A](#a)\n2. [B](#b)\n\n## Contacts\n\n- **A**: b\n\n## Matrix\n\n```\nLevel 1\n  then 2\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    );
    assert!(runbook.procedures.is_empty());
    let html: String =
        runbook.blocks.iter().map(|block| if let Block::Prose(html) = block { html.as_str() } else { "" }).collect();
    assert!(html.contains("<div class=\"table-scroll\"><table>"), "{html}");
}

#[test]
fn bash_fences_with_sql_are_sql() {
    let procedure = bash("psql $DATABASE_URL\n\n-- Count\nSELECT a, count(*) FROM b;");
    let command = &procedure.steps[0].commands()[0];
    assert_eq!(command.language, Language::Sql { connection: "$DATABASE_URL".to_owned() });
    assert_eq!((command.title.as_deref(), command.source.as_str()), (Some("Count"), "SELECT a, count(*) FROM b;"));
    assert_eq!(command.parameters[0].placeholder, "$DATABASE_URL");
    let several = bash(
        "psql $DATABASE_URL\n\n-- Count\nSELECT a\nFROM b;\n\n-- Remove\n-- what is old\nDELETE FROM b WHERE c < '<day>';",
    );
    let commands: Vec<_> = several.commands().collect();
    assert_eq!(commands.len(), 2);
    assert_eq!(
        (commands[1].effect, commands[1].source.as_str()),
        (Effect::Destroy, "DELETE FROM b WHERE c < '<day>';")
    );
    assert!(commands[1].parameters.iter().any(|parameter| parameter.name == "day"));
}

/// Found by a last look: what a `psql` line does beside saying where must not hide behind the SQL below it.
#[test]
fn a_psql_line_that_does_more_stays_bash() {
    for line in [
        "psql $DATABASE_URL; kubectl delete namespace shop",
        "psql $DATABASE_URL -c 'DROP TABLE orders'",
        "psql $DATABASE_URL -Atc x",
        "psql $(kubectl delete pod web)",
        "psql $DATABASE_URL < dump.sql",
        "psql $DATABASE_URL | bash",
        "psql -f drop.sql",
    ] {
        let procedure = bash(&format!("{line}\n\n-- Count\nSELECT count(*) FROM b;"));
        let commands: Vec<_> = procedure.commands().collect();
        assert!(commands.iter().all(|command| command.language == Language::Bash), "{line}");
    }
    for line in ["psql", "psql -h <rds-endpoint> -U app -d shop", "psql --host=db \"$DATABASE_URL\""] {
        let procedure = bash(&format!("{line}\n\n-- Count\nSELECT count(*) FROM b;"));
        assert!(matches!(procedure.commands().next().unwrap().language, Language::Sql { .. }), "{line}");
    }
}

#[test]
fn a_fence_without_a_comment_takes_the_name_above_it() {
    let procedure = only(
        "# T\n\n## 5.3 Purge\n\n```bash\n# WARNING: all is lost\naws sqs purge-queue --queue-url <queue-url>\n# Note: takes a minute\n```\n",
    );
    assert_eq!(titles(&procedure), ["Purge"]);
    assert!(procedure.steps[0].prose.as_str().contains("WARNING: all is lost"));
    let command = &procedure.steps[0].commands()[0];
    assert_eq!(command.parameters[0].placeholder, "<queue-url>");
    assert!(command.html.as_str().contains("<span class=\"placeholder\">&lt;queue-url&gt;</span>"));
}

#[test]
fn variables_of_the_procedure_are_no_parameters() {
    let procedure = bash("# A\nexport REGION=x\n\n# B\naws s3 ls --region $REGION $BUCKET $HOME");
    let open: Vec<_> =
        procedure.commands().flat_map(|command| &command.parameters).map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(open, ["BUCKET"]);
}

#[test]
fn untagged_fences_that_begin_with_a_tool_are_commands() {
    let procedure = only("# T\n\n## S\n\n```\nkubectl get pods\n```\n");
    assert_eq!(procedure.commands().count(), 1);
}

#[test]
fn a_file_without_headings_is_one_procedure() {
    let procedure = only("```bash\nls\n```\n");
    assert_eq!((procedure.title.as_str(), procedure.anchor.as_str()), ("Sample", ""));
}

#[test]
fn unreadable_files_say_why() {
    let parse = |bytes: &[u8]| parse(RunbookId::new("a"), bytes, None).unwrap_err();
    assert_eq!(parse(b"ab\xff"), ReadError::NotUtf8 { offset: 2 });
    assert_eq!(parse(&vec![b'a'; LARGEST + 1]), ReadError::TooLarge { size: LARGEST + 1 });
}

#[test]
fn versions_name_bytes_and_commit() {
    let runbook = parse(RunbookId::new("a"), b"# A", Some("0123456789".to_owned())).unwrap();
    assert_eq!(runbook.version.short(), "0123456");
    assert_eq!(runbook.version.hash.len(), 64);
    assert_eq!(&*runbook.text, b"# A");
}

proptest! {
    #[test]
    fn reading_never_panics(text in "\\PC{0,300}") {
        let _ = parse(RunbookId::new("a"), text.as_bytes(), None);
    }

    #[test]
    fn markdown_like_text_never_panics(parts in proptest::collection::vec(prop_oneof![
        Just("# H\n"), Just("## 1. P\n"), Just("### 2. Q\n"), Just("```bash\n"), Just("```\n"), Just("   ```sql\n"), Just("1. **A:** b\n"),
        Just("- [ ] x\n"), Just("**Fix**:\n"), Just("# Or x\n"), Just("# If y\n"), Just("# Option 1: z\n"), Just("# 1. a\n"), Just("kubectl get <x> $Y\n"),
        Just("# Expected: é\n"), Just("\n"), Just("> "), Just("<b>"), Just("| a |\n|---|\n"), Just("[^1]"), Just("[^1]: n\n"), Just("cat <<EOF\n"), Just("EOF\n"),
        Just("---\n"), Just("    "), Just("\t"), Just("\u{feff}"), Just("for x in y; do\n"), Just("done\n"), Just("'"), Just("\"")
    ], 0..60)) {
        let text: String = parts.concat();
        let runbook = parse(RunbookId::new("a"), text.as_bytes(), None).unwrap();
        for procedure in &runbook.procedures {
            prop_assert!(!procedure.steps.is_empty());
            for step in &procedure.steps {
                if let Body::Commands { commands, .. } = &step.body {
                    prop_assert!(!commands.is_empty());
                }
            }
        }
    }
}

#[test]
fn hostile_files_end_in_time() {
    for text in [
        "> ".repeat(20_000),
        "- ".repeat(20_000),
        "# a\n".repeat(20_000),
        "1. a\n".repeat(10_000),
        "<div>".repeat(50_000),
        "[".repeat(50_000),
        "```bash\n# a\nb\n```\n".repeat(2_000),
        format!("```bash\n{}\n```\n", "# Or a\nkubectl scale deployment x --replicas=1\n".repeat(2_000)),
        format!("```bash\n{}\n```\n", "$(".repeat(50_000)),
        format!("```yaml\n{}\n```\n", "[".repeat(100_000)),
        "*a ".repeat(50_000),
        "|a".repeat(20_000) + "\n" + &"|-".repeat(20_000) + "\n",
    ] {
        let _ = parse(RunbookId::new("a"), text.as_bytes(), None);
    }
}
