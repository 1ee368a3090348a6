// An open file's jobs: choice of rings, closing, fdinfo.
#include <algorithm>
#include <cerrno>

#include "simgpu/amd/kernel/drm_file.h"
#include "simgpu/amd/kernel/memory_stats.h"

namespace simgpu::amdgpu {

namespace {

constexpr auto kForever = sched::Ring::Clock::time_point::max();
/// Linux: MAX_WAIT_SCHED_ENTITY_Q_EMPTY, amdgpu_flush()'s patience.
constexpr auto kFlushTime = std::chrono::seconds(1);

}  // namespace

// drm_release(), after the flush of the last close: what the hardware has runs on.
DrmFile::~DrmFile() {
    flush(Flush::kClose);
    if (uses_user_memory_) rings_.wait_finished(kForever);
    rings_.close();
    for (const ContextPtr& context : contexts_.all())
        device().drop_stable_pstate(pstate_owner(*this, *context));
}

void DrmFile::flush(Flush kind) {
    const auto end = sched::Ring::Clock::now() + kFlushTime;
    auto deadline = end;
    {
        // amdgpu_ctx_mgr_entity_flush(). A process that does not exit waits without limit, and its
        // second does not begin before that.
        const viaduct::LockGuard manager(context_manager_);
        rings_.wait_handed_over(kind == Flush::kExit ? end : kForever);
        if (kind == Flush::kClose) deadline = sched::Ring::Clock::now() + kFlushTime;
    }
    rings_.wait_finished(deadline);  // amdgpu_vm_wait_idle()
}

ContextPtr DrmFile::find_context(uint32_t id) {
    const viaduct::LockGuard manager(context_manager_);
    return contexts_.find(id);
}

void DrmFile::release_context(Context& context) {
    // drm_sched_entity_flush() of each entity.
    for (Entity& entity : context.entities()) entity.wait_handed_over();
    device().drop_stable_pstate(pstate_owner(*this, context));
}

int DrmFile::find_entity(Context& context, const EntityName& name, Entity** entity) const {
    const int index = name.ip_instance == 0 ? model_.ring_index(name.ip_type, name.ring) : -1;
    if (index < 0) return -EINVAL;
    *entity = &context.entity(static_cast<size_t>(index));
    return (*entity)->error();
}

sched::Ring& DrmFile::choose_ring(Entity& entity, const IpBlock& ip) {
    // Video engines have one ring, which they keep (amdgpu_ctx_init_entity()).
    return rings_.choose(entity, static_cast<size_t>(model_.ring_index(ip.type, 0)), ip.ring_count);
}

std::string DrmFile::busy_lines() const {
    const viaduct::LockGuard manager(context_manager_);
    return rings_.busy_lines();
}

std::string DrmFile::fdinfo() const {
    std::string text = client_lines();
    {
        // amdgpu_show_fdinfo() gives the page directory's reservation back before it waits for the
        // context manager.
        const ReservationLock root({own_reservation_.get()});
        auto& self = const_cast<DrmFile&>(*this);
        text += memory_lines(self.buffers(), self.address_space());
    }
    return text + busy_lines();
}

void DrmFile::watch_vram() {
    const viaduct::LockGuard lock(watch_mutex_);
    if (vram_watch_) return;
    vram_watch_ = device().watch_vram(
        [device = std::weak_ptr(shared_device())] { Buffer::clear_vram(device.lock().get()); });
}

}  // namespace simgpu::amdgpu
