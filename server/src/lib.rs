//! The `runbook-portal` binary's insides: configuration, router, sign-in, live streams, shutdown.

pub mod alerts;
pub mod api;
pub mod check;
pub mod cli;
pub mod config;
pub mod demo;
mod edits;
pub mod folder;
pub mod headers;
pub mod links;
pub mod listen;
mod notes;
pub mod portal;
mod post_mortem;
mod presence;
mod reach;
pub mod remote;
pub mod routes;
mod seats;
mod sign_in_log;
pub mod stream;
mod terminals;
