//! Calls on moto, by their effects.

use std::collections::HashMap;

use command::ParameterKind;
use operations::{Suggester, Wanted};
use serde_json::json;

use crate::rig::{Caller, Rig, perform};

#[tokio::test]
async fn an_instance_from_its_creation_to_its_end() {
    let Some(rig) = Rig::start().await else { return };
    rig.seed().await;
    rig.done("rds wait db-instance-available --db-instance-identifier payments-db").await;
    let changed = rig
        .done("rds modify-db-instance --db-instance-identifier payments-db --allocated-storage 40 --multi-az --apply-immediately")
        .await;
    assert_eq!(changed.json()["DBInstance"]["MultiAZ"], true);
    let size = rig
        .done("rds describe-db-instances --db-instance-identifier=payments-db --query DBInstances[0].AllocatedStorage")
        .await;
    assert_eq!(size.stdout, "40\n");
    rig.done("rds modify-db-instance --db-instance-identifier payments-db --no-multi-az").await;
    let tags = rig.done("rds describe-db-instances --query DBInstances[?MultiAZ].DBInstanceIdentifier").await;
    assert_eq!(tags.stdout, "[]\n");
    rig.done("rds reboot-db-instance --db-instance-identifier payments-db").await;
    rig.done("rds stop-db-instance --db-instance-identifier payments-db").await;
    rig.done("rds start-db-instance --db-instance-identifier payments-db").await;
    rig.done(
        "rds restore-db-instance-from-db-snapshot --db-instance-identifier restored --db-snapshot-identifier before-1",
    )
    .await;
    rig.done(
        "rds restore-db-instance-to-point-in-time --source-db-instance-identifier payments-db \
         --target-db-instance-identifier earlier --restore-time 2026-11-20T10:00:00Z",
    )
    .await;
    let names = rig.done("rds describe-db-instances --query DBInstances[].DBInstanceIdentifier").await;
    assert_eq!(names.json(), json!(["payments-db", "archive-db", "restored", "earlier"]));
    rig.done("rds delete-db-snapshot --db-snapshot-identifier before-2").await;
    let left = rig
        .done(
            "rds describe-db-snapshots --snapshot-type manual --query DBSnapshots[].DBSnapshotIdentifier --output text",
        )
        .await;
    assert_eq!(left.stdout, "before-1\tbefore-3\n");
    rig.done("rds delete-db-instance --db-instance-identifier archive-db --skip-final-snapshot").await;
    let gone = rig.aws("rds describe-db-instances --db-instance-identifier archive-db").await;
    assert_eq!(gone.code, 254);
    assert!(
        gone.stderr.starts_with("\nAn error occurred (DBInstanceNotFound) when calling the DescribeDBInstances"),
        "{gone:?}"
    );
    rig.done("rds wait db-instance-deleted --db-instance-identifier archive-db").await;
    let never = rig.aws("rds wait db-instance-available --db-instance-identifier archive-db").await;
    assert_eq!(never.code, 255);
    assert!(
        never.stderr.starts_with("\nWaiter DBInstanceAvailable failed: An error occurred (DBInstanceNotFound)"),
        "{never:?}"
    );
}

#[tokio::test]
async fn tags_and_certificates() {
    let Some(rig) = Rig::start().await else { return };
    let certificate = rig.seed().await;
    let arn = "arn:aws:rds:us-east-1:123456789012:db:payments-db";
    rig.done(&format!("rds add-tags-to-resource --resource-name {arn} --tags Key=new,Value=1")).await;
    rig.done(&format!("rds remove-tags-from-resource --resource-name {arn} --tag-keys team tier")).await;
    let tags = rig.done(&format!("rds list-tags-for-resource --resource-name {arn} --query TagList")).await;
    assert_eq!(tags.json(), json!([{"Key": "new", "Value": "1"}]));
    let domain = rig
        .done(&format!(
            "acm describe-certificate --certificate-arn {certificate} --query Certificate.DomainName --output text"
        ))
        .await;
    assert_eq!(domain.stdout, "docs.example.com\n");
    rig.done(&format!("acm add-tags-to-certificate --certificate-arn {certificate} --tags Key=a,Value=b")).await;
    let tags = rig.done(&format!("acm list-tags-for-certificate --certificate-arn {certificate}")).await;
    assert_eq!(tags.json(), json!({"Tags": [{"Key": "a", "Value": "b"}]}));
    rig.done(&format!("acm delete-certificate --certificate-arn {certificate}")).await;
    let domains = rig.words(&["acm", "list-certificates", "--query", "CertificateSummaryList[*].[DomainName]"]).await;
    assert_eq!(domains.json(), json!([["pay.example.com"]]));
}

#[tokio::test]
async fn every_native_operation_has_a_carrier() {
    let Some(rig) = Rig::start().await else { return };
    for service in ["rds", "acm"] {
        for operation in command::cloud::native_operations(service) {
            // Whatever moto makes of it: the request went out and an answer came back.
            let input = ["--cli-input-json", "{}"];
            let mut words = vec![service, *operation];
            words.extend(input);
            let printed = rig.words(&words).await;
            assert!([0, 252, 254, 255].contains(&printed.code), "{operation}: {printed:?}");
            assert!(!printed.stderr.contains("endpoint"), "{operation}: {printed:?}");
        }
    }
}

#[tokio::test]
async fn parameters_from_files_and_documents() {
    let Some(rig) = Rig::start().await else { return };
    rig.seed().await;
    let files = HashMap::from([
        ("input.json".to_owned(), r#"{"DBInstanceIdentifier": "archive-db", "Filters": []}"#.to_owned()),
        ("filters.json".to_owned(), r#"[{"Name": "db-instance-id", "Values": ["payments-db"]}]"#.to_owned()),
    ]);
    let ids = "DBInstances[].DBInstanceIdentifier";
    for (words, found) in [
        (vec!["--cli-input-json", "file://input.json"], "archive-db\n"),
        (vec!["--cli-input-json", "file://input.json", "--db-instance-identifier", "payments-db"], "payments-db\n"),
        (vec!["--filters", "file://filters.json"], "payments-db\n"),
        (vec!["--filters", "Name=db-instance-id,Values=archive-db"], "archive-db\n"),
    ] {
        let mut all = vec!["rds", "describe-db-instances", "--query", ids, "--output", "text"];
        all.extend(words);
        let caller = Caller { files: files.clone(), ..Caller::default() };
        let printed = perform(&rig.aws, &rig.environment, &all, &caller).await;
        assert_eq!((printed.stdout.as_str(), printed.stderr.as_str()), (found, ""), "{all:?}");
    }
    let missing = rig.aws("rds describe-db-instances --cli-input-json file://none.json").await;
    assert_eq!(missing.code, 252);
    assert!(missing.stderr.contains("Unable to load paramfile file://none.json: No such file"), "{missing:?}");
}

#[tokio::test]
async fn pages_join_to_the_whole() {
    let Some(rig) = Rig::start().await else { return };
    rig.seed().await;
    let whole = rig.done("rds describe-db-snapshots --query DBSnapshots[].DBSnapshotIdentifier").await.json();
    let all = whole.as_array().map_or(0, Vec::len);
    let mut seen = Vec::new();
    let mut token = None::<String>;
    for _ in 0..10 {
        let next = token.as_ref().map_or_else(String::new, |token| format!(" --starting-token {token}"));
        let page = rig.done(&format!("rds describe-db-snapshots --max-items 2{next}")).await.json();
        seen.extend(
            page["DBSnapshots"].as_array().expect("a list").iter().map(|one| one["DBSnapshotIdentifier"].clone()),
        );
        token = page["NextToken"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(json!(seen), whole);
    assert!(all > 2, "{whole}");
}

#[tokio::test]
async fn looking_without_a_command_line() {
    let Some(rig) = Rig::start().await else { return };
    rig.seed().await;
    let look = |operation: &'static str, parameters: serde_json::Value| {
        let parameters = parameters.as_object().cloned().unwrap_or_default();
        rig.aws.look(&rig.environment, "rds", operation, parameters)
    };
    let found = look("DescribeDBInstances", json!({"DBInstanceIdentifier": "payments-db"})).await.expect("it is there");
    assert_eq!(found["DBInstances"][0]["DBInstanceStatus"], "available");
    let missing = look("DescribeDBInstances", json!({"DBInstanceIdentifier": "nope"})).await.unwrap_err();
    assert!(missing.starts_with("An error occurred (DBInstanceNotFound)"), "{missing}");
    let wrong = look("RebootDBInstance", json!({"DBInstanceIdentifier": "payments-db"})).await.unwrap_err();
    assert!(wrong.contains("no native operation that only looks"), "{wrong}");
}

#[tokio::test]
async fn what_an_account_has_is_suggested() {
    let Some(rig) = Rig::start().await else { return };
    rig.seed().await;
    let suggested = async |kind| {
        let wanted = Wanted { name: "x".to_owned(), kind, namespace: None, selector: None };
        rig.aws.suggest(&rig.environment, &wanted).await
    };
    let instances = suggested(ParameterKind::Instance).await;
    let instance = instances.iter().find(|one| one.value == "payments-db").expect("it is there");
    assert_eq!((instance.about.as_str(), instance.troubled), ("postgres · available", false));
    assert!(suggested(ParameterKind::Certificate).await.iter().all(|one| one.value.starts_with("arn:aws:acm:")));
    assert_eq!(suggested(ParameterKind::Certificate).await.len(), 2);
    assert!(!suggested(ParameterKind::Snapshot).await.is_empty());
    assert!(suggested(ParameterKind::Pod).await.is_empty());
}
