//! The repair of `hsa_amd_memory_lock`, whose header promises coarse-grained access and which gives extended-scope fine-grained access since ROCr 6.4. This
//! machine has ROCr 5.2.3, so a small library with ROCr's name and the pools of 6.4 stands in for it, beside a virtual card's topology.

mod core_support;

use std::path::{Path, PathBuf};

use core_support::{HSA, front, output, program, stand_in, text, vgpu, with_fronts};
use rmcp_record::Verdict;

/// Lines for all GPUs, the GPU, and the CPU agent.
const AS_ASKED: [&str; 3] = ["lock 1000 for 0", "lock 1001 for 1", "lock 1002 for 1"];
const REPAIRED: [&str; 3] =
    ["lock_to_pool 1000 for 0 in 14 with 0", "lock_to_pool 1001 for 1 in 14 with 0", "lock 1002 for 1"];

struct Place {
    directory: tempfile::TempDir,
    program: PathBuf,
}

fn place(definitions: &[&str]) -> Place {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let real = directory.path().join(HSA);
    stand_in(&real, "fake_hsa.c", ("ROCR_1", "hsa_*"), definitions);
    std::fs::create_dir(directory.path().join("fronts")).expect("mkdir");
    front(&real, &directory.path().join("fronts"));
    let program = program(
        directory.path(),
        "repair.c",
        &[&format!("-L{}", directory.path().display()), "-l:libhsa-runtime64.so.1"],
    );
    Place { directory, program }
}

impl Place {
    /// What the stand-in was asked on this card, and what the record has.
    fn run(&self, card: &str, policy: &str) -> (Vec<String>, Vec<(Verdict, String)>) {
        self.run_with(card, policy, &[])
    }

    fn run_with(&self, card: &str, policy: &str, variables: &[(&str, &Path)]) -> (Vec<String>, Vec<(Verdict, String)>) {
        let record = self.directory.path().join(format!("record-{card}-{policy}"));
        let script = "export GPU_LOCATION=$(sed -n 's/^location_id //p' /sys/class/kfd/kfd/topology/nodes/1/properties)\nexec \"$0\"";
        let output = output(
            with_fronts(&self.directory.path().join("fronts"), &vgpu())
                .args([card, "--", "sh", "-c", script])
                .arg(&self.program)
                .env("RMCP_POLICY", policy)
                .env("RMCP_RECORD", &record)
                .envs(variables.iter().copied()),
        );
        assert!(output.status.success(), "{} {}{}", output.status, text(&output.stdout), text(&output.stderr));
        let calls = rmcp_record::read(&record).expect("a record").calls;
        (
            text(&output.stdout).lines().map(str::to_owned).collect(),
            calls.iter().map(|call| (call.verdict, call.rule.to_string())).collect(),
        )
    }
}

#[test]
fn on_rdna_the_lock_goes_to_the_coarse_grained_pool_of_the_first_cpu_agent() {
    let place = place(&[]);
    for card in ["gfx1030", "gfx1010"] {
        for policy in ["default", "strict"] {
            let (lines, calls) = place.run(card, policy);
            assert_eq!(lines, REPAIRED, "{card} {policy}");
            let verdicts: Vec<Verdict> = calls.iter().map(|(verdict, _)| *verdict).collect();
            assert_eq!(verdicts, [Verdict::Rewritten, Verdict::Rewritten, Verdict::Passed]);
        }
    }
}

#[test]
fn audit_and_other_generations_leave_the_lock_alone() {
    let place = place(&[]);
    let (lines, calls) = place.run("gfx1030", "audit");
    assert_eq!(lines, AS_ASKED);
    assert_eq!(calls[0].0, Verdict::Withheld, "the record says what default would do: {calls:?}");
    for card in ["gfx1100", "gfx906"] {
        assert_eq!(place.run(card, "strict").0, AS_ASKED, "{card}");
    }
}

#[test]
fn an_older_rocr_and_a_node_without_a_coarse_grained_pool_leave_the_lock_alone() {
    for definition in ["-DOLD", "-DAPU"] {
        let (lines, calls) = place(&[definition]).run("gfx1030", "strict");
        assert_eq!(lines, AS_ASKED, "{definition}");
        assert!(calls.iter().all(|(verdict, _)| *verdict == Verdict::Passed), "{definition}: {calls:?}");
    }
}

#[test]
fn the_repair_is_switched_off_by_its_variable_and_by_a_rule_for_a_device() {
    let place = place(&[]);
    let (lines, calls) = place.run_with("gfx1030", "default", &[("RMCP_REPAIR_MEMORY_LOCK", Path::new("off"))]);
    assert_eq!(lines, AS_ASKED);
    // The lock for the CPU agent is for no RDNA card.
    let rules: Vec<&str> = calls.iter().map(|(_, rule)| rule.as_str()).collect();
    assert_eq!(rules, ["lock-repair-off", "lock-repair-off", "other-generation"]);
    let file = place.directory.path().join("rmcp.toml");
    let rule = "[[rule]]\nname = \"not-here\"\ndevice = \"gfx103*\"\nmemory-lock = \"off\"\n";
    std::fs::write(&file, rule).expect("write");
    let configuration = [("RMCP_CONFIG", file.as_path())];
    let (lines, calls) = place.run_with("gfx1030", "strict", &configuration);
    assert_eq!(lines, AS_ASKED);
    assert_eq!(calls[0].1, "lock-repair-off (rule not-here)");
    assert_eq!(place.run_with("gfx1010", "strict", &configuration).0, REPAIRED, "another device");
}
