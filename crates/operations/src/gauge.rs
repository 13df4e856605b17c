//! Numbers that are asked after again and again while somebody looks: one question for all who look, none when nobody
//! does, and fewer where nobody answers.
//!
//! What is asked passes the same adapters as the Run button, under the same checks of the environment. It only looks,
//! and it is nobody's action: the trail does not hold it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use command::Effect;
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use widget::{Answer, Reading, Subject, Trouble};

use crate::service::{Rooms, locked};
use crate::{Call, CardState, Environment, EnvironmentName, broker, look};

/// How long a subject is asked after when the last who looked has left: a reload does not begin anew.
const LINGER: Duration = Duration::from_secs(20);
/// The longest time between two questions that nobody answered.
const SELDOM: Duration = Duration::from_secs(120);
/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many calls of one environment are under way at once: some are processes of their own.
const AT_ONCE: usize = 4;
/// How long a call waits for its turn: one environment that does not answer holds up only its own cards.
const TURN: Duration = Duration::from_secs(30);
/// How many values a number's past has.
const PAST: usize = 60;
/// How many calls one subject may need: a list, and some of what is on it.
const CALLS: usize = 8;

/// A subject at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// How far to trust it.
    pub state: CardState,
    /// What was read last.
    pub readings: Vec<Reading>,
}

/// Everything that is asked after now.
pub(crate) struct Gauges {
    watched: Mutex<HashMap<(EnvironmentName, Subject), watch::Sender<Gauge>>>,
    permits: Mutex<HashMap<EnvironmentName, Arc<Semaphore>>>,
}

impl Gauges {
    pub(crate) fn new() -> Self {
        Self { watched: Mutex::default(), permits: Mutex::default() }
    }

    /// How many subjects are asked after.
    #[cfg(test)]
    pub(crate) fn watched(&self) -> usize {
        locked(&self.watched).len()
    }
}

/// Follows a subject. All who follow the same share its answers.
pub(crate) fn follow(rooms: &Arc<Rooms>, environment: &Arc<Environment>, subject: &Subject) -> watch::Receiver<Gauge> {
    let key = (environment.name.clone(), subject.clone());
    let mut watched = locked(&rooms.gauges.watched);
    if let Some(known) = watched.get(&key) {
        return known.subscribe();
    }
    let (sender, receiver) = watch::channel(Gauge { state: CardState::Loading, readings: Vec::new() });
    watched.insert(key.clone(), sender.clone());
    let keeper = Keeper { rooms: rooms.clone(), key, sender };
    // Where the task cannot start any more it is dropped here, and a keeper that is dropped takes this lock.
    drop(watched);
    rooms.tasks.spawn(keep(keeper, environment.clone()));
    receiver
}

/// Whoever asks after a subject; gone, nobody joins it any more, however it went.
struct Keeper {
    rooms: Arc<Rooms>,
    key: (EnvironmentName, Subject),
    sender: watch::Sender<Gauge>,
}

impl Keeper {
    /// Whether nobody looks any more; then nobody can join either.
    fn is_deserted(&self) -> bool {
        let mut watched = locked(&self.rooms.gauges.watched);
        let deserted = self.sender.receiver_count() == 0;
        if deserted {
            watched.remove(&self.key);
        }
        deserted
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let mut watched = locked(&self.rooms.gauges.watched);
        if watched.get(&self.key).is_some_and(|known| known.same_channel(&self.sender)) {
            watched.remove(&self.key);
        }
    }
}

/// Asks until nobody has looked for a while, or the portal stops.
async fn keep(keeper: Keeper, environment: Arc<Environment>) {
    let stop = keeper.rooms.shutdown.child_token();
    let asking = ask_until(&stop, &keeper, &environment);
    tokio::pin!(asking);
    loop {
        let deserted = async {
            keeper.sender.closed().await;
            tokio::time::sleep(LINGER).await;
        };
        tokio::select! {
            () = &mut asking => return,
            () = deserted => {}
        }
        if keeper.is_deserted() {
            // What it has begun elsewhere ends with it.
            stop.cancel();
            drop(tokio::time::timeout(look::GRACE, asking).await);
            return;
        }
    }
}

/// The past of each number, by card and number.
type Past = HashMap<(String, String), VecDeque<f64>>;

async fn ask_until(stop: &CancellationToken, keeper: &Keeper, environment: &Environment) {
    let Keeper { rooms, key: (_, subject), sender } = keeper;
    let usual = Duration::from_secs(subject.seconds_between());
    let mut wait = usual;
    let mut past = Past::new();
    let mut heard: Option<Timestamp> = None;
    while !stop.is_cancelled() {
        let asked = ask(rooms, environment, subject, stop).await;
        let now = rooms.now();
        let gauge = match asked {
            Ok(mut readings) => {
                wait = usual;
                heard = Some(now);
                remember(&mut past, &mut readings);
                Gauge { state: CardState::Fresh, readings }
            }
            // It may be made any moment.
            Err(Trouble::Absent(_)) => {
                wait = usual;
                Gauge { state: CardState::Absent, readings: Vec::new() }
            }
            Err(trouble) => {
                wait = (wait * 2).min(SELDOM);
                let (state, readings) = match (trouble, heard) {
                    (Trouble::Forbidden(why), _) => (CardState::Forbidden(why), Vec::new()),
                    (_, Some(since)) => (CardState::Stale(since), sender.borrow().readings.clone()),
                    (trouble, None) => (CardState::Unreachable(trouble.to_string()), Vec::new()),
                };
                Gauge { state, readings }
            }
        };
        sender.send_if_modified(|shown| {
            let is_news = *shown != gauge;
            *shown = gauge;
            is_news
        });
        stop.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
}

/// Gives each number its past, where the answer does not hold it.
fn remember(past: &mut Past, readings: &mut [Reading]) {
    let mut seen = Past::new();
    for reading in readings {
        for measure in reading.measures.iter_mut().filter(|measure| measure.series.is_empty()) {
            let key = (reading.name.clone(), measure.name.clone());
            let values = seen.entry(key.clone()).or_insert_with(|| past.remove(&key).unwrap_or_default());
            values.push_back(measure.value);
            while values.len() > PAST {
                values.pop_front();
            }
            measure.series = values.iter().copied().collect();
        }
    }
    // What is no longer there has no past.
    *past = seen;
}

async fn ask(
    rooms: &Rooms,
    environment: &Environment,
    subject: &Subject,
    stop: &CancellationToken,
) -> Result<Vec<Reading>, Trouble> {
    let now = rooms.now();
    let mut answers: Vec<Answer> = Vec::new();
    loop {
        let calls = subject.calls(&answers, now);
        if calls.is_empty() || answers.len() + calls.len() > CALLS {
            return subject.read(&answers, now);
        }
        for argv in calls {
            let answer = perform(rooms, environment, argv, stop).await;
            // The first answer is what the others go with; without one of those it can still be read.
            match (answers.is_empty(), answer) {
                (true, Ok(answer)) if answer.code != 0 => return subject.read(&[answer], now),
                (true, answer) => answers.push(answer?),
                (false, answer) => answers.push(answer.unwrap_or(Answer { code: 1, ..Answer::default() })),
            }
        }
    }
}

/// Whether an environment lets a subject be asked after at all; else why not.
pub(crate) fn permitted(rooms: &Rooms, environment: &Environment, subject: &Subject) -> Result<(), String> {
    subject.calls(&[], rooms.now()).into_iter().try_for_each(|argv| {
        let call = Call { argv, directory: "/".to_owned() };
        only_looks(rooms, environment, &call).map_err(|trouble| trouble.to_string())
    })
}

/// Whether an environment lets a call be made, and takes it for one that only looks.
pub(crate) fn only_looks(rooms: &Rooms, environment: &Environment, call: &Call) -> Result<(), Trouble> {
    let action = broker::understood(rooms, environment, call);
    let action = action.map_err(|refusal| Trouble::Forbidden(refusal.reason))?;
    match action.effect {
        Effect::Read => Ok(()),
        effect => Err(Trouble::Forbidden(format!("{} {} counts as {effect} here.", action.tool, action.verb))),
    }
}

async fn perform(
    rooms: &Rooms,
    environment: &Environment,
    argv: Vec<String>,
    stop: &CancellationToken,
) -> Result<Answer, Trouble> {
    let call = Call { argv, directory: "/".to_owned() };
    only_looks(rooms, environment, &call)?;
    let adapter = &rooms.adapters[call.tool()];
    let permits = {
        let mut permits = locked(&rooms.gauges.permits);
        permits.entry(environment.name.clone()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone()
    };
    let Ok(_permit) = tokio::time::timeout(TURN, permits.acquire()).await else {
        return Err(Trouble::Unreachable("Others of this environment are still waiting for their answers.".to_owned()));
    };
    look::look(&**adapter, environment, call.argv, PATIENCE, stop).await
}
