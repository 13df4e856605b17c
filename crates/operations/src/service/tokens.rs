//! Access tokens: make, list, revoke, and what one opens.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{IncomingAlert, Operations, Received, locked, permit, signature};
use crate::token::{self, TokenText, TokensOf};
use crate::{
    Access, Actor, Caller, Error, EventKind, KnownPerson, MadeToken, Permission, Person, Scope, Scopes, Token,
    TokenDigest, TokenId, TokenKind, TokenOwner, TokenRefused, TokenState, TokenWish,
};

/// How long a page may take to show a text that was made for it.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// Texts that wait to be shown: for whom, and since when. They are nowhere else, and gone when they were shown.
pub(super) type Fresh = HashMap<TokenId, (String, TokenText, Timestamp)>;

impl Operations {
    /// Makes a token whose text the maker's next page shows, by [`Operations::show_token`].
    ///
    /// # Errors
    /// As [`Operations::make_token`].
    pub async fn make_token_to_show(&self, caller: &Caller, wish: TokenWish) -> Result<TokenId, Error> {
        let MadeToken { token, text } = self.make_token(caller, wish).await?;
        let mut fresh = locked(&self.rooms.fresh_tokens);
        fresh.retain(|_, (_, _, since)| token.made_at.duration_since(*since) < SHOWN_WITHIN);
        fresh.insert(token.id, (caller.person.subject.clone(), text, token.made_at));
        Ok(token.id)
    }

    /// The text of a token that the caller has just made; once.
    #[must_use]
    pub fn show_token(&self, caller: &Caller, id: TokenId) -> Option<TokenText> {
        let now = self.rooms.now();
        let mut fresh = locked(&self.rooms.fresh_tokens);
        fresh.retain(|_, (_, _, since)| now.duration_since(*since) < SHOWN_WITHIN);
        fresh.get(&id).filter(|(subject, ..)| *subject == caller.person.subject)?;
        fresh.remove(&id).map(|(_, text, _)| text)
    }

    /// Makes a token. Its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where somebody else than an administrator makes one of a service, [`Error::Invalid`] where the
    /// wish goes beyond the maker's role or cannot be, [`Error::Conflict`] where there are enough or the maker's role is
    /// not known to be what their session says, [`Error::Audit`], [`Error::Store`].
    pub async fn make_token(&self, caller: &Caller, wish: TokenWish) -> Result<MadeToken, Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move { this.make_token_whole(&caller, wish).await }).await
    }

    async fn make_token_whole(&self, caller: &Caller, wish: TokenWish) -> Result<MadeToken, Error> {
        match wish.kind {
            TokenKind::Personal => permit(caller, Permission::View)?,
            TokenKind::Service => self.permit(caller, Permission::ManageTokens, "make a service token").await?,
        }
        let role = wish.role.unwrap_or(caller.person.role);
        let scopes = checked(&wish, role, &caller.person)?;
        let now = self.rooms.now();
        let lasts = SignedDuration::from_hours(24 * i64::from(wish.days));
        let expires_at = now.checked_add(lasts).map_err(|error| Error::Invalid(error.to_string()))?;
        let (of, most) = match wish.kind {
            TokenKind::Personal => (TokensOf::Person(caller.person.subject.clone()), token::MOST_OF_ONE),
            TokenKind::Service => (TokensOf::Services, token::MOST_OF_SERVICES),
        };
        // Two makers at once could both find the last free place; and who is known to have no role, or another, makes none.
        let _alone = self.rooms.making_tokens.lock().await;
        let KnownPerson { subject, name, at: seen_at, .. } = self.as_known(caller).await?;
        let owner = match wish.kind {
            TokenKind::Personal => TokenOwner::Person { subject, name, role: caller.person.role, seen_at },
            TokenKind::Service => TokenOwner::Service,
        };
        if let Ok(before) = now.checked_sub(token::REMEMBERED) {
            self.rooms.tokens.forget(before).await?;
        }
        let known = self.rooms.tokens.tokens(&of).await?;
        let working = known.iter().filter(|one| matches!(one.state(now), TokenState::Live | TokenState::Resting));
        if working.count() >= most {
            return Err(Error::Conflict(format!(
                "There are {most} such tokens already. Revoke one that nobody needs."
            )));
        }
        let text = TokenText::random();
        let token = Token {
            id: TokenId(Uuid::now_v7()),
            name: wish.name,
            owner,
            scopes,
            role,
            made_by: signature(caller),
            made_at: now,
            expires_at,
            revoked_at: None,
            used_at: None,
        };
        let days = if wish.days == 1 { "1 day".to_owned() } else { format!("{} days", wish.days) };
        let summary = format!("{}, as {} for {days}: {}", titled(&token), role.word(), token.scopes);
        self.record(EventKind::TokenMade, Actor::from(caller), &summary).await?;
        self.rooms.tokens.keep(&token, &text.digest()).await?;
        Ok(MadeToken { token, text })
    }

    /// The caller's own tokens, and for administrators everybody's: own, services', other people's.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn tokens(&self, caller: &Caller) -> Result<Tokens, Error> {
        permit(caller, Permission::View)?;
        let subject = &caller.person.subject;
        let own = self.rooms.tokens.tokens(&TokensOf::Person(subject.clone())).await?;
        if permit(caller, Permission::ManageTokens).is_err() {
            return Ok(Tokens { own, services: Vec::new(), others: Vec::new() });
        }
        let services = self.rooms.tokens.tokens(&TokensOf::Services).await?;
        let mut others = self.rooms.tokens.tokens(&TokensOf::People).await?;
        others.retain(|one| !is_of(one, subject));
        Ok(Tokens { own, services, others })
    }

    /// Ends a token, for good. Its owner may, and administrators.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Conflict`] where it was revoked already, [`Error::Audit`],
    /// [`Error::Store`].
    pub async fn revoke_token(&self, caller: &Caller, id: TokenId) -> Result<(), Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move { this.revoke_token_whole(&caller, id).await }).await
    }

    async fn revoke_token_whole(&self, caller: &Caller, id: TokenId) -> Result<(), Error> {
        permit(caller, Permission::View)?;
        let found = self.rooms.tokens.token(id).await?;
        if !found.as_ref().is_some_and(|one| is_of(one, &caller.person.subject)) {
            // Whether there is such a token is nobody else's business.
            self.permit(caller, Permission::ManageTokens, "revoke a token").await?;
        }
        let token = found.ok_or(Error::NotFound("This token"))?;
        let gone = || Error::Conflict("This token was revoked already.".to_owned());
        if token.revoked_at.is_some() {
            return Err(gone());
        }
        self.record(EventKind::TokenRevoked, Actor::from(caller), &titled(&token)).await?;
        if self.rooms.tokens.revoke(id, self.rooms.now()).await? { Ok(()) } else { Err(gone()) }
    }

    /// What a token opens that a program shows, coming from this address.
    ///
    /// # Errors
    /// [`TokenRefused`].
    pub async fn open_with_token(&self, shown: &str, address: Option<IpAddr>) -> Result<Access, TokenRefused> {
        let digest = TokenDigest::of_shown(shown).ok_or(TokenRefused::Unknown)?;
        let token = self.rooms.tokens.by_digest(&digest).await?.ok_or(TokenRefused::Unknown)?;
        let now = self.rooms.now();
        let refused = match token.state(now) {
            TokenState::Live => None,
            TokenState::Resting => Some(TokenRefused::Resting),
            TokenState::Expired => Some(TokenRefused::Expired),
            TokenState::Revoked => Some(TokenRefused::Revoked),
        };
        if let Some(reason) = refused {
            // Not in the trail: whoever holds one that is worth nothing any more could fill it.
            tracing::warn!(token = %token.id, name = token.name, ?reason, "an access token was refused");
            return Err(reason);
        }
        if token.used_at.is_none_or(|used| now.duration_since(used) >= token::USE_STEP)
            && let Err(error) = self.rooms.tokens.used(token.id, now).await
        {
            tracing::warn!(token = %token.id, error = &error as &dyn std::error::Error, "a token's use was not noted");
        }
        let caller = Caller { person: token.person(), address };
        let service = matches!(token.owner, TokenOwner::Service).then_some(token.name);
        Ok(Access { id: token.id, caller, scopes: token.scopes, service })
    }

    /// Takes what a monitoring system tells that has a service token.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where this is none that brings alerts ([`Access::alert_source`]) or its role runs nothing, and as
    /// [`Operations::receive_alerts`].
    pub async fn receive_alerts_by_token(
        &self,
        access: &Access,
        alerts: Vec<IncomingAlert>,
    ) -> Result<Vec<Received>, Error> {
        let source = access.alert_source().ok_or(Error::Forbidden(Permission::Run))?;
        self.permit(&access.caller, Permission::Run, "bring alerts").await?;
        self.receive_alerts(&source, None, alerts).await
    }

    /// Writes down that a program asked for what its token is not for.
    ///
    /// # Errors
    /// [`Error::Audit`].
    pub async fn refuse_scope(&self, access: &Access, scope: Scope) -> Result<(), Error> {
        let summary = format!("Refused to go on: the token has no scope `{}`", scope.word());
        self.record(EventKind::AccessRefused, Actor::from(&access.caller), &summary).await
    }

    /// Ends every token of a person that works, or could again.
    pub(super) async fn end_tokens_of(&self, subject: &str, now: Timestamp) -> Result<(), Error> {
        let tokens = self.rooms.tokens.tokens(&TokensOf::Person(subject.to_owned())).await?;
        for token in tokens.iter().filter(|one| matches!(one.state(now), TokenState::Live | TokenState::Resting)) {
            let summary = format!("{}: its owner has no role here any more", titled(token));
            self.record(EventKind::TokenRevoked, Actor::portal(), &summary).await?;
            self.rooms.tokens.revoke(token.id, now).await?;
        }
        Ok(())
    }
}

/// The tokens that somebody may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Their own.
    pub own: Vec<Token>,
    /// The services', for administrators.
    pub services: Vec<Token>,
    /// Other people's, for administrators.
    pub others: Vec<Token>,
}

fn is_of(token: &Token, person: &str) -> bool {
    matches!(&token.owner, TokenOwner::Person { subject, .. } if subject == person)
}

/// What the trail calls a token.
fn titled(token: &Token) -> String {
    match &token.owner {
        TokenOwner::Person { name, .. } => format!("{} of {name}", token.name),
        TokenOwner::Service => format!("{} (service)", token.title()),
    }
}

/// The scopes of a wish that may come true.
fn checked(wish: &TokenWish, role: crate::Role, maker: &Person) -> Result<Scopes, Error> {
    let invalid = |text: String| Err(Error::Invalid(text));
    if !token::is_name(&wish.name) {
        return invalid(
            "A token's name has 1 to 40 letters, digits, `-`, `_` and `.`: it stands in the history.".to_owned(),
        );
    }
    if !(1..=token::LONGEST_DAYS).contains(&wish.days) {
        return invalid(format!("A token lasts 1 to {} days.", token::LONGEST_DAYS));
    }
    if role > maker.role {
        return invalid(format!("A token has at most the role of whoever makes it: yours is {}.", maker.role.word()));
    }
    if let Some(scope) = wish.scopes.iter().find(|scope| !role.permits(scope.needs())) {
        let (scope, role) = (scope.word(), role.word());
        return invalid(format!("The scope `{scope}` is of no use to a token with the role {role}: leave it out."));
    }
    if wish.kind == TokenKind::Personal && wish.scopes.contains(&Scope::Alerts) {
        return invalid(
            "Alerts are brought by service tokens: a person's rests while they are away. Leave the scope `alerts` out, or \
             let an administrator make a service token."
                .to_owned(),
        );
    }
    Scopes::new(wish.scopes.iter().copied())
        .ok_or_else(|| Error::Invalid("Choose at least one scope: what the token is for.".to_owned()))
}
