#include "simgpu/inject.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "base/mutex.h"
#include "simgpu/chips.h"
#include "simgpu/fork_mutex.h"

namespace simgpu {

namespace {

using viaduct::fail;
using viaduct::Result;
using viaduct::Status;
using Kind = InjectionRule::Kind;

struct KindName {
    std::string_view name;
    Kind kind;
};
constexpr std::array kKinds = {
    KindName{"slow", Kind::kSlow},       KindName{"hang", Kind::kHang},
    KindName{"fault", Kind::kFault},     KindName{"reset", Kind::kReset},
    KindName{"oom", Kind::kOutOfMemory}, KindName{"interrupt", Kind::kInterrupt},
};

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

Result<uint64_t> parse_number(std::string_view setting, std::string_view text) {
    uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end)
        return fail(EINVAL, "'{}' of injection setting '{}' is not a number", text, setting);
    return value;
}

Status set_number(std::string_view name, std::string_view value, uint64_t* to) {
    const auto number = parse_number(name, value);
    if (!number) return tl::unexpected(number.error());
    *to = *number;
    return {};
}

Status set_ring(InjectionRule& rule, std::string_view, std::string_view value) {
    const std::vector<std::string_view> kinds = ring_kinds(chips());
    if (std::ranges::find(kinds, value) == kinds.end())
        return fail(EINVAL, "injection names ring '{}': use {}", value, alternatives(kinds));
    rule.ring = value;
    return {};
}

Status set_client(InjectionRule& rule, std::string_view, std::string_view value) {
    rule.client = value;
    return {};
}

Status set_nth(InjectionRule& rule, std::string_view name, std::string_view value) {
    if (auto status = set_number(name, value, &rule.nth); !status) return status;
    if (rule.nth == 0) return fail(EINVAL, "injection counts from nth=1");
    return {};
}

Status set_every(InjectionRule& rule, std::string_view name, std::string_view value) {
    if (auto status = set_number(name, value, &rule.every); !status) return status;
    if (rule.every == 0) return fail(EINVAL, "injection setting every=0 has no meaning");
    return {};
}

Status set_milliseconds(InjectionRule& rule, std::string_view name, std::string_view value) {
    return set_number(name, value, &rule.milliseconds);
}

Status set_blame(InjectionRule& rule, std::string_view, std::string_view value) {
    if (value != "guilty" && value != "innocent")
        return fail(EINVAL, "injection blames '{}': guilty or innocent", value);
    rule.innocent = value == "innocent";
    return {};
}

Status set_recovery(InjectionRule& rule, std::string_view, std::string_view value) {
    using Recovery = InjectionRule::Recovery;
    constexpr std::array<std::pair<std::string_view, Recovery>, 4> kRecoveries = {
        {{"soft", Recovery::kSoft},
         {"ring", Recovery::kRing},
         {"full", Recovery::kFull},
         {"vram", Recovery::kVram}}};
    for (const auto& [name, recovery] : kRecoveries) {
        if (name != value) continue;
        rule.recovery = recovery;
        return {};
    }
    return fail(EINVAL, "injection recovers by '{}': use soft, ring, full or vram", value);
}

Status set_error(InjectionRule& rule, std::string_view, std::string_view value) {
    if (value != "intr" && value != "again")
        return fail(EINVAL, "injection interrupts with '{}': use intr or again", value);
    rule.again = value == "again";
    return {};
}

Status set_bytes(InjectionRule& rule, std::string_view name, std::string_view value) {
    constexpr std::string_view kUnits = "KMG";
    unsigned shift = 0;
    if (const size_t unit = value.empty() ? std::string_view::npos : kUnits.find(value.back());
        unit != std::string_view::npos) {
        shift = 10 * (static_cast<unsigned>(unit) + 1);
        value.remove_suffix(1);
    }
    if (auto status = set_number(name, value, &rule.bytes); !status) return status;
    if (rule.bytes > UINT64_MAX >> shift) return fail(EINVAL, "injection bytes are too many");
    rule.bytes <<= shift;
    return {};
}

/// A setting, and the kinds it makes sense for.
struct Setting {
    std::string_view name;
    uint32_t kinds;
    Status (*set)(InjectionRule&, std::string_view name, std::string_view value);
};

constexpr uint32_t bit(Kind kind) {
    return 1u << static_cast<unsigned>(kind);
}
constexpr uint32_t kJobs =
    bit(Kind::kSlow) | bit(Kind::kHang) | bit(Kind::kFault) | bit(Kind::kReset);
constexpr uint32_t kRecovered = bit(Kind::kHang) | bit(Kind::kFault) | bit(Kind::kReset);
constexpr uint32_t kAny = kJobs | bit(Kind::kOutOfMemory) | bit(Kind::kInterrupt);
constexpr std::array kSettings = {
    Setting{"ring", kJobs, set_ring},
    Setting{"client", kAny, set_client},
    Setting{"nth", kAny, set_nth},
    Setting{"every", kAny, set_every},
    Setting{"ms", bit(Kind::kSlow), set_milliseconds},
    Setting{"recovery", kRecovered, set_recovery},
    Setting{"error", bit(Kind::kInterrupt), set_error},
    Setting{"blame", bit(Kind::kReset), set_blame},
    Setting{"bytes", bit(Kind::kOutOfMemory), set_bytes},
};

Result<InjectionRule> parse_rule(std::string_view text) {
    const std::vector<std::string_view> parts = split(text, ':');
    const auto kind = std::ranges::find(kKinds, parts[0], &KindName::name);
    if (kind == kKinds.end())
        return fail(EINVAL, "unknown injection '{}': use slow, hang, fault, reset, oom, interrupt",
                    parts[0]);
    InjectionRule rule;
    rule.kind = kind->kind;
    for (size_t i = 1; i < parts.size(); ++i) {
        const size_t equals = parts[i].find('=');
        const std::string_view name = parts[i].substr(0, equals);
        const auto setting = std::ranges::find(kSettings, name, &Setting::name);
        if (setting == kSettings.end() || equals == std::string_view::npos)
            return fail(EINVAL, "injection '{}' has no setting '{}'", parts[0], parts[i]);
        if (!(setting->kinds & bit(rule.kind)))
            return fail(EINVAL, "injection '{}' does not take '{}'", parts[0], name);
        if (auto status = setting->set(rule, name, parts[i].substr(equals + 1)); !status)
            return tl::unexpected(status.error());
    }
    return rule;
}

/// The rules in force, each with its count of matches.
struct Injector {
    ForkMutex mutex;
    std::vector<InjectionRule> rules VIADUCT_GUARDED_BY(mutex);
    std::vector<uint64_t> matches VIADUCT_GUARDED_BY(mutex);
    Status status VIADUCT_GUARDED_BY(mutex);

    Injector() {
        const char* text = std::getenv("VIADUCT_SIMGPU_INJECT");
        auto parsed = parse_injection(text ? text : "");
        if (parsed)
            set(std::move(*parsed));
        else
            status = tl::unexpected(parsed.error());
    }

    void set(std::vector<InjectionRule> list) VIADUCT_REQUIRES(mutex) {
        rules = std::move(list);
        matches.assign(rules.size(), 0);
        status = {};
    }

    bool applies(size_t index) VIADUCT_REQUIRES(mutex) {
        const uint64_t count = ++matches[index];
        const InjectionRule& rule = rules[index];
        if (rule.nth != 0) return count == rule.nth;
        return rule.every == 0 || count % rule.every == 0;
    }
};

Injector& injector() {
    static auto* the_injector = new Injector;  // ring threads may outlive static objects
    return *the_injector;
}

bool matches_client(const InjectionRule& rule, std::string_view client) {
    if (rule.client.empty() || rule.client == client) return true;
    // A host of virtual machines calls its clients "VM/program".
    const size_t slash = client.rfind('/');
    return slash != std::string_view::npos && rule.client == client.substr(slash + 1);
}

}  // namespace

Result<std::vector<InjectionRule>> parse_injection(std::string_view text) {
    std::vector<InjectionRule> rules;
    if (text.empty()) return rules;
    for (const std::string_view part : split(text, ',')) {
        auto rule = parse_rule(part);
        if (!rule) return tl::unexpected(rule.error());
        rules.push_back(std::move(*rule));
    }
    return rules;
}

void set_injection(std::vector<InjectionRule> rules) {
    Injector& state = injector();
    const viaduct::LockGuard lock(state.mutex);
    state.set(std::move(rules));
}

Status injection_status() {
    Injector& state = injector();
    const viaduct::LockGuard lock(state.mutex);
    return state.status;
}

std::optional<InjectionRule> inject_into_job(std::string_view ring, std::string_view client) {
    Injector& state = injector();
    const viaduct::LockGuard lock(state.mutex);
    std::optional<InjectionRule> first;
    for (size_t i = 0; i < state.rules.size(); ++i) {
        const InjectionRule& rule = state.rules[i];
        if (!(kJobs & bit(rule.kind)) || !matches_client(rule, client)) continue;
        if (!rule.ring.empty() && rule.ring != ring) continue;
        if (state.applies(i) && !first) first = rule;
    }
    return first;
}

int inject_into_ioctl(bool submission, std::string_view client) {
    Injector& state = injector();
    const viaduct::LockGuard lock(state.mutex);
    int error = 0;
    for (size_t i = 0; i < state.rules.size(); ++i) {
        const InjectionRule& rule = state.rules[i];
        if (rule.kind != Kind::kInterrupt || !matches_client(rule, client)) continue;
        if (rule.again && !submission) continue;
        if (state.applies(i) && error == 0) error = rule.again ? -EAGAIN : -EINTR;
    }
    return error;
}

bool inject_into_allocation(uint64_t bytes, std::string_view client) {
    Injector& state = injector();
    const viaduct::LockGuard lock(state.mutex);
    bool refuse = false;
    for (size_t i = 0; i < state.rules.size(); ++i) {
        const InjectionRule& rule = state.rules[i];
        if (rule.kind != Kind::kOutOfMemory || !matches_client(rule, client)) continue;
        if (bytes >= rule.bytes && state.applies(i)) refuse = true;
    }
    return refuse;
}

}  // namespace simgpu
