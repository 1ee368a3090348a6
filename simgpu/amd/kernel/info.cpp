// AMDGPU_INFO (Linux: amdgpu_kms.c), as a table of queries.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "simgpu/amd/kernel/drm_file.h"
#include "simgpu/amd/kernel/kernel.h"
#include "simgpu/clock.h"

namespace simgpu::amdgpu {

namespace {

using shared::Heap;

/// An answer of any length; the caller's return_size cuts it.
class Answer {
  public:
    template <typename T>
    int put(const T& value) {
        bytes_.resize(sizeof(value));
        std::memcpy(bytes_.data(), &value, sizeof(value));
        return 0;
    }
    int put_bytes(const void* data, size_t size) {
        const auto* begin = static_cast<const std::byte*>(data);
        bytes_.assign(begin, begin + size);
        return 0;
    }
    const std::vector<std::byte>& bytes() const { return bytes_; }

  private:
    std::vector<std::byte> bytes_;
};

using Handler = int (*)(DrmFile&, const drm_amdgpu_info&, Answer&);

template <typename T>
int zero(DrmFile&, const drm_amdgpu_info&, Answer& answer) {
    return answer.put(T{});
}

int accel_working(DrmFile&, const drm_amdgpu_info&, Answer& answer) {
    return answer.put(uint32_t{1});
}

/// The kinds of hardware that a kernel with user queues says it has them for.
constexpr uint32_t user_queue_types() {
    return 1u << AMDGPU_HW_IP_GFX | 1u << AMDGPU_HW_IP_COMPUTE | 1u << AMDGPU_HW_IP_DMA;
}

int hw_ip_info(DrmFile& file, const drm_amdgpu_info& in, Answer& answer) {
    if (in.query_hw_ip.type >= kIpTypes || in.query_hw_ip.ip_instance != 0) return -EINVAL;
    drm_amdgpu_info_hw_ip out{};
    // A block that the chip has not is all zero, and no error.
    if (const IpBlock* ip = file.model().find_ip(in.query_hw_ip.type)) {
        out.hw_ip_version_major = ip->version_major;
        out.hw_ip_version_minor = ip->version_minor;
        out.ib_start_alignment = ip->ib_start_alignment;
        out.ib_size_alignment = ip->ib_size_alignment;
        out.available_rings = (1u << ip->ring_count) - 1;
        set_discovery_version(out, ip->discovery_version);
    }
    if (!reports_user_queues()) return answer.put(out);
    constexpr uint32_t kSlots = 8;  // queues of each kind that a pipe of the hardware holds
    const bool has_slots = user_queue_types() >> in.query_hw_ip.type & 1;
    return answer.put(HwIpInfoWithUserQueues{out, has_slots ? kSlots : 0, 0});
}

int hw_ip_count(DrmFile& file, const drm_amdgpu_info& in, Answer& answer) {
    // Instances of the block, which for SDMA are its rings; a block that is not there is an error.
    const IpBlock* ip = file.model().find_ip(in.query_hw_ip.type);
    if (!ip) return -EINVAL;
    return answer.put(ip->type == AMDGPU_HW_IP_DMA ? ip->ring_count : 1u);
}

int timestamp(DrmFile&, const drm_amdgpu_info&, Answer& answer) {
    return answer.put(gpu_clock());
}

int firmware_version(DrmFile& file, const drm_amdgpu_info& in, Answer& answer) {
    const uint32_t type = in.query_fw.fw_type;
    if (in.query_fw.ip_instance != 0 || type < kFwFirst || type > kFwLast || type == kFwUnused)
        return -EINVAL;
    const auto& all = file.model().firmware;
    const auto found = std::ranges::find(all, in.query_fw.fw_type, &FirmwareVersion::type);
    drm_amdgpu_info_firmware out{};
    if (found != all.end()) out = {found->version, found->feature};
    return answer.put(out);
}

template <Heap kHeap>
int heap_usage(DrmFile& file, const drm_amdgpu_info&, Answer& answer) {
    return answer.put(file.device().used(kHeap));
}

template <uint64_t shared::MoveCounters::*kCounter>
int moved(DrmFile& file, const drm_amdgpu_info&, Answer& answer) {
    return answer.put(file.device().moves().*kCounter);
}

/// CPU-visible VRAM: its size, and how much of it is in use.
uint64_t visible_size(DrmFile& file) {
    return file.device().limit(Heap::kVisibleVram);
}
uint64_t visible_usage(DrmFile& file) {
    const bool all = visible_size(file) >= file.model().vram_size;
    return file.device().used(all ? Heap::kVram : Heap::kVisibleVram);
}

int visible_vram_usage(DrmFile& file, const drm_amdgpu_info&, Answer& answer) {
    return answer.put(visible_usage(file));
}

int vram_gtt(DrmFile& file, const drm_amdgpu_info&, Answer& answer) {
    return answer.put(drm_amdgpu_info_vram_gtt{.vram_size = file.model().vram_size,
                                               .vram_cpu_accessible_size = visible_size(file),
                                               .gtt_size = file.model().gtt_size});
}

drm_amdgpu_heap_info heap(uint64_t size, uint64_t usage) {
    return {.total_heap_size = size,
            .usable_heap_size = size,
            .heap_usage = usage,
            .max_allocation = size / 4 * 3};
}

int memory(DrmFile& file, const drm_amdgpu_info&, Answer& answer) {
    const ModelInfo& model = file.model();
    return answer.put(
        drm_amdgpu_memory_info{.vram = heap(model.vram_size, file.device().used(Heap::kVram)),
                               .cpu_accessible_vram = heap(visible_size(file), visible_usage(file)),
                               .gtt = heap(model.gtt_size, file.device().used(Heap::kSystem))});
}

int read_registers(DrmFile& file, const drm_amdgpu_info& in, Answer& answer) {
    constexpr uint32_t kMost = 128;  // amdgpu_info_ioctl()
    if (in.read_mmr_reg.count > kMost) return -EINVAL;
    if (file.device().resetting()) return -ENOENT;  // reset_domain->sem is tried, not waited for
    std::array<uint32_t, kMost> values{};
    for (uint32_t i = 0; i < in.read_mmr_reg.count; ++i) {
        const auto& known = file.model().registers;
        const auto found = std::ranges::find(known, in.read_mmr_reg.dword_offset + i,
                                             &RegisterValue::dword_offset);
        if (found == known.end()) return -EFAULT;  // as the kernel for what it does not allow
        values[i] = found->value;
    }
    return answer.put_bytes(values.data(), in.read_mmr_reg.count * sizeof(uint32_t));
}

int device_info(DrmFile& file, const drm_amdgpu_info&, Answer& answer) {
    const DeviceInfo& device = file.model().device;
    if (!reports_user_queues()) return answer.put(device);
    DeviceInfoWithUserQueues out{};
    std::memcpy(out.before.data(), &device, out.before.size());
    out.userq_ip_mask = user_queue_types();
    return answer.put(out);
}

int gds_config(DrmFile& file, const drm_amdgpu_info&, Answer& answer) {
    return answer.put(file.model().gds);
}

int vbios(DrmFile& file, const drm_amdgpu_info& in, Answer& answer) {
    switch (in.vbios_info.type) {
        case AMDGPU_INFO_VBIOS_SIZE:
            return answer.put(uint32_t{0});
        case AMDGPU_INFO_VBIOS_INFO: {
            drm_amdgpu_info_vbios out{};
            std::strncpy(reinterpret_cast<char*>(out.name), file.model().marketing_name,
                         sizeof(out.name) - 1);
            return answer.put(out);
        }
        default:
            return -EINVAL;
    }
}

struct Sensor {
    uint32_t type;
    uint32_t (*read)(const ModelInfo&);
};
constexpr uint32_t kKhzPerMhz = 1000;
constexpr std::array kSensors = {
    Sensor{AMDGPU_INFO_SENSOR_GFX_SCLK,
           [](const ModelInfo& model) {
               return static_cast<uint32_t>(model.device.max_engine_clock) / kKhzPerMhz;
           }},
    Sensor{AMDGPU_INFO_SENSOR_GFX_MCLK,
           [](const ModelInfo& model) {
               return static_cast<uint32_t>(model.device.max_memory_clock) / kKhzPerMhz;
           }},
    Sensor{AMDGPU_INFO_SENSOR_GPU_TEMP, [](const ModelInfo&) { return 40000u; }},   // m°C
    Sensor{AMDGPU_INFO_SENSOR_GPU_LOAD, [](const ModelInfo&) { return 0u; }},       // %
    Sensor{AMDGPU_INFO_SENSOR_GPU_AVG_POWER, [](const ModelInfo&) { return 5u; }},  // W
};

int sensor(DrmFile& file, const drm_amdgpu_info& in, Answer& answer) {
    const auto found = std::ranges::find(kSensors, in.sensor_info.type, &Sensor::type);
    if (found == kSensors.end()) return -EINVAL;
    return answer.put(found->read(file.model()));
}

int vram_lost_counter(DrmFile& file, const drm_amdgpu_info&, Answer& answer) {
    return answer.put(file.device().vram_loss_count());
}

int video_caps(DrmFile& file, const drm_amdgpu_info& in, Answer& answer) {
    if (in.video_cap.type != AMDGPU_INFO_VIDEO_CAPS_DECODE &&
        in.video_cap.type != AMDGPU_INFO_VIDEO_CAPS_ENCODE)
        return -EINVAL;
    const bool decode = in.video_cap.type == AMDGPU_INFO_VIDEO_CAPS_DECODE;
    drm_amdgpu_info_video_caps out{};
    for (const Codec& codec : decode ? file.model().decoders : file.model().encoders)
        out.codec_info[codec.index] = {.valid = 1,
                                       .max_width = codec.width,
                                       .max_height = codec.height,
                                       .max_pixels_per_frame = codec.width * codec.height,
                                       .max_level = codec.level,
                                       .pad = 0};
    return answer.put(out);
}

int most_ibs(DrmFile&, const drm_amdgpu_info&, Answer& answer) {
    std::array<uint32_t, kIpTypes> most;
    for (uint32_t type = 0; type < kIpTypes; ++type) most[type] = max_ibs(type);
    return answer.put(most);
}

int gpuvm_fault(DrmFile& file, const drm_amdgpu_info&, Answer& answer) {
    return answer.put(file.last_fault());
}

struct Query {
    uint32_t id;
    Handler handler;
};
constexpr std::array kQueries = {
    Query{AMDGPU_INFO_ACCEL_WORKING, accel_working},
    Query{AMDGPU_INFO_HW_IP_INFO, hw_ip_info},
    Query{AMDGPU_INFO_HW_IP_COUNT, hw_ip_count},
    Query{AMDGPU_INFO_TIMESTAMP, timestamp},
    Query{AMDGPU_INFO_FW_VERSION, firmware_version},
    Query{AMDGPU_INFO_NUM_BYTES_MOVED, moved<&shared::MoveCounters::bytes>},
    Query{AMDGPU_INFO_VRAM_USAGE, heap_usage<Heap::kVram>},
    Query{AMDGPU_INFO_GTT_USAGE, heap_usage<Heap::kSystem>},
    Query{AMDGPU_INFO_GDS_CONFIG, gds_config},
    Query{AMDGPU_INFO_VRAM_GTT, vram_gtt},
    Query{AMDGPU_INFO_READ_MMR_REG, read_registers},
    Query{AMDGPU_INFO_DEV_INFO, device_info},
    Query{AMDGPU_INFO_VIS_VRAM_USAGE, visible_vram_usage},
    Query{AMDGPU_INFO_NUM_EVICTIONS, moved<&shared::MoveCounters::evictions>},
    Query{AMDGPU_INFO_MEMORY, memory},
    Query{AMDGPU_INFO_VCE_CLOCK_TABLE, zero<drm_amdgpu_info_vce_clock_table>},
    Query{AMDGPU_INFO_VBIOS, vbios},
    Query{AMDGPU_INFO_NUM_HANDLES, zero<drm_amdgpu_info_num_handles>},
    Query{AMDGPU_INFO_SENSOR, sensor},
    Query{AMDGPU_INFO_NUM_VRAM_CPU_PAGE_FAULTS, moved<&shared::MoveCounters::cpu_faults>},
    Query{AMDGPU_INFO_VRAM_LOST_COUNTER, vram_lost_counter},
    Query{AMDGPU_INFO_RAS_ENABLED_FEATURES, zero<uint64_t>},
    Query{AMDGPU_INFO_VIDEO_CAPS, video_caps},
    Query{kInfoMaxIbs, most_ibs},
    Query{kInfoGpuvmFault, gpuvm_fault},
};

}  // namespace

int info(DrmFile& file, void* argument) {
    const auto& in = *static_cast<const drm_amdgpu_info*>(argument);
    if (in.return_size == 0 || in.return_pointer == 0) return -EINVAL;
    const auto query = std::ranges::find(kQueries, in.query, &Query::id);
    if (query == kQueries.end()) return -EINVAL;
    Answer answer;
    if (const int error = query->handler(file, in, answer)) return error;
    const size_t size = std::min<size_t>(in.return_size, answer.bytes().size());
    std::copy_n(answer.bytes().begin(), size, reinterpret_cast<std::byte*>(in.return_pointer));
    return 0;
}

}  // namespace simgpu::amdgpu
