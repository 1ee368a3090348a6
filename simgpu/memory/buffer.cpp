#include "simgpu/memory/buffer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "blob/memfd.h"
#include "simgpu/fork_mutex.h"

namespace simgpu::memory {

namespace {

using Inode = std::pair<uint64_t, uint64_t>;

/// The buffers of this process by inode, so that one that comes back through a descriptor is
/// recognised.
struct Registry {
    ForkMutex mutex;
    pid_t process VIADUCT_GUARDED_BY(mutex) = 0;
    std::map<Inode, std::weak_ptr<Buffer>> buffers VIADUCT_GUARDED_BY(mutex);

    /// A forked child starts afresh: what it inherited belongs to its
    /// parent's seat at the device.
    std::map<Inode, std::weak_ptr<Buffer>>& current() VIADUCT_REQUIRES(mutex) {
        if (std::exchange(process, ::getpid()) != ::getpid()) buffers.clear();
        return buffers;
    }
};

Registry& registry() {
    static auto* the_registry = new Registry;  // buffers may die with the last thread
    return *the_registry;
}

Inode inode_of(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return {};
    return {info.st_dev, info.st_ino};
}

/// A file that its owner could shrink would turn our next access into SIGBUS. Memfds are sealed
/// against that here if nobody has done it; dma-bufs cannot change.
bool size_is_fixed(int fd) {
    const int seals = ::fcntl(fd, F_GET_SEALS);
    if (seals < 0) return errno == EINVAL;
    return (seals & F_SEAL_SHRINK) || ::fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0;
}

}  // namespace

tl::expected<BufferPtr, int> Buffer::create(std::shared_ptr<shared::SharedDevice> device,
                                            const Request& request) {
    BufferPtr buffer(new Buffer(request.record));
    buffer->device_ = std::move(device);
    buffer->size_ = request.size;
    buffer->owns_memory_ = true;
    if (!buffer->charge(request)) return tl::unexpected(-ENOMEM);
    auto fd = viaduct::create_sealed_memfd("simgpu-buffer", request.size);
    // A kernel's buffer takes no descriptor: one that we cannot have is memory that is not there.
    if (!fd) return tl::unexpected(-ENOMEM);
    buffer->fd_ = std::move(*fd);
    buffer->inode_ = inode_of(buffer->fd());
    Registry& known = registry();
    const viaduct::LockGuard lock(known.mutex);
    known.current()[buffer->inode_] = buffer;
    return buffer;
}

tl::expected<BufferPtr, int> Buffer::import(std::shared_ptr<shared::SharedDevice> device, int fd,
                                            const Record& foreign) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return tl::unexpected(-EBADF);
    const Inode inode{info.st_dev, info.st_ino};
    Registry& known = registry();
    BufferPtr buffer;  // dropped after the lock: its destructor takes that too
    const viaduct::LockGuard lock(known.mutex);
    auto& buffers = known.current();
    if (const auto found = buffers.find(inode); found != buffers.end())
        if ((buffer = found->second.lock())) return buffer;

    const auto size = viaduct::object_size(fd);
    if (!size || *size == 0 || !size_is_fixed(fd)) return tl::unexpected(-EINVAL);
    buffer.reset(new Buffer);
    buffer->device_ = std::move(device);
    buffer->size_ = *size & ~uint64_t{4095};  // the GPU maps whole pages
    if (buffer->size_ == 0) return tl::unexpected(-EINVAL);
    buffer->fd_ = viaduct::UniqueFd::duplicate_of(fd);
    if (!buffer->fd_) return tl::unexpected(-EMFILE);
    buffer->inode_ = inode;
    if (!buffer->data()) return tl::unexpected(-EINVAL);  // a pipe, a directory, a read-only file
    buffer->set_record(buffer->device_->find_buffer(inode.first, inode.second).value_or(foreign),
                       false);
    buffer->reservation_ = Reservation::of_memory({inode.first, inode.second});
    buffers[inode] = buffer;
    return buffer;
}

BufferPtr Buffer::wrap_user_memory(void* address, uint64_t size, const Record& record) {
    BufferPtr buffer(new Buffer(record));
    buffer->size_ = size;
    buffer->user_memory_ = static_cast<std::byte*>(address);
    return buffer;
}

void Buffer::clear_vram(const shared::SharedDevice* device) {
    constexpr int kLost = 0xcd;  // what comes back is neither old nor zero
    std::vector<BufferPtr> lost;
    {
        Registry& known = registry();
        const viaduct::LockGuard lock(known.mutex);
        for (const auto& [inode, weak] : known.current())
            if (BufferPtr buffer = weak.lock()) lost.push_back(std::move(buffer));
    }
    for (const BufferPtr& buffer : lost) {
        if (buffer->device_.get() != device || !buffer->in_vram()) continue;
        if (std::byte* data = buffer->data()) std::memset(data, kLost, buffer->size());
    }
}

Buffer::~Buffer() {
    if (exported_) device_->forget_buffer(inode_.first, inode_.second);
    if (fixed_heap_) device_->release(*fixed_heap_, size_);
    if (!fd_) return;
    Registry& known = registry();
    const viaduct::LockGuard lock(known.mutex);
    auto& buffers = known.current();
    const auto found = buffers.find(inode_);
    // An import may have put a younger object in our place already.
    if (found != buffers.end() && found->second.expired()) buffers.erase(found);
}

bool Buffer::charge(const Request& request) {
    if (request.fixed_heap) {
        if (!device_->charge(*request.fixed_heap, size_)) return false;
        fixed_heap_ = request.fixed_heap;
        return true;
    }
    for (const shared::Wish& wish : request.wishes)
        if ((residence_ = shared::Residence::create(device_, wish, request.group))) return true;
    return request.wishes.empty();
}

void Buffer::forget_content() {
    if (fd_)
        (void)::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                          static_cast<off_t>(size_));
}

std::byte* Buffer::data() {
    if (user_memory_) return user_memory_;
    const viaduct::LockGuard lock(mutex_);
    if (!mapping_.valid()) {
        auto mapping = viaduct::Mapping::map_shared(fd_.get(), 0, size_);
        if (!mapping) return nullptr;
        mapping_ = std::move(*mapping);
    }
    return mapping_.data();
}

viaduct::UniqueFd Buffer::export_fd() {
    viaduct::UniqueFd copy = fd_.duplicate();
    const viaduct::LockGuard lock(mutex_);
    if (copy && !exported_ && owns_memory_) {
        exported_ = true;
        publish();
        reservation_->share({inode_.first, inode_.second});
    }
    return copy;
}

void Buffer::publish() const {
    device_->publish_buffer(inode_.first, inode_.second, record_);
}

Buffer::Record Buffer::record() const {
    const viaduct::LockGuard lock(mutex_);
    return record_;
}

void Buffer::set_record(const Record& record, bool announce) {
    const viaduct::LockGuard lock(mutex_);
    record_ = record;
    if (announce && exported_) publish();
}

}  // namespace simgpu::memory
