#include <drm.h>
#include <i915_drm.h>

#include <algorithm>
#include <map>

#include "tests/integration/abi/intel_driver.h"
#include "tests/integration/abi/vmm.h"
#include "wire/i915.h"

namespace viaduct::test {

namespace w = wire::i915;

namespace {

template <typename Request>
constexpr CommandSize size_of(w::Command command, uint32_t response) {
    return {static_cast<uint32_t>(command), sizeof(Request), response};
}
constexpr CommandSize kCommands[] = {
    // Which ioctl it is decides whether there is an answer; number 0 is none.
    size_of<w::IoctlSimpleRequest>(w::Command::kIoctlSimple, 0),
    size_of<w::GetParamRequest>(w::Command::kGetParam, sizeof(w::GetParamResponse)),
    size_of<w::QueryParamRequest>(w::Command::kQueryParam, sizeof(w::QueryParamResponse)),
    size_of<w::GemCreateRequest>(w::Command::kGemCreate, 0),
    size_of<w::GemCreateExtRequest>(w::Command::kGemCreateExt, 0),
    size_of<w::GemContextCreateRequest>(w::Command::kGemContextCreate,
                                        sizeof(w::GemContextCreateResponse)),
    size_of<w::GemExecbuffer2Request>(w::Command::kGemExecbuffer2,
                                      sizeof(w::GemExecbuffer2Response)),
    size_of<w::GemSetMmapModeRequest>(w::Command::kGemSetMmapMode, 0),
    size_of<w::GemBusyRequest>(w::Command::kGemBusy, sizeof(w::GemBusyResponse)),
};
constexpr GuestDriver::Facts kFacts = {
    .name = "i915",
    .alignment = 4,
    .shmem_size = sizeof(w::Shmem),
    .loss_at = offsetof(w::Shmem, banned_ctx_mask),
    .loss_bytes = sizeof(uint64_t),
    .unknown_resource = EINVAL,
    .submission = "GEM_EXECBUFFER2",
    .commands = kCommands,
};
constexpr uint64_t kPinned = EXEC_OBJECT_PINNED | EXEC_OBJECT_SUPPORTS_48B_ADDRESS;

constexpr uint64_t index_of(Engine engine) {
    return engine == Engine::kGraphics ? I915_EXEC_DEFAULT : I915_EXEC_BLT;
}

class I915Driver final : public IntelDriver {
  public:
    explicit I915Driver(GuestContext& guest) : IntelDriver(guest) {}

    const Facts& facts() const override { return kFacts; }
    Message make_buffer(uint64_t blob_id, uint64_t size) override {
        w::GemCreateRequest request{};
        request.size = size;
        request.blob_id = static_cast<uint32_t>(blob_id);
        return Message::creation(w::Command::kGemCreate, request);
    }
    Message name_resource(uint32_t res_id) override {
        w::GemBusyRequest request{};
        request.res_id = res_id;
        return Message::of(w::Command::kGemBusy, request, sizeof(w::GemBusyResponse),
                           offsetof(w::GemBusyResponse, ret));
    }
    Message probe() override { return name_resource(0); }
    Message query(uint32_t bytes) override { return query(DRM_I915_QUERY_TOPOLOGY_INFO, bytes); }
    int map(uint32_t res_id, uint64_t va, uint64_t size, uint64_t offset) override;
    GpuContext create_gpu_context(Engine engine) override;
    void destroy_gpu_context(const GpuContext& context) override;
    bool shows_loss(const GpuContext& context) const override {
        return guest().loss_field() >> context.id & 1;
    }
    Message submission(const GpuContext& context, uint64_t va, uint32_t bytes,
                       std::span<const uint32_t> resources) override;
    int submit_nonsense(const GpuContext& context) override;
    Memory memory() override;
    Offer engines() override;

  private:
    struct Place {
        uint64_t va = 0;
        uint64_t size = 0;
    };

    static Message query(uint32_t id, uint32_t bytes) {
        w::QueryParamRequest request{};
        request.query_id = id;
        request.length = bytes;
        return Message::of(w::Command::kQueryParam, request,
                           static_cast<uint32_t>(sizeof(w::QueryParamResponse)) + bytes,
                           offsetof(w::QueryParamResponse, ret));
    }
    std::vector<std::byte> read_query(uint32_t id);

    std::map<uint32_t, Place> places_;  // by resource
};

int I915Driver::map(uint32_t res_id, uint64_t va, uint64_t size, uint64_t) {
    places_[res_id] = {va, size};
    return guest().ask(name_resource(res_id));
}

// As Mesa makes it: it recovers from no hang.
GpuContext I915Driver::create_gpu_context(Engine engine) {
    drm_i915_gem_context_create_ext_setparam record{};
    record.param.param = I915_CONTEXT_PARAM_RECOVERABLE;
    w::GemContextCreateRequest request{};
    request.flags = I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS;
    request.params_size = sizeof(record);
    auto message =
        Message::of(w::Command::kGemContextCreate, request, sizeof(w::GemContextCreateResponse),
                    offsetof(w::GemContextCreateResponse, ret));
    message.append(std::as_bytes(std::span(&record, 1)));
    const auto answer = guest().read_answer<w::GemContextCreateResponse>(message);
    return {answer.ctx_id, w::kFirstRing + static_cast<uint32_t>(index_of(engine)), engine};
}

void I915Driver::destroy_gpu_context(const GpuContext& context) {
    const drm_i915_gem_context_destroy argument{context.id, 0};
    w::IoctlSimpleRequest request{};
    request.cmd = DRM_IOCTL_I915_GEM_CONTEXT_DESTROY;
    auto message = Message::of(w::Command::kIoctlSimple, request, 0, 0);
    guest().ask(message.append(std::as_bytes(std::span(&argument, 1))));
}

Message I915Driver::submission(const GpuContext& context, uint64_t va, uint32_t bytes,
                               std::span<const uint32_t> resources) {
    std::vector<drm_i915_gem_exec_object2> objects;
    uint32_t start = 0;
    for (const uint32_t res_id : resources) {
        const Place place = places_.contains(res_id) ? places_[res_id] : Place{va, bytes};
        drm_i915_gem_exec_object2 object{};
        object.handle = res_id;
        object.offset = place.va;
        object.flags = kPinned;  // the kernel lets nothing be said to write to a batch
        const bool is_batch = place.va <= va && va < place.va + place.size;
        if (is_batch) start = static_cast<uint32_t>(va - place.va);
        objects.insert(is_batch ? objects.end() : objects.begin(),
                       object);  // the batch is the last
    }
    w::GemExecbuffer2Request request{};
    request.flags = I915_EXEC_NO_RELOC | I915_EXEC_HANDLE_LUT | index_of(context.engine);
    request.context_id = context.id;
    request.buffer_count = static_cast<uint32_t>(objects.size());
    request.batch_start_offset = start;
    request.batch_len = (bytes + 7) / 8 * 8;
    auto message =
        Message::of(w::Command::kGemExecbuffer2, request, sizeof(w::GemExecbuffer2Response),
                    offsetof(w::GemExecbuffer2Response, ret));
    return message.append(std::as_bytes(std::span(objects)));
}

// Outside mappings there is a page of zeros, so it takes a command that does not exist.
int I915Driver::submit_nonsense(const GpuContext& context) {
    constexpr uint64_t kVa = 0x7777'0000;
    const uint32_t res_id = guest().create_buffer(4096);
    const MappedResource memory(res_id);
    if (!memory.valid() || map(res_id, kVa, 4096, 0) != 0) return ENOMEM;
    memory.words()[0] = 0x6fff0000;
    return guest().ask(submission(context, kVa, 64, std::span(&res_id, 1)));
}

std::vector<std::byte> I915Driver::read_query(uint32_t id) {
    const auto needed = guest().read_answer<w::QueryParamResponse>(query(id, 0)).length;
    if (needed <= 0) return {};
    const auto bytes = guest().call(query(id, static_cast<uint32_t>(needed)));
    return {bytes.begin() + sizeof(w::QueryParamResponse), bytes.end()};
}

GuestDriver::Memory I915Driver::memory() {
    const auto answer = read_query(DRM_I915_QUERY_MEMORY_REGIONS);
    Memory sum;
    drm_i915_query_memory_regions head{};
    std::memcpy(&head, answer.data(), std::min(sizeof(head), answer.size()));
    for (uint32_t i = 0; i < head.num_regions; ++i) {
        drm_i915_memory_region_info region;
        std::memcpy(&region, answer.data() + sizeof(head) + i * sizeof(region), sizeof(region));
        sum.size += region.probed_size;
        sum.used += region.probed_size - region.unallocated_size;
    }
    return sum;
}

GuestDriver::Offer I915Driver::engines() {
    const auto answer = read_query(DRM_I915_QUERY_ENGINE_INFO);
    Offer offer;
    drm_i915_query_engine_info head{};
    std::memcpy(&head, answer.data(), std::min(sizeof(head), answer.size()));
    for (uint32_t i = 0; i < head.num_engines; ++i) {
        drm_i915_engine_info engine;
        std::memcpy(&engine, answer.data() + sizeof(head) + i * sizeof(engine), sizeof(engine));
        const bool graphics = engine.engine.engine_class == I915_ENGINE_CLASS_RENDER;
        ++(graphics ? offer.graphics : offer.others);
    }
    return offer;
}

}  // namespace

std::unique_ptr<GuestDriver> create_i915_driver(GuestContext& guest) {
    return std::make_unique<I915Driver>(guest);
}

}  // namespace viaduct::test
