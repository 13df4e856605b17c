//! Sign-in through the front door: a portal's router, a provider on 127.0.0.1, and a browser made of a cookie jar.

#![expect(clippy::unwrap_used, reason = "the whole file is a test, also the functions beside the tests")]

mod crooked;
mod demo;
mod portal;
mod provider_answers;
mod sessions;
mod way_in;
