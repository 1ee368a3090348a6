#include "renderer/storage/own.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "blob/memfd.h"

namespace viaduct {

namespace {

constexpr uint64_t kModifierInvalid = ImageLayout().modifier;

}  // namespace

Result<BlobMapSource> OwnStorage::source_of(const SharedFd& fd) const {
    const auto object = object_size(fd->get());
    if (!object || state_.size > round_up_to_page(*object))
        return fail(EINVAL, "resource {}: {} bytes exceed its object", state_.id, state_.size);
    BlobMapSource source;
    source.fd = fd->get();
    return source;
}

Result<ExportedStorage> OwnStorage::duplicate_of(const SharedFd& fd, uint32_t fd_type) const {
    if (!fd) return fail(EINVAL, "resource {} has no descriptor", state_.id);
    ExportedStorage exported{fd_type, fd->duplicate()};
    if (!exported.fd) return fail(EMFILE, "no descriptor left for resource {}", state_.id);
    return exported;
}

Result<BlobMapSource> OwnStorage::guest_map_source() {
    auto source = map_source();
    if (!source)
        services_.log.log(LogLevel::kWarning, "map", "resource {} is not mapped: {}", state_.id,
                          source.error().message);
    return source;
}

int OwnStorage::map(void** address, uint64_t* size) {
    {
        const LockGuard lock(mutex_);
        if (mapping_.valid()) return -EINVAL;
        if (const int error = book_window()) return error;
    }
    if (auto status = settle_mapping(); !status) return -status.error().code;
    auto source = guest_map_source();
    if (!source) return -EINVAL;
    auto mapping = Mapping::map_shared(source->fd, source->offset, state_.size);
    if (!mapping) {
        services_.log.log(LogLevel::kError, "map", "resource {}: {}", state_.id,
                          mapping.error().message);
        return -EINVAL;
    }
    const LockGuard lock(mutex_);
    if (mapping_.valid()) return -EINVAL;
    mapped_file_ = std::move(source->file);
    mapping_ = std::move(*mapping);
    *address = mapping_.data();
    *size = state_.size;
    return 0;
}

int OwnStorage::unmap() {
    const LockGuard lock(mutex_);
    if (!mapping_.valid()) return -EINVAL;
    mapping_.reset();
    mapped_file_.reset();
    window_.reset();
    return 0;
}

int OwnStorage::map_fixed(void* address) {
    {
        const LockGuard lock(mutex_);
        if (const int error = book_window()) return error;
    }
    if (auto status = settle_mapping(); !status) return -status.error().code;
    auto source = guest_map_source();
    if (!source) return -EINVAL;
    const auto status = viaduct::map_fixed(source->fd, source->offset, state_.size, address);
    if (!status) {
        services_.log.log(LogLevel::kError, "map_fixed", "resource {}: {}", state_.id,
                          status.error().message);
        return -EINVAL;
    }
    const LockGuard lock(mutex_);
    mapped_file_ = std::move(source->file);
    return 0;
}

// A resource takes its room once, however often it is mapped; a VMM does not
// say when it takes a fixed mapping away, so that counts until the resource goes.
int OwnStorage::book_window() {
    if (window_) return 0;
    auto booked = services_.usage.take_window(state_.size);
    if (!booked) {
        services_.log.log(LogLevel::kWarning, "window", "resource {} is not mapped: {}", state_.id,
                          booked.error().message);
        return -booked.error().code;
    }
    window_ = *std::move(booked);
    return 0;
}

int OwnStorage::map_info(uint32_t* info) {
    if (auto status = settle_mapping(); !status) return -status.error().code;
    const MapCache cache = this->cache();
    if (cache == MapCache::kNone) return -EINVAL;
    *info = static_cast<uint32_t>(cache);
    return 0;
}

int OwnStorage::export_blob(uint32_t* fd_type, int* fd) {
    if (!settle_export()) return -EINVAL;
    auto exported = this->exported();
    if (!exported) return -EINVAL;
    *fd_type = exported->fd_type;
    *fd = exported->fd.release();
    return 0;
}

Result<MemoryView> OwnStorage::view() {
    auto source = map_source();
    if (!source) return tl::unexpected(source.error());
    auto mapping = Mapping::map_shared(source->fd, source->offset, state_.size);
    if (!mapping) return tl::unexpected(mapping.error());
    MemoryView view;
    view.mapping = *std::move(mapping);
    view.file = std::move(source->file);
    struct stat status {};
    if (::fstat(source->fd, &status) == 0 && S_ISREG(status.st_mode)) {
        view.sparse = UniqueFd::duplicate_of(source->fd);
        view.offset = source->offset;
    }
    return view;
}

int OwnStorage::info(virgl_renderer_resource_info& info) {
    if (const SharedFd dmabuf = this->dmabuf()) info.fd = dmabuf->get();
    return 0;
}

// The guest may say what it likes: a layout that the buffer does not hold is as good as none.
bool OwnStorage::holds(const ImageLayout& layout) const {
    return uint64_t{layout.stride} * layout.height <= state_.size;
}

int OwnStorage::info_ext(virgl_renderer_resource_info_ext& info) {
    if (const int error = this->info(info.base)) return error;
    if (info.base.fd < 0) return 0;
    ImageLayout layout = this->layout();
    if (!holds(layout)) layout = {};
    info.base.width = layout.width;
    info.base.height = layout.height;
    info.base.stride = layout.stride;
    info.base.drm_fourcc = static_cast<int>(layout.fourcc);
    info.has_dmabuf_export = true;
    info.planes = 1;
    info.modifiers = layout.modifier;
    return 0;
}

// A buffer without an image layout. One descriptor is announced, for rutabaga takes zero for
// "cannot be exported".
int OwnStorage::export_query(virgl_renderer_export_query& query) {
    if (query.in_export_fds != 0) return -EINVAL;
    query.out_num_fds = 1;
    query.out_fourcc = 0;
    for (int i = 0; i < 4; ++i) {
        query.out_fds[i] = -1;
        query.out_strides[i] = 0;
        query.out_offsets[i] = 0;
    }
    query.out_modifier = kModifierInvalid;
    return 0;
}

bool OwnStorage::read(std::span<std::byte> to) {
    const SharedFd dmabuf = this->dmabuf();  // mappable, whether guests may map it or not
    auto source = dmabuf ? source_of(dmabuf) : map_source();
    if (!source) return false;
    const auto mapping = Mapping::map_shared(source->fd, source->offset, to.size());
    if (!mapping) return false;
    std::ranges::copy(mapping->bytes(), to.begin());
    return true;
}

// A blob has neither size nor format: the rest is what the guest's kernel makes of every cursor
// (virtgpu_display.c: cursor_width, cursor_height), and QEMU takes no other. GPUs and drivers
// agree on rows without a gap for cursors. The guest has waited for its drawing.
void* OwnStorage::cursor_data(uint32_t* width, uint32_t* height) {
    constexpr uint32_t kEdge = 64, kPixel = 4;
    constexpr size_t kBytes = size_t{kEdge} * kEdge * kPixel;
    if (state_.size < kBytes || !settle()) return nullptr;
    auto* const pixels = static_cast<std::byte*>(std::malloc(kBytes));
    if (!pixels) return nullptr;
    if (!read({pixels, kBytes})) {
        std::free(pixels);
        return nullptr;
    }
    *width = *height = kEdge;
    return pixels;
}

int OwnStorage::attach_iov(iovec* iovecs, int count) {
    std::shared_ptr<ClassicRenderer> classic;
    {
        const LockGuard lock(mutex_);
        if (attached_.iovecs) return EINVAL;
        attached_ = {iovecs, count};
        classic = classic_;
    }
    return classic ? classic->attach_iov(state_.id, iovecs, count) : 0;
}

void OwnStorage::detach_iov(iovec** iovecs, int* count) {
    Attached old;
    std::shared_ptr<ClassicRenderer> classic;
    {
        const LockGuard lock(mutex_);
        memory_detached();
        old = std::exchange(attached_, {});
        classic = classic_;
    }
    if (classic) {
        Attached same;
        classic->detach_iov(state_.id, &same.iovecs, &same.count);
    }
    *iovecs = old.iovecs;
    *count = old.count;
}

std::shared_ptr<ClassicRenderer> OwnStorage::classic() const {
    const LockGuard lock(mutex_);
    return classic_;
}

bool OwnStorage::introduce_to(const std::shared_ptr<ClassicRenderer>& classic) {
    if (this->classic()) return true;
    if (!classic || create_in(*classic) != 0) return false;
    const LockGuard lock(mutex_);
    classic_ = classic;
    return true;
}

int OwnStorage::create_in(ClassicRenderer& classic) {
    if (!settle_export()) return -EINVAL;
    auto exported = this->exported();
    if (!exported) return -EINVAL;
    const int error = classic.import_blob({state_.id.value(), VIRGL_RENDERER_BLOB_MEM_HOST3D,
                                           exported->fd_type, exported->fd.get(), state_.size});
    if (error == 0) std::ignore = exported->fd.release();
    return error;
}

}  // namespace viaduct
