//! Access tokens: what programs show instead of a session, and the port that keeps them.
//!
//! A token is shown once, when it is made; what is kept is its SHA-256. It acts for its owner with at most the role that it
//! was made with, and never with more than the portal last knew the owner to have. The portal learns people's roles when
//! they sign in and at no other time ([`crate::people`]), so a personal token rests when its owner has not signed in for
//! [`ABSENCE`]: nobody who has left keeps a way in for longer than that. Making one is no sign-in: it knows no more of its
//! owner than was known before, and whoever is known to have no role, or another one than their session says, makes none.
//! A service token belongs to no person; administrators make and revoke it.

mod text;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use text::{TokenDigest, TokenText};

use crate::{Caller, Permission, Person, Role, StoreError};

/// How long a token lasts at most.
pub const LONGEST_DAYS: u16 = 365;
/// How long a personal token works after its owner's last sign-in: until then nobody knows whether they still have a role.
pub const ABSENCE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How often the time of a token's last use is written.
pub const USE_STEP: SignedDuration = SignedDuration::from_secs(60);
/// How long a token that has ended is still listed.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How many tokens that work one person may have, and how many there are of services.
pub const MOST_OF_ONE: usize = 20;
/// The same of all services together.
pub const MOST_OF_SERVICES: usize = 200;
/// The longest name, in characters.
const LONGEST_NAME: usize = 40;
/// How the subject of a service token begins.
const SERVICE: &str = "token:";
/// How much of its id tells a service token from others of its name, in hex digits.
const SHORT: usize = 8;

/// Names a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(pub Uuid);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TokenId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What a token may be used for. None of them includes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Look at runbooks, runs, output, incidents, statistics and history.
    Read,
    /// Start runs, press, stop, mark, claim, choose, roll back, close.
    Run,
    /// Open incidents, work on them, tell people, keep and share post-mortems.
    Incidents,
    /// Bring alerts. For service tokens alone: one of a person would rest while they are away, and monitoring must not.
    Alerts,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Run, Self::Incidents, Self::Alerts];

    /// The word in the database, on pages and in answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Run => "run",
            Self::Incidents => "incidents",
            Self::Alerts => "alerts",
        }
    }

    /// The inverse of [`Scope::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }

    /// What it lets a program do, for people.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Read => "look at runbooks, runs, output, incidents, statistics and history",
            Self::Run => "start runs, press Run, stop, mark, claim, choose, roll back and close",
            Self::Incidents => "open incidents, work on them, tell people, keep and share post-mortems",
            Self::Alerts => "bring alerts (service tokens only)",
        }
    }

    /// What the token's role must permit for this scope to mean anything.
    #[must_use]
    pub fn needs(self) -> Permission {
        match self {
            Self::Read => Permission::View,
            Self::Run | Self::Incidents | Self::Alerts => Permission::Run,
        }
    }
}

/// The scopes of a token; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Each once; `None` where there is none.
    #[must_use]
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Option<Self> {
        let scopes: BTreeSet<_> = scopes.into_iter().collect();
        (!scopes.is_empty()).then_some(Self(scopes))
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn hold(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }

    /// Reads what [`fmt::Display`] writes.
    #[must_use]
    pub fn from_words(words: &str) -> Option<Self> {
        let scopes: Option<Vec<_>> = words.split(' ').map(Scope::from_word).collect();
        Self::new(scopes?)
    }
}

impl fmt::Display for Scopes {
    /// The words with a space between, as OAuth writes scopes (RFC 6749, 3.3).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.word())?;
        }
        Ok(())
    }
}

/// For whom a token acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenOwner {
    /// The person who made it.
    Person {
        /// Their subject.
        subject: String,
        /// Their name at their last sign-in.
        name: String,
        /// Their role at their last sign-in.
        role: Role,
        /// When that was.
        seen_at: Timestamp,
    },
    /// No person.
    Service,
}

/// One token, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Names it.
    pub id: TokenId,
    /// What people call it: `ci`.
    pub name: String,
    /// For whom it acts.
    pub owner: TokenOwner,
    /// What it may be used for.
    pub scopes: Scopes,
    /// The role that it was made with.
    pub role: Role,
    /// Who made it (subject and name).
    pub made_by: (String, String),
    /// When.
    pub made_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When somebody ended it.
    pub revoked_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub used_at: Option<Timestamp>,
}

/// Whether a token works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// It does.
    Live,
    /// Its owner has not signed in for too long; it works again when they do.
    Resting,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

impl Token {
    /// Whether it works at this moment.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> TokenState {
        if self.revoked_at.is_some() {
            return TokenState::Revoked;
        }
        if now >= self.expires_at {
            return TokenState::Expired;
        }
        match &self.owner {
            TokenOwner::Person { seen_at, .. } if now.duration_since(*seen_at) >= ABSENCE => TokenState::Resting,
            TokenOwner::Person { .. } | TokenOwner::Service => TokenState::Live,
        }
    }

    /// The role that it acts with: its own, and no more than its owner's as far as that is known.
    #[must_use]
    pub fn acts_as(&self) -> Role {
        match &self.owner {
            TokenOwner::Person { role, .. } => self.role.min(*role),
            TokenOwner::Service => self.role,
        }
    }

    /// Who the trail says it was: the owner with the token's name, or the token itself.
    #[must_use]
    pub fn person(&self) -> Person {
        let (subject, name) = match &self.owner {
            TokenOwner::Person { subject, name, .. } => (subject.clone(), format!("{name} (token {})", self.name)),
            TokenOwner::Service => (format!("{SERVICE}{}", self.title()), format!("{} (service token)", self.title())),
        };
        Person { subject, name, email: None, role: self.acts_as() }
    }

    /// What tells it from others: a person's by its name, beside its owner's; a service's by its name and the end of its id,
    /// because two of one name are two actors: `ci:1f3a09bc`.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.owner {
            TokenOwner::Person { .. } => self.name.clone(),
            TokenOwner::Service => {
                let id = self.id.0.simple().to_string();
                // The end of it is random (RFC 9562, 5.7).
                format!("{}:{}", self.name, &id[id.len() - SHORT..])
            }
        }
    }
}

/// What a person asks for when they make a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenWish {
    /// What to call it.
    pub name: String,
    /// For whom it shall act.
    pub kind: TokenKind,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The role; the maker's own where it is not said.
    pub role: Option<Role>,
    /// For how many days, at most [`LONGEST_DAYS`].
    pub days: u16,
}

/// For whom a token shall act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// For whoever makes it.
    Personal,
    /// For no person.
    Service,
}

/// A token that was just made, with the text that nobody sees again.
#[derive(Clone, Debug)]
pub struct MadeToken {
    /// What is kept of it.
    pub token: Token,
    /// The text to show once.
    pub text: TokenText,
}

/// A token that was shown and works: on whose behalf, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Which one.
    pub id: TokenId,
    /// Who every use case is called by.
    pub caller: Caller,
    /// What it may be used for.
    pub scopes: Scopes,
    /// The token's name, where it is a service's; a person's token has none here.
    pub service: Option<String>,
}

impl Access {
    /// What a monitoring system with this token is called; `None` where it brings no alerts. A new token of the same name
    /// goes on where an old one ended: what fired under that is over under this.
    #[must_use]
    pub fn alert_source(&self) -> Option<String> {
        let name = self.service.as_deref().filter(|_| self.scopes.hold(Scope::Alerts))?;
        Some(format!("{SERVICE}{name}"))
    }
}

/// Why a token opens nothing. The text names the next step.
#[derive(Debug, thiserror::Error)]
pub enum TokenRefused {
    /// It is none of this portal's.
    #[error("This is no access token of this portal. Make one on its page /tokens.")]
    Unknown,
    /// Its time is over.
    #[error("This access token has expired. Make a new one on the portal's page /tokens.")]
    Expired,
    /// Somebody ended it.
    #[error("This access token was revoked. Make a new one on the portal's page /tokens.")]
    Revoked,
    /// Its owner has not been seen for too long.
    #[error(
        "The owner of this access token has not signed in for 30 days, so it rests. It works again when they sign in."
    )]
    Resting,
    /// The database failed.
    #[error(
        "The portal's database did not answer. Nothing was done. Try again; if it stays so, tell whoever runs this portal."
    )]
    Store(#[from] StoreError),
}

/// What a person is called whom the trail names so: [`Token::person`] adds the name of the token that they acted through.
#[must_use]
pub fn owner_name(actor: &str) -> &str {
    let through = actor.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (token "));
    through.filter(|(_, token)| is_name(token)).map_or(actor, |(owner, _)| owner)
}

/// Whether this can be a token's name: it stands in the trail beside its owner's.
pub(crate) fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(good)
}

/// Keeps tokens, never their texts.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Keeps a new token.
    async fn keep(&self, token: &Token, digest: &TokenDigest) -> Result<(), StoreError>;

    /// The token of this digest.
    async fn by_digest(&self, digest: &TokenDigest) -> Result<Option<Token>, StoreError>;

    /// The token of this id.
    async fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError>;

    /// Those of an owner, or of everybody: not revoked ones first, then newest first; at most 500.
    async fn tokens(&self, of: &TokensOf) -> Result<Vec<Token>, StoreError>;

    /// Ends one; `false` where it was revoked already.
    async fn revoke(&self, id: TokenId, at: Timestamp) -> Result<bool, StoreError>;

    /// Writes when it was used last.
    async fn used(&self, id: TokenId, at: Timestamp) -> Result<(), StoreError>;

    /// A person has signed in: what their tokens know of them.
    async fn owner_seen(&self, person: &Person, at: Timestamp) -> Result<(), StoreError>;

    /// Removes those that were revoked or expired before this moment.
    async fn forget(&self, before: Timestamp) -> Result<(), StoreError>;
}

/// Whose tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokensOf {
    /// This person's.
    Person(String),
    /// All services'.
    Services,
    /// Every person's.
    People,
}
