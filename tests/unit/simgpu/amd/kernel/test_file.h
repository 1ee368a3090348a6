// A simulated render node in a test's hands: the ioctls as one-line calls.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "blob/mapping.h"
#include "simgpu/amd/kernel/uapi.h"
#include "simgpu/simgpu.h"
#include "simgpu/sync/drm_uapi.h"

namespace simgpu::test {

inline constexpr uint64_t kMiB = 1ull << 20;

inline uint64_t address_of(const void* data) {
    return reinterpret_cast<uintptr_t>(data);
}

/// Absolute CLOCK_MONOTONIC nanoseconds.
inline uint64_t in_ms(uint64_t ms) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<uint64_t>(
               std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()) +
           ms * 1'000'000;
}

inline constexpr uint64_t kLong = 30'000;  // ms; a wait that must succeed

/// An instance name that no other test process uses.
std::string unique_instance();

struct TestBuffer {
    uint32_t handle = 0;
    uint64_t va = 0;
    viaduct::Mapping mapping;
    uint32_t* words() const { return reinterpret_cast<uint32_t*>(mapping.data()); }
};

struct Chunks {
    void add(uint32_t id, const void* data, size_t bytes);
    template <typename T>
    Chunks& with(uint32_t id, const T& value) {
        add(id, &value, sizeof(value));
        return *this;
    }
    Chunks& ib(uint64_t va, uint32_t bytes, uint32_t ip = AMDGPU_HW_IP_GFX, uint32_t ring = 0);

    std::vector<std::vector<uint32_t>> payloads;
    std::vector<uint32_t> ids;
};

/// One open file with a context-free helper for each ioctl. Failures of the helpers that return a
/// value are test failures.
class TestFile {
  public:
    explicit TestFile(const char* model = "renoir",
                      const std::string& instance = default_instance());
    static std::string default_instance();

    File& file() { return *file_; }
    void close() { file_.reset(); }
    template <typename T>
    int ioctl(unsigned long request, T* argument) {
        return file_->ioctl(request, argument);
    }
    template <typename T>
    int info(uint32_t query, T* out, uint32_t arg0 = 0, uint32_t arg1 = 0);

    int create(uint64_t size, uint32_t* handle, uint64_t domains = AMDGPU_GEM_DOMAIN_GTT,
               uint64_t flags = 0);
    int map(uint32_t handle, uint64_t va, uint64_t size, uint64_t offset = 0,
            uint32_t flags = AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE);
    int va_op(uint32_t operation, uint32_t handle, uint64_t va, uint64_t size, uint64_t offset = 0,
              uint32_t flags = AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE);
    int gem_close(uint32_t handle);
    viaduct::Mapping cpu_map(uint32_t handle);
    /// Created, mapped for the GPU and the CPU.
    TestBuffer buffer(uint64_t va, uint64_t size = 4096, uint64_t domains = AMDGPU_GEM_DOMAIN_GTT,
                      uint64_t flags = 0);

    int alloc_context(int32_t priority, uint32_t* id);
    uint32_t context();
    uint64_t context_flags(uint32_t id);

    int submit(uint32_t context, const Chunks& chunks, uint64_t* sequence = nullptr);
    /// As DRM_IOCTL_AMDGPU_WAIT_CS: 0 done, 1 busy, negative errno.
    int wait(uint32_t context, uint64_t sequence, uint64_t ms = kLong,
             uint32_t ip = AMDGPU_HW_IP_GFX, uint32_t ring = 0);

    uint32_t syncobj(uint32_t flags = 0);
    int syncobj_wait(uint32_t handle, uint64_t ms = kLong);

  private:
    std::unique_ptr<File> file_;
};

template <typename T>
int TestFile::info(uint32_t query, T* out, uint32_t arg0, uint32_t arg1) {
    drm_amdgpu_info args{};
    args.return_pointer = address_of(out);
    args.return_size = sizeof(T);
    args.query = query;
    args.query_hw_ip.type = arg0;
    args.query_hw_ip.ip_instance = arg1;
    return ioctl(DRM_IOCTL_AMDGPU_INFO, &args);
}

}  // namespace simgpu::test
