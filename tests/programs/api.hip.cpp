// What programs do with HIP besides allocating: each part is a word on the command line, prints what it found, and exits with 1 if that is wrong.
#include <hip/hip_runtime.h>
// After the runtime's header, which it does not include itself.
#include <hip/hip_cooperative_groups.h>
#include <hip/hiprtc.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

static void check(hipError_t error, int line) {
    if (error != hipSuccess) {
        std::printf("line %d: %s\n", line, hipGetErrorName(error));
        std::exit(1);
    }
}
#define CHECK(call) check((call), __LINE__)

static int wrong = 0;

static void expect(const char *what, bool right) {
    std::printf("%s: %s\n", what, right ? "right" : "WRONG");
    wrong |= !right;
}

template <class T> static std::vector<T> from_device(const T *device, size_t count) {
    std::vector<T> host(count);
    CHECK(hipMemcpy(host.data(), device, count * sizeof(T), hipMemcpyDeviceToHost));
    return host;
}

template <class T> static T *to_device(const std::vector<T> &host) {
    T *device;
    CHECK(hipMalloc(&device, host.size() * sizeof(T)));
    CHECK(hipMemcpy(device, host.data(), host.size() * sizeof(T), hipMemcpyHostToDevice));
    return device;
}

// A linear congruential generator: the same numbers everywhere.
static std::vector<unsigned> numbers(size_t count) {
    std::vector<unsigned> out(count);
    unsigned state = 1;
    for (auto &value : out) value = state = state * 1664525 + 1013904223;
    return out;
}

__global__ void add(unsigned *data, unsigned amount, int count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) data[i] += amount;
}

// --- algorithms: lanes that talk to each other

__global__ void scan(const unsigned *in, unsigned *out) {
    __shared__ unsigned sums[32];
    unsigned lane = threadIdx.x % warpSize, warp = threadIdx.x / warpSize, value = in[threadIdx.x];
    for (int distance = 1; distance < warpSize; distance *= 2) {
        unsigned other = __shfl_up(value, distance);
        if (lane >= distance) value += other;
    }
    if (lane == warpSize - 1) sums[warp] = value;
    __syncthreads();
    for (unsigned i = 0; i < warp; i++) value += sums[i];
    out[threadIdx.x] = value;
}

__global__ void bitonic(unsigned *data, unsigned step, unsigned size) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x, other = i ^ step;
    if (other > i && (data[i] > data[other]) == ((i & size) == 0)) {
        unsigned value = data[i];
        data[i] = data[other];
        data[other] = value;
    }
}

__global__ void tiles(unsigned *out) {
    auto tile = cooperative_groups::tiled_partition<16>(cooperative_groups::this_thread_block());
    unsigned value = threadIdx.x;
    for (int distance = 8; distance; distance /= 2) value += tile.shfl_down(value, distance);
    if (tile.thread_rank() == 0) out[threadIdx.x / 16] = value;
}

struct Shape {
    __device__ virtual unsigned corners(unsigned n) { return n; }
};
struct Prism : Shape {
    __device__ unsigned corners(unsigned n) override { return 2 * n; }
};
__device__ unsigned fibonacci(unsigned n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

__global__ void calls(unsigned *out) {
    Shape shape;
    Prism prism;
    Shape *either = threadIdx.x % 2 ? &prism : &shape;
    out[threadIdx.x] = either->corners(threadIdx.x) + 1000 * fibonacci(threadIdx.x % 12);
}

// A step of MRG32k3a (L'Ecuyer 1999), written as rocRAND does. The moduli are just below 2^32: the compiler compares with them as 64-bit literals, which
// have no upper half.
__host__ __device__ unsigned long long fold(unsigned long long value, unsigned rest) {
    return (unsigned long long)rest * (value >> 32) + (value & 0xffffffff);
}
__host__ __device__ unsigned mrg(unsigned *x, unsigned *y) {
    const unsigned m1 = 4294967087, m2 = 4294944443;
    unsigned long long p = fold(1403580ull * x[1] + 810728ull * (m1 - x[0]), 209);
    if (p >= m1) p -= m1;
    unsigned long long q = fold(fold(527612ull * y[2] + 1370589ull * (m2 - y[0]), 22853), 22853);
    if (q >= m2) q -= m2;
    x[0] = x[1], x[1] = x[2], x[2] = p;
    y[0] = y[1], y[1] = y[2], y[2] = q;
    return x[2] - y[2] + (x[2] <= y[2] ? m1 : 0);
}
__global__ void random(unsigned *out) {
    unsigned x[3] = {12345 + threadIdx.x, 12345, 12345}, y[3] = {12345, 12345, 12345};
    for (int i = 0; i < 32; i++) out[32 * threadIdx.x + i] = mrg(x, y);
}

static void algorithms() {
    std::vector<unsigned> in = numbers(1024), out(1024);
    unsigned *data = to_device(in), *result = to_device(out);
    scan<<<1, 1024>>>(data, result);
    std::partial_sum(in.begin(), in.end(), out.begin());
    expect("scan by shuffles", from_device(result, 1024) == out);

    for (unsigned size = 2; size <= 1024; size *= 2)
        for (unsigned step = size / 2; step; step /= 2) bitonic<<<4, 256>>>(data, step, size);
    std::sort(in.begin(), in.end());
    expect("sort in 55 launches", from_device(data, 1024) == in);

    tiles<<<1, 256>>>(result);
    bool right = true;
    auto sums = from_device(result, 16);
    for (unsigned i = 0; i < 16; i++) right &= sums[i] == 256 * i + 120;
    expect("sums of tiles", right);

    calls<<<1, 64>>>(result);
    auto called = from_device(result, 64);
    const unsigned fib[] = {0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89};
    for (unsigned i = 0; i < 64; i++) right &= called[i] == (i % 2 ? 2 * i : i) + 1000 * fib[i % 12];
    expect("virtual functions and recursion", right);

    random<<<1, 32>>>(result);
    auto drawn = from_device(result, 1024);
    for (unsigned i = 0; i < 32; i++) {
        unsigned x[3] = {12345 + i, 12345, 12345}, y[3] = {12345, 12345, 12345};
        for (unsigned j = 0; j < 32; j++) right &= drawn[32 * i + j] == mrg(x, y);
    }
    expect("arithmetic modulo numbers just below 2^32", right);
}

// --- streams: order between them, callbacks, graphs, and a kernel that waits for the host

__global__ void wait_for(const unsigned *flag, unsigned *out) {
    while (__hip_atomic_load(flag, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM) == 0) {}
    *out = 42;
}

static std::atomic<int> called_back{0};

static void streams() {
    const int count = 10000;
    unsigned *data = to_device(std::vector<unsigned>(count, 0));
    hipStream_t a, b;
    hipEvent_t at_a, at_b;
    CHECK(hipStreamCreateWithFlags(&a, hipStreamNonBlocking));
    CHECK(hipStreamCreateWithFlags(&b, hipStreamNonBlocking));
    CHECK(hipEventCreate(&at_a));
    CHECK(hipEventCreate(&at_b));
    for (int i = 0; i < 20; i++) {
        add<<<40, 256, 0, a>>>(data, 1, count);
        CHECK(hipEventRecord(at_a, a));
        CHECK(hipStreamWaitEvent(b, at_a, 0));
        add<<<40, 256, 0, b>>>(data, 2, count);
        CHECK(hipEventRecord(at_b, b));
        CHECK(hipStreamWaitEvent(a, at_b, 0));
    }
    auto note = [](hipStream_t, hipError_t error, void *) { called_back = error == hipSuccess ? 1 : -1; };
    CHECK(hipStreamAddCallback(a, note, nullptr, 0));
    CHECK(hipStreamSynchronize(a));
    for (int i = 0; i < 5000 && called_back == 0; i++) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    expect("callback", called_back == 1);
    expect("two streams in turn", from_device(data, count) == std::vector<unsigned>(count, 60));
    float milliseconds = -1;
    CHECK(hipEventElapsedTime(&milliseconds, at_a, at_b));
    expect("time passes", milliseconds >= 0);

    unsigned *flag;
    CHECK(hipHostMalloc(&flag, 4096));
    flag[0] = flag[1] = 0;
    wait_for<<<1, 1, 0, a>>>(flag, flag + 1);
    add<<<40, 256, 0, b>>>(data, 1, count);
    CHECK(hipStreamSynchronize(b));
    expect("a stream runs while another waits for the host", hipStreamQuery(a) == hipErrorNotReady);
    __atomic_store_n(flag, 1, __ATOMIC_RELEASE);
    CHECK(hipStreamSynchronize(a));
    expect("the other goes on", flag[1] == 42);

    hipGraph_t graph;
    hipGraphExec_t executable;
    CHECK(hipStreamBeginCapture(a, hipStreamCaptureModeGlobal));
    CHECK(hipMemsetAsync(data, 0, count * sizeof *data, a));
    add<<<40, 256, 0, a>>>(data, 3, count);
    add<<<40, 256, 0, a>>>(data, 4, count);
    CHECK(hipStreamEndCapture(a, &graph));
    CHECK(hipGraphInstantiate(&executable, graph, nullptr, nullptr, 0));
    for (int i = 0; i < 3; i++) CHECK(hipGraphLaunch(executable, a));
    CHECK(hipStreamSynchronize(a));
    expect("graph", from_device(data, count) == std::vector<unsigned>(count, 7));

    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 8; t++)
        threads.emplace_back([&good, t] {
            hipStream_t stream;
            CHECK(hipStreamCreate(&stream));
            unsigned *mine = to_device(std::vector<unsigned>(1024, 0));
            for (int i = 0; i < 50; i++) {
                add<<<4, 256, 0, stream>>>(mine, t, 1024);
                if (i % 10 == 0) CHECK(hipDeviceSynchronize());
            }
            CHECK(hipStreamSynchronize(stream));
            good += from_device(mine, 1024) == std::vector<unsigned>(1024, 50 * t);
        });
    for (auto &thread : threads) thread.join();
    expect("eight threads", good == 8);
}

// --- the device asks the host for service

__global__ void hello() {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i % 7 == 0) printf("hello from %d: %s %.2f %lld\n", i, "text", i * 0.5, (long long)i << 40);
}

__global__ void heap(unsigned *out) {
    auto *mine = (unsigned *)malloc(64);
    for (unsigned i = 0; i < 16; i++) mine[i] = i + threadIdx.x;
    unsigned sum = 0;
    for (unsigned i = 0; i < 16; i++) sum += mine[i];
    free(mine);
    out[threadIdx.x] = sum;
}

static void service() {
    hello<<<3, 64>>>();
    CHECK(hipDeviceSynchronize());
    unsigned *out = to_device(std::vector<unsigned>(64, 0));
    heap<<<1, 64>>>(out);
    auto sums = from_device(out, 64);
    bool right = true;
    for (unsigned i = 0; i < 64; i++) right &= sums[i] == 120 + 16 * i;
    expect("memory that a kernel allocates", right);
}

__global__ void claims(const unsigned *data) { assert(data[threadIdx.x] == 0 && "all is zero"); }

static void assertion() {
    unsigned *data = to_device(std::vector<unsigned>(64, 0));
    claims<<<1, 64>>>(data);
    CHECK(hipDeviceSynchronize());
    std::printf("the first holds\n");
    std::fflush(stdout);
    add<<<1, 64>>>(data, 1, 64);
    claims<<<1, 64>>>(data);
    CHECK(hipDeviceSynchronize());
    std::printf("not reached\n");
}

// --- code that is compiled while the program runs

static void hiprtc() {
    const char *source = "extern \"C\" __global__ void axpy(float a, const float *x, float *y, int n) {"
                         "  int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) y[i] += a * x[i]; }";
    hipDeviceProp_t properties;
    CHECK(hipGetDeviceProperties(&properties, 0));
    std::string target = std::string("--offload-arch=") + properties.gcnArchName;
    const char *options[] = {target.c_str()};
    hiprtcProgram program;
    size_t size;
    hiprtcCreateProgram(&program, source, "axpy.hip", 0, nullptr, nullptr);
    expect("compiled", hiprtcCompileProgram(program, 1, options) == HIPRTC_SUCCESS);
    hiprtcGetCodeSize(program, &size);
    std::vector<char> code(size);
    hiprtcGetCode(program, code.data());
    hipModule_t module;
    hipFunction_t function;
    CHECK(hipModuleLoadData(&module, code.data()));
    CHECK(hipModuleGetFunction(&function, module, "axpy"));
    int count = 1000;
    float factor = 1.5f;
    std::vector<float> x(count), y(count, 1), want(count);
    std::iota(x.begin(), x.end(), 0.f);
    for (int i = 0; i < count; i++) want[i] = 1 + factor * x[i];
    float *device_x = to_device(x), *device_y = to_device(y);
    void *arguments[] = {&factor, &device_x, &device_y, &count};
    CHECK(hipModuleLaunchKernel(function, 4, 1, 1, 256, 1, 1, 0, nullptr, arguments, nullptr));
    expect("its result", from_device(device_y, count) == want);
    CHECK(hipModuleUnload(module));
}

// --- two cards

__global__ void accumulate(unsigned *to, const unsigned *from, int count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) to[i] += from[i];
}

static void peer() {
    const int count = 100000;
    const size_t bytes = count * sizeof(unsigned);
    auto in = numbers(count);
    auto twice = in;
    for (auto &value : twice) value *= 2;
    unsigned *first = to_device(in);
    hipStream_t stream, far;
    CHECK(hipStreamCreate(&stream));
    CHECK(hipSetDevice(1));
    unsigned *second = to_device(std::vector<unsigned>(count, 0));
    CHECK(hipStreamCreate(&far));
    CHECK(hipMemcpyPeer(second, 1, first, 0, bytes));
    expect("copy to the other card", from_device(second, count) == in);
    CHECK(hipSetDevice(0));
    CHECK(hipDeviceEnablePeerAccess(1, 0));
    accumulate<<<(count + 255) / 256, 256, 0, stream>>>(first, second, count);
    CHECK(hipStreamSynchronize(stream));
    expect("kernel that reads the other card's memory", from_device(first, count) == twice);

    hipEvent_t done;
    CHECK(hipSetDevice(1));
    accumulate<<<(count + 255) / 256, 256, 0, far>>>(second, second, count);
    CHECK(hipEventCreate(&done));
    CHECK(hipEventRecord(done, far));
    CHECK(hipSetDevice(0));
    CHECK(hipMemset(first, 0, bytes));
    CHECK(hipStreamWaitEvent(stream, done, 0));
    CHECK(hipMemcpyAsync(first, second, bytes, hipMemcpyDefault, stream));
    CHECK(hipStreamSynchronize(stream));
    expect("stream that waits for the other card's", from_device(first, count) == twice);
}

int main(int argc, char **argv) {
    const struct {
        const char *name;
        void (*run)();
    } parts[] = {{"algorithms", algorithms}, {"streams", streams}, {"service", service},
                 {"assertion", assertion},   {"hiprtc", hiprtc},   {"peer", peer}};
    for (const auto &part : parts)
        if (argc == 2 && std::strcmp(argv[1], part.name) == 0) {
            part.run();
            return wrong;
        }
    return 2;
}
