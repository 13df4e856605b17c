//! SQL that both databases read, with its arguments, and the rows that come back.
//!
//! Only types that both databases have in common are used: text, 64-bit integers and bytes. `$1` placeholders are
//! understood by both. So each statement stands in this crate once.

use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Database, Decode, Encode, Postgres, Row as _, Sqlite, Type};
use uuid::Uuid;

/// Any cause, for the log.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a column holds is not what this version of the portal writes.
#[derive(Debug, thiserror::Error)]
#[error("the database column {0} holds a value that this version of the portal does not know")]
struct Unreadable(String);

/// What PostgreSQL cannot keep in text, U+0000, is kept as its visible picture, in both databases alike. (JSON columns
/// hold it escaped and give it back as it was.)
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{2400}")
}

/// A value for a placeholder.
#[derive(Clone, Debug)]
pub(crate) enum Argument {
    Text(Option<String>),
    Integer(Option<i64>),
    Bytes(Vec<u8>),
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::Text(Some(storable(text)))
    }
}

impl From<Option<&str>> for Argument {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(storable))
    }
}

impl From<Uuid> for Argument {
    fn from(id: Uuid) -> Self {
        Self::Text(Some(id.to_string()))
    }
}

impl From<Option<Uuid>> for Argument {
    fn from(id: Option<Uuid>) -> Self {
        Self::Text(id.map(|id| id.to_string()))
    }
}

impl From<i64> for Argument {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<i64>> for Argument {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Argument {
    fn from(flag: bool) -> Self {
        i64::from(flag).into()
    }
}

impl From<Timestamp> for Argument {
    fn from(at: Timestamp) -> Self {
        at.as_microsecond().into()
    }
}

impl From<Option<Timestamp>> for Argument {
    fn from(at: Option<Timestamp>) -> Self {
        at.map(Timestamp::as_microsecond).into()
    }
}

impl From<&[u8]> for Argument {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_owned())
    }
}

/// A statement under construction. Its SQL is made of literals alone; every value is an argument.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    sql: String,
    arguments: Vec<Argument>,
}

impl Query {
    pub(crate) fn new(sql: &'static str) -> Self {
        Self { sql: sql.to_owned(), arguments: Vec::new() }
    }

    /// `INSERT INTO table (columns) VALUES (values)`.
    pub(crate) fn insert<const N: usize>(table: &'static str, values: [(&'static str, Argument); N]) -> Self {
        let mut query = Self::new("INSERT INTO ").sql(table);
        for (index, (column, _)) in values.iter().enumerate() {
            query = query.sql(if index == 0 { " (" } else { ", " }).sql(column);
        }
        for (index, (_, value)) in values.into_iter().enumerate() {
            query = query.sql(if index == 0 { ") VALUES (" } else { ", " }).bind(value);
        }
        query.sql(")")
    }

    /// Continues with this SQL.
    pub(crate) fn sql(mut self, sql: &'static str) -> Self {
        self.sql.push_str(sql);
        self
    }

    /// Continues with a placeholder for this value.
    pub(crate) fn bind(mut self, value: impl Into<Argument>) -> Self {
        self.arguments.push(value.into());
        self.sql.push('$');
        self.sql.push_str(&self.arguments.len().to_string());
        self
    }

    /// For the driver.
    pub(crate) fn ready<DB: Database>(self) -> sqlx::query::Query<'static, DB, DB::Arguments>
    where
        Option<String>: for<'t> Encode<'t, DB> + Type<DB>,
        Option<i64>: for<'t> Encode<'t, DB> + Type<DB>,
        Vec<u8>: for<'t> Encode<'t, DB> + Type<DB>,
    {
        // Safe: `new` and `sql` take literals only.
        self.arguments.into_iter().fold(sqlx::query(AssertSqlSafe(self.sql)), |query, argument| match argument {
            Argument::Text(text) => query.bind(text),
            Argument::Integer(number) => query.bind(number),
            Argument::Bytes(bytes) => query.bind(bytes),
        })
    }
}

/// A row of either database.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// A column as the database has it: `String`, `i64`, `Vec<u8>`, or an `Option` of one.
    pub(crate) fn get<T>(&self, column: &str) -> Result<T, sqlx::Error>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }

    /// A text column, read as something else.
    pub(crate) fn read<T>(&self, column: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, Failure> {
        let text: String = self.get(column)?;
        read(&text).ok_or_else(|| Unreadable(column.to_owned()).into())
    }

    /// The same of a column that may be empty.
    pub(crate) fn read_optional<T>(
        &self,
        column: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let Some(text) = self.get::<Option<String>>(column)? else {
            return Ok(None);
        };
        read(&text).map(Some).ok_or_else(|| Unreadable(column.to_owned()).into())
    }

    /// A column of microseconds.
    pub(crate) fn timestamp(&self, column: &str) -> Result<Timestamp, Failure> {
        Ok(Timestamp::from_microsecond(self.get(column)?)?)
    }

    /// The same of a column that may be empty.
    pub(crate) fn optional_timestamp(&self, column: &str) -> Result<Option<Timestamp>, Failure> {
        let micros: Option<i64> = self.get(column)?;
        Ok(micros.map(Timestamp::from_microsecond).transpose()?)
    }

    /// An exit code, where there is one.
    pub(crate) fn exit_code(&self, column: &str) -> Result<Option<i32>, Failure> {
        let code: Option<i64> = self.get(column)?;
        Ok(code.map(i32::try_from).transpose()?)
    }

    /// A column of 0 or 1.
    pub(crate) fn flag(&self, column: &str) -> Result<bool, Failure> {
        Ok(self.get::<i64>(column)? != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insert_numbers_its_values() {
        let query = Query::insert("mark", [("run", "a".into()), ("at", 5_i64.into())]).sql(" RETURNING ").sql("at");
        assert_eq!(query.sql, "INSERT INTO mark (run, at) VALUES ($1, $2) RETURNING at");
        assert_eq!(query.arguments.len(), 2);
    }

    #[test]
    fn text_never_holds_nul() {
        assert!(matches!(Argument::from("a\0b"), Argument::Text(Some(text)) if text == "a\u{2400}b"));
        assert!(matches!(Argument::from(Some("\0")), Argument::Text(Some(text)) if text == "\u{2400}"));
    }
}
