//! The real `aws`, against moto.

use std::sync::Arc;

use operations::{EnvironmentName, Exit, Secret};
use programs::{AwsAccount, AwsKeys, Installed, Reach, Settings};

use crate::place::place_with;

#[tokio::test]
async fn aws_sees_its_endpoint_and_the_workspace() {
    let (Ok(endpoint), Ok(program)) = (std::env::var("MOTO_URL"), std::env::var("AWS_CLI")) else {
        println!("skipped: no moto or no aws");
        return;
    };
    let secret_key = Secret::new("testing-testing-testing");
    let keys = AwsKeys { access_key: "testing".into(), secret_key, session_token: None };
    let account = AwsAccount { region: "eu-west-1".into(), endpoint: Some(endpoint), keys: Arc::new(keys) };
    let reach = Reach { aws: Some(account), ..Reach::default() };
    let settings = Settings {
        installed: [("aws".to_owned(), Installed::at(program.into()).unwrap())].into(),
        environments: [(EnvironmentName("test".to_owned()), reach)].into(),
        ..Settings::default()
    };
    let Some(place) = place_with(settings) else { return };
    let printed = place
        .run(
            "bucket=s3://portal-test-$RANDOM$RANDOM; aws s3 mb $bucket > /dev/null; echo kept > file\n\
             aws s3 cp --only-show-errors file $bucket/a; echo piped | aws s3 cp - $bucket/b\n\
             mkdir down; cd down; aws s3 cp --only-show-errors $bucket/a .; aws s3 cp $bucket/b -; cat a; cd ..\n\
             aws s3 rb --force $bucket > /dev/null\n\
             echo '{\"QueueName\": \"portal-test\"}' > queue.json\n\
             aws sqs create-queue --cli-input-json file://queue.json --query QueueUrl --output text | grep -c portal-test\n\
             env | grep -c AWS_ || true",
        )
        .await
        .good();
    assert_eq!(printed, "piped\nkept\n1\n0\n");
    for call in ["aws --endpoint-url http://evil s3 ls", "aws s3 ls --region us-east-1", "aws sts get-session-token"] {
        let end = place.run(call).await;
        assert_ne!(end.exit, Exit::Code(0), "{call}: {}", end.stdout);
    }
}
