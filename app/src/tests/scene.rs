//! Incidents as they come about: with alerts, runs, messages and words of people, some of them hostile.

use std::sync::Arc;

use async_trait::async_trait;
use command::Effect;
use jiff::{SignedDuration, Timestamp};
use operations::*;
use runbook::{CommandId, ProcedureId, RunbookId};

use super::fakes::{Portal, portal_of};

/// A runbook with texts to send.
pub(super) const TELLING: &str = r#"
# Shop <script>alert("title")</script>

## Restart

```bash
# Restart it
kubectl rollout restart deployment/shop -n shop
```

## Communication

**First <b>it</b> message:**

```
Subject: Trouble with [service]

Since [time], [who is affected] cannot pay.
Severity: [High/Medium/Low]
Impact: [describe impact]

We will provide updates every 45 minutes.
```

**All clear:**

```
It is over.
```

- Slack: #platform-alerts
"#;

/// A channel that takes everything.
pub(super) struct Chat {
    name: &'static str,
    kind: ChannelKind,
    about: &'static str,
    pub(super) letters: std::sync::Mutex<Vec<Letter>>,
}

impl Chat {
    pub(super) fn new(name: &'static str, kind: ChannelKind, about: &'static str) -> Arc<Self> {
        Arc::new(Self { name, kind, about, letters: std::sync::Mutex::default() })
    }
}

#[async_trait]
impl Channel for Chat {
    fn name(&self) -> &str {
        self.name
    }

    fn kind(&self) -> ChannelKind {
        self.kind
    }

    fn about(&self) -> &str {
        self.about
    }

    fn knows_letters_again(&self) -> bool {
        false
    }

    async fn deliver(&self, letter: &Letter) -> Result<Option<String>, DeliveryError> {
        self.letters.lock().unwrap().push(letter.clone());
        Ok(None)
    }
}

pub(super) struct Scene {
    pub(super) portal: Portal,
    pub(super) incident: IncidentId,
    begin: Timestamp,
}

/// What somebody ran: the title, what it is, how long it took, what it printed.
struct Ran<'r>(&'r str, Effect, i64, OutcomeResult, &'r str);

impl Scene {
    /// An incident that began so many minutes ago, on a portal with these channels.
    pub(super) async fn new(title: &str, minutes: i64, channels: Vec<Arc<dyn Channel>>) -> Self {
        let portal = portal_of(TELLING, channels);
        let begin = Timestamp::now() - SignedDuration::from_mins(minutes);
        let new = NewIncident {
            id: IncidentId::new(),
            title: title.to_owned(),
            severity: Some("P1".to_owned()),
            environment: Some(EnvironmentName("practice".to_owned())),
            affected: "Checkout, for everybody".to_owned(),
            terms: incident::Terms::default(),
            runbook: Some(RunbookId::new("shop")),
            opened_by: ("alerts:alertmanager".to_owned(), "alertmanager".to_owned()),
            started_at: begin,
            worst_said: None,
        };
        let incident = portal.memory.create_incident(new, &[]).await.unwrap().id;
        Self { portal, incident, begin }
    }

    fn at(&self, seconds: i64) -> Timestamp {
        self.begin + SignedDuration::from_secs(seconds)
    }

    pub(super) fn event(&self, seconds: i64, who: &str, kind: EventKind, summary: &str, more: &[&str]) -> AuditEvent {
        let person = Person { subject: who.to_lowercase(), name: who.to_owned(), email: None, role: Role::Operator };
        let mut actor = Actor::from(&Caller { person, address: None });
        if who == "alertmanager" {
            actor.subject = "alerts:alertmanager".to_owned();
        }
        let mut event = AuditEvent::new(self.at(seconds), kind, actor, summary);
        event.incident = Some(self.incident);
        event.argv = more.iter().map(|&line| line.to_owned()).collect();
        event
    }

    pub(super) fn keep(&self, event: AuditEvent) {
        self.portal.memory.events.lock().unwrap().push(event);
    }

    fn say(&self, seconds: i64, who: &str, kind: EventKind, summary: &str, more: &[&str]) {
        self.keep(self.event(seconds, who, kind, summary, more));
    }

    /// A run of the scene, without its own rows in the trail.
    async fn run(&self) -> Run {
        let run = self.portal.start("restart").await;
        self.portal.memory.events.lock().unwrap().retain(|event| event.run != Some(run));
        self.portal.memory.run(run).await.unwrap().unwrap()
    }

    async fn ran(&self, seconds: i64, who: &str, run: &Run, part: &str, ran: Ran<'_>) {
        let Ran(title, effect, took, result, printed) = ran;
        let mut intent = self.event(seconds, who, EventKind::ExecutionIntent, title, &["kubectl get pods -n shop\n"]);
        intent.effect = Some(effect);
        intent.run = Some(run.id);
        let execution = self.portal.execution(run.id, part, ExecutionState::Passed, printed).await;
        intent.execution = Some(execution);
        intent.place = Some(Place {
            runbook: RunbookId::new("shop"),
            procedure: ProcedureId::new("restart"),
            part: Some(CommandId::new(part)),
            hash: String::new(),
            commit: None,
        });
        let mut action = self.event(seconds, who, EventKind::ActionIntent, "get", &["kubectl", "get", "pods"]);
        action.parent = Some(intent.id);
        let mut outcome = self.event(seconds + took, who, EventKind::ExecutionOutcome, title, &[]);
        outcome.completes = Some(intent.id);
        outcome.outcome = Some(ended(result, took));
        for event in [intent, action, outcome] {
            self.keep(event);
        }
    }

    pub(super) async fn change(&self, change: impl FnOnce(&mut Incident)) {
        let mut incident = self.portal.memory.incident(self.incident).await.unwrap().unwrap();
        change(&mut incident);
        self.portal.memory.change_incident(&incident).await.unwrap();
    }

    /// A message as it stands in this state.
    pub(super) async fn message(
        &self,
        seconds: i64,
        title: &str,
        state: DeliveryState,
        remark: Option<&str>,
    ) -> MessageId {
        let message = Message {
            id: MessageId::new(),
            incident: self.incident,
            channel: "incidents".to_owned(),
            title: title.to_owned(),
            subject: "Trouble with the shop".to_owned(),
            text: "Since 14:02 nobody can pay.\n\nWe look at it.".to_owned(),
            action: PagerAction::Trigger,
            by: ("olga".to_owned(), "Olga <i>Berg</i>".to_owned()),
            at: self.at(seconds),
            state,
            attempts: 3,
            remark: remark.map(str::to_owned),
            ended_at: None,
            again_after: Some(1_800),
        };
        self.portal.memory.keep_message(&message).await.unwrap();
        message.id
    }
}

fn ended(result: OutcomeResult, seconds: i64) -> Outcome {
    Outcome { result, exit_code: None, duration_ms: seconds * 1_000, output_digest: None, output_bytes: 0 }
}

pub(super) fn channels() -> Vec<Arc<dyn Channel>> {
    vec![
        Chat::new("incidents", ChannelKind::Slack, "#platform-alerts"),
        Chat::new("stakeholders", ChannelKind::Email, "stakeholders@example.com"),
        Chat::new("pager", ChannelKind::PagerDuty, "Platform on call"),
    ]
}

/// One that is over, with an afternoon in which nothing happened.
pub(super) async fn long() -> Scene {
    use EventKind::*;
    let scene = Scene::new("Checkout answers with 502 for one in three customers", 60 * 26, channels()).await;
    let run = scene.run().await;
    scene.say(12, "alertmanager", AlertFired, "HighErrorRate", &["severity=critical"]);
    scene.say(14, "alertmanager", AlertFired, "CheckoutLatency", &["severity=warning"]);
    scene.say(190, "Olga Berg", IncidentAcknowledged, "Checkout answers with 502", &[]);
    scene.say(190, "Olga Berg", CommandTaken, "Took command", &[]);
    scene.say(200, "Olga Berg", RunStarted, "Restart", &[]);
    let rows = "NAME       READY   STATUS\nshop-1     0/1     CrashLoopBackOff\n";
    scene.ran(240, "Olga Berg", &run, "1", Ran("Look at the pods", Effect::Read, 2, OutcomeResult::Passed, rows)).await;
    scene
        .ran(255, "Olga Berg", &run, "2", Ran("Look at the logs", Effect::Read, 95, OutcomeResult::Passed, rows))
        .await;
    scene.say(280, "Otto Operator", StepClaimed, "Claimed the step", &[]);
    scene.say(330, "Olga Berg", StatusUpdated, "The new version cannot reach its database", &[]);
    let told = ["Trouble with the shop", "Since 14:02 nobody can pay.\n\nWe look at it."];
    let intent = scene.event(360, "Olga Berg", MessageIntent, "Slack incidents: First message", &told);
    let mut outcome = scene.event(361, "Olga Berg", MessageOutcome, "Slack incidents: First message", &[]);
    outcome.completes = Some(intent.id);
    outcome.outcome = Some(ended(OutcomeResult::Passed, 1));
    scene.keep(intent);
    scene.keep(outcome);
    scene
        .ran(
            420,
            "Otto Operator",
            &run,
            "3",
            Ran("Roll back", Effect::Change, 160, OutcomeResult::Failed, "error: no rollout history\n"),
        )
        .await;
    scene.say(610, "Otto Operator", NoteWritten, "The history limit is 0: nothing to roll back to", &[]);
    scene
        .ran(
            700,
            "Otto Operator",
            &run,
            "4",
            Ran("Remove the broken pods", Effect::Destroy, 40, OutcomeResult::Passed, "pod \"shop-1\" deleted\n"),
        )
        .await;
    scene
        .ran(
            760,
            "Olga Berg",
            &run,
            "5",
            Ran(
                "Set the image of the last version",
                Effect::Change,
                130,
                OutcomeResult::Passed,
                "deployment.apps/shop image updated\n",
            ),
        )
        .await;
    scene.say(930, "alertmanager", AlertCleared, "HighErrorRate", &[]);
    scene.say(960, "Olga Berg", IncidentMitigated, "Checkout answers with 502", &[]);
    scene.say(1_000, "Olga Berg", StepMarked, "Skipped", &["Nobody is left to be told"]);
    scene.say(
        5 * 3_600,
        "Anna Appel",
        CommandHandedOver,
        "Handed command to Anna Appel",
        &["It is stable since 14:20. What is left: the cause."],
    );
    scene.say(5 * 3_600 + 300, "Anna Appel", NoteWritten, "The database's certificate had run out", &[]);
    scene.say(24 * 3_600, "Anna Appel", IncidentResolved, "Checkout answers with 502", &[]);
    scene.say(24 * 3_600 + 60, "Anna Appel", RunEnded, "completed", &[]);
    let at = |seconds| Some(scene.at(seconds));
    scene
        .change(|incident| {
            (incident.acknowledged_at, incident.mitigated_at) = (at(190), at(960));
            incident.resolved_at = at(24 * 3_600);
            incident.commander = Some(("anna appel".to_owned(), "Anna Appel".to_owned()));
        })
        .await;
    scene.message(360, "First message", DeliveryState::Delivered, None).await;
    scene
}

/// One that goes on.
pub(super) async fn going() -> Scene {
    use EventKind::*;
    let scene = Scene::new("Checkout is slow", 38, channels()).await;
    let run = scene.run().await;
    scene.say(4, "alertmanager", AlertFired, "CheckoutLatency", &["severity=warning"]);
    scene.say(300, "Olga Berg", IncidentAcknowledged, "Checkout is slow", &[]);
    for index in 0..40 {
        let effect = if index % 7 == 6 { Effect::Change } else { Effect::Read };
        let result = if index == 13 { OutcomeResult::Failed } else { OutcomeResult::Passed };
        let who = if index % 3 == 0 { "Otto Operator" } else { "Olga Berg" };
        scene
            .ran(
                400 + index * 41,
                who,
                &run,
                "1",
                Ran("Look at the pods", effect, 5 + index % 4 * 20, result, "shop-1 Running\n"),
            )
            .await;
    }
    scene
        .change(|incident| incident.acknowledged_at = Some(incident.started_at + SignedDuration::from_secs(300)))
        .await;
    scene.message(900, "First message", DeliveryState::Delivered, None).await;
    scene.message(1_800, "Update", DeliveryState::Unknown, Some("perhaps delivered: no answer came")).await;
    scene.message(1_900, "To the customers", DeliveryState::Failed, Some("not taken: no such channel")).await;
    scene.message(2_200, "Update", DeliveryState::Sending, None).await;
    scene
}

/// One whose every word tries to break out of its place.
pub(super) async fn hostile() -> Scene {
    use EventKind::*;
    let bad = "</title></text></pre></textarea><script>alert(1)</script>\"'><b>it</b>";
    let scene = Scene::new(bad, 90, channels()).await;
    let run = scene.run().await;
    scene.say(4, "alertmanager", AlertFired, bad, &[bad]);
    scene.say(5, bad, NoteWritten, bad, &[]);
    scene.say(6, bad, MessageIntent, bad, &[bad, "many\nlines\n</pre><script>alert(2)</script>"]);
    scene.ran(8, bad, &run, "1", Ran(bad, Effect::Destroy, 60, OutcomeResult::Unknown, bad)).await;
    scene
        .change(|incident| {
            incident.affected = bad.to_owned();
            incident.latest_update = bad.to_owned();
            incident.severity = Some(bad.to_owned());
            incident.environment = Some(EnvironmentName(bad.to_owned()));
        })
        .await;
    let message = scene.message(9, bad, DeliveryState::Failed, Some(bad)).await;
    let mut message = scene.portal.memory.message(message).await.unwrap().unwrap();
    (message.subject, message.text, message.channel) = (bad.to_owned(), bad.to_owned(), bad.to_owned());
    scene.portal.memory.keep_message(&message).await.unwrap();
    scene
}
