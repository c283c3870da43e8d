//! Each kind of mistake in a configuration file is one sentence with the file, the place, what was found and the way out.

use std::io;
use std::path::{Path, PathBuf};

use rmcp_config::{Configuration, Environment, Error, MAX_FILE_BYTES, parse, read_file};

/// Contents, the lines that are complained about, and words that the first complaint must have.
const WRONG: &[(&str, &[usize], &[&str])] = &[
    ("policy = \n", &[1], &["TOML"]),
    ("policy = \"default\nlog = \"/l\"\n", &[1], &["TOML"]),
    ("policy = \"off\"\npolicy = \"audit\"\n", &[2], &["duplicate key"]),
    ("[repair\nmemory-lock = \"on\"\n", &[1], &["TOML"]),
    ("# fine\npolcy = \"off\"\n", &[2], &["polcy", "did you mean policy?"]),
    ("colour = \"red\"\n", &[1], &["colour", "policy, attributes, record, log, repair or rule"]),
    ("memory-lock = \"on\"\n", &[1], &["memory-lock", "[repair]"]),
    ("[repair]\nmemory_lock = \"on\"\n", &[2], &["memory_lock", "did you mean memory-lock?"]),
    ("policy = true\n", &[1], &["boolean", "a string", "policy = \"strict\""]),
    ("[repair]\nhide-apu = 1\n", &[2], &["integer", "a string"]),
    ("policy = \"stric\"\n", &[1], &["stric", "did you mean strict?", "off, audit, default or strict"]),
    ("attributes = \"lies\"\n", &[1], &["lies", "truth or asked"]),
    ("[repair]\nmiopen-find-mode = \"SLOW\"\n", &[2], &["SLOW", "NORMAL, FAST, HYBRID or DYNAMIC_HYBRID"]),
    ("record = \"~/rmcp.record\"\n", &[1], &["~/rmcp.record", "absolute"]),
    ("repair = \"on\"\n", &[1], &["string", "a table", "[repair]"]),
    ("[rule]\nname = \"a\"\nlibrary = \"x\"\npolicy = \"off\"\n", &[1], &["table", "[[rule]]"]),
    ("[[rule]]\nname = \"a\"\nlibrary = \"lib[x\"\npolicy = \"off\"\n", &[3], &["lib[x", "character 4", "close"]),
    ("[[rule]]\nname = \"a\"\ndevice = \"navi21\"\npolicy = \"off\"\n", &[3], &["navi21", "gfx103*", "1002:73bf"]),
    ("[[rule]]\nname = \"a\"\ncall = \"hipHostMaloc\"\npolicy = \"off\"\n", &[3], &["did you mean hipHostMalloc?"]),
    ("[[rule]]\nname = \"a\"\nlibrary = []\npolicy = \"off\"\n", &[3], &["empty"]),
    ("[[rule]]\nname = \"a\"\nlibrary = [\"x\", 2]\npolicy = \"off\"\n", &[3], &["integer", "list of strings"]),
    ("\n[[rule]]\nname = \"a\"\npolicy = \"off\"\n", &[2], &["no condition", "executable, library, device or call"]),
    ("[[rule]]\nname = \"a\"\nlibrary = \"x\"\n", &[1], &["sets nothing", "policy"]),
    ("[[rule]]\nlibrary = \"x\"\npolicy = \"off\"\n", &[1], &["no name", "my-server"]),
    ("[[rule]]\nname = \"My Server\"\nlibrary = \"x\"\npolicy = \"off\"\n", &[2], &["My Server", "my-server"]),
    (
        "[[rule]]\nname = \"a\"\nlibrary = \"x\"\npolicy = \"off\"\n[[rule]]\nname = \"a\"\nlibrary = \"y\"\npolicy = \"off\"\n",
        &[6],
        &["line 2", "another name"],
    ),
    ("[[rule]]\nname = \"a\"\ndevice = \"gfx1030\"\nhide-apu = \"on\"\n", &[4], &["hide-apu", "executable"]),
    ("[[rule]]\nname = \"a\"\nexecutable = \"x\"\nlog = \"/l\"\n", &[4], &["log", "every program"]),
    ("[[rule]]\nname = \"a\"\ncall = \"hipHostMalloc\"\nmalloc-async = \"on\"\n", &[4], &["hipMallocAsync"]),
    ("[[rule]]\nname = \"a\"\nlibrary = \"librccl*\"\npolicy = \"strict\"\n", &[4], &["librccl", "off or audit"]),
    ("[[rule]]\nname = \"a\"\nlibary = \"x\"\nplicy = \"of\"\n", &[1, 3, 4], &["no condition"]),
];

fn complaints(contents: &[u8]) -> Vec<Error> {
    parse(Path::new("/etc/rmcp/config.toml"), contents).err().unwrap_or_default()
}

#[test]
fn each_wrong_file_gives_its_line_what_was_found_and_the_way_out() {
    let mut all = String::new();
    for (contents, lines, words) in WRONG {
        let errors = complaints(contents.as_bytes());
        let found: Vec<_> = errors.iter().filter_map(|error| Some(error.place?.0)).collect();
        assert_eq!(found, *lines, "{contents}\n{errors:?}");
        for word in *words {
            assert!(errors[0].sentence.contains(word), "{word}: {}\n{contents}", errors[0]);
        }
        for error in &errors {
            let line = error.to_string();
            assert!(!line.contains('\n') && line.contains("; "), "one line with a way out: {line}");
            all += &format!("{line}\n");
        }
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong_files.txt");
    if std::env::var_os("RMCP_BLESS").is_some() {
        std::fs::write(&golden, &all).expect("write");
    }
    let expected = std::fs::read_to_string(&golden).expect("the golden file");
    assert_eq!(all, expected, "run with RMCP_BLESS=1 if the new sentences are better");
}

#[test]
fn a_file_that_is_not_utf8_or_too_large_is_said_to_be_so() {
    let errors = complaints(b"# gr\xfc\xdfe\n");
    assert_eq!(errors[0].place, Some((1, 5)));
    assert!(errors[0].sentence.contains("0xfc") && errors[0].sentence.contains("save the file as UTF-8"), "{errors:?}");
    let errors = complaints(&vec![b'#'; MAX_FILE_BYTES as usize + 1]);
    assert_eq!((errors.len(), errors[0].place), (1, None));
    assert!(errors[0].sentence.contains("1024 KiB"), "{errors:?}");
}

/// What loading says when `RMCP_CONFIG` names `path`.
fn load(path: &Path, read: impl Fn(&Path) -> io::Result<Vec<u8>>) -> String {
    let environment = Environment::new([("RMCP_CONFIG".into(), path.into())]);
    let only = |other: &Path| if other == path { read(other) } else { Err(io::ErrorKind::NotFound.into()) };
    let errors = Configuration::load(&environment, only).expect_err("an error");
    assert_eq!((errors.len(), errors[0].file.as_deref()), (1, Some(path)));
    errors[0].to_string()
}

#[test]
fn what_cannot_be_read_is_said_with_the_file_the_cause_and_the_way_out() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let text = load(directory.path(), read_file);
    assert!(text.contains("directory") && text.contains("put a file in its place"), "{text}");
    let text = load(&directory.path().join("none.toml"), read_file);
    assert!(text.contains("none.toml") && text.contains("RMCP_CONFIG"), "{text}");
    let text = load(Path::new("/secret.toml"), |_| Err(io::ErrorKind::PermissionDenied.into()));
    assert!(text.contains("permission denied") && text.contains("readable for this user"), "{text}");
    let text = load(Path::new("/dev/null"), read_file);
    assert!(text.contains("not a regular file"), "{text}");
}

#[test]
fn a_pipe_in_place_of_a_file_does_not_make_the_reader_wait() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let pipe: PathBuf = directory.path().join("config.toml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    assert!(load(&pipe, read_file).contains("not a regular file"));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = complaints(&bytes);
    }

    #[test]
    fn a_valid_file_with_a_piece_put_elsewhere_is_read_or_refused_at_a_place_of_it(
        from in 0usize..400, length in 0usize..40, to in 0usize..400, character in proptest::char::any(),
    ) {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        let from = from.min(text.len());
        let piece: Vec<char> = text.drain(from..(from + length).min(text.len())).collect();
        let to = to.min(text.len());
        text.splice(to..to, piece.into_iter().chain([character]));
        let text: String = text.into_iter().collect();
        let lines = text.matches('\n').count() + 1;
        for error in complaints(text.as_bytes()) {
            proptest::prop_assert!(error.place.is_some_and(|(line, column)| (1..=lines).contains(&line) && column >= 1), "{error}");
        }
    }
}

const EXAMPLE: &str = r#"policy = "audit"
record = "/var/tmp/rmcp.record"
[repair]
memory-lock = "on"
miopen-find-mode = "FAST"
[[rule]]
name = "my-server"
executable = ["server", "/opt/*/bin/server"]
policy = "strict"
[[rule]]
name = "one-card"
device = ["gfx103*", "0000:03:00.0"]
call = "hipHost*"
policy = "off"
"#;

#[test]
fn the_example_of_the_property_is_valid() {
    assert_eq!(complaints(EXAMPLE.as_bytes()), []);
}

#[test]
fn the_example_of_the_documentation_is_valid() {
    let docs = include_str!("../../../docs/configuration.md");
    let rules = docs.split("## Rules").nth(1).and_then(|rest| rest.split("* `name`").next()).expect("the example");
    let example: Vec<_> = rules.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let file = parse(Path::new("docs/configuration.md"), example.join("\n").as_bytes()).expect("valid");
    assert_eq!((file.settings.len(), file.rules.len()), (3, 4));
}
