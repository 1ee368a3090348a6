#include "guest-mesa/layer/pci_stand_in.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace viaduct::guest {
namespace {

using StandIn = std::unique_ptr<drmDevice, decltype(&std::free)>;

StandIn stand_in_of(std::string card, std::string render) {
    char* nodes[DRM_NODE_MAX] = {};
    nodes[DRM_NODE_PRIMARY] = card.data();
    nodes[DRM_NODE_RENDER] = render.data();
    drmDevice device{};
    device.nodes = nodes;
    device.available_nodes = 1 << DRM_NODE_PRIMARY | 1 << DRM_NODE_RENDER;
    device.bustype = DRM_BUS_PLATFORM;
    return {make_pci_stand_in(device), std::free};
}

TEST(PciStandIn, HasTheNodesOfItsDevice) {
    const StandIn device = stand_in_of("/dev/dri/card0", "/dev/dri/renderD128");
    ASSERT_TRUE(device);
    EXPECT_EQ(device->bustype, DRM_BUS_PCI);
    EXPECT_EQ(device->available_nodes, 1 << DRM_NODE_PRIMARY | 1 << DRM_NODE_RENDER);
    EXPECT_STREQ(device->nodes[DRM_NODE_PRIMARY], "/dev/dri/card0");
    EXPECT_STREQ(device->nodes[DRM_NODE_RENDER], "/dev/dri/renderD128");
}

// A guest on virtio-mmio with two GPUs.
TEST(PciStandIn, HasAPlaceOfItsOwn) {
    const StandIn first = stand_in_of("/dev/dri/card0", "/dev/dri/renderD128");
    const StandIn second = stand_in_of("/dev/dri/card1", "/dev/dri/renderD129");
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->businfo.pci->bus, 0);
    EXPECT_EQ(second->businfo.pci->bus, 1);
    EXPECT_EQ(second->businfo.pci->dev, 0x1f);
}

TEST(PciStandIn, TakesANodeOfAnyName) {
    const std::string long_name = "/dev/" + std::string(80, 'x');
    const StandIn device = stand_in_of(long_name, "/dev/dri/gpu");
    ASSERT_TRUE(device);
    EXPECT_EQ(device->businfo.pci->bus, 0);
    EXPECT_STREQ(device->nodes[DRM_NODE_PRIMARY], "") << "it does not fit";
}

}  // namespace
}  // namespace viaduct::guest
