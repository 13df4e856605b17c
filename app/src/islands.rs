//! What the browser adds to a page that already works: copying, keys, clocks, and the stream.

pub mod desk;
pub mod live;

pub use desk::Desk;
pub use live::Live;

#[cfg(feature = "hydrate")]
mod browser;
#[cfg(feature = "hydrate")]
mod output;
#[cfg(feature = "hydrate")]
mod send;
#[cfg(feature = "hydrate")]
mod stream;
#[cfg(feature = "hydrate")]
mod values;
