//! Who people are, as their last sign-in told.

use async_trait::async_trait;
use jiff::Timestamp;
use operations::{KnownPerson, PersonStore, Role, StoreError};

use crate::query::{Failure, Query, Row};
use crate::{Store, failed};

const PERSON: &str = "SELECT subject, name, role, at FROM person WHERE ";
/// How many people are listed.
const PEOPLE: i64 = 200;

#[async_trait]
impl PersonStore for Store {
    /// What comes last counts, whatever the clock said: it may have been set back.
    async fn keep_person(&self, person: &KnownPerson) -> Result<(), StoreError> {
        let query = Query::insert(
            "person",
            [
                ("subject", person.subject.as_str().into()),
                ("name", person.name.as_str().into()),
                ("role", person.role.map(Role::word).into()),
                ("at", person.at.into()),
            ],
        )
        .sql(" ON CONFLICT (subject) DO UPDATE SET name = excluded.name, role = excluded.role, at = excluded.at");
        self.database.write(query).await.map_err(failed("keep a person"))?;
        Ok(())
    }

    async fn person(&self, subject: &str) -> Result<Option<KnownPerson>, StoreError> {
        let query = Query::new(PERSON).sql("subject = ").bind(subject);
        self.database.one(query, person_of).await.map_err(failed("find a person"))
    }

    async fn people(&self, roles: &[Role], since: Timestamp) -> Result<Vec<KnownPerson>, StoreError> {
        let mut query = Query::new(PERSON).sql("at >= ").bind(since).sql(" AND (1 = 0");
        for role in roles {
            query = query.sql(" OR role = ").bind(role.word());
        }
        let query = query.sql(") ORDER BY at DESC, subject LIMIT ").bind(PEOPLE);
        self.database.all(query, person_of).await.map_err(failed("list people"))
    }
}

fn person_of(row: &Row) -> Result<KnownPerson, Failure> {
    Ok(KnownPerson {
        subject: row.get("subject")?,
        name: row.get("name")?,
        role: row.read_optional("role", Role::from_word)?,
        at: row.timestamp("at")?,
    })
}
