#include "tests/fuzz/layer/hostile_host.h"

#include <drm.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "wire/ccmd.h"

namespace viaduct::fuzz {

namespace virtgpu = guest::virtgpu;

namespace {

template <typename T>
T& as(void* argument) {
    return *static_cast<T*>(argument);
}

constexpr size_t kMostMapped = 64 << 20;  // bytes

}  // namespace

Result<Mapping> HostileHost::map(int, uint64_t offset, size_t size) {
    if (size > kMostMapped) return fail(ENOMEM, "too much");
    const bool control = offset >> 32 == 1;  // the first blob
    const UniqueFd other(control ? -1 : ::memfd_create("fuzz-buffer", MFD_CLOEXEC));
    const int fd = control ? control_fd_.get() : other.get();
    if (::ftruncate(fd, static_cast<off_t>(std::max(size, kControlBytes))) != 0)
        return fail(errno, "ftruncate");
    auto mapping = Mapping::map_shared(fd, 0, size);
    if (mapping && control) {
        control_ = Mapping::map_shared(fd, 0, kControlBytes).value();
        std::memcpy(control_.data() + offsetof(wire::ShmemHeader, rsp_mem_offset), &area_,
                    sizeof(area_));
    }
    return mapping;
}

void HostileHost::write_control(uint32_t offset, std::span<const std::byte> bytes) {
    if (!control_.valid()) return;
    offset %= kControlBytes;
    std::copy_n(bytes.begin(), std::min<size_t>(bytes.size(), kControlBytes - offset),
                control_.data() + offset);
}

void HostileHost::run(uint64_t commands, uint32_t size) {
    const auto* at = reinterpret_cast<const std::byte*>(static_cast<uintptr_t>(commands));
    while (size >= sizeof(wire::RequestHeader)) {
        wire::RequestHeader header;
        std::memcpy(&header, at, sizeof(header));
        // The layer's own requests are well-formed.
        if (header.len < sizeof(header) || header.len > size) __builtin_trap();
        write_control(area_ + header.rsp_off, std::as_bytes(std::span(&length_, 1)));
        write_control(area_ + header.rsp_off + sizeof(length_), answer_);
        const uint32_t seqno = header.seqno + skew_;
        write_control(offsetof(wire::ShmemHeader, seqno), std::as_bytes(std::span(&seqno, 1)));
        at += header.len;
        size -= header.len;
    }
}

int HostileHost::execbuffer(virtgpu::Execbuffer& arg) {
    if (error_ != 0) return -error_;
    run(arg.command, arg.size);
    if (arg.flags & virtgpu::kExecbufFenceFdOut)
        arg.fence_fd = ::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    return 0;
}

int HostileHost::create_blob(virtgpu::ResourceCreateBlob& arg) {
    if (error_ != 0 && next_handle_ > 1) return -error_;
    arg.bo_handle = next_handle_;
    arg.res_handle = next_handle_++;
    run(arg.cmd, arg.cmd_size);
    return 0;
}

int HostileHost::ioctl(int, unsigned long request, void* argument) {
    switch (request) {
        case guest::kVirtgpuGetParam: {
            const auto& get = as<virtgpu::GetParam>(argument);
            const bool alignment = virtgpu::Param{get.param} == virtgpu::Param::kBlobAlignment;
            const uint32_t value = alignment ? alignment_ : 1;
            if (alignment && alignment_ == 0) return -EINVAL;
            std::memcpy(reinterpret_cast<void*>(static_cast<uintptr_t>(get.value)), &value,
                        sizeof(value));
            return 0;
        }
        case guest::kVirtgpuCreateBlob:
            return create_blob(as<virtgpu::ResourceCreateBlob>(argument));
        case guest::kVirtgpuExecbuffer:
            return execbuffer(as<virtgpu::Execbuffer>(argument));
        case guest::kVirtgpuMap:
            as<virtgpu::Map>(argument).offset = uint64_t{as<virtgpu::Map>(argument).handle} << 32;
            return 0;
        case guest::kVirtgpuResourceInfo: {
            auto& info = as<virtgpu::ResourceInfo>(argument);
            info.res_handle = info.bo_handle;
            info.blob_mem = static_cast<uint32_t>(virtgpu::BlobMem::kHost3d);
            return 0;
        }
        default:
            return generic(request, argument);
    }
}

/// Syncobjs that have signalled.
int HostileHost::generic(unsigned long request, void* argument) {
    switch (request) {
        case DRM_IOCTL_SYNCOBJ_CREATE:
            as<drm_syncobj_create>(argument).handle = next_handle_++;
            return 0;
        case DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT:
            as<drm_syncobj_timeline_wait>(argument).first_signaled = 0;
            return 0;
        case DRM_IOCTL_SYNCOBJ_QUERY: {
            const auto& query = as<drm_syncobj_timeline_array>(argument);
            auto* points = reinterpret_cast<uint64_t*>(static_cast<uintptr_t>(query.points));
            std::fill_n(points, query.count_handles, uint64_t{UINT32_MAX});
            return 0;
        }
        case DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD:
            as<drm_syncobj_handle>(argument).fd = ::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
            return 0;
        case DRM_IOCTL_PRIME_FD_TO_HANDLE:
            as<drm_prime_handle>(argument).handle = next_handle_++;
            return 0;
        default:
            return 0;
    }
}

}  // namespace viaduct::fuzz
