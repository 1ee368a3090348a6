#include "renderer/record/recorder.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "drm-context/context/requests.h"
#include "drm-context/driver/table.h"
#include "drm-context/driver/traits.h"

namespace viaduct {

namespace {

// A job that takes longer is left alone: the VMM has other guests' commands to serve.
constexpr std::chrono::seconds kPatience{2};

// Names and capability sets are short; a name is a guest's.
constexpr size_t kLongestName = 64;

// Without the driver's table every submission may have work for the GPU.
bool submits(std::span<const std::byte> commands, const DriverTraits* traits) {
    if (!traits) return true;
    FramedRequest request;
    while (take_request(commands, request)) {
        const CommandEntry* entry = traits->find(request.header.cmd);
        if (entry && entry->role == Role::kSubmit) return true;
    }
    return false;
}

}  // namespace

Result<std::unique_ptr<Recorder>> Recorder::create(const RecordSettings& settings) {
    auto writer = recording::RecordingWriter::create(
        settings.path, settings.contents ? 0 : recording::kWithoutContents, settings.most_bytes);
    if (!writer) return tl::unexpected(writer.error());
    return std::unique_ptr<Recorder>(new Recorder(*std::move(writer), settings));
}

template <typename Record>
void Recorder::add(const Record& record, recording::RecordingWriter::Parts parts) {
    if (writer_.open() && !writer_.add(record, parts)) note_end();
}

void Recorder::note_end() {
    log(LogLevel::kWarning, "the recording {}", writer_.error());
    awaited_.clear();
    retired_.notify_all();
}

// Not where it is found out that it ended: memory may be in the midst of being compared.
bool Recorder::active() {
    if (writer_.open()) return true;
    forget();
    return false;
}

void Recorder::forget() {
    contexts_.clear();
    resources_.clear();
    awaited_.clear();
}

Recorder::Context* Recorder::find_context(ContextId ctx_id) {
    const auto found = contexts_.find(ctx_id);
    return found == contexts_.end() ? nullptr : &found->second;
}

void Recorder::describe_host(const wire::CapsetDrm& capset) {
    if (std::exchange(described_, true)) return;
    const auto name = std::span(gpu_).first(std::min(gpu_.size(), kLongestName));
    add(recording::Host{static_cast<uint32_t>(name.size()), sizeof(capset)},
        {std::as_bytes(name), std::as_bytes(std::span(&capset, 1))});
}

void Recorder::context_created(ContextId ctx_id, std::string_view name,
                               const wire::CapsetDrm& capset) {
    const LockGuard lock(mutex_);
    if (!active()) return;
    describe_host(capset);
    const auto short_name = std::span(name).first(std::min(name.size(), kLongestName));
    add(recording::ContextCreated{ctx_id.value()}, {std::as_bytes(short_name)});
    const ContextTypeInfo* type = find_context_type(capset.context_type);
    contexts_[ctx_id] = {};
    contexts_[ctx_id].traits = type ? &type->traits() : nullptr;
}

void Recorder::context_destroyed(ContextId ctx_id) {
    const LockGuard lock(mutex_);
    Context* const context = active() ? find_context(ctx_id) : nullptr;
    if (!context) return;
    collect_answers(ctx_id, *context);
    contexts_.erase(ctx_id);
    for (auto& [id, resource] : resources_) resource.users.erase(ctx_id);
    add(recording::ContextDestroyed{ctx_id.value()});
}

void Recorder::blob_created(const virgl_renderer_resource_create_blob_args& args, int error) {
    const LockGuard lock(mutex_);
    const ContextId ctx_id(args.ctx_id);
    const bool is_guest = args.blob_mem == VIRGL_RENDERER_BLOB_MEM_GUEST;
    if (!active()) return;
    Context* const context = find_context(ctx_id);
    if (!context && !is_guest) return;
    add(recording::BlobCreated{args.ctx_id, args.res_handle, args.blob_mem, args.blob_flags,
                               args.blob_id, args.size});
    if (error != 0)
        return add(recording::Refused{recording::RecordType::kBlob, args.res_handle, error});
    const ResourceId res_id(args.res_handle);
    Resource& resource = resources_[res_id];
    resource.is_guest = is_guest;
    resource.mappable = is_guest || (args.blob_flags & VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE);
    if (is_guest) return;
    resource.users.insert(ctx_id);
    resource.is_control = args.blob_mem == VIRGL_RENDERER_BLOB_MEM_HOST3D && args.blob_id == 0;
    if (resource.is_control) context->control = res_id;
}

void Recorder::unreferenced(ResourceId res_id) {
    const LockGuard lock(mutex_);
    if (!active() || !resources_.contains(res_id)) return;
    for (auto& [id, context] : contexts_) {
        if (context.control != res_id) continue;
        collect_answers(id, context);
        context.control = {};
    }
    resources_.erase(res_id);
    add(recording::Unreferenced{res_id.value()});
}

void Recorder::attached(ContextId ctx_id, ResourceId res_id) {
    const LockGuard lock(mutex_);
    const auto found = resources_.find(res_id);
    if (found == resources_.end() || !find_context(ctx_id)) return;
    found->second.users.insert(ctx_id);
    add(recording::Attached{ctx_id.value(), res_id.value()});
}

void Recorder::detached(ContextId ctx_id, ResourceId res_id) {
    const LockGuard lock(mutex_);
    const auto found = resources_.find(res_id);
    if (found == resources_.end() || !find_context(ctx_id)) return;
    found->second.users.erase(ctx_id);
    add(recording::Detached{ctx_id.value(), res_id.value()});
}

bool Recorder::wants(ResourceId res_id) {
    const LockGuard lock(mutex_);
    const auto found = resources_.find(res_id);
    if (found == resources_.end() || !found->second.mappable || found->second.memory) return false;
    return contents_ || found->second.is_control;
}

void Recorder::mapped(ResourceId res_id, MemoryView view) {
    auto memory = WatchedMemory::create(std::move(view));
    const LockGuard lock(mutex_);
    if (!memory) {
        log_guest(LogLevel::kWarning, "resource {} is not recorded: {}", res_id,
                  memory.error().message);
        return;
    }
    const auto found = resources_.find(res_id);
    if (found == resources_.end() || found->second.memory) return;
    Resource& resource = found->second;
    resource.memory = std::make_unique<WatchedMemory>(*std::move(memory));
    add(recording::Mapped{res_id.value()});
    // Guest memory was the processor's before: it is looked at when a context may use it.
    if (!resource.is_control && !resource.is_guest)
        collect(res_id, resource, recording::Found::kWhenMapped);
}

void Recorder::memory_detached(ResourceId res_id) {
    const LockGuard lock(mutex_);
    if (const auto found = resources_.find(res_id); found != resources_.end())
        found->second.memory.reset();
}

std::span<const std::byte> Recorder::control_of(const Context& context) const {
    const auto found = resources_.find(context.control);
    if (found == resources_.end() || !found->second.memory) return {};
    return found->second.memory->bytes();
}

void Recorder::collect_answers(ContextId ctx_id, Context& context) {
    const ResourceId control = context.control;
    context.answers.collect(
        control_of(context), [&](const Answers::Answer& answer) VIADUCT_REQUIRES(mutex_) {
            add(recording::Answer{ctx_id.value(), control.value(), answer.seqno, answer.command,
                                  static_cast<uint32_t>(answer.offset)},
                {answer.bytes});
        });
}

void Recorder::collect(ResourceId res_id, Resource& resource, recording::Found found) {
    const auto note = [&](uint64_t offset, auto bytes) VIADUCT_REQUIRES(mutex_) {
        add(recording::Memory{res_id.value(), found, offset}, {bytes});
    };
    resource.memory->collect(note);
}

void Recorder::collect_memory(ContextId ctx_id, recording::Found found) {
    for (auto& [id, resource] : resources_) {
        if (!resource.memory || resource.is_control || !resource.users.contains(ctx_id)) continue;
        collect(id, resource, found);
    }
}

void Recorder::submitted(ContextId ctx_id, std::span<const std::byte> commands,
                         std::span<const uint64_t> in_fences) {
    const LockGuard lock(mutex_);
    Context* const context = active() ? find_context(ctx_id) : nullptr;
    if (!context) return;
    collect_answers(ctx_id, *context);
    const bool has_work = submits(commands, context->traits);
    if (has_work) collect_memory(ctx_id, recording::Found::kBeforeSubmission);
    if (!writer_.open()) return;
    if (context->traits)
        context->answers.expect(
            control_of(*context), commands, *context->traits,
            [&](uint64_t offset, std::span<const std::byte> length) VIADUCT_REQUIRES(mutex_) {
                add(recording::Memory{context->control.value(), recording::Found::kBeforeSubmission,
                                      offset},
                    {length});
            });
    if (!writer_.open()) return;
    context->submitted = context->submitted || has_work;
    add(recording::Submitted{ctx_id.value(), static_cast<uint32_t>(in_fences.size())},
        {std::as_bytes(in_fences), commands});
}

void Recorder::submission_refused(ContextId ctx_id, int error) {
    const LockGuard lock(mutex_);
    if (find_context(ctx_id))
        add(recording::Refused{recording::RecordType::kSubmit, ctx_id.value(), error});
}

void Recorder::fence_created(ContextId ctx_id, RingIndex ring_idx, FenceId fence_id) {
    const LockGuard lock(mutex_);
    Context* const context = find_context(ctx_id);
    if (!context) return;
    add(recording::FenceCreated{ctx_id.value(), ring_idx.value(), fence_id.value()});
    if (ring_idx == RingIndex() || !writer_.open()) return;
    if (std::exchange(context->submitted, false)) awaited_.insert(fence_id);
}

void Recorder::fence_refused(ContextId ctx_id, FenceId fence_id, int error) {
    const LockGuard lock(mutex_);
    if (!find_context(ctx_id)) return;
    awaited_.erase(fence_id);
    add(recording::Refused{recording::RecordType::kFence, ctx_id.value(), error});
}

void Recorder::fence_retired(ContextId ctx_id, RingIndex ring_idx, FenceId fence_id) {
    const LogHold hold;  // made before the lock: this is the library's own thread
    const LockGuard lock(mutex_);
    Context* const context = find_context(ctx_id);
    if (context) {
        add(recording::FenceRetired{ctx_id.value(), ring_idx.value(), fence_id.value()});
        collect_answers(ctx_id, *context);
        if (ring_idx != RingIndex()) collect_memory(ctx_id, recording::Found::kAfterFence);
    }
    if (awaited_.erase(fence_id) != 0) retired_.notify_all();
}

void Recorder::settle(FenceId fence_id) {
    UniqueLock lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (awaited_.contains(fence_id))
        if (retired_.wait_until(lock.native(), until) == std::cv_status::timeout) break;
    awaited_.erase(fence_id);
}

void Recorder::reset() {
    const LockGuard lock(mutex_);
    add(recording::Reset{});
    forget();
    retired_.notify_all();
}

void Recorder::finished() {
    const LockGuard lock(mutex_);
    for (auto& [id, context] : contexts_) collect_answers(id, context);
    forget();
    writer_.finish(recording::EndReason::kFinished);
}

}  // namespace viaduct
