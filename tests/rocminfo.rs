//! AMD's own rocminfo on virtual machines.

mod support;

use std::process::Command;

use support::{built, rmcp, succeed};

fn rocminfo(spec: &str) -> String {
    rocminfo_with(&[], spec).0
}

/// What rocminfo prints on stdout and stderr.
fn rocminfo_with(environment: &[(&str, &str)], spec: &str) -> (String, String) {
    let mut command = Command::new(built("vgpu"));
    let output = succeed(command.args([spec, "--", "rocminfo"]).envs(environment.iter().copied()));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr))
}

/// `(name, device type, pool lines)` of each agent in rocminfo's listing.
fn agents(listing: &str) -> Vec<(String, String, Vec<String>)> {
    let mut agents: Vec<(String, String, Vec<String>)> = Vec::new();
    for line in listing.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim().to_owned();
        match (key.trim(), agents.last_mut()) {
            ("Name", _) if key.starts_with("  Name") => agents.push((value, String::new(), Vec::new())),
            ("Device Type", Some(agent)) => agent.1 = value,
            ("Segment", Some(agent)) => agent.2.push(value),
            _ => {}
        }
    }
    agents
}

#[test]
fn rocminfo_lists_the_agents_and_pools_of_each_virtual_machine() {
    for (spec, gpus) in [
        ("gfx1030", &["gfx1030"][..]),
        ("gfx1010", &["gfx1010"]),
        ("gfx1030,gfx1010", &["gfx1030", "gfx1010"]),
        ("gfx1035,gfx1030", &["gfx1035", "gfx1030"]),
        // ROCr 5.2.3 has no gfx1036 in its table of instruction sets and leaves that GPU out, saying so.
        ("gfx1036,gfx1030", &["gfx1030"]),
    ] {
        let listing = rocminfo(spec);
        let agents = agents(&listing);
        let found: Vec<&str> = agents.iter().filter(|a| a.1 == "GPU").map(|a| a.0.as_str()).collect();
        assert_eq!(found, gpus, "{spec}\n{listing}");
        let cpu = agents.iter().find(|a| a.1 == "CPU").expect("a CPU agent");
        for pool in
            ["GLOBAL; FLAGS: FINE GRAINED", "GLOBAL; FLAGS: KERNARG, FINE GRAINED", "GLOBAL; FLAGS: COARSE GRAINED"]
        {
            assert!(cpu.2.iter().any(|p| p == pool), "{spec}: the CPU agent has no pool {pool}: {:?}", cpu.2);
        }
        for gpu in agents.iter().filter(|a| a.1 == "GPU") {
            assert_eq!(gpu.2, ["GLOBAL; FLAGS: COARSE GRAINED", "GROUP"], "{spec} {}", gpu.0);
        }
    }
}

#[test]
fn an_apu_that_rocr_5_2_3_does_not_know_is_listed_under_its_users_override() {
    let (_, said) = rocminfo_with(&[], "gfx1036,gfx1030");
    assert!(said.contains("unrecognized id"), "{said}");
    let (listing, said) = rocminfo_with(&[("HSA_OVERRIDE_GFX_VERSION", "10.3.0")], "gfx1036,gfx1030");
    assert!(!said.contains("unrecognized id"), "{said}");
    let gpus: Vec<_> = agents(&listing).into_iter().filter(|agent| agent.1 == "GPU").collect();
    assert_eq!(gpus.iter().map(|gpu| gpu.0.as_str()).collect::<Vec<_>>(), ["gfx1030", "gfx1030"]);
    for gpu in gpus {
        assert_eq!(gpu.2, ["GLOBAL; FLAGS: COARSE GRAINED", "GROUP"], "{}", gpu.0);
    }
    assert!(listing.contains("Chip ID:                 5710(0x164e)"), "the APU's own PCI id: {listing}");
}

#[test]
fn rocminfo_prints_the_same_through_the_fronts() {
    let direct = rocminfo("gfx1030,gfx1010");
    let output = succeed(rmcp().args(["run", "--quiet", "--virtual", "gfx1030,gfx1010", "--", "rocminfo"]));
    let through = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(through, direct);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("no version information"), "{stderr}");
}
