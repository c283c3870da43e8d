//! `rmcp run` with AMD's libraries as Debian 12 ships them, on the virtual card.

mod support;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use support::{build_libraries, output, program, rmcp};

const ALLOC: &str = "\
#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>
int main(void) { void *p; return hipHostMalloc(&p, 65536, 0); }
";

/// A program that makes one default host allocation, linked with HIP as `arguments` say.
fn alloc(directory: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    program(directory, name, ALLOC, &[arguments, &["-lamdhip64"]].concat())
}

fn plain() -> &'static Path {
    static PROGRAM: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = PROGRAM.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let path = alloc(directory.path(), "alloc", &[]);
        (directory, path)
    });
    path
}

fn on_card(arguments: &[&str]) -> Command {
    build_libraries();
    let mut command = rmcp();
    command.arg("run").args(arguments).args(["--virtual", "gfx1030", "--"]);
    command
}

fn assert_clean(stderr: &str) {
    for words in ["no version information", "cannot be preloaded", "internal error", "panic"] {
        assert!(!stderr.contains(words), "{stderr}");
    }
}

#[test]
fn the_summary_names_libraries_cards_and_what_was_rewritten() {
    let (code, stdout, stderr) = output(on_card(&[]).arg(plain()));
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert_clean(&stderr);
    for words in [
        "RMCP: policy default; 1 allocation call in 1 process: 1 rewritten, 0 left as asked",
        "libamdhip64.so.5       5.2.21153  build-id ",
        "Virtual GPUs: gfx1030 (RDNA2, 0000:03:00.0)",
        "hipHostMalloc  Default -> NonCoherent  1 call  64 KiB  gfx1030  (1)",
        "--record FILE",
    ] {
        assert!(stderr.contains(words), "{words}: {stderr}");
    }
}

#[test]
fn quiet_says_nothing_and_other_policies_say_what_they_did_not_do() {
    assert_eq!(output(on_card(&["--quiet"]).arg(plain())).2, "");
    let (_, _, audit) = output(on_card(&["--policy", "audit"]).arg(plain()));
    assert!(audit.contains("0 rewritten, 1 left as asked (1 of them would be rewritten"), "{audit}");
    let (_, _, off) = output(on_card(&["--policy", "off"]).arg(plain()));
    assert!(off.contains("policy off, so nothing was changed and nothing recorded"), "{off}");
    let (_, _, variable) = output(on_card(&[]).arg(plain()).env("RMCP_POLICY", "audit"));
    assert_eq!(variable, audit);
}

#[test]
fn runs_within_runs_are_hooked_once_at_either_level() {
    let inner = ["run", "--quiet", "--virtual", "gfx1030", "--"];
    for (outer, inner) in
        [(&["run", "--"][..], &inner[..]), (&["run", "--virtual", "gfx1030", "--"], &["run", "--quiet", "--"])]
    {
        build_libraries();
        let mut command = rmcp();
        let (code, _, stderr) = output(command.args(outer).arg(env!("CARGO_BIN_EXE_rmcp")).args(inner).arg(plain()));
        assert_eq!(code, 0, "{stderr}");
        assert_clean(&stderr);
        assert!(stderr.contains("1 allocation call in 1 process: 1 rewritten"), "{stderr}");
    }
}

#[test]
fn a_library_below_dt_rpath_is_the_one_used_and_hooked() {
    let directory = tempfile::tempdir().expect("a directory");
    let own = directory.path().join("own");
    std::fs::create_dir(&own).expect("made");
    for name in ["libamdhip64.so.5", "libhsa-runtime64.so.1"] {
        std::fs::copy(Path::new("/usr/lib/x86_64-linux-gnu").join(name), own.join(name)).expect("copied");
    }
    for tag in ["--disable-new-dtags", "--enable-new-dtags"] {
        let program = alloc(directory.path(), "alloc", &[&format!("-Wl,{tag},-rpath,$ORIGIN/own")]);
        let (code, _, stderr) = output(on_card(&[]).arg(&program));
        assert_eq!(code, 0, "{stderr}");
        assert_clean(&stderr);
        assert!(stderr.contains("1 rewritten"), "{tag}: {stderr}");
        assert!(stderr.contains(own.join("libamdhip64.so.5").to_str().expect("UTF-8")), "{tag}: {stderr}");
    }
    // From a shell nobody knows about the program's own copies, unless they are named.
    let program = alloc(directory.path(), "alloc", &["-Wl,--disable-new-dtags,-rpath,$ORIGIN/own"]);
    let line = format!("true; {}", program.display());
    let (_, _, stderr) = output(on_card(&[]).args(["sh", "-c", &line]));
    assert!(
        stderr.contains("never called AMD's libraries through a front") && stderr.contains("--libraries"),
        "{stderr}"
    );
    let (code, _, stderr) = output(on_card(&["--libraries", own.to_str().expect("UTF-8")]).args(["sh", "-c", &line]));
    assert_eq!(code, 0, "{stderr}");
    assert_clean(&stderr);
    assert!(stderr.contains("1 rewritten"), "{stderr}");
    for name in ["libamdhip64.so.5", "libhsa-runtime64.so.1"] {
        assert!(stderr.contains(own.join(name).to_str().expect("UTF-8")), "{stderr}");
    }
}

#[test]
fn where_rmcp_is_installed_in_place_a_run_has_fronts_of_its_own_and_counts_once() {
    build_libraries();
    let directory = tempfile::tempdir().expect("a directory");
    let own = directory.path().canonicalize().expect("exists").join("own");
    std::fs::create_dir(&own).expect("made");
    let core = Path::new(env!("CARGO_BIN_EXE_rmcp")).parent().expect("a directory").to_str().expect("UTF-8").to_owned();
    let mut saved = Vec::new();
    for soname in ["libamdhip64.so.5", "libhsa-runtime64.so.1"] {
        let system = Path::new("/usr/lib/x86_64-linux-gnu").join(soname).canonicalize().expect("AMD's library");
        let name = system.file_name().expect("a name").to_str().expect("UTF-8");
        let beside = format!("rmcp-real-{name}");
        std::fs::copy(&system, own.join(&beside)).expect("copied");
        let library = rmcp_front::Library::read(&own.join(&beside)).expect("AMD's library");
        let options = rmcp_front::Options::beside(&library, &beside, std::slice::from_ref(&core));
        rmcp_front::write(&rmcp_front::build(&library, &options), &own.join(name)).expect("a front");
        std::os::unix::fs::symlink(name, own.join(soname)).expect("a link");
        saved.push(own.join(beside));
    }
    let saved_text: Vec<&str> = saved.iter().map(|path| path.to_str().expect("UTF-8")).collect();
    let assert_once = |stderr: &str| {
        assert_clean(stderr);
        let words = ["1 allocation call in 1 process: 1 rewritten", "libamdhip64.so.5       5.2.21153  build-id "];
        for word in words.iter().chain(&saved_text[..1]) {
            assert!(stderr.contains(word), "{word}: {stderr}");
        }
    };
    // By DT_RPATH the fronts are preloaded; else they are found by LD_LIBRARY_PATH.
    for tag in ["--disable-new-dtags", "--enable-new-dtags"] {
        let program = alloc(directory.path(), "alloc", &[&format!("-Wl,{tag},-rpath,$ORIGIN/own")]);
        let (code, _, stderr) = output(on_card(&[]).arg(&program));
        assert_eq!(code, 0, "{stderr}");
        assert_once(&stderr);
    }
    let in_path = |command: &mut Command| output(command.env("LD_LIBRARY_PATH", &own));
    let line = format!("true; {}", plain().display());
    let (code, _, stderr) = in_path(on_card(&[]).args(["sh", "-c", &line]));
    assert_eq!(code, 0, "{stderr}");
    assert_once(&stderr);
    let (_, _, stderr) = in_path(on_card(&["--policy", "audit"]).arg(plain()));
    assert!(stderr.contains("0 rewritten, 1 left as asked"), "{stderr}");
    let (_, _, stderr) = in_path(on_card(&["--policy", "off"]).arg(plain()));
    assert!(stderr.contains("policy off"), "{stderr}");
    // A library that is opened by the path of its front, as Python packages do, is hooked by that one: once too.
    let opened = "import ctypes, sys; hip = ctypes.CDLL(sys.argv[1]); p = ctypes.c_void_p(); print(hip.hipHostMalloc(ctypes.byref(p), 65536, 0))";
    let (_, stdout, stderr) = in_path(on_card(&[]).args(["python3", "-c", opened]).arg(own.join("libamdhip64.so.5")));
    assert!(stdout == "0\n" && stderr.contains("1 allocation call in 1 process: 1 rewritten"), "{stdout} {stderr}");

    let (code, stdout, _) = in_path(on_card(&["--dry-run"]).arg(plain()));
    assert_eq!(code, 0);
    assert!(stdout.contains("RMCP is installed in place there") && stdout.contains(saved_text[0]), "{stdout}");
    std::fs::remove_file(&saved[0]).expect("removed");
    let (code, stdout, stderr) = in_path(on_card(&[]).arg(plain()));
    assert_eq!((code, stdout.as_str(), stderr.lines().count()), (3, "", 1), "{stderr}");
    assert!(stderr.contains(saved_text[0]) && stderr.contains("`rmcp repair`"), "{stderr}");
}

#[test]
fn what_the_user_preloads_and_searches_stays_behind_ours() {
    build_libraries();
    let (_, stdout, _) = output(
        rmcp()
            .args(["run", "--quiet", "--", "sh", "-c", "echo $LD_PRELOAD; echo $LD_LIBRARY_PATH"])
            .env("LD_PRELOAD", "libm.so.6")
            .env("LD_LIBRARY_PATH", "/tmp:/nonexistent"),
    );
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines[0], "libm.so.6");
    let entries: Vec<&str> = lines[1].split(':').collect();
    assert!(entries[0].contains("rmcp/fronts-"), "{stdout}");
    assert_eq!(entries[1..], ["/tmp", "/nonexistent"]);
}

#[test]
fn exit_codes_and_signals_of_the_program_are_passed_through() {
    build_libraries();
    for (script, code) in
        [("exit 0", 0), ("exit 42", 42), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -TERM $$", 143)]
    {
        assert_eq!(output(rmcp().args(["run", "--quiet", "--", "sh", "-c", script])).0, code, "{script}");
    }
}

#[test]
fn a_signal_sent_to_rmcp_reaches_the_program() {
    build_libraries();
    for (name, signal) in
        [("TERM", libc::SIGTERM), ("HUP", libc::SIGHUP), ("INT", libc::SIGINT), ("USR1", libc::SIGUSR1)]
    {
        let script = format!("trap 'echo caught {name}; exit 7' {name}; echo ready; while :; do sleep 0.05; done");
        let mut child = rmcp()
            .args(["run", "--quiet", "--", "sh", "-c", &script])
            .stdout(Stdio::piped())
            .spawn()
            .expect("rmcp starts");
        let mut out = child.stdout.take().expect("a pipe");
        let mut ready = [0; 6];
        out.read_exact(&mut ready).expect("the program is ready");
        // SAFETY: no memory is involved; the child has not been waited for.
        unsafe { libc::kill(child.id() as i32, signal) };
        let deadline = Instant::now() + Duration::from_secs(60);
        let status = loop {
            if let Some(status) = child.try_wait().expect("wait") {
                break status;
            }
            if Instant::now() > deadline {
                child.kill().expect("kill");
                panic!("SIG{name} did not reach the program");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut rest = String::new();
        out.read_to_string(&mut rest).expect("read");
        assert_eq!((status.code(), rest.trim()), (Some(7), format!("caught {name}").as_str()));
    }
}

#[test]
fn what_is_ignored_before_is_ignored_by_the_program() {
    build_libraries();
    let (code, stdout, _) = output(Command::new("sh").args([
        "-c",
        "trap '' HUP; \"$0\" run --quiet -- sh -c 'kill -HUP $$; kill -HUP $PPID; echo still here'",
        env!("CARGO_BIN_EXE_rmcp"),
    ]));
    assert_eq!((code, stdout.trim()), (0, "still here"));
}

#[test]
fn runs_that_start_together_on_an_empty_cache_all_work() {
    build_libraries();
    let cache = tempfile::tempdir().expect("a directory");
    let start = || on_card(&["--quiet"]).arg(plain()).env("XDG_CACHE_HOME", cache.path()).spawn().expect("rmcp starts");
    let children: Vec<_> = (0..8).map(|_| start()).collect();
    for mut child in children {
        assert!(child.wait().expect("wait").success());
    }
    let entries: Vec<_> = std::fs::read_dir(cache.path().join("rmcp")).expect("read").flatten().collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
}

#[test]
fn what_cannot_be_done_is_said_in_one_sentence_before_anything_starts() {
    build_libraries();
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("text"), "important").expect("written");
    std::fs::create_dir_all(path("front")).expect("made");
    let made = rmcp()
        .args(["front", "build", "--real", "/usr/lib/x86_64-linux-gnu/libamdhip64.so.5", "--out"])
        .arg(path("front/libamdhip64.so.5"))
        .status();
    assert!(made.expect("rmcp starts").success());
    std::fs::create_dir_all(path("empty")).expect("made");
    let text = |name: &str| path(name).to_str().expect("UTF-8").to_owned();
    /// Arguments, variables, exit code, and a word of the sentence.
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], i32, &'a str);
    let cases: [Case; 8] = [
        (&["run", "--", "/nonexistent/program"], &[], 127, "/nonexistent/program"),
        (&["run", "--", "no-such-program"], &[], 127, "PATH"),
        (&["run", "--", &text("text")], &[], 127, "Permission denied"),
        (&["run", "--record", &text("text"), "--", "sh", "-c", "echo started"], &[], 4, "left alone"),
        (&["run", "--record", "/nonexistent/record", "--", "sh", "-c", "echo started"], &[], 3, "/nonexistent/record"),
        (&["run", "--libraries", &text("empty"), "--", "sh", "-c", "echo started"], &[], 3, "libamdhip64.so.N"),
        (&["run", "--", "sh", "-c", "echo started"], &[("LD_LIBRARY_PATH", &text("front"))], 3, "front itself"),
        (
            &["run", "--", "sh", "-c", "echo started"],
            &[("XDG_CACHE_HOME", "/proc"), ("HOME", "/proc")],
            3,
            "XDG_CACHE_HOME",
        ),
    ];
    for (arguments, variables, code, word) in cases {
        let (found, stdout, stderr) = output(rmcp().args(arguments).envs(variables.iter().copied()));
        assert_eq!((found, stdout.as_str(), stderr.lines().count()), (code, "", 1), "{arguments:?}: {stderr}");
        assert!(stderr.contains(word), "{word}: {stderr}");
    }
    assert_eq!(std::fs::read_to_string(path("text")).expect("read"), "important");
    let (code, _, stderr) = output(rmcp().args(["run", "--virtual-log", "x", "--", "true"]));
    assert!(code == 2 && stderr.contains("--virtual <SPEC>"), "{stderr}");
    let (code, _, stderr) = output(rmcp().args(["run", "--", "true"]).env("RMCP_POLICY", "fast"));
    assert!(code == 3 && stderr.contains("fast") && stderr.contains("strict"), "{stderr}");
}

#[test]
fn a_record_of_a_run_that_goes_on_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let record = directory.path().join("record");
    let run = |script: &str| {
        let mut command = rmcp();
        command.args(["run", "--quiet", "--record"]).arg(&record).args(["--", "sh", "-c", script]);
        command
    };
    // It goes on until its input ends.
    let mut first =
        run("echo started; read line; exit 0").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut started = [0; 8];
    first.stdout.as_mut().expect("a pipe").read_exact(&mut started).expect("a line");
    let (code, _, stderr) = output(&mut run("exit 0"));
    assert!(code == 4 && stderr.contains("another rmcp run"), "{code} {stderr}");
    drop(first.stdin.take());
    assert!(first.wait().expect("the first").success());
    assert_eq!(output(&mut run("exit 0")).0, 0, "afterwards it is replaced");
}

#[test]
fn what_the_user_preloads_stands_before_fronts() {
    let system = "/usr/lib/x86_64-linux-gnu";
    let own = format!("{system}/libnuma.so.1");
    let mut command = rmcp();
    command.args(["run", "--quiet", "--libraries", system, "--", "sh", "-c", "echo $LD_PRELOAD"]);
    let (code, stdout, stderr) = output(command.env("LD_PRELOAD", &own));
    assert_eq!(code, 0, "{stderr}");
    let entries: Vec<&str> = stdout.trim().split(':').collect();
    assert_eq!(entries[0], own, "{entries:?}");
    assert!(entries[1..].iter().any(|entry| entry.contains("libamdhip64.so.5")), "{entries:?}");
}

#[test]
fn a_front_takes_the_place_of_nothing_but_a_front() {
    let directory = tempfile::tempdir().expect("a directory");
    let hip = "/usr/lib/x86_64-linux-gnu/libamdhip64.so.5";
    let path = |name: &str| directory.path().join(name);
    std::fs::copy(hip, path("copy.so")).expect("a copy");
    std::fs::write(path("text"), "important").expect("written");
    std::os::unix::fs::symlink(path("text"), path("link")).expect("a link");
    let build = |real: &Path, out: &str| {
        output(rmcp().args(["front", "build", "--real"]).arg(real).arg("--out").arg(path(out)))
    };
    for (real, out) in [(path("copy.so"), "copy.so"), (hip.into(), "text"), (hip.into(), "link")] {
        let (code, _, stderr) = build(&real, out);
        assert!(code == 4 && stderr.contains("is not a front"), "{out}: {code} {stderr}");
    }
    assert_eq!(std::fs::read(path("copy.so")).expect("the copy"), std::fs::read(hip).expect("AMD's"));
    assert_eq!(std::fs::read_to_string(path("link")).expect("the text"), "important");
    assert_eq!((build(Path::new(hip), "front.so").0, build(Path::new(hip), "front.so").0), (0, 0), "again");
}

#[test]
fn a_fifo_in_the_place_of_a_library_or_record_is_refused_and_not_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let fifo = directory.path().join("libamdhip64.so.5");
    assert!(Command::new("mkfifo").arg(&fifo).status().is_ok_and(|status| status.success()), "mkfifo");
    let front = directory.path().join("front.so");
    let (code, _, stderr) = output(rmcp().args(["front", "build", "--real"]).arg(&fifo).arg("--out").arg(front));
    assert!(code == 3 && stderr.contains("not a regular file"), "{stderr}");
    assert_eq!(output(rmcp().arg("report").arg(&fifo)).0, 3);
    let (code, _, stderr) = output(rmcp().args(["run", "--libraries"]).arg(directory.path()).args(["--", "true"]));
    assert!(code == 3 && stderr.contains("libamdhip64"), "{stderr}");
}

#[test]
fn a_front_is_built_and_checked() {
    let directory = tempfile::tempdir().expect("a directory");
    let (front, system) = (directory.path().join("front.so"), Path::new("/usr/lib/x86_64-linux-gnu"));
    let check = |real: &Path| output(rmcp().args(["front", "check", "--real"]).arg(real).arg("--front").arg(&front));
    let hip = system.join("libamdhip64.so.5");
    assert_eq!(check(&hip).0, 3);
    assert_eq!(output(rmcp().args(["front", "build", "--real"]).arg(&hip).arg("--out").arg(&front)).0, 0);
    let (code, stdout, _) = check(&hip);
    assert_eq!(code, 0);
    assert!(stdout.starts_with("libamdhip64.so.5: the front has the same "), "{stdout}");
    let (code, stdout, _) = check(&system.join("libhsa-runtime64.so.1"));
    assert_eq!(code, 1);
    assert!(stdout.contains("the SONAME is libamdhip64.so.5, not libhsa-runtime64.so.1"), "{stdout}");
    assert_eq!(stdout.lines().count(), 21, "{stdout}");
    assert!(stdout.ends_with(" more; --all shows them\n"), "{stdout}");
}

#[test]
fn a_users_rule_stands_behind_the_reason_of_the_tables() {
    let directory = tempfile::tempdir().expect("a directory");
    let configuration = directory.path().join("config.toml");
    let record = directory.path().join("record");
    let text = format!("record = {record:?}\n[[rule]]\nname = \"mine\"\nlibrary = \"alloc\"\npolicy = \"strict\"\n");
    std::fs::write(&configuration, text).expect("write");
    let (code, _, stderr) = output(on_card(&[]).arg(plain()).env("RMCP_CONFIG", &configuration));
    assert_eq!(code, 0, "{stderr}");
    let why = stderr.lines().find(|line| line.starts_with("  (1) ")).expect("a reason");
    assert!(why.ends_with(". (rule mine)") && !why.contains("host-default"), "{why}");
    assert!(stderr.contains("as the configuration or RMCP_RECORD says"), "{stderr}");
    let (code, stdout, stderr) = output(rmcp().arg("report").arg(&record));
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("(rule mine): ") && !stdout.contains("not known to this rmcp"), "{stdout}");
}
