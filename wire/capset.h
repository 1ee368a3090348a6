// Wire format of the capability set of native contexts (capset 6). Layouts only, little-endian;
// both sides include this file. Offsets: Mesa's src/virtio/vdrm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace viaduct::wire {

inline constexpr uint32_t kCapsetDrm = 6;

/// Capset `context_type`: which kernel driver's interface the host offers.
enum class ContextType : uint32_t {
    kNone = 0,
    kMsm = 1,
    kAmdgpu = 2,
    kI915 = 3,
    kAsahi = 4,
    kPanfrost = 5,
    kXe = 6,
};

/// Capset 6, version 0. Always the long form: guests copy the smaller of theirs and ours.
struct CapsetDrm {
    static constexpr size_t kDriverRoom = 568;  // bytes: amdgpu's member, the largest

    uint32_t wire_format_version;
    uint32_t version_major;
    uint32_t version_minor;
    uint32_t version_patchlevel;
    ContextType context_type;
    uint32_t pad;
    std::byte driver[kDriverRoom];  // the driver's member, and zeros

    /// The driver's member: a structure of its own wire header.
    template <typename Member>
    Member member() const {
        static_assert(sizeof(Member) <= kDriverRoom && std::is_trivially_copyable_v<Member>);
        Member copy{};
        std::memcpy(&copy, driver, sizeof(copy));
        return copy;
    }
    template <typename Member>
    void set_member(const Member& member) {
        static_assert(sizeof(Member) <= kDriverRoom && std::is_trivially_copyable_v<Member>);
        std::memcpy(driver, &member, sizeof(member));
    }
};
static_assert(sizeof(CapsetDrm) == 592);
static_assert(offsetof(CapsetDrm, driver) == 24);

}  // namespace viaduct::wire
