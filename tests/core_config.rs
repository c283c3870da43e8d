//! The core under configuration files: what reaches the kernel driver, what is recorded, and whose files count.

mod core_support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use core_support::{core_directory, fronts, output, program, run, sentences, text, vgpu, with_fronts, without_fronts};
use rmcp_record::Recording;
use serde_json::Value;

/// USERPTR without COHERENT, as the thunk asks the kernel for non-coherent host memory.
const NON_COHERENT: &str = "d0000004";

/// Runs `alloc` on a virtual gfx1030 with the contents of RMCP_CONFIG; how many of its calls arrived non-coherent, and the record.
fn on_card(configuration: &str, variables: &[(&str, &str)], calls: &[&str]) -> (usize, Recording) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str| directory.path().join(name);
    let program = program(directory.path(), "../programs/alloc.c", &["-lamdhip64"]);
    std::fs::write(file("rmcp.toml"), format!("record = {:?}\n{configuration}", file("record"))).expect("write");
    let mut command = with_fronts(fronts(), &vgpu());
    command
        .env("RMCP_CONFIG", file("rmcp.toml"))
        .envs(variables.iter().copied())
        .arg("--log")
        .arg(file("log"))
        .args(["gfx1030", "--"])
        .arg(&program)
        .args(calls);
    let output = run(&mut command);
    assert_eq!(sentences(&output), [""; 0]);
    let lines =
        |text: &str| -> Vec<Value> { text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect() };
    let log = lines(&std::fs::read_to_string(file("log")).expect("the card's log"));
    let arrived = lines(&text(&output.stdout))
        .iter()
        .filter(|call| {
            log.iter().any(|event| {
                event["event"] == "alloc" && event["va"] == call["device"] && event["flags"] == NON_COHERENT
            })
        })
        .count();
    (arrived, rmcp_record::read(&file("record")).expect("a record"))
}

fn rules(recording: &Recording) -> Vec<(&str, &str)> {
    recording
        .calls
        .iter()
        .filter(|call| &*call.call == "hipHostMalloc")
        .map(|call| (&*call.rule, &*call.mode))
        .collect()
}

#[test]
fn a_rule_for_the_program_or_for_its_device_and_call_decides_and_the_record_names_it() {
    let calls = ["hipHostMalloc", "hipHostMalloc:0x2"];
    let (plain, recording) = on_card("", &[], &calls);
    assert_eq!(plain, 1, "hipHostMalloc(0) in mode default");
    assert!(rules(&recording).iter().all(|(rule, mode)| !rule.contains("(rule ") && *mode == "default"));

    let strict = "[[rule]]\nname = \"my-server\"\nexecutable = \"alloc\"\npolicy = \"strict\"\n";
    let (arrived, recording) = on_card(strict, &[], &calls);
    assert_eq!(arrived, 2, "mapped memory too");
    let found = rules(&recording);
    assert!(found.len() == 2 && found.iter().all(|(rule, _)| rule.ends_with(" (rule my-server)")), "{found:?}");
    assert!(found.iter().all(|(_, mode)| *mode == "strict"), "{found:?}");

    let audit = "[[rule]]\nname = \"look\"\ndevice = \"1002:73bf\"\ncall = \"hipHostM*\"\npolicy = \"audit\"\n";
    let (arrived, recording) = on_card(&format!("{strict}{audit}"), &[], &calls);
    assert_eq!(arrived, 0);
    assert!(rules(&recording).iter().all(|found| found.0.ends_with(" (rule look)") && found.1 == "audit"));

    let (arrived, _) = on_card(&audit.replace("1002:73bf", "gfx101*"), &[], &calls);
    assert_eq!(arrived, plain, "another device");

    let library = "[[rule]]\nname = \"quiet\"\nlibrary = \"/**/alloc\"\npolicy = \"off\"\n";
    let (arrived, recording) = on_card(library, &[], &calls);
    assert_eq!((arrived, rules(&recording).len()), (0, 0), "neither changed nor recorded");

    let (arrived, recording) = on_card(strict, &[("RMCP_POLICY", "default")], &calls);
    assert_eq!(arrived, 1, "the variable has the last word over a rule for the program");
    assert!(rules(&recording).iter().all(|(rule, _)| !rule.contains("my-server")));
}

/// The policy that a run of `calls counters` reports.
fn policy(output: &Output) -> String {
    let out = text(&output.stdout);
    let line = out.lines().find(|line| line.starts_with("counters"));
    let line = line.unwrap_or_else(|| panic!("{out}{}", text(&output.stderr)));
    line.split(' ').nth(2).expect("the policy").to_owned()
}

#[test]
fn a_broken_file_is_one_sentence_and_the_program_runs_as_with_off() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = program(directory.path(), "calls.c", &["-lamdhip64", "-ldl", "-pthread"]);
    let file = directory.path().join("rmcp.toml");
    std::fs::write(&file, "record = \"/nonexistent/record\"\npolicy = \"stric\"\n").expect("write");
    let output = run(with_fronts(fronts(), &program).arg("counters").env("RMCP_CONFIG", &file));
    let said = sentences(&output);
    assert_eq!((said.len(), policy(&output)), (1, "off".to_owned()), "{said:?}");
    for word in [&*file.with_file_name("rmcp.toml:2:10").to_string_lossy(), "strict?", "nothing is rewritten"] {
        assert!(said[0].contains(word), "{word}: {said:?}");
    }
    let output = run(with_fronts(fronts(), &program).arg("counters").env("RMCP_POLISY", "off"));
    let said = sentences(&output);
    assert!(said.len() == 1 && said[0].contains("RMCP_POLICY?") && policy(&output) == "default", "{said:?}");
}

#[test]
fn with_lazy_opening_a_program_that_calls_nothing_reads_no_configuration() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (source, out) = (directory.path().join("idle.c"), directory.path().join("idle"));
    std::fs::write(&source, "int main(void) { return 0; }\n").expect("write");
    run(Command::new("cc").arg(&source).arg("-o").arg(&out).args(["-Wl,--no-as-needed", "-lamdhip64"]));
    let said = |open: &str| {
        let mut command = with_fronts(fronts(), &out);
        sentences(&run(command.env("RMCP_OPEN", open).env("RMCP_CONFIG", "/nonexistent/rmcp.toml"))).len()
    };
    assert_eq!((said("lazy"), said("eager")), (0, 1));
}

/// Runs a command where `/etc/rmcp/config.toml` has these contents, in mounts of its own.
fn with_system_file(directory: &Path, contents: &str, command: &mut Command) -> Command {
    let etc = directory.join("etc");
    if !etc.exists() {
        run(Command::new("cp").args(["-a", "/etc"]).arg(&etc));
    }
    std::fs::create_dir_all(etc.join("rmcp")).expect("make a directory");
    std::fs::write(etc.join("rmcp/config.toml"), contents).expect("write");
    let mut inside = Command::new("unshare");
    inside.args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc && exec \"$@\""]).arg(&etc);
    inside.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    inside
}

#[test]
fn a_setuid_program_ignores_all_but_the_systems_file() {
    // SAFETY: no preconditions.
    if unsafe { libc::geteuid() } != 0 {
        println!("skipped: making a set-user-id program of another user takes root");
        return;
    }
    let mut mount = Command::new("unshare");
    if !output(mount.args(["--mount", "mount", "--bind", "/etc", "/etc"])).status.success() {
        println!("skipped: this environment allows no mounts, so /etc/rmcp cannot be stood in for");
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    for readable in [directory.path(), fronts()] {
        std::fs::set_permissions(readable, PermissionsExt::from_mode(0o755)).expect("chmod");
    }
    // The other user may not be let into the folder that this is built in; and in secure execution LD_LIBRARY_PATH is ignored.
    std::fs::copy(core_directory().join("librmcp.so"), directory.path().join("librmcp.so")).expect("copy");
    let rpath = format!("-Wl,-rpath,{}:{}", fronts().display(), directory.path().display());
    let program =
        program(directory.path(), "calls.c", &["-lamdhip64", "-ldl", "-pthread", &rpath, "-Wl,--disable-new-dtags"]);

    std::fs::create_dir(directory.path().join("rmcp")).expect("make a directory");
    std::fs::write(directory.path().join("rmcp/config.toml"), "attributes = \"asked\"\npolicy = \"off\"\n")
        .expect("write");
    let named = directory.path().join("named.toml");
    let log = directory.path().join("log");
    std::fs::write(&named, format!("log = {log:?}\n")).expect("write");
    let system = "policy = \"audit\"\n[[rule]]\nname = \"exact\"\nexecutable = \"calls\"\npolicy = \"strict\"\n";
    let run_with = |system: &str, variable: (&str, &str)| {
        let mut command = without_fronts(&program);
        command.arg("counters").env("XDG_CONFIG_HOME", directory.path()).env("RMCP_CONFIG", &named);
        command.env(variable.0, variable.1);
        let output = output(&mut with_system_file(directory.path(), system, &mut command));
        (policy(&output), sentences(&output).len())
    };
    let nothing = ("RMCP_POLICY", "");
    assert_eq!(run_with("", nothing), ("off".to_owned(), 0), "the user's file counts");
    assert_eq!(run_with(system, ("RMCP_POLICY", "default")), ("default".to_owned(), 0), "the variable counts");
    assert!(log.exists(), "the named file counts");

    std::fs::remove_file(&log).expect("remove");
    std::os::unix::fs::chown(&program, Some(65534), Some(65534)).expect("chown");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o4755)).expect("chmod");
    assert_eq!(run_with("", nothing), ("default".to_owned(), 0), "nobody's file counts");
    assert_eq!(run_with("policy = \"audit\"\n", ("RMCP_POLICY", "off")), ("audit".to_owned(), 0));
    assert_eq!(run_with(system, ("RMCP_POLICY", "off")), ("strict".to_owned(), 0), "its rules as well");
    assert_eq!(run_with(system, ("RMCP_POLISY", "off")), ("strict".to_owned(), 0), "other people's slips are not told");
    assert!(!log.exists());
}
