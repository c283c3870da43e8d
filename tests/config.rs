//! `rmcp config`: what holds and where it is from, and what is wrong with a file.

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{output, rmcp, succeed};

const FILE: &str = r#"policy = "audit"

[repair]
malloc-async = "auto"

[[rule]]
name = "my-server"
executable = "sh*"
policy = "strict"

[[rule]]
name = "dash-too"
executable = "dash"
policy = "strict"

[[rule]]
name = "blas-off"
library = "librocblas*"
policy = "off"
"#;

/// `rmcp config ARGUMENTS` of somebody whose only configuration is `file`.
fn config(file: &Path, arguments: &[&str]) -> Command {
    let mut command = rmcp();
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RMCP_")) {
        command.env_remove(name);
    }
    command.env("XDG_CONFIG_HOME", "/nonexistent").env("RMCP_CONFIG", file).arg("config").args(arguments);
    command
}

fn stdout(command: &mut Command) -> String {
    String::from_utf8(succeed(command).stdout).expect("UTF-8")
}

fn written(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("rmcp.toml");
    std::fs::write(&file, text).expect("write");
    (directory, file)
}

#[test]
fn show_says_what_holds_for_a_program_and_where_it_comes_from() {
    let (_directory, file) = written(FILE);
    let name = file.display();
    let text = stdout(config(&file, &["show"]).env("RMCP_LOG", "/tmp/log"));
    let has = |text: &str, cells: &[&str]| {
        let found = text
            .lines()
            .any(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).eq(cells.iter().copied()));
        assert!(found, "{cells:?}:\n{text}");
    };
    has(&text, &["policy", "audit", &format!("{name}:1")]);
    has(&text, &["malloc-async", "auto", &format!("{name}:4")]);
    has(&text, &["log", "/tmp/log", "RMCP_LOG"]);
    has(&text, &["override", "explain", "built in"]);
    has(&text, &["blas-off", "library librocblas*: policy=off", &format!("{name}:17"), "holds for such calls"]);
    has(&text, &["my-server", "executable sh*: policy=strict", &format!("{name}:7"), "does not hold here"]);
    assert!(text.contains("librccl*") && text.contains("built in"), "{text}");

    // /bin/sh is a link to another program on some systems: rules are about what it leads to.
    let shell = std::fs::canonicalize("/bin/sh").expect("a shell");
    let rule = if shell.ends_with("dash") { "dash-too" } else { "my-server" };
    let text = stdout(&mut config(&file, &["show", "--executable", "sh"]));
    assert!(text.contains(&format!("Settings of {}", shell.display())), "{text}");
    assert!(text.lines().any(|line| line.contains("policy") && line.ends_with(&format!(", rule {rule}"))), "{text}");
}

#[test]
fn show_as_json_has_the_same() {
    let (_directory, file) = written(FILE);
    let text = stdout(config(&file, &["show", "--json"]).env("RMCP_POLICY", "off"));
    let json: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["settings"]["policy"], serde_json::json!({ "value": "off", "source": "RMCP_POLICY" }));
    assert_eq!(json["settings"]["record"]["value"], Value::Null);
    assert_eq!(json["rules"][2]["conditions"]["library"][0], "librocblas*");
    assert_eq!(json["rules"][2]["state"], "set aside by a variable that says off");
}

#[test]
fn check_gives_a_line_for_each_error_and_exit_code_1_or_ok() {
    let (_directory, right) = written(FILE);
    let (_other, wrong) = written("policy = \"fast\"\n\n[repair]\nhide_apu = \"on\"\n");
    assert_eq!(
        stdout(&mut config(Path::new(""), &["check", right.to_str().expect("UTF-8")])),
        format!("{}: ok, 3 rules\n", right.display())
    );
    let missing = wrong.with_file_name("missing.toml");
    let output = output(config(Path::new(""), &["check"]).args([&wrong, &right, &missing]));
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].starts_with(&format!("{}:1:10: ", wrong.display())), "{text}");
    assert!(lines[1].starts_with(&format!("{}:4:1: ", wrong.display())) && lines[1].contains("hide-apu"), "{text}");
    assert!(lines[2].ends_with("ok, 3 rules"), "{text}");
    assert!(lines[3].starts_with(&missing.display().to_string()), "{text}");
}

#[test]
fn a_broken_configuration_and_a_misspelt_variable_are_exit_code_3() {
    let (_directory, wrong) = written("policy = 1\n");
    let run = output(&mut config(&wrong, &["show"]));
    let text = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(3), "{text}");
    assert!(text.starts_with(&format!("rmcp: {}:1:10: ", wrong.display())), "{text}");
    let run = output(config(Path::new(""), &["show"]).env("RMCP_POLISY", "off"));
    let text = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!((run.status.code(), text.contains("RMCP_POLICY?")), (Some(3), true), "{text}");
}
