//! RECORD files: whose a library is, and entries added and taken back.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rmcp_install::wheel::{Distributions, Entry, with_entries};

const CRLF: &str = "torch/__init__.py,sha256=abc,1\r\n\"torch/lib/a,b\"\"c.so\",,\r\ntorch-2.0.dist-info/RECORD,,\r\n";

fn entry(path: &str) -> Entry {
    Entry { path: path.into(), digest: None }
}

/// What an installation adds to a torch.
fn usual() -> Vec<Entry> {
    vec![
        Entry { path: "torch/lib/rmcp-real-libamdhip64.so".into(), digest: Some(([7; 32], 14_254_888)) },
        entry("torch/lib/rmcp-0.1.0-1a2b3c4d/librmcp.so"),
        entry(".rmcp/state.json"),
    ]
}

fn text(record: &[u8], entries: &[Entry]) -> String {
    String::from_utf8(with_entries(record, entries)).expect("UTF-8")
}

/// A `site-packages` with one distribution, `torch`.
fn site_packages(record: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let site = directory.path().join("lib/python3.11/site-packages");
    std::fs::create_dir_all(site.join("torch-2.0.dist-info")).expect("create");
    std::fs::create_dir_all(site.join("torch/lib")).expect("create");
    std::fs::write(site.join("torch-2.0.dist-info/RECORD"), record).expect("write");
    (directory, site)
}

#[test]
fn entries_are_csv_with_urlsafe_digests() {
    // SHA-256 of nothing, as every empty __init__.py has it in a RECORD.
    let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let digest = std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex"));
    let entries =
        [Entry { path: ".rmcp/empty".into(), digest: Some((digest, 0)) }, entry("a, \"b\" ü/rmcp-real-libamdhip64.so")];
    assert_eq!(
        text(b"x,,\n", &entries),
        "x,,\n.rmcp/empty,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n\"a, \"\"b\"\" ü/rmcp-real-libamdhip64.so\",,\n"
    );
}

#[test]
fn line_ends_and_a_missing_last_newline_stay_as_they_are() {
    let added = ".rmcp/state.json,,";
    let entries = [entry(".rmcp/state.json")];
    for (record, expected) in [
        (CRLF.to_owned(), format!("{CRLF}{added}\r\n")),
        ("a,,\nb,,\n".into(), format!("a,,\nb,,\n{added}\n")),
        ("a,,\r\nb,,".into(), format!("a,,\r\nb,,\r\n{added}")),
        ("a,,".into(), format!("a,,\n{added}")),
        ("a,,\r".into(), format!("a,,\r\n{added}")),
        ("\n".into(), format!("\n{added}\n")),
        (String::new(), added.into()),
    ] {
        assert_eq!(text(record.as_bytes(), &entries), expected);
        assert_eq!(text(expected.as_bytes(), &[]), record);
    }
}

#[test]
fn entries_that_are_there_are_replaced_not_repeated() {
    let once = with_entries(CRLF.as_bytes(), &usual());
    assert_eq!(with_entries(&once, &usual()), once);
    assert_eq!(with_entries(CRLF.as_bytes(), &[usual(), usual()].concat()), once);
    let newer = [entry("torch/lib/rmcp-0.2.0-99999999/librmcp.so")];
    assert_eq!(text(&once, &newer), format!("{CRLF}torch/lib/rmcp-0.2.0-99999999/librmcp.so,,\r\n"));
}

#[test]
fn entries_of_ours_are_removed_wherever_they_are() {
    // pip adds lines of its own behind ours when it makes a distribution's REQUESTED.
    let record = "a,,\n.rmcp/state.json,,\nx/rmcp-real-libamdhip64.so,,\nb,,";
    assert_eq!(text(record.as_bytes(), &[]), "a,,\nb,,");
}

#[test]
fn names_that_only_look_like_ours_are_left() {
    // RMCP's own wheel is a distribution like others.
    for path in [
        "rmcp-0.1.0.dist-info/RECORD",
        "rmcp/lib/librmcp.so",
        "x/rmcp-0.1.0-1A2B3C4D/librmcp.so",
        "x/rmcp--1a2b3c4d/librmcp.so",
        "x/rmcp-0.1.0-1a2b3c4d",
        "x/.rmcp/state.json",
        "rmcp-real-x/y.so",
        "\"unfinished/rmcp-real-libamdhip64.so",
        "\"odd\"/rmcp-real-libamdhip64.so",
    ] {
        let record = format!("{path},,\n");
        assert_eq!(text(record.as_bytes(), &[]), record);
    }
}

#[test]
fn a_library_belongs_to_the_distribution_whose_record_lists_it() {
    let record = "torch/lib/libamdhip64.so,sha256=abc,1\r\n\"torch/lib/a,b\"\"c.so\",,\r\n../../../share/libx.so,,\r\n/opt/torch/liby.so,,\r\ntorch/doc.txt,,\r\n\"torch/lib/libopen.so\n";
    let (directory, site) = site_packages(record.as_bytes());
    // Others, without a RECORD or with one that is not text.
    std::fs::create_dir(site.join("conda-1.dist-info")).expect("create");
    std::fs::create_dir(site.join("bytes-1.dist-info")).expect("create");
    std::fs::write(site.join("bytes-1.dist-info/RECORD"), b"torch/lib/\xff.so,,\nbytes.so,,\n").expect("write");
    let distributions = Distributions::read(&site).expect("distributions");
    let torch = site.join("torch-2.0.dist-info/RECORD");
    for (path, listed) in [
        (site.join("torch/lib/libamdhip64.so"), "torch/lib/libamdhip64.so"),
        (site.join("torch/lib/rmcp-real-libamdhip64.so"), "torch/lib/libamdhip64.so"),
        (site.join("torch/lib/a,b\"c.so"), "torch/lib/a,b\"c.so"),
        (directory.path().join("share/libx.so"), "../../../share/libx.so"),
        ("/opt/torch/liby.so".into(), "/opt/torch/liby.so"),
    ] {
        assert_eq!(distributions.owner(&path), Some((torch.clone(), listed.into())), "{}", path.display());
    }
    let bytes = Some((site.join("bytes-1.dist-info/RECORD"), "bytes.so".to_owned()));
    assert_eq!(distributions.owner(&site.join("bytes.so")), bytes);
    for other in ["torch/lib/libhsa-runtime64.so", "torch/doc.txt", "torch/lib/libopen.so", "..", ""] {
        assert_eq!(distributions.owner(&site.join(other)), None, "{other}");
    }
}

#[test]
fn a_library_is_found_through_links_in_its_directory() {
    let (directory, site) = site_packages(b"../../../lib64/python3.11/site-packages/torch/lib/libamdhip64.so,,\n");
    std::os::unix::fs::symlink("lib", directory.path().join("lib64")).expect("link");
    let distributions = Distributions::read(&site).expect("distributions");
    assert!(distributions.owner(&site.join("torch/lib/libamdhip64.so")).is_some());
    let by_the_link = directory.path().join("lib64/python3.11/site-packages/torch/lib/rmcp-real-libamdhip64.so");
    assert!(distributions.owner(&by_the_link).is_some());
}

#[test]
fn python_reads_what_was_added() {
    let entries = [usual(), vec![entry("a, \"b\" ü/rmcp-real-libamdhip64.so")]].concat();
    let (_directory, site) = site_packages(&with_entries(CRLF.as_bytes(), &entries));
    let script = "import csv, sys\nfor row in csv.reader(open(sys.argv[1], newline='', encoding='utf-8')):\n assert len(row) == 3\n print(row[0])";
    let output = std::process::Command::new("python3")
        .args(["-X", "utf8", "-c", script])
        .arg(site.join("torch-2.0.dist-info/RECORD"))
        .output()
        .expect("python3");
    let read = String::from_utf8(output.stdout).expect("UTF-8");
    let theirs = ["torch/__init__.py", "torch/lib/a,b\"c.so", "torch-2.0.dist-info/RECORD"].map(str::to_owned);
    let expected = [&theirs[..], &entries.iter().map(|entry| entry.path.clone()).collect::<Vec<_>>()].concat();
    assert_eq!(read.lines().collect::<Vec<_>>(), expected, "{}", String::from_utf8_lossy(&output.stderr));
}

/// Paths as we add them, in directories with any names.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let path = prop_oneof![
        "[^\r\n]{0,8}/rmcp-real-[^/\r\n]{0,8}",
        "[^\r\n]{0,8}/rmcp-[0-9][0-9.]{0,4}-[0-9a-f]{8}/librmcp[.]so",
        Just(".rmcp/state.json".to_owned()),
    ];
    let entry = (path, any::<Option<([u8; 32], u64)>>()).prop_map(|(path, digest)| Entry { path, digest });
    prop::collection::vec(entry, 0..5)
}

/// Any bytes, rich in what CSV is made of, or lines of a RECORD with any ends.
fn records() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(&b"\r\n\",/a."[..])];
    let line = "([a-z/]{1,5}|\"[a-z,/]{1,5}\"),(sha256=x)?,1?(\r|\n|\r\n)?";
    prop_oneof![
        prop::collection::vec(byte, 0..60),
        prop::collection::vec(line, 0..5).prop_map(|lines| lines.concat().into_bytes())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn taking_entries_back_gives_the_very_bytes(record in records(), entries in entries(), others in entries()) {
        prop_assume!(with_entries(&record, &[]) == record);
        let added = with_entries(&record, &entries);
        prop_assert_eq!(&with_entries(&added, &[]), &record);
        prop_assert_eq!(&with_entries(&added, &entries), &added);
        prop_assert_eq!(with_entries(&added, &others), with_entries(&record, &others));
    }
}

proptest! {
    #[test]
    fn any_record_is_read(record in records()) {
        let (_directory, site) = site_packages(&record);
        let distributions = Distributions::read(&site).expect("distributions");
        prop_assert_eq!(distributions.owner(Path::new("/")), None);
    }
}
