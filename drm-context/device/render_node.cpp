#include "drm-context/device/render_node.h"

#include <linux/sync_file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/clock.h"
#include "blob/dmabuf.h"
#include "drm-context/device/busy_reader.h"
#include "drm-context/device/fdinfo_file.h"
#include "drm-context/device/restarted_ioctl.h"

namespace viaduct {

namespace {

// A sync file merged from more fences (one per queue of the kernel's) tells no times.
constexpr uint32_t kMostFences = 16;
constexpr size_t kMaxFdinfo = 4096;  // bytes; the kernel gives one page at a time

class RenderNode final : public Device {
  public:
    explicit RenderNode(UniqueFd fd)
        : fd_(std::move(fd)),
          // Opened now: a jailed worker has no /proc when it wants to read it.
          fdinfo_(open_fdinfo(fd_.get())) {}

    int ioctl(unsigned long request, void* argument) override {
        return restarted_ioctl(fd_.get(), request, argument);
    }

    // Not a duplicate: to close it would wait for the GPU (Linux: amdgpu_drv.c, amdgpu_flush()).
    Result<MapSource> map_source(uint64_t mmap_offset) override {
        return MapSource{UniqueFd(), mmap_offset};
    }

    Result<UniqueFd> merge_sync_files(int a, int b) override {
        sync_merge_data merge{};
        std::strncpy(merge.name, "viaduct", sizeof(merge.name) - 1);
        merge.fd2 = b;
        const int error = restarted_ioctl(a, SYNC_IOC_MERGE, &merge);
        if (error < 0) return fail(-error, "cannot merge sync files {} and {}", a, b);
        return UniqueFd(merge.fence);
    }

    Result<SyncFileState> sync_file_state(int sync_file) override {
        sync_fence_info fences[kMostFences]{};
        sync_file_info info{};
        info.num_fences = kMostFences;
        info.sync_fence_info = reinterpret_cast<uint64_t>(fences);
        int error = restarted_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info);
        if (error == -EINVAL) {  // more fences than that: all but their times
            info = {};
            error = restarted_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info);
            info.num_fences = 0;
        }
        if (error < 0) return fail(-error, "{} is not a sync file (errno {})", sync_file, -error);
        SyncFileState state{info.status, 0};
        if (state.status == 0) return state;
        for (const auto& fence : std::span(fences).first(std::min(info.num_fences, kMostFences)))
            state.finished_ns =
                std::max(state.finished_ns, static_cast<int64_t>(fence.timestamp_ns));
        return state;
    }

    Result<UniqueFd> unfinished_uses(int dmabuf) override {
        return viaduct::export_sync_file(dmabuf, BufferAccess::kWrite);
    }

    BusyTimes busy_times() override {
        char text[kMaxFdinfo];
        // lseek() and read(): a worker's jail has no pread().
        if (!fdinfo_ || ::lseek(fdinfo_.get(), 0, SEEK_SET) != 0) return {};
        const ssize_t size = ::read(fdinfo_.get(), text, sizeof(text));
        if (size <= 0) return {};
        return busy_.read({text, static_cast<size_t>(size)}, monotonic_ns());
    }

    int fd() const override { return fd_.get(); }

  private:
    UniqueFd fd_;
    UniqueFd fdinfo_;
    BusyReader busy_;
};

}  // namespace

Result<std::unique_ptr<Device>> open_render_node(UniqueFd fd) {
    if (!fd) return fail(ENODEV, "no descriptor of a render node was passed");
    auto node = std::make_unique<RenderNode>(std::move(fd));
    if (auto status = node->read_version(); !status) return tl::unexpected(status.error());
    return std::unique_ptr<Device>(std::move(node));
}

}  // namespace viaduct
