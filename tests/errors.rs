//! Broken libraries and wrong words: one sentence with the way out, a documented exit code, no crash and no hang.

mod support;

use std::path::Path;

use support::{output, program, rmcp};

const HIP: &str = "/usr/lib/x86_64-linux-gnu/libamdhip64.so.5";

/// Runs `rmcp` and gives its exit code and what it said on stderr.
fn say(arguments: &[&str]) -> (i32, String) {
    let output = output(rmcp().args(arguments));
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    (output.status.code().unwrap_or_else(|| panic!("rmcp was killed: {text}")), text)
}

fn assert_one_sentence(text: &str, words: &[&str]) {
    assert_eq!(text.trim_end().lines().count(), 1, "one sentence: {text}");
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn a_front_is_not_built_for_a_broken_library() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
    let whole = std::fs::read(HIP).expect("AMD's library");
    std::fs::write(path("truncated.so"), &whole[..whole.len() / 2]).expect("write");
    std::fs::write(path("empty.so"), b"").expect("write");
    std::fs::write(path("text.so"), b"INPUT(libamdhip64.so.5)").expect("write");
    let (code, text) = say(&["front", "build", "--real", HIP, "--out", &path("front.so")]);
    assert_eq!(code, 0, "{text}");
    for (name, word) in [
        ("missing.so", "missing.so"),
        ("truncated.so", "truncated"),
        ("empty.so", "empty"),
        ("text.so", "ELF"),
        ("front.so", "front"),
    ] {
        let (code, text) = say(&["front", "build", "--real", &path(name), "--out", &path("out.so")]);
        assert_eq!(code, 3, "{name}: {text}");
        assert_one_sentence(&text, &[name, word]);
        assert!(!Path::new(&path("out.so")).exists(), "nothing half-written");
    }
}

#[test]
fn a_program_that_would_load_a_broken_library_is_refused_with_the_reason() {
    for (bytes, word) in [(&b""[..], "empty"), (b"not a library", "ELF"), (b"\x7fELF\x02\x01\x01", "truncated")] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join("libamdhip64.so.5"), bytes).expect("write");
        let output = output(
            rmcp()
                .args(["run", "--quiet", "--virtual", "gfx1030", "--"])
                .arg(program("alloc.c", &[]))
                .arg("hipHostMalloc")
                .env("LD_LIBRARY_PATH", directory.path()),
        );
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert_one_sentence(&text, &["libamdhip64.so.5", word]);
    }
}

#[test]
fn an_unknown_policy_card_or_program_is_one_sentence() {
    for (arguments, words) in [
        (&["run", "--policy", "fast", "--", "true"][..], &["fast", "default", "strict"][..]),
        (&["run", "--virtual", "gfx9999", "--", "true"], &["gfx9999", "gfx1030"]),
        (&["run", "--virtual", "gfx1030:atomics=maybe", "--", "true"], &["maybe", "on", "off"]),
        (&["run", "--virtual", "gfx1030,fault=alloc@1=ENOWHERE", "--", "true"], &["ENOWHERE"]),
    ] {
        let (code, text) = say(arguments);
        assert_eq!(code, 2, "{text}");
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
    let (code, text) = say(&["run", "--", "/no/such/program"]);
    assert_eq!(code, 127, "{text}");
    assert_one_sentence(&text, &["/no/such/program"]);
    let (code, text) = say(&["report", "/no/such/record"]);
    assert_eq!(code, 3, "{text}");
    assert_one_sentence(&text, &["/no/such/record"]);
}
