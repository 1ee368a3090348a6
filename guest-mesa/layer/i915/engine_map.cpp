#include "guest-mesa/layer/i915/engine_map.h"

#include <cerrno>
#include <cstring>

#include "wire/i915.h"

namespace viaduct::guest::i915 {

namespace {

using Engine = i915_engine_class_instance;

constexpr size_t kHead = sizeof(i915_context_param_engines);
constexpr int kMostEngineExtensions = 64;
constexpr auto kNone = static_cast<uint16_t>(I915_ENGINE_CLASS_INVALID);

template <typename T>
T read_user(uint64_t address) {
    T value{};
    std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof(value));
    return value;
}

bool is_hole(const Engine& engine) {
    return engine.engine_class == kNone && engine.engine_instance == kNone;
}

int balance(uint64_t address, std::vector<Engine>& engines) {
    const auto balancer = read_user<i915_context_engines_load_balance>(address);
    if (balancer.engine_index >= engines.size()) return -EINVAL;
    Engine& balanced = engines[balancer.engine_index];
    if (!is_hole(balanced)) return -EEXIST;
    if (balancer.flags != 0 || balancer.mbz64 != 0) return -EINVAL;
    if (balancer.num_siblings != 0) balanced = read_user<Engine>(address + sizeof(balancer));
    return 0;
}

}  // namespace

int pack_engine_map(const drm_i915_gem_context_param& param, std::vector<std::byte>& map) {
    if (param.size < kHead || (param.size - kHead) % sizeof(Engine) != 0) return -EINVAL;
    if (param.size > viaduct::wire::i915::kMaxArgument) return -EINVAL;
    if (param.value == 0) return -EFAULT;
    std::vector<Engine> engines;
    for (size_t at = kHead; at < param.size; at += sizeof(Engine))
        engines.push_back(read_user<Engine>(param.value + at));
    int left = kMostEngineExtensions;
    for (auto at = read_user<uint64_t>(param.value); at != 0;) {
        if (left-- == 0) return -E2BIG;
        const auto extension = read_user<i915_user_extension>(at);
        if (extension.name == I915_CONTEXT_ENGINES_EXT_LOAD_BALANCE) {
            if (const int error = balance(at, engines); error < 0) return error;
        } else {
            return extension.name <= I915_CONTEXT_ENGINES_EXT_PARALLEL_SUBMIT ? -ENODEV : -EINVAL;
        }
        at = extension.next_extension;
    }
    const uint64_t no_extensions = 0;
    const auto* head = reinterpret_cast<const std::byte*>(&no_extensions);
    map.insert(map.end(), head, head + sizeof(no_extensions));
    const auto* entries = reinterpret_cast<const std::byte*>(engines.data());
    map.insert(map.end(), entries, entries + engines.size() * sizeof(Engine));
    return 0;
}

}  // namespace viaduct::guest::i915
