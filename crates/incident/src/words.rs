//! Words of a text, for comparing.
