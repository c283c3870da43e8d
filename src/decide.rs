//! From a hooked call to what is done with it: collects what the policy wants to know, and asks it.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use rmcp_policy::{
    Action, Call, Decision, Device, INTERNAL_ERROR, Memory, Mode, Pool, Request, Rewrite, Routes, Rules, Runtime,
    Version, Warning,
};
use rmcp_record::Event;

use crate::caller::{self, Library};
use crate::devices::{self, Found, Known};
use crate::hooks::hsa::heaps::{self, Heaps};
use crate::hooks::{Row, hip};
use crate::real::{Function, INSTANCES, Real};
use crate::recorder;
use crate::say::say;
use crate::settings::Settings;

/// What a program asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The library that is asked.
    pub real: &'static Real,
    /// The function, as the list has it.
    pub row: &'static Row,
    /// The function, as the policy has it.
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
    /// The memory that the call gives: as decided, and as asked.
    pub memory: [Memory; 2],
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
    pub fn passed(self, (rule, reason): (&'static str, &'static str)) -> Self {
        let decision = Decision { action: Action::Pass, rule, reason, ..self.decision };
        Self { decision, memory: [self.memory[1]; 2], event: None, ..self }
    }

    /// Of a call that the policy does not know: who made it, and for which device.
    pub fn undecided(real: &'static Real, row: &'static Row, called_from: *const c_void) -> Self {
        let decision = Decision { action: Action::Pass, rule: "", reason: "", warning: None, withheld: None };
        let ordinal = if real.is_initialised() { devices::current(real) } else { -1 };
        let device = devices::of_ordinal(real, ordinal);
        let caller = caller::library(called_from);
        let find = || Settings::get().process.call(&caller.path, device.map(Known::named), row.name).policy;
        let mode = match caller::site(called_from) {
            Some(site) => site.mode(std::ptr::from_ref(row).addr(), ordinal, find),
            None => find(),
        };
        Self { decision, mode, memory: [Memory::Unknown; 2], device, ordinal, caller: &caller.name, event: None }
    }

    /// Nothing was decided: our own code failed.
    pub fn internal_error() -> Self {
        let decision = Decision {
            action: Action::Pass,
            rule: INTERNAL_ERROR.0,
            reason: INTERNAL_ERROR.1,
            warning: None,
            withheld: None,
        };
        let memory = [Memory::Unknown; 2];
        Self { decision, mode: Mode::Audit, memory, device: None, ordinal: -1, caller: "", event: None }
    }
}

/// The verdict on a HIP request, if this call site asked for the same before.
pub fn remembered(asked: &Asked) -> Option<&'static Verdict> {
    let known = caller::site(asked.caller)?.remembered.get()?;
    let same = (known.call, known.flags) == (asked.call, asked.flags)
        && std::ptr::eq(known.real, asked.real)
        && devices::current(asked.real) == known.verdict.ordinal;
    same.then_some(&known.verdict)
}

/// Decides a HIP request for the current device.
pub fn hip(asked: &Asked) -> Verdict {
    let real = asked.real;
    let ready = real.initialise();
    let ordinal = if ready { devices::current(real) } else { -1 };
    let verdict = on_device(asked, ordinal);
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

/// Decides a HIP request for the device of an ordinal.
pub fn on_device(asked: &Asked, ordinal: i32) -> Verdict {
    let real = asked.real;
    let device = devices::of_ordinal(real, ordinal);
    let runtime = Runtime { hip_soname: real.soname_major(), hip: real.hip_version(), rocr: Version::UNKNOWN };
    let routes = Routes {
        register_coarse: Real::any_has(Function::hsa_amd_memory_lock_to_pool),
        managed_advise: real.hipMemAdvise().is_some(),
        ..Routes::default()
    };
    let caller = caller::library(asked.caller);
    let policy = device.map_or(Device::UNKNOWN, |known| known.policy);
    let (decision, mode, memory) = ask(asked, Pool::None, caller, runtime, routes, &policy, device);
    Verdict { decision, mode, memory, device, ordinal, caller: &caller.name, event: None }
}

/// Whether host memory that this code asks for without flags is, or will be, rewritten on the current device.
pub fn rewrites_host_memory(real: &'static Real, caller: *const c_void) -> bool {
    let row = &hip::rows::hipHostMalloc;
    let asked = Asked { real, row, call: Call::HipHostMalloc, size: 0, flags: 0, caller };
    real.initialise() && on_device(&asked, devices::current(real)).rewrite().is_some()
}

/// Gives the verdict on a call that is recorded and never changed to `record`.
pub fn recorded(asked: &Asked, record: impl FnOnce(&Verdict)) {
    if asked.row.is_hsa() {
        let device = heaps::of(asked.real).map_or((None, Device::UNKNOWN), Heaps::all_gpus);
        return record(&hsa(asked, Pool::None, device, false));
    }
    if let Some(verdict) = remembered(asked) {
        return record(verdict);
    }
    let verdict = hip(asked);
    match verdict.rewrite() {
        Some(_) => record(&verdict.passed(("no-route", "This function is never changed."))),
        None => record(&verdict),
    }
}

/// Decides an HSA request for memory of this kind and these GPUs; `coarse`: there is a coarse-grained pool that could be taken in its place.
pub fn hsa(asked: &Asked, pool: Pool, (device, least): Found, coarse: bool) -> Verdict {
    let rocr = heaps::of(asked.real).map_or(Version::UNKNOWN, |heaps| heaps.release(asked.real));
    let runtime = Runtime { rocr, ..hip_of_process() };
    let routes = Routes { memory_lock: coarse, coarse_pool: coarse, ..Routes::default() };
    let caller = caller::library(asked.caller);
    let (decision, mode, memory) = ask(asked, pool, caller, runtime, routes, &least, device);
    Verdict { decision, mode, memory, device, ordinal: -1, caller: &caller.name, event: None }
}

/// The HIP library of this process, the newest if there are several: an HSA client's memory may be copied by it.
fn hip_of_process() -> Runtime {
    (0..INSTANCES)
        .map(Real::instance)
        .filter(|real| real.hipGetDeviceCount().is_some())
        .map(|real| Runtime { hip_soname: real.soname_major(), hip: real.hip_version(), rocr: Version::UNKNOWN })
        .max_by_key(|runtime| runtime.hip_soname)
        .unwrap_or_default()
}

/// The decision, the mode by which it was made, and the memory that it gives: as it is decided, and as it was asked. `named` is the device as rules
/// name it: of several the first.
fn ask(
    asked: &Asked,
    pool: Pool,
    caller: &Library,
    runtime: Runtime,
    routes: Routes,
    device: &Device,
    named: Option<&Known>,
) -> (Decision, Mode, [Memory; 2]) {
    let settings = Settings::get();
    let environment = settings.environment;
    let request = Request { call: asked.call, flags: asked.flags, pool, runtime, caller: caller.class, environment };
    let applied = settings.process.call(&caller.path, named.map(Known::named), asked.call.as_str());
    let rules = Rules { mode: applied.policy, memory_lock: applied.memory_lock, routes };
    let mut decision = rmcp_policy::decide(&request, device, &rules);
    if let Some(rule) = applied.rule {
        decision.rule = by_user_rule(decision.rule, rule);
    }
    if let Some(warning) = decision.warning {
        warn_at(warning, asked.row.name, asked.caller);
    }
    let memory = |decision: &Decision| rmcp_policy::memory(&request, device, decision);
    let passed = Decision { action: Action::Pass, ..decision };
    (decision, applied.policy, [memory(&decision), memory(&passed)])
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

/// Says a warning once per process, with the place of the call by which it came up first.
pub fn warn_at(warning: Warning, function: &str, called_from: *const c_void) {
    static SAID: [AtomicBool; Warning::ALL.len()] = [const { AtomicBool::new(false) }; Warning::ALL.len()];
    if !SAID[warning as usize].swap(true, Ordering::Relaxed) {
        let sentence = format!("{function} called from {}: {}", caller::place(called_from), warning.sentence());
        say(&sentence);
        recorder::warning(warning, &sentence);
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
