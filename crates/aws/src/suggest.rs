//! What an account has that fits a parameter: certificates and databases natively, all else by the real program.

use std::time::Duration;

use async_trait::async_trait;
use command::ParameterKind;
use operations::{Environment, Suggester, Suggestion, Wanted};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::Aws;

/// How long the service may take, and the real program, which is a process of its own.
const PATIENCE: Duration = Duration::from_secs(2);
const PROGRAM: Duration = Duration::from_secs(8);

/// The calls that list what fits a kind. Each answers a list of `value` and `about`.
const ASKED: &[(ParameterKind, &[&str], &str)] = &[
    (ParameterKind::Queue, &["sqs", "list-queues"], "QueueUrls[].{value: @}"),
    (
        ParameterKind::SecurityGroup,
        &["ec2", "describe-security-groups"],
        "SecurityGroups[].{value: GroupId, about: GroupName}",
    ),
    (ParameterKind::Volume, &["ec2", "describe-volumes"], "Volumes[].{value: VolumeId, about: State}"),
    (
        ParameterKind::Instance,
        &["ec2", "describe-instances"],
        "Reservations[].Instances[].{value: InstanceId, about: State.Name}",
    ),
    (
        ParameterKind::TargetGroup,
        &["elbv2", "describe-target-groups"],
        "TargetGroups[].{value: TargetGroupArn, about: TargetGroupName}",
    ),
    (
        ParameterKind::LoadBalancer,
        &["elbv2", "describe-load-balancers"],
        "LoadBalancers[].{value: LoadBalancerArn, about: LoadBalancerName}",
    ),
    (ParameterKind::WebAcl, &["wafv2", "list-web-acls", "--scope", "REGIONAL"], "WebACLs[].{value: ARN, about: Name}"),
    (ParameterKind::Zone, &["route53", "list-hosted-zones"], "HostedZones[].{value: Id, about: Name}"),
    (
        ParameterKind::Distribution,
        &["cloudfront", "list-distributions"],
        "DistributionList.Items[].{value: Id, about: DomainName}",
    ),
    (ParameterKind::Api, &["apigateway", "get-rest-apis"], "items[].{value: id, about: name}"),
];

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
        for (_, words, query) in ASKED.iter().filter(|(kind, ..)| *kind == wanted.kind) {
            found.extend(self.listed(environment, words, query).await);
        }
        found
    }
}

impl Aws {
    /// What the real program lists.
    async fn listed(&self, environment: &Environment, words: &[&str], query: &str) -> Vec<Suggestion> {
        let Some(program) = &self.fallback else { return Vec::new() };
        let printed = ["--query", query, "--output", "json"];
        let argv = ["aws"].iter().chain(words).chain(&printed).map(|word| (*word).to_owned()).collect();
        let answer = match operations::look(&**program, environment, argv, PROGRAM, &CancellationToken::new()).await {
            Ok(answer) if answer.code == 0 => answer.stdout,
            Ok(answer) => {
                tracing::debug!(environment = %environment.name, reason = answer.stderr.trim(), "no suggestions");
                return Vec::new();
            }
            Err(trouble) => {
                tracing::debug!(environment = %environment.name, reason = %trouble, "no suggestions");
                return Vec::new();
            }
        };
        let items: Vec<Value> = serde_json::from_str(&answer).unwrap_or_default();
        let one = |item: &Value| {
            // Route 53 gives its ids with a path before them.
            let value = item["value"].as_str()?.trim_start_matches("/hostedzone/").to_owned();
            let about = item["about"].as_str().unwrap_or_default().to_owned();
            let troubled = matches!(about.as_str(), "stopped" | "stopping" | "shutting-down" | "terminated" | "error");
            Some(Suggestion { value, about, troubled })
        };
        items.iter().filter_map(one).collect()
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
