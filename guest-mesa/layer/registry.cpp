#include "guest-mesa/layer/registry.h"

#include <drm.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/node_probe.h"
#include "guest-mesa/layer/virtgpu_ioctls.h"

namespace viaduct::guest {

namespace {

constexpr unsigned kDrmMajor = 226;  // DRM_MAJOR of the kernel
constexpr int kMaxFds = 1 << 20;     // the kernel's default limit (fs.nr_open)

/// Requests that reach a context, and VERSION, which names the driver of the context.
bool concerns_context(unsigned long request) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    return OpenNode::needs_context(request) || number == _IOC_NR(DRM_IOCTL_VERSION) ||
           number == _IOC_NR(DRM_IOCTL_GEM_CLOSE);
}

/// Virtio-gpu's own requests, except its queries, which leave the file without a context.
bool makes_virtgpu_context(unsigned long request) {
    return is_virtgpu_request(request) && request != kVirtgpuGetCaps &&
           request != virtgpu::request<virtgpu::GetParam>(virtgpu::Ioctl::kGetParam);
}

std::atomic_ref<uint8_t> flag(uint8_t& byte) {
    return std::atomic_ref<uint8_t>(byte);
}

}  // namespace

Registry::State::State() : known(static_cast<uint8_t*>(std::calloc(kMaxFds, 1))) {}

bool Registry::State::is_known(int fd) const {
    return known && fd >= 0 && fd < kMaxFds && flag(known[static_cast<size_t>(fd)]).load() != 0;
}

void Registry::State::set(int fd, Slot slot) {
    if (!known || fd < 0 || fd >= kMaxFds) return;
    slots[fd] = std::move(slot);
    flag(known[static_cast<size_t>(fd)]).store(1);
}

void Registry::State::drop(int fd) {
    if (slots.erase(fd) != 0) flag(known[static_cast<size_t>(fd)]).store(0);
}

Registry::Registry(Kernel& kernel, Descriptors& descriptors)
    : kernel_(kernel), descriptors_(descriptors), process_(::getpid()), state_(new State) {}

Registry::~Registry() {
    delete state_.load();
}

bool Registry::is_own_process() const {
    return ::getpid() == process_.load(std::memory_order_relaxed);
}

/// This process's. Before it is used in a child that was made past pthread_atfork(), the parent's
/// is abandoned unread: another thread may have been changing it.
Registry::State& Registry::state() {
    if (!witness_.is_same_process()) witness_.settle([this] { adapt_to_new_process(nullptr); });
    return *state_.load(std::memory_order_acquire);
}

/// The known file whose mark is on `fd`.
Registry::FilePtr Registry::find_begun(const State& state, int fd) const {
    for (const auto& [other, slot] : state.slots) {
        const FileMark* mark = slot.file ? slot.file->known_mark() : nullptr;
        if (mark && mark->is_on({kernel_, fd})) return slot.file;
    }
    return nullptr;
}

/// Null if the node offers nothing.
Registry::FilePtr Registry::probe(int fd) {
    const auto capset = probe_node({kernel_, fd});
    if (!capset) return nullptr;
    const DriverRow& driver = *find_driver(capset->context_type);
    if (debug_enabled())
        print_line(fmt::format("descriptor {} is a virtio-gpu node; playing {} {}.{}.{}", fd,
                               driver.name, capset->version_major, capset->version_minor,
                               capset->version_patchlevel));
    return std::make_shared<File>(*capset, driver);
}

Registry::FilePtr Registry::recognise(State& state, int fd) {
    if (FilePtr file = find_begun(state, fd)) return file;
    FilePtr file = probe(fd);
    if (!file) return file;
    for (const Replacement& replacement : state.replacements) {
        if (!replacement.mark.is_on({kernel_, fd})) continue;
        file->mark = replacement.mark;
        file->is_elsewhere = true;
    }
    return file;
}

Registry::FilePtr Registry::find_file(int fd) {
    State& state = this->state();
    std::optional<Slot> known;
    {
        const LockGuard lock(state.mutex);
        if (const auto slot = state.slots.find(fd); slot != state.slots.end()) known = slot->second;
    }
    const FileMark* mark = known && known->file ? known->file->known_mark() : nullptr;
    if (mark && mark->is_on({kernel_, fd})) return known->file;
    const auto identity = descriptors_.identity(fd);
    if (!identity || major(identity->node) != kDrmMajor) return nullptr;
    if (!mark && known && known->identity == *identity) return known->file;
    const LockGuard lock(state.mutex);
    FilePtr file = recognise(state, fd);
    state.set(fd, {*identity, file});
    return file;
}

int Registry::begin_context(int fd, File& file) {
    if (file.known_mark()) return 0;
    const Channel channel{kernel_, fd};
    const LockGuard lock(file.begin_mutex);
    if (file.known_mark()) return 0;
    if (file.is_elsewhere) return -ENODEV;
    if (!file.mark || !file.mark->is_on(channel)) file.mark = FileMark::put(channel);
    if (!file.mark) return -ENODEV;
    const int error = file.node.start(channel);
    if (error == 0) file.has_begun.store(true, std::memory_order_release);
    return error;
}

/// Begins the context of `file`, which is that of `fd`. If it turns out to be another process's,
/// `file` is the one that takes its place.
int Registry::begin(int fd, FilePtr& file) {
    int error = begin_context(fd, *file);
    if (error != -EEXIST) return error;
    error = leave_to_its_owner(fd, file);
    if (error == 0) error = begin_context(fd, *file);
    return error == -EEXIST ? -ENODEV : error;
}

int Registry::ioctl(int fd, unsigned long request, void* argument) {
    if (_IOC_TYPE(request) != DRM_IOCTL_BASE) return kernel_.ioctl(fd, request, argument);
    FilePtr file = find_file(fd);
    if (file && file->is_elsewhere && !file->is_refused) leave_to_its_owner(fd, file);
    if (!file) return kernel_.ioctl(fd, request, argument);
    if (file->is_refused && concerns_context(request)) return -ENODEV;
    if (makes_virtgpu_context(request)) file->speaks_virtgpu = true;
    if (OpenNode::needs_context(request))
        if (const int error = begin(fd, file); error < 0) return error;
    // They must be followed where the file's context has begun, though under another number.
    if (!file->known_mark() && OpenNode::concerns_syncobjs(request)) {
        State& state = this->state();
        const LockGuard lock(state.mutex);
        if (FilePtr begun = find_begun(state, fd)) file = std::move(begun);
    }
    return file->node.ioctl({kernel_, fd}, request, argument);
}

void Registry::forget(int fd) {
    State& state = this->state();
    if (!state.is_known(fd) || !is_own_process()) return;
    const LockGuard lock(state.mutex);
    state.drop(fd);
}

void Registry::forget_range(unsigned first, unsigned last) {
    if (!is_own_process()) return;
    State& state = this->state();
    const LockGuard lock(state.mutex);
    for (auto slot = state.slots.begin(); slot != state.slots.end();) {
        const int fd = (slot++)->first;
        if (static_cast<unsigned>(fd) >= first && static_cast<unsigned>(fd) <= last) state.drop(fd);
    }
}

void Registry::copied(int original, int copy) {
    State& state = this->state();
    if (original == copy || !state.is_known(original) || !is_own_process()) return;
    const LockGuard lock(state.mutex);
    const auto slot = state.slots.find(original);
    if (slot != state.slots.end()) state.set(copy, slot->second);
}

}  // namespace viaduct::guest
