//! The pages through the front door: a router of Leptos routes and server functions over a portal of fakes.

mod fakes;
mod fragments;
mod gallery;
mod pages;
mod posts;
