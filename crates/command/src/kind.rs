//! What kind of value a text leaves open, told by its name: what a form asks for, checks and suggests.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The kind of value that belongs in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterKind {
    /// A Kubernetes pod.
    Pod,
    /// A Kubernetes node.
    Node,
    /// A Kubernetes namespace.
    Namespace,
    /// A Kubernetes deployment.
    Deployment,
    /// A Kubernetes service.
    Service,
    /// A container of a pod.
    Container,
    /// An ACM certificate, by ARN.
    Certificate,
    /// A load balancer, by ARN.
    LoadBalancer,
    /// A target group, by ARN.
    TargetGroup,
    /// A web ACL of WAF, by ARN.
    WebAcl,
    /// Any other AWS resource, by ARN.
    Arn,
    /// An SQS queue, by its URL.
    Queue,
    /// A security group: `sg-…`.
    SecurityGroup,
    /// An EBS volume: `vol-…`.
    Volume,
    /// A snapshot of a database or a volume.
    Snapshot,
    /// A machine or a database instance.
    Instance,
    /// A Route 53 hosted zone.
    Zone,
    /// A CloudFront distribution.
    Distribution,
    /// An API of API Gateway.
    Api,
    /// An IP address, or a range in CIDR notation.
    Address,
    /// A host's name, or a datasource's reference.
    Host,
    /// A database of the team's own, by its reference: `datasource:payments`. Never an address with a password in it.
    Datasource,
    /// An `http` or `https` address.
    Url,
    /// A whole number.
    Integer,
    /// A point in time or a duration, in the tool's own form.
    Time,
    /// What must never be shown, stored or logged.
    Secret,
    /// Anything else.
    Text,
}

use ParameterKind as Kind;

/// The first rule whose words are all in the name decides.
const RULES: &[(&[&str], Kind)] = &[
    (&["password"], Kind::Secret),
    (&["passwd"], Kind::Secret),
    (&["secret", "name"], Kind::Text),
    (&["secret"], Kind::Secret),
    (&["token"], Kind::Secret),
    (&["credential"], Kind::Secret),
    (&["credentials"], Kind::Secret),
    (&["public", "key"], Kind::Text),
    (&["cache", "key"], Kind::Text),
    (&["redis", "key"], Kind::Text),
    (&["object", "key"], Kind::Text),
    (&["key", "id"], Kind::Text),
    (&["key", "name"], Kind::Text),
    (&["key"], Kind::Secret),
    (&["cert", "arn"], Kind::Certificate),
    (&["certificate", "arn"], Kind::Certificate),
    (&["target", "group"], Kind::TargetGroup),
    (&["tg", "arn"], Kind::TargetGroup),
    (&["waf"], Kind::WebAcl),
    (&["acl", "arn"], Kind::WebAcl),
    (&["alb", "arn"], Kind::LoadBalancer),
    (&["lb", "arn"], Kind::LoadBalancer),
    (&["arn"], Kind::Arn),
    (&["queue", "url"], Kind::Queue),
    (&["dlq", "url"], Kind::Queue),
    (&["security", "group"], Kind::SecurityGroup),
    (&["sg"], Kind::SecurityGroup),
    (&["ip"], Kind::Address),
    (&["cidr"], Kind::Address),
    (&["pod"], Kind::Pod),
    (&["node"], Kind::Node),
    (&["namespace"], Kind::Namespace),
    (&["deployment"], Kind::Deployment),
    (&["container"], Kind::Container),
    (&["service", "name"], Kind::Service),
    (&["service"], Kind::Service),
    (&["volume", "id"], Kind::Volume),
    (&["snapshot"], Kind::Snapshot),
    (&["zone"], Kind::Zone),
    (&["distribution"], Kind::Distribution),
    (&["api", "id"], Kind::Api),
    (&["instance"], Kind::Instance),
    (&["endpoint"], Kind::Host),
    (&["host"], Kind::Host),
    (&["hostname"], Kind::Host),
    (&["database", "url"], Kind::Datasource),
    (&["db", "url"], Kind::Datasource),
    (&["postgres", "url"], Kind::Datasource),
    (&["redis", "url"], Kind::Datasource),
    (&["dsn"], Kind::Datasource),
    (&["connection", "string"], Kind::Datasource),
    (&["url"], Kind::Url),
    (&["replicas"], Kind::Integer),
    (&["count"], Kind::Integer),
    (&["port"], Kind::Integer),
    (&["revision"], Kind::Integer),
    (&["pid"], Kind::Integer),
    (&["timestamp"], Kind::Time),
    (&["time"], Kind::Time),
    (&["date"], Kind::Time),
];

impl ParameterKind {
    /// The kind that a name tells: `oom-killed-pod` is a pod, `ALB_ARN` a load balancer.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let rule = RULES.iter().find(|(needed, _)| needed.iter().all(|word| words.contains(word)));
        rule.map_or(Self::Text, |(_, kind)| *kind)
    }

    /// What a form says beside the field.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Pod => "a pod",
            Self::Node => "a node",
            Self::Namespace => "a namespace",
            Self::Deployment => "a deployment",
            Self::Service => "a service",
            Self::Container => "a container",
            Self::Certificate => "a certificate's ARN",
            Self::LoadBalancer => "a load balancer's ARN",
            Self::TargetGroup => "a target group's ARN",
            Self::WebAcl => "a web ACL's ARN",
            Self::Arn => "an ARN",
            Self::Queue => "a queue's URL",
            Self::SecurityGroup => "a security group",
            Self::Volume => "a volume",
            Self::Snapshot => "a snapshot",
            Self::Instance => "an instance",
            Self::Zone => "a hosted zone",
            Self::Distribution => "a distribution",
            Self::Api => "an API's id",
            Self::Address => "an IP address or range",
            Self::Host => "a host",
            Self::Datasource => "a database, as datasource:NAME",
            Self::Url => "a URL",
            Self::Integer => "a number",
            Self::Time => "a time",
            Self::Secret => "secret: neither kept nor shown",
            Self::Text => "",
        }
    }

    /// Checks the shape of a value, so that a slip of the hand is seen before anything runs. It is no protection: that a
    /// value stays data is [`crate::bind`]'s to see to.
    ///
    /// # Errors
    /// What is expected, with an example.
    pub fn check(self, value: &str) -> Result<(), &'static str> {
        let right = match self {
            Self::Pod | Self::Node | Self::Namespace | Self::Deployment | Self::Service | Self::Container => {
                object_name(value)
            }
            Self::Certificate | Self::LoadBalancer | Self::TargetGroup | Self::WebAcl | Self::Arn => {
                value.starts_with("arn:") && value.split(':').count() >= 6 && one_word(value)
            }
            Self::Queue | Self::Url => {
                (value.starts_with("https://") || value.starts_with("http://")) && one_word(value)
            }
            Self::SecurityGroup => value.starts_with("sg-") && one_word(value),
            Self::Volume => value.starts_with("vol-") && one_word(value),
            Self::Address => address(value),
            Self::Host | Self::Instance | Self::Snapshot | Self::Zone | Self::Distribution | Self::Api => {
                one_word(value)
            }
            Self::Datasource => value.strip_prefix("datasource:").is_some_and(one_word),
            Self::Integer => !value.is_empty() && value.len() <= 18 && value.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Time | Self::Secret | Self::Text => true,
        };
        match (right, self) {
            (true, _) => Ok(()),
            (false, Self::Address) => Err("an IP address or a range, such as 203.0.113.7 or 203.0.113.0/24"),
            (false, Self::Integer) => Err("a whole number, such as 3"),
            (false, Self::Datasource) => Err("a database of this environment, such as datasource:payments"),
            (false, Self::Queue) => Err("the queue's URL, which begins with https://"),
            (false, Self::Url) => Err("an address that begins with https:// or http://"),
            (false, Self::SecurityGroup) => Err("a security group's id, such as sg-0a1b2c3d"),
            (false, Self::Volume) => Err("a volume's id, such as vol-0a1b2c3d"),
            (false, kind) if kind.words().ends_with("ARN") => {
                Err("an ARN, such as arn:aws:acm:eu-west-1:1234:certificate/1")
            }
            (false, Self::Pod | Self::Node | Self::Namespace | Self::Deployment | Self::Service | Self::Container) => {
                Err("the name of a Kubernetes object: lower-case letters, digits, `-` and `.`")
            }
            (false, _) => Err("one word without blanks"),
        }
    }
}

/// RFC 1123 subdomains, as Kubernetes names objects; `deployment/web` is meant where a pod is asked for, too.
fn object_name(value: &str) -> bool {
    let (kind, name) = value.split_once('/').unwrap_or(("pod", value));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    kind.chars().all(|c| c.is_ascii_lowercase() || c == '.')
        && !kind.is_empty()
        && (1..=253).contains(&name.len())
        && name.starts_with(plain)
        && name.ends_with(plain)
        && name.chars().all(|c| plain(c) || c == '-' || c == '.')
}

fn one_word(value: &str) -> bool {
    !value.is_empty() && !value.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn address(value: &str) -> bool {
    let (address, prefix) = value.split_once('/').unwrap_or((value, "0"));
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    prefix.parse::<u8>().is_ok_and(|prefix| prefix <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_kinds() {
        for (name, kind) in [
            ("pod-name", Kind::Pod),
            ("oom-killed-pod", Kind::Pod),
            ("postgres-pod", Kind::Pod),
            ("node-name", Kind::Node),
            ("queue-url", Kind::Queue),
            ("main-queue-url", Kind::Queue),
            ("cert-arn", Kind::Certificate),
            ("arn", Kind::Arn),
            ("ALB_ARN", Kind::LoadBalancer),
            ("WAF_ACL_ARN", Kind::WebAcl),
            ("SG_ID", Kind::SecurityGroup),
            ("alb-sg", Kind::SecurityGroup),
            ("security-group-id", Kind::SecurityGroup),
            ("suspicious-ip", Kind::Address),
            ("YOUR_ROUTING_KEY", Kind::Secret),
            ("new-secret-key", Kind::Secret),
            ("pagerduty-integration-key", Kind::Secret),
            ("rds-endpoint", Kind::Host),
            ("DATABASE_URL", Kind::Datasource),
            ("volume-id", Kind::Volume),
            ("snapshot-id", Kind::Snapshot),
            ("api-id", Kind::Api),
            ("request-name", Kind::Text),
            ("username", Kind::Text),
            ("LATEST_BACKUP", Kind::Text),
            ("description", Kind::Text),
        ] {
            assert_eq!(Kind::of(name), kind, "{name}");
        }
    }

    #[test]
    fn slips_are_seen() {
        for (kind, right, wrong) in [
            (Kind::Pod, "web-6d9f-x2x", "Web 1"),
            (Kind::Pod, "deployment/web", "-web"),
            (Kind::Address, "203.0.113.7", "203.0.113"),
            (Kind::Address, "2001:db8::/32", "203.0.113.0/33"),
            (Kind::Certificate, "arn:aws:acm:eu-west-1:1:certificate/x", "certificate/x"),
            (Kind::Queue, "https://sqs.eu-west-1.amazonaws.com/1/q", "q"),
            (Kind::Integer, "12", "-1"),
            (Kind::Datasource, "datasource:payments", "postgres://u:p@h/d"),
            (Kind::SecurityGroup, "sg-1", "1"),
            (Kind::Host, "db.example.com", "db example"),
            (Kind::Secret, "any thing", ""),
        ] {
            assert_eq!(kind.check(right), Ok(()), "{right}");
            assert!(wrong.is_empty() || kind.check(wrong).is_err(), "{wrong}");
        }
    }
}
