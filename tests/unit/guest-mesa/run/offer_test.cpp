#include "guest-mesa/run/offer.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/guest-mesa/layer/fake_host.h"
#include "wire/amdgpu_capset.h"

namespace viaduct::guest {
namespace {

using test::FakeHost;

// `name` may fill its field, without a NUL.
void name_gpu(FakeHost& host, std::string_view name) {
    auto amdgpu = host.capset.member<viaduct::wire::amdgpu::Capset>();
    name.copy(amdgpu.marketing_name, sizeof(amdgpu.marketing_name));
    host.capset.set_member(amdgpu);
}

TEST(OfferTest, AHostWithEverythingIsUsable) {
    FakeHost host;
    host.capset.version_patchlevel = 0;
    name_gpu(host, "Radeon");
    const auto offer = look_at({host, 7});
    ASSERT_TRUE(offer);
    EXPECT_TRUE(offer->usable()) << describe(*offer);
    EXPECT_NE(describe(*offer).find("amdgpu 3.57.0, Radeon"), std::string::npos)
        << describe(*offer);
    EXPECT_FALSE(host.context_initialised);
    EXPECT_TRUE(host.sent.empty());
}

TEST(OfferTest, ANodeOfAnotherDriverOffersNothing) {
    FakeHost host;
    host.node_name = "amdgpu";
    EXPECT_FALSE(look_at({host, 7}));
}

TEST(OfferTest, WhatIsMissingIsSaidWithItsRemedy) {
    using Param = wire::virtgpu::Param;
    const struct {
        const char* remedy;
        std::function<void(FakeHost&)> change;
    } rows[] = {
        {"virtio-gpu-gl", [](auto& host) { host.missing_params.insert(Param::k3dFeatures); }},
        {"blob=on", [](auto& host) { host.missing_params.insert(Param::kResourceBlob); }},
        {"hostmem=", [](auto& host) { host.missing_params.insert(Param::kHostVisible); }},
        {"kernel is too old", [](auto& host) { host.missing_params.insert(Param::kContextInit); }},
        {"drm_native_context=on",
         [](auto& host) { host.capset.context_type = wire::ContextType::kNone; }},
        {"Linux 6.6", [](auto& host) { host.cap_value = 0; }},
        {"virtio back ends",
         [](auto& host) { host.capset.context_type = wire::ContextType::kAsahi; }},
    };
    for (const auto& row : rows) {
        FakeHost host;
        row.change(host);
        const auto offer = look_at({host, 7});
        ASSERT_TRUE(offer);
        EXPECT_FALSE(offer->usable()) << row.remedy;
        const std::string text = describe(*offer);
        EXPECT_NE(text.find(row.remedy), std::string::npos) << text;
        EXPECT_EQ(text.find(" no\n"), text.rfind(" no\n")) << text;
    }
}

TEST(OfferTest, TheHostsTextEndsWhereItsFieldDoes) {
    FakeHost host;
    const std::string name(sizeof(viaduct::wire::amdgpu::Capset::marketing_name), 'x');
    name_gpu(host, name);
    const auto offer = look_at({host, 7});
    ASSERT_TRUE(offer);
    EXPECT_NE(describe(*offer).find(name + "\n"), std::string::npos);
}

}  // namespace
}  // namespace viaduct::guest
