//! What programs read, judged by the published schemas.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::output;
use crate::tree::{HIP, HSA, Tree};

/// Reads a schema by its argument and lines of JSON from standard input; says what does not fit.
const VALIDATE: &str = "\
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
lines = sys.stdin.read().splitlines()
assert lines
for line in lines:
    for error in Draft202012Validator(schema).iter_errors(json.loads(line)):
        print(f'{error.json_path}: {error.message}')
";

/// A Python that has the validator.
fn python() -> Option<&'static str> {
    ["/usr/bin/python3", "python3"].into_iter().find(|python| {
        let mut command = Command::new(python);
        command.args(["-c", "from jsonschema import Draft202012Validator"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// What in the lines `text` is not as the schema `name` says.
fn faults(python: &str, name: &str, text: &str) -> String {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas").join(name);
    let mut validator = Command::new(python);
    validator.args(["-c", VALIDATE]).arg(schema).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = validator.spawn().expect("python");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "the validator itself failed for {name}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn everything_printed_is_as_the_schemas_say() {
    let Some(python) = python() else {
        return println!("skipped: no python3 here has jsonschema (Debian: python3-jsonschema)");
    };
    let tree = Tree::new();
    fs::write(tree.library("libamdhip64.so.4"), "not a library\n").expect("written");
    let check = |schema: &str, code: i32, words: &[&str]| {
        let (found, stdout, stderr) = output(&mut tree.command(words));
        assert_eq!(found, code, "{words:?}\n{stdout}\n{stderr}");
        assert_eq!(faults(python, schema, &stdout), "", "{words:?}: {stdout}");
    };
    check("status.json", 0, &["status", "--json"]);
    check("install.json", 0, &["install", "--json", "--dry-run"]);
    check("install.json", 4, &["install", "--json"]);
    check("install.json", 0, &["install", "--json", "--yes"]);
    check("install.json", 0, &["install", "--json", "--yes"]);
    check("status.json", 0, &["status", "--json", "--program", "/bin/sh"]);
    check("status.json", 3, &["status", "--json", "--program", "nowhere"]);
    let elsewhere = tree.path().join("elsewhere");
    fs::rename(tree.prefix(), &elsewhere).expect("moved");
    let (code, moved, _) = output(tree.rmcp(&["status", "--json", "--prefix"]).arg(&elsewhere));
    assert_eq!((code, faults(python, "status.json", &moved).as_str()), (1, ""), "{moved}");
    fs::rename(&elsewhere, tree.prefix()).expect("moved back");
    fs::remove_file(tree.library(HIP)).expect("removed");
    fs::remove_file(tree.library(&format!("rmcp-real-{HSA}"))).expect("removed");
    check("status.json", 1, &["status", "--json"]);
    check("install.json", 0, &["repair", "--json", "--yes"]);
    check("install.json", 0, &["uninstall", "--json", "--yes"]);
    let (_, nothing_known, _) = output(&mut tree.rmcp(&["repair", "--json"]));
    assert_eq!(faults(python, "install.json", &nothing_known), "", "{nothing_known}");
    let (code, no_tree, _) = output(tree.rmcp(&["install", "--json", "--prefix"]).arg(tree.library(HIP)));
    assert_eq!((code != 0, faults(python, "install.json", &no_tree).as_str()), (true, ""), "{no_tree}");

    let strange = r#"{"format":1,"command":"install","target":null,"dry_run":false,"done":"yes","changes":[],"untouched":[],"notes":[]}"#;
    assert_ne!(faults(python, "install.json", strange), "", "the validator does judge");
}

#[test]
fn json_has_the_plan_and_what_came_of_it() {
    let tree = Tree::new();
    let json = |code: i32, words: &[&str]| parsed(&tree.says(code, words).0);
    let plan = json(0, &["install", "--json", "--dry-run"]);
    assert_eq!((&plan["done"], &plan["dry_run"]), (&false.into(), &true.into()));
    let made = json(0, &["install", "--json", "--yes"]);
    assert_eq!((&made["done"], &made["dry_run"]), (&true.into(), &false.into()));
    assert_eq!(made["changes"], plan["changes"], "what is done is what the plan says");
    assert_eq!(made["target"]["base"], "/opt/rocm");
    let fronted: Vec<&str> = made["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .filter(|change| change["becomes"] == "fronted")
        .filter_map(|change| change["soname"].as_str())
        .collect();
    assert_eq!(fronted, ["libamdhip64.so.5", "libhsa-runtime64.so.1"]);
    let again = json(0, &["install", "--json", "--yes"]);
    assert_eq!((&again["done"], &again["changes"]), (&true.into(), &Value::Array(Vec::new())));

    let status = json(0, &["status", "--json"]);
    let target = &status["targets"][0];
    assert_eq!((&target["installed"], &target["needs_repair"]), (&true.into(), &false.into()));
    for copy in target["copies"].as_array().expect("copies") {
        assert_eq!(copy["state"], "current", "{copy}");
        assert!(copy["real"].as_str().is_some_and(|real| real.contains("/lib/rmcp-real-lib")), "{copy}");
    }
}

#[test]
fn a_refusal_is_in_the_json_and_on_stderr() {
    let tree = Tree::new();
    let before = tree.listing();
    let (stdout, stderr) = tree.says(4, &["install", "--json"]);
    let outcome = parsed(&stdout);
    assert_eq!((&outcome["done"], &outcome["error"]["code"]), (&false.into(), &4.into()));
    assert_eq!(stderr, format!("rmcp: {}\n", outcome["error"]["sentence"].as_str().expect("a sentence")));
    assert!(!outcome["changes"].as_array().expect("changes").is_empty(), "the plan that was not agreed to is shown");
    assert_eq!(tree.listing(), before);
}
