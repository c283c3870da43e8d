//! RMCP installed into Python environments that pip and uv manage: real wheels of AMD's libraries, used by Python, upgraded, uninstalled.

#[path = "support/install/mod.rs"]
mod install;
mod support;

use std::path::Path;

use install::in_place::{assert_hooked, assert_not_hooked};
use install::listing::{assert_same, snapshot, without_directory_times};
use install::pip::{Environment, Installer, LAYOUTS, Layout, Wheel, installers};
use rmcp_fixtures::{Generation, SUITES};

fn wheel(layout: Layout, version: &str, is_rebuilt: bool) -> Wheel {
    let bookworm = Generation::find(&SUITES[0]).unwrap_or_else(|reason| panic!("{reason}"));
    Wheel::new(layout, &bookworm, version, is_rebuilt)
}

/// Paths of the environment that are RMCP's.
fn ours(environment: &Environment) -> Vec<String> {
    let names = environment.snapshot().into_keys().map(|path| path.to_string_lossy().into_owned());
    names.filter(|name| name.contains("rmcp")).collect()
}

#[test]
fn every_layout_is_hooked_and_taken_back_to_the_very_tree() {
    for installer in installers() {
        for layout in LAYOUTS {
            let wheel = wheel(layout, "1.0", false);
            let environment = Environment::new(installer);
            environment.install(&wheel);
            assert_not_hooked(&environment.run(&wheel));
            let before = environment.snapshot();
            let cache = (installer == Installer::Uv).then(|| snapshot(&environment.cache()));

            environment.rmcp("install", &["--yes"], 0);
            assert_hooked(&environment.run(&wheel), &environment.behind_fronts(&wheel));
            environment.rmcp("status", &[], 0);
            environment.check();
            for (path, _) in &wheel.libraries {
                let name = path.file_name().expect("a name").to_str().expect("UTF-8");
                assert!(environment.record(&wheel).contains(&format!("/rmcp-real-{name},sha256=")), "{layout:?}");
            }
            if let Some(cache) = cache {
                // Its files are hard links into the environment: nothing may be written into them.
                assert_same("uv's cache", &cache, &snapshot(&environment.cache()));
            }

            environment.rmcp("uninstall", &["--yes"], 0);
            assert_same(&format!("{installer:?} {layout:?}"), &before, &environment.snapshot());
            environment.check();
            assert_not_hooked(&environment.run(&wheel));
        }
    }
}

#[test]
fn an_upgrade_beside_another_distribution_is_seen_and_repaired() {
    let (old, new) = (wheel(Layout::TorchBare, "1.0", false), wheel(Layout::TorchBare, "2.0", true));
    let rocm = wheel(Layout::TheRock, "1.0", false);
    for installer in installers() {
        let environment = Environment::new(installer);
        environment.install(&old);
        environment.install(&rocm);
        environment.rmcp("install", &["--yes"], 0);

        environment.install(&new);
        assert_not_hooked(&environment.run(&new));
        assert_hooked(&environment.run(&rocm), &environment.behind_fronts(&rocm));
        environment.rmcp("status", &[], 1);

        environment.rmcp("repair", &["--yes"], 0);
        environment.rmcp("status", &[], 0);
        for wheel in [&new, &rocm] {
            assert_hooked(&environment.run(wheel), &environment.behind_fronts(wheel));
        }
        environment.check();
        assert_uninstalls(&environment, &[&new, &rocm]);
    }
}

#[test]
fn an_upgrade_of_the_only_distribution_takes_rmcp_with_it_which_is_seen_and_repaired() {
    let (old, new) = (wheel(Layout::TorchBare, "1.0", false), wheel(Layout::TorchBare, "2.0", true));
    for installer in installers() {
        let environment = Environment::new(installer);
        environment.install(&old);
        environment.rmcp("install", &["--yes"], 0);

        // The old distribution's RECORD lists all that is RMCP's.
        environment.install(&new);
        assert_eq!(ours(&environment), [""; 0]);
        assert_not_hooked(&environment.run(&new));
        assert!(environment.rmcp("status", &[], 1).contains("an upgrade has taken it away"));

        environment.rmcp("repair", &["--yes"], 0);
        assert_hooked(&environment.run(&new), &environment.behind_fronts(&new));
        environment.rmcp("status", &[], 0);
        assert_uninstalls(&environment, &[&new]);

        // Taken back by the user, it is not missed any more.
        assert!(environment.rmcp("status", &[], 0).contains("Nothing is installed"));
    }
}

/// Nothing of RMCP is left, in files or lists, and the wheels' libraries work.
#[track_caller]
fn assert_uninstalls(environment: &Environment, wheels: &[&Wheel]) {
    environment.rmcp("uninstall", &["--yes"], 0);
    assert_eq!(ours(environment), [""; 0]);
    for wheel in wheels {
        assert!(!environment.record(wheel).contains("rmcp"), "{}", environment.record(wheel));
        assert_not_hooked(&environment.run(wheel));
    }
}

#[test]
fn a_distribution_that_is_uninstalled_leaves_nothing_and_the_other_its_fronts() {
    for installer in installers() {
        let (torch, rocm) = (wheel(Layout::TorchBare, "1.0", false), wheel(Layout::TheRock, "1.0", false));
        let environment = Environment::new(installer);
        // What the installer itself leaves: uv, a lock.
        environment.install(&torch);
        environment.uninstall(&torch);
        let empty = without_directory_times(environment.snapshot());
        environment.install(&torch);
        environment.install(&rocm);
        environment.rmcp("install", &["--yes"], 0);

        environment.uninstall(&torch);
        assert!(!environment.site_packages().join("torch").exists());
        let elsewhere = |name: &String| !Path::new(name).components().any(|part| part.as_os_str() == "_rocm_sdk_core");
        assert_eq!(ours(&environment).into_iter().filter(elsewhere).collect::<Vec<_>>(), [""; 0]);
        assert_hooked(&environment.run(&rocm), &environment.behind_fronts(&rocm));

        environment.uninstall(&rocm);
        assert_same(&format!("{installer:?}"), &empty, &without_directory_times(environment.snapshot()));
    }
}
