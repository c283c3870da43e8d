//! Hostile and broken inputs of `rmcp install`, `status`, `repair` and `uninstall`: each has an exit code and a clear sentence, and changes nothing; where it only looks odd, the
//! library works with a front and the tree is afterwards as it was.

#[path = "support/install/mod.rs"]
mod install;
mod support;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use install::faults::{Ended, Place, missing, plain, run};
use install::libraries::{DEBIAN, LIBRARIES, saved};
use install::listing::{Listing, differences, list, without_times};
use support::succeed;

const TOOLS: [&str; 9] = ["strip", "cc", "mkfifo", "mknod", "setpriv", "unshare", "mount", "chattr", "objcopy"];
/// ROCr's library, the smaller one, and its SONAME.
const HSA: &str = LIBRARIES[1].0;
const SONAME: &str = "libhsa-runtime64.so.1";
/// A user without any rights of its own.
const NOBODY: &str = "65534";

/// One input.
struct Input {
    /// What is odd about it.
    name: &'static str,
    /// Makes it, given a tree with `lib` and ROCr's library in it.
    make: fn(&Bed),
    /// The command line; `TREE` stands for the tree, and `--quiet` is added to `--yes`.
    words: &'static [&'static str],
    how: How,
    code: i32,
    /// Part of what it says.
    says: &'static str,
    then: Then,
}

/// What the command is started with.
#[derive(Clone, Copy)]
enum How {
    Root,
    /// As a user who owns nothing.
    Nobody,
    /// In a mount namespace of its own, after this script (`$TREE` is the tree).
    After(&'static str),
    /// Without standard input.
    NoInput,
    /// A copy of the command without its core.
    Alone,
}

/// What the tree must be afterwards.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// As before.
    Same,
    /// The library works through a front; and uninstalled, the tree is as before.
    Works,
    /// Nothing of RMCP's is left, and the library, if there is one, works.
    Clean,
}

use How::{After, Alone, NoInput, Nobody, Root};
use Then::{Clean, Same, Works};

const INSTALL: &[&str] = &["install", "--prefix", "TREE", "--yes"];
const REPAIR: &[&str] = &["repair", "--prefix", "TREE", "--yes"];
const UNINSTALL: &[&str] = &["uninstall", "--prefix", "TREE", "--yes"];
const STATUS: &[&str] = &["status", "--prefix", "TREE"];
const PYTHON: &[&str] = &["install", "--python", "TREE", "--yes"];
const SYSTEM: &[&str] = &["install", "--system", "--root", "TREE", "--yes"];

const fn refused(name: &'static str, make: fn(&Bed), code: i32, says: &'static str) -> Input {
    Input { name, make, words: INSTALL, how: Root, code, says, then: Same }
}

const fn fine(name: &'static str, make: fn(&Bed)) -> Input {
    Input { name, make, words: INSTALL, how: Root, code: 0, says: "", then: Works }
}

impl Input {
    const fn by(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }

    const fn how(self, how: How) -> Self {
        Self { how, ..self }
    }

    const fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }
}

/// What is named on the command line.
fn targets() -> Vec<Input> {
    vec![
        refused("nothing there", |bed| bed.empty(), 3, "is not there").by(&["install", "--prefix", "TREE/none", "--yes"]),
        refused("a file", |bed| bed.write("file", b"x"), 3, "is not a directory")
            .by(&["install", "--prefix", "TREE/file", "--yes"]),
        refused("below a file", |bed| bed.write("file", b"x"), 3, "not a directory")
            .by(&["install", "--prefix", "TREE/file/rocm", "--yes"]),
        refused("a FIFO", |bed| bed.fifo("fifo"), 3, "is not a directory")
            .by(&["install", "--prefix", "TREE/fifo", "--yes"]),
        refused("a socket", |bed| bed.socket("socket"), 3, "is not a directory")
            .by(&["install", "--prefix", "TREE/socket", "--yes"]),
        refused("a device", |_| {}, 3, "is not a directory").by(&["install", "--prefix", "/dev/null", "--yes"]),
        refused("a loop of links", |bed| bed.link("loop", "loop"), 3, "round in a circle")
            .by(&["install", "--prefix", "TREE/loop", "--yes"]),
        refused("a dangling link", |bed| bed.link("gone", "link"), 3, "is not there")
            .by(&["install", "--prefix", "TREE/link", "--yes"]),
        refused("no name at all", |_| {}, 2, "a value is required").by(&["install", "--prefix", "", "--yes"]),
        refused("a name that is too long", |_| {}, 3, "File name too long").by(&[
            "install",
            "--prefix",
            "TREE/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345",
            "--yes",
        ]),
        refused("a directory that may not be entered", |bed| bed.mode("", 0o700), 4, "you may not").how(Nobody),
        refused("an empty tree", |bed| bed.empty(), 3, "no libamdhip64.so.N or libhsa-runtime64.so.1"),
        refused("an empty lib", |bed| bed.remove(HSA), 3, "no libamdhip64.so.N or libhsa-runtime64.so.1"),
        refused("an empty root", |bed| bed.empty(), 3, "no libamdhip64.so.N or libhsa-runtime64.so.1").by(SYSTEM),
        refused("a root that is a file", |bed| bed.write("file", b"x"), 3, "is not a directory")
            .by(&["install", "--system", "--root", "TREE/file", "--yes"]),
        refused("a root that is not there", |_| {}, 3, "is not there")
            .by(&["install", "--system", "--root", "TREE/none", "--yes"]),
        refused("lib is a link out of the prefix", |bed| bed.lib_elsewhere(), 3, "no libamdhip64.so.N"),
        refused("lib is a loop", |bed| bed.lib_loop(), 3, "no libamdhip64.so.N"),
        refused("lib is a file", |bed| { bed.empty(); bed.write("lib", b"x") }, 3, "no libamdhip64.so.N"),
    ]
}

/// Command lines.
fn words() -> Vec<Input> {
    vec![
        refused("--root without --system", |_| {}, 2, "--system").by(&["install", "--root", "TREE", "--yes"]),
        refused("--root with --prefix", |_| {}, 2, "--system")
            .by(&["install", "--prefix", "TREE", "--root", "TREE", "--yes"]),
        refused("two targets", |_| {}, 2, "cannot be used with")
            .by(&["install", "--prefix", "TREE", "--python", "TREE", "--yes"]),
        refused("the system and a prefix", |_| {}, 2, "cannot be used with")
            .by(&["install", "--system", "--prefix", "TREE", "--yes"]),
        refused("no target", |_| {}, 2, "required").by(&["install", "--yes"]),
        refused("a target without its value", |_| {}, 2, "a value is required").by(&["install", "--yes", "--prefix"]),
        refused("the same target twice", |_| {}, 2, "cannot be used multiple times")
            .by(&["install", "--prefix", "TREE", "--prefix", "TREE", "--yes"]),
        refused("an unknown option", |_| {}, 2, "unexpected argument").by(&["install", "--prefix", "TREE", "--force"]),
        refused("an unknown word", |_| {}, 2, "unexpected argument").by(&["install", "--prefix", "TREE", "now"]),
        refused("an unknown command", |_| {}, 2, "unrecognized subcommand").by(&["deinstall", "--prefix", "TREE"]),
        refused("--quiet without --yes", |_| {}, 2, "--yes").by(&["install", "--prefix", "TREE", "--quiet"]),
        refused("nobody to ask", |_| {}, 4, "nobody to ask").by(&["install", "--prefix", "TREE"]),
        refused("nobody to ask, and no input", |_| {}, 4, "nobody to ask")
            .by(&["install", "--prefix", "TREE"])
            .how(NoInput),
        refused("nobody to ask, with JSON", |_| {}, 4, "nobody to ask").by(&["install", "--prefix", "TREE", "--json"]),
        fine("no input", |_| {}).how(NoInput),
        refused("only a plan", |_| {}, 0, "dry run").by(&["install", "--prefix", "TREE", "--dry-run"]),
        refused("only a plan for another user's tree", |_| {}, 0, "dry run")
            .by(&["install", "--prefix", "TREE", "--dry-run"])
            .how(Nobody),
        refused("repair where nothing is installed", |_| {}, 0, "").by(REPAIR),
        refused("uninstall where nothing is installed", |_| {}, 0, "").by(UNINSTALL),
        refused("status where nothing is installed", |_| {}, 0, "").by(STATUS),
        refused("the command without its core", |_| {}, 3, "librmcp.so").how(Alone),
    ]
}

/// What stands under a library's name.
fn libraries() -> Vec<Input> {
    let none = "no libamdhip64.so.N or libhsa-runtime64.so.1";
    vec![
        refused("an empty file", |bed| bed.truncate(0), 3, none),
        refused("one byte", |bed| bed.truncate(1), 3, none),
        refused("63 bytes, one less than the header", |bed| bed.truncate(63), 3, none),
        refused("the header alone", |bed| bed.truncate(64), 3, none),
        refused("a page", |bed| bed.truncate(4096), 3, none),
        refused("half of it", |bed| bed.truncate(1 << 20), 3, none),
        refused("the last segment without its last byte", |bed| bed.truncate(bed.end_of_segments() - 1), 3, none),
        refused(
            "a text file",
            |bed| bed.library(b"/* GNU ld script */ INPUT(libhsa-runtime64.so.1)\n"),
            3,
            "not an ELF",
        ),
        refused("zeros", |bed| bed.library(&[0; 1 << 20]), 3, "not an ELF"),
        refused("a large file of nothing", |bed| bed.sparse(1 << 28), 3, "not an ELF"),
        refused(
            "the magic number and noise",
            |bed| bed.library(&[b"\x7fELF".as_slice(), &noise(8192)].concat()),
            3,
            none,
        ),
        refused("32 bit", |bed| bed.patch(4, &[1]), 3, none),
        refused("big-endian", |bed| bed.patch(5, &[2]), 3, none),
        refused("for aarch64", |bed| bed.patch(18, &[183, 0]), 3, none),
        refused("of another ELF version", |bed| bed.patch(6, &[9]), 3, none),
        refused("an executable at fixed addresses", |bed| bed.patch(16, &[2, 0]), 3, none),
        refused("a core dump", |bed| bed.patch(16, &[4, 0]), 3, none),
        refused("an object file", |bed| bed.compile("int x;", &["-c"]), 3, none),
        refused("a program", |bed| bed.compile("int main(void) { return 0; }", &[]), 3, "has no SONAME"),
        refused("a static program", |bed| bed.compile("void _start(void) {}", &["-static", "-nostdlib"]), 3, none),
        refused("no SONAME", |bed| bed.compile("int hsa_init(void) { return 0; }", &["-shared"]), 3, "has no SONAME"),
        refused(
            "another library",
            |bed| bed.compile("int f(void) { return 0; }", &["-shared", "-Wl,-soname,libz.so.1"]),
            3,
            "libz.so.1",
        ),
        refused("no program headers", |bed| bed.patch(56, &[0, 0]), 3, none),
        refused("program headers outside of the file", |bed| bed.patch(32, &[0xff; 8]), 3, none),
        refused("no dynamic section", |bed| bed.segment(2, 0, &[0, 0, 0, 0x60]), 3, none),
        refused("a dynamic section outside of the file", |bed| bed.segment(2, 8, &[0xff; 8]), 3, none),
        refused(
            "a segment larger than the file",
            |bed| bed.segment(1, 32, &[0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]),
            3,
            none,
        ),
        refused("a string table outside of the file", |bed| bed.dynamic(5, u64::MAX - 4096), 3, none),
        refused("no string table", |bed| bed.dynamic(10, 0), 3, none),
        refused("a SONAME outside of the string table", |bed| bed.dynamic(14, 0x7fff_ffff), 3, none),
        refused("a symbol table outside of the file", |bed| bed.dynamic(6, u64::MAX - 4096), 3, none),
        refused("version definitions outside of the file", |bed| bed.dynamic(0x6fff_fffc, u64::MAX - 4096), 3, none),
        refused("more version definitions than there are", |bed| bed.dynamic(0x6fff_fffd, 0xffff), 3, none),
        refused("a hash table outside of the file", |bed| bed.dynamic(0x6fff_fef5, u64::MAX - 4096), 3, none),
        refused("a symbol table's section outside of the file", |bed| bed.section(11, &[0xff; 8]), 3, none),
        refused(
            "a version definitions' section outside of the file",
            |bed| bed.section(0x6fff_fffd, &[0xff; 8]),
            3,
            none,
        ),
        refused("a version numbers' section outside of the file", |bed| bed.section(0x6fff_ffff, &[0xff; 8]), 3, none),
        refused("section headers outside of the file", |bed| bed.patch(40, &[0xff; 8]), 3, none),
        refused("no section headers", |bed| bed.patch(60, &[0, 0]), 3, none),
        refused(
            "a directory",
            |bed| {
                bed.remove(HSA);
                fs::create_dir(bed.lib(HSA)).expect("create")
            },
            3,
            "not a regular file",
        ),
        refused(
            "a FIFO as the library",
            |bed| {
                bed.remove(HSA);
                bed.fifo(&format!("lib/{HSA}"))
            },
            3,
            "not a regular file",
        ),
        refused(
            "a socket as the library",
            |bed| {
                bed.remove(HSA);
                bed.socket(&format!("lib/{HSA}"))
            },
            3,
            "not a regular file",
        ),
        refused(
            "a device as the library",
            |bed| {
                bed.remove(HSA);
                bed.device(HSA)
            },
            3,
            "not a regular file",
        ),
        refused(
            "a link to itself as the library",
            |bed| {
                bed.remove(HSA);
                bed.link(HSA, &format!("lib/{HSA}"))
            },
            3,
            none,
        ),
        refused(
            "a link to nothing as the library",
            |bed| {
                bed.remove(HSA);
                bed.link("gone", &format!("lib/{HSA}"))
            },
            3,
            "not there",
        ),
        refused(
            "a link out of the tree as the library",
            |bed| {
                bed.remove(HSA);
                bed.link(&format!("{DEBIAN}/{HSA}"), &format!("lib/{HSA}"))
            },
            3,
            none,
        ),
        refused(
            "unreadable for this user",
            |bed| fs::set_permissions(bed.lib(HSA), mode(0o600)).expect("mode"),
            3,
            none,
        )
        .how(Nobody),
        refused("a front with an absolute path", |bed| bed.front_build(&Path::new(DEBIAN).join(HSA), HSA), 3, "front"),
        refused(
            "a front of a front",
            |bed| {
                bed.front_build(&bed.lib(HSA), "front");
                bed.rename("lib/front", &format!("lib/{HSA}"))
            },
            3,
            "front",
        ),
    ]
}

/// Installations that something happened to.
fn installed() -> Vec<Input> {
    vec![
        refused("installed twice", |bed| bed.install(), 0, ""),
        refused("repaired without need", |bed| bed.install(), 0, "").by(REPAIR),
        refused(
            "a front under the saved name",
            |bed| {
                bed.install();
                fs::copy(bed.lib(HSA), bed.saved()).expect("copy");
            },
            3,
            "front",
        ),
        refused(
            "the saved library is truncated",
            |bed| {
                bed.install();
                truncate(&bed.saved(), 5000)
            },
            3,
            "is not its library",
        ),
        refused(
            "the saved library is empty",
            |bed| {
                bed.install();
                truncate(&bed.saved(), 0)
            },
            3,
            "is not its library",
        ),
        refused(
            "another library under the saved name",
            |bed| {
                bed.install();
                fs::remove_file(bed.saved()).expect("remove");
                fs::copy(Path::new(DEBIAN).join(LIBRARIES[0].0), bed.saved()).expect("copy");
            },
            3,
            "is not its library",
        ),
        refused(
            "a directory under the saved name",
            |bed| {
                bed.install();
                fs::remove_file(bed.saved()).expect("remove");
                fs::create_dir(bed.saved()).expect("create")
            },
            3,
            "is not its library",
        ),
        refused(
            "a stranger's file under the saved name, beside the library",
            |bed| bed.write(&format!("lib/rmcp-real-{HSA}"), b"mine"),
            3,
            "in the way",
        ),
        refused(
            "a FIFO under the saved name, beside the library",
            |bed| bed.fifo(&format!("lib/rmcp-real-{HSA}")),
            3,
            "in the way",
        ),
        refused(
            "a front without its library",
            |bed| {
                bed.install();
                fs::remove_file(bed.saved()).expect("remove")
            },
            0,
            "",
        )
        .by(REPAIR)
        .then(Clean),
        refused(
            "a front without its library, uninstalled",
            |bed| {
                bed.install();
                fs::remove_file(bed.saved()).expect("remove")
            },
            0,
            "",
        )
        .by(UNINSTALL)
        .then(Clean),
        refused(
            "a saved library without a front",
            |bed| {
                bed.install();
                bed.remove(HSA)
            },
            0,
            "",
        )
        .by(UNINSTALL)
        .then(Clean),
        refused(
            "the state is lost",
            |bed| {
                bed.install();
                fs::remove_dir_all(bed.tree.join(".rmcp")).expect("remove")
            },
            0,
            "",
        )
        .by(UNINSTALL)
        .then(Clean),
        refused(
            "the core is lost",
            |bed| {
                bed.install();
                fs::remove_file(bed.core().join("librmcp.so")).expect("remove")
            },
            0,
            "",
        )
        .by(UNINSTALL)
        .then(Clean),
        refused(
            "the core is a text",
            |bed| {
                bed.install();
                bed.replace(&bed.core().join("librmcp.so"), b"text")
            },
            0,
            "",
        )
        .by(UNINSTALL)
        .then(Clean),
        refused(
            "the core's directory is lost",
            |bed| {
                bed.install();
                fs::remove_dir_all(bed.core()).expect("remove")
            },
            0,
            "",
        )
        .by(UNINSTALL)
        .then(Clean),
        refused(
            "state.json is damaged",
            |bed| {
                bed.install();
                bed.write(".rmcp/state.json", b"{\"format\":1,\"inst")
            },
            0,
            "",
        )
        .by(UNINSTALL)
        .then(Clean),
        refused(
            "state.json is empty",
            |bed| {
                bed.install();
                bed.write(".rmcp/state.json", b"")
            },
            0,
            "",
        )
        .by(UNINSTALL)
        .then(Clean),
        refused(
            "state.json is of a later format",
            |bed| {
                bed.install();
                bed.write(".rmcp/state.json", b"{\"format\":99}")
            },
            0,
            "",
        )
        .by(UNINSTALL)
        .then(Clean),
        refused(
            "state.json names other files",
            |bed| {
                bed.install();
                bed.forge_state()
            },
            0,
            "",
        )
        .by(UNINSTALL)
        .then(Clean),
        refused(
            "the journal is damaged",
            |bed| {
                bed.install();
                bed.write(".rmcp/journal", b"{\n{\n")
            },
            3,
            "is damaged",
        )
        .by(REPAIR),
        refused(
            "the journal is binary",
            |bed| {
                bed.install();
                bed.write(".rmcp/journal", &[b"\n".as_slice(), &noise(999), b"\n"].concat())
            },
            3,
            "is damaged",
        )
        .by(REPAIR),
        refused(
            "the journal is a directory",
            |bed| {
                bed.install();
                fs::create_dir(bed.tree.join(".rmcp/journal")).expect("create")
            },
            3,
            "journal",
        )
        .by(REPAIR),
        refused(
            "the journal is of a later format",
            |bed| {
                bed.install();
                bed.write(".rmcp/journal", b"{\"format\":99,\"rmcp\":\"9.0.0\"}\n")
            },
            4,
            "newer than this one",
        )
        .by(REPAIR),
        refused("the journal names files outside of the tree", |bed| bed.forge_journal(), 4, "names files outside of")
            .by(REPAIR),
        refused(
            "the journal is empty",
            |bed| {
                bed.install();
                bed.write(".rmcp/journal", b"")
            },
            0,
            "",
        )
        .by(UNINSTALL)
        .then(Clean),
        refused("the state directory is a file", |bed| bed.write(".rmcp", b"mine"), 4, "something else has that name"),
        refused(
            "the state directory is a link to nothing",
            |bed| bed.link("gone", ".rmcp"),
            4,
            "something else has that name",
        ),
        refused(
            "the state directory is a link elsewhere",
            |bed| bed.state_elsewhere(),
            4,
            "something else has that name",
        ),
    ]
}

/// File systems that do not let it.
fn file_systems() -> Vec<Input> {
    vec![
        refused("another user's tree", |_| {}, 4, "you may not").how(Nobody),
        refused("another user's lib in one's own tree", |bed| bed.owned_by_nobody(), 4, "you may not").how(Nobody),
        refused(
            "another user's tree, where that user could put a link at any moment, as root",
            |bed| std::os::unix::fs::chown(&bed.tree, Some(65534), None).expect("chown"),
            4,
            "run rmcp as that user",
        ),
        refused("a read-only file system", |_| {}, 4, "read-only").how(After("mount --bind \"$TREE\" \"$TREE\"; mount -o remount,bind,ro \"$TREE\"")),
        refused("no room for the core", |_| {}, 5, "no room").how(After("cp -a \"$TREE\" \"$TREE.copy\"; mount -t tmpfs -o size=3m none \"$TREE\"; cp -a \"$TREE.copy/.\" \"$TREE\"; rm -r \"$TREE.copy\"")),
        refused("no inodes left", |_| {}, 4, "no room").how(After("cp -a \"$TREE\" \"$TREE.copy\"; mount -t tmpfs -o nr_inodes=16 none \"$TREE\"; cp -a \"$TREE.copy/.\" \"$TREE\"; rm -r \"$TREE.copy\"; i=0; while true > \"$TREE/$i\"; do i=$((i + 1)); done 2> /dev/null || :")),
        refused("an immutable library", |bed| bed.chattr("+i", &format!("lib/{HSA}")), 5, "immutable"),
        refused("an immutable directory", |bed| bed.chattr("+i", "lib"), 5, "immutable"),
        refused("an immutable tree", |bed| bed.chattr("+i", ""), 4, "immutable"),
        refused("a library that something is mounted over", |_| {}, 5, "mounted over").how(After("mount --bind \"$TREE/lib/libhsa-runtime64.so.1.5.0\" \"$TREE/lib/libhsa-runtime64.so.1.5.0\"")),
        fine("a lib of another file system", |_| {}).how(After("mount --bind \"$TREE/lib\" \"$TREE/lib\"")).then(Works),
    ]
}

/// Odd names; all of them work.
fn names() -> Vec<Input> {
    vec![
        refused(
            "a prefix that is not UTF-8",
            |bed| bed.move_to(OsString::from_vec(b"ro\xffcm".to_vec())),
            4,
            "not UTF-8",
        ),
        fine("a prefix with spaces and quotes", |bed| bed.move_to("my 'old' \"ROCm\" & co; $(true)".into())),
        fine("a prefix with a line end", |bed| bed.move_to("ro\ncm".into())),
        fine("a prefix with other letters", |bed| bed.move_to("Größe 日本 \u{1f600}".into())),
        fine("a prefix with a colon", |bed| bed.move_to("a:b".into())),
        fine("a prefix with $ORIGIN and ${LIB}", |bed| bed.move_to("$ORIGIN ${LIB} $PLATFORM".into())),
        fine("a prefix with percent signs and backslashes", |bed| bed.move_to("%s%n\\n{}".into())),
        fine("a prefix that begins like an option", |bed| bed.move_to("--yes".into())),
        fine("a prefix with a long name", |bed| bed.move_to("n".repeat(255).into())),
        fine("a deep prefix", |bed| bed.move_to(["d"; 1500].join("/").into())),
        fine("a library with a long name that has room", |bed| {
            bed.rename(&format!("lib/{HSA}"), &format!("lib/{}.so", "n".repeat(200)))
        }),
        refused(
            "a library with a name that leaves no room",
            |bed| bed.rename(&format!("lib/{HSA}"), &format!("lib/{}.so", "n".repeat(252))),
            3,
            "its name is too long",
        ),
        refused(
            "a library with a name that leaves room for the saved name only",
            |bed| bed.rename(&format!("lib/{HSA}"), &format!("lib/{}.so", "n".repeat(242))),
            3,
            "its name is too long",
        ),
        fine("a library with spaces and quotes in its name", |bed| {
            bed.rename(&format!("lib/{HSA}"), "lib/my \"own\" 'lib'.so")
        }),
        fine("a library with a line end in its name", |bed| bed.rename(&format!("lib/{HSA}"), "lib/a\nb.so.1")),
        fine("a library with other letters in its name", |bed| bed.rename(&format!("lib/{HSA}"), "lib/größer.so")),
        refused(
            "a library whose name is not UTF-8",
            |bed| {
                fs::rename(bed.lib(HSA), bed.tree.join("lib").join(OsStr::from_bytes(b"lib\xff.so"))).expect("rename")
            },
            3,
            "not UTF-8",
        ),
        fine("two names of one library", |bed| fs::hard_link(bed.lib(HSA), bed.lib(SONAME)).expect("link")),
        fine("a hard link from outside", |bed| fs::hard_link(bed.lib(HSA), bed.home.join("cache")).expect("link")),
        fine("a chain of links", |bed| {
            bed.link(HSA, &format!("lib/{SONAME}"));
            bed.link(SONAME, "lib/libhsa-runtime64.so")
        }),
        fine("a library without write permission, with a set-user-id bit", |bed| {
            fs::set_permissions(bed.lib(HSA), mode(0o4555)).expect("mode")
        }),
        fine("a stray temporary name of somebody else's", |bed| bed.write("lib/.rmcp-notes", b"mine")),
        fine("the tree by a link", |bed| bed.link("tree", "../link")).by(&[
            "install",
            "--prefix",
            "TREE/../link",
            "--yes",
        ]),
    ]
}

/// Roots with links, and dpkg's database.
fn systems() -> Vec<Input> {
    vec![
        fine("an absolute link inside the root", |bed| {
            bed.system();
            bed.rename("usr/lib", "usr/lib.real");
            bed.link("/usr/lib.real", "usr/lib")
        })
        .by(SYSTEM),
        fine("/opt/rocm leads to itself", |bed| {
            bed.system();
            fs::create_dir(bed.tree.join("opt")).expect("create");
            bed.link("rocm", "opt/rocm")
        })
        .by(SYSTEM),
        fine("/opt/rocm leads to the root", |bed| {
            bed.system();
            fs::create_dir(bed.tree.join("opt")).expect("create");
            bed.link("/", "opt/rocm")
        })
        .by(SYSTEM),
        refused(
            "links that lead above the root",
            |bed| {
                bed.empty();
                fs::create_dir(bed.tree.join("opt")).expect("create");
                bed.link("../../../../../../../../usr/lib/x86_64-linux-gnu", "opt/rocm")
            },
            3,
            "no libamdhip64.so.N",
        )
        .by(SYSTEM),
        refused(
            "a library diverted by somebody else",
            |bed| {
                bed.dpkg();
                bed.write(
                    "var/lib/dpkg/diversions",
                    format!("{DEBIAN}/{HSA}\n{DEBIAN}/{HSA}.amd\nglx-diversions\n").as_bytes(),
                )
            },
            3,
            "diverts it",
        )
        .by(SYSTEM),
        refused(
            "damaged diversions",
            |bed| {
                bed.dpkg();
                bed.write("var/lib/dpkg/diversions", format!("{DEBIAN}/{HSA}\n").as_bytes())
            },
            5,
            "unexpected end of file",
        )
        .by(SYSTEM),
        refused(
            "diversions are a directory",
            |bed| {
                bed.dpkg();
                fs::remove_file(bed.tree.join("var/lib/dpkg/diversions")).expect("remove");
                fs::create_dir(bed.tree.join("var/lib/dpkg/diversions")).expect("create")
            },
            3,
            "diversions",
        )
        .by(SYSTEM),
        refused(
            "dpkg's database is binary",
            |bed| {
                bed.dpkg();
                bed.write("var/lib/dpkg/diversions", &noise(4096))
            },
            5,
            "diversions",
        )
        .by(SYSTEM),
        refused(
            "the diverted name is taken",
            |bed| {
                bed.dpkg();
                bed.write(&format!("{}/rmcp-real-{HSA}", &DEBIAN[1..]), b"mine")
            },
            3,
            "in the way",
        )
        .by(SYSTEM),
    ]
}

/// Python environments.
fn environments() -> Vec<Input> {
    let is_none = "no Python environment";
    vec![
        refused("an empty environment", |bed| bed.empty(), 3, is_none).by(PYTHON),
        refused(
            "pyvenv.cfg and nothing else",
            |bed| {
                bed.empty();
                bed.write("pyvenv.cfg", b"home = /usr/bin\n")
            },
            3,
            is_none,
        )
        .by(PYTHON),
        refused(
            "an environment without a PyTorch",
            |bed| {
                bed.python();
                fs::remove_dir_all(bed.tree.join(PACKAGES)).expect("remove");
                fs::create_dir_all(bed.tree.join(PACKAGES)).expect("create")
            },
            3,
            "no libamdhip64.so.N",
        )
        .by(PYTHON),
        refused(
            "a shim that is a script",
            |bed| {
                bed.empty();
                bed.write("python", b"#!/bin/sh\nexec pyenv exec python \"$@\"\n")
            },
            4,
            "is a script",
        )
        .by(&["install", "--python", "TREE/python", "--yes"]),
        refused(
            "an interpreter that is a text",
            |bed| {
                bed.empty();
                bed.write("python", b"hello")
            },
            4,
            "Python interpreter",
        )
        .by(&["install", "--python", "TREE/python", "--yes"]),
        refused(
            "a FIFO as the interpreter",
            |bed| {
                bed.empty();
                bed.fifo("python")
            },
            4,
            "Python interpreter",
        )
        .by(&["install", "--python", "TREE/python", "--yes"]),
        fine("an interpreter that leads out of its environment", |bed| {
            bed.python();
            fs::create_dir(bed.tree.join("bin")).expect("create");
            bed.link("/usr/bin/python3", "bin/python")
        })
        .by(&["install", "--python", "TREE/bin/python", "--yes"]),
        fine("no RECORD", |bed| {
            bed.python();
            fs::remove_file(bed.tree.join(RECORD)).expect("remove")
        })
        .by(PYTHON),
        fine("an empty RECORD", |bed| {
            bed.python();
            bed.write(RECORD, b"")
        })
        .by(PYTHON),
        fine("a RECORD that lists something else", |bed| {
            bed.python();
            bed.write(RECORD, b"torch/__init__.py,,\n")
        })
        .by(PYTHON),
        fine("a RECORD with the line ends of Windows", |bed| {
            bed.python();
            bed.write(RECORD, b"torch/__init__.py,,\r\ntorch/lib/libhsa-runtime64.so.1.5.0,,\r\n")
        })
        .by(PYTHON),
        fine("a RECORD without its last line end", |bed| {
            bed.python();
            bed.write(RECORD, b"torch/lib/libhsa-runtime64.so.1.5.0,,\ntorch/__init__.py,,")
        })
        .by(PYTHON),
        fine("a RECORD with quotes and commas", |bed| {
            bed.python();
            bed.write(RECORD, b"\"torch/a,\"\"b\"\".py\",,\n\"torch/lib/libhsa-runtime64.so.1.5.0\",,\n")
        })
        .by(PYTHON),
        fine("a RECORD of noise", |bed| {
            bed.python();
            bed.write(RECORD, &[noise(3000), b"\ntorch/lib/libhsa-runtime64.so.1.5.0,,\n".to_vec()].concat())
        })
        .by(PYTHON),
        fine("a RECORD with a quote that is never closed", |bed| {
            bed.python();
            bed.write(RECORD, b"torch/lib/libhsa-runtime64.so.1.5.0,,\n\"torch/__init__.py,,\n")
        })
        .by(PYTHON),
        fine("a RECORD that names files outside", |bed| {
            bed.python();
            bed.write(
                RECORD,
                b"../../../../../../etc/passwd,,\n/etc/passwd,,\ntorch/lib/../lib/libhsa-runtime64.so.1.5.0,,\n",
            )
        })
        .by(PYTHON),
        refused(
            "a RECORD that is a directory",
            |bed| {
                bed.python();
                fs::remove_file(bed.tree.join(RECORD)).expect("remove");
                fs::create_dir(bed.tree.join(RECORD)).expect("create")
            },
            3,
            "RECORD",
        )
        .by(PYTHON),
    ]
}

const PACKAGES: &str = "lib/python3.11/site-packages";
const RECORD: &str = "lib/python3.11/site-packages/torch-2.1.0.dist-info/RECORD";

fn mode(bits: u32) -> fs::Permissions {
    fs::Permissions::from_mode(bits)
}

fn truncate(path: &Path, length: u64) {
    let file = fs::File::options().write(true).open(path).expect("open");
    file.set_len(length).expect("truncate");
}

/// Bytes without a pattern, and without line ends.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state as u8 == b'\n' { 0 } else { state as u8 }
    };
    std::iter::repeat_with(byte).take(length).collect()
}

/// A tree with ROCr's library in `lib`, for one input.
struct Bed<'a> {
    place: &'a Place,
    home: PathBuf,
    tree: PathBuf,
    /// Where [`Bed::move_to`] has put it.
    moved: std::cell::OnceCell<PathBuf>,
}

impl<'a> Bed<'a> {
    fn new(place: &'a Place, name: usize) -> Self {
        let home = place.path().join(format!("input-{name}"));
        let bed = Self { place, tree: home.join("tree"), home, moved: std::cell::OnceCell::new() };
        fs::create_dir_all(bed.tree.join("lib")).expect("create");
        succeed(Command::new("cp").arg("-p").arg(Path::new(DEBIAN).join(HSA)).arg(bed.tree.join("lib")));
        bed
    }

    fn at(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.tree.clone() } else { self.tree.join(path) }
    }

    fn lib(&self, name: &str) -> PathBuf {
        self.tree.join("lib").join(name)
    }

    fn saved(&self) -> PathBuf {
        saved(&self.lib(HSA))
    }

    /// The directory of the core.
    fn core(&self) -> PathBuf {
        let entries = fs::read_dir(self.tree.join("lib")).expect("lib");
        let mut paths = entries.map(|entry| entry.expect("an entry").path());
        paths.find(|path| path.is_dir() && path.join("librmcp.so").exists()).expect("a core")
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        fs::write(self.at(path), bytes).expect("write");
    }

    /// Another file in its place, not the same one with other contents.
    fn replace(&self, path: &Path, bytes: &[u8]) {
        fs::remove_file(path).expect("remove");
        fs::write(path, bytes).expect("write");
    }

    fn library(&self, bytes: &[u8]) {
        self.replace(&self.lib(HSA), bytes);
    }

    fn truncate(&self, length: u64) {
        truncate(&self.lib(HSA), length);
    }

    fn sparse(&self, length: u64) {
        self.library(b"");
        truncate(&self.lib(HSA), length);
    }

    fn patch(&self, at: usize, bytes: &[u8]) {
        let mut library = fs::read(self.lib(HSA)).expect("read");
        library[at..at + bytes.len()].copy_from_slice(bytes);
        self.library(&library);
    }

    /// The file offsets of the program headers of this type.
    fn segments(&self, kind: u32) -> Vec<usize> {
        let library = fs::read(self.lib(HSA)).expect("read");
        let count = usize::from(u16::from_le_bytes([library[56], library[57]]));
        let headers = (0..count).map(|n| 64 + 56 * n);
        headers.filter(|at| library[*at..at + 4] == kind.to_le_bytes()).collect()
    }

    /// Overwrites a member, at this offset, of the last program header of this type.
    fn segment(&self, kind: u32, member: usize, bytes: &[u8]) {
        let at = *self.segments(kind).last().expect("a segment");
        self.patch(at + member, bytes);
    }

    /// Overwrites the offset of the first section of this type.
    fn section(&self, kind: u32, bytes: &[u8]) {
        let start = usize::try_from(self.number(40)).expect("an offset");
        let library = fs::read(self.lib(HSA)).expect("read");
        let mut headers = (start..library.len()).step_by(64);
        let at = headers.find(|at| library[at + 4..at + 8] == kind.to_le_bytes()).expect("a section");
        self.patch(at + 24, bytes);
    }

    fn number(&self, at: usize) -> u64 {
        let library = fs::read(self.lib(HSA)).expect("read");
        u64::from_le_bytes(library[at..at + 8].try_into().expect("8 bytes"))
    }

    fn end_of_segments(&self) -> u64 {
        let ends = self.segments(1).into_iter().map(|at| self.number(at + 8) + self.number(at + 32));
        ends.max().expect("a segment")
    }

    /// Overwrites the value of a dynamic tag.
    fn dynamic(&self, tag: u64, value: u64) {
        let start = usize::try_from(self.number(self.segments(2)[0] + 8)).expect("an offset");
        let at = (start..).step_by(16).find(|at| matches!(self.number(*at), found if found == tag || found == 0));
        let at = at.expect("an end");
        assert_eq!(self.number(at), tag, "the library has no such tag");
        self.patch(at + 8, &value.to_le_bytes());
    }

    fn compile(&self, source: &str, arguments: &[&str]) {
        self.remove(HSA);
        let file = self.home.join("source.c");
        fs::write(&file, source).expect("write");
        succeed(Command::new("cc").args(arguments).arg(&file).arg("-o").arg(self.lib(HSA)));
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.lib(name)).expect("remove");
    }

    fn empty(&self) {
        fs::remove_dir_all(self.tree.join("lib")).expect("remove");
    }

    fn link(&self, target: &str, path: &str) {
        symlink(target, self.at(path)).expect("link");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.at(from), self.at(to)).expect("rename");
    }

    fn fifo(&self, path: &str) {
        succeed(Command::new("mkfifo").arg(self.at(path)));
    }

    fn socket(&self, path: &str) {
        // The name stays when it is closed.
        drop(UnixListener::bind(self.at(path)).expect("bind"));
    }

    fn device(&self, name: &str) {
        succeed(Command::new("mknod").arg(self.lib(name)).args(["c", "1", "5"]));
    }

    fn mode(&self, path: &str, bits: u32) {
        fs::set_permissions(self.at(path), mode(bits)).expect("mode");
    }

    fn chattr(&self, change: &str, path: &str) {
        succeed(Command::new("chattr").arg(change).arg(self.at(path)));
    }

    fn owned_by_nobody(&self) {
        succeed(Command::new("chown").arg(NOBODY).arg(&self.tree));
    }

    fn lib_elsewhere(&self) {
        fs::rename(self.tree.join("lib"), self.home.join("elsewhere")).expect("rename");
        self.link("../elsewhere", "lib");
    }

    fn lib_loop(&self) {
        self.empty();
        self.link("lib", "lib");
    }

    fn state_elsewhere(&self) {
        fs::create_dir(self.home.join("elsewhere")).expect("create");
        self.link("../elsewhere", ".rmcp");
    }

    fn install(&self) {
        let ended = self.run(&INSTALL.iter().map(|word| self.word(word)).collect::<Vec<_>>(), Root);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    fn front_build(&self, real: &Path, out: &str) {
        if out == HSA {
            self.remove(HSA);
        }
        let mut command = Command::new(self.place.rmcp());
        plain(&mut command, &self.home);
        succeed(command.args(["front", "build", "--real"]).arg(real).arg("--out").arg(self.lib(out)));
    }

    /// Moves the tree to another name below its home, and leaves no trace of the old one.
    fn move_to(&self, name: OsString) {
        let to = self.home.join(name);
        fs::create_dir_all(to.parent().expect("a directory")).expect("create");
        fs::rename(&self.tree, &to).expect("rename");
        self.moved.set(to).expect("moved once");
    }

    fn tree(&self) -> &Path {
        self.moved.get().unwrap_or(&self.tree)
    }

    /// A root with the library where Debian has it.
    fn system(&self) {
        let directory = self.at(&DEBIAN[1..]);
        fs::create_dir_all(directory.parent().expect("a directory")).expect("create");
        fs::rename(self.tree.join("lib"), directory).expect("rename");
    }

    /// As `system`, with dpkg's database.
    fn dpkg(&self) {
        self.system();
        fs::create_dir_all(self.at("var/lib/dpkg/info")).expect("create");
        self.write("var/lib/dpkg/status", b"");
        self.write("var/lib/dpkg/diversions", b"");
        let listed = format!("/.\n/usr\n/usr/lib\n{DEBIAN}\n{DEBIAN}/{HSA}\n");
        self.write("var/lib/dpkg/info/libhsa-runtime64-1:amd64.list", listed.as_bytes());
    }

    /// An environment with a PyTorch of the library and a RECORD.
    fn python(&self) {
        let packages = self.at(PACKAGES);
        fs::rename(self.tree.join("lib"), self.home.join("lib")).expect("rename");
        fs::create_dir_all(packages.join("torch")).expect("create");
        fs::rename(self.home.join("lib"), packages.join("torch/lib")).expect("rename");
        fs::create_dir(packages.join("torch-2.1.0.dist-info")).expect("create");
        self.write("pyvenv.cfg", b"home = /usr/bin\n");
        self.write(RECORD, format!("torch/__init__.py,,\ntorch/lib/{HSA},,\n").as_bytes());
    }

    /// A journal of a transaction that began to make a file, which is somebody else's.
    fn forge_journal(&self) {
        self.install();
        let victim = self.home.join("victim");
        fs::write(&victim, "mine").expect("write");
        let attributes = serde_json::json!({ "mode": 0o644, "uid": 0, "gid": 0, "xattrs": [], "mtime": null });
        let step = serde_json::json!({ "do": "create", "path": victim, "attributes": attributes });
        let intent = serde_json::json!({
            "format": 1, "rmcp": "0.1.0", "goal": "install", "steps": [step], "after": null, "times": [], "made": [],
        });
        self.write(".rmcp/journal", format!("{intent}\n{{\"begin\":{{\"step\":0}}}}\n").as_bytes());
    }

    /// A manifest that names somebody else's directory as one to be removed.
    fn forge_state(&self) {
        let path = self.tree.join(".rmcp/state.json");
        let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
        let victim = self.home.join("victim");
        fs::create_dir(&victim).expect("create");
        state["made"] = serde_json::json!([victim, self.home, "/"]);
        state["installed"][0]["path"] = serde_json::json!(victim.join("libhsa-runtime64.so.1"));
        fs::write(&path, state.to_string()).expect("write");
    }

    /// A word of a command line.
    fn word(&self, word: &str) -> OsString {
        match word.strip_prefix("TREE") {
            Some("") => self.tree().into(),
            Some(below) => self.tree().join(&below[1..]).into(),
            None => word.into(),
        }
    }

    fn run(&self, words: &[OsString], how: How) -> Ended {
        let mut command = match how {
            Root => Command::new(self.place.rmcp()),
            Nobody => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]).arg(self.place.rmcp());
                command
            }
            NoInput => {
                let mut command = Command::new("sh");
                command.args(["-c", "exec \"$@\" <&-", "sh"]).arg(self.place.rmcp());
                command
            }
            Alone => {
                let alone = self.home.join("rmcp");
                fs::copy(self.place.rmcp(), &alone).expect("copy");
                Command::new(alone)
            }
            After(script) => {
                // Inside, only find sees the tree: what it says must be the same if the command fails.
                let script = format!(
                    "look() {{ find \"$TREE\" -printf '%P %y %m %U %G %s %T@ %l\\n' | sort; }}\n\
                     {script}\nbefore=$(look)\ncode=0\n\"$@\" || code=$?\n\
                     [ $code = 0 ] || [ \"$before\" = \"$(look)\" ] || {{ look; code=99; }} >&2\nexit $code"
                );
                let mut command = Command::new("unshare");
                command.args(["--mount", "sh", "-ec", &script, "sh"]).arg(self.place.rmcp());
                command
            }
        };
        plain(&mut command, &self.home);
        command.env("TREE", self.tree());
        run(command.args(words))
    }

    /// The libraries of the tree, wherever they are: files with a SONAME of AMD's, not the saved ones.
    fn libraries(&self) -> Vec<PathBuf> {
        let listing = list(self.tree());
        let named = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.contains(".so") && !name.starts_with("rmcp-real-") && name != "librmcp.so"
        };
        let files = listing.iter().filter(|(_, entry)| entry.inode != 0).map(|(path, _)| path).filter(named);
        files.map(|path| self.tree().join(path)).collect()
    }

    fn has_traces(&self) -> Vec<PathBuf> {
        let ours = |path: &&PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("rmcp-")
                || name == ".rmcp"
                || name == "rmcp"
                || name.starts_with(".rmcp-new")
                || name.starts_with(".rmcp-old")
        };
        list(self.tree()).keys().filter(ours).cloned().collect()
    }
}

/// Everything below the home but the user's own state: what must not change.
fn listing(bed: &Bed) -> Listing {
    let mut listing = list(&bed.home);
    listing.retain(|path, _| !path.starts_with(".local") && path != Path::new("") && path != Path::new("rmcp"));
    // Diversions are written again by dpkg-divert, with the same contents.
    for (path, entry) in &mut listing {
        if path.ends_with("var/lib/dpkg") || path.ends_with("dpkg/diversions") {
            (entry.mtime, entry.inode) = ((0, 0), 0);
        }
    }
    listing.retain(|path, _| !path.ends_with("dpkg/diversions-old"));
    listing
}

/// Runs one input, and returns what is wrong.
fn wrong(place: &Place, number: usize, input: &Input) -> Vec<String> {
    let bed = Bed::new(place, number);
    (input.make)(&bed);
    let before = listing(&bed);
    let stock = place.probe(bed.tree(), &bed.libraries());
    let mut words: Vec<OsString> = input.words.iter().map(|word| bed.word(word)).collect();
    if input.words.contains(&"--yes") && input.code != 2 {
        words.push("--quiet".into());
    }
    let ended = bed.run(&words, input.how);
    let mut wrong = Vec::new();
    let mut demand = |right: bool, what: String| {
        if !right {
            wrong.push(what);
        }
    };
    let said = format!("{}{}", ended.stdout, ended.stderr);
    demand(ended.code == Some(input.code), format!("code {:?}, not {}: {said}", ended.code, input.code));
    demand(said.contains(input.says), format!("does not say \"{}\": {said}", input.says));
    if input.code > 2 {
        demand(ended.sentence().is_some(), format!("not one sentence: {}", ended.stderr));
    }
    match input.then {
        Same => demand(listing(&bed) == before, format!("changed: {:#?}", differences(&before, &listing(&bed)))),
        // What is mounted in a namespace is gone with it: the library there was a mount of the same.
        Works | Clean => {
            demand(input.then == Clean || !bed.has_traces().is_empty(), "no front was installed".into());
            let probed = place.probe(bed.tree(), &bed.libraries());
            demand(input.then == Clean || probed == stock, format!("a program got\n{stock} and gets\n{probed}"));
        }
    }
    if input.then == Works {
        let mut words = words.clone();
        words[0] = "uninstall".into();
        let ended = bed.run(&words, input.how);
        demand(ended.code == Some(0), format!("uninstall: {:?} {}", ended.code, ended.stderr));
        let after = without_times(&listing(&bed), &before);
        let before = without_times(&before, &before);
        let differences: Vec<String> =
            differences(&before, &after).into_iter().filter(|line| !line.contains("RECORD has changed")).collect();
        demand(differences.is_empty(), format!("uninstalled: {differences:#?}"));
    }
    if input.then == Clean {
        demand(bed.has_traces().is_empty(), format!("left: {:?}", bed.has_traces()));
        let probed = place.probe(bed.tree(), &bed.libraries());
        demand(bed.libraries().is_empty() || probed.starts_with("hsa_init 0x"), format!("a program gets {probed}"));
        let victim = bed.home.join("victim");
        demand(before.contains_key(Path::new("victim")) == victim.exists(), "a victim is gone".into());
    }
    for path in ["", "lib", &format!("lib/{HSA}")] {
        if input.name.starts_with("an immutable") {
            let _ = Command::new("chattr").arg("-i").arg(bed.at(path)).output();
        }
    }
    fs::remove_dir_all(&bed.home).expect("remove");
    wrong
}

#[test]
fn broken_and_hostile_inputs_get_a_sentence_and_change_nothing() {
    if let Some(reason) = missing(&TOOLS) {
        println!("skipped: {reason}");
        return;
    }
    if !is_root() {
        println!("skipped: mounts, devices and other users need root");
        return;
    }
    let place = Place::new();
    let inputs: Vec<Input> =
        [targets(), words(), libraries(), installed(), file_systems(), names(), systems(), environments()]
            .into_iter()
            .flatten()
            .collect();
    let mut failures = Vec::new();
    for (number, input) in inputs.iter().enumerate() {
        for wrong in wrong(&place, number, input) {
            failures.push(format!("{}: {wrong}", input.name));
        }
    }
    println!("{} inputs", inputs.len());
    assert!(inputs.len() >= 100);
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

fn is_root() -> bool {
    // SAFETY: cannot fail.
    unsafe { libc::geteuid() == 0 }
}
