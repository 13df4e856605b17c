//! Cards of an AWS account, from what `aws` says.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::reading::{Answer, Level, Measure, Reading, Unit};
use crate::subject::{EACH, Subject, Trouble, age, first, json, list, number, text, well};
use crate::threshold::Quantity;

/// Queues and target groups that are asked after where none is named: each costs a process.
const ASKED: usize = 4;
/// Certificates closer to their end than this are a warning, in days; ACM itself renews 60 days before.
const DAYS: (f64, f64) = (30.0, 7.0);
const DAY: f64 = 86_400.0;

/// The last part of an ARN or a URL.
pub(crate) fn last(name: &str) -> String {
    name.rsplit(['/', ':']).next().unwrap_or(name).to_owned()
}

fn aws(words: &[&str]) -> Vec<String> {
    ["aws"].iter().chain(words).chain(&["--output", "json"]).map(|word| (*word).to_owned()).collect()
}

pub(crate) fn calls(subject: &Subject, answered: &[Answer], now: Timestamp) -> Vec<Vec<String>> {
    let pair = |first: &[&str], second: &[&str], option: &str, name: &Option<String>| {
        let named: Vec<&str> = name.iter().flat_map(|name| [option, name]).collect();
        vec![aws(&[first, &named].concat()), aws(&[second, &named].concat())]
    };
    match (subject, answered) {
        (Subject::DbInstances(name), []) => {
            pair(&["rds", "describe-db-instances"], &["rds", "describe-db-snapshots"], "--db-instance-identifier", name)
        }
        (Subject::DbClusters(name), []) => pair(
            &["rds", "describe-db-clusters"],
            &["rds", "describe-db-cluster-snapshots"],
            "--db-cluster-identifier",
            name,
        ),
        (Subject::Certificates(Some(arn)), []) => {
            vec![aws(&["acm", "describe-certificate", "--certificate-arn", arn])]
        }
        (Subject::Certificates(None), []) => vec![aws(&["acm", "list-certificates"])],
        (Subject::Queues(Some(url)), []) => vec![depth(url), oldest(url, now)],
        (Subject::Queues(None), []) => vec![aws(&["sqs", "list-queues"])],
        (Subject::Queues(None), [listed]) => urls(listed).iter().take(ASKED).map(|url| depth(url)).collect(),
        (Subject::TargetGroups(Some(arn)), []) => vec![health(arn)],
        (Subject::TargetGroups(None), []) => vec![aws(&["elbv2", "describe-target-groups"])],
        (Subject::TargetGroups(None), [listed]) => groups(listed).iter().take(ASKED).map(|arn| health(arn)).collect(),
        _ => Vec::new(),
    }
}

fn depth(url: &str) -> Vec<String> {
    aws(&["sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", "All"])
}

/// SQS says only to CloudWatch how old the oldest message is.
fn oldest(url: &str, now: Timestamp) -> Vec<String> {
    let start = now.checked_sub(SignedDuration::from_mins(15)).unwrap_or(now);
    let dimension = format!("Name=QueueName,Value={}", last(url));
    let (start, end) = (start.strftime("%FT%TZ").to_string(), now.strftime("%FT%TZ").to_string());
    aws(&[
        "cloudwatch",
        "get-metric-statistics",
        "--namespace",
        "AWS/SQS",
        "--metric-name",
        "ApproximateAgeOfOldestMessage",
        "--dimensions",
        &dimension,
        "--start-time",
        &start,
        "--end-time",
        &end,
        "--period",
        "300",
        "--statistics",
        "Maximum",
    ])
}

fn health(arn: &str) -> Vec<String> {
    aws(&["elbv2", "describe-target-health", "--target-group-arn", arn])
}

/// The text of each item of a list in an answer, where it went well.
fn texts(answer: &Answer, items: &str, name: &str) -> Vec<String> {
    let value = well(answer).and_then(json).unwrap_or_default();
    list(&value, items).iter().map(|item| text(item, name).to_owned()).filter(|text| !text.is_empty()).collect()
}

fn urls(listed: &Answer) -> Vec<String> {
    texts(listed, "/QueueUrls", "")
}

fn groups(listed: &Answer) -> Vec<String> {
    texts(listed, "/TargetGroups", "/TargetGroupArn")
}

pub(crate) fn read(subject: &Subject, answers: &[Answer], now: Timestamp) -> Result<Vec<Reading>, Trouble> {
    let printed = first(answers)?;
    // An account without queues prints nothing at all.
    let value = if printed.trim().is_empty() { Value::Null } else { json(printed)? };
    let second =
        || answers.get(1).and_then(|answer| well(answer).ok()).and_then(|text| json(text).ok()).unwrap_or_default();
    let found: Vec<Reading> = match subject {
        Subject::DbInstances(_) => {
            let snapshots = second();
            let items = list(&value, "/DBInstances").iter();
            items.take(EACH).map(|one| instance(one, list(&snapshots, "/DBSnapshots"), now)).collect()
        }
        Subject::DbClusters(_) => {
            let snapshots = second();
            let items = list(&value, "/DBClusters").iter();
            items.take(EACH).map(|one| cluster(one, list(&snapshots, "/DBClusterSnapshots"), now)).collect()
        }
        Subject::Certificates(Some(_)) => vec![certificate(&value["Certificate"], now)],
        Subject::Certificates(None) => {
            let mut all: Vec<&Value> = list(&value, "/CertificateSummaryList").iter().collect();
            all.sort_by_key(|one| text(one, "/NotAfter").parse::<Timestamp>().unwrap_or(Timestamp::MAX));
            all.into_iter().take(EACH).map(|one| certificate(one, now)).collect()
        }
        Subject::Queues(Some(url)) => vec![queue(url, &value, &second())],
        Subject::Queues(None) => each(&urls(&answers[0]), &answers[1..], |url, value| queue(url, value, &Value::Null)),
        Subject::TargetGroups(Some(arn)) => vec![target_group(arn, &value)],
        Subject::TargetGroups(None) => each(&groups(&answers[0]), &answers[1..], target_group),
        _ => Vec::new(),
    };
    if found.is_empty() {
        return Ok(vec![Reading::new(subject.title(), "AWS").says(Level::Quiet, "none")]);
    }
    Ok(found)
}

/// What was listed, with what was answered of each.
fn each(names: &[String], answers: &[Answer], draw: impl Fn(&str, &Value) -> Reading) -> Vec<Reading> {
    let values = answers.iter().map(|answer| well(answer).and_then(json).unwrap_or_default());
    names.iter().zip(values).map(|(name, value)| draw(name, &value)).collect()
}

/// How a database's status is (Amazon RDS User Guide, "Viewing Amazon RDS DB instance status").
fn status_level(status: &str) -> Level {
    let bad = ["failed", "incompatible", "storage-full", "inaccessible", "restore-error", "insufficient", "stopped"];
    match status {
        "available" => Level::Good,
        status if bad.iter().any(|word| status.contains(word)) => Level::Bad,
        _ => Level::Moving,
    }
}

fn parts(parts: &[&str]) -> String {
    parts.iter().copied().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn instance(one: &Value, snapshots: &[Value], now: Timestamp) -> Reading {
    let (name, status) = (text(one, "/DBInstanceIdentifier"), text(one, "/DBInstanceStatus"));
    let engine = format!("{} {}", text(one, "/Engine"), text(one, "/EngineVersion"));
    let multi = if one["MultiAZ"] == true { "Multi-AZ" } else { "" };
    let about = parts(&["RDS instance", engine.trim(), text(one, "/DBInstanceClass"), multi]);
    let card = Reading::new(name, about).says(status_level(status), status);
    let of = snapshots.iter().filter(|snapshot| text(snapshot, "/DBInstanceIdentifier") == name);
    newest(card, of, "/DBSnapshotIdentifier", now)
}

fn cluster(one: &Value, snapshots: &[Value], now: Timestamp) -> Reading {
    let (name, status) = (text(one, "/DBClusterIdentifier"), text(one, "/Status"));
    let engine = format!("{} {}", text(one, "/Engine"), text(one, "/EngineVersion"));
    let members = list(one, "/DBClusterMembers");
    let count = if members.len() == 1 { "1 member".to_owned() } else { format!("{} members", members.len()) };
    let mut card =
        Reading::new(name, parts(&["RDS cluster", engine.trim(), &count])).says(status_level(status), status);
    if let Some(writer) = members.iter().find(|member| member["IsClusterWriter"] == true) {
        card = card.fact("writer", text(writer, "/DBInstanceIdentifier"), Level::Quiet);
    }
    let of = snapshots.iter().filter(|snapshot| text(snapshot, "/DBClusterIdentifier") == name);
    newest(card, of, "/DBClusterSnapshotIdentifier", now)
}

/// The newest snapshot of a database, and one that is being made.
fn newest<'a>(card: Reading, snapshots: impl Iterator<Item = &'a Value>, name: &str, now: Timestamp) -> Reading {
    let (done, making): (Vec<&Value>, Vec<&Value>) =
        snapshots.partition(|snapshot| text(snapshot, "/Status") == "available");
    let newest = done
        .iter()
        .filter_map(|snapshot| Some((age(text(snapshot, "/SnapshotCreateTime"), now)?, text(snapshot, name))))
        .min_by(|left, right| left.0.total_cmp(&right.0));
    let card = match newest {
        Some((age, name)) => {
            let level = if age > 2.0 * DAY { Level::Moving } else { Level::Quiet };
            card.fact("newest snapshot", format!("{} old · {name}", Unit::Seconds.print(age.max(0.0))), level)
        }
        None => card.fact("newest snapshot", "none", Level::Moving),
    };
    making.into_iter().take(2).fold(card, |card, snapshot| {
        let progress = number(snapshot, "/PercentProgress").map(|done| format!(" {done} %")).unwrap_or_default();
        card.fact(text(snapshot, name), format!("{}{progress}", text(snapshot, "/Status")), Level::Moving)
    })
}

fn certificate(one: &Value, now: Timestamp) -> Reading {
    let (domain, status) = (text(one, "/DomainName"), text(one, "/Status"));
    let renewal = match text(one, "/RenewalEligibility") {
        "ELIGIBLE" => "renews itself",
        "INELIGIBLE" => "renewed by hand",
        _ => "",
    };
    let card =
        Reading::new(domain, parts(&["Certificate", &text(one, "/Type").to_lowercase().replace('_', " "), renewal]));
    let left = age(text(one, "/NotAfter"), now).map(|age| -age);
    match left {
        _ if status != "ISSUED" && !status.is_empty() => card.says(Level::Bad, status.to_lowercase().replace('_', " ")),
        None => card.says(Level::Quiet, status.to_lowercase()),
        Some(left) if left < 0.0 => card.says(Level::Bad, "ended"),
        Some(left) => {
            let level = match left / DAY {
                days if days <= DAYS.1 => Level::Bad,
                days if days <= DAYS.0 => Level::Moving,
                _ => Level::Good,
            };
            let days = (left / DAY).floor();
            card.says(level, if days == 1.0 { "1 day left".to_owned() } else { format!("{days} days left") })
        }
    }
}

fn queue(url: &str, value: &Value, ages: &Value) -> Reading {
    let count = |name: &str| number(value, &format!("/Attributes/{name}"));
    let card = Reading::new(last(url), "SQS queue");
    let Some(waiting) = count("ApproximateNumberOfMessages") else { return card.says(Level::Quiet, "no answer") };
    let flying = count("ApproximateNumberOfMessagesNotVisible").unwrap_or(0.0);
    let is_dead_letters = ["dlq", "dead"].iter().any(|word| last(url).to_ascii_lowercase().contains(word));
    let (level, words) = match waiting {
        0.0 => (Level::Good, "empty".to_owned()),
        // Whatever lies there was given up.
        waiting if is_dead_letters => (Level::Moving, format!("{waiting} given up")),
        // The number says it.
        _ => (Level::Quiet, String::new()),
    };
    let card = card.says(level, words).measure(Measure::new("waiting", waiting, Unit::Count).of(Quantity::Queue));
    let oldest = list(ages, "/Datapoints").iter().max_by_key(|point| text(point, "/Timestamp"));
    let card = match oldest.and_then(|point| number(point, "/Maximum")) {
        Some(oldest) => card.fact("oldest message", Unit::Seconds.print(oldest), Level::Quiet),
        None => card,
    };
    card.fact("in flight", Unit::Count.print(flying), Level::Quiet)
}

fn target_group(arn: &str, value: &Value) -> Reading {
    // arn:…:targetgroup/NAME/ID
    let name = arn.split('/').nth(1).unwrap_or(arn);
    let targets = list(value, "/TargetHealthDescriptions");
    let healthy = targets.iter().filter(|target| text(target, "/TargetHealth/State") == "healthy").count();
    let (level, words) = match (healthy, targets.len()) {
        (_, 0) => (Level::Bad, "no targets".to_owned()),
        (0, all) => (Level::Bad, format!("0 of {all} healthy")),
        (some, all) if some < all => (Level::Moving, format!("{some} of {all} healthy")),
        (_, all) => (Level::Good, format!("{all} healthy")),
    };
    let card = Reading::new(name, "Target group").says(level, words);
    let troubled = targets.iter().filter(|target| text(target, "/TargetHealth/State") != "healthy");
    troubled.fold(card, |card, target| {
        let why = parts(&[text(target, "/TargetHealth/State"), text(target, "/TargetHealth/Reason")]);
        card.fact(text(target, "/Target/Id"), why, Level::Moving)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-01-10T12:00:00Z".parse().unwrap()
    }

    fn said(subject: &Subject, answers: &[Value]) -> Vec<Reading> {
        let answers: Vec<Answer> =
            answers.iter().map(|value| Answer { stdout: value.to_string(), ..Answer::default() }).collect();
        read(subject, &answers, now()).unwrap()
    }

    #[test]
    fn a_database_tells_its_newest_snapshot() {
        let instances = json!({"DBInstances": [{"DBInstanceIdentifier": "shop", "DBInstanceStatus": "backing-up", "Engine": "postgres",
            "EngineVersion": "15.4", "DBInstanceClass": "db.r6g.large", "MultiAZ": true}]});
        let snapshot = |name: &str, at: &str, status: &str| json!({"DBInstanceIdentifier": "shop", "DBSnapshotIdentifier": name, "SnapshotCreateTime": at, "Status": status});
        let snapshots = json!({"DBSnapshots": [snapshot("old", "2026-01-01T00:00:00Z", "available"),
            snapshot("new", "2026-01-10T07:00:00+00:00", "available"), snapshot("next", "", "creating")]});
        let cards = said(&Subject::DbInstances(None), &[instances, snapshots]);
        let card = &cards[0];
        assert_eq!((card.name.as_str(), card.level, card.words.as_str()), ("shop", Level::Moving, "backing-up"));
        assert_eq!(card.about, "RDS instance · postgres 15.4 · db.r6g.large · Multi-AZ");
        let facts: Vec<_> = card.facts.iter().map(|fact| (fact.name.as_str(), fact.text.as_str())).collect();
        assert_eq!(facts, [("newest snapshot", "5 h old · new"), ("next", "creating")]);
        assert_eq!(said(&Subject::DbClusters(None), &[json!({"DBClusters": []})])[0].words, "none");
    }

    #[test]
    fn a_certificate_counts_its_days() {
        let one =
            |domain: &str, end: &str, status: &str| json!({"DomainName": domain, "NotAfter": end, "Status": status});
        let list = json!({"CertificateSummaryList": [one("a", "2027-01-01T00:00:00Z", "ISSUED"), one("b", "2026-01-22T13:00:00Z", "ISSUED"),
            one("c", "2026-01-01T00:00:00Z", "ISSUED"), one("d", "2027-01-01T00:00:00Z", "PENDING_VALIDATION")]});
        let cards = said(&Subject::Certificates(None), &[list]);
        let told: Vec<_> = cards.iter().map(|card| (card.name.as_str(), card.level, card.words.as_str())).collect();
        assert_eq!(
            told,
            [
                ("c", Level::Bad, "ended"),
                ("b", Level::Moving, "12 days left"),
                ("a", Level::Good, "355 days left"),
                ("d", Level::Bad, "pending validation")
            ]
        );
    }

    #[test]
    fn queues_are_listed_then_asked() {
        let subject = Subject::Queues(None);
        let listed = json!({"QueueUrls": ["http://q/1/orders", "http://q/1/orders-dlq"]});
        let answer = |value: &Value| Answer { stdout: value.to_string(), ..Answer::default() };
        assert_eq!(calls(&subject, &[], now()).len(), 1);
        let asked = calls(&subject, &[answer(&listed)], now());
        assert!(asked.len() == 2 && asked[1].contains(&"http://q/1/orders-dlq".to_owned()), "{asked:?}");
        let depth = |waiting: &str| json!({"Attributes": {"ApproximateNumberOfMessages": waiting}});
        let cards = said(&subject, &[listed.clone(), depth("0"), depth("7")]);
        let told: Vec<_> = cards.iter().map(|card| (card.name.as_str(), card.words.as_str())).collect();
        assert_eq!(told, [("orders", "empty"), ("orders-dlq", "7 given up")]);
        assert!(calls(&subject, &[answer(&listed), answer(&depth("0"))], now()).is_empty(), "that is all");
        let empty = read(&subject, &[Answer::default()], now()).unwrap();
        assert_eq!(empty[0].words, "none", "an account without queues prints nothing");
    }

    #[test]
    fn the_oldest_message_comes_from_cloudwatch() {
        let subject = Subject::Queues(Some("http://q/1/orders".to_owned()));
        let asked = calls(&subject, &[], now());
        assert!(asked[1].contains(&"Name=QueueName,Value=orders".to_owned()), "{asked:?}");
        let ages = json!({"Datapoints": [{"Timestamp": "2026-01-10T11:50:00Z", "Maximum": 400.0}, {"Timestamp": "2026-01-10T11:55:00Z", "Maximum": 900.0}]});
        let cards = said(&subject, &[json!({"Attributes": {"ApproximateNumberOfMessages": "3"}}), ages]);
        assert_eq!((cards[0].words.as_str(), cards[0].facts[0].text.as_str()), ("", "15 min"));
    }

    #[test]
    fn targets_that_are_not_healthy_are_named() {
        let subject = Subject::TargetGroups(Some("arn:aws:x:targetgroup/web/1".to_owned()));
        let target = |id: &str, state: &str| json!({"Target": {"Id": id}, "TargetHealth": {"State": state}});
        let cards = said(
            &subject,
            &[json!({"TargetHealthDescriptions": [target("i-1", "healthy"), target("i-2", "unhealthy")]})],
        );
        assert_eq!(
            (cards[0].name.as_str(), cards[0].words.as_str(), cards[0].facts[0].name.as_str()),
            ("web", "1 of 2 healthy", "i-2")
        );
    }

    #[test]
    fn every_call_only_looks() {
        let name = || Some("x".to_owned());
        let listed = Answer {
            stdout: json!({"QueueUrls": ["q"], "TargetGroups": [{"TargetGroupArn": "g"}]}).to_string(),
            ..Answer::default()
        };
        for subject in [
            Subject::DbInstances(name()),
            Subject::DbClusters(None),
            Subject::Certificates(name()),
            Subject::Certificates(None),
            Subject::Queues(name()),
            Subject::Queues(None),
            Subject::TargetGroups(None),
        ] {
            let answers = [listed.clone()];
            for call in subject.calls(&[], now()).into_iter().chain(subject.calls(&answers, now())) {
                assert_eq!(command::classify(&call).unwrap().effect, command::Effect::Read, "{call:?}");
            }
        }
    }
}
