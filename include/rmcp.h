/* Public C interface of the RMCP shim core, librmcp.so: what a program or a tool may ask of it.
 *
 * Link with -lrmcp, or look the functions up with dlsym(RTLD_DEFAULT, ...): they are there when a front is in the process. All of them may be called at any
 * time, from any thread, and from exit handlers; none of them opens a real library or fails. */
#ifndef RMCP_H
#define RMCP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the library: major << 16 | minor << 8 | patch. */
uint32_t rmcp_version(void);

/* The policy mode this process runs under: "off", "audit", "default" or "strict". A constant string. Rules for a library, a device or a call may say otherwise
 * for some calls. */
const char *rmcp_mode(void);

/* Counts since the process started (a forked child goes on from its parent's). Later versions add members at the end only. */
struct rmcp_counters {
    uint64_t calls;          /* calls of HIP and HSA that allocate, pin, create or import memory, made from outside of the runtime, failed ones too; under "off" none */
    uint64_t rewritten;      /* of these, how many succeeded with a rewritten request; those that the repair malloc-async made in another way do not count */
    uint64_t failed_calls;   /* calls to functions that could not be had from the real library */
    uint64_t live_rewritten; /* rewritten allocations that have not been given back */
};

/* Fills at most `size` bytes of `*counters`: pass sizeof(struct rmcp_counters). Returns the number of bytes that this version knows. */
size_t rmcp_get_counters(struct rmcp_counters *counters, size_t size);

/* 1 if `pointer` is the start of, or lies within, live memory (allocated, registered, locked or managed) whose request was rewritten, 0 if not. The start is looked up; for an address
 * within, all of them are searched. */
int rmcp_is_rewritten(const void *pointer);

#ifdef __cplusplus
}
#endif

#endif
