// An open file's jobs: choice of rings, closing, fdinfo.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "simgpu/amd/kernel/drm_file.h"
#include "simgpu/amd/kernel/memory_stats.h"

namespace simgpu::amdgpu {

namespace {

constexpr auto kForever = Ring::Clock::time_point::max();
/// Linux: MAX_WAIT_SCHED_ENTITY_Q_EMPTY, amdgpu_flush()'s patience.
constexpr auto kFlushTime = std::chrono::seconds(1);

}  // namespace

// drm_release(), after the flush of the last close: what the hardware has runs on.
DrmFile::~DrmFile() {
    flush(Flush::kClose);
    if (uses_user_memory_) wait_finished(kForever);
    for (const auto& ring : rings_) ring->close();
    for (const ContextPtr& context : contexts_.all())
        device_->drop_stable_pstate(pstate_owner(*this, *context));
}

void DrmFile::flush(Flush kind) {
    const auto end = Ring::Clock::now() + kFlushTime;
    auto deadline = end;
    {
        // amdgpu_ctx_mgr_entity_flush(). A process that does not exit waits without limit, and its
        // second does not begin before that.
        const std::lock_guard manager(context_manager_);
        wait_handed_over(kind == Flush::kExit ? end : kForever);
        if (kind == Flush::kClose) deadline = Ring::Clock::now() + kFlushTime;
    }
    wait_finished(deadline);  // amdgpu_vm_wait_idle()
}

bool DrmFile::wait_handed_over(Ring::Clock::time_point deadline) {
    bool done = true;
    for (const auto& ring : rings_) done = ring->wait_handed_over(deadline) && done;
    return done;
}

bool DrmFile::wait_finished(Ring::Clock::time_point deadline) {
    bool done = true;
    for (const auto& ring : rings_) done = ring->wait_finished(deadline) && done;
    return done;
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

Ring& DrmFile::choose_ring(Entity& entity, const IpBlock& ip) {
    // drm_sched_entity_select_rq(): an idle entity moves to the ring with the least to do. Video
    // engines keep theirs (amdgpu_ctx_init_entity()).
    const int first = model_.ring_index(ip.type, 0);
    if (entity.ring && !entity.idle()) return *rings_[*entity.ring];
    size_t best = static_cast<size_t>(first);
    for (uint32_t i = 1; i < ip.ring_count; ++i)
        if (device_->load(static_cast<uint32_t>(first) + i) <
            device_->load(static_cast<uint32_t>(best)))
            best = static_cast<size_t>(first) + i;
    entity.ring = best;
    return *rings_[best];
}

void DrmFile::set_client_name(const std::string& name) {
    const std::lock_guard lock(mutex_);
    has_own_name_ = !name.empty();
    client_->set_name(has_own_name_ ? name : process_name());
}

std::string DrmFile::busy_lines() const {
    const std::lock_guard manager(context_manager_);
    std::map<std::string_view, uint64_t> busy_ns;
    size_t index = 0;
    for (const IpBlock& ip : model_.ips)
        for (uint32_t ring = 0; ring < ip.ring_count; ++ring)
            busy_ns[ip.name] += rings_[index++]->busy_ns();
    std::string text;
    for (const auto& [name, time_ns] : busy_ns)
        if (time_ns != 0) text += fmt::format("drm-engine-{}:\t{} ns\n", name, time_ns);
    return text;
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
