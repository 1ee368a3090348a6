// Frame: its pixels, read by the CPU.
#include <unistd.h>

#include <cstring>

#include "blob/dmabuf.h"
#include "blob/mapping.h"
#include "display/frame.h"

namespace viaduct {

namespace {

/// Access by the CPU while one lives. A memfd needs none: ENOTTY.
class CpuAccess {
  public:
    explicit CpuAccess(int fd) : fd_(fd), begun_(begin_cpu_access(fd, BufferAccess::kRead)) {}
    CpuAccess(const CpuAccess&) = delete;
    CpuAccess& operator=(const CpuAccess&) = delete;
    ~CpuAccess() {
        if (begun_) std::ignore = end_cpu_access(fd_, BufferAccess::kRead);
    }

  private:
    int fd_;
    Status begun_;
};

Status read_at(int fd, std::span<std::byte> to, uint64_t offset) {
    while (!to.empty()) {
        const ssize_t got = ::pread(fd, to.data(), to.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(errno, "cannot read a picture: {}", std::strerror(errno));
        if (got == 0)
            return fail(EIO, "a picture's memory shrank: {} bytes are missing", to.size());
        to = to.subspan(static_cast<size_t>(got));
        offset += static_cast<uint64_t>(got);
    }
    return {};
}

}  // namespace

Status Frame::read_rows(std::span<std::byte> to) const {
    const auto& plane = layout_.planes[0];
    const size_t row = size_t{layout_.width} * bytes_per_pixel(layout_.fourcc);
    const size_t stride = plane.stride;
    const int fd = buffers_[0]->get();
    if (row == 0 || layout_.planes.size() != 1 || to.size() < row * layout_.height)
        return fail(EINVAL, "a frame of {}x{} in {} has no rows for {} bytes", layout_.width,
                    layout_.height, fourcc_name(layout_.fourcc), to.size());
    if (plain_memory_ && stride == row)
        return read_at(fd, to.first(row * layout_.height), plane.offset);
    if (plain_memory_) {
        for (size_t y = 0; y < layout_.height; ++y)
            if (const auto status =
                    read_at(fd, to.subspan(y * row, row), plane.offset + y * stride);
                !status)
                return status;
        return {};
    }
    const auto source = Mapping::map_read_only(fd, plane.offset + stride * layout_.height);
    if (!source) return tl::unexpected(source.error());
    const CpuAccess access(fd);
    for (size_t y = 0; y < layout_.height; ++y)
        std::memcpy(to.data() + y * row, source->data() + plane.offset + y * stride, row);
    return {};
}

}  // namespace viaduct
