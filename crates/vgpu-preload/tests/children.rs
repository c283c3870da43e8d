//! Ordinary programs under the preload: they see the virtual machine's files, and nothing else of them changes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use vgpu::launch::{LIBRARY, Prepared};

/// The library that cargo has just built, beside the test programs' directory.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("this program's path");
    let built = test.ancestors().skip(1).map(|directory| directory.join(LIBRARY)).find(|path| path.exists());
    built.expect("cargo builds the library before its tests")
}

fn run(prepared: &Prepared, program: &str, arguments: &[&str]) -> Output {
    let environment = prepared.environment().iter().map(|(name, value)| (name, value));
    Command::new(program).args(arguments).envs(environment).output().expect("the program starts")
}

fn machine(spec: &str, log: Option<&Path>) -> Prepared {
    Prepared::new(&spec.parse().expect("a machine"), log, &library()).expect("a prepared machine")
}

/// What a shell script prints; it must succeed and say nothing on stderr.
fn shell(spec: &str, script: &str) -> String {
    let output = run(&machine(spec, None), "sh", &["-c", script]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn programs_find_the_device_files_and_the_topology() {
    assert_eq!(shell("gfx1030,gfx1010", "ls /dev/dri"), "card0\ncard1\nrenderD128\nrenderD129\n");
    assert_eq!(shell("gfx1030", "stat -c %F /dev/kfd /dev/dri/renderD128"), "character special file\n".repeat(2));
    let nodes = "cat /sys/class/kfd/kfd/topology/nodes/*/properties | grep -c gfx_target_version.100";
    assert_eq!(shell("gfx1030,gfx1010", nodes), "2\n");
    assert!(shell("gfx1030", "lsmod").contains("amdgpu "));
    assert_eq!(shell("gfx1030", "ls -la /dev/dri >/dev/null; echo ok"), "ok\n");
}

#[test]
fn resolved_paths_do_not_show_the_tree() {
    assert_eq!(shell("gfx1030", "realpath /sys/class/kfd/kfd"), "/sys/devices/virtual/kfd/kfd\n");
    assert_eq!(shell("gfx1030", "readlink /sys/class/drm/renderD128"), "../../dev/char/226:128\n");
}

#[test]
fn a_card_that_is_not_there_has_no_files() {
    assert_eq!(shell("gfx1030", "test -e /dev/dri/renderD129 || echo none"), "none\n");
    assert_eq!(shell("gfx1030", "test -e /dev/dri/renderD128 && echo some"), "some\n");
}

#[test]
fn other_files_and_exit_codes_are_the_programs_own() {
    assert_eq!(shell("gfx1030", "echo text > $0.tmp; cat $0.tmp; rm $0.tmp").trim(), "text");
    assert_eq!(run(&machine("gfx1030", None), "sh", &["-c", "exit 7"]).status.code(), Some(7));
}

#[test]
fn without_a_machine_in_the_environment_the_library_does_nothing() {
    let output = Command::new("ls").arg("/dev/dri").env("LD_PRELOAD", library()).output().expect("ls starts");
    assert_eq!(output.status.success(), Path::new("/dev/dri").exists());
}

#[test]
fn a_machine_that_is_not_understood_is_one_sentence_and_the_program_runs() {
    let output = Command::new("sh")
        .args(["-c", "test -e /dev/kfd; test -e /dev/dri; exit 0"])
        .envs([("VGPU_SPEC", "gfx7"), ("VGPU_TREE", "/nonexistent")])
        .env("LD_PRELOAD", library())
        .output()
        .expect("sh starts");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success() && text.contains("gfx7") && text.lines().count() == 1, "{text}");
}

const FORKED: &str = r#"
import errno, fcntl, os, struct, sys
GET_VERSION = 0x80084B01
def version(fd):
    answer = bytearray(8)
    fcntl.ioctl(fd, GET_VERSION, answer)
    return struct.unpack("II", answer)
kfd = os.open("/dev/kfd", os.O_RDWR)
assert version(os.dup(kfd)) == (1, 17)
child = os.fork()
if child == 0:
    try:
        version(kfd)
        os._exit(1)
    except OSError as error:
        if error.errno != errno.EBADF:
            os._exit(2)
    os._exit(0 if version(os.open("/dev/kfd", os.O_RDWR)) == (1, 17) else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"#;

#[test]
fn a_forked_child_has_a_driver_of_its_own_and_not_the_parents() {
    let output = run(&machine("gfx1030", None), "python3", &["-c", FORKED]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn python_sees_character_devices_by_path_and_by_descriptor() {
    let script = r#"
import os, stat
fd = os.open("/dev/dri/renderD128", os.O_RDWR)
for status in (os.stat("/dev/dri/renderD128"), os.fstat(fd), os.stat(fd)):
    assert stat.S_ISCHR(status.st_mode) and status.st_rdev == os.makedev(226, 128), status
assert sorted(entry.name for entry in os.scandir("/sys/dev/char/226:128/device/drm")) == ["card0", "renderD128"]
"#;
    let output = run(&machine("gfx1030", None), "python3", &["-c", script]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_tree_is_removed_with_the_machine() {
    let prepared = machine("gfx1030", None);
    let tree = prepared.tree().to_owned();
    assert!(tree.join("dev/kfd").exists());
    drop(prepared);
    assert!(!tree.exists());
}

#[test]
fn a_preload_of_the_callers_stays_behind_ours() {
    let script = "echo $LD_PRELOAD";
    let prepared = machine("gfx1030", None);
    let (_, preload) = prepared.environment().iter().find(|(name, _)| *name == "LD_PRELOAD").expect("it is set");
    assert!(Path::new(preload).ends_with(LIBRARY) || preload.to_string_lossy().contains(&format!("{LIBRARY}:")));
    let output = run(&prepared, "sh", &["-c", script]);
    assert!(String::from_utf8_lossy(&output.stdout).contains(LIBRARY));
}
