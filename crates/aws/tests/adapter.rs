//! The adapter through its port: refusals by themselves, calls on a `moto` server (`MOTO_URL`), and the same calls made
//! by the real program (`AWS_CLI`, a path) to compare with.

#[path = "adapter/calls.rs"]
mod calls;
#[path = "adapter/differential.rs"]
mod differential;
#[path = "adapter/refusals.rs"]
mod refusals;
#[path = "adapter/rig.rs"]
mod rig;
