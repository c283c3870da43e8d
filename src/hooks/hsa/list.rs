//! The functions of libhsa-runtime64 that the core hooks or calls. See [`crate::hooks`] for the words it is written in.

macro_rules! hsa_list {
    ($then:ident $($state:tt)*) => { $then! { $($state)* hsa {
        hooked {
            hsa_amd_memory_lock(
                host_ptr: *mut c_void, size: usize, agents: *mut hsa_agent_t, num_agent: c_int, agent_ptr: *mut *mut c_void
            )
                = Pin special { is "host, registered"; }
            hsa_amd_memory_lock_to_pool(
                host_ptr: *mut c_void, size: usize, agents: *mut hsa_agent_t, num_agent: c_int, pool: hsa_amd_memory_pool_t, flags: u32,
                agent_ptr: *mut *mut c_void
            )
                = Pin special { is "host, registered"; }
        }
        called {
            hsa_iterate_agents
            hsa_agent_get_info
            hsa_amd_agent_iterate_memory_pools
            hsa_amd_memory_pool_get_info
        }
    } } };
}
pub(crate) use hsa_list;
