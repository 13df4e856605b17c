//! `kubectl edit`, with somebody at the editor.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use command::Effect;
use operations::{Answer, Question};
use practice::Practice;

use crate::rig::{Reply, Rig};

const LINE: &str = "kubectl edit deployment/auth-service -n fintech-banking";

async fn rig() -> Rig {
    Rig::start(Practice::builder().speed(50.0)).await
}

/// Leaves the text with one part of it replaced.
fn replacing(from: &'static str, to: &'static str) -> Reply {
    Box::new(move |question: &Question| {
        let text = question.text.clone().expect("a text to edit");
        assert!(text.contains(from), "{text}");
        Answer::Yes(text.replacen(from, to, 1))
    })
}

fn saying(answer: Answer) -> Reply {
    Box::new(move |_| answer.clone())
}

async fn replicas(rig: &Rig) -> String {
    rig.call("kubectl get deployment auth-service -n fintech-banking -o jsonpath='{.spec.replicas}'").await.stdout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_is_shown_and_then_made() {
    let rig = rig().await;
    let replies = vec![replacing("  replicas: 3\n", "  replicas: 4\n"), saying(Answer::Yes(String::new()))];
    let (outcome, asked) = rig.call_answering(LINE, replies).await;
    assert_eq!((outcome.stdout.as_str(), outcome.code), ("deployment.apps/auth-service edited\n", 0), "{outcome:?}");
    assert!(outcome.stderr.contains("-  replicas: 3\n+  replicas: 4\n"), "{outcome:?}");
    assert_eq!(replicas(&rig).await, "4");
    let [editor, preview] = asked.as_slice() else { panic!("{asked:?}") };
    let text = editor.text.as_deref().expect("a text");
    assert!(text.starts_with("apiVersion: apps/v1\n") && !text.contains("managedFields"), "{text}");
    assert_eq!((preview.text.as_deref(), preview.effect), (None, Effect::Change));
    let (before, after) = preview.change.as_ref().expect("what would change");
    let changed: Vec<_> = before.lines().zip(after.lines()).filter(|(before, after)| before != after).collect();
    assert_eq!(changed, [("  replicas: 3", "  replicas: 4")], "nothing that moves by itself is shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_cannot_be_is_said_and_loses_nothing() {
    let rig = rig().await;
    for (from, to, reason) in [
        ("kind: Deployment", "kind: [Deployment", "this is no YAML"),
        ("  name: auth-service", "  name: another", "metadata.name may not be changed"),
        ("kind: Deployment", "kind: DaemonSet", "kind may not be changed"),
        ("  replicas: 3", "  replicas: -7", "-7"),
    ] {
        let (outcome, asked) = rig.call_answering(LINE, vec![replacing(from, to)]).await;
        assert_eq!((outcome.stdout.as_str(), outcome.code), ("Edit cancelled, no changes made.\n", 0), "{outcome:?}");
        let [_, again] = asked.as_slice() else { panic!("{to}: {asked:?}") };
        assert!(again.note.as_deref().unwrap_or_default().contains(reason), "{to}: {:?}", again.note);
        assert!(again.text.as_deref().unwrap_or_default().contains(to), "what was typed is kept");
    }
    let (outcome, asked) = rig.call_answering(LINE, vec![replacing("kind", "kind")]).await;
    assert_eq!((outcome.stdout.as_str(), asked.len()), ("Edit cancelled, no changes made.\n", 1));
    assert_eq!(replicas(&rig).await, "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_that_takes_away_says_so_before_it_is_made() {
    let rig = rig().await;
    let replies = vec![replacing("  replicas: 3", "  replicas: 0"), saying(Answer::Back), saying(Answer::No)];
    let (outcome, asked) = rig.call_answering(LINE, replies).await;
    assert_eq!(outcome.stdout, "Edit cancelled, no changes made.\n");
    assert_eq!(
        asked.iter().map(|question| question.effect).collect::<Vec<_>>(),
        [Effect::Change, Effect::Destroy, Effect::Change]
    );
    assert_eq!(replicas(&rig).await, "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_somebody_else_changed_meanwhile_is_not_lost() {
    let rig = Arc::new(rig().await);
    let (at_preview, preview) = tokio::sync::oneshot::channel();
    let (written, wait) = std::sync::mpsc::channel();
    let (at_preview, wait) = (Mutex::new(Some(at_preview)), Mutex::new(wait));
    let other = rig.clone();
    // On a worker of its own: the reply below holds the one it is on.
    let other = tokio::spawn(async move {
        preview.await.expect("the first gets to the preview");
        let done = other.call("kubectl annotate deployment/auth-service -n fintech-banking by=another").await;
        written.send(()).expect("the first waits");
        done
    });
    let replies = vec![
        replacing("  replicas: 3", "  replicas: 4"),
        Box::new(move |_: &Question| {
            at_preview.lock().expect("not poisoned").take().expect("asked once").send(()).expect("the other waits");
            let wait = wait.lock().expect("not poisoned");
            tokio::task::block_in_place(|| wait.recv_timeout(Duration::from_secs(30))).expect("the other has written");
            Answer::Yes(String::new())
        }) as Reply,
        saying(Answer::No),
    ];
    let (outcome, asked) = rig.call_answering(LINE, replies).await;
    assert_eq!(other.await.expect("no panic").code, 0);
    assert_eq!(outcome.stdout, "Edit cancelled, no changes made.\n", "{outcome:?}");
    assert!(asked[2].note.as_deref().unwrap_or_default().contains("Somebody else"), "{:?}", asked[2]);
    let merged = asked[2].text.as_deref().unwrap_or_default();
    assert!(merged.contains("replicas: 4") && merged.contains("by: another"), "{merged}");
    assert_eq!(replicas(&rig).await, "3");
    // Once it is looked at, both changes stay.
    let replies = vec![replacing("  replicas: 3", "  replicas: 4"), saying(Answer::Yes(String::new()))];
    assert_eq!(rig.call_answering(LINE, replies).await.0.stdout, "deployment.apps/auth-service edited\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_secret_is_not_edited() {
    let rig = rig().await;
    let line = "kubectl edit secret/database-credentials -n fintech-banking";
    let (outcome, asked) = rig.call_answering(line, vec![saying(Answer::Yes(String::new()))]).await;
    assert_eq!((outcome.code, asked.len()), (126, 0), "{outcome:?}");
    assert!(outcome.stderr.contains("not shown here"), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_status_and_a_version_are_nobodys_edit() {
    let rig = rig().await;
    let replies = vec![
        replacing("  replicas: 3\n", "  replicas: 4\n"),
        Box::new(|question: &Question| {
            let (before, after) = question.change.as_ref().expect("what would change");
            assert_eq!(before.replace("  replicas: 3\n  rev", "  replicas: 4\n  rev"), *after);
            Answer::Back
        }) as Reply,
        Box::new(|question: &Question| {
            let text = question.text.clone().expect("a text");
            let lines = text.lines().filter(|line| !line.contains("resourceVersion"));
            Answer::Yes(
                lines
                    .map(|line| format!("{}\n", line.replace("observedGeneration: ", "observedGeneration: 9")))
                    .collect(),
            )
        }),
        saying(Answer::Yes(String::new())),
    ];
    let (outcome, _) = rig.call_answering(LINE, replies).await;
    assert_eq!(outcome.stdout, "deployment.apps/auth-service edited\n", "{outcome:?}");
    assert!(!outcome.stderr.contains("observedGeneration"), "{outcome:?}");
}
