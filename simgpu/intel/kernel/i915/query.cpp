// QUERY (Linux: i915_query.c).
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "simgpu/intel/kernel/hwconfig.h"
#include "simgpu/intel/kernel/i915/drm_file.h"
#include "simgpu/intel/kernel/i915/user_memory.h"

namespace simgpu::intel::i915 {

namespace {

using Item = drm_i915_query_item;
using Bytes = std::vector<std::byte>;

template <typename T>
void append(Bytes& bytes, const T& value) {
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof(T));
}

/// Bytes of a mask of so many bits (GEN_SSEU_STRIDE()).
uint16_t stride_of(unsigned bits) {
    return static_cast<uint16_t>((bits + 7) / 8);
}

/// A mask of `bits`, the low `set` of them set.
void append_mask(Bytes& bytes, unsigned set, unsigned bits) {
    for (unsigned first = 0; first < bits; first += 8) {
        const unsigned here = set > first ? std::min(set - first, 8u) : 0;
        bytes.push_back(static_cast<std::byte>((1u << here) - 1));
    }
}

/// copy_query_item(), and the answer: its length, or what is wrong. What the user has in the
/// `head` bytes of the fixed part must be zero.
int answer(const Item& item, const Bytes& bytes, size_t head) {
    const auto length = static_cast<int>(bytes.size());
    if (item.length == 0) return length;
    if (item.length < length) return -EINVAL;
    Bytes given(head);
    if (const int error = copy_from_user(given.data(), item.data_ptr, head)) return error;
    if (std::ranges::any_of(given, [](std::byte byte) { return byte != std::byte{0}; }))
        return -EINVAL;
    if (const int error = copy_to_user(item.data_ptr, bytes.data(), bytes.size())) return error;
    return length;
}

/// fill_topology_info(). All chips here count as one slice; from Xe_HP on with as many subslices
/// as there are fuse bits (xehp_sseu_info_init()).
int fill_topology(const ChipInfo& chip, const Item& item) {
    const unsigned subslices = chip.topology.subslices();
    const unsigned eus = chip.topology.eus_per_subslice;
    constexpr unsigned kFuseBits = 32;
    const unsigned most = chip.generation < Generation::kGen12_5 ? subslices : kFuseBits;
    drm_i915_query_topology_info info{};
    info.max_slices = 1;
    info.max_subslices = static_cast<uint16_t>(most);
    info.max_eus_per_subslice = static_cast<uint16_t>(eus);
    info.subslice_offset = 1;  // behind the slice mask
    info.subslice_stride = stride_of(most);
    info.eu_offset = static_cast<uint16_t>(1 + info.subslice_stride);
    info.eu_stride = stride_of(eus);
    Bytes bytes;
    append(bytes, info);
    append_mask(bytes, 1, 1);
    append_mask(bytes, subslices, most);
    for (unsigned subslice = 0; subslice < most; ++subslice)
        append_mask(bytes, subslice < subslices ? eus : 0, eus);
    // Of the head only the flags have to be zero.
    return answer(item, bytes, sizeof(info.flags));
}

int topology(const ChipInfo& chip, const Item& item) {
    return item.flags != 0 ? -EINVAL : fill_topology(chip, item);
}

/// __setup_engine_capabilities(). Tiger Lake's video engines are the even ones of four, all of
/// which have a scaler (vdbox_has_sfc()).
uint64_t capabilities_of(EngineClass engine_class) {
    switch (engine_class) {
        case EngineClass::kVideo:
            return I915_VIDEO_CLASS_CAPABILITY_HEVC | I915_VIDEO_AND_ENHANCE_CLASS_CAPABILITY_SFC;
        case EngineClass::kVideoEnhance:
            return I915_VIDEO_AND_ENHANCE_CLASS_CAPABILITY_SFC;
        default:
            return 0;
    }
}

int engines(const ChipInfo& chip, const Item& item) {
    if (item.flags != 0) return -EINVAL;
    drm_i915_query_engine_info head{};
    head.num_engines = static_cast<uint32_t>(chip.engines.size());
    Bytes bytes;
    append(bytes, head);
    for (uint32_t ring = 0; ring < chip.engines.size(); ++ring) {
        drm_i915_engine_info info{};
        info.engine.engine_class = static_cast<uint16_t>(chip.engines[ring]);
        info.engine.engine_instance = instance_of(chip, ring);
        info.flags = I915_ENGINE_INFO_HAS_LOGICAL_INSTANCE;
        info.capabilities = capabilities_of(chip.engines[ring]);
        info.logical_instance = info.engine.engine_instance;
        append(bytes, info);
    }
    return answer(item, bytes, sizeof(head));
}

/// There is no OA unit (query_perf_config() without perf->i915).
int perf_config(const ChipInfo&, const Item&) {
    return -ENODEV;
}

int memory_regions(const ChipInfo&, const Item& item) {
    if (item.flags != 0) return -EINVAL;
    drm_i915_query_memory_regions head{};
    head.num_regions = 1;
    drm_i915_memory_region_info system{};
    system.region = {I915_MEMORY_CLASS_SYSTEM, 0};
    // Only who may watch performance sees what is allocated, and of system memory nobody.
    system.probed_size = system.unallocated_size = kSystemMemory;
    system.probed_cpu_visible_size = system.unallocated_cpu_visible_size = kSystemMemory;
    Bytes bytes;
    append(bytes, head);
    append(bytes, system);
    return answer(item, bytes, sizeof(head));
}

/// query_hwconfig_blob(). What the user has in the buffer does not matter.
int hwconfig_blob(const ChipInfo& chip, const Item& item) {
    const std::vector<uint32_t> table = hwconfig(chip);
    if (table.empty()) return -ENODEV;
    const auto* from = reinterpret_cast<const std::byte*>(table.data());
    return answer(item, Bytes(from, from + table.size() * sizeof(table[0])), 0);
}

/// query_geometry_subslices(): from Xe_HP on, of the render engine that the flags name.
int geometry_subslices(const ChipInfo& chip, const Item& item) {
    if (chip.generation < Generation::kGen12_5) return -ENODEV;
    i915_engine_class_instance engine{};
    std::memcpy(&engine, &item.flags, sizeof(engine));
    if (engine.engine_class != I915_ENGINE_CLASS_RENDER ||
        !find_engine(chip, engine.engine_class, engine.engine_instance))
        return -EINVAL;
    return fill_topology(chip, item);
}

/// query_guc_submission_version(): of the interface that GuC 70.36 has. Unlike the others it
/// answers 0 when the user has it.
int guc_submission_version(const ChipInfo& chip, const Item& item) {
    if (!submits_by_guc(chip)) return -ENODEV;
    Bytes bytes;
    append(bytes, GucSubmissionVersion{.branch = 0, .major = 1, .minor = 16, .patch = 1});
    const int length = answer(item, bytes, bytes.size());
    return item.length == 0 || length < 0 ? length : 0;
}

struct Query {
    uint64_t id;
    int (*run)(const ChipInfo& chip, const Item& item);
};
constexpr std::array kQueries = {
    Query{DRM_I915_QUERY_TOPOLOGY_INFO, topology},
    Query{DRM_I915_QUERY_ENGINE_INFO, engines},
    Query{DRM_I915_QUERY_PERF_CONFIG, perf_config},
    Query{DRM_I915_QUERY_MEMORY_REGIONS, memory_regions},
    Query{DRM_I915_QUERY_HWCONFIG_BLOB, hwconfig_blob},
    Query{DRM_I915_QUERY_GEOMETRY_SUBSLICES, geometry_subslices},
    Query{kQueryGucSubmissionVersion, guc_submission_version},
};

}  // namespace

int query(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_i915_query*>(argument);
    if (args.flags != 0) return -EINVAL;
    for (uint32_t i = 0; i < args.num_items; ++i) {
        const uint64_t at = args.items_ptr + i * sizeof(Item);
        Item item{};
        if (const int error = get_user(&item, at)) return error;
        if (item.query_id == 0) return -EINVAL;
        const auto found = std::ranges::find(kQueries, item.query_id, &Query::id);
        const int result = found == kQueries.end() ? -EINVAL : found->run(file.chip(), item);
        if (result != item.length)
            if (const int error = put_user(result, at + offsetof(Item, length))) return error;
    }
    return 0;
}

}  // namespace simgpu::intel::i915
