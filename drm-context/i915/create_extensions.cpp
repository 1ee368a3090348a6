#include "drm-context/i915/create_extensions.h"

#include <cstring>

#include "drm-context/context/request.h"
#include "drm-context/i915/uapi.h"

namespace viaduct::i915 {

namespace {

constexpr size_t kMostExtensions = 64;  // the kernel has three kinds, and takes each once or so

template <typename T>
T load(std::span<const std::byte> bytes) {
    return element<T>(bytes, 0);
}
template <typename T>
void store(std::span<std::byte> bytes, const T& value) {
    std::memcpy(bytes.data(), &value, sizeof(value));
}
uint64_t address_of(std::span<std::byte> bytes) {
    return reinterpret_cast<uintptr_t>(bytes.data());
}

}  // namespace

// The index is the extension's name.
const CreateExtensions::Kind CreateExtensions::kKinds[] = {
    {sizeof(drm_i915_gem_create_ext_memory_regions), &CreateExtensions::read_regions},
    {sizeof(drm_i915_gem_create_ext_protected_content), &CreateExtensions::read_protected},
    {sizeof(CreateExtSetPat), &CreateExtensions::read_pat},
};

Status CreateExtensions::parse(std::span<const std::byte> packed) {
    size_t count = 0;
    while (!packed.empty()) {
        if (packed.size() < sizeof(i915_user_extension))
            return fail(EINVAL, "{} bytes are too short for an extension", packed.size());
        if (++count > kMostExtensions) return fail(EINVAL, "more than {} extensions", count - 1);
        auto base = load<i915_user_extension>(packed);
        if (base.name >= std::size(kKinds))
            return fail(EINVAL, "unknown buffer extension {}", base.name);
        const Kind& kind = kKinds[base.name];
        if (packed.size() < kind.size)
            return fail(EINVAL, "extension {}: length {} exceeds the {} bytes left", base.name,
                        kind.size, packed.size());
        const auto entry = keep(packed.first(kind.size));
        base.next_extension = 0;
        store(entry, base);
        packed = packed.subspan(kind.size);
        if (Status status = (this->*kind.read)(entry, packed); !status) return status;
        const uint64_t address = address_of(entry);
        if (last_)
            std::memcpy(last_ + offsetof(i915_user_extension, next_extension), &address,
                        sizeof(address));
        else
            chain_ = address;
        last_ = entry.data();
    }
    return {};
}

std::span<std::byte> CreateExtensions::keep(std::span<const std::byte> bytes) {
    auto& words = memory_.emplace_back((bytes.size() + sizeof(uint64_t) - 1) / sizeof(uint64_t));
    if (!bytes.empty()) std::memcpy(words.data(), bytes.data(), bytes.size());
    return std::as_writable_bytes(std::span(words)).first(bytes.size());
}

Status CreateExtensions::read_regions(std::span<std::byte> entry,
                                      std::span<const std::byte>& rest) {
    using Region = drm_i915_gem_memory_class_instance;
    auto extension = load<drm_i915_gem_create_ext_memory_regions>(entry);
    if (extension.num_regions > rest.size() / sizeof(Region))
        return fail(EINVAL, "{} memory regions exceed the {} bytes left", extension.num_regions,
                    rest.size());
    const size_t size = extension.num_regions * sizeof(Region);
    const auto regions = keep(rest.first(size));
    rest = rest.subspan(size);
    extension.regions = size == 0 ? 0 : address_of(regions);
    store(entry, extension);
    for (uint32_t i = 0; i < extension.num_regions; ++i) {
        if (element<Region>(regions, i).memory_class != I915_MEMORY_CLASS_DEVICE) continue;
        place_ = MemoryPlace::kLocal;
        if (!has_pat_) cache_ = MapCache::kWriteCombined;
    }
    return {};
}

Status CreateExtensions::read_protected(std::span<std::byte>, std::span<const std::byte>&) {
    return {};
}

Status CreateExtensions::read_pat(std::span<std::byte> entry, std::span<const std::byte>&) {
    constexpr uint32_t kWriteCombinedPat = 1;  // of Meteor Lake's table; 0 is write-back
    has_pat_ = true;
    const bool combined = load<CreateExtSetPat>(entry).pat_index == kWriteCombinedPat;
    cache_ = combined ? MapCache::kWriteCombined : MapCache::kCached;
    return {};
}

}  // namespace viaduct::i915
