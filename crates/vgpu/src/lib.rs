//! Virtual RDNA cards. See `docs/architecture.md`, "The virtual card".

pub mod mem;
