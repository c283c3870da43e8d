/* The contract between a front and the shim core (librmcp.so).
 *
 * A front holds one `struct rmcp_front` in its writable data; the pointers in it are set by relative relocations.
 * Layout: LP64, little endian, natural alignment. Changing it means raising RMCP_FRONT_ABI. */
#ifndef RMCP_FRONT_H
#define RMCP_FRONT_H

#include <stddef.h>
#include <stdint.h>

#define RMCP_FRONT_MAGIC 0x464d4352u /* "RCMF" as bytes R C M F */
#define RMCP_FRONT_ABI 1u

struct rmcp_front_object {
    const char *name;    /* exported data symbol, e.g. "_amdgpu_r_debug" */
    const char *version; /* its version node */
    void *address;       /* the front's own copy */
    uint64_t size;       /* bytes */
};

struct rmcp_front {
    uint32_t magic;              /* RMCP_FRONT_MAGIC */
    uint32_t abi;                /* RMCP_FRONT_ABI */
    uint32_t function_count;
    uint32_t object_count;
    const char *soname;          /* DT_SONAME, e.g. "libamdhip64.so.5" */
    const char *real_path;       /* the real library: an absolute path, or a file name without '/', which is looked for in
                                    the directory of the front's own file (symbolic links to the front resolved) */
    const char *real_build_id;   /* lower-case hex of the NT_GNU_BUILD_ID of the library that the front was made for, or "": any build */
    const char *const *names;    /* function_count exported names */
    const char *const *versions; /* function_count version nodes, "" for an unversioned export */
    void **slots;                /* function_count jump targets; written by the core */
    const struct rmcp_front_object *objects; /* object_count */
    void *core;                  /* for the core's use, initially null */
};

/* Called by the front's initialiser. Returns nothing: a failure is reported when a function is called. */
void rmcp_front_attach(struct rmcp_front *front);

/* Called by the lazy stub of function `index`; never returns null. All argument registers (integer and vector) are saved by the stub. */
void *rmcp_front_resolve(struct rmcp_front *front, uint32_t index);

#endif
