// Tables of ioctls, and the copying in and out that the DRM core does around a handler.
#pragma once

#include <drm.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>

#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/kernel.h"

namespace viaduct::guest {

/// One ioctl of `Owner`: its number, name, the size of the argument that the handler knows, and the
/// handler, which works on a private copy.
template <typename Owner>
struct IoctlRow {
    unsigned number;
    const char* name;
    size_t size;
    int (*handle)(Owner& owner, const Channel& channel, void* argument);
};

namespace detail {

template <auto Method>
struct Trampoline;

template <typename Owner, typename Argument, int (Owner::*Method)(const Channel&, Argument&)>
struct Trampoline<Method> {
    using OwnerType = Owner;
    static constexpr size_t kSize = sizeof(Argument);
    static int call(Owner& owner, const Channel& channel, void* argument) {
        return (owner.*Method)(channel, *static_cast<Argument*>(argument));
    }
};

}  // namespace detail

/// A row for `int Owner::method(const Channel&, Argument&)`.
template <auto Method>
constexpr auto ioctl_row(unsigned number, const char* name) {
    using Target = detail::Trampoline<Method>;
    return IoctlRow<typename Target::OwnerType>{number, name, Target::kSize, Target::call};
}

template <typename Owner>
const IoctlRow<Owner>* find_row(std::span<const IoctlRow<Owner>> table, unsigned number) {
    const auto row = std::find_if(table.begin(), table.end(),
                                  [&](const auto& each) { return each.number == number; });
    return row == table.end() ? nullptr : &*row;
}

void print_ioctl(const char* name, int result);

/// Runs a row on the caller's argument. As in the DRM core, the number decides and not the size:
/// what a shorter argument lacks is zero, and what a longer one adds is ignored and zeroed.
template <typename Owner>
int run_row(const IoctlRow<Owner>& row, Owner& owner, const Channel& channel, unsigned long request,
            void* argument) {
    alignas(8) std::array<std::byte, 512> copy{};
    if (row.size > copy.size()) return -EINVAL;
    const size_t caller_size = _IOC_SIZE(request);
    const size_t shared = std::min(caller_size, row.size);
    if (shared && !argument) return -EFAULT;
    if (request & IOC_IN) std::memcpy(copy.data(), argument, shared);
    const int result = row.handle(owner, channel, copy.data());
    if (request & IOC_OUT) {
        std::memcpy(argument, copy.data(), shared);
        if (caller_size > shared)
            std::memset(static_cast<std::byte*>(argument) + shared, 0, caller_size - shared);
    }
    if (debug_enabled()) print_ioctl(row.name, result);
    return result;
}

}  // namespace viaduct::guest
