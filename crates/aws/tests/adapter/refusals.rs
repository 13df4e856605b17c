//! What is refused before anything is asked of anybody.

use std::sync::Arc;

use async_trait::async_trait;
use aws::{Account, Aws, Credentials};
use command::Refusal;
use operations::{Adapter, Call, CallIo, Environment, Stream, Suggester as _, Wanted};

use crate::rig::{Caller, account, call, environment, perform};

/// Stands for the real program.
struct Program;

#[async_trait]
impl Adapter for Program {
    fn tool(&self) -> &'static str {
        "aws"
    }

    fn check(&self, _: &Environment, call: &Call) -> Result<(), Refusal> {
        match call.argv.iter().any(|word| word == "--refuse-me") {
            true => Err(Refusal::not_permitted("the program refuses")),
            false => Ok(()),
        }
    }

    async fn perform(&self, _: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        let _ = io.write(Stream::Stdout, call.argv.join(" ").into()).await;
        7
    }
}

const NOWHERE: &str = "http://127.0.0.1:9";

fn adapter(fallback: Option<Arc<dyn Adapter>>) -> (Aws, Environment) {
    let account = account(NOWHERE);
    let environment = environment(&account);
    (Aws::new([(environment.name.clone(), account)], fallback), environment)
}

fn refusal(aws: &Aws, environment: &Environment, line: &str) -> Refusal {
    let words: Vec<&str> = line.split(' ').collect();
    aws.check(environment, &call(&words)).expect_err(line)
}

#[test]
fn each_refusal_names_the_next_step() {
    let (aws, environment) = adapter(None);
    for (line, code, told) in [
        ("rds describe-db-instances --region eu-west-1", 126, "this environment is test-account in us-east-1"),
        ("rds describe-db-instances --endpoint-url http://x", 126, "the endpoint belongs to the environment"),
        ("sts assume-role --role-arn x", 126, "it hands out credentials"),
        ("sqs list-queues", 127, "needs the real aws program"),
        ("rds describe-db-proxies", 127, "mark it as done by hand"),
        ("rds describe-db-instances --foo", 252, "Unknown options: --foo"),
        ("rds reboot-db-instance", 252, "the following arguments are required: --db-instance-identifier"),
        ("rds describe-db-instances --query a[", 252, "Bad value for --query a["),
        ("rds describe-db-instances --output xml", 252, "argument --output: Invalid choice"),
    ] {
        let refusal = refusal(&aws, &environment, line);
        assert_eq!(refusal.exit_code, code, "{line}: {refusal}");
        assert!(refusal.reason.contains(told), "{line}: {refusal}");
    }
}

#[test]
fn an_environment_without_an_account_says_so() {
    let (aws, mut environment) = adapter(None);
    environment.aws = None;
    assert!(refusal(&aws, &environment, "rds describe-db-instances").reason.contains("has no AWS account"));
    let nobody = Aws::new([], None);
    let (_, environment) = adapter(None);
    assert!(refusal(&nobody, &environment, "rds describe-db-instances").reason.contains("has no AWS account"));
}

/// Runbooks of other people, where there are some: everything they ask of rds and acm is native, and what is wrong with
/// it is told as the real program tells it.
#[test]
fn real_runbooks_are_understood() {
    let Some(folder) = std::env::var_os("RUNBOOK_CORPUS") else { return println!("skipped: no corpus") };
    let (aws, environment) = adapter(None);
    let mut seen = 0;
    for file in std::fs::read_dir(folder).expect("the corpus is a folder") {
        let path = file.expect("an entry").path();
        if path.extension().is_none_or(|ending| ending != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text").replace("\\\n", " ");
        for line in text.lines().filter(|line| line.contains("aws rds ") || line.contains("aws acm ")) {
            let Some(mut words) = shlex::split(line.trim()) else { continue };
            if words[0] != "aws" {
                continue;
            }
            // What bash would put in place.
            words.iter_mut().filter(|word| word.contains("$(")).for_each(|word| *word = "made".to_owned());
            words.retain(|word| !word.starts_with('+'));
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            seen += 1;
            if let Err(refusal) = aws.check(&environment, &call(&words[1..])) {
                let told = refusal.reason.contains("the following arguments are required");
                assert!(told && refusal.exit_code == 252, "{line}: {refusal}");
            }
        }
    }
    assert!(seen > 0, "the corpus asks something of rds or acm");
}

#[tokio::test]
async fn what_is_not_native_goes_to_the_real_program() {
    let (aws, environment) = adapter(Some(Arc::new(Program)));
    for line in
        ["sqs list-queues", "rds describe-db-proxies", "rds help", "rds describe-events --generate-cli-skeleton"]
    {
        let words: Vec<&str> = line.split(' ').collect();
        let printed = perform(&aws, &environment, &words, &Caller::default()).await;
        assert_eq!((printed.stdout, printed.code), (format!("aws {line}"), 7));
    }
    assert_eq!(refusal(&aws, &environment, "sqs list-queues --refuse-me").reason, "the program refuses");
    // The portal's own grammar comes first.
    assert!(refusal(&aws, &environment, "sqs list-queues --profile x").reason.contains("--profile"));
    assert!(refusal(&aws, &environment, "sqs list-queues --region x").reason.contains("--region"));
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_told_plainly() {
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let (aws, environment) = adapter(None);
    let words = ["rds", "describe-db-instances"];
    let printed = perform(&aws, &environment, &words, &Caller::default()).await;
    assert_eq!((printed.stdout.as_str(), printed.code), ("", 255));
    assert!(
        printed.stderr.starts_with("\nCould not connect to the endpoint of rds in us-east-1 (test-account)"),
        "{printed:?}"
    );
    assert!(!printed.stderr.contains("Nobody knows"), "{printed:?}");
    let words = ["rds", "reboot-db-instance", "--db-instance-identifier", "a"];
    let printed = perform(&aws, &environment, &words, &Caller::default()).await;
    assert!(printed.stderr.contains("Nobody knows whether RebootDBInstance was carried out"), "{printed:?}");
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_not_replaced_by_other_credentials() {
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let account = Account { credentials: Credentials::Profile("no-such-profile-here".to_owned()), ..account(NOWHERE) };
    let environment = environment(&account);
    let aws = Aws::new([(environment.name.clone(), account)], None);
    let words = ["rds", "describe-db-instances"];
    let printed = perform(&aws, &environment, &words, &Caller::default()).await;
    assert!(printed.stderr.contains("the portal has none for test-account"), "{printed:?}");
    assert_eq!(printed.code, 253);
}

#[tokio::test]
async fn a_call_whose_caller_is_gone_ends() {
    let (aws, environment) = adapter(None);
    let caller = Caller::default();
    caller.ended.cancel();
    let printed = perform(&aws, &environment, &["rds", "wait", "db-instance-available"], &caller).await;
    assert_eq!((printed.stdout.as_str(), printed.stderr.as_str(), printed.code), ("", "", 141));
}

#[tokio::test]
async fn each_refusal_by_the_service_that_concerns_the_portal_is_told_apart() {
    for (code, told) in [
        ("ExpiredToken", "have expired: ask whoever runs the portal to renew them"),
        ("InvalidClientTokenId", "does not accept the portal's credentials for test-account"),
        ("AccessDenied", "ask for the permission rds:DescribeDBInstances"),
    ] {
        let body = format!(
            "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>No.</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        );
        let account = account(&answering("403 Forbidden", &body).await);
        let environment = environment(&account);
        let aws = Aws::new([(environment.name.clone(), account)], None);
        let words = ["rds", "describe-db-instances"];
        let printed = perform(&aws, &environment, &words, &Caller::default()).await;
        let first = format!("\nAn error occurred ({code}) when calling the DescribeDBInstances operation: No.\n");
        assert!(printed.stderr.starts_with(&first) && printed.stderr.contains(told), "{printed:?}");
        assert_eq!(printed.code, 254);
    }
}

#[tokio::test]
async fn an_answer_that_is_none_of_the_apis_is_told() {
    let account = account(&answering("200 OK", "<html><p>Log in").await);
    let environment = environment(&account);
    let aws = Aws::new([(environment.name.clone(), account)], None);
    let words = ["rds", "describe-db-instances"];
    let printed = perform(&aws, &environment, &words, &Caller::default()).await;
    assert!(printed.stderr.contains("is none of AWS's"), "{printed:?}");
    assert_eq!(printed.code, 255);
}

#[tokio::test]
async fn what_changes_something_is_sent_once() {
    let (address, asked) = counting("503 Service Unavailable", "").await;
    let account = account(&address);
    let environment = environment(&account);
    let aws = Aws::new([(environment.name.clone(), account)], None);
    let words = ["rds", "reboot-db-instance", "--db-instance-identifier", "a"];
    let printed = perform(&aws, &environment, &words, &Caller::default()).await;
    assert_ne!(printed.code, 0);
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
    let printed = perform(&aws, &environment, &["rds", "describe-db-instances"], &Caller::default()).await;
    assert!(printed.stderr.contains("(reached max retries: 2)"), "{printed:?}");
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 4);
}

/// A server that gives every request the same answer.
async fn answering(status: &str, body: &str) -> String {
    counting(status, body).await.0
}

async fn counting(status: &str, body: &str) -> (String, Arc<std::sync::atomic::AtomicUsize>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while let Ok(read) = stream.read(&mut piece).await {
                request.extend_from_slice(&piece[..read]);
                if read == 0
                    || request
                        .windows(14)
                        .any(|window| window == b"\r\n\r\nAction=Reb" || window == b"\r\n\r\nAction=Des")
                {
                    break;
                }
            }
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (address, asked)
}

/// Stands for the real program where it lists something.
struct Lister;

#[async_trait]
impl Adapter for Lister {
    fn tool(&self) -> &'static str {
        "aws"
    }

    fn check(&self, _: &Environment, _: &Call) -> Result<(), Refusal> {
        Ok(())
    }

    async fn perform(&self, _: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        let items =
            format!(r#"[{{"value": "/hostedzone/{}", "about": "stopped"}}, {{"about": "no value"}}]"#, call.argv[1]);
        let _ = io.write(Stream::Stdout, items.into()).await;
        0
    }
}

#[tokio::test]
async fn what_only_the_program_lists_is_suggested() {
    use command::ParameterKind as Kind;
    let (aws, environment) = adapter(Some(Arc::new(Lister)));
    for (kind, service) in [
        (Kind::Queue, "sqs"),
        (Kind::SecurityGroup, "ec2"),
        (Kind::Volume, "ec2"),
        (Kind::TargetGroup, "elbv2"),
        (Kind::LoadBalancer, "elbv2"),
        (Kind::WebAcl, "wafv2"),
        (Kind::Zone, "route53"),
        (Kind::Distribution, "cloudfront"),
        (Kind::Api, "apigateway"),
    ] {
        let wanted = Wanted { name: "x".to_owned(), kind, namespace: None, selector: None };
        let found = aws.suggest(&environment, &wanted).await;
        let told: Vec<_> = found.iter().map(|one| (one.value.as_str(), one.troubled)).collect();
        assert_eq!(told, [(service, true)], "{kind:?}");
    }
    let (without, environment) = adapter(None);
    let wanted = Wanted { name: "x".to_owned(), kind: Kind::Queue, namespace: None, selector: None };
    assert!(without.suggest(&environment, &wanted).await.is_empty());
}
