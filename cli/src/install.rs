//! `rmcp install`, `status`, `repair` and `uninstall`.
