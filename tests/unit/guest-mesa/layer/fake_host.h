// FakeHost: the level below the layer, scripted: a virtio-gpu node and the host behind it.
#pragma once

#include <amdgpu_drm.h>
#include <drm.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "base/unique_fd.h"
#include "guest-mesa/layer/kernel.h"
#include "guest-mesa/layer/virtgpu_ioctls.h"
#include "wire/amdgpu.h"
#include "wire/amdgpu_capset.h"

namespace viaduct::guest::test {

/// A request as the host received it.
struct Received {
    wire::RequestHeader header;
    std::vector<std::byte> bytes;

    /// The request as its structure; short ones have zeros at the end.
    template <typename T>
    T as() const {
        T value{};
        std::memcpy(&value, bytes.data(), std::min(sizeof(T), bytes.size()));
        return value;
    }
};

/// An EXECBUFFER or CREATE_BLOB as the node received it, or a buffer in the guest's ring.
struct Sent {
    uint32_t ring = 0;
    bool is_blob = false;
    bool passed_by = false;  // the node
    uint32_t after = 0;      // if so: the request that came through it before
    std::vector<uint32_t> commands;
    std::vector<virtgpu::ExecbufferSyncobj> in;
    std::vector<virtgpu::ExecbufferSyncobj> out;
    std::vector<uint32_t> bo_handles;
};

/// How the node fails a CREATE_BLOB: before or after it sends what is embedded, and what is queued.
struct BlobFailure {
    int error;
    bool sends_commands;
};

/// Answers at once, in the calling thread; GPU work is done when finish_gpu_work() says so.
class FakeHost final : public Kernel {
  public:
    FakeHost();

    int ioctl(int fd, unsigned long request, void* argument) override;
    Result<Mapping> map(int fd, uint64_t offset, size_t size) override;
    int wait_readable(int fd, std::chrono::milliseconds timeout) override;
    uint64_t page_size() const override { return page; }

    /// All submitted work is complete.
    void finish_gpu_work();
    /// The control buffer has wire::FinishedWork. Before the context begins.
    void show_finished_work();
    /// wire::GuestRing, too, whose host is awake. It takes what is there when it is told to, and
    /// before what comes through the node.
    void offer_guest_ring();
    void set_awake(bool awake);
    void give_ring_up();
    void take_from_guest_ring();
    /// There: what requests up to `request` gave to the ring. The node has not heard of it.
    void show_finished(uint32_t ring, uint32_t request);
    /// The GPU writes 64 bits to a buffer, at `offset` of its first kBufferBytes.
    void write_buffer(uint32_t handle, size_t offset, uint64_t value);
    /// There: what the guest looks for; 0: nothing.
    uint32_t looked_for(uint32_t ring) const;
    /// Called before the node does anything about an EXECBUFFER.
    std::function<void()> on_exec = [] {};
    /// Called when the host has a new blob, and the node has not answered.
    std::function<void()> on_blob;
    /// Called before the node does anything about a TRANSFER.
    std::function<void()> on_transfer = [] {};
    /// Called when a program waits for fences in the node.
    std::function<void()> on_wait = [] {};
    /// Requests of one command, in order.
    std::vector<Received> received(wire::amdgpu::Command command) const;
    void add_async_error();
    /// The host gives the context up (docs/isolation.md).
    void give_up();
    /// A HeapInfo of the control buffer, at `offset`.
    void set_heap(size_t offset, uint64_t size, uint64_t usage);
    uint32_t shmem_word(uint32_t offset) const;
    /// How many there are.
    size_t syncobjs() const { return syncobjs_.size(); }
    bool created_signalled(uint32_t syncobj) const { return syncobjs_.at(syncobj).signalled; }

    static constexpr int kExportedFd = 1000;
    static constexpr size_t kBufferBytes = 4096;

    // For the script to change.
    wire::CapsetDrm capset{};
    std::string node_name = "virtio_gpu";
    uint64_t cap_value = 1;                          // of every DRM capability
    bool answers = true;                             // executes what it is sent
    bool publishes = true;                           // stores seqno
    bool counts_blobs = true;                        // in wire::GuestRing, when it has them
    bool answers_creations = true;                   // wire::CreationResponse
    int exec_error = 0;                              // of the next EXECBUFFER
    std::vector<BlobFailure> blob_failures;          // of the next CREATE_BLOBs, last one first
    std::map<uint32_t, int> results;                 // `ret` by command
    uint32_t next_context = 1;                       // number of the next GPU context
    wire::amdgpu::BoQueryInfoResponse facts{};       // of any buffer
    uint32_t max_ibs = 0;                            // of each IP type; 0: a kernel without MAX_IBS
    std::byte info_filler{0};                        // of INFO's answers, behind `ret`
    std::map<uint32_t, uint32_t> states;             // QUERY_STATE2's flags by GPU context
    std::set<uint32_t> unknown_resources_from_size;  // sizes (in KiB) whose GEM_NEW fails
    bool node_busy = false;                          // WAIT
    bool misses_fences = false;                      // a wait for none is EINVAL
    std::set<virtgpu::Param> missing_params;         // of GETPARAM; all others are 1
    uint32_t blob_alignment = 0;                     // of GETPARAM; 0: EINVAL
    uint64_t page = 4096;                            // bytes
    virtgpu::BlobMem imported_mem = virtgpu::BlobMem::kHost3d;  // of FD_TO_HANDLE's buffers

    // Recorded calls.
    std::vector<Received> requests;
    std::vector<Sent> sent;
    std::vector<unsigned long> passed;  // generic ioctls
    std::vector<uint32_t> closed;       // handles
    std::vector<uint32_t> mapped;       // likewise, by the layer itself
    std::vector<virtgpu::ResourceCreateBlob> blobs;
    std::vector<drm_syncobj_transfer> transfers;
    std::vector<drm_mode_fb_cmd2> framebuffers;
    std::vector<drm_syncobj_handle> exports;  // HANDLE_TO_FD; each gives kExportedFd
    bool context_initialised = false;

  private:
    struct Syncobj {
        uint64_t available = 0;
        uint64_t reached = 0;
        bool signalled = false;  // from the beginning
    };

    int answer(unsigned long request, void* argument);
    int version(drm_version& arg) const;
    int create_blob(virtgpu::ResourceCreateBlob& arg);
    int refuse_blob(const virtgpu::ResourceCreateBlob& arg);
    int execbuffer(virtgpu::Execbuffer& arg);
    int syncobj_wait(drm_syncobj_timeline_wait& arg);
    int generic(unsigned long request, void* argument);
    std::atomic_ref<uint32_t> ring_field(size_t offset) const;
    void run(const std::byte* command, size_t size, Sent& sent);
    void execute(const Received& request);
    void respond(const wire::RequestHeader& header, const void* response, uint32_t size);

    mutable std::recursive_mutex mutex_;
    /// The memory behind a handle, as mmap() takes it.
    int memory_of(uint32_t handle);

    UniqueFd shmem_fd_;
    Mapping shmem_;
    uint32_t shmem_handle_ = 0;
    std::map<uint32_t, UniqueFd> buffers_;                // by handle
    uint32_t finished_at_ = sizeof(wire::amdgpu::Shmem);  // wire::FinishedWork
    bool has_guest_ring_ = false;
    uint32_t taken_ = 0;  // the number of the last request
    std::map<uint32_t, Syncobj> syncobjs_;
    uint32_t next_syncobj_ = 1;
    uint32_t next_handle_ = 1;
    uint32_t next_resource_ = 2;
    std::map<uint32_t, uint32_t> resources_;  // by handle
    std::set<uint32_t> imported_;             // handles
    std::set<uint32_t> missing_;              // resources that the host does not have
    bool last_new_failed_ = false;
};

/// A request that is nothing but its header and some bytes.
template <typename T>
std::span<std::byte> bytes_of(T& value) {
    return std::as_writable_bytes(std::span<T, 1>(&value, 1));
}

}  // namespace viaduct::guest::test
