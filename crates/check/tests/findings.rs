//! What is found, in made-up runbooks, in our own samples (nothing), and in real ones (`RUNBOOK_CORPUS`).

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use check::{Finding, RULES, Severity, check, sarif};
use runbook::RunbookId;

fn found(text: &str) -> Vec<Finding> {
    check(&runbook::parse(RunbookId::new("t"), text.as_bytes(), None).unwrap())
}

/// A text with what is wrong in it: rule, line, column.
type Case = (&'static str, &'static [(&'static str, usize, usize)]);

const WRONG: &[Case] = &[
    ("## P\n\n```bash\nkubectl get pods --namspace x\n```\n", &[("wrong-call", 4, 1)]),
    ("## P\n\n- a\n  ```bash\n  # Look\n  echo ok | kubectl get pods --namspace x\n  ```\n", &[("wrong-call", 6, 13)]),
    ("## P\n\n```bash\naws sqs list-queues --max-items 1 --max-items 2\n```\n", &[("duplicate-option", 4, 35)]),
    (
        "## P\n\n```bash\naws rds create-db-instance --db-instance-identifier x \\\n  --db-instance-class db.t3.small\n```\n",
        &[("missing-option", 4, 1)],
    ),
    ("## P\n\n```bash\nkubectl get psp\n```\n", &[("removed-resource", 4, 13)]),
    (
        "## P\n\n```bash\n# Block traffic\naws ec2 authorize-security-group-ingress --group-id sg-1 --protocol tcp --port 443 --cidr 0.0.0.0/0\n```\n",
        &[("open-to-everybody", 5, 91)],
    ),
    ("## P\n\n```bash\ncurl -u admin:hunter2 https://example.com\n```\n", &[("password-in-arguments", 4, 9)]),
    ("## P\n\n```bash\ndocker ps\n```\n", &[("done-by-hand", 4, 1)]),
    (
        "## P\n\n```bash\n# Watch\nkubectl get pods -w\n\n# Count\nkubectl get nodes\n```\n",
        &[("endless-command", 5, 1)],
    ),
    (
        "## P\n\n```bash\n# Stop it\nkubectl delete deployment web\n\n# Preserve evidence\nkubectl logs web\n```\n",
        &[("evidence-after-removal", 8, 1)],
    ),
    (
        "## P\n\n```bash\n# Make\naws rds create-db-snapshot --db-instance-identifier a --db-snapshot-identifier s-$(date +%H%M%S)\n\n\
         # Look\naws rds describe-db-snapshots --db-snapshot-identifier s-$(date +%H%M%S)\n```\n",
        &[("name-by-the-second", 8, 56)],
    ),
    ("## P\n\n```sql\nSELECT query, mean_time\nFROM pg_stat_statements;\n```\n", &[("removed-column", 4, 15)]),
    (
        "## P\n\n```bash\nkubectl exec db -- psql -c \"SELECT mean_time FROM pg_stat_statements\"\n```\n",
        &[("removed-column", 4, 36)],
    ),
    ("# T\n\nSign in with admin / admin.\n", &[("default-credentials", 3, 14)]),
    ("# T\n\nWait â€™til it is well.\n", &[("mis-decoded", 3, 6)]),
    ("# T\n\n[there](#no-where)\n\n## Nowhere\n", &[("dead-link", 3, 9)]),
    ("## P\n\n```bash\nbash -c 'echo <name>'\n```\n", &[("unfillable-placeholder", 4, 15)]),
    (
        "## P\n\n```bash\nkubectl create secret tls x --cert=path/to/tls.crt --key=<key-file>\n```\n",
        &[("path-to-nowhere", 4, 36)],
    ),
    (
        "## P\n\n```bash\n# Scale up\nkubectl scale deployment web --replicas=5\n\n# Scale down\nkubectl scale deployment web --replicas=2\n```\n",
        &[("alternatives-as-sequence", 8, 1)],
    ),
    ("# T\n\n```widget\npromql: up\nqueue: all\n```\n", &[("unreadable-widget", 4, 1)]),
];

/// The same, mended.
const RIGHT: &[&str] = &[
    "## P\n\n```bash\nkubectl get pods --namespace x -l app=<app>\n```\n",
    "## P\n\n```bash\naws sqs list-queues --max-items 1\n```\n",
    "## P\n\n```bash\n# Scale up\nkubectl scale deployment web --replicas=5\n\n# Or scale down\nkubectl scale deployment web --replicas=2\n```\n",
    "# T\n\n```widget\npromql: up\n```\n",
    "## P\n\n```bash\naws ec2 revoke-security-group-ingress --group-id sg-1 --protocol tcp --port 443 --cidr 0.0.0.0/0\n```\n",
    "## P\n\n```bash\ncurl -u \"admin:<password>\" https://example.com\n```\n",
    "## P\n\n```bash\n# Count\nkubectl get nodes\n\n# Watch\nkubectl get pods -w\n```\n",
    "## P\n\n```bash\n# Preserve evidence\nkubectl logs web\n\n# Stop it\nkubectl delete deployment web\n```\n",
    "## P\n\n```bash\n# Scale down\nkubectl scale deployment web --replicas=0\n\n# Scale back up\nkubectl scale deployment web --replicas=3\n```\n",
    "## P\n\n```bash\n# Stop it\nkubectl delete deployment web\n\n# Find the latest backup\naws s3 ls\n```\n",
    "## P\n\n```sql\nSELECT query, mean_exec_time FROM pg_stat_statements;\nSELECT s.relname, i.indexname FROM pg_stat_user_indexes s, pg_indexes i;\n```\n",
    "## P\n\n```bash\n# A\naws cloudwatch get-metric-data --end-time $(date -u +%Y-%m-%dT%H:%M:%S)\n\n# B\naws cloudwatch get-metric-data --end-time $(date -u +%Y-%m-%dT%H:%M:%S)\n```\n",
    "## P\n\n```sql\nSELECT count(*) FROM <table>;\n```\n",
    "## P\n\n```bash\naws s3 sync . s3://b --exclude \"*\" --include a --include b\n```\n",
    "## P\n\n```sql\nSELECT relname AS tablename FROM pg_stat_user_tables;\n```\n",
    "# T\n\nAs `chown root:root f` does.\n",
    "## P\n\n```bash\nkubectl create job --from=cronjob/b\u{a0}b-$(date +%s)\n```\n",
    "# T\n\n[there](#what-is-here) and [here](#T)\n\n## What is here\n",
    "# Café\n\nÄrger – “so what”\n",
];

#[test]
fn what_is_wrong_is_found_where_it_stands() {
    for (text, expected) in WRONG {
        let found = found(text);
        let places: Vec<_> = found.iter().map(|one| (one.rule.id, one.line, one.column)).collect();
        assert_eq!(places, *expected, "{text}\n{found:#?}");
    }
    let tried: BTreeSet<_> = WRONG.iter().flat_map(|(_, expected)| *expected).map(|(rule, ..)| *rule).collect();
    let all: BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(tried, all, "every rule has its text");
}

#[test]
fn what_is_right_is_not() {
    for text in RIGHT {
        assert_eq!(found(text), [], "{text}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    files
}

#[test]
fn our_own_samples_have_no_fault() {
    let samples = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks"));
    assert!(samples.len() >= 4);
    for path in samples {
        let found = found(&std::fs::read_to_string(&path).unwrap());
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
    }
}

/// Rules and places only: the texts are other people's.
#[test]
fn real_runbooks_have_real_faults() {
    let Some(corpus) = std::env::var_os("RUNBOOK_CORPUS") else {
        println!("skipped: RUNBOOK_CORPUS is not set");
        return;
    };
    let mut all = Vec::new();
    for path in files(Path::new(&corpus)) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        for one in found(&std::fs::read_to_string(&path).unwrap()) {
            all.push((one.rule.severity, format!("{name}:{}:{} {}", one.line, one.column, one.rule.id)));
        }
    }
    assert!(all.iter().filter(|(severity, _)| *severity >= Severity::Warning).count() >= 12, "{all:#?}");
    insta::assert_snapshot!(all.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n"));
}

#[test]
fn sarif_names_rules_levels_and_places() {
    let found = found(WRONG[0].0);
    let log = sarif(found.iter().map(|one| ("on-call/t.md", one)));
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"wrong-call".into(), &"error".into()));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "on-call/t.md");
    assert_eq!((&place["region"]["startLine"], &place["region"]["startColumn"]), (&4.into(), &1.into()));
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len());
}
