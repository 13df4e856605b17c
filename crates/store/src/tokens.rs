//! Access tokens of programs.

use async_trait::async_trait;
use jiff::Timestamp;
use operations::{Person, Role, Scopes, StoreError, Token, TokenDigest, TokenId, TokenOwner, TokenStore, TokensOf};
use uuid::Uuid;

use crate::query::{Argument, Failure, Query, Row};
use crate::{Store, failed};

const TOKEN: &str = "SELECT id, name, owner_subject, owner_name, owner_role, owner_seen_at, scopes, role, \
                     made_by_subject, made_by_name, made_at, expires_at, revoked_at, used_at FROM access_token WHERE ";
/// How many tokens a list has at most.
const TOKENS: i64 = 500;

#[async_trait]
impl TokenStore for Store {
    async fn keep(&self, token: &Token, digest: &TokenDigest) -> Result<(), StoreError> {
        let (subject, name, role, seen_at) = match &token.owner {
            TokenOwner::Person { subject, name, role, seen_at } => {
                (Some(subject.as_str()), Some(name.as_str()), Some(role.word()), Some(*seen_at))
            }
            TokenOwner::Service => (None, None, None, None),
        };
        let query = Query::insert(
            "access_token",
            [
                ("id", token.id.0.into()),
                ("digest", digest.as_str().into()),
                ("name", token.name.as_str().into()),
                ("owner_subject", subject.into()),
                ("owner_name", name.into()),
                ("owner_role", role.into()),
                ("owner_seen_at", seen_at.into()),
                ("scopes", Argument::from(token.scopes.to_string().as_str())),
                ("role", token.role.word().into()),
                ("made_by_subject", token.made_by.0.as_str().into()),
                ("made_by_name", token.made_by.1.as_str().into()),
                ("made_at", token.made_at.into()),
                ("expires_at", token.expires_at.into()),
                ("revoked_at", token.revoked_at.into()),
                ("used_at", token.used_at.into()),
            ],
        );
        self.database.write(query).await.map_err(failed("keep a token"))?;
        Ok(())
    }

    async fn by_digest(&self, digest: &TokenDigest) -> Result<Option<Token>, StoreError> {
        let query = Query::new(TOKEN).sql("digest = ").bind(digest.as_str());
        self.database.one(query, token_of).await.map_err(failed("find a token"))
    }

    async fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        let query = Query::new(TOKEN).sql("id = ").bind(id.0);
        self.database.one(query, token_of).await.map_err(failed("read a token"))
    }

    async fn tokens(&self, of: &TokensOf) -> Result<Vec<Token>, StoreError> {
        let query = match of {
            TokensOf::Person(subject) => Query::new(TOKEN).sql("owner_subject = ").bind(subject.as_str()),
            TokensOf::Services => Query::new(TOKEN).sql("owner_subject IS NULL"),
            TokensOf::People => Query::new(TOKEN).sql("owner_subject IS NOT NULL"),
        };
        let query =
            query.sql(" ORDER BY CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END, sequence DESC LIMIT ").bind(TOKENS);
        self.database.all(query, token_of).await.map_err(failed("list tokens"))
    }

    async fn revoke(&self, id: TokenId, at: Timestamp) -> Result<bool, StoreError> {
        let query = Query::new("UPDATE access_token SET revoked_at = ")
            .bind(at)
            .sql(" WHERE revoked_at IS NULL AND id = ")
            .bind(id.0);
        Ok(self.database.write(query).await.map_err(failed("revoke a token"))? > 0)
    }

    async fn used(&self, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
        let query = Query::new("UPDATE access_token SET used_at = ").bind(at).sql(" WHERE id = ").bind(id.0);
        self.database.write(query).await.map_err(failed("note a token's use"))?;
        Ok(())
    }

    async fn owner_seen(&self, person: &Person, at: Timestamp) -> Result<(), StoreError> {
        let query = Query::new("UPDATE access_token SET owner_name = ")
            .bind(person.name.as_str())
            .sql(", owner_role = ")
            .bind(person.role.word())
            .sql(", owner_seen_at = ")
            .bind(at)
            .sql(" WHERE owner_subject = ")
            .bind(person.subject.as_str());
        self.database.write(query).await.map_err(failed("note a token's owner"))?;
        Ok(())
    }

    async fn forget(&self, before: Timestamp) -> Result<(), StoreError> {
        let query = Query::new("DELETE FROM access_token WHERE coalesce(revoked_at, expires_at) < ").bind(before);
        self.database.write(query).await.map_err(failed("forget ended tokens"))?;
        Ok(())
    }
}

fn token_of(row: &Row) -> Result<Token, Failure> {
    let owner = match row.get::<Option<String>>("owner_subject")? {
        None => TokenOwner::Service,
        Some(subject) => TokenOwner::Person {
            subject,
            name: row.get("owner_name")?,
            role: row.read("owner_role", Role::from_word)?,
            seen_at: row.timestamp("owner_seen_at")?,
        },
    };
    Ok(Token {
        id: TokenId(row.read("id", |id| id.parse::<Uuid>().ok())?),
        name: row.get("name")?,
        owner,
        scopes: row.read("scopes", Scopes::from_words)?,
        role: row.read("role", Role::from_word)?,
        made_by: (row.get("made_by_subject")?, row.get("made_by_name")?),
        made_at: row.timestamp("made_at")?,
        expires_at: row.timestamp("expires_at")?,
        revoked_at: row.optional_timestamp("revoked_at")?,
        used_at: row.optional_timestamp("used_at")?,
    })
}
