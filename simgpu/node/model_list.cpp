#include "simgpu/node/model_list.h"

#include <fmt/format.h>

#include <algorithm>

namespace simgpu::node {

namespace {

constexpr size_t kMaxDevices = 8;

}  // namespace

tl::expected<std::vector<OpenOptions>, std::string> parse_model_list(std::string_view list,
                                                                     std::string_view instance) {
    if (list.empty()) list = model_name(Model::kRenoir);
    if (instance.empty()) instance = "default";
    std::vector<OpenOptions> devices;
    for (size_t at = 0; at <= list.size();) {
        const size_t end = std::min(list.find(',', at), list.size());
        const std::string_view name = list.substr(at, end - at);
        at = end + 1;
        const auto model = parse_model(name);
        if (!model)
            return tl::unexpected(fmt::format(
                "VIADUCT_SIMGPU={} names no simulated GPU; it is renoir or vega10, or several of "
                "them with commas between. There will be no device",
                list));
        if (devices.size() == kMaxDevices)
            return tl::unexpected(fmt::format(
                "VIADUCT_SIMGPU names more than {} devices. There will be none", kMaxDevices));
        const auto same = std::ranges::count(devices, *model, &OpenOptions::model);
        devices.push_back(
            {*model, same == 0 ? std::string(instance) : fmt::format("{}.{}", instance, same + 1)});
    }
    return devices;
}

}  // namespace simgpu::node
