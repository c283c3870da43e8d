//! Gives the core its SONAME, by which the fronts' DT_NEEDED finds it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,librmcp.so");
}
