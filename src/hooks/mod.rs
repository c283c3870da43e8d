//! The hooked functions. `hip/list.rs` and `hsa/list.rs` have each of them once, with its arguments and what is recorded of it; from a row come the
//! binding of the real function ([`crate::real`]), the hook's entry and, unless it is `special`, the hook itself.
//!
//! A row is `name(arguments) = Kind { words }` or `name(arguments) = Kind special { words }`, with a [`Kind`] and, in this order:
//!
//! * `out p;` the address (or handle) is what the call stored at `p`; `at a;` it is the argument `a`; `found e;` it is `e`, which is read after success,
//! * `size e;` bytes; `sized e;` bytes, read after success,
//! * `flags e;` the flags that the program passed,
//! * `is "text";` where the memory is and how it behaves, of a function that the policy does not know,
//! * `with a, b = e, [major >= 6] c = e;` further arguments to record, at most four: an argument by its name, or what is read after success, from
//!   libraries of such a SONAME only,
//! * `via f;` the program's call is made by `f`, which gets the call's [`Origin`], the real function and the arguments, and may do it in another way.
//!
//! A `special` hook is a function of the row's name in `special.rs` beside the list, with the return address of the call behind the row's arguments.

#[cfg(test)]
mod exports;
pub mod hip;
pub mod hsa;

use std::ffi::{CStr, c_void};

use rmcp_policy::{Call, Caller};
use rmcp_record::{Argument, Kind};

use crate::api;
use crate::call::Outermost;
use crate::caller;
use crate::decide::{self, Asked, Verdict};
use crate::real::{Function, INSTANCES, Real};
use crate::recorder;

/// The addresses of a hook, one per instance of the real library.
type Entries = [unsafe extern "C" fn(); INSTANCES];

/// A function of a list.
#[derive(Debug)]
pub struct Row {
    /// Its exported name.
    pub name: &'static str,
    /// What it does to memory.
    pub kind: Kind,
    /// As the policy knows it; `None`: it does not.
    pub call: Option<Call>,
    /// Where the memory is and how it behaves; empty: the policy says it (`rmcp_policy::memory`), it is not known, or there is none.
    pub memory: &'static str,
}

/// What a call was about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Details {
    /// The address or handle that it gave or took; 0: none.
    pub pointer: u64,
    /// Bytes.
    pub size: u64,
    /// Further arguments.
    pub arguments: [Argument; 4],
    /// The rule by which the call was carried out in another way.
    pub repair: Option<&'static str>,
}

impl Row {
    /// Whether it is a function of HSA's.
    pub fn is_hsa(&self) -> bool {
        self.name.starts_with("hsa_")
    }

    /// Whether the function gives the program memory that RMCP counts.
    pub fn gives_memory(&self) -> bool {
        matches!(self.kind, Kind::Allocate | Kind::Pin | Kind::Create | Kind::Import)
    }

    /// Whether the function takes memory back.
    fn takes_memory(&self) -> bool {
        matches!(self.kind, Kind::Free | Kind::Unpin)
    }
}

/// Where a call is from and where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The real library.
    pub real: &'static Real,
    /// Return address of the call.
    pub caller: *const c_void,
}

/// The outermost call, unless it is a call of HSA's that AMD's libraries make of their own accord: that is only forwarded, as what they ask within a
/// hooked call is.
fn by_program<'a>(outermost: &'a Option<Outermost>, row: &Row, caller: *const c_void) -> Option<&'a Outermost> {
    let outermost = outermost.as_ref()?;
    let theirs = row.is_hsa() && outermost.ours(|| caller::library(caller).class == Caller::Runtime) != Some(false);
    (!theirs).then_some(outermost)
}

/// A call that is recorded and never changed.
///
/// Not generic, and one copy: the program's own work is behind `call` and `details`.
fn recorded(
    real: &'static Real,
    row: &'static Row,
    flags: u32,
    caller: *const c_void,
    call: &mut dyn FnMut(bool) -> u32,
    details: &mut dyn FnMut(bool) -> Details,
) -> u32 {
    let outermost = Outermost::enter();
    let Some(outermost) = by_program(&outermost, row, caller) else { return call(false) };
    // Forgotten before the call: afterwards the address may already belong to another thread's allocation.
    let forgotten = outermost.ours(|| {
        if row.gives_memory() {
            real.initialise();
        }
        if row.takes_memory() { api::forget(details(false).pointer as usize) } else { None }
    });
    let code = call(true);
    outermost.ours(|| {
        if code != 0
            && let Some(Some(allocation)) = forgotten
        {
            api::remember(allocation);
        }
        let details = Details { repair: hip::malloc_async::take_rule(), ..details(code == 0) };
        match row.call {
            Some(call) => {
                let asked = Asked { real, row, call, size: details.size as usize, flags, caller };
                decide::recorded(&asked, |verdict| recorder::call(&asked, verdict, &details, code as i32));
            }
            None => recorder::other(row, flags, &Verdict::undecided(real, row, caller), &details, code as i32),
        }
    });
    code
}

/// A number as it is recorded; signed ones with their sign.
trait Word {
    fn word(self) -> u64;
}

macro_rules! words {
    ($($integer:ty)*) => { $(impl Word for $integer { fn word(self) -> u64 { self as u64 } })* };
}
words! { i32 u32 u64 usize }

impl<T> Word for *const T {
    fn word(self) -> u64 {
        self.addr() as u64
    }
}

impl<T> Word for *mut T {
    fn word(self) -> u64 {
        self.addr() as u64
    }
}

/// What stands at `place`, which the real function has just accepted; zeros where it accepted null, as HIP 5.2.3's `hipMemPoolImportPointer` does.
///
/// # Safety
/// `place` is null or can be read, and zeros are a `T`: a C structure of numbers and pointers.
unsafe fn read<T: Copy>(place: *const T) -> T {
    // SAFETY: the caller's promise.
    unsafe { if place.is_null() { std::mem::zeroed() } else { place.read_unaligned() } }
}

/// What the policy calls the function `name`.
const fn call_named(name: &str) -> Option<Call> {
    const fn same(a: &[u8], b: &[u8]) -> bool {
        if a.len() != b.len() {
            return false;
        }
        let mut at = 0;
        while at < a.len() {
            if a[at] != b[at] {
                return false;
            }
            at += 1;
        }
        true
    }
    let mut at = 0;
    while at < Call::ALL.len() {
        if same(Call::ALL[at].as_str().as_bytes(), name.as_bytes()) {
            return Some(Call::ALL[at]);
        }
        at += 1;
    }
    None
}

/// How many words the arguments of these sizes take in integer registers and, from the seventh on, on the stack (x86-64 psABI 3.2.3). A structure of more
/// than 16 bytes is on the stack and takes none; no function of a list has a floating-point argument.
const fn entry_words(sizes: &[usize]) -> usize {
    let (mut words, mut on_stack, mut at) = (0, false, 0);
    while at < sizes.len() {
        if sizes[at] > 16 {
            on_stack = true;
        } else {
            words += sizes[at].div_ceil(8);
        }
        at += 1;
    }
    assert!(words <= 5 || (words <= 8 && !on_stack), "there is no entry for such arguments");
    words
}

/// The entry of a hook: hands the return address of the call to the hook as one more argument. Up to five words of arguments leave a register for it; with
/// six to eight the arguments on the stack are copied below it, so that the hook finds it behind them.
macro_rules! entry {
    ($name:ident($($type:ty),*)) => {
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name<const I: usize>() {
            const SIZES: &[usize] = &[$(size_of::<$type>()),*];
            const WORDS: usize = $crate::hooks::entry_words(SIZES);
            core::arch::naked_asm!(
                ".cfi_startproc",
                "endbr64",
                ".if {words} <= 5",
                ".if {words} == 0",
                "mov rdi, qword ptr [rsp]",
                ".elseif {words} == 1",
                "mov rsi, qword ptr [rsp]",
                ".elseif {words} == 2",
                "mov rdx, qword ptr [rsp]",
                ".elseif {words} == 3",
                "mov rcx, qword ptr [rsp]",
                ".elseif {words} == 4",
                "mov r8, qword ptr [rsp]",
                ".else",
                "mov r9, qword ptr [rsp]",
                ".endif",
                "jmp {body}",
                ".elseif {words} == 6",
                "push qword ptr [rsp]",
                ".cfi_adjust_cfa_offset 8",
                "call {body}",
                "add rsp, 8",
                ".cfi_adjust_cfa_offset -8",
                "ret",
                ".else",
                // The stack is 16-byte aligned at the call: 7 words need a word more.
                ".if {words} == 7",
                "push rax",
                ".cfi_adjust_cfa_offset 8",
                "push qword ptr [rsp + 8]",
                ".else",
                "push qword ptr [rsp]",
                ".cfi_adjust_cfa_offset 8",
                "push qword ptr [rsp + 24]",
                ".endif",
                ".cfi_adjust_cfa_offset 8",
                "push qword ptr [rsp + 24]",
                ".cfi_adjust_cfa_offset 8",
                "call {body}",
                "add rsp, 24",
                ".cfi_adjust_cfa_offset -24",
                "ret",
                ".endif",
                ".cfi_endproc",
                words = const WORDS,
                body = sym super::bodies::$name::<I>,
            )
        }
    };
}
pub(crate) use entry;

/// The hook of a row, see the words above.
macro_rules! body {
    ($name:ident($($argument:ident: $type:ty),*) = $kind:ident special { $($words:tt)* }) => {
        pub use super::special::$name;
    };
    ($name:ident($($argument:ident: $type:ty),*) = $kind:ident {
        $(out $out:ident;)? $(at $at:expr;)? $(found $found:expr;)?
        $(size $size:expr;)? $(sized $sized:expr;)?
        $(flags $flags:expr;)?
        $(is $is:literal;)?
        $(with $($([major >= $major:literal])? $with:ident $(= $value:expr)?),+;)?
        $(via $via:path;)?
    }) => {
        pub unsafe extern "C" fn $name<const I: usize>($($argument: $type,)* caller: *const c_void) -> Status {
            let real = Real::instance(I);
            let function = real.$name();
            let Some(plain) = function else { return UNAVAILABLE };
            #[allow(unused_mut, unused_assignments, unused_variables, unused_unsafe)] // not every row has all words
            let mut details = |done: bool| {
                let mut details = Details::default();
                // SAFETY: what is read after success is what the real function has read or written at the program's own addresses.
                unsafe {
                    $(if done { details.pointer = read($out).word(); })?
                    $(details.pointer = $at.word();)?
                    $(if done { details.pointer = $found.word(); })?
                    $(details.size = $size.word();)?
                    $(if done { details.size = ($sized).word(); })?
                    let mut next = 0;
                    $($(
                        $crate::hooks::body!(@argument details, next, real, done, $([$major])? $with $(= $value)?);
                    )+)?
                }
                details
            };
            recorded(
                real,
                &super::rows::$name,
                0 $(| ($flags))?,
                caller,
                // SAFETY: the program's own arguments.
                &mut |outermost| unsafe {
                    $crate::hooks::body!(@call [$($via)?] outermost, real, caller, function, ($($argument),*));
                    plain($($argument),*)
                },
                &mut details,
            )
        }
    };
    (@call [] $outermost:ident, $real:ident, $caller:ident, $function:ident, $arguments:tt) => {
        let _ = $outermost;
    };
    (@call [$via:path] $outermost:ident, $real:ident, $caller:ident, $function:ident, ($($argument:ident),*)) => {
        if $outermost {
            let origin = $crate::hooks::Origin { real: $real, caller: $caller };
            return $via(origin, $function, $($argument),*).unwrap_or(UNAVAILABLE);
        }
    };
    (@argument $details:ident, $next:ident, $real:ident, $done:ident, $name:ident) => {
        $details.arguments[$next] = Argument { name: stringify!($name), value: $name.word() };
        $next += 1;
    };
    (@argument $details:ident, $next:ident, $real:ident, $done:ident, $name:ident = $value:expr) => {
        if $done {
            $details.arguments[$next] = Argument { name: stringify!($name), value: ($value).word() };
            $next += 1;
        }
    };
    (@argument $details:ident, $next:ident, $real:ident, $done:ident, [$major:literal] $name:ident = $value:expr) => {
        if $done && $real.soname_major() >= $major {
            $details.arguments[$next] = Argument { name: stringify!($name), value: ($value).word() };
            $next += 1;
        }
    };
}
pub(crate) use body;

/// The row of a function.
macro_rules! row {
    ($name:ident = $kind:ident [$($words:tt)*]) => {
        pub static $name: Row = Row {
            name: stringify!($name),
            kind: Kind::$kind,
            call: $crate::hooks::call_named(stringify!($name)),
            memory: $crate::hooks::row!(@memory $($words)*),
        };
    };
    (@memory is $is:literal; $($rest:tt)*) => { $is };
    (@memory $next:tt $($rest:tt)*) => { $crate::hooks::row!(@memory $($rest)*) };
    (@memory) => { "" };
}
pub(crate) use row;

/// Defines rows, hooks and entries of a list. Where it is used, `Status` is the result of the list's functions (0: success), and `UNAVAILABLE` what a
/// hook returns whose real function could not be had.
macro_rules! hooks {
    ($api:ident {
        hooked { $($name:ident($($argument:ident: $type:ty),* $(,)?) = $kind:ident $($special:ident)? { $($words:tt)* })* }
        called { $($called:ident)* }
    }) => {
        /// What the list says of each function.
        #[allow(non_upper_case_globals, dead_code)] // of a special hook that records nothing
        pub mod rows {
            use super::*;
            $($crate::hooks::row! { $name = $kind [$($words)*] })*
        }

        #[allow(non_snake_case, unused_imports)] // where all rows are special
        mod bodies {
            use super::*;
            $($crate::hooks::body! { $name($($argument: $type),*) = $kind $($special)? { $($words)* } })*
        }

        #[allow(non_snake_case, unused_imports)]
        mod entries {
            use super::*;
            $($crate::hooks::entry! { $name($($type),*) })*
        }

        /// The addresses of a function's hook; `None`: it has none in this list.
        pub fn entries(function: Function) -> Option<Entries> {
            match function {
                $(Function::$name => Some([
                    entries::$name::<0>,
                    entries::$name::<1>,
                    entries::$name::<2>,
                    entries::$name::<3>,
                ]),)*
                _ => None,
            }
        }
    };
}
pub(crate) use hooks;

/// Whether a library of this SONAME has functions that are hooked.
pub fn any_for(soname: &str) -> bool {
    ["libamdhip64.so", "libhsa-runtime64.so"].iter().any(|library| soname.starts_with(library))
}

/// The address of the hook of a function; `None` when the core only calls it.
pub fn address(function: Function, instance: usize) -> Option<*mut c_void> {
    let entries = hip::entries(function).or_else(|| hsa::entries(function))?;
    entries.get(instance).map(|entry| (*entry as *const ()).cast_mut().cast())
}

/// As [`address`], by exported name.
fn address_by_name(name: &CStr, instance: usize) -> Option<*mut c_void> {
    address(Function::by_name(name.to_str().ok()?)?, instance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hook_has_its_own_address_for_each_instance() {
        let mut seen = std::collections::HashMap::new();
        for (function, name) in Function::ALL {
            for instance in 0..INSTANCES {
                if let Some(address) = address(*function, instance) {
                    assert_eq!(seen.insert(address, (name, instance)), None, "{name} {instance}");
                }
            }
            assert_eq!(address(*function, INSTANCES), None);
        }
        assert!(seen.len() > 60 * INSTANCES);
    }

    #[test]
    fn functions_that_the_core_only_calls_are_not_hooked() {
        assert_eq!(address(Function::hipGetDevice, 0), None);
        assert_eq!(address(Function::hsa_amd_memory_pool_get_info, 0), None);
    }

    #[test]
    fn the_policys_name_of_a_row_is_the_exported_one() {
        assert_eq!(hip::rows::hipMalloc.call, Some(Call::HipMalloc));
        assert_eq!(hip::rows::hipHostFree.call, None);
        assert_eq!(hsa::rows::hsa_amd_memory_lock.call, Some(Call::HsaMemoryLock));
    }

    /// Functions with arguments as the lists have them, and hooks that say what they were given.
    mod passed {
        use super::*;

        pub type Three = [usize; 3];
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct Pair(pub u32, pub i32);
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct Extent(pub Three);

        macro_rules! hook {
            ($name:ident($($argument:ident: $type:ty),*) $sum:expr) => {
                pub unsafe extern "C" fn $name<const I: usize>($($argument: $type,)* caller: *const c_void) -> usize {
                    assert_eq!(crate::caller::library(caller).name, crate::caller::library((super::super::address as fn(_, _) -> _) as *const c_void).name);
                    $sum * 10 + I
                }
            };
        }
        #[allow(clippy::too_many_arguments)]
        pub mod bodies {
            use super::*;
            hook! { none() 7 }
            hook! { five(a: usize, b: u32, c: usize, d: *const c_void, e: usize) a + 2 * b as usize + 3 * c + 4 * d.addr() + 5 * e }
            hook! { pair(a: usize, b: Pair) a + b.0 as usize + b.1 as usize }
            hook! { extent(a: usize, b: Extent, c: u32) a + b.0[0] + 2 * b.0[1] + 3 * b.0[2] + 4 * c as usize }
            hook! { six(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f }
            hook! { seven(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, g: usize)
            a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g }
            hook! { eight(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, g: usize, h: usize)
            a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h }

            /// How the stack is aligned at a hook's entry.
            macro_rules! alignment {
                ($($name:ident)*) => { $(
                    #[unsafe(naked)]
                    pub unsafe extern "C" fn $name<const I: usize>() {
                        core::arch::naked_asm!("mov rax, rsp", "and rax, 15", "ret")
                    }
                )* };
            }
            alignment! { stack5 stack6 stack7 stack8 }
        }
        pub mod entries {
            use super::*;
            entry! { none() }
            entry! { five(usize, u32, usize, *const c_void, usize) }
            entry! { pair(usize, Pair) }
            entry! { extent(usize, Extent, u32) }
            entry! { six(usize, usize, usize, usize, usize, usize) }
            entry! { seven(usize, usize, usize, usize, usize, usize, usize) }
            entry! { eight(usize, usize, usize, usize, usize, usize, usize, usize) }
            entry! { stack5(usize, usize, usize, usize, usize) }
            entry! { stack6(usize, usize, usize, usize, usize, usize) }
            entry! { stack7(usize, usize, usize, usize, usize, usize, usize) }
            entry! { stack8(usize, usize, usize, usize, usize, usize, usize, usize) }
        }
    }

    macro_rules! call {
        ($name:ident($($argument:expr => $type:ty),*)) => {{
            let entry: unsafe extern "C" fn() = passed::entries::$name::<3>;
            // SAFETY: the hook behind the entry has these arguments.
            unsafe { std::mem::transmute::<unsafe extern "C" fn(), unsafe extern "C" fn($($type),*) -> usize>(entry)($($argument),*) }
        }};
    }

    #[test]
    fn a_hook_gets_all_arguments_and_the_place_of_the_call() {
        use passed::{Extent, Pair};
        type W = usize;
        let null = std::ptr::without_provenance::<c_void>(4);
        assert_eq!(call!(none()), 73);
        assert_eq!(call!(five(1 => W, 2 => u32, 3 => W, null => *const c_void, 5 => W)), 553);
        assert_eq!(call!(pair(1 => W, Pair(20, 300) => Pair)), 3213);
        assert_eq!(call!(extent(1 => W, Extent([1, 2, 3]) => Extent, 4 => u32)), 313);
        assert_eq!(call!(six(1 => W, 2 => W, 3 => W, 4 => W, 5 => W, 6 => W)), 913);
        assert_eq!(call!(seven(1 => W, 2 => W, 3 => W, 4 => W, 5 => W, 6 => W, 7 => W)), 1403);
        assert_eq!(call!(eight(1 => W, 2 => W, 3 => W, 4 => W, 5 => W, 6 => W, 7 => W, 8 => W)), 2043);
    }

    #[test]
    fn at_a_hook_the_stack_is_aligned_as_after_any_call() {
        type W = usize;
        assert_eq!(call!(stack5(0 => W, 0 => W, 0 => W, 0 => W, 0 => W)), 8);
        assert_eq!(call!(stack6(0 => W, 0 => W, 0 => W, 0 => W, 0 => W, 0 => W)), 8);
        assert_eq!(call!(stack7(0 => W, 0 => W, 0 => W, 0 => W, 0 => W, 0 => W, 0 => W)), 8);
        assert_eq!(call!(stack8(0 => W, 0 => W, 0 => W, 0 => W, 0 => W, 0 => W, 0 => W, 0 => W)), 8);
    }
}
