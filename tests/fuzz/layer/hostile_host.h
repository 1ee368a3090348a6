// HostileHost: a virtio-gpu node whose host answers what it likes, in time.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <vector>

#include "base/unique_fd.h"
#include "guest-mesa/layer/kernel.h"
#include "guest-mesa/layer/virtgpu_ioctls.h"

namespace viaduct::fuzz {

/// The guest's kernel keeps to its interface: handles, descriptors and mappings are real. All that
/// comes from the host is the program's: answers, sequence numbers, the control buffer.
class HostileHost final : public guest::Kernel {
  public:
    int ioctl(int fd, unsigned long request, void* argument) override;
    Result<Mapping> map(int fd, uint64_t offset, size_t size) override;
    int wait_readable(int, std::chrono::milliseconds) override { return 1; }

    /// The bytes behind `len` of each answer from now on, and what it says is its length.
    void answer_with(uint32_t length, std::vector<std::byte> bytes) {
        length_ = length;
        answer_ = std::move(bytes);
    }
    /// Sequence numbers are that much too high from now on: beyond 0 they say that the host has
    /// given up the context.
    void skew_seqno(uint32_t by) { skew_ = by; }
    /// CREATE_BLOB and EXECBUFFER fail so from now on; 0: not.
    void fail_with(int error) { error_ = error; }
    void write_control(uint32_t offset, std::span<const std::byte> bytes);
    /// BLOB_ALIGNMENT; 0: the parameter does not exist.
    void set_blob_alignment(uint32_t alignment) { alignment_ = alignment; }
    /// Where responses begin, as the control buffer says.
    void set_area(uint32_t start) { area_ = start; }

    static constexpr size_t kControlBytes = 0x4000;

  private:
    int execbuffer(guest::virtgpu::Execbuffer& arg);
    int create_blob(guest::virtgpu::ResourceCreateBlob& arg);
    int generic(unsigned long request, void* argument);
    void run(uint64_t commands, uint32_t size);

    UniqueFd control_fd_{::memfd_create("fuzz-control", MFD_CLOEXEC)};
    Mapping control_;
    uint32_t area_ = 88;
    uint32_t length_ = 8;
    std::vector<std::byte> answer_;
    uint32_t skew_ = 0;
    int error_ = 0;
    uint32_t alignment_ = 0;
    uint32_t next_handle_ = 1;
};

}  // namespace viaduct::fuzz
