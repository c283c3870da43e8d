//! Through the fronts a program gets what AMD's libraries 5.2.3 say, whenever and from wherever it calls. No GPU is needed: HIP's answers without one
//! are the same with and without fronts, and the counters say that the hooks were there.

mod core_support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use core_support::{
    HIP, HSA, core_directory, fronts, install, output, program, run, sentences, text, with_fronts, without_fronts,
};

fn calls(directory: &Path) -> std::path::PathBuf {
    program(directory, "calls.c", &["-lamdhip64", "-ldl", "-pthread"])
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

#[test]
fn the_core_exports_only_its_own_names_and_has_its_soname() {
    let core = core_directory().join("librmcp.so");
    let names =
        run(std::process::Command::new("nm").args(["-D", "--defined-only", "--format=just-symbols"]).arg(&core));
    let names = text(&names.stdout);
    assert!(names.lines().count() >= 6 && names.lines().all(|name| name.starts_with("rmcp_")), "{names}");
    let dynamic = text(&run(std::process::Command::new("readelf").arg("-d").arg(&core)).stdout);
    assert!(dynamic.contains("soname: [librmcp.so]"), "{dynamic}");
    let bytes = std::fs::read(&core).expect("the core");
    let mark = b"HSA_AMD_TOOL_PRIORITY";
    assert!(!bytes.windows(mark.len()).any(|window| window == mark), "ROCr would take it for a tool library");
}

#[test]
fn every_way_of_calling_gives_amds_answers_and_both_opening_modes_do() {
    let directory = temporary();
    let program = calls(directory.path());
    for way in ["plain", "atexit", "fork", "threads", "thread-exit", "errno"] {
        let stock = text(&run(without_fronts(&program).arg(way)).stdout);
        assert!(!stock.is_empty());
        for open in ["", "lazy"] {
            for policy in ["off", "audit", "default", "strict"] {
                let fronted =
                    run(with_fronts(fronts(), &program).arg(way).env("RMCP_OPEN", open).env("RMCP_POLICY", policy));
                assert_eq!(text(&fronted.stdout), stock, "{way} {open} {policy}");
                assert_eq!(sentences(&fronted), [""; 0], "{way} {open} {policy}");
            }
        }
    }
}

#[test]
fn the_counters_show_that_the_hooks_were_there_and_that_off_has_none() {
    let directory = temporary();
    let program = calls(directory.path());
    let counted = |policy: &str| {
        let out = text(&run(with_fronts(fronts(), &program).arg("counters").env("RMCP_POLICY", policy)).stdout);
        out.lines().find(|line| line.starts_with("counters")).expect("a line").to_owned()
    };
    // hipHostMalloc twice, hipMemAllocHost and hipHostRegister; the call inside of hipMemAllocHost is the runtime's own.
    assert_eq!(counted("audit"), "counters 32 audit calls=4 rewritten=0 failed=0");
    assert_eq!(counted("strict"), "counters 32 strict calls=4 rewritten=0 failed=0");
    assert_eq!(counted("off"), "counters 32 off calls=0 rewritten=0 failed=0");
}

#[test]
fn sixteen_threads_that_race_for_lazy_slots_all_arrive() {
    let directory = temporary();
    let program = calls(directory.path());
    for round in 0..10 {
        let fronted = run(with_fronts(fronts(), &program).arg("threads").env("RMCP_OPEN", "lazy"));
        assert_eq!(text(&fronted.stdout), "wrong 0\n", "round {round}");
    }
}

#[test]
fn a_plugin_that_opens_hip_privately_gets_the_front() {
    let directory = temporary();
    let program = program(directory.path(), "dlopen.c", &["-ldl"]);
    for open in ["", "lazy"] {
        let fronted = text(&run(with_fronts(fronts(), &program).env("RMCP_OPEN", open)).stdout);
        let path = fronts().join(HIP);
        let stock = text(&run(&mut without_fronts(&program)).stdout);
        let answers =
            |out: &str| out.lines().filter(|line| !line.starts_with("from")).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(answers(&fronted), answers(&stock), "{open}");
        assert!(fronted.contains(&format!("from {}", path.display())), "{fronted}");
        assert!(fronted.contains("global 0"), "{fronted}");
    }
}

#[test]
fn an_installation_can_be_moved_and_is_found_through_links() {
    let directory = temporary();
    let program = calls(directory.path());
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("first")).expect("mkdir");
    install(&at("first"), &[HIP, HSA]);
    let counted = |place: &Path, bind_now: &str| {
        let mut command = without_fronts(&program);
        command.arg("counters").env("RMCP_POLICY", "audit").env("LD_LIBRARY_PATH", place).env("LD_BIND_NOW", bind_now);
        let output = run(&mut command);
        assert_eq!(sentences(&output), [""; 0]);
        text(&output.stdout).lines().find(|line| line.starts_with("counters")).expect("a line").to_owned()
    };
    // As often as through other fronts: a call that passes HIP's front and HSA's is one.
    let once = "counters 32 audit calls=4 rewritten=0 failed=0";
    assert_eq!(counted(&at("first"), ""), once);
    assert_eq!(counted(&at("first"), "1"), once);
    std::fs::rename(at("first"), at("second")).expect("moved");
    assert_eq!(counted(&at("second"), ""), once);
    std::fs::create_dir(at("links")).expect("mkdir");
    for name in [HIP, HSA] {
        std::os::unix::fs::symlink(at("second").join(name), at("links").join(name)).expect("a link");
    }
    assert_eq!(counted(&at("links"), ""), once);
}

#[test]
fn a_program_that_has_loaded_the_front_before_an_uninstallation_gets_the_library_afterwards() {
    let directory = temporary();
    install(directory.path(), &[HIP]);
    let source = directory.path().join("waits.c");
    std::fs::write(
        &source,
        "#include <stdio.h>\nint hipRuntimeGetVersion(int *);\nint main(void) { int version = 0; puts(\"loaded\"); fflush(stdout); getchar();\n\
         printf(\"%d \", hipRuntimeGetVersion(&version)); printf(\"%d\\n\", version > 0); return 0; }\n",
    )
    .expect("write");
    let out = directory.path().join("waits");
    run(std::process::Command::new("cc").arg(&source).arg("-o").arg(&out).arg(directory.path().join(HIP)));
    let mut command = without_fronts(&out);
    command.env("RMCP_OPEN", "lazy").env("LD_LIBRARY_PATH", directory.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut waiting = command.spawn().expect("start");
    let mut stdout = BufReader::new(waiting.stdout.take().expect("piped"));
    let mut said = String::new();
    stdout.read_line(&mut said).expect("read");
    let name = directory.path().join(HIP).canonicalize().expect("the front");
    let saved = format!("rmcp-real-{}", name.file_name().expect("a name").to_string_lossy());
    std::fs::rename(name.with_file_name(saved), &name).expect("rename");
    drop(waiting.stdin.take());
    stdout.read_to_string(&mut said).expect("read");
    let output = waiting.wait_with_output().expect("wait");
    assert_eq!((said.as_str(), text(&output.stderr).as_str()), ("loaded\n0 1\n", ""));
}

#[test]
fn a_relative_path_to_an_installation_outlives_a_change_of_the_working_directory() {
    let directory = temporary();
    install(directory.path(), &[HIP, HSA]);
    let source = directory.path().join("moves.c");
    std::fs::write(
        &source,
        "#include <dlfcn.h>\n#include <stdio.h>\n#include <unistd.h>\nint main(void) { void *hip = dlopen(\"./libamdhip64.so.5\", RTLD_NOW);\n\
         if (!hip) return puts(dlerror()), 2;\n int version = 0, (*call)(int *) = (int (*)(int *))dlsym(hip, \"hipRuntimeGetVersion\");\n\
         if (chdir(\"/\")) return 3;\n printf(\"%d \", call(&version)); printf(\"%d\\n\", version > 0); return 0; }\n",
    )
    .expect("write");
    let out = directory.path().join("moves");
    run(std::process::Command::new("cc").arg(&source).arg("-o").arg(&out));
    for open in ["", "lazy"] {
        let output = run(without_fronts(&out).current_dir(directory.path()).env("RMCP_OPEN", open));
        assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("0 1\n", ""), "{open}");
    }
}

/// `ctypes.CDLL("libamdhip64.so").hsa_init`: the real HIP needs HSA, so the loader finds HSA's functions through HIP's handle.
#[test]
fn hsa_functions_are_found_through_the_handle_of_an_installed_hip() {
    let directory = temporary();
    install(directory.path(), &[HIP, HSA]);
    let script = "import ctypes, sys\nhip = ctypes.CDLL(sys.argv[1])\nclass Info(ctypes.Structure):\n    \
         _fields_ = [('file', ctypes.c_char_p), ('base', ctypes.c_void_p), ('name', ctypes.c_char_p), ('at', ctypes.c_void_p)]\n\
         info = Info()\nctypes.CDLL(None).dladdr(ctypes.cast(hip.hsa_init, ctypes.c_void_p), ctypes.byref(info))\n\
         print(info.file.decode(), info.name.decode(), hip.hipGetDeviceCount(ctypes.byref(ctypes.c_int())))\n";
    let hip = directory.path().join(HIP);
    for bind_now in ["", "1"] {
        let mut command = without_fronts(Path::new("python3"));
        command.arg("-c").arg(script).arg(&hip);
        let output = run(command.env("LD_LIBRARY_PATH", directory.path()).env("LD_BIND_NOW", bind_now));
        let expected = format!("{} hsa_init 100\n", directory.path().join(HSA).display());
        assert_eq!((text(&output.stdout), sentences(&output)), (expected, Vec::new()));
    }
}

#[test]
fn the_core_that_comes_first_serves_the_fronts_of_two_installations() {
    let directory = temporary();
    let program = calls(directory.path());
    let place = |name: &str, soname: &str| {
        let place = directory.path().join(name);
        std::fs::create_dir(&place).expect("mkdir");
        install(&place, &[soname]);
        let core = place.join("rmcp-core");
        std::fs::create_dir(&core).expect("mkdir");
        std::fs::copy(core_directory().join("librmcp.so"), core.join("librmcp.so")).expect("copy");
        let front = place.join(soname).canonicalize().expect("the front");
        let saved = format!("rmcp-real-{}", front.file_name().expect("a name").to_string_lossy());
        let library = rmcp_front::Library::read(&place.join(&saved)).expect("a library");
        let options = rmcp_front::Options::beside(&library, &saved, &["$ORIGIN/rmcp-core".to_owned()]);
        rmcp_front::write(&rmcp_front::build(&library, &options), &front).expect("write the front");
        (place, core.join("librmcp.so"))
    };
    let ((hip, hip_core), (hsa, hsa_core)) = (place("hip", HIP), place("hsa", HSA));
    let mut command = without_fronts(&program);
    command.arg("counters").env("RMCP_POLICY", "audit").env("LD_DEBUG", "files");
    command.env("LD_LIBRARY_PATH", format!("{}:{}", hip.display(), hsa.display()));
    let output = run(&mut command);
    assert!(text(&output.stdout).contains("audit calls=4 "), "{}", text(&output.stdout));
    let log = text(&output.stderr);
    let started = |file: &Path| log.contains(&format!("calling init: {}\n", file.display()));
    assert_eq!([started(&hip_core), started(&hsa_core), started(&hsa.join(HSA))], [true, false, true], "{log}");
}

#[test]
fn lazy_opening_leaves_amds_libraries_out_of_a_process_that_never_calls_them() {
    let directory = temporary();
    let source = directory.path().join("maps.c");
    std::fs::write(
        &source,
        "#include <stdio.h>\n#include <string.h>\nint hipGetDeviceCount(int*);\nint main(int c, char**v) { if (c > 5) hipGetDeviceCount(&c);\n\
         char line[4096]; FILE *f = fopen(\"/proc/self/maps\", \"r\"); int n = 0;\n\
         while (fgets(line, sizeof line, f)) n += strstr(line, \"/usr/lib\") && strstr(line, \"libamdhip64\");\nprintf(\"%d\\n\", n > 0); return v == 0; }\n",
    )
    .expect("write");
    let out = directory.path().join("maps");
    run(std::process::Command::new("cc").arg(&source).arg("-o").arg(&out).args(["-Wl,--no-as-needed", "-lamdhip64"]));
    assert_eq!(text(&run(with_fronts(fronts(), &out).env("RMCP_OPEN", "lazy")).stdout), "0\n");
    assert_eq!(text(&run(&mut with_fronts(fronts(), &out)).stdout), "1\n");
}

#[test]
fn an_unknown_policy_is_said_once_and_the_program_runs_unhooked() {
    let directory = temporary();
    let program = calls(directory.path());
    let fronted = run(with_fronts(fronts(), &program).arg("counters").env("RMCP_POLICY", "fastest"));
    let said = sentences(&fronted);
    assert_eq!(said.len(), 1, "{said:?}");
    for word in ["fastest", "off", "audit", "default", "strict"] {
        assert!(said[0].contains(word), "{said:?}");
    }
    assert!(text(&fronted.stdout).contains(" off calls=0"), "{}", text(&fronted.stdout));
}

#[test]
fn the_log_goes_to_its_file_and_nowhere_else() {
    let directory = temporary();
    let program = calls(directory.path());
    let log = directory.path().join("log");
    let fronted = run(with_fronts(fronts(), &program).env("RMCP_LOG", &log).env("RMCP_POLICY", "audit"));
    assert_eq!(sentences(&fronted), [""; 0]);
    let lines = std::fs::read_to_string(&log).expect("the log");
    for word in ["libamdhip64.so.5", "libhsa-runtime64.so.1", "hipHostMalloc"] {
        assert!(lines.contains(word), "{word}: {lines}");
    }
    let fronted = run(with_fronts(fronts(), &program).env("RMCP_LOG", "/no/such/directory/log"));
    let said = sentences(&fronted);
    assert!(said.len() == 1 && said[0].contains("/no/such/directory/log"), "{said:?}");
}

#[test]
fn secure_execution_ignores_the_environment() {
    use std::os::unix::fs::PermissionsExt;
    // SAFETY: no preconditions.
    if unsafe { libc::geteuid() } != 0 {
        println!("skipped: making a set-user-id program of another user takes root");
        return;
    }
    let directory = temporary();
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).expect("chmod");
    // The other user may not be let into the folder that this is built in.
    std::fs::copy(core_directory().join("librmcp.so"), directory.path().join("librmcp.so")).expect("copy");
    // In secure execution LD_LIBRARY_PATH is ignored as well, so the paths are in the program.
    let rpath = format!("-Wl,-rpath,{}:{}", fronts().display(), directory.path().display());
    let program =
        program(directory.path(), "calls.c", &["-lamdhip64", "-ldl", "-pthread", &rpath, "-Wl,--disable-new-dtags"]);
    let log = directory.path().join("log");
    let mut command = without_fronts(&program);
    command.arg("counters").env("RMCP_POLICY", "off").env("RMCP_LOG", &log);
    let policy =
        |out: &std::process::Output| text(&out.stdout).lines().find(|l| l.starts_with("counters")).map(str::to_owned);
    assert!(policy(&run(&mut command)).expect("counters").contains(" off "));
    std::os::unix::fs::chown(&program, Some(65534), Some(65534)).expect("chown");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o4755)).expect("chmod");
    std::fs::set_permissions(fronts(), PermissionsExt::from_mode(0o755)).expect("chmod");
    let _ = std::fs::remove_file(&log);
    let secure = output(&mut command);
    assert!(
        policy(&secure).is_some_and(|line| line.contains(" default ")),
        "{} {}",
        text(&secure.stdout),
        text(&secure.stderr)
    );
    assert!(!log.exists());
}
