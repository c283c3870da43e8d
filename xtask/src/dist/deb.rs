//! The Debian package, from the tree: `packaging/debian` has what it adds.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Release, files};
use crate::build;

/// Who answers for a package that nobody has signed for: `DEBFULLNAME` and `DEBEMAIL` name another, as for Debian's own tools.
const MAINTAINER: (&str, &str) = ("RMCP developers", "rmcp@localhost.localdomain");

/// What becomes of the tree's directories; the rest of the tree is the same below `/usr`.
const MOVED: [(&str, &str); 1] = [("share/zsh/site-functions", "share/zsh/vendor-completions")];

/// What is not in the package: the licence's text is in `copyright`, and prebuilt fronts are for those who build a ROCm of their own; `rmcp install` makes
/// them from the libraries that it finds.
const LEFT_OUT: [&str; 2] = ["share/doc/rmcp/LICENSE", "lib/rmcp/fronts"];

/// Makes `rmcp_VERSION_amd64.deb` in `out`.
pub fn make(release: &Release, tree: &Path, out: &Path) -> Result<PathBuf> {
    let work = tempfile::Builder::new().prefix(".deb-").tempdir_in(out)?;
    let root = work.path().join("root");
    contents(release, tree, &root)?;
    let control = root.join("DEBIAN");
    let size = installed_size(&root)?;
    let depends = depends(work.path(), &root)?;
    let fill = |name: &str| fill(release, name, &[("@SIZE@", &size.to_string()), ("@DEPENDS@", &depends)]);
    files::put(&control.join("md5sums"), checksums(&root)?.as_bytes(), 0o644)?;
    for (name, mode) in [("control", 0o644), ("triggers", 0o644), ("postinst", 0o755), ("prerm", 0o755)] {
        files::put(&control.join(name), fill(name)?.as_bytes(), mode)?;
    }
    files::settle(&root, release.time)?;
    let deb = out.join(format!("rmcp_{}_amd64.deb", release.version));
    build::must(
        Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zxz", "--threads-max=1", "--build"])
            .arg(&root)
            .arg(&deb)
            .env("SOURCE_DATE_EPOCH", release.time.to_string())
            .stdout(std::process::Stdio::null()),
    )?;
    Ok(deb)
}

/// The files below `/usr`: the tree's, in Debian's places and compressed as its policy wants.
fn contents(release: &Release, tree: &Path, root: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for path in files::below(tree)? {
        let mut name = path.strip_prefix(tree)?.to_owned();
        for (from, to) in MOVED {
            if let Ok(rest) = name.strip_prefix(from) {
                name = Path::new(to).join(rest);
            }
        }
        if LEFT_OUT.iter().any(|left_out| name.starts_with(left_out)) {
            continue;
        }
        files::copy(&path, &root.join("usr").join(name), path.metadata()?.permissions().mode() & 0o777)?;
    }
    let documents = root.join("usr/share/doc/rmcp");
    files::put(&documents.join("copyright"), copyright(release)?.as_bytes(), 0o644)?;
    files::put(&documents.join("changelog"), fill(release, "changelog", &[])?.as_bytes(), 0o644)?;
    let overrides = files::text(&build::root().join("packaging/debian/lintian-overrides"))?;
    files::put(&root.join("usr/share/lintian/overrides/rmcp"), overrides.as_bytes(), 0o644)?;
    let mut compressed = files::below(&root.join("usr/share/man"))?;
    compressed.extend(["changelog", "README.md", super::licences::FILE].map(|name| documents.join(name)));
    build::must(Command::new("gzip").args(["--best", "--no-name"]).args(compressed))
}

/// A file of `packaging/debian`, with the release's facts and `more` filled in.
fn fill(release: &Release, name: &str, more: &[(&str, &str)]) -> Result<String> {
    let mut text = files::text(&build::root().join("packaging/debian").join(name))?;
    let variable = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let maintainer = format!("{} <{}>", variable("DEBFULLNAME", MAINTAINER.0), variable("DEBEMAIL", MAINTAINER.1));
    let date = output(Command::new("date").args(["--utc", "--rfc-email", "--date"]).arg(format!("@{}", release.time)))?;
    let facts = [("@VERSION@", release.version), ("@MAINTAINER@", &maintainer), ("@DATE@", date.trim())];
    for (mark, value) in facts.iter().chain(more) {
        text = text.replace(mark, value);
    }
    Ok(text)
}

/// Debian's machine-readable form: the licence's text without its head, indented, empty lines as dots.
fn copyright(release: &Release) -> Result<String> {
    let licence = files::text(&build::root().join("LICENSE"))?;
    let (_, text) = licence.split_once("\n\nPermission").context("LICENSE is the MIT licence")?;
    let text = format!("Permission{text}");
    let line = |line: &str| if line.is_empty() { " .".to_owned() } else { format!(" {line}") };
    let lines: Vec<String> = text.trim_end().lines().map(line).collect();
    fill(release, "copyright", &[("@LICENSE@", &lines.join("\n"))])
}

/// What the binaries need of other packages, as dpkg-shlibdeps finds it.
fn depends(work: &Path, root: &Path) -> Result<String> {
    // It wants a source package around it.
    files::put(&work.join("debian/control"), b"Source: rmcp\n\nPackage: rmcp\nArchitecture: amd64\n", 0o644)?;
    let usr = root.join("usr");
    let binaries = ["bin/rmcp", "lib/rmcp/librmcp.so", "lib/rmcp/libvgpu_preload.so"].map(|name| usr.join(name));
    let said = output(Command::new("dpkg-shlibdeps").arg("-O").args(binaries).current_dir(work))?;
    let depends = said.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    depends.map(str::to_owned).with_context(|| format!("dpkg-shlibdeps named no packages: {said}"))
}

/// KiB, each file and directory rounded up: as Debian's policy counts.
fn installed_size(root: &Path) -> Result<u64> {
    let sizes =
        files::below(root)?.iter().map(|path| Ok(path.metadata()?.len().div_ceil(1024))).collect::<Result<Vec<_>>>()?;
    Ok(sizes.iter().sum())
}

/// `md5sums`: one line for each file.
fn checksums(root: &Path) -> Result<String> {
    let names = files::below(root)?.into_iter().map(|path| Ok(path.strip_prefix(root)?.to_owned()));
    output(Command::new("md5sum").args(names.collect::<Result<Vec<PathBuf>>>()?).current_dir(root))
}

/// What a command that must succeed prints.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{:?} cannot be started", command.get_program()))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
