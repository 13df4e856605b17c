//! Who is asking: OpenID Connect sign-in, sessions, and the check against cross-site requests.
//!
//! [`Identity`] is the front door. [`Identity::routes`] carries sign-in, callback and sign-out;
//! [`Identity::session_layer`] keeps sessions in any [`tower_sessions::SessionStore`]; [`authenticate`] puts the person
//! into each request, and [`require_person`] turns away whoever has not signed in. [`csrf::check`] guards every request
//! that may change something. [`demo::DemoProvider`] is a small provider for trying the portal out on one machine.
//!
//! From the outside in, a portal stacks them like this:
//!
//! ```text
//! session_layer → authenticate → csrf::check → routes()
//!                                            → require_person → pages, server functions, streams
//! ```

mod address;
mod caller;
mod claims;
mod config;
pub mod csrf;
pub mod demo;
mod local_path;
mod log;
mod notice;
mod provider;
mod provider_http;
mod session;
mod sign_in;

pub use address::{AddressRange, AddressRangeError};
pub use caller::{CurrentCaller, NotSignedIn, authenticate, require_person};
pub use config::{ConfigError, IdentityConfig};
pub use local_path::local_path;
pub use log::SignInLog;
pub use notice::{Notice, NoticePage, default_notice_page, escape};
pub use sign_in::Identity;
