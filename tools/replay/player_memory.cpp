// Player: resources, and what is in them.
#include <atomic>
#include <ctime>
#include <thread>

#include "blob/memfd.h"
#include "drm-context/driver/table.h"
#include "drm-context/driver/traits.h"
#include "tools/replay/player.h"
#include "wire/ccmd.h"

namespace viaduct::replay {

using recording::Record;
using recording::RecordType;

namespace {

// Of guest memory, which this process lends: a VM's RAM is in that order.
constexpr uint64_t kMostGuestBytes = 16ull << 30;

}  // namespace

Player::Resource* Player::find(uint32_t res_id) {
    const auto found = resources_.find(res_id);
    return found == resources_.end() ? nullptr : &found->second;
}

Status Player::make_guest_memory(Resource& resource) {
    if (resource.size == 0 || resource.size > kMostGuestBytes - guest_bytes_)
        return fail(EINVAL, "record {}: guest memory of {} bytes, beside {}, is not a VM's",
                    number_, resource.size, guest_bytes_);
    const auto memory = create_sealed_memfd("viaduct-replay", resource.size);
    if (!memory) return tl::unexpected(memory.error());
    auto mapping = Mapping::map_shared(memory->get(), 0, resource.size);
    if (!mapping) return tl::unexpected(mapping.error());
    resource.guest = *std::move(mapping);
    resource.entry = {resource.guest.data(), resource.guest.size()};
    guest_bytes_ += resource.size;
    return {};
}

Status Player::blob(const Record& record) {
    const auto created = record.as<recording::BlobCreated>();
    if (find(created.res_id))
        return fail(EINVAL, "record {}: resource {} exists", record.number, created.res_id);
    Resource& resource = resources_[created.res_id];
    resource.size = created.size;
    resource.is_control =
        created.blob_mem == VIRGL_RENDERER_BLOB_MEM_HOST3D && created.blob_id == 0;
    virgl_renderer_resource_create_blob_args args{};
    args.res_handle = created.res_id;
    args.ctx_id = created.ctx_id;
    args.blob_mem = created.blob_mem;
    args.blob_flags = created.blob_flags;
    args.blob_id = created.blob_id;
    args.size = created.size;
    if (created.blob_mem != VIRGL_RENDERER_BLOB_MEM_HOST3D) {
        if (auto made = make_guest_memory(resource); !made) return made;
        args.iovecs = &resource.entry;
        args.num_iovs = 1;
    }
    const int code = library_.virgl_renderer_resource_create_blob(&args);
    returned({RecordType::kBlob, created.res_id}, -code);
    if (code != 0) resources_.erase(created.res_id);
    return {};
}

Status Player::map(const Record& record) {
    const uint32_t res_id = record.as<recording::Mapped>().res_id;
    Resource* const resource = find(res_id);
    if (!resource) return {};  // that it is missing was reported
    if (resource->memory)
        return fail(EINVAL, "record {}: resource {} is mapped", record.number, res_id);
    std::span<std::byte> bytes = resource->guest.bytes();
    if (!resource->guest.valid()) {
        void* address = nullptr;
        uint64_t size = 0;
        const int code = library_.virgl_renderer_resource_map(res_id, &address, &size);
        if (code != 0 || size < resource->size) {
            differ("resource {} of {} bytes cannot be mapped: the library returns {}", res_id,
                   resource->size, code);
            return {};
        }
        resource->mapped = true;
        bytes = {static_cast<std::byte*>(address), static_cast<size_t>(resource->size)};
    }
    auto memory = ReplayedMemory::create(bytes);
    if (!memory) return tl::unexpected(memory.error());
    resource->memory = *std::move(memory);
    return {};
}

Status Player::memory(const Record& record) {
    const auto memory = record.as<recording::Memory>();
    const auto bytes = record.behind<recording::Memory>();
    Resource* const resource = find(memory.res_id);
    if (!resource || !resource->memory) return {};  // likewise
    const uint64_t size = resource->memory->size();
    if (memory.offset > size || bytes.size() > size - memory.offset ||
        memory.found > recording::Found::kWhenMapped)
        return fail(EINVAL, "record {}: resource {} of {} bytes has no {} bytes at {:#x}",
                    record.number, memory.res_id, size, bytes.size(), memory.offset);
    const auto difference = resource->memory->apply(memory.offset, bytes, memory.found);
    if (memory.found != recording::Found::kBeforeSubmission) report_.compared_bytes += bytes.size();
    if (difference) differ_in_buffer(memory.res_id, *difference, "");
    return {};
}

void Player::differ_in_buffer(uint32_t res_id, const Difference& difference, const char* when) {
    ++report_.different_buffers;
    differ("resource {}: {} bytes from {:#x} on differ{}, the first is {:#04x} in place of {:#04x}",
           res_id, difference.bytes, difference.offset, when,
           static_cast<unsigned>(difference.replayed), static_cast<unsigned>(difference.recorded));
}

bool Player::reaches(const Resource& control, uint32_t seqno) const {
    auto* const word = reinterpret_cast<uint32_t*>(control.memory->actual().data() +
                                                   offsetof(wire::ShmemHeader, seqno));
    const auto until = std::chrono::steady_clock::now() + patience();
    for (;;) {
        const uint32_t published = std::atomic_ref(*word).load(std::memory_order_acquire);
        if (static_cast<int32_t>(published - seqno) >= 0) return true;
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
}

Status Player::answer(const Record& record) {
    const auto answer = record.as<recording::Answer>();
    const auto recorded = record.behind<recording::Answer>();
    Resource* const control = find(answer.res_id);
    if (!control || !control->memory) return {};  // likewise
    const auto area = control->memory->actual();
    if (area.size() < sizeof(wire::ShmemHeader) || answer.offset > area.size() ||
        recorded.size() > area.size() - answer.offset)
        return fail(EINVAL, "record {}: resource {} of {} bytes has no answer of {} at {:#x}",
                    record.number, answer.res_id, area.size(), recorded.size(), answer.offset);
    if (!reaches(*control, answer.seqno)) {
        late_ = true;
        differ("command {} of context {} has no answer in time", answer.seqno, answer.ctx_id);
        return {};
    }
    ++report_.answers;
    const auto replayed = area.subspan(answer.offset, recorded.size());
    for (size_t i = 0; i < recorded.size(); ++i) {
        if (replayed[i] == recorded[i]) continue;
        const ContextTypeInfo* type = find_context_type(capset_.context_type);
        const CommandEntry* entry = type ? type->traits().find(answer.command) : nullptr;
        differ(
            "the answer to {} (command {} of context {}) differs at byte {} of {}: {:#04x} in "
            "place of {:#04x}",
            entry ? entry->name : "an unknown command", answer.seqno, answer.ctx_id, i,
            recorded.size(), static_cast<unsigned>(replayed[i]),
            static_cast<unsigned>(recorded[i]));
        break;
    }
    return {};
}

Status Player::attach(const Record& record) {
    const auto attached = record.as<recording::Attached>();
    library_.virgl_renderer_ctx_attach_resource(static_cast<int>(attached.ctx_id),
                                                static_cast<int>(attached.res_id));
    return {};
}

Status Player::detach(const Record& record) {
    const auto detached = record.as<recording::Detached>();
    library_.virgl_renderer_ctx_detach_resource(static_cast<int>(detached.ctx_id),
                                                static_cast<int>(detached.res_id));
    return {};
}

Status Player::unref(const Record& record) {
    const uint32_t res_id = record.as<recording::Unreferenced>().res_id;
    Resource* const resource = find(res_id);
    if (!resource) return {};
    drop(res_id, *resource);
    resources_.erase(res_id);
    return {};
}

void Player::drop(uint32_t res_id, Resource& resource) {
    if (resource.memory && !resource.is_control) {
        report_.unexplained_bytes += resource.memory->unexplained();
        if (const auto difference = resource.memory->compare())
            differ_in_buffer(res_id, *difference, " at its end");
    }
    if (resource.mapped) library_.virgl_renderer_resource_unmap(res_id);
    if (resource.guest.valid()) {
        library_.virgl_renderer_resource_detach_iov(static_cast<int>(res_id), nullptr, nullptr);
        guest_bytes_ -= resource.size;
    }
    library_.virgl_renderer_resource_unref(res_id);
}

void Player::drop_all() {
    for (auto& [id, resource] : resources_) drop(id, resource);
    resources_.clear();
    for (const auto& [id, alive] : contexts_) library_.virgl_renderer_context_destroy(id);
    contexts_.clear();
}

}  // namespace viaduct::replay
