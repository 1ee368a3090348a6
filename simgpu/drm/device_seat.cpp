#include "simgpu/drm/device_seat.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "simgpu/drm/runtime_pm.h"
#include "simgpu/log.h"
#include "simgpu/shared/fence_board.h"
#include "simgpu/shared/leftovers.h"
#include "simgpu/simgpu.h"

namespace simgpu::drm {

namespace {

bool valid_instance(std::string_view instance) {
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return !instance.empty() && instance.size() <= 64 &&
           instance.find_first_not_of(kAllowed) == std::string_view::npos;
}

std::string choose_instance(const std::string& wanted) {
    if (!wanted.empty()) return wanted;
    const char* text = std::getenv("VIADUCT_SIMGPU_INSTANCE");
    return text && *text ? text : "default";
}

}  // namespace

tl::expected<DeviceSeat, int> take_seat(std::string_view chip, const std::string& wanted,
                                        const std::array<uint64_t, shared::kHeaps>& limits) {
    const char* resume = std::getenv("VIADUCT_SIMGPU_RESUME_MS");
    if (const auto pm = parse_resume(resume ? resume : ""); !pm) {
        log("VIADUCT_SIMGPU_RESUME_MS: {}", pm.error().message);
        return tl::unexpected(EINVAL);
    }
    const std::string instance = choose_instance(wanted);
    if (!valid_instance(instance)) {
        log("device instance '{}' is not 1 to 64 letters, digits, '-', '_' or '.'", instance);
        return tl::unexpected(EINVAL);
    }
    shared::remove_leftovers(shared::own_segment_name(""));
    auto device = shared::SharedDevice::attach(
        shared::own_segment_name(fmt::format("{}-{}", chip, instance)), limits);
    if (!device) {
        log("cannot open the simulated {}: {}", chip, device.error().message);
        return tl::unexpected(device.error().code);
    }
    wake_device(**device);
    shared::FenceBoard::instance();  // now: a jailed process cannot attach to it later
    viaduct::UniqueFd stand_in(::memfd_create(kStandInName, MFD_CLOEXEC));
    if (!stand_in) return tl::unexpected(errno);
    return DeviceSeat{std::move(*device), std::move(stand_in)};
}

}  // namespace simgpu::drm
