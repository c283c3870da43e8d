//! The Containerfiles of `packaging/`, built by buildah upon an image that has AMD's libraries as the images they are written for have them: from Debian's packages, and bundled with a
//! Python package by bare names. AMD's own images are not fetched: they are tens of gigabytes.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use rmcp_fixtures::generations;
use support::root::Root;
use support::{checkout, clean, made, output, said, succeed};

/// An engine with a store of its own, which is removed with it.
struct Engine {
    store: tempfile::TempDir,
}

impl Engine {
    /// The error is the reason why there is none.
    fn new() -> Result<Self, String> {
        let there = clean("buildah").arg("--version").output();
        if !there.is_ok_and(|output| output.status.success()) {
            return Err("buildah is not installed".to_owned());
        }
        let store = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|error| error.to_string())?;
        Ok(Self { store })
    }

    fn buildah(&self) -> Command {
        let mut command = clean("buildah");
        for (option, name) in [("--root", "images"), ("--runroot", "run")] {
            command.arg(option).arg(self.store.path().join(name));
        }
        command.args(["--storage-driver", "vfs"]).env("HOME", self.store.path());
        command
    }

    /// Builds an image; what is in `context` can be copied into it.
    fn build(&self, tag: &str, file: &Path, context: &Path, arguments: &[&str]) -> String {
        let mut command = self.buildah();
        command
            .args(["bud", "--isolation", "chroot", "--tag", tag])
            .args(arguments)
            .arg("--file")
            .arg(file)
            .arg(context);
        said(&succeed(&mut command))
    }
}

/// An image `base` with AMD's libraries as Debian installs them, and a Python that has a package with its own.
fn base(engine: &Engine) -> Result<(), String> {
    let root = Root::new()?;
    root.install("python3-pip")?;
    let torch = root.path("usr/local/lib/python3.11/dist-packages/torch/lib");
    fs::create_dir_all(&torch).expect("directories");
    let bookworm = &generations()[0];
    for (real, name) in [(bookworm.hip(), "libamdhip64.so"), (bookworm.hsa(), "libhsa-runtime64.so")] {
        fs::copy(real, torch.join(name)).expect("a library");
    }
    let context = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary directory");
    let tar = context.path().join("root.tar");
    succeed(clean("tar").arg("--create").arg("--file").arg(&tar).arg("--directory").arg(root.path("")).arg("."));
    let file = context.path().join("Containerfile");
    fs::write(&file, "FROM scratch\nADD root.tar /\n").expect("a Containerfile");
    engine.build("base", &file, context.path(), &[]);
    Ok(())
}

#[test]
fn both_containerfiles_make_images_with_rmcp_in_front_of_amds_libraries() {
    let engine = Engine::new().and_then(|engine| base(&engine).map(|()| engine));
    let engine = match engine {
        Ok(engine) => engine,
        Err(reason) => {
            println!("skipped: {reason}");
            return;
        }
    };
    let context = made().wheel.parent().expect("the directory with what was made");
    for (name, saved) in [
        ("rocm", "/usr/lib/x86_64-linux-gnu/rmcp-real-libamdhip64.so.5.2.21153"),
        ("pytorch", "/usr/local/lib/python3.11/dist-packages/torch/lib/rmcp-real-libamdhip64.so"),
    ] {
        let file = checkout().join("packaging").join(format!("Containerfile.{name}"));
        let built = engine.build(name, &file, context, &["--build-arg", "BASE=localhost/base"]);
        let container = succeed(engine.buildah().args(["from", "--pull-never", &format!("localhost/{name}")]));
        let container = String::from_utf8_lossy(&container.stdout).trim().to_owned();
        let run = ["run", "--isolation", "chroot", &container, "--", "test", "-f", saved];
        let found = output(engine.buildah().args(run));
        assert!(found.status.success(), "{name}: {saved} is not there\n{built}{}", said(&found));
    }
}
