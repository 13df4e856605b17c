//! AWS: rds and acm natively, every other service through the real command-line program.
//!
//! A call goes through five hands, and each does one thing:
//!
//! 1. [`command::cloud::split`] takes the line apart and refuses what leads out of the environment.
//! 2. `arguments`, `unpack` and `validate` read the operation's options as the real program does, by the service's
//!    model.
//! 3. `wire` makes the request's body and reads the response's, by the same model.
//! 4. `sdk` has the AWS SDK for Rust carry them: see there why its generated types are not used.
//! 5. `output` prints as version 2 of the program prints, after `page`, `wait` and `query` have done their part.
//!
//! This is the only room that names `aws_sdk_*`.

mod account;
mod adapter;
mod arguments;
mod call;
mod failure;
mod kebab;
mod model;
mod output;
mod page;
mod python;
mod query;
mod sdk;
mod shorthand;
mod suggest;
mod timestamp;
mod unpack;
mod validate;
mod wait;
mod wire;

pub use account::{Account, Credentials, ResolvedKeys};
pub use adapter::Aws;
