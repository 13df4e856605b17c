//! The portal through its front door: a real listener, the demo provider, the practice cluster, the real sandbox.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod access;
mod alert_tokens;
mod alertmanager;
mod alerts;
mod api;
mod api_incidents;
mod api_runs;
mod connections;
mod front_door;
mod links;
mod load;
mod log;
mod main_job;
mod messages;
mod people;
mod remote;
mod statistics;
mod streams;
mod terminals;
mod undo;
