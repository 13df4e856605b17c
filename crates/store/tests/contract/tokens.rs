//! Access tokens of programs.

use operations::{Person, Role, Scope, Scopes, Token, TokenId, TokenOwner, TokenStore, TokenText, TokensOf};
use uuid::Uuid;

use crate::fixture::{Fixture, at};

fn token(name: &str, owner: Option<&str>) -> Token {
    let owner = match owner {
        None => TokenOwner::Service,
        Some(subject) => TokenOwner::Person {
            subject: subject.to_owned(),
            name: format!("{subject} Ops"),
            role: Role::Operator,
            seen_at: at(1),
        },
    };
    Token {
        id: TokenId(Uuid::now_v7()),
        name: name.to_owned(),
        owner,
        scopes: Scopes::new([Scope::Run, Scope::Read]).unwrap(),
        role: Role::Approver,
        made_by: ("sub-9".to_owned(), "Root \"Admin\"".to_owned()),
        made_at: at(2),
        expires_at: at(1000),
        revoked_at: None,
        used_at: None,
    }
}

async fn keep(fixture: &Fixture, token: &Token) -> TokenText {
    let text = TokenText::random();
    fixture.store.keep(token, &text.digest()).await.unwrap();
    text
}

async fn names(fixture: &Fixture, of: TokensOf) -> Vec<String> {
    fixture.store.tokens(&of).await.unwrap().into_iter().map(|token| token.name).collect()
}

pub(crate) async fn a_token_comes_back_as_it_was_made(fixture: &Fixture) {
    let store = &fixture.store;
    for mut token in [token("ci", Some("sub-1")), token("deploys", None)] {
        let text = keep(fixture, &token).await;
        assert_eq!(store.by_digest(&text.digest()).await.unwrap(), Some(token.clone()));
        assert_eq!(store.token(token.id).await.unwrap(), Some(token.clone()));
        store.used(token.id, at(7)).await.unwrap();
        token.used_at = Some(at(7));
        assert_eq!(store.token(token.id).await.unwrap(), Some(token));
    }
    assert_eq!(store.by_digest(&TokenText::random().digest()).await.unwrap(), None);
    assert_eq!(store.token(TokenId(Uuid::now_v7())).await.unwrap(), None);
}

pub(crate) async fn lists_are_by_owner_and_newest_first(fixture: &Fixture) {
    let old = token("old", Some("sub-1"));
    keep(fixture, &old).await;
    for token in [token("new", Some("sub-1")), token("other", Some("sub-2")), token("deploys", None)] {
        keep(fixture, &token).await;
    }
    assert_eq!(names(fixture, TokensOf::Person("sub-1".to_owned())).await, ["new", "old"]);
    assert_eq!(names(fixture, TokensOf::People).await, ["other", "new", "old"]);
    assert_eq!(names(fixture, TokensOf::Services).await, ["deploys"]);
    assert_eq!(names(fixture, TokensOf::Person("deploys".to_owned())).await, [""; 0]);
    let new = fixture.store.tokens(&TokensOf::Person("sub-1".to_owned())).await.unwrap()[0].id;
    fixture.store.revoke(new, at(9)).await.unwrap();
    assert_eq!(names(fixture, TokensOf::Person("sub-1".to_owned())).await, ["old", "new"], "what works comes first");
}

pub(crate) async fn a_token_is_revoked_once(fixture: &Fixture) {
    let token = token("ci", Some("sub-1"));
    let text = keep(fixture, &token).await;
    assert!(fixture.store.revoke(token.id, at(8)).await.unwrap());
    assert!(!fixture.store.revoke(token.id, at(9)).await.unwrap());
    assert!(!fixture.store.revoke(TokenId(Uuid::now_v7()), at(9)).await.unwrap());
    let revoked = Token { revoked_at: Some(at(8)), ..token };
    assert_eq!(fixture.store.by_digest(&text.digest()).await.unwrap(), Some(revoked));
}

pub(crate) async fn what_is_known_of_an_owner_reaches_their_tokens_alone(fixture: &Fixture) {
    let (ones, twos, machine) = (token("one", Some("sub-1")), token("two", Some("sub-2")), token("deploys", None));
    for token in [&ones, &twos, &machine] {
        keep(fixture, token).await;
    }
    let person =
        Person { subject: "sub-1".to_owned(), name: "Olga \0 Berg".to_owned(), email: None, role: Role::Viewer };
    fixture.store.owner_seen(&person, at(50)).await.unwrap();
    let owner = TokenOwner::Person {
        subject: "sub-1".to_owned(),
        name: "Olga \u{2400} Berg".to_owned(),
        role: Role::Viewer,
        seen_at: at(50),
    };
    assert_eq!(fixture.store.token(ones.id).await.unwrap(), Some(Token { owner, ..ones }));
    assert_eq!(fixture.store.token(twos.id).await.unwrap(), Some(twos));
    assert_eq!(fixture.store.token(machine.id).await.unwrap(), Some(machine));
}

pub(crate) async fn ended_tokens_are_forgotten(fixture: &Fixture) {
    let live = token("live", None);
    let expired = Token { expires_at: at(10), ..token("expired", None) };
    let revoked = token("revoked", None);
    for token in [&live, &expired, &revoked] {
        keep(fixture, token).await;
    }
    fixture.store.revoke(revoked.id, at(20)).await.unwrap();
    fixture.store.forget(at(10)).await.unwrap();
    assert_eq!(names(fixture, TokensOf::Services).await, ["expired", "live", "revoked"]);
    fixture.store.forget(at(11)).await.unwrap();
    assert_eq!(names(fixture, TokensOf::Services).await, ["live", "revoked"]);
    fixture.store.forget(at(21)).await.unwrap();
    assert_eq!(names(fixture, TokensOf::Services).await, ["live"]);
}

pub(crate) async fn columns_are_tied(fixture: &Fixture) {
    let good = token("ci", Some("sub-1"));
    let text = keep(fixture, &good).await;
    let again = fixture.store.keep(&token("other", None), &text.digest()).await;
    assert_eq!(again.unwrap_err().operation, "keep a token", "one text, one token");
    let endless = Token { expires_at: at(2), ..token("never", None) };
    assert!(fixture.store.keep(&endless, &TokenText::random().digest()).await.is_err(), "it ends before it begins");
    for change in ["owner_role = NULL", "owner_subject = NULL", "role = 'owner'", "digest = 'short'", "scopes = ''"] {
        assert!(fixture.raw(&format!("UPDATE access_token SET {change}")).await.is_err(), "{change}");
    }
    // Nothing that is kept opens anything.
    let sql = format!("SELECT count(*) FROM access_token WHERE digest LIKE '%{}%'", &text.expose()[4..]);
    assert_eq!(fixture.number(&sql).await, 0);
}
