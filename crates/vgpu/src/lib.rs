//! Virtual RDNA cards: a model of the amdgpu kernel driver and of the card behind it, for machines that have none.
//! See `docs/architecture.md`, "The virtual card".

pub mod cards;
pub mod child;
pub mod engine;
pub mod isa;
pub mod kfd;
pub mod launch;
pub mod log;
pub mod mem;
pub mod mtype;
pub mod spec;
pub mod sync;
pub mod tree;
pub mod vm;
