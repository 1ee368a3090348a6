// An open file of the emulated virtio-gpu node: the guest kernel's driver, as one process sees it.
#pragma once

#include <drm.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "simgpu/node/fake_node.h"
#include "simgpu/simgpu.h"
#include "simgpu/sync/syncobj.h"
#include "tests/loopback/client/buffer.h"
#include "tests/loopback/client/connection.h"
#include "tests/loopback/client/guest_fences.h"

namespace viaduct::loopback {

/// Thread-safe. Behaviour and error numbers are those of Linux 6.12 drivers/gpu/drm/virtio.
class GpuFile {
  public:
    using NodeType = simgpu::node::NodeType;

    /// Connects to the server at `socket_path`. `type`: which of the device's nodes was opened.
    static Result<std::unique_ptr<GpuFile>> open(const std::string& socket_path,
                                                 NodeType type = NodeType::kRender);

    /// True once it has a context.
    bool has_context() const { return has_context_; }
    /// The file stands for one that another process opened, and gave a context. The kernel would go
    /// on with that context; here it is out of reach, and whatever needs it fails with EIO.
    void set_context_elsewhere() { has_context_ = context_elsewhere_ = true; }

    /// As ioctl(2), but returns a negative errno instead of setting errno.
    int ioctl(unsigned long request, void* argument);
    /// The file to map for mmap(2) at `mmap_offset`; waits for the host's map reply. Error:
    /// positive errno.
    tl::expected<simgpu::MapSource, int> map_source(uint64_t mmap_offset);

  private:
    struct Entry;

    explicit GpuFile(NodeType type);
    Status connect(const std::string& socket_path);
    static const Entry* find_entry(unsigned nr);

    // DRM core
    int on_version(void* argument);
    int on_get_unique(void* argument);
    int on_get_magic(void* argument);
    int on_get_client(void* argument);
    int on_set_client_cap(void* argument);
    int on_auth_magic(void* argument);
    int on_get_cap(void* argument);
    int on_set_client_name(void* argument);
    int on_gem_close(void* argument);
    int on_prime_handle_to_fd(void* argument);
    int on_prime_fd_to_handle(void* argument);
    // virtio-gpu
    int on_map(void* argument);
    int on_execbuffer(void* argument);
    int on_get_param(void* argument);
    int on_resource_create(void* argument);
    int on_resource_info(void* argument);
    int on_transfer_from_host(void* argument);
    int on_transfer_to_host(void* argument);
    int on_wait(void* argument);
    int on_get_caps(void* argument);
    int on_resource_create_blob(void* argument);
    int on_context_init(void* argument);

    const HelloReply& device() const { return connection_->device(); }
    bool has_capset(uint32_t id) const;
    /// Creates the lazy context without a capset if there is none yet.
    int ensure_context();
    int create_context(uint32_t capset_id, std::string_view name);
    ResourceId next_resource_id();
    int send_create_blob(Packet& packet);
    int fetch_memory(const Buffer& buffer, simgpu::MapSource& source);
    int transfer(const wire::virtgpu::Transfer& request, bool to_host);

    // EXECBUFFER's parts
    struct Submission;
    int parse_execbuffer(const wire::virtgpu::Execbuffer& request, Submission& submission);
    int collect_in_fences(const wire::virtgpu::Execbuffer& request, Submission& submission);
    int read_syncobjs(uint64_t pointer, uint32_t count, uint32_t stride,
                      std::vector<wire::virtgpu::ExecbufferSyncobj>& syncobjs);
    int send_submission(const wire::virtgpu::Execbuffer& request, Submission& submission);
    int publish_fence(wire::virtgpu::Execbuffer& request, Submission& submission);

    const NodeType type_;
    const uint64_t id_;  // never used again in this process; not 0
    std::once_flag magic_once_;
    drm_magic_t magic_ = 0;
    GuestFences fences_;
    simgpu::drm::SyncobjTable syncobjs_;
    BufferTable buffers_;

    std::mutex context_mutex_;
    std::atomic<bool> has_context_ = false;
    std::atomic<bool> context_elsewhere_ = false;
    std::atomic<uint32_t> num_rings_ = 0;
    uint64_t poll_rings_mask_ = 0;

    /// Tokens of fences rise in the order of the messages that carry them.
    std::mutex submit_mutex_;
    /// An import and a close of the same buffer exclude each other.
    std::mutex prime_mutex_;
    std::mutex capset_mutex_;
    std::map<std::pair<uint32_t, uint32_t>, std::vector<std::byte>> capsets_;

    std::unique_ptr<Connection> connection_;  // last: its thread uses the members above
};

}  // namespace viaduct::loopback
