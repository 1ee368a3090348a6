#include "guest-mesa/layer/open_node.h"

#include <algorithm>
#include <cstring>

#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/fence_debts.h"
#include "guest-mesa/layer/fence_waits.h"
#include "guest-mesa/layer/ioctl_table.h"

namespace viaduct::guest {

namespace {

/// Answers one string of DRM_IOCTL_VERSION: as much of it as fits, and its true length.
void answer_string(const char* text, char* buffer, __kernel_size_t& length) {
    const size_t size = std::strlen(text);
    if (buffer) std::memcpy(buffer, text, std::min<size_t>(size, length));
    length = size;
}

constexpr bool is_driver_request(unsigned number) {
    return number >= DRM_COMMAND_BASE && number < DRM_COMMAND_END;
}

/// Generic ioctls that give a file a buffer which it did not have.
bool may_bring_resource(unsigned long request) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    return number == _IOC_NR(DRM_IOCTL_GEM_OPEN) || number == _IOC_NR(DRM_IOCTL_MODE_CREATE_DUMB) ||
           number == _IOC_NR(DRM_IOCTL_MODE_GETFB) || number == _IOC_NR(DRM_IOCTL_MODE_GETFB2);
}

constexpr IoctlRow<OpenNode> kGenericIoctls[] = {
    ioctl_row<&OpenNode::version>(0x00, "VERSION"),
    ioctl_row<&OpenNode::gem_close>(0x09, "GEM_CLOSE"),
    ioctl_row<&OpenNode::get_cap>(0x0c, "GET_CAP"),
    ioctl_row<&OpenNode::prime_export>(0x2d, "PRIME_HANDLE_TO_FD"),
    ioctl_row<&OpenNode::prime_import>(0x2e, "PRIME_FD_TO_HANDLE"),
    ioctl_row<&OpenNode::add_framebuffer>(0xb8, "MODE_ADDFB2"),
};

}  // namespace

bool OpenNode::needs_context(unsigned long request) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    return (is_driver_request(number) && !is_virtgpu_request(request)) ||
           number == _IOC_NR(DRM_IOCTL_PRIME_FD_TO_HANDLE);
}

bool OpenNode::concerns_syncobjs(unsigned long request) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    return number >= _IOC_NR(DRM_IOCTL_SYNCOBJ_CREATE) && number <= kSyncobjEventfd;
}

int OpenNode::ioctl(const Channel& channel, unsigned long request, void* argument) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    if (is_virtgpu_request(request)) {
        if (!started_.load(std::memory_order_acquire)) return channel.ioctl(request, argument);
        if (request == kVirtgpuCreateBlob && argument)
            return session_.stream->create_counted_blob(
                channel, *static_cast<virtgpu::ResourceCreateBlob*>(argument));
        const int result = channel.ioctl(request, argument);
        session_.stream->note_resource();
        return result;
    }
    if (is_driver_request(number)) {
        if (const int error = start(channel); error < 0) return error;
        return started_.load(std::memory_order_acquire)->ioctl(channel, request, argument);
    }
    if (const auto* row = find_row<OpenNode>(kGenericIoctls, number))
        return run_row(*row, *this, channel, request, argument);
    if (number == _IOC_NR(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD) || number == kSyncobjEventfd) share();
    const bool has_begun = started_.load(std::memory_order_acquire) != nullptr;
    if (has_begun && argument && concerns_syncobjs(request)) {
        if (asks_for_fences(request, argument))
            return ask_for_fences(channel, session_, request, argument);
        return syncobj_ioctl(channel, session_, request, argument);
    }
    const int result = channel.ioctl(request, argument);
    if (result >= 0) session_.fences.observe(request, argument);
    if (result >= 0 && has_begun && may_bring_resource(request)) session_.stream->note_resource();
    return result;
}

// Of a context that has not begun there are no fences.
void OpenNode::share() {
    session_.is_shared = true;
    if (started_.load(std::memory_order_acquire)) session_.stream->look_for_nothing();
}

int OpenNode::start(const Channel& channel) {
    if (started_.load(std::memory_order_acquire)) return 0;
    const LockGuard lock(start_mutex_);
    if (driver_ || start_error_) return start_error_;

    const auto begin = [&]() VIADUCT_REQUIRES(start_mutex_) -> Status {
        auto stream = CommandStream::create(channel);
        if (!stream) return tl::unexpected(stream.error());
        session_.stream = std::move(*stream);
        auto driver = row_.create(channel, session_);
        if (!driver) return tl::unexpected(driver.error());
        driver_ = std::move(*driver);
        return {};
    };
    if (const Status status = begin(); !status) {
        if (status.error().code == EEXIST) return -EEXIST;
        print_line(fmt::format("no {} context: {}", row_.name, status.error().message));
        start_error_ = -ENODEV;
        return start_error_;
    }
    started_.store(driver_.get(), std::memory_order_release);
    return 0;
}

int OpenNode::version(const Channel&, drm_version& arg) {
    arg.version_major = static_cast<int>(session_.capset.version_major);
    arg.version_minor = static_cast<int>(session_.capset.version_minor);
    arg.version_patchlevel = static_cast<int>(session_.capset.version_patchlevel);
    answer_string(row_.name, arg.name, arg.name_len);
    answer_string(row_.date, arg.date, arg.date_len);
    answer_string(row_.description, arg.desc, arg.desc_len);
    return 0;
}

int OpenNode::get_cap(const Channel& channel, drm_get_cap& arg) {
    IoctlNotes::add("capability={:#x}", uint64_t{arg.capability});
    if (const auto value = row_.capability(session_.capset, arg.capability)) {
        arg.value = *value;
        return 0;
    }
    return channel.ioctl(DRM_IOCTL_GET_CAP, &arg);
}

int OpenNode::gem_close(const Channel& channel, drm_gem_close& arg) {
    IoctlNotes::add("handle={}", arg.handle);
    if (GuestDriver* driver = started_.load(std::memory_order_acquire)) {
        // The host must have read what names the buffer before it hears that the buffer is gone;
        // and the table forgets first, because the node may give the number to another thread.
        session_.stream->flush(channel);
        driver->forget_buffer(channel, GemHandle(arg.handle));
        session_.gems.erase(GemHandle(arg.handle));
    }
    return channel.ioctl(DRM_IOCTL_GEM_CLOSE, &arg);
}

int OpenNode::prime_export(const Channel& channel, drm_prime_handle& arg) {
    IoctlNotes::add("handle={}", arg.handle);
    if (GuestDriver* driver = started_.load(std::memory_order_acquire)) {
        if (const int error = driver->prepare_export(channel, GemHandle(arg.handle)); error < 0)
            return error;
        session_.gems.set_shared(GemHandle(arg.handle));
    }
    share();
    const int result = channel.ioctl(DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg);
    IoctlNotes::add("fd={}", arg.fd);
    return result;
}

int OpenNode::prime_import(const Channel& channel, drm_prime_handle& arg) {
    // The host ties the buffer to this file's context while the node imports it: there must be one.
    if (const int error = start(channel); error < 0) return error;
    share();
    const int result = channel.ioctl(DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);
    IoctlNotes::add("fd={} handle={}", arg.fd, arg.handle);
    if (result < 0) return result;
    if (is_guest_memory(channel, GemHandle(arg.handle))) {
        std::call_once(refused_import_, [] {
            print_line(
                "a dma-buf of another device is in the guest's memory, where the host's GPU "
                "cannot reach it: it is not imported (EINVAL)");
        });
        drm_gem_close close{arg.handle, 0};
        channel.ioctl(DRM_IOCTL_GEM_CLOSE, &close);
        return -EINVAL;
    }
    session_.gems.set_shared(GemHandle(arg.handle));
    session_.stream->note_resource();
    return result;
}

/// Linux 6.18.32, 7.0.10 and 7.1 import a dma-buf of another device as a blob of guest memory
/// (virtgpu_prime.c, virtgpu_dma_buf_init_obj), and native contexts have no use for one. Others
/// refuse it, or know the handle already.
bool OpenNode::is_guest_memory(const Channel& channel, GemHandle handle) const {
    if (session_.gems.find_known(handle)) return false;
    virtgpu::ResourceInfo info{};
    info.bo_handle = handle.value();
    return channel.ioctl(kVirtgpuResourceInfo, &info) >= 0 &&
           virtgpu::BlobMem{info.blob_mem} == virtgpu::BlobMem::kGuest;
}

/// virtio-gpu refuses framebuffers with modifiers (Linux: virtgpu_display.c,
/// fb_modifiers_not_supported) and shows every one row by row, which is what LINEAR means. With any
/// other modifier it is to go on refusing.
int OpenNode::add_framebuffer(const Channel& channel, drm_mode_fb_cmd2& arg) {
    drm_mode_fb_cmd2 plain = arg;
    constexpr uint64_t kLinear = 0;  // drm_fourcc.h: DRM_FORMAT_MOD_LINEAR
    if (std::ranges::all_of(plain.modifier, [](uint64_t each) { return each == kLinear; }))
        plain.flags &= ~uint32_t{DRM_MODE_FB_MODIFIERS};
    const int result = channel.ioctl(DRM_IOCTL_MODE_ADDFB2, &plain);
    arg.fb_id = plain.fb_id;
    return result;
}

}  // namespace viaduct::guest
