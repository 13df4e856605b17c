//! The adapters of real programs, called from real bash in the real sandbox, against real peers.

#![expect(clippy::unwrap_used, reason = "what a test reads is there, or the test fails")]
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

mod aws;
mod databases;
mod openssl;
mod peer;
mod place;
mod web;
mod web_escapes;
