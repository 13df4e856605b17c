//! Scripts in the real sandbox: what they can do, what they cannot, and how they end.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod calls;
mod endings;
mod errands;
mod fixture;
mod hold;
mod hostile;
mod isolation;
mod limits;
mod scripts;
