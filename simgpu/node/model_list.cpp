#include "simgpu/node/model_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "simgpu/chips.h"

namespace simgpu::node {

namespace {

constexpr size_t kMaxDevices = 8;

}  // namespace

tl::expected<std::vector<OpenOptions>, std::string> parse_model_list(std::string_view list,
                                                                     std::string_view instance) {
    if (list.empty()) list = chips().front().name;
    if (instance.empty()) instance = "default";
    std::vector<OpenOptions> devices;
    for (size_t at = 0; at <= list.size();) {
        const size_t end = std::min(list.find(',', at), list.size());
        const std::string_view name = list.substr(at, end - at);
        at = end + 1;
        if (!find_chip(chips(), name))
            return tl::unexpected(
                fmt::format("VIADUCT_SIMGPU={} is not a simulated GPU; use {}, or several of them "
                            "separated by commas. No device is created",
                            list, chip_names(chips())));
        if (devices.size() == kMaxDevices)
            return tl::unexpected(fmt::format(
                "VIADUCT_SIMGPU names more than {} devices; none is created", kMaxDevices));
        const auto same = std::ranges::count(devices, name, &OpenOptions::model);
        devices.push_back({std::string(name), same == 0
                                                  ? std::string(instance)
                                                  : fmt::format("{}.{}", instance, same + 1)});
    }
    return devices;
}

}  // namespace simgpu::node
