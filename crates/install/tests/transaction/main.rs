//! Transactions in trees on disk.

mod faults;
mod refusals;
mod tree;

use tree::{Scenario, inodes, library_is_whole, snapshot};

#[test]
fn a_tree_is_as_before_after_install_and_uninstall() {
    let tree = tempfile::tempdir().unwrap();
    Scenario::Install.prepare(tree.path());
    let start = inodes(tree.path());
    let before = snapshot(tree.path(), &start);
    Scenario::Install.carry_out(tree.path()).unwrap();
    assert_ne!(snapshot(tree.path(), &start), before);
    assert!(library_is_whole(tree.path()));
    assert!(tree.path().join("var/lib/rmcp/state.json").exists());
    Scenario::Uninstall.carry_out(tree.path()).unwrap();
    assert_eq!(snapshot(tree.path(), &start), before);
}
