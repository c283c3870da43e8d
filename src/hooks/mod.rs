//! The hooked functions: one table of names and addresses.
//!
//! A hook is entered through a few instructions that put the return address into the argument register behind the function's own arguments, so
//! that the record can say which library made the call.

mod hip;
pub mod hsa;

use std::ffi::{CStr, c_void};

use crate::real::{Function, INSTANCES};

/// A hook: one address per instance of the real library.
struct Hook {
    function: Function,
    entries: [unsafe extern "C" fn(); INSTANCES],
}

/// Defines the entry of a hook: `$register` is the argument register behind the function's own arguments (x86-64 psABI 3.2.3).
macro_rules! entry {
    ($entry:ident, $body:path, $register:literal) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $entry<const I: usize>() {
            core::arch::naked_asm!(
                "endbr64",
                concat!("mov ", $register, ", qword ptr [rsp]"),
                "jmp {body}",
                body = sym $body,
            )
        }
    };
    ($entry:ident, $body:path) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $entry<const I: usize>() {
            core::arch::naked_asm!("endbr64", "jmp {body}", body = sym $body)
        }
    };
}

entry!(host_malloc, hip::host_malloc::<I>, "rcx");
entry!(host_alloc, hip::host_alloc::<I>, "rcx");
entry!(mem_alloc_host, hip::mem_alloc_host::<I>, "rdx");
entry!(malloc_host, hip::malloc_host::<I>, "rdx");
entry!(host_register, hip::host_register::<I>, "rcx");
entry!(host_free, hip::host_free::<I>, "rsi");
entry!(free_host, hip::free_host::<I>, "rsi");
entry!(host_unregister, hip::host_unregister::<I>, "rsi");
entry!(device_free, hip::device_free::<I>, "rsi");
entry!(get_proc_address, hip::get_proc_address::<I>);
entry!(get_proc_address_spt, hip::get_proc_address_spt::<I>);
entry!(get_driver_entry_point, hip::get_driver_entry_point::<I>);
entry!(get_driver_entry_point_spt, hip::get_driver_entry_point_spt::<I>);
entry!(memory_lock, hsa::memory_lock::<I>, "r9");
entry!(memory_lock_to_pool, hsa::memory_lock_to_pool::<I>);

macro_rules! hook {
    ($function:ident, $entry:ident) => {
        Hook { function: Function::$function, entries: [$entry::<0>, $entry::<1>, $entry::<2>, $entry::<3>] }
    };
}

static HOOKS: &[Hook] = &[
    hook!(hipHostMalloc, host_malloc),
    hook!(hipHostAlloc, host_alloc),
    hook!(hipMemAllocHost, mem_alloc_host),
    hook!(hipMallocHost, malloc_host),
    hook!(hipHostRegister, host_register),
    hook!(hipHostFree, host_free),
    hook!(hipFreeHost, free_host),
    hook!(hipHostUnregister, host_unregister),
    hook!(hipFree, device_free),
    hook!(hipGetProcAddress, get_proc_address),
    hook!(hipGetProcAddress_spt, get_proc_address_spt),
    hook!(hipGetDriverEntryPoint, get_driver_entry_point),
    hook!(hipGetDriverEntryPoint_spt, get_driver_entry_point_spt),
    hook!(hsa_amd_memory_lock, memory_lock),
    hook!(hsa_amd_memory_lock_to_pool, memory_lock_to_pool),
];

/// Whether a library of this SONAME has functions that are hooked.
pub fn any_for(soname: &str) -> bool {
    ["libamdhip64.so", "libhsa-runtime64.so"].iter().any(|library| soname.starts_with(library))
}

/// The address of the hook of a function; `None` when the core only calls it.
pub fn address(function: Function, instance: usize) -> Option<*mut c_void> {
    let hook = HOOKS.iter().find(|hook| hook.function == function)?;
    hook.entries.get(instance).map(|entry| (*entry as *const ()).cast_mut().cast())
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
        let mut seen = std::collections::HashSet::new();
        for hook in HOOKS {
            for instance in 0..INSTANCES {
                assert!(
                    seen.insert(address(hook.function, instance).expect("a hook")),
                    "{:?} {instance}",
                    hook.function
                );
            }
            assert_eq!(address(hook.function, INSTANCES), None);
        }
    }

    #[test]
    fn functions_that_the_core_only_calls_are_not_hooked() {
        assert_eq!(address(Function::hipGetDevice, 0), None);
        assert_eq!(address(Function::hsa_amd_memory_pool_get_info, 0), None);
    }

    #[test]
    fn launches_copies_and_pool_queries_are_never_hooked() {
        for name in [
            "hipLaunchKernel",
            "hipMemcpy",
            "hipMemcpyAsync",
            "hipHostGetFlags",
            "hsa_amd_memory_pool_allocate",
            "hsa_signal_create",
        ] {
            assert_eq!(Function::by_name(name), None, "{name}");
        }
    }
}
