// i915's requests.
#include <sys/ioctl.h>

#include "drm-context/i915/uapi.h"
#include "tests/fuzz/ccmd/calls.h"
#include "wire/i915.h"

namespace viaduct::fuzz {

namespace {

namespace w = wire::i915;
using C = w::Command;

constexpr uint32_t kBatchEnd = 0x05000000;  // MI_BATCH_BUFFER_END

// IOCTL_SIMPLE: those of the driver's table, and two that are not in it.
constexpr uint32_t kIoctls[] = {DRM_IOCTL_I915_REG_READ,
                                DRM_IOCTL_I915_GEM_GET_APERTURE,
                                DRM_IOCTL_I915_GEM_SET_TILING,
                                DRM_IOCTL_I915_GEM_GET_TILING,
                                DRM_IOCTL_I915_GEM_SET_DOMAIN,
                                DRM_IOCTL_I915_GET_RESET_STATS,
                                DRM_IOCTL_I915_GEM_CONTEXT_CREATE,
                                DRM_IOCTL_I915_GEM_CONTEXT_DESTROY,
                                DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM,
                                DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM,
                                DRM_IOCTL_I915_GEM_VM_CREATE,
                                DRM_IOCTL_I915_GEM_VM_DESTROY,
                                DRM_IOCTL_I915_GEM_USERPTR,
                                DRM_IOCTL_I915_GEM_EXECBUFFER2};
void argument(Random& random, Bytes& request) {
    auto head = head_of<w::IoctlSimpleRequest>(request);
    head.cmd = random.of(std::span<const uint32_t>(kIoctls));
    set_head(request, head);
    Bytes bytes(_IOC_SIZE(head.cmd));
    if (head.cmd == DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM ||
        head.cmd == DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM) {
        drm_i915_gem_context_param param{};
        param.ctx_id = static_cast<uint32_t>(random.id());
        param.param = random.below(16);
        param.value = random.id();
        set_head(bytes, param);
    } else if (head.cmd == DRM_IOCTL_I915_REG_READ) {
        set_head(bytes, drm_i915_reg_read{0x2358 | random.below(2), 0});  // RENDER_RING_TIMESTAMP
    } else if (!random.once(4)) {                                         // most begin with an id
        const auto id = static_cast<uint32_t>(random.id());
        set_head(bytes, id);
    }
    request.insert(request.end(), bytes.begin(), bytes.end());
}

constexpr Field kGetParam[] = {VIADUCT_FIELD(w::GetParamRequest, param, Value::kId)};

constexpr uint64_t kQueries[] = {DRM_I915_QUERY_TOPOLOGY_INFO,
                                 DRM_I915_QUERY_ENGINE_INFO,
                                 DRM_I915_QUERY_PERF_CONFIG,
                                 DRM_I915_QUERY_MEMORY_REGIONS,
                                 5,
                                 6};
constexpr uint64_t kLengths[] = {0, 4, 16, 56, 120, 512, 4096, 32 << 10, (32 << 10) + 1};
constexpr Field kQueryParam[] = {
    VIADUCT_FIELD(w::QueryParamRequest, query_id, Value::kChoice, kQueries),
    VIADUCT_FIELD(w::QueryParamRequest, length, Value::kChoice, kLengths),
    VIADUCT_FIELD(w::QueryParamRequest, flags, Value::kChoice, kLengths),
};

constexpr Field kGemCreate[] = {
    VIADUCT_FIELD(w::GemCreateRequest, size, Value::kSize),
    VIADUCT_FIELD(w::GemCreateRequest, blob_id, Value::kId),
};

constexpr Field kGemCreateExt[] = {
    VIADUCT_FIELD(w::GemCreateExtRequest, size, Value::kSize),
    VIADUCT_FIELD(w::GemCreateExtRequest, blob_id, Value::kId),
};
void extensions(Random& random, Bytes& request) {
    Bytes tail;
    for (uint64_t left = random.below(3); left > 0; --left) {
        switch (random.below(4)) {
            case 0: {
                drm_i915_gem_create_ext_memory_regions regions{};
                regions.base.name = I915_GEM_CREATE_EXT_MEMORY_REGIONS;
                regions.num_regions = static_cast<uint32_t>(random.below(3));
                append(tail, regions);
                for (uint32_t i = 0; i < regions.num_regions; ++i)
                    append(tail, drm_i915_gem_memory_class_instance{
                                     static_cast<uint16_t>(random.below(2)), 0});
                break;
            }
            case 1: {
                drm_i915_gem_create_ext_protected_content content{};
                content.base.name = I915_GEM_CREATE_EXT_PROTECTED_CONTENT;
                append(tail, content);
                break;
            }
            case 2: {
                i915::CreateExtSetPat pat{};
                pat.base.name = i915::kCreateExtSetPat;
                pat.pat_index = static_cast<uint32_t>(random.below(4));
                append(tail, pat);
                break;
            }
            default:
                append(tail, i915_user_extension{});
        }
    }
    auto head = head_of<w::GemCreateExtRequest>(request);
    head.ext_size = static_cast<uint32_t>(tail.size());
    set_head(request, head);
    request.insert(request.end(), tail.begin(), tail.end());
}

constexpr uint64_t kContextFlags[] = {
    I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS,
    I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS | I915_CONTEXT_CREATE_FLAGS_SINGLE_TIMELINE, 0, 4};
constexpr Field kGemContextCreate[] = {
    VIADUCT_FIELD(w::GemContextCreateRequest, flags, Value::kChoice, kContextFlags)};
Bytes engine_map(Random& random) {
    Bytes data;
    append(data, uint64_t{random.once(8)});  // extensions
    for (uint64_t left = random.below(4); left > 0; --left) {
        constexpr uint16_t kClasses[] = {0, 1, 2, 3, 4, 0xffff};
        const uint16_t which = random.of(std::span<const uint16_t>(kClasses));
        append(data, i915_engine_class_instance{
                         which, static_cast<uint16_t>(which == 0xffff ? 0xffff : random.below(2))});
    }
    return data;
}
void params(Random& random, Bytes& request) {
    Bytes tail;
    for (uint64_t left = random.below(4); left > 0; --left) {
        drm_i915_gem_context_create_ext_setparam record{};
        record.base.name =
            random.once(16) ? I915_CONTEXT_CREATE_EXT_CLONE : I915_CONTEXT_CREATE_EXT_SETPARAM;
        record.param.param = random.below(16);
        record.param.value = random.id();
        Bytes data;
        if (record.param.param == I915_CONTEXT_PARAM_ENGINES) data = engine_map(random);
        if (record.param.param == I915_CONTEXT_PARAM_SSEU || random.once(16))
            data.resize(sizeof(drm_i915_gem_context_param_sseu));
        record.param.size = static_cast<uint32_t>(data.size());
        append(tail, record);
        tail.insert(tail.end(), data.begin(), data.end());
    }
    auto head = head_of<w::GemContextCreateRequest>(request);
    head.params_size = static_cast<uint32_t>(tail.size());
    set_head(request, head);
    request.insert(request.end(), tail.begin(), tail.end());
}

constexpr uint64_t kExecFlags[] = {I915_EXEC_HANDLE_LUT | I915_EXEC_NO_RELOC,
                                   I915_EXEC_HANDLE_LUT | I915_EXEC_RENDER,
                                   I915_EXEC_HANDLE_LUT | I915_EXEC_BLT | I915_EXEC_BATCH_FIRST,
                                   I915_EXEC_HANDLE_LUT | I915_EXEC_VEBOX,
                                   I915_EXEC_RENDER | I915_EXEC_SECURE,
                                   I915_EXEC_RENDER | I915_EXEC_FENCE_OUT};
constexpr Field kExecbuffer[] = {
    VIADUCT_FIELD(w::GemExecbuffer2Request, flags, Value::kChoice, kExecFlags),
    VIADUCT_FIELD(w::GemExecbuffer2Request, context_id, Value::kId),
    VIADUCT_FIELD(w::GemExecbuffer2Request, batch_start_offset, Value::kId),
    VIADUCT_FIELD(w::GemExecbuffer2Request, batch_len, Value::kId),
};
void buffers(Random& random, Bytes& request) {
    auto head = head_of<w::GemExecbuffer2Request>(request);
    head.buffer_count = static_cast<uint32_t>(1 + random.below(3));
    head.relocs_count = static_cast<uint32_t>(random.once(3) ? random.below(4) : 0);
    set_head(request, head);
    uint32_t relocations = head.relocs_count;
    for (uint32_t i = 0; i < head.buffer_count; ++i) {
        drm_i915_gem_exec_object2 object{};
        object.handle = static_cast<uint32_t>(random.id());
        object.relocation_count = i == 0 ? relocations : 0;
        object.offset = any_address(random);
        object.flags =
            random.once(4) ? random.any() : EXEC_OBJECT_PINNED | EXEC_OBJECT_SUPPORTS_48B_ADDRESS;
        append(request, object);
    }
    for (; relocations > 0; --relocations) {
        drm_i915_gem_relocation_entry entry{};
        entry.target_handle = static_cast<uint32_t>(random.below(4));
        entry.offset = 8 * random.below(1024);
        append(request, entry);
    }
}

constexpr uint64_t kModes[] = {0, 1, 2, 3, 4, 5};
constexpr Field kMmapMode[] = {
    VIADUCT_FIELD(w::GemSetMmapModeRequest, res_id, Value::kId),
    VIADUCT_FIELD(w::GemSetMmapModeRequest, flags, Value::kChoice, kModes),
};
constexpr Field kGemBusy[] = {VIADUCT_FIELD(w::GemBusyRequest, res_id, Value::kId)};

constexpr RequestRule kRules[] = {
    rule<w::IoctlSimpleRequest>(C::kIoctlSimple, {}, argument),
    rule<w::GetParamRequest>(C::kGetParam, kGetParam),
    rule<w::QueryParamRequest>(C::kQueryParam, kQueryParam),
    rule<w::GemCreateRequest>(C::kGemCreate, kGemCreate),
    rule<w::GemCreateExtRequest>(C::kGemCreateExt, kGemCreateExt, extensions),
    rule<w::GemContextCreateRequest>(C::kGemContextCreate, kGemContextCreate, params),
    rule<w::GemExecbuffer2Request>(C::kGemExecbuffer2, kExecbuffer, buffers),
    rule<w::GemSetMmapModeRequest>(C::kGemSetMmapMode, kMmapMode),
    rule<w::GemBusyRequest>(C::kGemBusy, kGemBusy),
};

template <typename Argument>
Step simple(uint32_t ioctl, const Argument& argument) {
    w::IoctlSimpleRequest head{};
    head.cmd = ioctl;
    Bytes tail;
    append(tail, argument);
    return command(C::kIoctlSimple, head, tail);
}

/// A context in an address space of its own.
void prepare(Program& program, Random& random) {
    program.push_back(simple(DRM_IOCTL_I915_GEM_VM_CREATE, drm_i915_gem_vm_control{}));
    Bytes request;
    append(request, w::GemContextCreateRequest{});
    params(random, request);
    program.push_back(commands(static_cast<uint32_t>(C::kGemContextCreate), std::move(request)));
}

Step create(const OpeningBuffer& buffer, Random&) {
    w::GemCreateRequest request{};
    request.size = buffer.size;
    request.blob_id = buffer.id;
    return command(C::kGemCreate, request);
}

Step submit(const OpeningBuffer& buffer, Random& random) {
    w::GemExecbuffer2Request request{};
    request.flags = kExecFlags[random.below(3)];
    request.context_id = random.below(2);
    request.buffer_count = 1;
    drm_i915_gem_exec_object2 object{};
    object.handle = buffer.id;
    object.offset = buffer.va;
    object.flags = EXEC_OBJECT_PINNED | EXEC_OBJECT_SUPPORTS_48B_ADDRESS;
    Bytes tail;
    append(tail, object);
    return command(C::kGemExecbuffer2, request, tail);
}

Step ask() {
    w::GemBusyRequest request{};
    request.res_id = 1;
    return command(C::kGemBusy, request);
}

constexpr DriverRequests kRequests = {
    wire::ContextType::kI915,
    "tgl",
    kRules,
    {prepare, create, nullptr, submit, /*ring*/ 1, kBatchEnd, ask}};

}  // namespace

const DriverRequests& driver_requests() {
    return kRequests;
}

}  // namespace viaduct::fuzz
