//! The same calls by the real program on the same server: what both print must be equal.
//!
//! The real program never runs without `--endpoint-url`: it would call the real AWS. Versions differ in what their models
//! know, so a member that only ours knows is no difference; and versions 1 and 2 differ in exit codes, so only success
//! and failure are compared.

use std::ffi::OsString;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::rig::{ACCESS_KEY, Printed, REGION, Rig, SECRET_KEY};

/// The real program, pointed at moto.
struct Real {
    program: OsString,
    url: String,
    home: tempfile::TempDir,
    second: bool,
}

impl Real {
    async fn start(rig: &Rig) -> Option<Self> {
        let Some(program) = std::env::var_os("AWS_CLI") else {
            eprintln!("skipped: no aws");
            return None;
        };
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join("config"), "[default]\ncli_timestamp_format = iso8601\n").expect("written");
        let mut real = Self { program, url: rig.url.clone(), home, second: false };
        real.second = real.words(&["--version"]).await.stdout.starts_with("aws-cli/2");
        Some(real)
    }

    async fn words(&self, words: &[&str]) -> Printed {
        let config = self.home.path().join("config");
        let output = Command::new(&self.program)
            .args(["--endpoint-url", &self.url])
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("AWS_CONFIG_FILE", config)
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_PAGER", "")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .output()
            .await
            .expect("AWS_CLI runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Printed {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            code: output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255),
        }
    }
}

/// Moments stand still: moto makes some of them anew with each call.
fn still(text: &str) -> String {
    let shape: Vec<u8> = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte }).collect();
    let moment = b"0000-00-00T00:00:00";
    let mut bytes = text.as_bytes().to_vec();
    for at in 0..shape.len() {
        if shape[at..].starts_with(moment) {
            let length =
                if shape[at + moment.len()..].starts_with(b".000000") { moment.len() + 7 } else { moment.len() };
            bytes[at..at + length].copy_from_slice(&shape[at..at + length]);
        }
    }
    String::from_utf8(bytes).expect("digits for digits")
}

/// Whether ours holds all that theirs holds.
fn holds(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            theirs.iter().all(|(key, theirs)| ours.get(key).is_some_and(|ours| holds(ours, theirs)))
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| holds(ours, theirs))
        }
        (ours, theirs) => ours == theirs,
    }
}

async fn both(rig: &Rig, real: &Real, words: &[&str]) -> (Printed, Printed) {
    let (mut ours, mut theirs) = (rig.words(words).await, real.words(words).await);
    for printed in [&mut ours, &mut theirs] {
        printed.stdout = still(&printed.stdout);
    }
    assert_eq!(ours.code == 0, theirs.code == 0, "{words:?}\nours: {ours:?}\ntheirs: {theirs:?}");
    (ours, theirs)
}

/// Both for each line, a few at a time: the real program takes most of a second to start.
async fn all<'l>(rig: &Rig, real: &Real, lines: &[&'l str]) -> Vec<(&'l str, Printed, Printed)> {
    let mut printed = Vec::new();
    for some in lines.chunks(4) {
        let calls = some.iter().map(|line| async {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (ours, theirs) = both(rig, real, &words).await;
            (*line, ours, theirs)
        });
        printed.extend(futures::future::join_all(calls).await);
    }
    printed
}

async fn started() -> Option<(Rig, Real, String)> {
    let rig = Rig::start().await?;
    let real = Real::start(&rig).await?;
    let certificate = rig.seed().await;
    for words in [
        "rds create-db-cluster --db-cluster-identifier orders --engine aurora-postgresql --master-username admin1 \
         --master-user-password not-shown-1",
        "rds create-db-cluster-snapshot --db-cluster-identifier orders --db-cluster-snapshot-identifier orders-1",
        "rds create-db-cluster-snapshot --db-cluster-identifier orders --db-cluster-snapshot-identifier orders-2",
    ] {
        let made = real.words(&words.split_whitespace().collect::<Vec<_>>()).await;
        assert_eq!(made.code, 0, "{made:?}");
    }
    Some((rig, real, certificate))
}

#[tokio::test]
async fn json_is_the_real_programs() {
    let Some((rig, real, certificate)) = started().await else { return };
    let lines = [
        "rds describe-db-instances",
        "rds describe-db-instances --db-instance-identifier payments-db",
        "rds describe-db-instances --filters Name=engine,Values=postgres",
        "rds describe-db-instances --max-items 1",
        "rds describe-db-instances --no-paginate",
        "rds describe-db-snapshots",
        "rds describe-db-snapshots --db-instance-identifier payments-db --snapshot-type manual",
        "rds describe-db-snapshots --max-items 2",
        "rds describe-db-clusters",
        "rds describe-db-clusters --db-cluster-identifier orders",
        "rds describe-db-cluster-snapshots --db-cluster-identifier orders",
        "rds describe-db-parameter-groups",
        "rds describe-db-subnet-groups",
        "rds describe-orderable-db-instance-options --engine postgres --max-items 3",
        "rds list-tags-for-resource --resource-name arn:aws:rds:us-east-1:123456789012:db:payments-db",
        "acm list-certificates",
        "acm list-certificates --certificate-statuses PENDING_VALIDATION ISSUED",
        "acm list-certificates --includes keyTypes=RSA_2048,EC_prime256v1",
        &format!("acm describe-certificate --certificate-arn {certificate}"),
        &format!("acm list-tags-for-certificate --certificate-arn {certificate}"),
        "rds reboot-db-instance --db-instance-identifier payments-db",
        "acm get-account-configuration",
    ];
    for (line, ours, theirs) in all(&rig, &real, &lines).await {
        assert_eq!(theirs.code, 0, "{line}: {theirs:?}");
        if theirs.stdout.is_empty() || ours.stdout.is_empty() {
            assert_eq!(ours.stdout, theirs.stdout, "{line}");
            continue;
        }
        assert!(holds(&ours.json(), &theirs.json()), "{line}\nours: {}\ntheirs: {}", ours.stdout, theirs.stdout);
    }
}

#[tokio::test]
async fn selections_are_printed_byte_for_byte() {
    let Some((rig, real, certificate)) = started().await else { return };
    let instances = ["rds", "describe-db-instances"];
    let snapshots = ["rds", "describe-db-snapshots"];
    let clusters = ["rds", "describe-db-clusters"];
    let certificates = ["acm", "list-certificates"];
    let mut forms = vec!["json", "text", "table"];
    if real.second {
        forms.push("yaml");
    }
    for (at, (call, query)) in [
        (instances, "DBInstances[*].[DBInstanceIdentifier,DBInstanceStatus,MultiAZ,Nothing]"),
        (instances, "DBInstances[0].DBInstanceStatus"),
        (instances, "DBInstances[].DBInstanceIdentifier"),
        (instances, "DBInstances[].{Name:DBInstanceIdentifier,Class:DBInstanceClass,Port:Endpoint.Port}"),
        (instances, "DBInstances[0].{Z:DBInstanceIdentifier,A:{Y:Engine,B:EngineVersion}}"),
        (instances, "DBInstances[].Endpoint"),
        (instances, "DBInstances[].VpcSecurityGroups[]"),
        (instances, "DBInstances[].[DBInstanceIdentifier,VpcSecurityGroups]"),
        (instances, "DBInstances[?Engine=='postgres'].DBInstanceIdentifier | [0]"),
        (instances, "sort_by(DBInstances,&DBInstanceIdentifier)[].DBInstanceIdentifier"),
        (instances, "length(DBInstances)"),
        (instances, "DBInstances[0].MultiAZ"),
        (instances, "Nothing"),
        (instances, "DBInstances[?Engine=='none']"),
        (instances, "DBInstances[].TagList[]"),
        (instances, "DBInstances[].[join(', ',TagList[].Key),AllocatedStorage]"),
        (instances, "DBInstances[].{Id:DBInstanceIdentifier,Tags:TagList}"),
        (snapshots, "DBSnapshots[].[DBSnapshotIdentifier,Status,PercentProgress,SnapshotCreateTime]"),
        (snapshots, "sort_by(DBSnapshots,&SnapshotCreateTime)[-1].DBSnapshotIdentifier"),
        (snapshots, "max_by(DBSnapshots,&SnapshotCreateTime)"),
        (clusters, "DBClusters[0].[DBClusterIdentifier,Status,Endpoint]"),
        (certificates, "CertificateSummaryList[*].[DomainName,Status]"),
        (certificates, "CertificateSummaryList[].{Domain:DomainName,Long:CertificateArn,Type:Type,Status:Status}"),
    ]
    .into_iter()
    .enumerate()
    {
        // Two forms for each, in turn: the real program takes half a second to start.
        let calls = forms.iter().cycle().skip(at).take(2).map(|form| async {
            let words = vec![call[0], call[1], "--query", query, "--output", form];
            let (ours, theirs) = both(&rig, &real, &words).await;
            (words, ours, theirs)
        });
        for (words, ours, theirs) in futures::future::join_all(calls).await {
            if query.starts_with("max_by") && holds(&as_json(&ours), &as_json(&theirs)) {
                continue;
            }
            assert_eq!(ours.stdout, theirs.stdout, "{words:?}");
        }
    }
    for words in [
        vec!["acm", "describe-certificate", "--certificate-arn", &certificate],
        vec!["acm", "list-certificates", "--max-items", "1"],
        vec!["rds", "describe-db-subnet-groups"],
        vec!["rds", "describe-db-instances"],
        vec!["rds", "describe-db-snapshots", "--max-items", "2", "--query", "DBSnapshots[].Engine"],
    ] {
        let calls = forms.iter().map(|form| both_forms(&rig, &real, &words, form));
        let printed = futures::future::join_all(calls).await;
        // An older model leaves members out: then JSON says whether ours holds theirs, and no form can be equal.
        let (ours, theirs) = &printed[0];
        if ours.stdout != theirs.stdout {
            assert!(holds(&as_json(ours), &as_json(theirs)), "{words:?}");
            continue;
        }
        for (ours, theirs) in printed {
            assert_eq!(ours.stdout, theirs.stdout, "{words:?}");
        }
    }
}

async fn both_forms(rig: &Rig, real: &Real, words: &[&str], form: &str) -> (Printed, Printed) {
    both(rig, real, &[words, &["--output", form]].concat()).await
}

fn as_json(printed: &Printed) -> Value {
    serde_json::from_str(&printed.stdout).unwrap_or_default()
}

#[tokio::test]
async fn faults_are_told_in_the_real_programs_words() {
    let Some((rig, real, _)) = started().await else { return };
    let lines = [
        "rds describe-db-instances --db-instance-identifier nope",
        "rds describe-db-snapshots --db-snapshot-identifier nope",
        "rds reboot-db-instance --db-instance-identifier nope",
        "rds delete-db-snapshot --db-snapshot-identifier nope",
        "rds create-db-snapshot --db-instance-identifier nope --db-snapshot-identifier x",
        "acm describe-certificate --certificate-arn arn:aws:acm:us-east-1:123456789012:certificate/nope",
        "rds wait db-instance-available --db-instance-identifier nope",
        "acm describe-certificate --certificate-arn x",
        "rds describe-db-instances --filters Name=a",
        "rds describe-db-instances --filters {}",
        "rds describe-db-instances --filters Name",
        "rds describe-db-instances --filters Name=a,Values=b,Name=c",
        "rds describe-events --duration x",
        "rds describe-db-instances --no-paginate --max-items 1",
        "rds describe-db-instances --cli-input-json zz",
        "rds describe-db-instances --cli-input-json {\"Foo\":1}",
        "rds describe-db-instances --cli-input-json {\"DBInstanceIdentifier\":[1,\"a\",null,{\"b\":true}]}",
        "rds describe-events --start-time foo",
        "rds describe-db-instances --foo bar baz",
        "rds describe-db-instances extra",
        "rds reboot-db-instance",
        "rds create-db-instance --engine x",
        "rds describe-db-instances --db-instance-identifier",
        "rds describe-db-instances --max-items x",
        "rds describe-db-snapshots --include-shared=true",
        "rds describe-db-instances --output nonsense",
    ];
    for (line, ours, theirs) in all(&rig, &real, &lines).await {
        assert_ne!(ours.code, 0, "{line}");
        assert_eq!(ours.stdout, theirs.stdout, "{line}");
        // Version 1 has other words around, another list of choices and Python's own words on JSON.
        let last = |printed: &Printed| printed.stderr.trim().lines().last().unwrap_or_default().trim().to_owned();
        if real.second {
            assert_eq!(ours.stderr, theirs.stderr, "{line}");
        } else if !line.ends_with("nonsense") && !line.ends_with("--cli-input-json zz") {
            assert!(last(&theirs).ends_with(&last(&ours)), "{line}\nours: {ours:?}\ntheirs: {theirs:?}");
        }
    }
}
