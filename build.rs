//! Gives the core its SONAME, by which the fronts' DT_NEEDED finds it, and forbids unloading: programs keep the addresses of hooks.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,librmcp.so");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
