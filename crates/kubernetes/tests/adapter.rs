//! The adapter against the practice cluster, and against a real kubectl on the same API.

#[path = "adapter/calls.rs"]
mod calls;
#[path = "adapter/differential.rs"]
mod differential;
#[path = "adapter/edit.rs"]
mod edit;
#[path = "adapter/live.rs"]
mod live;
#[path = "adapter/manifests.rs"]
mod manifests;
#[path = "adapter/pods.rs"]
mod pods;
#[path = "adapter/releases.rs"]
mod releases;
#[path = "adapter/rig.rs"]
mod rig;
#[path = "adapter/undo.rs"]
mod undo;
