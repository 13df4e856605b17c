//! The `runbook-portal` binary's insides: configuration, router, sign-in, live streams, shutdown.

pub mod check;
pub mod cli;
pub mod config;
pub mod demo;
pub mod folder;
pub mod headers;
pub mod links;
pub mod listen;
pub mod portal;
mod presence;
mod reach;
pub mod routes;
mod seats;
mod sign_in_log;
pub mod stream;
mod terminals;
