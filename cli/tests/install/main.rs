//! `rmcp install`, `status`, `repair` and `uninstall` on small trees with AMD's real libraries of Debian 12: what is said, word by word, the exit codes and the JSON.

mod failures;
mod json;
#[path = "../support/mod.rs"]
mod support;
mod text;
mod tree;
