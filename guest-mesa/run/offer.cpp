#include "guest-mesa/run/offer.h"

#include <drm.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>

#include "guest-mesa/layer/guest_driver.h"
#include "guest-mesa/layer/node_probe.h"
#include "guest-mesa/layer/virtgpu_ioctls.h"
#include "wire/amdgpu_capset.h"

namespace viaduct::guest {

namespace {

struct ParamNeed {
    virtgpu::Param param;
    const char* name;
    const char* remedy;
};
constexpr ParamNeed kParamNeeds[] = {
    {virtgpu::Param::k3dFeatures, "3D", "the monitor's device has no GL: virtio-gpu-gl"},
    {virtgpu::Param::kResourceBlob, "blob resources", "the monitor's device lacks blob=on"},
    {virtgpu::Param::kHostVisible, "host-visible memory",
     "the monitor's device lacks hostmem=..., for example hostmem=32G"},
    {virtgpu::Param::kContextInit, "context initialisation", "the guest's kernel is too old"},
};

constexpr const char* kCapsetRemedy =
    "the monitor's device lacks drm_native_context=on, or the host has no GPU for it: see its "
    "log";
constexpr const char* kSyncobjRemedy = "Linux 6.6 or newer is needed";
constexpr const char* kDriverRemedy = "a Mesa with virtio back ends of its own may use it";

uint32_t get_param(const Channel& channel, virtgpu::Param param) {
    uint32_t value = 0;
    virtgpu::GetParam arg{static_cast<uint64_t>(param), user_pointer(&value)};
    const auto request = virtgpu::request<virtgpu::GetParam>(virtgpu::Ioctl::kGetParam);
    return channel.ioctl(request, &arg) < 0 ? 0 : value;
}

std::string host_gpu(const Offer& offer) {
    const wire::CapsetDrm& capset = *offer.capset;
    if (!offer.driver)
        return fmt::format("driver of context type {}", static_cast<uint32_t>(capset.context_type));
    std::string text = fmt::format("{} {}.{}.{}", offer.driver, capset.version_major,
                                   capset.version_minor, capset.version_patchlevel);
    if (capset.context_type == wire::ContextType::kAmdgpu) {
        const auto amdgpu = capset.member<wire::amdgpu::Capset>();
        const size_t length = strnlen(amdgpu.marketing_name, sizeof(amdgpu.marketing_name));
        if (length > 0)
            text += fmt::format(", {}", std::string_view(amdgpu.marketing_name, length));
    }
    return text;
}

}  // namespace

bool Offer::usable() const {
    return std::all_of(needs.begin(), needs.end(), [](const Need& need) { return need.met; });
}

std::optional<Offer> look_at(const Channel& channel) {
    if (!is_virtio_gpu(channel)) return std::nullopt;
    Offer offer;
    for (const ParamNeed& need : kParamNeeds)
        offer.needs.push_back({need.name, get_param(channel, need.param) != 0, need.remedy});
    offer.capset = find_native_capset(channel);
    offer.needs.push_back({"native contexts", offer.capset.has_value(), kCapsetRemedy});
    if (!offer.capset) return offer;
    offer.needs.push_back({"timeline syncobjs", has_timeline_syncobjs(channel), kSyncobjRemedy});
    if (const DriverRow* row = find_driver(offer.capset->context_type)) offer.driver = row->name;
    offer.needs.push_back(
        {"a driver that the layer plays", offer.driver != nullptr, kDriverRemedy});
    return offer;
}

std::string describe(const Offer& offer) {
    std::string text;
    const auto out = std::back_inserter(text);
    for (const Need& need : offer.needs) {
        fmt::format_to(out, "  {:<32} {}\n", need.name, need.met ? "yes" : "no");
        if (!need.met) fmt::format_to(out, "    {}\n", need.remedy);
    }
    if (offer.capset) fmt::format_to(out, "  {:<32} {}\n", "the host's GPU", host_gpu(offer));
    return text;
}

}  // namespace viaduct::guest
