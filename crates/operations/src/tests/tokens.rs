//! Access tokens through the front door: who makes which, what they open, and until when.

use std::sync::Arc;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

use super::fakes::{Bench, bench_at, person};
use crate::token::{ABSENCE, MOST_OF_ONE};
use crate::*;

fn wish(name: &str, scopes: &[Scope]) -> TokenWish {
    TokenWish { name: name.to_owned(), kind: TokenKind::Personal, scopes: scopes.to_vec(), role: None, days: 90 }
}

fn service(name: &str) -> TokenWish {
    TokenWish { kind: TokenKind::Service, role: Some(Role::Operator), ..wish(name, &[Scope::Read, Scope::Run]) }
}

/// A bench whose clock the test sets, at which somebody of each role has signed in.
async fn timed() -> (Bench, Arc<Mutex<Timestamp>>) {
    let now = Arc::new(Mutex::new(Timestamp::from_second(1_800_000_000).unwrap()));
    let clock = now.clone();
    let bench = bench_at(Arc::new(move || *clock.lock().unwrap()));
    for role in Role::ALL {
        bench.operations.person_signed_in(&person(role).person).await.unwrap();
    }
    (bench, now)
}

fn later(now: &Mutex<Timestamp>, by: SignedDuration) {
    let mut now = now.lock().unwrap();
    *now = now.checked_add(by).unwrap();
}

async fn open(bench: &Bench, made: &MadeToken) -> Result<Access, TokenRefused> {
    bench.operations.open_with_token(made.text.expose(), None).await
}

#[tokio::test]
async fn a_token_acts_for_its_owner_and_the_trail_says_so_and_never_its_text() {
    let (bench, _) = timed().await;
    let ada = person(Role::Operator);
    let made = bench.operations.make_token(&ada, wish("ci", &[Scope::Read])).await.unwrap();
    let access = open(&bench, &made).await.unwrap();
    assert_eq!(access.caller.person.name, "Some operator (token ci)");
    assert_eq!((access.caller.person.subject.as_str(), access.caller.person.role), ("operator", Role::Operator));
    assert!(access.scopes.hold(Scope::Read) && !access.scopes.hold(Scope::Run));
    bench.operations.revoke_token(&ada, made.token.id).await.unwrap();
    assert!(matches!(open(&bench, &made).await, Err(TokenRefused::Revoked)));
    assert!(matches!(bench.operations.revoke_token(&ada, made.token.id).await, Err(Error::Conflict(_))));
    assert_eq!(bench.kinds(), [EventKind::TokenMade, EventKind::TokenRevoked]);
    let told = format!("{:?} {made:?} {:?}", bench.store.events.lock().unwrap(), bench.store.tokens.lock().unwrap());
    assert!(!told.contains(&made.text.expose()[4..]), "{told}");
    assert!(told.contains("ci of Some operator, as operator for 90 days: read"), "{told}");
}

#[tokio::test]
async fn nothing_is_wished_for_beyond_the_makers_role() {
    let (bench, _) = timed().await;
    let make = async |role, wish| bench.operations.make_token(&person(role), wish).await.map(drop);
    make(Role::Viewer, wish("look", &[Scope::Read])).await.unwrap();
    make(Role::Admin, service("deploys")).await.unwrap();
    let admins = TokenWish { role: Some(Role::Admin), ..wish("up", &[Scope::Read]) };
    let viewers = TokenWish { role: Some(Role::Viewer), ..wish("down", &[Scope::Run]) };
    for (role, wish, why) in [
        (Role::Viewer, wish("run", &[Scope::Run]), "`run` is of no use"),
        (Role::Operator, admins, "yours is operator"),
        (Role::Admin, viewers, "with the role viewer"),
        (Role::Operator, wish("none", &[]), "at least one scope"),
        (Role::Admin, wish("mine", &[Scope::Read, Scope::Alerts]), "brought by service tokens"),
        (Role::Operator, TokenWish { days: 366, ..wish("old", &[Scope::Read]) }, "1 to 365 days"),
        (Role::Operator, TokenWish { days: 0, ..wish("new", &[Scope::Read]) }, "1 to 365 days"),
        (Role::Operator, wish("", &[Scope::Read]), "1 to 40"),
        (Role::Operator, wish("a) (token b", &[Scope::Read]), "1 to 40"),
        (Role::Operator, wish(&"n".repeat(41), &[Scope::Read]), "1 to 40"),
    ] {
        let refused = make(role, wish).await;
        assert!(matches!(&refused, Err(Error::Invalid(text)) if text.contains(why)), "{why}: {refused:?}");
    }
    let refused = make(Role::Approver, service("deploys")).await;
    assert!(matches!(refused, Err(Error::Forbidden(Permission::ManageTokens))), "{refused:?}");
    assert_eq!(bench.kinds(), [EventKind::TokenMade, EventKind::TokenMade, EventKind::AccessRefused]);
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_rests_when_its_owner_is_away() {
    let (bench, now) = timed().await;
    let ada = person(Role::Approver);
    let year =
        bench.operations.make_token(&ada, TokenWish { days: 365, ..wish("year", &[Scope::Read]) }).await.unwrap();
    let day = bench.operations.make_token(&ada, TokenWish { days: 1, ..wish("day", &[Scope::Read]) }).await.unwrap();
    let machine = bench.operations.make_token(&person(Role::Admin), service("deploys")).await.unwrap();
    later(&now, SignedDuration::from_hours(24));
    assert!(matches!(open(&bench, &day).await, Err(TokenRefused::Expired)));
    assert_eq!(open(&bench, &year).await.unwrap().caller.person.role, Role::Approver);

    // Who signs in with another role takes it away from their tokens, and gives back no more than they had.
    for (role, acts) in [(Role::Viewer, Role::Viewer), (Role::Admin, Role::Approver)] {
        bench.operations.person_signed_in(&Person { role, ..ada.person.clone() }).await.unwrap();
        assert_eq!(open(&bench, &year).await.unwrap().caller.person.role, acts);
    }
    later(&now, ABSENCE);
    assert!(matches!(open(&bench, &year).await, Err(TokenRefused::Resting)));
    let access = open(&bench, &machine).await.unwrap();
    let (subject, id) = (access.caller.person.subject, machine.token.id.to_string());
    assert_eq!((subject.clone(), access.caller.person.role), (format!("token:deploys:{}", &id[28..]), Role::Operator));
    assert!(crate::is_reserved(&subject), "no person can be it");
    let twin = bench.operations.make_token(&person(Role::Admin), service("deploys")).await.unwrap();
    assert_ne!(open(&bench, &twin).await.unwrap().caller.person.subject, subject, "two tokens are two actors");
    bench.operations.person_signed_in(&ada.person).await.unwrap();
    open(&bench, &year).await.unwrap();
}

#[tokio::test]
async fn whoever_has_no_role_any_more_has_no_tokens_any_more() {
    let (bench, _) = timed().await;
    let ada = person(Role::Approver);
    let mut theirs = Vec::new();
    for name in ["one", "two"] {
        theirs.push(bench.operations.make_token(&ada, wish(name, &[Scope::Read])).await.unwrap());
    }
    let ottos = bench.operations.make_token(&person(Role::Operator), wish("ottos", &[Scope::Read])).await.unwrap();
    let machine = bench.operations.make_token(&person(Role::Admin), service("deploys")).await.unwrap();
    let before = bench.kinds().len();
    for _ in 0..2 {
        bench.operations.person_has_no_role(&ada.person.subject, &ada.person.name).await.unwrap();
    }
    for token in &theirs {
        assert!(matches!(open(&bench, token).await, Err(TokenRefused::Revoked)));
    }
    for token in [&ottos, &machine] {
        open(&bench, token).await.unwrap();
    }
    assert_eq!(bench.kinds()[before..], [EventKind::TokenRevoked; 2]);
    // A role that they get again gives no token back.
    bench.operations.person_signed_in(&ada.person).await.unwrap();
    assert!(matches!(open(&bench, &theirs[0]).await, Err(TokenRefused::Revoked)));
}

#[tokio::test]
async fn making_a_token_is_no_sign_in() {
    let (bench, now) = timed().await;
    let (ada, root) = (person(Role::Approver), person(Role::Admin));
    later(&now, ABSENCE - SignedDuration::from_hours(1));
    let made = bench.operations.make_token(&ada, wish("late", &[Scope::Read])).await.unwrap();
    open(&bench, &made).await.unwrap();
    later(&now, SignedDuration::from_hours(1));
    assert!(matches!(open(&bench, &made).await, Err(TokenRefused::Resting)), "nobody has seen them since");

    // Sessions that began before their people lost their role, or got another one.
    bench.operations.person_has_no_role("approver", "Ada").await.unwrap();
    bench.operations.person_signed_in(&Person { role: Role::Viewer, ..root.person.clone() }).await.unwrap();
    let stranger = Caller { person: Person { subject: "new".to_owned(), ..ada.person.clone() }, address: None };
    for (caller, wish) in [
        (&ada, wish("again", &[Scope::Read])),
        (&root, wish("mine", &[Scope::Read])),
        (&root, service("deploys")),
        (&stranger, wish("first", &[Scope::Read])),
    ] {
        let refused = bench.operations.make_token(caller, wish).await;
        assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("in again")), "{refused:?}");
    }
    assert_eq!(bench.store.tokens.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_last_use_is_written_once_a_minute() {
    let (bench, now) = timed().await;
    let made = bench.operations.make_token(&person(Role::Viewer), wish("look", &[Scope::Read])).await.unwrap();
    let used = || bench.store.tokens.lock().unwrap()[0].0.used_at;
    assert_eq!(used(), None);
    open(&bench, &made).await.unwrap();
    let first = used();
    assert_eq!(first, Some(*now.lock().unwrap()));
    later(&now, SignedDuration::from_secs(59));
    open(&bench, &made).await.unwrap();
    assert_eq!(used(), first);
    later(&now, SignedDuration::from_secs(1));
    open(&bench, &made).await.unwrap();
    assert_ne!(used(), first);
}

#[tokio::test]
async fn people_see_and_end_their_own_tokens_and_administrators_all() {
    let (bench, _) = timed().await;
    let (otto, ada, root) = (person(Role::Operator), person(Role::Approver), person(Role::Admin));
    let ottos = bench.operations.make_token(&otto, wish("ottos", &[Scope::Read])).await.unwrap().token;
    let roots = bench.operations.make_token(&root, wish("roots", &[Scope::Read])).await.unwrap().token;
    let machine = bench.operations.make_token(&root, service("deploys")).await.unwrap().token;
    let seen = bench.operations.tokens(&ada).await.unwrap();
    assert!(seen.own.is_empty() && seen.services.is_empty() && seen.others.is_empty());
    let seen = bench.operations.tokens(&root).await.unwrap();
    assert_eq!((seen.own, seen.services, seen.others), (vec![roots], vec![machine.clone()], vec![ottos.clone()]));
    for id in [ottos.id, machine.id, TokenId(uuid::Uuid::now_v7())] {
        let refused = bench.operations.revoke_token(&ada, id).await;
        assert!(matches!(refused, Err(Error::Forbidden(Permission::ManageTokens))), "{refused:?}");
    }
    bench.operations.revoke_token(&otto, ottos.id).await.unwrap();
    bench.operations.revoke_token(&root, machine.id).await.unwrap();
    let nothing = bench.operations.revoke_token(&root, TokenId(uuid::Uuid::now_v7())).await;
    assert!(matches!(nothing, Err(Error::NotFound(_))), "{nothing:?}");
}

#[tokio::test]
async fn a_text_is_shown_once_to_its_maker_and_soon() {
    let (bench, now) = timed().await;
    let (ada, otto) = (person(Role::Approver), person(Role::Operator));
    let id = bench.operations.make_token_to_show(&ada, wish("ci", &[Scope::Read])).await.unwrap();
    assert_eq!(bench.operations.show_token(&otto, id), None);
    let text = bench.operations.show_token(&ada, id).unwrap();
    assert_eq!(bench.operations.show_token(&ada, id), None);
    bench.operations.open_with_token(text.expose(), None).await.unwrap();
    let id = bench.operations.make_token_to_show(&ada, wish("late", &[Scope::Read])).await.unwrap();
    later(&now, SignedDuration::from_mins(2));
    assert_eq!(bench.operations.show_token(&ada, id), None);
}

#[tokio::test]
async fn nobody_has_more_tokens_than_they_can_oversee() {
    let (bench, now) = timed().await;
    let ada = person(Role::Operator);
    for number in 0..MOST_OF_ONE {
        bench.operations.make_token(&ada, wish(&format!("t{number}"), &[Scope::Read])).await.unwrap();
    }
    let refused = bench.operations.make_token(&ada, wish("more", &[Scope::Read])).await;
    assert!(matches!(&refused, Err(Error::Conflict(text)) if text.contains("Revoke one")), "{refused:?}");
    // Those whose time is long over are forgotten.
    later(&now, SignedDuration::from_hours(24 * 365));
    bench.operations.make_token(&ada, wish("more", &[Scope::Read])).await.unwrap();
    assert_eq!(bench.store.tokens.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn no_token_is_made_that_the_trail_does_not_know() {
    let (bench, _) = timed().await;
    bench.store.trail_is_broken.store(true, std::sync::atomic::Ordering::SeqCst);
    let made = bench.operations.make_token(&person(Role::Operator), wish("ci", &[Scope::Read])).await;
    assert!(matches!(made, Err(Error::Audit(_))), "{made:?}");
    assert!(bench.store.tokens.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_same_request_starts_a_run_once() {
    let (bench, _) = timed().await;
    let caller = person(Role::Operator);
    let token = TokenId(uuid::Uuid::now_v7());
    let shop = runbook::RunbookId::new("shop");
    let start = async |key: OnceKey, procedure: &str| {
        let procedure = runbook::ProcedureId::new(procedure);
        let environment = EnvironmentName("practice".to_owned());
        bench.operations.start_run_once(&caller, key, (&shop, &procedure), &environment, Default::default()).await
    };
    let key = OnceKey::new(token, "nightly-1");
    let Started::Now(run) = start(key, "restart").await.unwrap() else { panic!("nobody has started it") };
    assert_eq!(start(key, "restart").await.unwrap(), Started::Before(run));
    assert!(matches!(start(key, "recover").await, Err(Error::Invalid(text)) if text.contains("another key")));
    for other in [OnceKey::new(token, "nightly-2"), OnceKey::new(TokenId(uuid::Uuid::now_v7()), "nightly-1")] {
        assert!(matches!(start(other, "restart").await.unwrap(), Started::Now(_)));
    }
    assert_eq!(bench.kinds(), [EventKind::RunStarted; 3]);
}
