//! The real libraries of this process: their functions as the hooks call them.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU8, Ordering};

use once_cell::race::OnceBox;
use rmcp_policy::Version;

use crate::abi::hip::hipSuccess;
use crate::abi::{hip, hsa};
use crate::devices::Ordinals;
use crate::hooks::hip::list::hip_list;
use crate::hooks::hsa::list::hsa_list;

/// How many real libraries one process can have hooked: HIP and HSA of one system, and of one Python wheel beside it. A further one is
/// forwarded without hooks.
pub const INSTANCES: usize = 4;

macro_rules! functions {
    ($($module:ident {
        hooked { $($hooked:ident($($arguments:tt)*) = $kind:ident $($special:ident)? { $($words:tt)* })* }
        called { $($called:ident)* }
    })*) => {
        functions! { @define $($($module $hooked)* $($module $called)*)* }
    };
    (@define $($module:ident $name:ident)*) => {
        /// A function of a real library that the core calls, hooked or not.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(non_camel_case_types)]
        pub enum Function { $($name,)* }

        impl Function {
            /// All of them, in order of their discriminants.
            pub const ALL: &[(Self, &'static str)] = &[$((Self::$name, stringify!($name)),)*];
        }

        #[allow(non_snake_case)]
        impl Real {
            $(
                /// The real function; `None` when the library has none of this name.
                pub fn $name(&self) -> $module::$name {
                    let address = self.address(Function::$name);
                    // SAFETY: the address was bound by the name whose type this is (tests/core_abi.rs compares the types with
                    // AMD's headers); null becomes None.
                    unsafe { std::mem::transmute::<*mut c_void, $module::$name>(address) }
                }
            )*
        }
    };
}

/// The lists of both libraries, one behind the other.
macro_rules! with_hsa {
    ($($hip:tt)*) => { hsa_list! { functions $($hip)* } };
}

hip_list! { with_hsa }

impl Function {
    /// The function of this exported name.
    pub fn by_name(name: &str) -> Option<Self> {
        static SORTED: OnceBox<Vec<(&'static str, Function)>> = OnceBox::new();
        let sorted = SORTED.get_or_init(|| {
            let mut sorted: Vec<_> = Self::ALL.iter().map(|(function, name)| (*name, *function)).collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            Box::new(sorted)
        });
        sorted.binary_search_by_key(&name, |(name, _)| name).ok().map(|index| sorted[index].1)
    }
}

/// One real library.
#[derive(Debug)]
pub struct Real {
    /// What dlopen returned: the same for every front of the same file.
    handle: AtomicPtr<c_void>,
    functions: [AtomicPtr<c_void>; Function::ALL.len()],
    /// N of `libamdhip64.so.N`.
    soname_major: AtomicU8,
    /// HIP has initialised itself with success.
    initialised: AtomicBool,
    /// What hipRuntimeGetVersion says; 0: not known.
    version: AtomicI32,
    /// HIP has exactly one device.
    one_device: AtomicBool,
    /// The devices behind HIP's ordinals.
    pub ordinals: Ordinals,
}

static REALS: [Real; INSTANCES] = [const { Real::none() }; INSTANCES];

impl Real {
    const fn none() -> Self {
        Self {
            handle: AtomicPtr::new(std::ptr::null_mut()),
            functions: [const { AtomicPtr::new(std::ptr::null_mut()) }; Function::ALL.len()],
            soname_major: AtomicU8::new(0),
            initialised: AtomicBool::new(false),
            version: AtomicI32::new(0),
            one_device: AtomicBool::new(false),
            ordinals: Ordinals::new(),
        }
    }

    /// The library of instance `index`, which is below [`INSTANCES`].
    pub fn instance(index: usize) -> &'static Self {
        &REALS[index]
    }

    /// The instance for the library that dlopen called `handle`: the one it has, or the first free one.
    pub fn claim(handle: *mut c_void, soname: &str) -> Option<usize> {
        let index = Self::claim_in(&REALS, handle)?;
        let major = soname.rsplit("so.").next().and_then(|number| number.parse().ok()).unwrap_or(0);
        REALS[index].soname_major.store(major, Ordering::Relaxed);
        Some(index)
    }

    fn claim_in(reals: &[Self], handle: *mut c_void) -> Option<usize> {
        reals.iter().position(|real| {
            match real.handle.compare_exchange(std::ptr::null_mut(), handle, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => true,
                Err(owner) => owner == handle,
            }
        })
    }

    /// Stores the address of a function of this library.
    pub fn bind(&self, function: Function, address: *mut c_void) {
        self.functions[function as usize].store(address, Ordering::Release);
    }

    /// Whether a real library of this process has a function.
    pub fn any_has(function: Function) -> bool {
        REALS.iter().any(|real| !real.address(function).is_null())
    }

    /// N of `libamdhip64.so.N`; 0 when it is not known.
    pub fn soname_major(&self) -> u8 {
        self.soname_major.load(Ordering::Relaxed)
    }

    /// HIP's own version; unknown before [`Real::initialise`].
    pub fn hip_version(&self) -> Version {
        Version::from_hip_runtime(self.version.load(Ordering::Relaxed))
    }

    /// Whether HIP is known to have initialised itself.
    pub fn is_initialised(&self) -> bool {
        self.initialised.load(Ordering::Acquire)
    }

    /// Makes HIP initialise itself, so that its own buffers are not taken for the program's. `false` when it cannot: then the call that
    /// follows will fail too, with HIP's own error.
    pub fn initialise(&self) -> bool {
        self.initialised.load(Ordering::Acquire) || self.initialise_first()
    }

    #[cold]
    fn initialise_first(&self) -> bool {
        let mut count = 0;
        // SAFETY: the pointer is valid.
        let ready = self.hipGetDeviceCount().is_some_and(|function| unsafe { function(&raw mut count) } == hipSuccess);
        if ready {
            let mut version = 0;
            // SAFETY: the pointer is valid.
            if self.hipRuntimeGetVersion().is_some_and(|function| unsafe { function(&raw mut version) } == hipSuccess) {
                self.version.store(version, Ordering::Relaxed);
            }
            self.one_device.store(count == 1, Ordering::Relaxed);
            self.initialised.store(true, Ordering::Release);
        }
        ready
    }

    /// HIP has exactly one device, so that this is every thread's current one: the number of devices does not change once HIP is initialised. `false`
    /// before [`Real::initialise`].
    pub fn has_one_device(&self) -> bool {
        self.one_device.load(Ordering::Relaxed)
    }

    /// The address of a function; null when it is not bound.
    pub fn address(&self, function: Function) -> *mut c_void {
        self.functions[function as usize].load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discriminants_index_the_table_of_all_functions() {
        for (index, (function, name)) in Function::ALL.iter().enumerate() {
            assert_eq!(*function as usize, index);
            assert_eq!(Function::by_name(name), Some(*function));
        }
    }

    #[test]
    fn one_handle_has_one_instance_and_there_is_none_beyond_the_last() {
        let reals = [const { Real::none() }; 2];
        let handle = |n: usize| std::ptr::without_provenance_mut::<c_void>(n);
        assert_eq!(Real::claim_in(&reals, handle(8)), Some(0));
        assert_eq!(Real::claim_in(&reals, handle(16)), Some(1));
        assert_eq!(Real::claim_in(&reals, handle(8)), Some(0));
        assert_eq!(Real::claim_in(&reals, handle(24)), None);
    }

    #[test]
    fn an_unbound_function_is_none() {
        let real = Real::none();
        assert!(real.hipHostMalloc().is_none());
    }
}
