// GETPARAM and REG_READ (Linux: i915_getparam.c, intel_uncore.c).
#include <algorithm>
#include <array>
#include <cerrno>

#include "simgpu/intel/kernel/i915/drm_file.h"
#include "simgpu/intel/kernel/i915/user_memory.h"

namespace simgpu::intel::i915 {

namespace {

struct Param {
    int32_t param;
    /// A value of at least 0, or a negative errno.
    int (*value)(const ChipInfo& chip);
};

int refused(const ChipInfo&) {
    return -ENODEV;
}
template <int kValue>
int constant(const ChipInfo&) {
    return kValue;
}
template <EngineClass kClass, size_t kInstance>
int has_engine(const ChipInfo& chip) {
    return static_cast<size_t>(std::ranges::count(chip.engines, kClass)) > kInstance ? 1 : 0;
}

/// Of execlists I915_SCHEDULER_CAP_ENABLED to ENGINE_BUSY_STATS; GuC has no semaphores, but
/// STATIC_PRIORITY_MAP (Linux: intel_engine_user.c, set_scheduler_caps()).
int scheduler_caps(const ChipInfo& chip) {
    return submits_by_guc(chip) ? 0x37 : 0x1f;
}
int has_semaphores(const ChipInfo& chip) {
    return submits_by_guc(chip) ? 0 : 1;
}
/// intel_huc_check_status(): for chips with video engines there is a firmware, but Tiger Lake's is
/// not loaded unless the user asks for it (uc_expand_default_options()).
int huc_status(const ChipInfo& chip) {
    return has_engine<EngineClass::kVideo, 0>(chip) ? -EOPNOTSUPP : -ENODEV;
}
constexpr int kFullPpgtt = I915_GEM_PPGTT_FULL;
constexpr int kFences = 32;         // of GEN7 and later, with an aperture
constexpr int kEngineReset = 2;     // single engines can be reset
constexpr int kMmapGttVersion = 4;  // MMAP_OFFSET
constexpr int kPerfRevision = 7;    // i915_perf_ioctl_version()

constexpr std::array kParams = {
    Param{I915_PARAM_IRQ_ACTIVE, refused},
    Param{I915_PARAM_ALLOW_BATCHBUFFER, refused},
    Param{I915_PARAM_LAST_DISPATCH, refused},
    Param{I915_PARAM_CHIPSET_ID, [](const ChipInfo& chip) { return int{chip.pci.device}; }},
    Param{I915_PARAM_HAS_GEM, constant<1>},
    Param{I915_PARAM_NUM_FENCES_AVAIL,
          [](const ChipInfo& chip) { return has_aperture(chip) ? kFences : 0; }},
    Param{I915_PARAM_HAS_OVERLAY, constant<0>},
    Param{I915_PARAM_HAS_PAGEFLIPPING, constant<1>},
    Param{I915_PARAM_HAS_EXECBUF2, constant<1>},
    Param{I915_PARAM_HAS_BSD, has_engine<EngineClass::kVideo, 0>},
    Param{I915_PARAM_HAS_BLT, has_engine<EngineClass::kCopy, 0>},
    Param{I915_PARAM_HAS_RELAXED_FENCING, constant<1>},
    Param{I915_PARAM_HAS_COHERENT_RINGS, constant<1>},
    Param{I915_PARAM_HAS_EXEC_CONSTANTS, refused},
    Param{I915_PARAM_HAS_RELAXED_DELTA, constant<1>},
    Param{I915_PARAM_HAS_GEN7_SOL_RESET, constant<1>},
    Param{I915_PARAM_HAS_LLC,
          [](const ChipInfo& chip) { return chip.generation == Generation::kGen12 ? 1 : 0; }},
    Param{I915_PARAM_HAS_ALIASING_PPGTT, constant<kFullPpgtt>},
    Param{I915_PARAM_HAS_WAIT_TIMEOUT, constant<1>},
    Param{I915_PARAM_HAS_SEMAPHORES, has_semaphores},
    Param{I915_PARAM_HAS_PRIME_VMAP_FLUSH, constant<1>},
    Param{I915_PARAM_HAS_VEBOX, has_engine<EngineClass::kVideoEnhance, 0>},
    Param{I915_PARAM_HAS_SECURE_BATCHES, constant<0>},
    Param{I915_PARAM_HAS_PINNED_BATCHES, constant<1>},
    Param{I915_PARAM_HAS_EXEC_NO_RELOC, constant<1>},
    Param{I915_PARAM_HAS_EXEC_HANDLE_LUT, constant<1>},
    Param{I915_PARAM_HAS_WT, constant<0>},
    Param{I915_PARAM_CMD_PARSER_VERSION, constant<0>},
    Param{I915_PARAM_HAS_COHERENT_PHYS_GTT, constant<1>},
    Param{I915_PARAM_MMAP_VERSION, constant<1>},
    Param{I915_PARAM_HAS_BSD2, has_engine<EngineClass::kVideo, 1>},
    Param{I915_PARAM_REVISION, [](const ChipInfo& chip) { return int{chip.pci.revision}; }},
    Param{I915_PARAM_SUBSLICE_TOTAL,
          [](const ChipInfo& chip) { return static_cast<int>(chip.topology.subslices()); }},
    Param{I915_PARAM_EU_TOTAL,
          [](const ChipInfo& chip) { return static_cast<int>(chip.topology.eus()); }},
    Param{I915_PARAM_HAS_GPU_RESET, constant<kEngineReset>},
    Param{I915_PARAM_HAS_RESOURCE_STREAMER, constant<0>},
    Param{I915_PARAM_HAS_EXEC_SOFTPIN, constant<1>},
    Param{I915_PARAM_HAS_POOLED_EU, constant<0>},
    Param{I915_PARAM_MIN_EU_IN_POOL, constant<0>},
    Param{I915_PARAM_MMAP_GTT_VERSION, constant<kMmapGttVersion>},
    Param{I915_PARAM_HAS_SCHEDULER, scheduler_caps},
    Param{I915_PARAM_HUC_STATUS, huc_status},
    Param{I915_PARAM_HAS_EXEC_ASYNC, constant<1>},
    Param{I915_PARAM_HAS_EXEC_FENCE, constant<1>},
    Param{I915_PARAM_HAS_EXEC_CAPTURE, constant<1>},
    Param{I915_PARAM_SLICE_MASK,
          [](const ChipInfo& chip) { return (1 << chip.topology.slices) - 1; }},
    Param{I915_PARAM_SUBSLICE_MASK,
          [](const ChipInfo& chip) { return (1 << chip.topology.subslices_per_slice) - 1; }},
    Param{I915_PARAM_HAS_EXEC_BATCH_FIRST, constant<1>},
    Param{I915_PARAM_HAS_EXEC_FENCE_ARRAY, constant<1>},
    Param{I915_PARAM_HAS_CONTEXT_ISOLATION,
          [](const ChipInfo& chip) {
              int classes = 0;
              for (const EngineClass one : chip.engines) classes |= 1 << static_cast<int>(one);
              return classes;
          }},
    Param{I915_PARAM_CS_TIMESTAMP_FREQUENCY,
          [](const ChipInfo& chip) { return static_cast<int>(chip.timestamp_hz); }},
    Param{I915_PARAM_MMAP_GTT_COHERENT, constant<1>},
    // A kernel has it; that one cannot be scheduled is refused at the submission.
    Param{I915_PARAM_HAS_EXEC_SUBMIT_FENCE, constant<0>},
    Param{I915_PARAM_PERF_REVISION, constant<kPerfRevision>},
    Param{I915_PARAM_HAS_EXEC_TIMELINE_FENCES, constant<1>},
    Param{I915_PARAM_HAS_USERPTR_PROBE, constant<1>},
    Param{kParamOaTimestampFrequency,
          [](const ChipInfo& chip) { return static_cast<int>(chip.timestamp_hz); }},
    Param{kParamPxpStatus, refused},
};

}  // namespace

int get_param(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_i915_getparam_t*>(argument);
    const auto found = std::ranges::find(kParams, args.param, &Param::param);
    if (found == kParams.end()) return -EINVAL;
    const int value = found->value(file.chip());
    if (value < 0) return value;
    return put_user(value, reinterpret_cast<uintptr_t>(args.value));
}

/// i915_reg_read_ioctl(): the one register that it may read is the render engine's timestamp.
int reg_read(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_reg_read*>(argument);
    constexpr uint64_t kRenderTimestamp = 0x2358;  // RING_TIMESTAMP(RENDER_RING_BASE)
    constexpr uint64_t kLowBits = sizeof(uint64_t) - 1;
    if ((args.offset & ~kLowBits) != kRenderTimestamp) return -EINVAL;
    // In the low bits: whether to read it as two halves.
    const uint64_t flags = args.offset & kLowBits;
    if (flags != 0 && flags != I915_REG_READ_8B_WA) return -EINVAL;
    args.val = timestamp_now(file.chip());
    return 0;
}

}  // namespace simgpu::intel::i915
