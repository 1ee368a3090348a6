// A simulated node of xe in a test's hands: the ioctls as one-line calls.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "blob/mapping.h"
#include "simgpu/simgpu.h"
#include "uapi/xe.h"

namespace simgpu::test {

namespace u = uapi::xe;

inline uint64_t xe_address(const void* data) {
    return reinterpret_cast<uintptr_t>(data);
}
/// A sync that waits for, or signals, a syncobj (value 0: binary).
u::Sync xe_wait(uint32_t syncobj, uint64_t value = 0);
u::Sync xe_signal(uint32_t syncobj, uint64_t value = 0);

/// One open file. Failures of the helpers that return a value are test failures.
class XeFile {
  public:
    explicit XeFile(const std::string& instance = default_instance(),
                    const std::string& model = "tgl-xe");
    /// An instance name that no other test process uses.
    static std::string default_instance();

    File& file() { return *file_; }
    void close() { file_.reset(); }
    template <typename T>
    int ioctl(unsigned long request, T* argument) {
        return file_->ioctl(request, argument);
    }

    uint32_t vm(uint32_t flags = 0);
    u::GemCreate gem_args(uint64_t size = 4096);
    uint32_t gem(uint64_t size = 4096, uint32_t vm = 0);
    viaduct::Mapping cpu_map(uint32_t handle);
    int close_handle(uint32_t handle);

    static u::BindOp map(uint32_t handle, uint64_t addr, uint64_t range = 4096,
                         uint64_t offset = 0);
    static u::BindOp unmap(uint64_t addr, uint64_t range = 4096);
    int bind(uint32_t vm, const std::vector<u::BindOp>& ops, const std::vector<u::Sync>& syncs = {},
             uint32_t queue = 0);
    /// Binds, and waits until the GPU sees it.
    void bind_now(uint32_t vm, const u::BindOp& op);

    int create_queue(uint32_t vm, uint16_t engine_class, uint32_t* id, uint64_t extensions = 0);
    uint32_t queue(uint32_t vm, uint16_t engine_class = u::kClassRender);
    int destroy_queue(uint32_t id);
    /// 0 or 1, or a negative errno.
    int banned(uint32_t queue);
    int exec(uint32_t queue, uint64_t address, const std::vector<u::Sync>& syncs = {},
             uint16_t batches = 1);

    uint32_t syncobj();
    /// The status of the fence that a syncobj holds, once it has signalled: 1, or a negative errno.
    int fence_status(uint32_t syncobj);
    bool signalled(uint32_t syncobj);

  private:
    std::unique_ptr<File> file_;
};

/// A VM with a queue, and a buffer for programs and data at kVa.
struct XeClient {
    static constexpr uint64_t kVa = 0x100000;
    static constexpr uint64_t kData = kVa + 0x8000;

    explicit XeClient(uint32_t vm_flags = 0);
    /// A batch that writes `value` to `va`; its address.
    uint64_t store(uint64_t va, uint32_t value);
    /// Runs one such batch, and waits: the fence's status.
    int run(uint64_t va, uint32_t value);
    uint32_t data(size_t word = 0) const;

    XeFile file;
    uint32_t vm = 0;
    uint32_t queue = 0;
    uint32_t buffer = 0;
    viaduct::Mapping memory;
    size_t used = 0;
};

}  // namespace simgpu::test
