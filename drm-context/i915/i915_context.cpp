#include "drm-context/i915/i915_context.h"

#include <sys/ioctl.h>

#include "drm-context/context/requests.h"
#include "drm-context/i915/uapi.h"

namespace viaduct::i915 {

namespace w = wire::i915;

namespace {

using C = I915Context;
template <Status (C::*method)(Request&)>
constexpr auto run = run_method<C, method>;

/// Only ioctls that write to their argument are answered; of no others is the answer looked at.
uint64_t measure_simple(const Request& request) {
    const uint32_t cmd = request.as<w::IoctlSimpleRequest>().cmd;
    if (!(_IOC_DIR(cmd) & _IOC_READ)) return 0;
    return sizeof(w::IoctlSimpleResponse) + uint64_t{_IOC_SIZE(cmd)};
}
uint64_t largest_simple(const Request&) {
    return sizeof(w::IoctlSimpleResponse) + uint64_t{w::kMaxArgument};
}

uint64_t measure_query(const Request& request) {
    return sizeof(w::QueryParamResponse) + uint64_t{request.as<w::QueryParamRequest>().length};
}
// Beyond any query's answer: the largest are the hardware's table of some KiB and the registers of
// a performance configuration.
uint64_t largest_query(const Request&) {
    constexpr uint64_t kMost = 32 << 10;  // bytes
    return sizeof(w::QueryParamResponse) + kMost;
}

bool simple_varies(const Request& request) {
    const uint32_t cmd = request.as<w::IoctlSimpleRequest>().cmd;
    return cmd == DRM_IOCTL_I915_REG_READ || cmd == DRM_IOCTL_I915_GEM_WAIT;
}
bool query_varies(const Request& request) {
    return request.as<w::QueryParamRequest>().query_id == DRM_I915_QUERY_MEMORY_REGIONS;
}
bool always_varies(const Request&) {
    return true;
}

template <typename Response>
constexpr ResultField kRet = {offsetof(Response, ret), ErrorForm::kPositiveErrno};
template <typename Response>
constexpr ResponseLayout answers = {sizeof(Response), kRet<Response>};
constexpr ResponseLayout kNone = {};
constexpr ResponseLayout kSimple = {sizeof(w::IoctlSimpleResponse), kRet<w::IoctlSimpleResponse>,
                                    measure_simple, largest_simple, simple_varies};
constexpr ResponseLayout kQuery = {sizeof(w::QueryParamResponse), kRet<w::QueryParamResponse>,
                                   measure_query, largest_query, query_varies};
constexpr ResponseLayout kBusy = {.size = sizeof(w::GemBusyResponse),
                                  .result = kRet<w::GemBusyResponse>,
                                  .varies = always_varies};
constexpr RingField kRing = {offsetof(w::GemExecbuffer2Request, flags), w::kRingMask,
                             w::kFirstRing};
constexpr auto kSimpleIoctlWords =
    makes<DRM_IOCTL_I915_REG_READ, DRM_IOCTL_I915_GEM_GET_APERTURE, DRM_IOCTL_I915_GEM_SET_TILING,
          DRM_IOCTL_I915_GEM_GET_TILING, DRM_IOCTL_I915_GEM_WAIT, DRM_IOCTL_I915_GEM_SET_DOMAIN,
          DRM_IOCTL_I915_GET_RESET_STATS, DRM_IOCTL_I915_GEM_CONTEXT_CREATE,
          DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM,
          DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, DRM_IOCTL_I915_GEM_VM_CREATE,
          DRM_IOCTL_I915_GEM_VM_DESTROY>;

// The index is the wire's command number.
constexpr CommandEntry kCommands[] = {
    {},
    {"IOCTL_SIMPLE", run<&C::ioctl_simple>, kSimple, kSimpleIoctlWords},
    {"GETPARAM", run<&C::get_param>, answers<w::GetParamResponse>, makes<DRM_IOCTL_I915_GETPARAM>},
    {"QUERYPARAM", run<&C::query_param>, kQuery, makes<DRM_IOCTL_I915_QUERY>},
    {"GEM_CREATE", run<&C::gem_create>, kCreationResponse, makes<DRM_IOCTL_I915_GEM_CREATE>,
     Role::kCreate},
    {"GEM_CREATE_EXT", run<&C::gem_create_ext>, kCreationResponse,
     makes<DRM_IOCTL_I915_GEM_CREATE_EXT>, Role::kCreate},
    {"GEM_CONTEXT_CREATE", run<&C::gem_context_create>, answers<w::GemContextCreateResponse>,
     makes<DRM_IOCTL_I915_GEM_CONTEXT_CREATE_EXT>},
    {"GEM_EXECBUFFER2", run<&C::gem_execbuffer2>, answers<w::GemExecbuffer2Response>,
     makes<DRM_IOCTL_I915_GEM_EXECBUFFER2_WR>, Role::kSubmit, kRing},
    {"GEM_SET_MMAP_MODE", run<&C::gem_set_mmap_mode>, kNone},
    {"GEM_BUSY", run<&C::gem_busy>, kBusy, makes<DRM_IOCTL_I915_GEM_BUSY>},
};
static_assert(std::size(kCommands) == static_cast<size_t>(w::Command::kGemBusy) + 1);

// Engines and resets, priorities, mapping for the VMM.
constexpr uint32_t kIoctls[] = {
    DRM_IOCTL_I915_QUERY,
    DRM_IOCTL_I915_GET_RESET_STATS,
    DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM,
    DRM_IOCTL_I915_GEM_CONTEXT_DESTROY,
    DRM_IOCTL_I915_GEM_MMAP_OFFSET,
};

constexpr DriverTraits kTraits = {
    .name = "i915",
    .commands = kCommands,
    .alignment = w::kAlignment,
    .shmem_size = sizeof(w::Shmem),
    .loss = {LossField::Kind::kMask64, offsetof(w::Shmem, banned_ctx_mask)},
    .ioctls = kIoctls,
};

}  // namespace

const DriverTraits& traits() {
    return kTraits;
}

I915Context::I915Context(std::unique_ptr<Device> device, std::unique_ptr<ContextAccount> account)
    : DriverContext(std::move(device), std::move(account), kTraits) {
    gem().on_close([this](GemHandle handle) { close_in_tables(handle); });
}

I915Context::~I915Context() {
    // The base closes the handles, after the members that the hook uses are gone.
    gem().on_close(nullptr);
}

Status I915Context::discover_engines() {
    engines_ = Engines(account().limits());
    const int32_t length = query_item(device(), DRM_I915_QUERY_ENGINE_INFO, 0, nullptr, 0);
    constexpr size_t kHead = sizeof(drm_i915_query_engine_info);
    if (length < static_cast<int32_t>(kHead))
        return fail(ENODEV, "cannot query the GPU's engines (errno {})", -length);
    std::vector<std::byte> answer(static_cast<size_t>(length));
    if (query_item(device(), DRM_I915_QUERY_ENGINE_INFO, 0, answer.data(),
                   static_cast<uint32_t>(length)) != length)
        return fail(ENODEV, "the kernel's list of the GPU's engines keeps changing");
    const auto entries = std::span(answer).subspan(kHead);
    for (size_t i = 0; i < entries.size() / sizeof(drm_i915_engine_info); ++i) {
        const auto info = element<drm_i915_engine_info>(entries, i);
        engines_.add(info.engine.engine_class, info.engine.engine_instance);
    }
    if (engines_.empty())
        return fail(ENODEV, "the GPU has no engines, or none that this VM is offered (budget)");
    GemContext first;
    for (const LegacyEngine& engine : legacy_engines()) {
        const bool offered = engines_.offers(engine.engine_class, engine.instance);
        first.engines.push_back(offered ? std::optional(class_of(engine.engine_class))
                                        : std::nullopt);
    }
    return context_created(0, std::move(first));
}

Result<const BufferObject*> I915Context::find_buffer(ResourceId res_id) {
    const BufferObject* object = objects().find_resource(res_id);
    if (!object) return fail(EINVAL, "resource {} is not attached here", res_id);
    return object;
}

Result<GemHandle> I915Context::handle_of(ResourceId res_id) {
    const auto buffer = find_buffer(res_id);
    if (!buffer) return tl::unexpected(buffer.error());
    return (*buffer)->handle.get();
}

// Chips with memory of their own have one kind of mapping for each buffer, others every kind.
Result<uint64_t> I915Context::mmap_offset(GemHandle gem_handle) {
    constexpr uint64_t kFixed = 4;  // I915_MMAP_OFFSET_FIXED, Linux 5.15
    int error = 0;
    for (const uint64_t flags : {uint64_t{I915_MMAP_OFFSET_WB}, kFixed}) {
        drm_i915_gem_mmap_offset args{};
        args.handle = gem_handle.value();
        args.flags = flags;
        error = device().ioctl(DRM_IOCTL_I915_GEM_MMAP_OFFSET, &args);
        if (error >= 0) return static_cast<uint64_t>(args.offset);
        if (error != -ENODEV) break;
    }
    return fail(EINVAL, "buffer {} cannot be mapped (errno {})", gem_handle, -error);
}

Result<std::unique_ptr<DriverContext>> create_context(std::unique_ptr<Device> device,
                                                      std::unique_ptr<ContextAccount> account) {
    auto context = std::make_unique<I915Context>(std::move(device), std::move(account));
    if (auto status = context->discover_engines(); !status) return tl::unexpected(status.error());
    return std::unique_ptr<DriverContext>(std::move(context));
}

}  // namespace viaduct::i915
