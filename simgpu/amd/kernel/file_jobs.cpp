// An open file's jobs: choice of rings, closing, fdinfo.
#include <fmt/format.h>

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
        device_->drop_stable_pstate(pstate_owner(*this, *context));
}

void DrmFile::flush(Flush kind) {
    const auto end = sched::Ring::Clock::now() + kFlushTime;
    auto deadline = end;
    {
        // amdgpu_ctx_mgr_entity_flush(). A process that does not exit waits without limit, and its
        // second does not begin before that.
        const std::lock_guard manager(context_manager_);
        rings_.wait_handed_over(kind == Flush::kExit ? end : kForever);
        if (kind == Flush::kClose) deadline = sched::Ring::Clock::now() + kFlushTime;
    }
    rings_.wait_finished(deadline);  // amdgpu_vm_wait_idle()
}

ContextPtr DrmFile::find_context(uint32_t id) {
    const std::lock_guard manager(context_manager_);
    return contexts_.find(id);
}

void DrmFile::release_context(Context& context) {
    // drm_sched_entity_flush() of each entity.
    for (Entity& entity : context.entities()) entity.wait_handed_over();
    device_->drop_stable_pstate(pstate_owner(*this, context));
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

void DrmFile::set_client_name(const std::string& name) {
    const std::lock_guard lock(mutex_);
    has_own_name_ = !name.empty();
    client_->set_name(has_own_name_ ? name : process_name());
}

std::string DrmFile::busy_lines() const {
    const std::lock_guard manager(context_manager_);
    return rings_.busy_lines();
}

std::string DrmFile::fdinfo() const {
    // Documentation/gpu/drm-usage-stats.rst.
    std::string text = fmt::format("drm-driver:\tamdgpu\ndrm-client-id:\t{}\n", client_->id());
    {
        const std::lock_guard lock(mutex_);
        if (has_own_name_) text += fmt::format("drm-client-name:\t{}\n", client_->name());
    }
    {
        // amdgpu_show_fdinfo() gives the page directory's reservation back before it waits for the
        // context manager.
        const ReservationLock root({own_reservation_.get()});
        text += memory_lines(const_cast<BufferTable&>(buffers_),
                             const_cast<AddressSpace&>(address_space_));
    }
    return text + busy_lines();
}

void DrmFile::watch_vram() {
    const std::lock_guard lock(mutex_);
    if (vram_watch_) return;
    vram_watch_ = device_->watch_vram(
        [device = std::weak_ptr(device_)] { Buffer::clear_vram(device.lock().get()); });
}

}  // namespace simgpu::amdgpu
