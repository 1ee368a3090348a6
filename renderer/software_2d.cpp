#include "renderer/software_2d.h"

#include <drm_fourcc.h>

#include <cstdlib>
#include <cstring>

#include "renderer/iov.h"

namespace viaduct {

namespace {

constexpr uint32_t kBytesPerPixel = 4;
constexpr uint32_t kTargetTexture2d = 2;  // enum pipe_texture_target, as virgl's protocol has it
constexpr uint32_t kMaxEdge = 16384;      // pixels; the largest texture of common GPUs
constexpr uint32_t kMaxCursorEdge = 512;  // pixels
constexpr uint64_t kMaxTotalBytes = uint64_t{1} << 30;

// The formats of virtio-gpu's RESOURCE_CREATE_2D (virtio specification, "enum
// virtio_gpu_formats"): all of four bytes.
struct Format {
    uint32_t virtio;
    uint32_t drm_fourcc;
};
constexpr Format kFormats[] = {
    {1, DRM_FORMAT_ARGB8888},    // B8G8R8A8
    {2, DRM_FORMAT_XRGB8888},    // B8G8R8X8
    {3, DRM_FORMAT_BGRA8888},    // A8R8G8B8
    {4, DRM_FORMAT_BGRX8888},    // X8R8G8B8
    {67, DRM_FORMAT_ABGR8888},   // R8G8B8A8
    {68, DRM_FORMAT_RGBX8888},   // X8B8G8R8
    {121, DRM_FORMAT_RGBA8888},  // A8B8G8R8
    {134, DRM_FORMAT_XBGR8888},  // R8G8B8X8
};

uint32_t fourcc_of(uint32_t virtio_format) {
    for (const Format& format : kFormats)
        if (format.virtio == virtio_format) return format.drm_fourcc;
    return 0;
}

Mapping zeroed_memory(size_t bytes) {
    void* address =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return address == MAP_FAILED ? Mapping() : Mapping(address, bytes);
}

bool inside(const virgl_box& box, const virgl_renderer_resource_create_args& image) {
    return box.z == 0 && box.d <= 1 && box.x <= image.width && box.w <= image.width - box.x &&
           box.y <= image.height && box.h <= image.height - box.y;
}

}  // namespace

uint32_t Software2d::Image::row_bytes() const {
    return args.width * kBytesPerPixel;
}

Software2d::Image* Software2d::find(ResourceId res_id) {
    const auto found = images_.find(res_id);
    return found == images_.end() ? nullptr : &found->second;
}

void Software2d::reset() {
    const LockGuard lock(mutex_);
    images_.clear();
    total_bytes_ = 0;
}

int Software2d::resource_create(virgl_renderer_resource_create_args& args, iovec* iovecs,
                                uint32_t count) {
    const uint32_t fourcc = fourcc_of(args.format);
    if (args.target != kTargetTexture2d || fourcc == 0) return EINVAL;
    if (args.width == 0 || args.width > kMaxEdge || args.height == 0 || args.height > kMaxEdge)
        return EINVAL;
    if (args.depth > 1 || args.array_size > 1 || args.last_level > 0 || args.nr_samples > 1)
        return EINVAL;
    if (count > kMaxIovecs || (count > 0 && !iovecs)) return EINVAL;

    const LockGuard lock(mutex_);
    const ResourceId res_id(args.handle);
    if (find(res_id)) return -EINVAL;
    const uint64_t bytes = uint64_t{args.width} * args.height * kBytesPerPixel;
    if (bytes > kMaxTotalBytes - total_bytes_) return ENOMEM;
    Image image;
    image.args = args;
    image.drm_fourcc = fourcc;
    image.pixels = zeroed_memory(static_cast<size_t>(bytes));
    if (!image.pixels.valid()) return ENOMEM;
    image.iovecs = iovecs;
    image.num_iovecs = static_cast<int>(count);
    images_.emplace(res_id, std::move(image));
    total_bytes_ += bytes;
    return 0;
}

void Software2d::unref(ResourceId res_id) {
    const LockGuard lock(mutex_);
    const auto found = images_.find(res_id);
    if (found == images_.end()) return;
    total_bytes_ -= found->second.pixels.size();
    images_.erase(found);
}

int Software2d::attach_iov(ResourceId res_id, iovec* iovecs, int count) {
    const LockGuard lock(mutex_);
    Image* image = find(res_id);
    if (!image || image->iovecs) return EINVAL;
    image->iovecs = iovecs;
    image->num_iovecs = count;
    return 0;
}

void Software2d::detach_iov(ResourceId res_id, iovec** iovecs, int* count) {
    const LockGuard lock(mutex_);
    Image* image = find(res_id);
    if (!image) return;
    *iovecs = std::exchange(image->iovecs, nullptr);
    *count = std::exchange(image->num_iovecs, 0);
}

int Software2d::transfer_write(const Transfer& transfer) {
    return copy(transfer, Direction::kToImage);
}

int Software2d::transfer_read(const Transfer& transfer) {
    return copy(transfer, Direction::kToIovecs);
}

int Software2d::copy(const Transfer& transfer, Direction direction) {
    const LockGuard lock(mutex_);
    Image* image = find(transfer.resource);
    if (!image || !transfer.box || transfer.level != 0) return EINVAL;
    const virgl_box box = *transfer.box;
    if (!inside(box, image->args)) return EINVAL;
    const uint32_t stride = transfer.stride ? transfer.stride : image->row_bytes();
    if (stride < box.w * kBytesPerPixel) return EINVAL;
    std::span<const iovec> memory{image->iovecs, static_cast<size_t>(image->num_iovecs)};
    if (transfer.iovecs) memory = {transfer.iovecs, transfer.num_iovecs};
    if (memory.data() == nullptr) return EINVAL;

    IovecCursor cursor(memory);
    for (uint32_t row = 0; row < box.h; ++row) {
        const size_t at = size_t{box.y + row} * image->row_bytes() + size_t{box.x} * kBytesPerPixel;
        const std::span pixels = image->pixels.bytes().subspan(at, box.w * kBytesPerPixel);
        uint64_t offset = 0;
        if (__builtin_add_overflow(transfer.offset, uint64_t{row} * stride, &offset)) return EINVAL;
        if (!cursor.seek(offset)) return EINVAL;
        const bool copied =
            direction == Direction::kToImage ? cursor.read(pixels) : cursor.write(pixels);
        if (!copied) return EINVAL;
    }
    return 0;
}

int Software2d::info(ResourceId res_id, virgl_renderer_resource_info& info) {
    const LockGuard lock(mutex_);
    const Image* image = find(res_id);
    if (!image) return EINVAL;
    info.virgl_format = image->args.format;
    info.width = image->args.width;
    info.height = image->args.height;
    info.depth = image->args.depth;
    info.flags = image->args.flags;
    info.stride = image->row_bytes();
    info.drm_fourcc = static_cast<int>(image->drm_fourcc);
    return 0;
}

void Software2d::get_rect(ResourceId res_id, iovec* iovecs, uint32_t count, uint32_t offset,
                          const Rect& rect) {
    if (rect.x < 0 || rect.y < 0 || rect.width < 0 || rect.height < 0) return;
    virgl_box box{static_cast<uint32_t>(rect.x),     static_cast<uint32_t>(rect.y),      0,
                  static_cast<uint32_t>(rect.width), static_cast<uint32_t>(rect.height), 1};
    Transfer transfer;
    transfer.resource = res_id;
    transfer.box = &box;
    transfer.offset = offset;
    transfer.iovecs = iovecs;
    transfer.num_iovecs = count;
    copy(transfer, Direction::kToIovecs);
}

void* Software2d::cursor_data(ResourceId res_id, uint32_t* width, uint32_t* height) {
    const LockGuard lock(mutex_);
    const Image* image = find(res_id);
    if (!image || image->args.width > kMaxCursorEdge || image->args.height > kMaxCursorEdge)
        return nullptr;
    void* pixels = std::malloc(image->pixels.size());
    if (!pixels) return nullptr;
    std::memcpy(pixels, image->pixels.data(), image->pixels.size());
    *width = image->args.width;
    *height = image->args.height;
    return pixels;
}

}  // namespace viaduct
