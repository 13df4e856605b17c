//! The pieces that pages are made of. Each is a function from data to a view: nothing here loads anything.

pub(crate) mod badge;
pub(crate) mod card;
pub(crate) mod command;
pub(crate) mod contents;
pub(crate) mod difference;
pub(crate) mod escape;
pub(crate) mod follow;
pub(crate) mod frame;
pub(crate) mod incident;
pub(crate) mod incident_head;
pub(crate) mod live;
pub(crate) mod messages;
pub(crate) mod run_row;
pub(crate) mod script;
pub(crate) mod share;
pub(crate) mod step_card;
pub(crate) mod text_area;
pub(crate) mod time;
pub(crate) mod timeline;
pub(crate) mod value;
