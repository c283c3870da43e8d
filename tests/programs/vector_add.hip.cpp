// Vector addition over device memory; exit code 0 when every element is right.
#include <cstdio>
#include <hip/hip_runtime.h>
#include <vector>

__global__ void add(const float *a, const float *b, float *c, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        c[i] = a[i] + b[i];
}

#define TRY(call)                                                                                                                                    \
    do {                                                                                                                                             \
        hipError_t code = call;                                                                                                                      \
        if (code != hipSuccess) {                                                                                                                    \
            std::fprintf(stderr, "%s: %d %s\n", #call, code, hipGetErrorString(code));                                                               \
            return 2;                                                                                                                                \
        }                                                                                                                                            \
    } while (0)

int main() {
    const int n = 10000;
    std::vector<float> a(n), b(n), c(n);
    for (int i = 0; i < n; i++) {
        a[i] = 0.5f * i;
        b[i] = 1000.0f - i;
    }
    float *da, *db, *dc;
    TRY(hipMalloc(&da, n * sizeof(float)));
    TRY(hipMalloc(&db, n * sizeof(float)));
    TRY(hipMalloc(&dc, n * sizeof(float)));
    TRY(hipMemcpy(da, a.data(), n * sizeof(float), hipMemcpyHostToDevice));
    TRY(hipMemcpy(db, b.data(), n * sizeof(float), hipMemcpyHostToDevice));
    add<<<(n + 255) / 256, 256>>>(da, db, dc, n);
    TRY(hipGetLastError());
    TRY(hipMemcpy(c.data(), dc, n * sizeof(float), hipMemcpyDeviceToHost));
    for (int i = 0; i < n; i++)
        if (c[i] != a[i] + b[i]) {
            std::fprintf(stderr, "element %d is %f, not %f\n", i, c[i], a[i] + b[i]);
            return 1;
        }
    TRY(hipFree(da));
    TRY(hipFree(db));
    TRY(hipFree(dc));
    return 0;
}
