/* Locks memory for all GPUs, for the first, and for the CPU's own agent. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    uint64_t handle;
} handle_t;
int hsa_init(void);
int hsa_amd_memory_lock(void *, size_t, handle_t *, int, void **);

int main(void) {
    static char memory[4096];
    handle_t cpu = {1}, gpu = {2};
    void *out = NULL;
    hsa_init();
    setvbuf(stdout, NULL, _IOLBF, 0);
    int status = hsa_amd_memory_lock(memory, 1000, NULL, 0, &out);
    status |= hsa_amd_memory_lock(memory, 1001, &gpu, 1, &out);
    status |= hsa_amd_memory_lock(memory, 1002, &cpu, 1, &out);
    return status || out != memory;
}
