//! The processors and memory of the real machine, as KFD would show them: one node for each NUMA node.

use std::fs;
use std::path::Path;

/// What the tree needs to know of the real machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// By number; at least one.
    pub nodes: Vec<HostNode>,
    /// The kernel describes the processors' caches. Without that libhsakmt would refuse to start (`topology.c`, topology_get_cpu_cache_props), so the
    /// tree then says something of them.
    pub caches_known: bool,
}

/// One NUMA node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostNode {
    /// Processors.
    pub processors: u64,
    /// APIC id of the first one, by which libhsakmt finds its name in `/proc/cpuinfo`.
    pub apic_id: u64,
    /// Memory in bytes.
    pub memory: u64,
}

impl Host {
    /// The machine that this runs on.
    pub fn read() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let nodes = (0..)
            .map(|number| Path::new("/sys/devices/system/node").join(format!("node{number}")))
            .map_while(|node| {
                let cpus = fs::read_to_string(node.join("cpulist")).ok()?;
                Some((cpus, fs::read_to_string(node.join("meminfo")).unwrap_or_default()))
            })
            .collect();
        let caches_known = fs::read_dir("/sys/devices/system/cpu/cpu0/cache").is_ok_and(|mut entries| {
            entries.any(|entry| entry.is_ok_and(|e| e.file_name().as_encoded_bytes().starts_with(b"index")))
        });
        Host::parse(&cpuinfo, &meminfo, nodes, caches_known)
    }

    /// From the texts of `/proc/cpuinfo`, `/proc/meminfo` and of each NUMA node's `cpulist` and `meminfo` (none: a kernel without NUMA).
    fn parse(cpuinfo: &str, meminfo: &str, nodes: Vec<(String, String)>, caches_known: bool) -> Self {
        let field = |line: &str, name: &str| -> Option<u64> {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().parse().ok()).flatten()
        };
        let (mut processor, mut apic_ids) = (0, std::collections::BTreeMap::new());
        for line in cpuinfo.lines() {
            if let Some(number) = field(line, "processor") {
                processor = number;
                apic_ids.entry(processor).or_insert(number);
            } else if let Some(id) = field(line, "apicid") {
                apic_ids.insert(processor, id);
            }
        }
        let node = |cpus: Vec<u64>, memory: u64| HostNode {
            processors: cpus.len() as u64,
            apic_id: cpus.first().and_then(|cpu| apic_ids.get(cpu)).copied().unwrap_or(0),
            memory,
        };
        let mut found: Vec<HostNode> = nodes
            .iter()
            .map(|(cpus, memory)| node(cpu_list(cpus), memory_total(memory)))
            .take_while(|node| node.processors > 0)
            .collect();
        if found.is_empty() {
            let cpus: Vec<u64> = apic_ids.keys().copied().collect();
            found.push(node(if cpus.is_empty() { vec![0] } else { cpus }, memory_total(meminfo)));
        }
        Host { nodes: found, caches_known }
    }
}

/// The numbers in a list such as `0-3,8`; what is no number is left out.
fn cpu_list(text: &str) -> Vec<u64> {
    let range = |part: &str| -> Option<std::ops::RangeInclusive<u64>> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse::<u64>().ok()?);
        // More processors than Linux supports are a mistake.
        (last < 1 << 16).then_some(first..=last)
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

/// Bytes of the line `MemTotal:`, with or without `Node N` before it.
fn memory_total(text: &str) -> u64 {
    let kib = text.lines().find_map(|line| {
        let (_, value) = line.split_once("MemTotal:")?;
        value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    kib.and_then(|kib| kib.checked_mul(1024)).unwrap_or(8 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPUINFO: &str = "processor\t: 0\napicid\t\t: 0\n\nprocessor\t: 1\napicid\t\t: 4\ninitial apicid\t: 9\n";

    #[test]
    fn without_numa_there_is_one_node_with_all_processors() {
        let host = Host::parse(CPUINFO, "MemTotal:  1024 kB\n", Vec::new(), true);
        assert_eq!(host.nodes, [HostNode { processors: 2, apic_id: 0, memory: 1 << 20 }]);
    }

    #[test]
    fn each_numa_node_has_its_processors_its_first_apic_id_and_its_memory() {
        let nodes = vec![
            ("0\n".to_owned(), "Node 0 MemTotal:  8 kB\n".to_owned()),
            ("1\n".to_owned(), "Node 1 MemTotal: 16 kB\n".to_owned()),
        ];
        let host = Host::parse(CPUINFO, "", nodes, false);
        let seen: Vec<_> = host.nodes.iter().map(|node| (node.processors, node.apic_id, node.memory)).collect();
        assert_eq!(seen, [(1, 0, 8192), (1, 4, 16384)]);
        assert!(!host.caches_known);
    }

    #[test]
    fn odd_texts_still_give_a_node() {
        for text in ["", "processor\t: x\n", "MemTotal:\n", "processor"] {
            let host = Host::parse(text, text, vec![(text.to_owned(), text.to_owned())], false);
            assert_eq!(host.nodes.len(), 1);
            assert!(host.nodes[0].processors >= 1 && host.nodes[0].memory > 0);
        }
        assert_eq!(cpu_list("0-2,5,x,9-\n"), [0, 1, 2, 5]);
    }
}
