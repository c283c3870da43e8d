//! `cargo xtask demo`: one HIP program without and with RMCP, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use rmcp_device::{Generation, Gpu};
use rmcp_record::{Recording, Verdict};
use serde::Deserialize;
use vgpu::log::{Event, Line};
use vgpu::spec::Spec;

use crate::{build, packages};

#[derive(clap::Args)]
pub struct Arguments {
    /// The virtual card (gfx1030, gfx1010, gfx1030:atomics=off, …; target/release/vgpu --help has all)
    #[arg(long, value_name = "SPEC", default_value = "gfx1030", conflicts_with = "real")]
    card: Spec,
    /// Run on the RDNA1 or RDNA2 card of this machine
    #[arg(long)]
    real: bool,
    /// RMCP's policy in the second run
    #[arg(long, default_value = "default", value_parser = ["audit", "default", "strict"])]
    policy: String,
    /// Cargo profile to build with
    #[arg(long, default_value = "release", hide = true)]
    profile: String,
}

/// One line of the program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Check {
    check: String,
    ok: bool,
    hash: String,
    /// The rest: for an allocation.
    call: Option<String>,
    pointer: Option<u64>,
    device: Option<u64>,
}

/// What one run left behind.
struct Run {
    checks: Vec<Check>,
    log: Vec<Line>,
}

/// How an allocation reached the kernel driver.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Arrival {
    flags: String,
    mtype: String,
}

pub fn run(arguments: &Arguments) -> Result<bool> {
    eprintln!("[1/4] Debian packages");
    packages::ensure(packages::DEMO)?;
    let real = if arguments.real { Some(real_card()?) } else { None };
    // Every build covers RDNA1 and RDNA2; a card of another kind adds its own.
    let mut targets = BTreeSet::from(["gfx1010".to_owned(), "gfx1030".to_owned()]);
    let card = match &real {
        Some(gpu) => {
            targets.insert(gpu.target.to_string());
            format!("{} at {}", gpu.target, gpu.pci)
        }
        None => {
            let cards = arguments.card.cards.iter().map(|slot| slot.card);
            if let Some(control) = cards.clone().find(|card| !card.executes()) {
                bail!("{} is a control for allocations and runs no kernels; choose another card", control.name);
            }
            targets.extend(cards.map(|card| card.name.to_owned()));
            format!("virtual card {}", arguments.card)
        }
    };
    eprintln!("[2/4] Building RMCP and the virtual card");
    let built = build::workspace(&arguments.profile)?;
    eprintln!("[3/4] Compiling the HIP program for {}", targets.iter().cloned().collect::<Vec<_>>().join(", "));
    let directory = tempfile::tempdir().context("a temporary directory cannot be made")?;
    let program = build::hip_program("demo.hip.cpp", &targets, directory.path())?;
    eprintln!("[4/4] Running it without and with RMCP");
    let stage = Stage { built: &built, program: &program, directory: directory.path(), real: real.as_ref(), arguments };
    let before = stage.without()?;
    let (after, recording) = stage.with()?;
    let table = Table::new(&before, &after, &recording)?;
    print!("{}", table.text(&card, arguments));
    Ok(table.right())
}

/// The first RDNA1 or RDNA2 card of the machine, rather one that is no part of the processor.
fn real_card() -> Result<Gpu> {
    let topology = rmcp_device::Topology::read(Path::new(rmcp_device::TOPOLOGY_ROOT))
        .context("there is no card to run on; without --real a virtual one is used")?;
    let is_rdna = |gpu: &Gpu| matches!(gpu.generation, Generation::Rdna1 | Generation::Rdna2);
    let mut cards: Vec<Gpu> = topology.gpus.into_iter().filter(is_rdna).collect();
    cards.sort_by_key(|gpu| gpu.apu.is_some());
    cards.into_iter().next().context("this machine has no RDNA1 or RDNA2 card; without --real a virtual one is used")
}

struct Stage<'a> {
    built: &'a Path,
    program: &'a Path,
    directory: &'a Path,
    real: Option<&'a Gpu>,
    arguments: &'a Arguments,
}

impl Stage<'_> {
    fn without(&self) -> Result<Run> {
        let log = self.directory.join("before.jsonl");
        let mut command;
        if let Some(gpu) = self.real {
            command = Command::new(self.program);
            self.trace(command.arg(gpu.pci.to_string()), &log);
        } else {
            command = Command::new(self.built.join("vgpu"));
            command.arg("--log").arg(&log).arg(self.arguments.card.to_string()).arg("--").arg(self.program);
        }
        self.run(&mut command, &log).context("the run without RMCP failed")
    }

    fn with(&self) -> Result<(Run, Recording)> {
        let (log, record) = (self.directory.join("after.jsonl"), self.directory.join("record"));
        let mut command = Command::new(self.built.join("rmcp"));
        command.args(["run", "--quiet", "--policy", &self.arguments.policy, "--record"]).arg(&record);
        if self.real.is_some() {
            self.trace(&mut command, &log);
        } else {
            command.args(["--virtual", &self.arguments.card.to_string(), "--virtual-log"]).arg(&log);
        }
        command.arg("--").arg(self.program).args(self.real.map(|gpu| gpu.pci.to_string()));
        let run = self.run(&mut command, &log).context("the run with RMCP failed")?;
        let recording = rmcp_record::read(&record)?;
        for soname in ["libamdhip64", "libhsa-runtime64"] {
            if !recording.fronts.iter().any(|front| front.soname.starts_with(soname)) {
                bail!("the front of {soname} was not loaded: the program ran without RMCP");
            }
        }
        Ok((run, recording))
    }

    /// On a real card the kernel driver keeps no log: the requests are traced on their way to it.
    fn trace(&self, command: &mut Command, log: &Path) {
        let preload = vgpu::launch::preload(self.built.join("libkfd_trace.so"));
        command.env("LD_PRELOAD", preload).env("KFD_TRACE", log);
    }

    fn run(&self, command: &mut Command, log: &Path) -> Result<Run> {
        let output = command.stderr(std::process::Stdio::inherit()).output().context("it cannot be started")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let checks = text
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("the program printed: {line}")))
            .collect::<Result<Vec<Check>>>()?;
        // 1: a check failed, which its line says.
        let all_right = checks.iter().all(|check| check.ok);
        if output.status.code() != Some(if all_right { 0 } else { 1 }) || checks.is_empty() {
            bail!("the program ended with {}", output.status);
        }
        Ok(Run { checks, log: vgpu::log::read(log).with_context(|| format!("{} cannot be read", log.display()))? })
    }
}

impl Run {
    /// How the memory of an allocation reached the kernel driver: the last request that covers it.
    fn arrival(&self, address: u64) -> Option<Arrival> {
        let covers = |va: u64, size: u64| (va..va.saturating_add(size)).contains(&address);
        self.log.iter().rev().find_map(|line| match &line.event {
            Event::Alloc { va, size, flags, mtype, errno: 0, .. } if covers(*va, *size) => {
                Some(Arrival { flags: flags.clone(), mtype: mtype.to_string() })
            }
            Event::Svm { va, size, mtype, .. } if covers(*va, *size) => {
                Some(Arrival { flags: "SVM".into(), mtype: mtype.to_string() })
            }
            _ => None,
        })
    }
}

/// One allocation, both runs.
struct Allocation {
    name: String,
    before: Arrival,
    after: Arrival,
    action: &'static str,
    result: &'static str,
}

struct Table {
    allocations: Vec<Allocation>,
    /// Copies, fills and kernels: name and result.
    others: Vec<(String, &'static str)>,
    rewritten: usize,
}

const RIGHT: &str = "right, same bytes";

impl Table {
    fn new(before: &Run, after: &Run, recording: &Recording) -> Result<Self> {
        let names = |run: &Run| run.checks.iter().map(|check| check.check.clone()).collect::<Vec<_>>();
        if names(before) != names(after) {
            bail!("the two runs did not make the same checks");
        }
        let verdicts: BTreeMap<u64, Verdict> =
            recording.calls.iter().filter(|call| call.size > 0).map(|call| (call.pointer, call.verdict)).collect();
        let mut table = Table { allocations: Vec::new(), others: Vec::new(), rewritten: 0 };
        for (stock, ours) in before.checks.iter().zip(&after.checks) {
            let result = match (stock.ok, ours.ok, stock.hash == ours.hash) {
                (true, true, true) => RIGHT,
                (false, true, _) => "WRONG without RMCP",
                (true, false, _) => "WRONG with RMCP",
                (false, false, _) => "WRONG in both runs",
                (true, true, false) => "WRONG: not the same bytes",
            };
            if ours.call.is_none() {
                table.others.push((ours.check.clone(), result));
                continue;
            }
            let arrival = |run: &Run, check: &Check| {
                let address = check.device.context("an allocation without an address")?;
                run.arrival(address).with_context(|| format!("{} never reached the kernel driver", check.check))
            };
            let (was, is) = (arrival(before, stock)?, arrival(after, ours)?);
            let verdict = ours.pointer.and_then(|pointer| verdicts.get(&pointer));
            // The kernel driver is the judge of what the record says.
            if (verdict == Some(&Verdict::Rewritten)) != (was != is) {
                bail!("{}: the record says {verdict:?}, but the kernel driver saw {was:?} and then {is:?}", ours.check);
            }
            table.rewritten += usize::from(was != is);
            let action = match verdict {
                Some(Verdict::Rewritten) => "rewritten",
                Some(Verdict::Withheld) => "would be",
                Some(Verdict::Passed) => "as asked",
                None => "not hooked",
            };
            table.allocations.push(Allocation { name: ours.check.clone(), before: was, after: is, action, result });
        }
        Ok(table)
    }

    fn results(&self) -> impl Iterator<Item = &'static str> {
        self.allocations.iter().map(|row| row.result).chain(self.others.iter().map(|(_, result)| *result))
    }

    fn right(&self) -> bool {
        self.results().all(|result| result == RIGHT)
    }

    fn text(&self, card: &str, arguments: &Arguments) -> String {
        let version = |package: &str| packages::version(package).unwrap_or_else(|| "?".into());
        let mut text = format!(
            "\nOne HIP program on AMD's libraries (libamdhip64-5 {}, libhsa-runtime64-1 {}), {card},\nwithout RMCP and with RMCP's policy \"{}\"\n\n",
            version("libamdhip64-5"),
            version("libhsa-runtime64-1"),
            arguments.policy
        );
        let name = self.allocations.iter().map(|row| row.name.len()).max().unwrap_or(0);
        text += &format!("{:name$}   without RMCP   with RMCP                  kernel and copies\n", "");
        text += &format!("{:name$}   KFD flags PTE  KFD flags PTE  RMCP        on this memory\n", "allocation");
        for Allocation { name: title, before, after, action, result } in &self.allocations {
            text += &format!(
                "{title:name$}   {:9} {:3}  {:9} {:3}  {action:10}  {result}\n",
                before.flags, before.mtype, after.flags, after.mtype
            );
        }
        let name = self.others.iter().map(|(title, _)| title.len()).max().unwrap_or(0);
        text += &format!("\n{:name$}   result\n", "other work");
        for (title, result) in &self.others {
            text += &format!("{title:name$}   {result}\n");
        }
        let (right, all) = (self.results().filter(|result| *result == RIGHT).count(), self.results().count());
        text += &format!(
            "\n{} of {} allocations reached the kernel driver changed. {right} of {all} results are right, and the same bytes, in both runs.\n\n",
            self.rewritten,
            self.allocations.len()
        );
        text += "KFD flags: what AMD's stack passed to the kernel driver (KFD_IOC_ALLOC_MEM_FLAGS of linux/kfd_ioctl.h). The bits that matter here:\n";
        text += "  4000000 coherent, 4 memory of the process, 1 video memory. SVM: a range of the SVM call, which has no such flags.\n";
        text += "PTE: the memory type that the kernel's rule gives for them on gfx10. UC: not cached by the GPU; NC: cached in its L2.\n";
        text += "RMCP: \"as asked\" = seen and left alone, \"not hooked\" = passed through unseen.\n";
        text += if arguments.real {
            "The flags were traced on their way to the kernel driver; the memory type was not read from the card.\n"
        } else {
            "The virtual card's memory is always coherent: this shows what reaches the driver, not what a real card does with it.\n"
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vgpu::log::Log;
    use vgpu::mtype::Mtype;

    const ADDRESS: u64 = 0x7000_0000;

    /// One allocation as a run shows it, and one other check.
    fn run(flags: u32, mtype: Mtype, ok: bool, hash: &str) -> Run {
        let check = |check: &str, call: Option<&str>| Check {
            check: check.into(),
            ok,
            hash: hash.into(),
            call: call.map(Into::into),
            pointer: call.map(|_| ADDRESS),
            device: call.map(|_| ADDRESS),
        };
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("log");
        Log::new(Some(&path)).write(Event::Alloc {
            gpu: 1,
            card: "gfx1030".into(),
            va: ADDRESS,
            size: 65536,
            flags: format!("{flags:08x}"),
            names: Vec::new(),
            mtype,
            handle: 1,
            errno: 0,
        });
        let checks = vec![check("hipHostMalloc(Default)", Some("hipHostMalloc")), check("vector addition", None)];
        Run { checks, log: vgpu::log::read(&path).expect("a log") }
    }

    fn recording(verdict: Verdict) -> Recording {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("record");
        let writer = rmcp_record::Writer::open(&path, "default", |why| panic!("{why}")).expect("a writer");
        writer.record(&rmcp_record::Event {
            call: "hipHostMalloc",
            size: 65536,
            pointer: ADDRESS,
            verdict,
            ..rmcp_record::Event::default()
        });
        rmcp_record::read(&path).expect("a record")
    }

    #[test]
    fn a_wrong_result_or_other_bytes_fail_the_demo() {
        let stock = run(0xd400_0004, Mtype::Uc, true, "a");
        let rewritten = recording(Verdict::Rewritten);
        let ours = |ok, hash| run(0xd000_0004, Mtype::Nc, ok, hash);
        let right = Table::new(&stock, &ours(true, "a"), &rewritten).expect("a table");
        assert!(right.right());
        assert_eq!(right.rewritten, 1);
        for (ok, hash, word) in [(false, "b", "WRONG with RMCP"), (true, "b", "not the same bytes")] {
            let table = Table::new(&stock, &ours(ok, hash), &rewritten).expect("a table");
            assert!(!table.right());
            assert_eq!(table.results().filter(|result| result.contains(word)).count(), 2);
        }
    }

    #[test]
    fn a_record_that_the_kernel_driver_does_not_confirm_fails_the_demo() {
        let stock = run(0xd400_0004, Mtype::Uc, true, "a");
        let changed = run(0xd000_0004, Mtype::Nc, true, "a");
        assert!(Table::new(&stock, &stock, &recording(Verdict::Rewritten)).is_err(), "said, not done");
        assert!(Table::new(&stock, &changed, &recording(Verdict::Passed)).is_err(), "done, not said");
    }
}
