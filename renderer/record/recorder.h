// Recorder: writes down what a VM asks of its native contexts (docs/record.md).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/result.h"
#include "recording/writer.h"
#include "renderer/abi/virglrenderer.h"
#include "renderer/record/answers.h"
#include "renderer/record/watched_memory.h"
#include "renderer/settings/record_settings.h"
#include "wire/capset.h"

namespace viaduct {

/// Told of calls that native contexts take part in, before they are made unless a method says
/// otherwise. Guests write their buffers without a call: they are compared with what they were
/// whenever a submission may use them, and when a fence of the GPU retires. Thread-safe. When the
/// file is as large as it may be, or cannot be written, one line is logged, and nothing happens any
/// more.
class Recorder {
  public:
    static Result<std::unique_ptr<Recorder>> create(const RecordSettings& settings);

    /// After the call, which succeeded.
    void context_created(ContextId ctx_id, std::string_view name, const wire::CapsetDrm& capset);
    void context_destroyed(ContextId ctx_id);
    /// After the call, whether it succeeded or not.
    void blob_created(const virgl_renderer_resource_create_blob_args& args, int error);
    void unreferenced(ResourceId res_id);
    void attached(ContextId ctx_id, ResourceId res_id);
    void detached(ContextId ctx_id, ResourceId res_id);
    /// Whether the recorder wants to see this resource's bytes, now that the VMM can.
    bool wants(ResourceId res_id);
    /// They are there.
    void mapped(ResourceId res_id, MemoryView view);
    /// Guest memory goes back to the VMM.
    void memory_detached(ResourceId res_id);

    void submitted(ContextId ctx_id, std::span<const std::byte> commands,
                   std::span<const uint64_t> in_fences);
    void fence_created(ContextId ctx_id, RingIndex ring_idx, FenceId fence_id);
    /// After a call of the two before, if it failed: nothing retires.
    void submission_refused(ContextId ctx_id, int error);
    void fence_refused(ContextId ctx_id, FenceId fence_id, int error);
    /// Before the VMM learns of it.
    void fence_retired(ContextId ctx_id, RingIndex ring_idx, FenceId fence_id);
    /// After a fence was created: if it is one of the GPU's, waits until it has retired, but not
    /// for ever. So the GPU is idle when the next submission comes, and what it has written is told
    /// from what the guest's processor writes.
    void settle(FenceId fence_id);

    void reset();
    /// The last call.
    void finished();

  private:
    struct Context {
        const DriverTraits* traits = nullptr;
        ResourceId control = {};
        Answers answers;
        bool submitted = false;  // work of which no fence was created yet
    };
    struct Resource {
        std::set<ContextId> users;
        bool is_guest = false;
        bool mappable = false;
        bool is_control = false;
        std::unique_ptr<WatchedMemory> memory;  // null: not mapped yet, or not wanted
    };

    Recorder(recording::RecordingWriter writer, const RecordSettings& settings)
        : contents_(settings.contents), gpu_(settings.gpu), writer_(std::move(writer)) {}

    template <typename Record>
    void add(const Record& record, recording::RecordingWriter::Parts parts = {})
        VIADUCT_REQUIRES(mutex_);
    void note_end() VIADUCT_REQUIRES(mutex_);
    bool active() VIADUCT_REQUIRES(mutex_);
    void describe_host(const wire::CapsetDrm& capset) VIADUCT_REQUIRES(mutex_);
    void forget() VIADUCT_REQUIRES(mutex_);
    Context* find_context(ContextId ctx_id) VIADUCT_REQUIRES(mutex_);
    std::span<const std::byte> control_of(const Context& context) const VIADUCT_REQUIRES(mutex_);
    void collect_answers(ContextId ctx_id, Context& context) VIADUCT_REQUIRES(mutex_);
    void collect(ResourceId res_id, Resource& resource, recording::Found found)
        VIADUCT_REQUIRES(mutex_);
    void collect_memory(ContextId ctx_id, recording::Found found) VIADUCT_REQUIRES(mutex_);

    const bool contents_;
    const std::string gpu_;
    Mutex mutex_;
    std::condition_variable retired_;
    recording::RecordingWriter writer_ VIADUCT_GUARDED_BY(mutex_);
    bool described_ VIADUCT_GUARDED_BY(mutex_) = false;
    std::map<ContextId, Context> contexts_ VIADUCT_GUARDED_BY(mutex_);
    std::map<ResourceId, Resource> resources_ VIADUCT_GUARDED_BY(mutex_);
    std::set<FenceId> awaited_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace viaduct
