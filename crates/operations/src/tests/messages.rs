//! Telling people: intent first, again where that is safe, and what became of it.

use super::fakes::{Bench, bench, person};
use crate::*;

fn outgoing(text: &str) -> Outgoing {
    Outgoing {
        key: None,
        channel: "incidents".to_owned(),
        title: "Initial Notification".to_owned(),
        subject: "The shop\r\nBcc: everybody".to_owned(),
        text: text.to_owned(),
        action: PagerAction::Trigger,
        again_after: Some(30),
    }
}

async fn sent(bench: &Bench) -> (IncidentId, MessageId) {
    let changes = Changes { title: Some("The shop is down".to_owned()), ..Changes::default() };
    let caller = person(Role::Operator);
    let incident = bench.operations.open_incident(&caller, changes).await.unwrap();
    let message = bench.operations.send(&caller, incident, outgoing("We look at it")).await.unwrap();
    (incident, message)
}

/// Waits until the message is no longer on its way.
async fn settled(bench: &Bench, id: MessageId) -> Message {
    let mut news = bench.operations.watch_incidents(&person(Role::Viewer)).unwrap();
    loop {
        let message = bench.store.message(id).await.unwrap().unwrap();
        if message.state != DeliveryState::Sending {
            return message;
        }
        news.changed().await.unwrap();
    }
}

fn answer(bench: &Bench, answers: &[Result<Option<String>, DeliveryError>]) {
    bench.channel.answers.lock().unwrap().extend(answers.iter().cloned());
}

#[tokio::test(start_paused = true)]
async fn a_message_arrives_and_the_trail_has_both_rows() {
    let bench = bench();
    answer(&bench, &[Ok(Some("250 queued".to_owned()))]);
    let (incident, id) = sent(&bench).await;
    let message = settled(&bench, id).await;
    assert_eq!(
        (message.state, message.attempts, message.remark.as_deref()),
        (DeliveryState::Delivered, 1, Some("250 queued"))
    );
    assert_eq!(message.subject, "The shop", "one line stays one line");
    let letters = bench.channel.letters.lock().unwrap().clone();
    assert_eq!(letters[0].key, id.to_string());
    assert_eq!(letters[0].address, Some(format!("http://portal.example/incidents/{incident}")));
    assert_eq!(bench.kinds(), [EventKind::IncidentOpened, EventKind::MessageIntent, EventKind::MessageOutcome]);
    let viewer = person(Role::Viewer);
    let mut news = bench.operations.watch_incidents(&viewer).unwrap();
    let mut view = bench.operations.view_incident(&viewer, incident).await.unwrap();
    while view.incident.told_at.is_none() {
        news.changed().await.unwrap();
        view = bench.operations.view_incident(&viewer, incident).await.unwrap();
    }
    assert_eq!(
        view.incident.terms.update_every,
        Some(jiff::SignedDuration::from_mins(30)),
        "people were promised to hear"
    );
    assert!(view.deadlines.iter().any(|deadline| deadline.what == incident::What::Update));
}

#[tokio::test(start_paused = true)]
async fn what_did_not_arrive_is_tried_again_with_the_same_key() {
    let bench = bench();
    let down = || Err(DeliveryError::Failed("nobody answers".to_owned()));
    answer(&bench, &[down(), down(), Ok(None)]);
    let (_, id) = sent(&bench).await;
    let message = settled(&bench, id).await;
    assert_eq!((message.state, message.attempts), (DeliveryState::Delivered, 3));
    let letters = bench.channel.letters.lock().unwrap();
    assert!(letters.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test(start_paused = true)]
async fn it_is_given_up_and_a_person_sends_it_again() {
    let bench = bench();
    let down: Vec<_> = (0..6).map(|_| Err(DeliveryError::Failed("nobody answers".to_owned()))).collect();
    answer(&bench, &down);
    let (incident, id) = sent(&bench).await;
    let message = settled(&bench, id).await;
    assert_eq!((message.state, message.attempts), (DeliveryState::Failed, 6));
    let caller = person(Role::Operator);
    assert_eq!(bench.operations.send_again(&caller, id).await.unwrap(), incident);
    let message = settled(&bench, id).await;
    assert_eq!((message.state, message.attempts), (DeliveryState::Delivered, 7));
    assert!(matches!(bench.operations.send_again(&caller, id).await, Err(Error::Conflict(_))), "it has arrived");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_or_may_have_arrived_is_not_repeated_by_itself() {
    for (error, state) in [
        (DeliveryError::Refused("no such channel".to_owned()), DeliveryState::Failed),
        (DeliveryError::Unknown("no answer came".to_owned()), DeliveryState::Unknown),
    ] {
        let bench = bench();
        answer(&bench, &[Err(error)]);
        let (_, id) = sent(&bench).await;
        let message = settled(&bench, id).await;
        assert_eq!((message.state, message.attempts), (state, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_form_twice_is_one_message() {
    let bench = bench();
    let (incident, _) = sent(&bench).await;
    let caller = person(Role::Operator);
    let twice = Outgoing { key: Some(MessageId::new()), ..outgoing("Only once") };
    let (one, two) = tokio::join!(
        bench.operations.send(&caller, incident, twice.clone()),
        bench.operations.send(&caller, incident, twice.clone())
    );
    assert_eq!(one.unwrap(), two.unwrap());
    settled(&bench, twice.key.unwrap()).await;
    let other = Outgoing { text: "Something else".to_owned(), ..twice };
    let refused = bench.operations.send(&caller, incident, other).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let letters = bench.channel.letters.lock().unwrap();
    assert_eq!(letters.iter().filter(|letter| letter.text == "Only once").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn people_have_heard_only_what_arrived() {
    let bench = bench();
    answer(&bench, &[Err(DeliveryError::Refused("no such channel".to_owned()))]);
    let (incident, id) = sent(&bench).await;
    settled(&bench, id).await;
    let viewer = person(Role::Viewer);
    let told = async || bench.operations.view_incident(&viewer, incident).await.unwrap().incident.told_at;
    assert_eq!(told().await, None);
    bench.operations.update_status(&person(Role::Operator), incident, "Better").await.unwrap();
    assert_eq!(told().await, None, "nobody outside was told");
    bench.operations.send_again(&person(Role::Operator), id).await.unwrap();
    let mut news = bench.operations.watch_incidents(&viewer).unwrap();
    while told().await.is_none() {
        news.changed().await.unwrap();
    }
}

#[tokio::test]
async fn without_a_trail_a_channel_a_word_or_the_permission_nothing_leaves() {
    let bench = bench();
    let caller = person(Role::Operator);
    let changes = Changes { title: Some("The shop is down".to_owned()), ..Changes::default() };
    let incident = bench.operations.open_incident(&caller, changes).await.unwrap();
    let elsewhere = Outgoing { channel: "nowhere".to_owned(), ..outgoing("x") };
    assert!(matches!(bench.operations.send(&caller, incident, elsewhere).await, Err(Error::Invalid(_))));
    assert!(matches!(bench.operations.send(&caller, incident, outgoing(" \n")).await, Err(Error::Invalid(_))));
    let viewer = bench.operations.send(&person(Role::Viewer), incident, outgoing("x")).await;
    assert!(matches!(viewer, Err(Error::Forbidden(_))));
    bench.store.trail_is_broken.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(bench.operations.send(&caller, incident, outgoing("x")).await, Err(Error::Audit(_))));
    assert!(bench.channel.letters.lock().unwrap().is_empty());
    assert!(bench.store.messages.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_when_the_portal_ended_is_unknown() {
    let bench = bench();
    let (_, id) = sent(&bench).await;
    let mut message = settled(&bench, id).await;
    (message.state, message.ended_at) = (DeliveryState::Sending, None);
    bench.store.keep_message(&message).await.unwrap();
    bench.store.events.lock().unwrap().retain(|event| event.kind != EventKind::MessageOutcome);
    assert_eq!(bench.operations.recover().await.unwrap(), 1);
    assert_eq!(bench.store.message(id).await.unwrap().unwrap().state, DeliveryState::Unknown);
    assert_eq!(bench.kinds().last(), Some(&EventKind::MessageOutcome));
}
