#include "simgpu/node/device_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>

namespace simgpu::node {
namespace {

PlacedDevice device(int index, int bus, const std::string& virtio = "") {
    PlacedDevice placed;
    placed.description = {0x1002, 0x15e7, 0x1043, 0x8750, 0xc6, 0x030000, "amdgpu", virtio};
    placed.index = index;
    placed.pci_bus = bus;
    return placed;
}

const TreeEntry* find(const DeviceTree& tree, const std::string& path) {
    const auto found = std::ranges::find(tree.entries, path, &TreeEntry::path);
    return found == tree.entries.end() ? nullptr : &*found;
}

std::string content(const DeviceTree& tree, const std::string& path) {
    const TreeEntry* entry = find(tree, path);
    return entry != nullptr ? entry->content : "no such entry";
}

// Where a relative link leads, by its letters.
std::string target(const TreeEntry& link) {
    std::string at = link.path.substr(0, link.path.find_last_of('/'));
    std::string rest = link.content;
    while (rest.starts_with("../")) {
        at.resize(at.find_last_of('/'));
        rest.erase(0, 3);
    }
    return at + "/" + rest;
}

TEST(DeviceTree, NamesFollowTheMinors) {
    const PlacedDevice placed = device(5, 0x2a);
    EXPECT_EQ(placed.pci_address(), "0000:2a:00.0");
    EXPECT_EQ(placed.node_name(NodeType::kPrimary), "card5");
    EXPECT_EQ(placed.node_name(NodeType::kRender), "renderD133");
    EXPECT_EQ(placed.minor_number(NodeType::kPrimary), 5);
    EXPECT_EQ(placed.minor_number(NodeType::kRender), 133);
}

TEST(DeviceTree, EveryRelativeLinkLeadsToAnEntry) {
    for (const char* virtio : {"", "virtio0"}) {
        const DeviceTree tree = plan_device_tree({device(0, 3, virtio), device(1, 4)}, {});
        int links = 0;
        for (const TreeEntry& entry : tree.entries) {
            if (entry.kind != TreeEntry::Kind::kLink) continue;
            ++links;
            EXPECT_NE(find(tree, target(entry)), nullptr) << entry.path << " -> " << entry.content;
        }
        EXPECT_GT(links, 10);
    }
}

TEST(DeviceTree, ParentsComeFirstAndNothingTwice) {
    const DeviceTree tree = plan_device_tree({device(0, 3), device(1, 4, "virtio0")}, {});
    std::set<std::string> seen = {""};
    for (const TreeEntry& entry : tree.entries) {
        EXPECT_TRUE(seen.contains(entry.path.substr(0, entry.path.find_last_of('/'))))
            << entry.path;
        EXPECT_TRUE(seen.insert(entry.path).second) << entry.path << " twice";
    }
}

TEST(DeviceTree, IdentityIsInSysfsAndInConfigurationSpace) {
    const DeviceTree tree = plan_device_tree({device(0, 3)}, {});
    const std::string pci = "/sys/devices/pci0000:03/0000:03:00.0";
    EXPECT_EQ(content(tree, pci + "/vendor"), "0x1002\n");
    EXPECT_EQ(content(tree, pci + "/class"), "0x030000\n");
    EXPECT_EQ(content(tree, pci + "/uevent"),
              "DRIVER=amdgpu\nPCI_CLASS=30000\nPCI_ID=1002:15E7\nPCI_SUBSYS_ID=1043:8750\n"
              "PCI_SLOT_NAME=0000:03:00.0\n"
              "MODALIAS=pci:v00001002d000015E7sv00001043sd00008750bc03sc00i00\n");
    const std::string config = content(tree, pci + "/config");
    ASSERT_EQ(config.size(), 256u);
    EXPECT_EQ(config.substr(0x08, 4), std::string("\xc6\x00\x00\x03", 4));
    EXPECT_EQ(config.substr(0x2c, 4), std::string("\x43\x10\x50\x87", 4));
    EXPECT_EQ(content(tree, pci + "/drm/card0/dev"), "226:0\n");
}

TEST(DeviceTree, TheMachinesOwnEntriesAreListedBesideOurs) {
    const DeviceTree tree = plan_device_tree(
        {device(1, 4)}, {{"/dev/dri", {"card0", "renderD128", "by-path"}},
                         {"/sys/class/drm", {"card0", "card0-HDMI-A-1", "version"}}});
    EXPECT_EQ(content(tree, "/dev/dri/renderD128"), "/dev/dri/renderD128");
    EXPECT_EQ(content(tree, "/sys/class/drm/version"), "/sys/class/drm/version");
    ASSERT_NE(find(tree, "/dev/dri/by-path"), nullptr);
    EXPECT_EQ(find(tree, "/dev/dri/by-path")->kind, TreeEntry::Kind::kDirectory);
    // They are reached by their own paths, not through our copy.
    EXPECT_EQ(std::ranges::count(tree.owned, "/dev/dri/renderD128"), 0);
    EXPECT_EQ(std::ranges::count(tree.owned, "/dev/dri/renderD129"), 1);
}

}  // namespace
}  // namespace simgpu::node
