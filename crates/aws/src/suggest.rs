//! What an account has that fits a parameter: certificates, database instances, snapshots.

use std::time::Duration;

use async_trait::async_trait;
use command::ParameterKind;
use operations::{Environment, Suggester, Suggestion, Wanted};
use serde_json::{Map, Value};

use crate::Aws;

/// How long the service may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// One kind of resource: how to list it, and what of each says what.
struct Listed {
    service: &'static str,
    operation: &'static str,
    list: &'static str,
    value: &'static str,
    about: &'static [&'static str],
    /// The state of one that is well.
    well: &'static [&'static str],
}

const CERTIFICATES: &[Listed] = &[Listed {
    service: "acm",
    operation: "ListCertificates",
    list: "CertificateSummaryList",
    value: "CertificateArn",
    about: &["DomainName", "Status"],
    well: &["ISSUED"],
}];
const INSTANCES: &[Listed] = &[Listed {
    service: "rds",
    operation: "DescribeDBInstances",
    list: "DBInstances",
    value: "DBInstanceIdentifier",
    about: &["Engine", "DBInstanceStatus"],
    well: &["available"],
}];
const SNAPSHOTS: &[Listed] = &[
    Listed {
        service: "rds",
        operation: "DescribeDBSnapshots",
        list: "DBSnapshots",
        value: "DBSnapshotIdentifier",
        about: &["DBInstanceIdentifier", "SnapshotCreateTime", "Status"],
        well: &["available"],
    },
    Listed {
        service: "rds",
        operation: "DescribeDBClusterSnapshots",
        list: "DBClusterSnapshots",
        value: "DBClusterSnapshotIdentifier",
        about: &["DBClusterIdentifier", "SnapshotCreateTime", "Status"],
        well: &["available"],
    },
];

#[async_trait]
impl Suggester for Aws {
    async fn suggest(&self, environment: &Environment, wanted: &Wanted) -> Vec<Suggestion> {
        let kinds = match wanted.kind {
            ParameterKind::Certificate => CERTIFICATES,
            ParameterKind::Instance => INSTANCES,
            ParameterKind::Snapshot => SNAPSHOTS,
            // `<arn>` alone: of what the portal lists itself, certificates have one that people give by hand.
            ParameterKind::Arn => CERTIFICATES,
            _ => &[],
        };
        if environment.aws.is_none() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for kind in kinds {
            let looked = self.look(environment, kind.service, kind.operation, Map::new());
            match tokio::time::timeout(PATIENCE, looked).await {
                Ok(Ok(answer)) => found.extend(kind.suggestions(&answer)),
                Ok(Err(reason)) => tracing::debug!(environment = %environment.name, reason, "no suggestions"),
                Err(_) => tracing::debug!(environment = %environment.name, "no suggestions in time"),
            }
        }
        found
    }
}

impl Listed {
    fn suggestions(&self, answer: &Value) -> Vec<Suggestion> {
        let text = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
        let one = |item: &Value| {
            let about: Vec<String> = self.about.iter().filter_map(|key| text(item, key)).collect();
            let state = self.about.last().and_then(|key| text(item, key));
            Some(Suggestion {
                value: text(item, self.value)?,
                about: about.join(" · "),
                troubled: state.is_some_and(|state| !self.well.contains(&state.as_str())),
            })
        };
        answer[self.list].as_array().into_iter().flatten().filter_map(one).collect()
    }
}
