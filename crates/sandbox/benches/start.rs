//! What the sandbox adds to bare bubblewrap: both run `true` in bash, in the same bench.

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use operations::{
    Call, CallHandler, CallIo, ExecutionId, ExecutionRequest, Executor, Exit, Limits, OutputSink, RunId, Stream,
};
use sandbox::Sandbox;
use tokio_util::sync::CancellationToken;

struct Nobody;

#[async_trait]
impl CallHandler for Nobody {
    async fn handle(&self, _: Call, _: Arc<dyn CallIo>) -> u8 {
        0
    }
}

#[async_trait]
impl OutputSink for Nobody {
    async fn write(&self, _: Stream, _: Bytes) {}
}

fn start(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::new(folder.path().to_owned(), env!("CARGO_BIN_EXE_runbook-shim").into());
    if let Err(reason) = sandbox.available() {
        eprintln!("skipped: {reason}");
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("start");
    group.sample_size(50);
    group.bench_function("bare bubblewrap", |bencher| {
        bencher.iter(|| {
            let status = Command::new("bwrap")
                .args([
                    "--unshare-all",
                    "--ro-bind",
                    "/",
                    "/",
                    "--proc",
                    "/proc",
                    "--dev",
                    "/dev",
                    "bash",
                    "-c",
                    "true",
                ])
                .stdin(Stdio::null())
                .status();
            assert!(black_box(status).is_ok_and(|status| status.success()));
        });
    });
    let run = RunId::new();
    for (name, script) in
        [("a step", "true"), ("a step of 10 calls", "for i in 1 2 3 4 5 6 7 8 9 10; do kubectl get; done")]
    {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let request = ExecutionRequest {
                    execution: ExecutionId::new(),
                    run,
                    script: script.into(),
                    variables: Default::default(),
                    brokered: vec!["kubectl".into()],
                    files: Vec::new(),
                    limits: Limits::default(),
                };
                let execution = sandbox.execute(request, Arc::new(Nobody), Arc::new(Nobody), CancellationToken::new());
                let ended = runtime.block_on(execution).expect("it starts");
                assert_eq!(ended.exit, Exit::Code(0));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, start);
criterion_main!(benches);
