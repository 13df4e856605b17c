use proptest::prelude::*;

use super::*;
use crate::tests::{id, read};

const START: i64 = 1_800_000_000;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(START + minute * 60).unwrap()
}

fn minutes(minutes: i64) -> Option<SignedDuration> {
    Some(SignedDuration::from_mins(minutes))
}

fn terms() -> Terms {
    let level = Level {
        name: "P1".to_owned(),
        rank: 1,
        description: String::new(),
        respond_within: minutes(30),
        escalate_after: minutes(60),
    };
    let rung = |name: &str, after, until| Rung {
        name: name.to_owned(),
        after,
        when: String::new(),
        who: String::new(),
        action: String::new(),
        levels: Vec::new(),
        regardless: Vec::new(),
        until,
    };
    let ladder = vec![
        rung("first", minutes(0), Until::Acknowledged),
        rung("second", minutes(5), Until::Acknowledged),
        Rung { levels: vec!["P2".to_owned()], ..rung("other", minutes(6), Until::Resolved) },
        rung("third", minutes(15), Until::Resolved),
        rung("vendor", None, Until::Decided),
    ];
    Terms { level: Some(level), ladder, update_every: minutes(20), own: None, since: None }
}

fn told(times: &Times, minute: i64) -> Vec<String> {
    let one = |deadline: Deadline| {
        let minute = |time: Timestamp| (time.as_second() - START) / 60;
        let state = match deadline.state {
            State::Running { tone } => format!("{tone:?}"),
            State::Met { at } => format!("met at {}", minute(at)),
            State::Missed { at } => format!("missed {:?}", at.map(minute)),
        };
        format!("{:?} {} {state}", deadline.what, minute(deadline.due))
    };
    deadlines(&terms(), times, at(minute)).into_iter().map(one).collect()
}

#[test]
fn tones_change_at_a_third_and_at_a_tenth() {
    let times = Times::started(at(0));
    assert_eq!(told(&times, 0), ["Update 20 Calm", "Respond 30 Calm", "Escalate 60 Calm"]);
    assert_eq!(told(&times, -5), ["Update 20 Calm", "Respond 30 Calm", "Escalate 60 Calm"], "a clock that goes slow");
    assert_eq!(told(&times, 20)[1], "Respond 30 Calm", "exactly a third is left");
    assert_eq!(told(&times, 21)[1], "Respond 30 Amber");
    assert_eq!(told(&times, 27)[1], "Respond 30 Amber", "exactly a tenth is left");
    assert_eq!(told(&times, 28)[1], "Respond 30 Red");
    assert_eq!(told(&times, 30)[1], "Respond 30 Red");
    assert_eq!(told(&times, 31)[1], "Respond 30 missed None");
}

#[test]
fn what_happened_meets_a_deadline_or_not() {
    let answered = Times { acknowledged: Some(at(10)), updated: Some(at(12)), ..Times::started(at(0)) };
    assert_eq!(told(&answered, 41), ["Respond 30 met at 10", "Update 32 missed None", "Escalate 60 Amber"]);
    let late = Times { acknowledged: Some(at(31)), mitigated: Some(at(61)), ..Times::started(at(0)) };
    assert_eq!(told(&late, 70), ["Update 20 missed None", "Respond 30 missed Some(31)", "Escalate 60 missed Some(61)"]);
    let solved = Times { resolved: Some(at(5)), ..Times::started(at(0)) };
    assert_eq!(told(&solved, 500), ["Respond 30 met at 5", "Escalate 60 met at 5"], "nobody is told any more");
}

#[test]
fn at_once_is_red_from_the_start() {
    let mut terms = terms();
    terms.level.as_mut().unwrap().respond_within = minutes(0);
    let state = |minute| deadlines(&terms, &Times::started(at(0)), at(minute))[0].state;
    assert_eq!(state(0), State::Running { tone: Tone::Red });
    assert_eq!(state(1), State::Missed { at: None });
}

fn called(terms: &Terms, times: &Times, minute: i64) -> String {
    let call = call(terms, times, at(minute));
    let next = call.next.map(|(rung, due)| format!("{} at {}", rung.name, (due.as_second() - START) / 60));
    let reached: Vec<&str> = call.reached.iter().map(|rung| rung.name.as_str()).collect();
    assert_eq!(call.now, call.reached.last().copied());
    format!("{} then {}", reached.join("+"), next.unwrap_or_default())
}

#[test]
fn one_after_the_other_is_called() {
    let terms = terms();
    let times = Times::started(at(0));
    assert_eq!(called(&terms, &times, 0), "first then second at 5");
    assert_eq!(called(&terms, &times, 5), "first+second then third at 15");
    assert_eq!(called(&terms, &times, 15), "first+second+third then ");
    let answered = Times { acknowledged: Some(at(3)), ..times };
    assert_eq!(called(&terms, &answered, 10), " then third at 15");
    assert_eq!(called(&terms, &Times { mitigated: Some(at(9)), ..answered }, 20), " then ");
    assert_eq!(called(&terms, &Times { resolved: Some(at(9)), ..times }, 20), " then ");
    let unknown = Terms { level: None, ..terms.clone() };
    assert_eq!(called(&unknown, &times, 5), "first+second then other at 6", "any level might be meant");
    let mut regardless = terms;
    regardless.ladder[1].regardless = vec!["P1".to_owned()];
    assert_eq!(called(&regardless, &answered, 10), "second then third at 15");
}

#[test]
fn a_ladder_without_times_takes_those_of_the_level() {
    let text = "## Levels\n\n| Level | Response | Escalation |\n|-|-|-|\n| P1 | 15 minutes | 1 hour |\n| P2 | 1 hour | |\n\n\
        ## On-Call Rotation\n\n- **Primary**: A\n- **Secondary**: B\n- **Escalation**: C\n\n## P2: Slow\n\n1. Look\n";
    let runbook = read(text);
    let terms = Terms::of(&runbook, None, Some("critical"));
    let times = Times::started(at(0));
    assert_eq!(called(&terms, &times, 0), "Primary then Secondary at 15");
    assert_eq!(called(&terms, &times, 15), "Primary+Secondary then Escalation at 60");
    let own = Terms::of(&runbook, Some(&id("p2-slow")), Some("critical"));
    assert_eq!(called(&own, &times, 15), "Primary then Secondary at 60", "the procedure's own level");
    let none = Terms::of(&runbook, None, None);
    assert_eq!(called(&none, &times, 500), "Primary then ");
}

#[test]
fn terms_are_kept_as_they_are() {
    let terms = terms();
    let kept = serde_json::to_value(&terms).unwrap();
    assert_eq!(kept["level"]["respond_within"], "PT30M");
    assert_eq!(kept["ladder"][4]["until"], "decided");
    assert_eq!(serde_json::from_value::<Terms>(kept).unwrap(), terms);
    let times: Times = serde_json::from_str(r#"{"started":"2026-01-01T00:00:00Z"}"#).unwrap();
    assert_eq!(times.resolved, None);
    let state = serde_json::to_value(State::Running { tone: Tone::Amber }).unwrap();
    assert_eq!(state["running"]["tone"], "amber");
}

fn rank(state: State) -> u8 {
    match state {
        State::Met { .. } => 0,
        State::Running { tone } => 1 + tone as u8,
        State::Missed { .. } => 9,
    }
}

proptest! {
    #[test]
    fn while_nothing_happens_tones_only_get_worse(span in 0_i64..40_000, moments in proptest::collection::vec(-5_000_i64..50_000, 2..20)) {
        let mut terms = terms();
        terms.level.as_mut().unwrap().respond_within = Some(SignedDuration::from_secs(span));
        let times = Times::started(at(0));
        let mut moments = moments;
        moments.sort_unstable();
        let mut before: Option<Vec<(What, u8)>> = None;
        for moment in moments {
            let now = Timestamp::from_second(START + moment).unwrap();
            let states: Vec<_> = deadlines(&terms, &times, now).iter().map(|one| (one.what, rank(one.state))).collect();
            if let Some(before) = before {
                for ((what, was), (same, is)) in before.iter().zip(&states) {
                    prop_assert!(what == same && was <= is);
                }
            }
            before = Some(states);
        }
    }

    #[test]
    fn any_times_are_judged(seconds in proptest::collection::vec(proptest::option::of(any::<i64>()), 5), now in any::<i64>(), span in any::<i64>()) {
        let time = |second: i64| Timestamp::from_second(second).unwrap_or(Timestamp::MIN);
        let times = Times {
            started: time(seconds[0].unwrap_or_default()),
            acknowledged: seconds[1].map(time),
            mitigated: seconds[2].map(time),
            resolved: seconds[3].map(time),
            updated: seconds[4].map(time),
        };
        let mut terms = terms();
        terms.ladder[1].after = Some(SignedDuration::from_secs(span));
        terms.update_every = Some(SignedDuration::from_secs(span));
        let found = deadlines(&terms, &times, time(now));
        prop_assert!(found.is_sorted_by_key(|deadline| deadline.due));
        prop_assert!(times.resolved.is_none() || call(&terms, &times, time(now)) == Call::default());
    }
}

#[test]
fn a_level_that_is_set_later_counts_from_then() {
    let raised = Terms { since: Some(at(40)), ..terms() };
    let due = |terms: &Terms, now| {
        let found = deadlines(terms, &Times::started(at(0)), at(now));
        let respond = found.into_iter().find(|deadline| deadline.what == What::Respond).unwrap();
        (respond.due, matches!(respond.state, State::Missed { .. }))
    };
    assert_eq!(due(&terms(), 41), (at(30), true));
    assert_eq!(due(&raised, 41), (at(70), false));
    let answered = Times { acknowledged: Some(at(5)), ..Times::started(at(0)) };
    let found = deadlines(&raised, &answered, at(41));
    assert!(found.iter().any(|one| one.what == What::Respond && one.state == State::Met { at: at(5) }), "{found:?}");
}
