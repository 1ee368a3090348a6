#include "guest-mesa/layer/pci_stand_in.h"

#include <cstdlib>
#include <cstring>

namespace viaduct::guest {

namespace {

/// renderD128 is the first (Linux: DRM_MINOR_RENDER); 0 for what has another name.
uint8_t index_of_render_node(const drmDevice& device) {
    constexpr long kFirst = 128;
    if (!(device.available_nodes & (1 << DRM_NODE_RENDER))) return 0;
    const char* number = std::strstr(device.nodes[DRM_NODE_RENDER], "renderD");
    if (!number) return 0;
    const long minor = std::strtol(number + std::strlen("renderD"), nullptr, 10);
    return minor < kFirst ? uint8_t{0} : static_cast<uint8_t>(minor - kFirst);
}

}  // namespace

drmDevicePtr make_pci_stand_in(const drmDevice& device) {
    struct Block {
        drmDevice device;
        char* nodes[DRM_NODE_MAX];
        char paths[DRM_NODE_MAX][64];
        drmPciBusInfo bus;
        drmPciDeviceInfo info;
    };
    auto* block = static_cast<Block*>(std::calloc(1, sizeof(Block)));
    if (!block) return nullptr;
    block->device.nodes = block->nodes;
    block->device.available_nodes = device.available_nodes;
    block->device.bustype = DRM_BUS_PCI;
    block->device.businfo.pci = &block->bus;
    block->device.deviceinfo.pci = &block->info;
    block->bus.bus = index_of_render_node(device);
    block->bus.dev = 0x1f;
    for (int i = 0; i < DRM_NODE_MAX; ++i) {
        block->nodes[i] = block->paths[i];
        if (!(device.available_nodes & (1 << i)) ||
            std::strlen(device.nodes[i]) >= sizeof(block->paths[i]))
            continue;
        std::strcpy(block->paths[i], device.nodes[i]);
    }
    return &block->device;
}

}  // namespace viaduct::guest
