//! The declarations by which the core talks to fronts and to AMD's libraries: the checked-in bindings are what bindgen makes of our headers, and
//! our headers say what AMD's of every generation say.

use std::path::{Path, PathBuf};
use std::process::Command;

use rmcp_fixtures::{Generation, generations};

const HEADERS: [(&str, &str); 3] = [
    ("include/front.h", "src/abi/front.rs"),
    ("include/abi/hip.h", "src/abi/hip.rs"),
    ("include/abi/hsa.h", "src/abi/hsa.rs"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn bindings(header: &Path) -> String {
    bindgen::Builder::default()
        .header(header.to_str().expect("a UTF-8 path"))
        .use_core()
        .generate_comments(false)
        .prepend_enum_name(false)
        .layout_tests(true)
        .allowlist_file(header.to_str().expect("a UTF-8 path"))
        .blocklist_function("rmcp_front_.*")
        .formatter(bindgen::Formatter::Rustfmt)
        .rustfmt_configuration_file(Some(root().join("rustfmt.toml")))
        .generate()
        .expect("bindgen needs libclang (Debian: libclang1)")
        .to_string()
        // The version of bindgen is no part of the bindings.
        .lines()
        .skip_while(|line| line.starts_with("/*") || line.is_empty())
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn checked_in_bindings_are_what_bindgen_makes_of_the_headers() {
    for (header, checked_in) in HEADERS {
        let generated = bindings(&root().join(header));
        let path = root().join(checked_in);
        if std::env::var_os("RMCP_BLESS").is_some() {
            std::fs::write(&path, &generated).expect("write the bindings");
        }
        let present = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            present == generated,
            "{checked_in} is not what bindgen makes of {header}; to regenerate: RMCP_BLESS=1 cargo test -p rmcp --test core_abi"
        );
    }
}

/// Compiles (syntax only) a file that includes AMD's headers of a generation and then ours, the latter read from `ours`.
fn compiles_after_amds_headers(ours: &Path, generation: &Generation) -> Result<(), String> {
    // Only AMD's headers of the generation: its C library's are for another compiler.
    let theirs = tempfile::tempdir().expect("a temporary directory");
    for part in ["hip", "hsa"] {
        let headers = generation.root.join("usr/include").join(part);
        std::os::unix::fs::symlink(headers, theirs.path().join(part)).expect("link the headers");
    }
    let source: PathBuf = ours.join("check.c");
    std::fs::write(
        &source,
        "#define __HIP_PLATFORM_AMD__ 1\n#include <hip/hip_runtime_api.h>\n#include <hsa/hsa.h>\n#include <hsa/hsa_ext_amd.h>\n\
         #define RMCP_ABI_CHECK\n#include \"hip.h\"\n#include \"hsa.h\"\n",
    )
    .expect("write the check");
    let output = Command::new("cc")
        .args(["-std=c11", "-fsyntax-only", "-Wno-deprecated-declarations"])
        .arg("-I")
        .arg(theirs.path())
        .arg(&source)
        .output()
        .expect("cc");
    output.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn copy_of_our_headers(edit: impl Fn(String) -> String) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for name in ["hip.h", "hsa.h"] {
        let text = std::fs::read_to_string(root().join("include/abi").join(name)).expect("our header");
        std::fs::write(directory.path().join(name), edit(text)).expect("write the copy");
    }
    directory
}

#[test]
fn our_declarations_agree_with_amds_headers_of_every_generation() {
    let ours = copy_of_our_headers(|text| text);
    for generation in generations() {
        if let Err(message) = compiles_after_amds_headers(ours.path(), &generation) {
            panic!(
                "{}: needs the Debian packages libamdhip64-dev and libhsa-runtime-dev, and headers that agree:\n{message}",
                generation.name()
            );
        }
    }
}

#[test]
fn a_wrong_constant_or_prototype_in_our_headers_would_be_noticed() {
    for (right, wrong) in [
        ("hipErrorSharedObjectInitFailed, 303", "hipErrorSharedObjectInitFailed, 302"),
        ("hipHostMalloc, void **ptr, size_t size", "hipHostMalloc, void **ptr, int size"),
        ("hipPointerAttribute_t, allocationFlags, 28", "hipPointerAttribute_t, allocationFlags, 24"),
        ("hipMemPoolCreate, hipMemPool_t *", "hipMemPoolCreate, hipMemPool_t "),
        ("HSA_AMD_AGENT_INFO_BDFID, 0xA006", "HSA_AMD_AGENT_INFO_BDFID, 0xA007"),
    ] {
        let ours = copy_of_our_headers(|text| text.replace(right, wrong));
        for generation in generations() {
            let compiles = compiles_after_amds_headers(ours.path(), &generation);
            assert!(compiles.is_err(), "{}: {wrong} went unnoticed", generation.name());
        }
    }
}
