//! What this room does with a real PostgreSQL: where `DATASOURCE_TEST_URL` or `TEST_POSTGRES_URL` names one, as a user
//! who may create databases.

#![expect(clippy::unwrap_used, reason = "what a test reads is there, or the test fails")]

mod corpus;
mod differential;
mod encrypted;
mod fixture;
mod guards;
mod passage;
mod query;
