//! What is recorded: which fronts took their place, each hooked call and its verdict, each warning. Counters are kept even when there is no record file.

use std::ffi::c_void;

use once_cell::sync::OnceCell;
use rmcp_policy::{Mode, Warning};
use rmcp_record::{Event, FrontLoaded, Writer};

use crate::api;
use crate::decide::{Asked, Verdict};
use crate::hooks::{Details, Row};
use crate::pointers::Rewritten;
use crate::say::say;
use crate::settings::Settings;

static WRITER: OnceCell<Option<Writer>> = OnceCell::new();

/// Records that the process ends in order. A destructor that frees nothing: calls that come later are recorded too.
extern "C" fn end() {
    let _ = std::panic::catch_unwind(|| {
        if let Some(Some(writer)) = WRITER.get() {
            writer.end();
        }
    });
}

#[used]
// SAFETY: the section holds addresses of functions that the loader calls without arguments when the process ends.
#[unsafe(link_section = ".fini_array")]
static END: extern "C" fn() = end;

/// The record file of this process; `None`: nothing is recorded. A child made by fork goes on with it.
///
/// It is opened when the first front is bound. The only lock of the core: [`before_fork`] sees to it that no child inherits it held.
fn writer() -> Option<&'static Writer> {
    let open = || {
        let settings = Settings::get();
        let path = settings.process.record.as_ref().filter(|_| !settings.process.is_off())?;
        Writer::open(path, settings.process.policy.as_str(), say).inspect_err(|error| say(&error.to_string())).ok()
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

/// A warning was said, in these words.
pub fn warning(warning: Warning, sentence: &str) {
    if let Some(writer) = writer() {
        writer.warning(warning.as_str(), sentence);
    }
}

/// An allocation call has returned `code`; `address` is null if it failed.
pub fn allocation(asked: &Asked, verdict: &Verdict, address: *mut c_void, code: i32) {
    let details = Details { pointer: address.addr() as u64, size: asked.size as u64, ..Details::default() };
    if verdict.rewrite().is_some() && !address.is_null() {
        api::count_rewritten(Rewritten { start: address.addr(), size: asked.size, asked: asked.flags });
    }
    call(asked, verdict, &details, code);
}

/// A call that the policy knows has returned `code`.
pub fn call(asked: &Asked, verdict: &Verdict, details: &Details, code: i32) {
    if verdict.mode == Mode::Off {
        return;
    }
    count(asked.row);
    tracing::debug!(
        call = asked.row.name,
        flags = asked.flags,
        ?verdict.decision,
        memory = verdict.memory[0].as_str(),
        ordinal = verdict.ordinal,
        ?details,
        code,
        "call"
    );
    let Some(writer) = writer() else { return };
    match verdict.event.filter(|_| code == 0 && details.arguments[0].name.is_empty() && details.repair.is_none()) {
        Some(event) => writer.record_like(event, details.size, details.pointer),
        None => writer.record(&with(event(asked, verdict, code), details)),
    }
}

/// A call that the policy does not know has returned `code`.
pub fn other(row: &'static Row, flags: u32, verdict: &Verdict, details: &Details, code: i32) {
    if verdict.mode == Mode::Off {
        return;
    }
    count(row);
    tracing::debug!(call = row.name, flags, ?details, code, "call");
    let Some(writer) = writer() else { return };
    let event = Event { flags_asked: flags, flags_used: flags, ..of(row, verdict, code) };
    writer.record(&with(event, details));
}

fn count(row: &Row) {
    if row.gives_memory() {
        api::count_call();
    }
}

/// An allocation call that returned `code`, without its address.
pub fn event(asked: &Asked, verdict: &Verdict, code: i32) -> Event<'static> {
    let decision = &verdict.decision;
    Event {
        flags_asked: asked.flags,
        flags_used: decision.flags_used(asked.flags),
        size: asked.size as u64,
        verdict: match (verdict.rewrite(), decision.withheld) {
            (Some(_), _) => rmcp_record::Verdict::Rewritten,
            (None, Some(_)) => rmcp_record::Verdict::Withheld,
            (None, None) => rmcp_record::Verdict::Passed,
        },
        rule: decision.rule,
        warning: decision.warning.map_or("", Warning::as_str),
        memory: verdict.memory[0].as_str(),
        ..of(asked.row, verdict, code)
    }
}

/// What every call has.
fn of(row: &'static Row, verdict: &Verdict, code: i32) -> Event<'static> {
    Event {
        call: row.name,
        kind: row.kind,
        memory: row.memory,
        result: code,
        ordinal: verdict.ordinal,
        target: verdict.device.map_or("", |known| &known.target),
        bus: verdict.device.map_or("", |known| &known.bus),
        caller: verdict.caller,
        mode: verdict.mode.as_str(),
        ..Event::default()
    }
}

fn with<'a>(event: Event<'a>, details: &Details) -> Event<'a> {
    let event = Event { pointer: details.pointer, size: details.size, arguments: details.arguments, ..event };
    match details.repair {
        Some(rule) => Event { verdict: rmcp_record::Verdict::Rewritten, rule, ..event },
        None => event,
    }
}
