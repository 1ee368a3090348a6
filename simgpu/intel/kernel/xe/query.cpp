// DEVICE_QUERY (Linux: xe_query.c), as a table of queries.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <vector>

#include "simgpu/clock.h"
#include "simgpu/intel/kernel/hwconfig.h"
#include "simgpu/intel/kernel/xe/drm_file.h"
#include "simgpu/intel/kernel/xe/kernel.h"

namespace simgpu::intel::xe {

using namespace uapi::xe;

namespace {

/// An answer; of queries with input, the user's struct, which is completed.
class Answer {
  public:
    template <typename T>
    void put(const T& value) {
        const size_t at = bytes_.size();
        bytes_.resize(at + sizeof(value));
        std::memcpy(bytes_.data() + at, &value, sizeof(value));
    }
    std::vector<std::byte>& bytes() { return bytes_; }

  private:
    std::vector<std::byte> bytes_;
};

void engines(DrmFile& file, Answer& answer) {
    answer.put(QueryCount{static_cast<uint32_t>(file.chip().engines.size()), 0});
    const auto all = file.chip().engines;
    for (size_t i = 0; i < all.size(); ++i) {
        const auto instance = static_cast<uint16_t>(std::ranges::count(all.first(i), all[i]));
        answer.put(
            uapi::xe::Engine{.instance = {class_number(all[i]), instance, 0, 0}, .reserved = {}});
    }
}

void mem_regions(DrmFile& file, Answer& answer) {
    const uint64_t vram_bytes = file.chip().vram_bytes;
    answer.put(QueryCount{vram_bytes ? 2u : 1u, 0});
    MemRegion region{};
    region.mem_class = kMemClassSystem;
    region.instance = kSystemRegion;
    region.min_page_size = kPage;
    region.total_size = kSystemBytes;
    // Before 7.0 for those with CAP_PERFMON only.
    const bool shows_use = kernel() >= Kernel::kLinux70;
    if (shows_use) region.used = file.device().used(shared::Heap::kSystem);
    answer.put(region);
    if (!vram_bytes) return;
    MemRegion vram{};
    vram.mem_class = kMemClassVram;
    vram.instance = kVramRegion;
    vram.min_page_size = kPage;
    vram.total_size = vram.cpu_visible_size = vram_bytes;  // its BAR has been resized
    if (shows_use) vram.used = vram.cpu_visible_used = file.device().used(shared::Heap::kVram);
    answer.put(vram);
}

void config(DrmFile& file, Answer& answer) {
    const PciIdentity& pci = file.chip().pci;
    std::array<uint64_t, kConfigValues> info{};
    info[kConfigRevAndDeviceId] = uint64_t{pci.revision} << 16 | pci.device;
    info[kConfigFlags] = kConfigHasLowLatency;
    if (file.chip().vram_bytes) info[kConfigFlags] |= kConfigHasVram;
    if (file.chip().generation >= Generation::kXe2 && kernel() >= Kernel::kLinux70)
        info[kConfigFlags] |= kConfigNoCompression;
    info[kConfigMinAlignment] = kPage;
    info[kConfigVaBits] = kAddressBits;
    info[kConfigMaxPriority] = file.max_priority();
    answer.put(QueryCount{kConfigValues, 0});
    answer.put(info);
}

void gt_list(DrmFile& file, Answer& answer) {
    answer.put(QueryCount{1, 0});
    Gt gt{};
    gt.reference_clock = file.chip().timestamp_hz;
    const uint32_t near = file.chip().vram_bytes ? kVramRegion : kSystemRegion;
    gt.near_mem_regions = region_bit(near);
    gt.far_mem_regions = region_mask(file.chip()) & ~region_bit(near);
    // Of chips that report it themselves (GMD_ID): from Meteor Lake on.
    if (file.chip().generation >= Generation::kGen12_5) {
        gt.ip_ver_major = file.chip().graphics.major;
        gt.ip_ver_minor = file.chip().graphics.minor;
        gt.ip_ver_rev = file.chip().graphics.stepping;
    }
    answer.put(gt);
}

void hwconfig_table(DrmFile& file, Answer& answer) {
    for (const uint32_t word : hwconfig(file.chip())) answer.put(word);
}

void put_mask(Answer& answer, uint16_t type, uint32_t units, uint32_t bytes) {
    answer.put(TopologyMask{0, type, bytes});
    std::array<std::byte, 16> mask{};
    for (uint32_t unit = 0; unit < units; ++unit) mask[unit / 8] |= std::byte{1} << (unit % 8);
    for (uint32_t i = 0; i < bytes; ++i) answer.put(mask[i]);
}

void gt_topology(DrmFile& file, Answer& answer) {
    // Bytes as XE_MAX_DSS_FUSE_BITS, XE_MAX_L3_BANK_MASK_BITS and XE_MAX_EU_FUSE_BITS make them.
    constexpr uint32_t kDssBytes = 16, kL3Bytes = 8, kEuBytes = 8;
    const Topology& topology = file.chip().topology;
    put_mask(answer, kTopologyDssGeometry, topology.subslices(), kDssBytes);
    // Without compute engines, xe_gt_topology.c finds no fuses for them.
    const bool compute = file.chip().generation >= Generation::kGen12_5;
    put_mask(answer, kTopologyDssCompute, compute ? topology.subslices() : 0, kDssBytes);
    put_mask(answer, kTopologyL3Bank, topology.l3_banks, kL3Bytes);
    const bool simd16 = file.chip().generation >= Generation::kXe2;
    put_mask(answer, simd16 ? kTopologySimd16EuPerDss : kTopologyEuPerDss,
             topology.eus_per_subslice, kEuBytes);
}

/// The queries whose answer depends on nothing but the device.
struct Query {
    uint32_t id;
    void (*fill)(DrmFile&, Answer&);
};
constexpr std::array kQueries = {
    Query{kQueryEngines, engines},         Query{kQueryMemRegions, mem_regions},
    Query{kQueryConfig, config},           Query{kQueryGtList, gt_list},
    Query{kQueryHwconfig, hwconfig_table}, Query{kQueryGtTopology, gt_topology},
};

int engine_cycles(DrmFile& file, EngineCycles& io) {
    constexpr std::array<clockid_t, 5> kClocks = {CLOCK_REALTIME, CLOCK_MONOTONIC,
                                                  CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI};
    if (std::ranges::find(kClocks, io.clockid) == kClocks.end()) return -EINVAL;
    if (io.engine.gt_id != 0 || !find_engine(file.chip(), io.engine)) return -EINVAL;
    timespec now{};
    ::clock_gettime(io.clockid, &now);
    const uint64_t before_ns = monotonic_ns();
    io.width = file.chip().timestamp_bits;
    io.engine_cycles = timestamp_now(file.chip());
    io.cpu_timestamp =
        static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
    io.cpu_delta = monotonic_ns() - before_ns;
    return 0;
}

int firmware_version(DrmFile&, FirmwareVersion& io) {
    if (io.pad || io.pad2 || io.reserved) return -EINVAL;
    switch (io.uc_type) {
        case kFirmwareGuc:
            // Of the interface for submissions, not of the blob: that of GuC 70.36.
            io = {.uc_type = kFirmwareGuc,
                  .pad = 0,
                  .branch_ver = 0,
                  .major_ver = 1,
                  .minor_ver = 16,
                  .patch_ver = 1,
                  .pad2 = 0,
                  .reserved = 0};
            return 0;
        case kFirmwareHuc:
            return -ENODEV;  // it has not been loaded
        default:
            return -EINVAL;
    }
}

/// A query whose struct the user fills in part.
template <typename T>
int query_with_input(DrmFile& file, DeviceQuery& args, int (*complete)(DrmFile&, T&)) {
    if (args.size == 0) {
        args.size = sizeof(T);
        return 0;
    }
    if (args.size != sizeof(T)) return -EINVAL;
    if (args.data == 0) return -EFAULT;
    T io{};
    std::memcpy(&io, reinterpret_cast<const void*>(args.data), sizeof(io));
    if (const int error = complete(file, io)) return error;
    std::memcpy(reinterpret_cast<void*>(args.data), &io, sizeof(io));
    return 0;
}

int query_table(DrmFile& file, DeviceQuery& args) {
    const auto found = std::ranges::find(kQueries, args.query, &Query::id);
    Answer answer;
    found->fill(file, answer);
    const auto size = static_cast<uint32_t>(answer.bytes().size());
    if (args.size == 0) {
        args.size = size;
        return 0;
    }
    if (args.size != size) return -EINVAL;
    if (args.data == 0) return -EFAULT;
    std::memcpy(reinterpret_cast<void*>(args.data), answer.bytes().data(), size);
    return 0;
}

}  // namespace

int query(DrmFile& file, void* argument) {
    auto& args = *static_cast<DeviceQuery*>(argument);
    if (args.extensions || args.reserved[0] || args.reserved[1]) return -EINVAL;
    switch (args.query) {
        case kQueryEngineCycles:
            return query_with_input(file, args, engine_cycles);
        case kQueryUcFwVersion:
            return query_with_input(file, args, firmware_version);
        case kQueryOaUnits:    // observation is not simulated,
        case kQueryPxpStatus:  // nor is protected content,
        case kQueryEuStall:    // nor sampling
            return -ENODEV;
        default:
            return args.query < kQueryEngineCycles ? query_table(file, args) : -EINVAL;
    }
}

}  // namespace simgpu::intel::xe
