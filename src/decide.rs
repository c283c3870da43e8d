//! From a hooked call to what is done with it: collects what the policy wants to know, and asks it.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use rmcp_config::Switch;
use rmcp_policy::{
    Action, Call, Decision, Device, Mode, Pool, Request, Rewrite, Routes, Rules, Runtime, Version, Warning,
};
use rmcp_record::Event;

use crate::abi::hsa::{hsa_agent_t, hsa_amd_memory_pool_t};
use crate::caller::{self, Library};
use crate::devices::{self, Known};
use crate::hooks::hsa;
use crate::real::{Function, Real};
use crate::recorder;
use crate::say::say;
use crate::settings::Settings;

/// What a program asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The function.
    pub call: Call,
    /// Bytes.
    pub size: usize,
    /// Its flags; 0 for calls that have none.
    pub flags: u32,
    /// Return address of the call.
    pub caller: *const c_void,
}

/// What is done with a request.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    /// The policy's answer; its rule has the name of the user's rule behind it, if one decided.
    pub decision: Decision,
    /// The policy that the request was decided by.
    pub mode: Mode,
    /// The device that the request is for, if it could be found.
    pub device: Option<&'static Known>,
    /// HIP's ordinal of it; -1 when it is not known, and for HSA calls.
    pub ordinal: i32,
    /// File name of the library that made the call; empty when it is not known.
    pub caller: &'static str,
    /// How such a call is recorded when it succeeds, where that was prepared.
    pub event: Option<&'static Event<'static>>,
}

/// A request from one call site and its verdict: nothing that the policy looks at changes from one call to the next.
pub struct Remembered {
    real: &'static Real,
    call: Call,
    flags: u32,
    verdict: Verdict,
}

impl Verdict {
    /// How the call is changed; `None`: not at all.
    pub fn rewrite(&self) -> Option<Rewrite> {
        match self.decision.action {
            Action::Pass => None,
            Action::Rewrite(rewrite) => Some(rewrite),
        }
    }

    /// The same request, passed after all for a reason that the policy could not know.
    pub fn passed(self, rule: &'static str, reason: &'static str) -> Self {
        Self { decision: Decision { action: Action::Pass, rule, reason, ..self.decision }, event: None, ..self }
    }

    /// Nothing was decided: our own code failed.
    pub fn internal_error() -> Self {
        let decision = Decision {
            action: Action::Pass,
            rule: "internal-error",
            reason: "RMCP could not decide and forwarded the call",
            warning: None,
            withheld: None,
        };
        Self { decision, mode: Mode::Audit, device: None, ordinal: -1, caller: "", event: None }
    }
}

/// The verdict on a HIP host allocation, if this call site asked for the same before.
pub fn remembered(real: &'static Real, asked: &Asked) -> Option<&'static Verdict> {
    let known = caller::site(asked.caller)?.remembered.get()?;
    let same = (known.call, known.flags) == (asked.call, asked.flags)
        && std::ptr::eq(known.real, real)
        && devices::current(real) == known.verdict.ordinal;
    same.then_some(&known.verdict)
}

/// Decides a HIP host allocation.
pub fn hip(real: &'static Real, asked: &Asked) -> Verdict {
    let ready = real.initialise();
    let ordinal = if ready { devices::current(real) } else { -1 };
    let device = devices::of_ordinal(real, ordinal);
    let runtime = Runtime { hip_soname: real.soname_major(), hip: real.hip_version(), rocr: Version::UNKNOWN };
    let routes = Routes { register_coarse: Real::any_has(Function::hsa_amd_memory_lock_to_pool), ..Routes::default() };
    let caller = caller::library(asked.caller);
    let policy = device.map_or(Device::UNKNOWN, |known| known.policy);
    let (decision, mode) = ask(asked, caller, runtime, routes, &policy, device);
    let verdict = Verdict { decision, mode, device, ordinal, caller: &caller.name, event: None };
    // Not before HIP is initialised; and a way to register memory as coarse-grained may still be loaded.
    if ready
        && ordinal >= 0
        && asked.call != Call::HipHostRegister
        && let Some(site) = caller::site(asked.caller)
        && site.remembered.get().is_none()
    {
        let event = &*Box::leak(Box::new(recorder::event(asked, &verdict, 0)));
        let verdict = Verdict { event: Some(event), ..verdict };
        let _ = site.remembered.set(Box::new(Remembered { real, call: asked.call, flags: asked.flags, verdict }));
    }
    verdict
}

/// Decides an `hsa_amd_memory_lock` for these agents (none: all GPUs); with the pool to lock to, if it is to be another.
pub fn memory_lock(real: &Real, asked: &Asked, agents: &[hsa_agent_t]) -> (Verdict, Option<hsa_amd_memory_pool_t>) {
    let pools = hsa::cpu_pools(real).unwrap_or_default();
    let coarse = pools.first_coarse();
    let rocr = if pools.extended_fine() { Version::new(6, 4) } else { Version::new(5, 2) };
    let runtime = Runtime { rocr, ..Runtime::default() };
    let routes = Routes { memory_lock: coarse.is_some(), ..Routes::default() };
    let (known, device) = devices::of_agents(real, agents);
    let caller = caller::library(asked.caller);
    let (decision, mode) = ask(asked, caller, runtime, routes, &device, known);
    let verdict = Verdict { decision, mode, device: known, ordinal: -1, caller: &caller.name, event: None };
    (verdict, coarse.filter(|_| verdict.rewrite() == Some(Rewrite::LockToCoarsePool)))
}

/// What is done about a request, and by which mode. `named` is the device as rules name it: of several the first.
fn ask(
    asked: &Asked,
    caller: &Library,
    runtime: Runtime,
    routes: Routes,
    device: &Device,
    named: Option<&Known>,
) -> (Decision, Mode) {
    let settings = Settings::get();
    let request = Request {
        call: asked.call,
        flags: asked.flags,
        pool: Pool::None,
        runtime,
        caller: caller.class,
        environment: settings.environment,
    };
    let applied = settings.process.call(&caller.path, named.map(Known::named), asked.call.as_str());
    let mut decision = rmcp_policy::decide(&request, device, &Rules { mode: applied.policy, routes });
    if asked.call == Call::HsaMemoryLock && applied.memory_lock == Switch::Off {
        decision = Decision {
            action: Action::Pass,
            rule: "memory-lock-off",
            reason: "the repair of hsa_amd_memory_lock is switched off",
            withheld: None,
            ..decision
        };
    }
    if let Some(rule) = applied.rule {
        decision.rule = by_user_rule(decision.rule, rule);
    }
    if let Some(warning) = decision.warning {
        warn_once(warning);
    }
    (decision, applied.policy)
}

/// The table's rule with the user's, as reports show them. Each pair is made once and kept: recorded texts live as long as the process.
fn by_user_rule(rule: &'static str, user: &str) -> &'static str {
    struct Pair {
        text: String,
        next: *const Pair,
    }
    static PAIRS: AtomicPtr<Pair> = AtomicPtr::new(std::ptr::null_mut());
    let text = format!("{rule} (rule {user})");
    let mut head = PAIRS.load(Ordering::Acquire);
    let mut new = Box::new(Pair { text, next: std::ptr::null() });
    loop {
        let mut pair: *const Pair = head;
        // SAFETY: a pair in the list is never freed or changed.
        while let Some(known) = unsafe { pair.as_ref() } {
            if known.text == new.text {
                return &known.text;
            }
            pair = known.next;
        }
        new.next = head;
        let ours = Box::into_raw(new);
        match PAIRS.compare_exchange(head, ours, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: it is in the list now, see above.
            Ok(_) => return unsafe { &(*ours).text },
            Err(other) => {
                head = other;
                // SAFETY: it was never shared.
                new = unsafe { Box::from_raw(ours) };
            }
        }
    }
}

/// Says each warning once per process.
fn warn_once(warning: Warning) {
    static SAID: [AtomicBool; Warning::ALL.len()] = [const { AtomicBool::new(false) }; Warning::ALL.len()];
    if !SAID[warning as usize].swap(true, Ordering::Relaxed) {
        say(warning.sentence());
        recorder::warning(warning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_rule_is_named_behind_the_tables_and_each_pair_is_kept_once() {
        let text = by_user_rule("host-default", "my-server");
        assert_eq!(text, "host-default (rule my-server)");
        assert!(std::ptr::eq(text, by_user_rule("host-default", "my-server")));
        assert_eq!(by_user_rule("host-default", "other"), "host-default (rule other)");
    }
}
