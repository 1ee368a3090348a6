#include "drm-context/device/render_node.h"

#include <linux/sync_file.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

namespace viaduct {

namespace {

int ioctl_restarted(int fd, unsigned long request, void* argument) {
    for (;;) {
        const int ret = ::ioctl(fd, request, argument);
        if (ret >= 0) return ret;
        if (errno != EINTR && errno != EAGAIN) return -errno;
    }
}

class RenderNode final : public Device {
  public:
    explicit RenderNode(UniqueFd fd) : fd_(std::move(fd)) {}

    int ioctl(unsigned long request, void* argument) override {
        return ioctl_restarted(fd_.get(), request, argument);
    }

    Result<MapSource> map_source(uint64_t mmap_offset) override {
        UniqueFd copy = fd_.duplicate();
        if (!copy) return fail(EMFILE, "cannot duplicate the render node's descriptor");
        return MapSource{std::move(copy), mmap_offset};
    }

    Result<UniqueFd> merge_sync_files(int a, int b) override {
        sync_merge_data merge{};
        std::strncpy(merge.name, "viaduct", sizeof(merge.name) - 1);
        merge.fd2 = b;
        const int error = ioctl_restarted(a, SYNC_IOC_MERGE, &merge);
        if (error < 0) return fail(-error, "cannot merge sync files {} and {}", a, b);
        return UniqueFd(merge.fence);
    }

    int fd() const override { return fd_.get(); }

  private:
    UniqueFd fd_;
};

}  // namespace

Result<std::unique_ptr<Device>> open_render_node(UniqueFd fd) {
    if (!fd) return fail(ENODEV, "no descriptor of a render node was given");
    auto node = std::make_unique<RenderNode>(std::move(fd));
    if (auto status = node->read_version(); !status) return tl::unexpected(status.error());
    return std::unique_ptr<Device>(std::move(node));
}

}  // namespace viaduct
