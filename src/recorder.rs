//! What is recorded: which fronts took their place, each hooked call and its verdict, each warning. Counters are kept even when there is no record file.

use std::ffi::c_void;

use once_cell::sync::OnceCell;
use rmcp_policy::{Mode, Warning};
use rmcp_record::{Event, FrontLoaded, Kind, Writer};

use crate::api;
use crate::caller;
use crate::decide::{Asked, Verdict};
use crate::pointers::Rewritten;
use crate::say::say;
use crate::settings::Settings;

/// The record file of this process; `None`: nothing is recorded. A child made by fork goes on with it.
///
/// It is opened when the first front is bound. The only lock of the core: [`before_fork`] sees to it that no child inherits it held.
fn writer() -> Option<&'static Writer> {
    static WRITER: OnceCell<Option<Writer>> = OnceCell::new();
    let open = || {
        let settings = Settings::get();
        let path = settings.record.as_ref().filter(|_| settings.mode != Mode::Off)?;
        Writer::open(path, settings.mode.as_str(), say).inspect_err(|error| say(&error.to_string())).ok()
    };
    WRITER.get_or_init(open).as_ref()
}

/// Waits for a thread that is just opening the record file.
pub fn before_fork() {
    writer();
}

/// A front is in place.
pub fn front(front: &FrontLoaded) {
    if let Some(writer) = writer() {
        writer.front(front);
    }
}

/// A warning was said.
pub fn warning(warning: Warning) {
    if let Some(writer) = writer() {
        writer.warning(warning.as_str(), warning.sentence());
    }
}

/// An allocation call has returned `code`; `address` is null if it failed.
pub fn allocation(asked: &Asked, verdict: &Verdict, address: *mut c_void, code: i32) {
    api::count_call();
    if verdict.rewrite().is_some() && !address.is_null() {
        api::count_rewritten(Rewritten { start: address.addr(), size: asked.size, asked: asked.flags });
    }
    tracing::debug!(?asked, ?verdict.decision, ?verdict.ordinal, ?address, code, "call");
    let Some(writer) = writer() else { return };
    match verdict.event.filter(|_| code == 0) {
        Some(event) => writer.record_like(event, asked.size as u64, address.addr() as u64),
        None => writer.record(&Event { pointer: address.addr() as u64, ..event(asked, verdict, code) }),
    }
}

/// An allocation call that returned `code`, without its address.
pub fn event(asked: &Asked, verdict: &Verdict, code: i32) -> Event<'static> {
    let decision = &verdict.decision;
    Event {
        call: asked.call.as_str(),
        kind: Kind::Allocate,
        memory: "",
        arguments: Default::default(),
        flags_asked: asked.flags,
        flags_used: decision.flags_used(asked.flags),
        size: asked.size as u64,
        pointer: 0,
        result: code,
        verdict: match (verdict.rewrite(), decision.withheld) {
            (Some(_), _) => rmcp_record::Verdict::Rewritten,
            (None, Some(_)) => rmcp_record::Verdict::Withheld,
            (None, None) => rmcp_record::Verdict::Passed,
        },
        rule: decision.rule,
        warning: decision.warning.map_or("", Warning::as_str),
        ordinal: verdict.ordinal,
        target: verdict.device.map_or("", |known| &known.target),
        bus: verdict.device.map_or("", |known| &known.bus),
        caller: verdict.caller,
        mode: Settings::get().mode.as_str(),
    }
}

/// A free has returned `code`.
pub fn free(call: &'static str, pointer: *mut c_void, code: i32, called_from: *const c_void) {
    tracing::debug!(call, ?pointer, code, "free");
    let Some(writer) = writer() else { return };
    writer.record(&Event {
        call,
        kind: Kind::Free,
        pointer: pointer.addr() as u64,
        result: code,
        ordinal: -1,
        caller: &caller::library(called_from).name,
        mode: Settings::get().mode.as_str(),
        ..Event::default()
    });
}
