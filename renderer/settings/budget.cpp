#include "renderer/settings/budget.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace viaduct {

namespace {

// Below that no driver gets far: it would fail somewhere without a word about budgets.
constexpr uint64_t kLeastMemory = 16 << 20;
constexpr std::array<std::string_view, 4> kPriorities = {"low", "normal", "high", "realtime"};

// The leading decimal number of `text`, which is cut off; nothing if there is none.
bool take_number(std::string_view& text, uint64_t& number) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(parsed.ptr - text.data()));
    return true;
}

Status set_size(uint64_t& field, std::string_view text) {
    auto size = parse_size(text);
    if (!size) return tl::unexpected(size.error());
    field = *size;
    return {};
}

Status set_memory(uint64_t& field, std::string_view text) {
    auto size = parse_size(text);
    if (!size) return tl::unexpected(size.error());
    if (*size != 0 && *size < kLeastMemory)
        return fail(EINVAL,
                    "is below {}, the least that drivers work with; use more, or 0 for no limit",
                    format_size(kLeastMemory));
    field = *size;
    return {};
}

Status set_count(uint32_t& field, std::string_view text) {
    uint64_t number = 0;
    std::string_view rest = text;
    if (!take_number(rest, number) || !rest.empty() ||
        number > std::numeric_limits<uint32_t>::max())
        return fail(EINVAL, "is not a count; use a number such as 1000, or 0 for no limit");
    field = static_cast<uint32_t>(number);
    return {};
}

// Half of them: the VMM and its other devices need some.
Status set_descriptors(uint32_t& field, std::string_view text) {
    if (text != "half") return set_count(field, text);
    field = Budget::kHalfOfOpenFiles;
    return {};
}

std::string show_descriptors(uint32_t count) {
    if (count == 0) return "-";
    return count == Budget::kHalfOfOpenFiles ? "half" : fmt::format("{}", count);
}

uint32_t half_of_open_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    return static_cast<uint32_t>(std::min<rlim_t>(limit.rlim_cur, UINT32_MAX) / 2);
}

Status set_share(Budget& budget, std::string_view text) {
    uint64_t number = 0;
    if (!take_number(text, number) || !(text.empty() || text == "%") || number < 1 || number > 100)
        return fail(EINVAL, "is not a share; use a percentage of the GPU's time, 1 to 100");
    budget.context.gpu_share = static_cast<uint32_t>(number);
    return {};
}

Status set_burst(Budget& budget, std::string_view text) {
    uint64_t number = 0;
    constexpr uint64_t kMsPerSecond = 1000, kNsPerMs = 1'000'000, kMostMs = 2000;
    const bool has_number = take_number(text, number);
    if (has_number && text == "s" && number <= kMostMs / kMsPerSecond) {
        number *= kMsPerSecond;
        text = "ms";
    }
    if (!has_number || text != "ms" || number < 1 || number > kMostMs)
        return fail(EINVAL, "is not a time; use milliseconds such as 50ms, at most 2000ms");
    budget.context.gpu_burst_ns = number * kNsPerMs;
    return {};
}

Status set_priority(Budget& budget, std::string_view text) {
    const auto found = std::ranges::find(kPriorities, text);
    if (found == kPriorities.end())
        return fail(EINVAL, "is not a priority; use low, normal, high or realtime");
    budget.context.priority = static_cast<PriorityCeiling>(found - kPriorities.begin());
    return {};
}

// "gfx=1,compute=0": the classes that are not named stay as they are.
Status set_queues(Budget& budget, std::string_view text) {
    while (!text.empty()) {
        const size_t end = std::min(text.find(','), text.size());
        std::string_view item = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const size_t equals = item.find('=');
        const auto found = std::ranges::find(kQueueClassNames, item.substr(0, equals));
        uint32_t count = 0;
        const bool all = equals != std::string_view::npos && item.substr(equals + 1) == "all";
        if (equals == std::string_view::npos || found == kQueueClassNames.end() ||
            !(all || set_count(count, item.substr(equals + 1))))
            return fail(EINVAL,
                        "is not a list of queues; use gfx, compute, copy or video with a number "
                        "or all, such as gfx=1,compute=2,video=0");
        budget.context.queues[static_cast<size_t>(found - kQueueClassNames.begin())] =
            all ? ContextLimits::kAllQueues : count;
    }
    return {};
}

// By DeviceWide's bits.
constexpr std::array<std::string_view, 4> kDeviceWide = {"pstate", "vmid", "gds", "sensors"};

// "pstate,sensors", or "none": all of it, what is not named is forbidden.
Status set_allowed(Budget& budget, std::string_view text) {
    uint32_t allowed = 0;
    for (std::string_view rest = text == "none" ? "" : text; !rest.empty();) {
        const std::string_view item = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(item.size() + 1, rest.size()));
        const auto found = std::ranges::find(kDeviceWide, item);
        if (found == kDeviceWide.end())
            return fail(EINVAL,
                        "is not a list of things to allow; use pstate, vmid, gds and sensors with "
                        "commas between them, or none");
        allowed |= 1u << (found - kDeviceWide.begin());
    }
    budget.context.allowed = allowed;
    return {};
}

std::string show_allowed(const Budget& budget) {
    std::string text;
    for (size_t i = 0; i < kDeviceWide.size(); ++i)
        if (budget.context.allowed & (1u << i))
            text += fmt::format("{}{}", text.empty() ? "" : ",", kDeviceWide[i]);
    return text.empty() ? "none" : text;
}

std::string show_size(uint64_t bytes) {
    return bytes == 0 ? "-" : format_size(bytes);
}

std::string show_count(uint32_t count) {
    return count == 0 ? "-" : fmt::format("{}", count);
}

std::string show_queues(const Budget& budget) {
    std::string text;
    for (size_t i = 0; i < kQueueClasses; ++i) {
        const uint32_t count = budget.context.queues[i];
        if (count == ContextLimits::kAllQueues) continue;
        text += fmt::format("{}{}={}", text.empty() ? "" : ",", kQueueClassNames[i], count);
    }
    return text.empty() ? "-" : text;
}

constexpr BudgetKey kKeys[] = {
    {"gpu_memory", "VIADUCT_GPU_MEMORY",
     [](Budget& b, std::string_view t) { return set_memory(b.context.vm_memory, t); },
     [](const Budget& b) { return show_size(b.context.vm_memory); }},
    {"gpu_memory_per_context", "VIADUCT_GPU_MEMORY_PER_CONTEXT",
     [](Budget& b, std::string_view t) { return set_memory(b.context.context_memory, t); },
     [](const Budget& b) { return show_size(b.context.context_memory); }},
    {"gpu_share", "VIADUCT_GPU_SHARE", set_share,
     [](const Budget& b) {
         return b.context.limits_gpu_time() ? fmt::format("{}%", b.context.gpu_share) : "-";
     }},
    {"gpu_burst", "VIADUCT_GPU_BURST", set_burst,
     [](const Budget& b) { return fmt::format("{}ms", b.context.gpu_burst_ns / 1'000'000); }},
    {"contexts", "VIADUCT_CONTEXTS",
     [](Budget& b, std::string_view t) { return set_count(b.contexts, t); },
     [](const Budget& b) { return show_count(b.contexts); }},
    {"buffers", "VIADUCT_BUFFERS",
     [](Budget& b, std::string_view t) { return set_count(b.context.buffers, t); },
     [](const Budget& b) { return show_count(b.context.buffers); }},
    {"mappings", "VIADUCT_MAPPINGS",
     [](Budget& b, std::string_view t) { return set_count(b.context.mappings, t); },
     [](const Budget& b) { return show_count(b.context.mappings); }},
    {"regions", "VIADUCT_REGIONS",
     [](Budget& b, std::string_view t) { return set_count(b.context.regions, t); },
     [](const Budget& b) { return show_count(b.context.regions); }},
    // Descriptors in the VMM. A worker that ran out of its own would lose the guest's context, so
    // the limit in its jail is far above any driver's need.
    {"descriptors", "VIADUCT_DESCRIPTORS",
     [](Budget& b, std::string_view t) { return set_descriptors(b.descriptors, t); },
     [](const Budget& b) { return show_descriptors(b.descriptors); }},
    {"losses", "VIADUCT_LOSSES",
     [](Budget& b, std::string_view t) { return set_count(b.losses, t); },
     [](const Budget& b) { return show_count(b.losses); }},
    {"window", "VIADUCT_WINDOW",
     [](Budget& b, std::string_view t) { return set_size(b.window, t); },
     [](const Budget& b) { return show_size(b.window); }},
    {"queues", "VIADUCT_QUEUES", set_queues, show_queues},
    {"priority", "VIADUCT_PRIORITY", set_priority,
     [](const Budget& b) {
         return std::string(kPriorities[static_cast<size_t>(b.context.priority)]);
     }},
    {"allow", "VIADUCT_ALLOW", set_allowed, show_allowed},
};

}  // namespace

UsageLimits Budget::usage_limits() const {
    const uint32_t most = descriptors == kHalfOfOpenFiles ? half_of_open_files() : descriptors;
    return {contexts, most, window, losses, profile};
}

std::span<const BudgetKey> budget_keys() {
    return kKeys;
}

Result<uint64_t> parse_size(std::string_view text) {
    constexpr std::string_view kUnits = "KMGT";
    uint64_t number = 0;
    const bool has_number = take_number(text, number);
    const size_t unit = text.empty() ? std::string_view::npos : kUnits.find(text.front());
    const auto shift = unit == std::string_view::npos ? 0 : 10 * (static_cast<unsigned>(unit) + 1);
    if (unit != std::string_view::npos) text.remove_prefix(1);
    const bool suffix_known = text.empty() || (shift != 0 && (text == "iB" || text == "B"));
    if (!has_number || !suffix_known || number > (std::numeric_limits<uint64_t>::max() >> shift))
        return fail(EINVAL, "is not a size; use bytes, or K, M, G or T as in 256M");
    return number << shift;
}

std::string format_size(uint64_t bytes) {
    constexpr std::array kUnits = {"", "K", "M", "G", "T"};
    size_t unit = 0;
    for (; unit + 1 < kUnits.size() && bytes != 0 && bytes % 1024 == 0; ++unit) bytes /= 1024;
    return fmt::format("{}{}", bytes, kUnits[unit]);
}

}  // namespace viaduct
