// Rutabaga: a monitor that is built on rutabaga_gfx (0.1.85), as far as the library notices: its
// calls, their order, its pointers, and what it keeps of a resource.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/integration/abi/vmm.h"

namespace viaduct::test {

/// Differences between the monitors that have rutabaga_gfx or a copy of it.
struct RutabagaHabits {
    const char* monitor;
    int flags = 0;                 // of virgl_renderer_init
    bool brings_node = true;       // get_drm_fd is there, and returns -1: no path was given
    bool narrow_and_wide = false;  // binds ring indices as 64 bits, ids of exported fences as 32
    bool debug_callback = false;   // takes the log from virgl_set_debug_callback
    bool keeps_last = true;        // of a ring's retired fences: the last one, else the highest
};

/// The C interface with `drm` in its mask: as the next two headers' monitors do it, unless they
/// override a function. Functions that a guest's requests become return the library's result, or
/// EINVAL where rutabaga itself refuses. One thread at a time, as in Rust (&mut).
class Rutabaga : public Vmm {
  public:
    static const RutabagaHabits kHabits;

    explicit Rutabaga(const RutabagaHabits& habits = kHabits,
                      std::chrono::milliseconds hang = std::chrono::milliseconds(800));
    ~Rutabaga() override { finish(); }

    const RutabagaHabits& habits() const { return habits_; }

    int create_context(uint32_t ctx_id, const std::string& name) override;
    void destroy_context(uint32_t ctx_id) override;
    /// Asks for a handle, how to map it, and its layout, whatever comes of it.
    int create_blob(const virgl_renderer_resource_create_blob_args& args) override;
    void unref(uint32_t res_id) override;
    void attach(uint32_t ctx_id, uint32_t res_id) override;
    int submit(uint32_t ctx_id, std::span<const std::byte> bytes) override;
    /// A command of the guest with this fence: it waits until the fence has retired.
    int create_fence(uint32_t ctx_id, uint32_t flags, uint32_t ring, uint64_t fence_id) override;

    /// RESOURCE_CREATE_2D and 3D. Of an image without a handle or a layout it asks for its texture.
    int create_image(virgl_renderer_resource_create_args args);
    /// The same on the timeline of no context.
    int create_global_fence(uint64_t fence_id);
    int attach_backing(uint32_t res_id, std::vector<iovec> entries);
    void detach_backing(uint32_t res_id);
    /// A blob that the monitor itself has (cross-domain contexts make such): a context's attach
    /// imports it.
    void adopt(uint32_t res_id, UniqueFd handle, uint32_t fd_type);
    int export_fence(uint64_t fence_id, int* fd);
    struct Capset {
        uint32_t version = 0;
        std::vector<std::byte> bytes;
    };
    Capset get_capset(uint32_t set);

    /// RESOURCE_MAP_BLOB: bytes at which the guest sees the blob; empty: an error.
    virtual std::span<std::byte> map_blob(uint32_t res_id);
    /// RESOURCE_UNMAP_BLOB.
    virtual void unmap_blob(uint32_t res_id);

    /// A snapshot is restored: all objects go, then the component refuses.
    void destroy_objects();
    /// The end: handles and arrays go without a word to the library; then contexts, then it.
    virtual void finish();

    /// Commands that wait for a fence.
    size_t waiting();
    /// A line of the library's.
    void log(const char* text) { add_to_log(text); }
    struct Resource {
        uint64_t size = 0;
        uint32_t blob_mem = 0;
        uint32_t blob_flags = 0;
        UniqueFd handle = {};
        uint32_t fd_type = 0;
        std::optional<uint32_t> map_info = {};
        std::optional<virgl_renderer_export_query> layout = {};
        std::vector<iovec> backing = {};
        bool known_to_library = true;
        bool mapped_by_library = false;
    };
    /// Null if there is none.
    Resource* find(uint32_t res_id);

  protected:
    /// For a monitor that begins by itself.
    Rutabaga(Unstarted, const RutabagaHabits& habits, std::chrono::milliseconds hang);
    /// Rutabaga's build(): the result of virgl_renderer_init.
    int build();
    virtual virgl_renderer_callbacks table();
    /// A blob's handle, for one who maps it: of a shareable blob another, else the only one, once.
    UniqueFd take_handle(Resource& resource);
    std::span<std::byte> map_by_library(uint32_t res_id, Resource& resource);
    void unmap_by_library(uint32_t res_id, Resource& resource);

    void context_fence(uint32_t ctx_id, uint32_t ring_idx, uint64_t fence_id) override;
    void global_fence(uint32_t fence_id) override;

  private:
    using Ring = std::pair<uint32_t, uint8_t>;  // context 0: the timeline of none
    struct Command {
        Ring ring;
        uint64_t fence_id;
    };
    void wait_for(Ring ring, uint64_t fence_id);
    void complete(Ring ring, uint64_t fence_id);
    void import(uint32_t res_id, Resource& resource);

    const RutabagaHabits& habits_;
    bool built_ = false;
    std::map<uint32_t, Resource> resources_;
    std::set<uint32_t> contexts_;
    std::mutex fences_mutex_;
    std::vector<Command> commands_;
    std::map<Ring, uint64_t> completed_;
};

}  // namespace viaduct::test
