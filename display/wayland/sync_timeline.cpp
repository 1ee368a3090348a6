#include "display/wayland/sync_timeline.h"

#include <drm.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include <cstring>

#include "display/render_node.h"

namespace viaduct::wayland {

namespace {

/// struct drm_syncobj_eventfd, Linux 6.6: newer than the libdrm of Debian 12.
struct SyncobjEventfd {
    uint32_t handle;
    uint32_t flags;
    uint64_t point;
    int32_t fd;
    uint32_t pad;
};
constexpr unsigned long kSyncobjEventfd = DRM_IOWR(0xCF, SyncobjEventfd);
/// The kernel's calls on one node.
class Node {
  public:
    explicit Node(UniqueFd fd) : fd_(std::move(fd)) {}

    template <typename Args>
    Status call(unsigned long request, Args& args, const char* name) const {
        int result = 0;
        do result = ::ioctl(fd_.get(), request, &args);
        while (result < 0 && (errno == EINTR || errno == EAGAIN));
        if (result < 0) return fail(errno, "{} failed: {}", name, std::strerror(errno));
        return {};
    }

    Result<uint32_t> create() const {
        drm_syncobj_create args{};
        const auto status = call(DRM_IOCTL_SYNCOBJ_CREATE, args, "DRM_IOCTL_SYNCOBJ_CREATE");
        if (!status) return tl::unexpected(status.error());
        return args.handle;
    }

    void destroy(uint32_t handle) const {
        drm_syncobj_destroy args{};
        args.handle = handle;
        std::ignore = call(DRM_IOCTL_SYNCOBJ_DESTROY, args, "DRM_IOCTL_SYNCOBJ_DESTROY");
    }

  private:
    UniqueFd fd_;
};

/// Owns a handle of a node.
class Syncobj {
  public:
    Syncobj(std::shared_ptr<const Node> node, uint32_t handle)
        : node_(std::move(node)), handle_(handle) {}
    Syncobj(Syncobj&& other) noexcept = default;
    Syncobj& operator=(Syncobj&& other) = delete;
    ~Syncobj() {
        if (node_) node_->destroy(handle_);
    }
    uint32_t handle() const { return handle_; }

  private:
    std::shared_ptr<const Node> node_;
    uint32_t handle_;
};

class DrmTimeline : public SyncTimeline {
  public:
    DrmTimeline(std::shared_ptr<const Node> node, Syncobj object, UniqueFd fd)
        : node_(std::move(node)), object_(std::move(object)), fd_(std::move(fd)) {}

    int fd() const override { return fd_.get(); }

    Status set_point(uint64_t point, int sync_file) override {
        return sync_file < 0 ? signal(point) : import(point, sync_file);
    }

    Result<UniqueFd> event_at(uint64_t point) override {
        UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!event) return fail(errno, "eventfd() failed: {}", std::strerror(errno));
        SyncobjEventfd args{object_.handle(), 0, point, event.get(), 0};
        const auto status = node_->call(kSyncobjEventfd, args, "DRM_IOCTL_SYNCOBJ_EVENTFD");
        if (!status) return tl::unexpected(status.error());
        return event;
    }

  private:
    Status signal(uint64_t point) const {
        const uint32_t handle = object_.handle();
        drm_syncobj_timeline_array args{};
        args.handles = reinterpret_cast<uintptr_t>(&handle);
        args.points = reinterpret_cast<uintptr_t>(&point);
        args.count_handles = 1;
        return node_->call(DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, args,
                           "DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL");
    }

    // A sync file becomes the fence of a binary syncobj, which is moved to the point.
    Status import(uint64_t point, int sync_file) const {
        const auto handle = node_->create();
        if (!handle) return tl::unexpected(handle.error());
        const Syncobj binary(node_, *handle);
        drm_syncobj_handle import_args{};
        import_args.handle = *handle;
        import_args.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
        import_args.fd = sync_file;
        const auto status =
            node_->call(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, import_args, "import of a sync file");
        if (!status) return status;
        drm_syncobj_transfer move{};
        move.src_handle = *handle;
        move.dst_handle = object_.handle();
        move.dst_point = point;
        return node_->call(DRM_IOCTL_SYNCOBJ_TRANSFER, move, "DRM_IOCTL_SYNCOBJ_TRANSFER");
    }

    std::shared_ptr<const Node> node_;
    Syncobj object_;
    UniqueFd fd_;
};

class DrmSyncDevice : public SyncDevice {
  public:
    explicit DrmSyncDevice(UniqueFd fd) : node_(std::make_shared<const Node>(std::move(fd))) {}

    Result<std::unique_ptr<SyncTimeline>> create_timeline() override {
        const auto handle = node_->create();
        if (!handle) return tl::unexpected(handle.error());
        Syncobj object(node_, *handle);
        drm_syncobj_handle args{};
        args.handle = *handle;
        const auto status =
            node_->call(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, args, "DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD");
        if (!status) return tl::unexpected(status.error());
        return std::make_unique<DrmTimeline>(node_, std::move(object), UniqueFd(args.fd));
    }

    Status check() {
        const auto timeline = create_timeline();
        if (!timeline) return tl::unexpected(timeline.error());
        const auto event = (*timeline)->event_at(1);
        if (!event) return fail(ENOTSUP, "{}", event.error().message);
        return {};
    }

  private:
    std::shared_ptr<const Node> node_;
};

Result<std::unique_ptr<SyncDevice>> make_device(Result<UniqueFd> node) {
    if (!node) return tl::unexpected(node.error());
    auto device = std::make_unique<DrmSyncDevice>(*std::move(node));
    if (const auto status = device->check(); !status) return tl::unexpected(status.error());
    return device;
}

}  // namespace

Result<std::unique_ptr<SyncDevice>> SyncDevice::open(const char* path) {
    return make_device(open_render_node(path));
}

Result<std::unique_ptr<SyncDevice>> SyncDevice::open(dev_t device) {
    return make_device(open_render_node(device));
}

}  // namespace viaduct::wayland
