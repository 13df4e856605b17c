//! Cards: shared by all who look, asked seldom where nobody answers, and not at all when nobody looks.

use std::sync::Arc;
use std::time::Duration;

use runbook::RunbookId;
use widget::{Level, Named, Subject, Widget};

use super::fakes::{Bench, bench, person};
use crate::{Card, CardState, Cards, Content, EnvironmentName, Gauge, Role};

const NODES: &str = r#"{"kind": "List", "items": [{"metadata": {"name": "a"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}]}"#;

async fn look(bench: &Bench, subject: Subject) -> Cards {
    let whoever = person(Role::Operator);
    let runbook = bench.operations.runbook(&whoever, &RunbookId::new("shop")).unwrap();
    let practice = EnvironmentName("practice".to_owned());
    let environments = bench.operations.environments(&whoever).unwrap();
    let environment = environments.iter().find(|environment| environment.name == practice).unwrap();
    let widget = Widget { subject, title: None, limits: None };
    bench.operations.cards(&whoever, &Arc::clone(environment), &runbook, vec![widget]).await
}

fn gauge(cards: &mut Cards) -> Gauge {
    match cards.now().remove(0) {
        Card { content: Content::Gauge(gauge), .. } => gauge,
        other => panic!("no gauge: {other:?}"),
    }
}

fn asked(bench: &Bench) -> usize {
    bench.kubectl.performed.lock().unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn all_who_look_share_one_question_and_it_ends_with_the_last() {
    let bench = bench();
    bench.kubectl.say(0, NODES);
    let mut first = look(&bench, Subject::Nodes).await;
    let mut second = look(&bench, Subject::Nodes).await;
    first.heard().await;
    second.heard().await;
    // `get nodes` and `top nodes`.
    assert_eq!(asked(&bench), 2);
    let shown = gauge(&mut first);
    assert_eq!((shown.state, shown.readings[0].level), (CardState::Fresh, Level::Good));
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(asked(&bench), 6, "every 5 s while somebody looks");
    drop(first);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(asked(&bench) > 20, "one still looks");
    drop(second);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let last = asked(&bench);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((asked(&bench), bench.operations.gauges()), (last, 0), "nobody looks, nobody asks");
    bench.operations.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_asked_less_and_what_was_heard_is_called_stale() {
    let bench = bench();
    bench.kubectl.say(0, NODES);
    let mut cards = look(&bench, Subject::Nodes).await;
    cards.heard().await;
    bench.kubectl.say(1, "The connection to the server was refused");
    tokio::time::sleep(Duration::from_secs(6)).await;
    let stale = gauge(&mut cards);
    assert!(matches!(stale.state, CardState::Stale(_)) && stale.readings.len() == 1, "{stale:?}");
    let before = asked(&bench);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let times = asked(&bench) - before;
    assert!((5..=10).contains(&times), "{times} times in ten minutes");
    bench.kubectl.say(0, NODES);
    tokio::time::sleep(Duration::from_secs(130)).await;
    assert_eq!(gauge(&mut cards).state, CardState::Fresh);
    bench.kubectl.say(1, "Error from server (Forbidden): nodes is forbidden");
    tokio::time::sleep(Duration::from_secs(6)).await;
    let shown = gauge(&mut cards);
    assert!(matches!(shown.state, CardState::Forbidden(_)) && shown.readings.is_empty(), "{shown:?}");
    bench.operations.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_number_has_a_past_that_is_bounded() {
    let bench = bench();
    bench.kubectl.say(0, "web-1 100m 50Mi\n");
    let mut cards = look(&bench, Subject::Usage { namespace: None, selector: None }).await;
    cards.heard().await;
    assert_eq!(gauge(&mut cards).readings[0].measures[0].series.len(), 1);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(gauge(&mut cards).readings[0].measures[0].series.len(), 3);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(gauge(&mut cards).readings[0].measures[0].series.len(), 60);
    bench.operations.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_never_ends_is_given_up_and_the_next_is_asked() {
    let bench = bench();
    bench.kubectl.waits.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut cards = look(&bench, Subject::Nodes).await;
    cards.heard().await;
    let shown = gauge(&mut cards);
    assert!(matches!(&shown.state, CardState::Unreachable(why) if why.contains("15 s")), "{shown:?}");
    bench.operations.shutdown().await;
}

#[tokio::test]
async fn what_lies_outside_the_environment_is_not_asked() {
    let bench = bench();
    let outside = Subject::Autoscalers(Named { namespace: Some("bank".to_owned()), name: None });
    let refused = look(&bench, outside).await.now().remove(0);
    assert!(matches!(&refused.content, Content::Refused(why) if why.contains("bank")), "{refused:?}");
    assert!(look(&bench, Subject::Queues(None)).await.now().is_empty(), "there is no such account");
    let own = look(&bench, Subject::Autoscalers(Named::default())).await.now().remove(0);
    let Subject::Autoscalers(named) = own.widget.subject else { panic!("another card") };
    assert_eq!(named.namespace.as_deref(), Some("shop"), "the environment's own");
    assert!(bench.kinds().is_empty(), "looking is nobody's action");
    bench.operations.shutdown().await;
}

#[tokio::test]
async fn who_may_not_read_in_an_environment_sees_no_answers() {
    let bench = bench();
    let viewer = person(Role::Viewer);
    let runbook = bench.operations.runbook(&viewer, &RunbookId::new("shop")).unwrap();
    let environment = bench.operations.environments(&viewer).unwrap()[0].clone();
    let widget = Widget { subject: Subject::Nodes, title: None, limits: None };
    let card = bench.operations.cards(&viewer, &environment, &runbook, vec![widget]).await.now().remove(0);
    assert!(matches!(&card.content, Content::Refused(why) if why.contains("read needs operator")), "{card:?}");
    assert_eq!(asked(&bench), 0);
}
