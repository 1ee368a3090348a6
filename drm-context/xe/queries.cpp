// DEVICE_QUERY.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "drm-context/xe/xe_context.h"

namespace viaduct::xe {

namespace w = wire::xe;

namespace {

using namespace uapi::xe;
using Bytes = std::vector<std::byte>;

template <typename T>
Bytes bytes_of(const std::vector<T>& entries) {
    const QueryCount count{static_cast<uint32_t>(entries.size()), 0};
    Bytes bytes(sizeof(count) + entries.size() * sizeof(T));
    std::memcpy(bytes.data(), &count, sizeof(count));
    std::memcpy(bytes.data() + sizeof(count), entries.data(), entries.size() * sizeof(T));
    return bytes;
}

template <typename T>
std::vector<T> entries_of(const Bytes& bytes) {
    QueryCount count{};
    if (bytes.size() < sizeof(count)) return {};
    std::memcpy(&count, bytes.data(), sizeof(count));
    const size_t there = (bytes.size() - sizeof(count)) / sizeof(T);
    std::vector<T> entries(std::min<size_t>(count.count, there));
    std::memcpy(entries.data(), bytes.data() + sizeof(count), entries.size() * sizeof(T));
    return entries;
}

/// How a query is handled.
enum class Treatment : uint8_t {
    kPass,
    kInput,    // its input is not on the wire: zeros
    kOwn,      // answered by the context itself
    kRefused,  // about things that do not travel: observation, protected content
};
struct Row {
    uint32_t query;
    Treatment treatment;
    uint32_t size = 0;  // of a kInput
};
constexpr std::array kRows = {
    Row{kQueryEngines, Treatment::kOwn},
    Row{kQueryMemRegions, Treatment::kOwn},
    Row{kQueryConfig, Treatment::kPass},
    Row{kQueryGtList, Treatment::kPass},
    Row{kQueryHwconfig, Treatment::kPass},
    Row{kQueryGtTopology, Treatment::kPass},
    // Engine 0 by CLOCK_REALTIME, and GuC's version.
    Row{kQueryEngineCycles, Treatment::kInput, sizeof(EngineCycles)},
    Row{kQueryUcFwVersion, Treatment::kInput, sizeof(FirmwareVersion)},
    Row{kQueryOaUnits, Treatment::kRefused},
    Row{kQueryPxpStatus, Treatment::kRefused},
    Row{kQueryEuStall, Treatment::kRefused},
};

}  // namespace

/// The kernel's answer, in its own size.
Result<Bytes> XeContext::read_query(uint32_t query) {
    constexpr uint32_t kMost = 32 << 10;
    DeviceQuery args{};
    args.query = query;
    if (const int error = device().ioctl(kDeviceQuery, &args); error < 0)
        return fail(-error, "query {} (errno {})", query, -error);
    if (args.size > kMost) return fail(EINVAL, "query {} has {} bytes", query, args.size);
    Bytes answer(args.size);
    if (answer.empty()) return answer;
    args.data = reinterpret_cast<uint64_t>(answer.data());
    if (const int error = device().ioctl(kDeviceQuery, &args); error < 0)
        return fail(-error, "query {} (errno {})", query, -error);
    return answer;
}

Status XeContext::discover_engines() {
    const auto answer = read_query(kQueryEngines);
    if (!answer) return tl::unexpected(answer.error());
    std::array<uint32_t, kQueueClasses> offered{};
    for (const Engine& engine : entries_of<Engine>(*answer)) {
        const QueueClass which = class_of(engine.instance.engine_class);
        if (offered[static_cast<size_t>(which)]++ >= account().limits().queues_of(which)) continue;
        engines_.push_back(engine);
    }
    if (engines_.empty())
        return fail(ENODEV, "the GPU has no engines, or none that this VM is offered (budget)");
    return {};
}

/// The regions as this VM sees them for the life of the context: no larger than its limit.
Status XeContext::discover_regions() {
    const auto answer = read_query(kQueryMemRegions);
    if (!answer) return tl::unexpected(answer.error());
    regions_ = entries_of<MemRegion>(*answer);
    const uint64_t limit = account().memory_limit();
    for (MemRegion& region : regions_) {
        if (region.mem_class != kMemClassSystem && region.instance < 32)
            vram_placements_ |= 1u << region.instance;
        if (limit == 0) continue;
        region.total_size = std::min(region.total_size, limit);
        region.cpu_visible_size = std::min(region.cpu_visible_size, limit);
    }
    return {};
}

std::vector<std::byte> XeContext::engines_answer() const {
    return bytes_of(engines_);
}

/// With the VM's own use: that of the host's other programs is hidden from guests.
std::vector<std::byte> XeContext::regions_answer() {
    const MemoryUse use = account().memory_use();
    // Page tables are the device's memory where it has some.
    const uint64_t in_system = vram_placements_ != 0 ? use.system : use.total();
    for (MemRegion& region : regions_) {
        const bool system = region.mem_class == kMemClassSystem;
        region.used = std::min(region.total_size, system ? in_system : use.local);
        region.cpu_visible_used = system ? 0 : std::min(region.cpu_visible_size, region.used);
    }
    return bytes_of(regions_);
}

void XeContext::adjust_config(std::span<std::byte> answer) {
    constexpr size_t kHead = sizeof(QueryCount), kWord = sizeof(uint64_t);
    const auto change = [&](size_t index, auto adjust) {
        if (answer.size() < kHead + (index + 1) * kWord) return;
        uint64_t value = 0;
        std::memcpy(&value, answer.data() + kHead + index * kWord, kWord);
        value = adjust(value);
        std::memcpy(answer.data() + kHead + index * kWord, &value, kWord);
    };
    // Mirroring would show the host's process to the GPU; unknown flags may offer as much.
    const uint64_t kept =
        kConfigHasVram | kConfigNoCompression | (offers_low_latency() ? kConfigHasLowLatency : 0);
    change(kConfigFlags, [kept](uint64_t flags) { return flags & kept; });
    // Priorities are not on the wire.
    change(kConfigMaxPriority,
           [](uint64_t priority) { return std::min(priority, kPriorityNormal); });
}

Result<Bytes> XeContext::answer_query(uint32_t query) {
    const auto row = std::ranges::find(kRows, query, &Row::query);
    if (row == kRows.end()) return fail(EINVAL, "unknown query {}", query);
    switch (row->treatment) {
        case Treatment::kRefused:
            return fail(ENODEV, "query {} is not supported for guests", query);
        case Treatment::kOwn:
            return query == kQueryEngines ? engines_answer() : regions_answer();
        case Treatment::kInput: {
            Bytes answer(row->size);
            DeviceQuery args{};
            args.query = query;
            args.size = row->size;
            args.data = reinterpret_cast<uint64_t>(answer.data());
            if (const int error = device().ioctl(kDeviceQuery, &args); error < 0)
                return fail(-error, "query {} (errno {})", query, -error);
            return answer;
        }
        default:
            break;
    }
    auto answer = read_query(query);
    if (answer && query == kQueryConfig) adjust_config(*answer);
    return answer;
}

Status XeContext::device_query(Request& request) {
    const auto wanted = request.as<w::DeviceQueryRequest>();
    const auto answer = answer_query(wanted.query);
    if (!answer && answer.error().code == ENODEV) {
        // Drivers learn so at every start what the GPU lacks: an answer, and nothing to log.
        request.respond(w::Response{{}, 0, ENODEV, 0});
        return {};
    }
    if (!answer) return tl::unexpected(answer.error());
    if (wanted.size != 0 && wanted.size != answer->size())
        return fail(EINVAL, "query {} has {} bytes, not {}", wanted.query, answer->size(),
                    wanted.size);
    w::Response response{};
    response.value = static_cast<uint32_t>(answer->size());
    request.respond(response);
    if (wanted.size != 0)
        std::memcpy(request.response().data() + sizeof(response), answer->data(), answer->size());
    return {};
}

}  // namespace viaduct::xe
