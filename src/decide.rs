//! From a hooked call to what is done with it: collects what the policy wants to know, and asks it.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};

use rmcp_policy::{
    Action, Call, Caller, Decision, Device, Pool, Request, Rewrite, Routes, Rules, Runtime, Version, Warning,
};
use rmcp_record::Event;

use crate::abi::hsa::{hsa_agent_t, hsa_amd_memory_pool_t};
use crate::caller;
use crate::devices::{self, Known};
use crate::hooks::{Row, hip, hsa};
use crate::real::{Function, Real};
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
    /// The policy's answer.
    pub decision: Decision,
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

    /// Of a call that the policy does not know: who made it, and for which device.
    pub fn undecided(real: &'static Real, caller: *const c_void) -> Self {
        let decision = Decision { action: Action::Pass, rule: "", reason: "", warning: None, withheld: None };
        let ordinal = if real.is_initialised() { devices::current(real) } else { -1 };
        Self {
            decision,
            device: devices::of_ordinal(real, ordinal),
            ordinal,
            caller: &caller::library(caller).name,
            event: None,
        }
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
        Self { decision, device: None, ordinal: -1, caller: "", event: None }
    }
}

/// The verdict on a HIP host allocation, if this call site asked for the same before.
pub fn remembered(asked: &Asked) -> Option<&'static Verdict> {
    let known = caller::site(asked.caller)?.remembered.get()?;
    let same = (known.call, known.flags) == (asked.call, asked.flags)
        && std::ptr::eq(known.real, asked.real)
        && devices::current(asked.real) == known.verdict.ordinal;
    same.then_some(&known.verdict)
}

/// Decides a HIP host allocation.
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
    let decision = ask(asked, caller.class, runtime, routes, &device.map_or(Device::UNKNOWN, |known| known.policy));
    Verdict { decision, device, ordinal, caller: &caller.name, event: None }
}

/// Whether host memory that this code asks for without flags is, or will be, rewritten on the current device.
pub fn rewrites_host_memory(real: &'static Real, caller: *const c_void) -> bool {
    let row = &hip::rows::hipHostMalloc;
    let asked = Asked { real, row, call: Call::HipHostMalloc, size: 0, flags: 0, caller };
    real.initialise() && on_device(&asked, devices::current(real)).rewrite().is_some()
}

/// Gives the verdict on a HIP call that is recorded and never changed to `record`.
pub fn recorded(asked: &Asked, record: impl FnOnce(&Verdict)) {
    if let Some(verdict) = remembered(asked) {
        return record(verdict);
    }
    let verdict = hip(asked);
    match verdict.rewrite() {
        Some(_) => record(&verdict.passed("no-route", "this function is never changed")),
        None => record(&verdict),
    }
}

/// Decides an `hsa_amd_memory_lock` for these agents (none: all GPUs); with the pool to lock to, if it is to be another.
pub fn memory_lock(asked: &Asked, agents: &[hsa_agent_t]) -> (Verdict, Option<hsa_amd_memory_pool_t>) {
    let real = asked.real;
    let pools = hsa::cpu_pools(real).unwrap_or_default();
    let coarse = pools.first_coarse();
    let rocr = if pools.extended_fine() { Version::new(6, 4) } else { Version::new(5, 2) };
    let runtime = Runtime { rocr, ..Runtime::default() };
    let routes = Routes { memory_lock: coarse.is_some(), ..Routes::default() };
    let (known, device) = devices::of_agents(real, agents);
    let caller = caller::library(asked.caller);
    let decision = ask(asked, caller.class, runtime, routes, &device);
    let verdict = Verdict { decision, device: known, ordinal: -1, caller: &caller.name, event: None };
    (verdict, coarse.filter(|_| verdict.rewrite() == Some(Rewrite::LockToCoarsePool)))
}

fn ask(asked: &Asked, caller: Caller, runtime: Runtime, routes: Routes, device: &Device) -> Decision {
    let settings = Settings::get();
    let request = Request {
        call: asked.call,
        flags: asked.flags,
        pool: Pool::None,
        runtime,
        caller,
        environment: settings.environment,
    };
    let decision = rmcp_policy::decide(&request, device, &Rules { routes, ..Rules::new(settings.mode) });
    if let Some(warning) = decision.warning {
        warn_once(warning);
    }
    decision
}

/// Says each warning once per process.
fn warn_once(warning: Warning) {
    if first(warning) {
        say(warning.sentence());
        recorder::warning(warning);
    }
}

/// Says a warning about one call site, once per process: the first.
pub fn warn_at(warning: Warning, function: &str, called_from: *const c_void) {
    if first(warning) {
        say(&format!("{function} called from {}: {}", caller::place(called_from), warning.sentence()));
        recorder::warning(warning);
    }
}

fn first(warning: Warning) -> bool {
    static SAID: [AtomicBool; Warning::ALL.len()] = [const { AtomicBool::new(false) }; Warning::ALL.len()];
    !SAID[warning as usize].swap(true, Ordering::Relaxed)
}
