//! What tells a process from another of the same pid, and whether it is still there.

/// The boot and the pid namespace that this process runs in: a pid and a start time mean something only there.
pub fn machine() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {}", boot.trim(), namespace.display())
}

/// When a process started, in clock ticks since boot: field 22 of `/proc/PID/stat` (proc_pid_stat(5)). exec does not change it. `None`: there is no such
/// process, or it ended and waits for its parent to notice.
pub fn start(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let running = !matches!(fields.next()?, "Z" | "X");
    fields.nth(18)?.parse().ok().filter(|_| running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_start_while_it_runs_and_none_when_it_has_ended() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().expect("a child");
        let started = start(child.id());
        assert!(started.is_some() && started == start(child.id()) && started >= start(std::process::id()));
        child.kill().expect("killed");
        child.wait().expect("a status");
        assert_eq!(start(child.id()), None);
    }
}
