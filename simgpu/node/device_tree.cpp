#include "simgpu/node/device_tree.h"

#include <fmt/format.h>

#include <set>

namespace simgpu::node {

namespace {

constexpr const char* kListed[] = {"/dev/dri", "/dev/dri/by-path", "/sys/class/drm",
                                   "/sys/bus/pci/devices"};

using Kind = TreeEntry::Kind;

// Collects entries; makes the directories above them.
class Planner {
  public:
    void directory(const std::string& path) {
        if (path.empty() || !directories_.insert(path).second) return;
        directory(parent(path));
        add(Kind::kDirectory, path, {});
    }
    void file(const std::string& path, std::string content) {
        directory(parent(path));
        add(Kind::kFile, path, std::move(content));
    }
    void link(const std::string& path, std::string target) {
        directory(parent(path));
        add(Kind::kLink, path, std::move(target));
    }
    void node(const std::string& path) {
        directory(parent(path));
        add(Kind::kNode, path, {});
    }
    void own(std::string path) { tree_.owned.push_back(std::move(path)); }
    bool has(const std::string& path) const { return taken_.contains(path); }
    DeviceTree take() { return std::move(tree_); }

  private:
    static std::string parent(const std::string& path) {
        return path.substr(0, path.find_last_of('/'));
    }
    void add(Kind kind, const std::string& path, std::string content) {
        taken_.insert(path);
        tree_.entries.push_back({kind, path, std::move(content)});
    }

    DeviceTree tree_;
    std::set<std::string> directories_;
    std::set<std::string> taken_;
};

// The standard header of configuration space (PCI Local Bus 3.0, 6.1): libdrm reads its first 64
// bytes to learn the revision; the kernel shows 256 for a conventional device.
std::string config_space(const NodeDescription& d) {
    std::string bytes(256, '\0');
    const auto put16 = [&bytes](size_t at, unsigned value) {
        bytes[at] = static_cast<char>(value & 0xff);
        bytes[at + 1] = static_cast<char>(value >> 8 & 0xff);
    };
    put16(0x00, d.vendor);
    put16(0x02, d.device);
    put16(0x04, 0x0007);  // command: I/O, memory, bus master
    put16(0x08, static_cast<unsigned>(d.revision) | (d.pci_class & 0xff) << 8);
    put16(0x0a, d.pci_class >> 8);
    put16(0x2c, d.subsystem_vendor);
    put16(0x2e, d.subsystem_device);
    return bytes;
}

void plan_pci_device(Planner& planner, const PlacedDevice& device) {
    const NodeDescription& d = device.description;
    const std::string pci = device.pci_path();
    const unsigned class_code = d.pci_class;
    planner.file(pci + "/vendor", fmt::format("0x{:04x}\n", d.vendor));
    planner.file(pci + "/device", fmt::format("0x{:04x}\n", d.device));
    planner.file(pci + "/subsystem_vendor", fmt::format("0x{:04x}\n", d.subsystem_vendor));
    planner.file(pci + "/subsystem_device", fmt::format("0x{:04x}\n", d.subsystem_device));
    planner.file(pci + "/revision", fmt::format("0x{:02x}\n", d.revision));
    planner.file(pci + "/class", fmt::format("0x{:06x}\n", class_code));
    planner.file(pci + "/config", config_space(d));
    planner.file(pci + "/irq", "0\n");
    planner.file(pci + "/enable", "1\n");
    planner.file(pci + "/boot_vga", "0\n");
    planner.file(pci + "/numa_node", "-1\n");
    const std::string modalias =
        fmt::format("pci:v{:08X}d{:08X}sv{:08X}sd{:08X}bc{:02X}sc{:02X}i{:02X}", d.vendor, d.device,
                    d.subsystem_vendor, d.subsystem_device, class_code >> 16,
                    class_code >> 8 & 0xff, class_code & 0xff);
    planner.file(pci + "/modalias", modalias + "\n");
    planner.file(pci + "/uevent",
                 fmt::format("DRIVER={}\nPCI_CLASS={:X}\nPCI_ID={:04X}:{:04X}\n"
                             "PCI_SUBSYS_ID={:04X}:{:04X}\nPCI_SLOT_NAME={}\nMODALIAS={}\n",
                             d.driver, class_code, d.vendor, d.device, d.subsystem_vendor,
                             d.subsystem_device, device.pci_address(), modalias));
    // Seven regions, start, end and flags each (pci-sysfs.c): none is there to be mapped.
    std::string regions;
    for (int i = 0; i < 7; ++i)
        regions += "0x0000000000000000 0x0000000000000000 0x0000000000000000\n";
    planner.file(pci + "/resource", regions);
    planner.link(pci + "/subsystem", "../../../bus/pci");
    planner.link(pci + "/driver", "../../../bus/pci/drivers/" + d.driver);
    planner.directory("/sys/bus/pci/drivers/" + d.driver);
    const std::string bus_link = "/sys/bus/pci/devices/" + device.pci_address();
    planner.link(bus_link, "../../.." + pci.substr(4));
    planner.own("/sys/devices/" + fmt::format("pci0000:{:02x}", device.pci_bus));
    planner.own(bus_link);
}

// The virtio device between the PCI device and the nodes (virtio.c: modalias "virtio:d%08Xv%08X").
void plan_virtio_device(Planner& planner, const PlacedDevice& device) {
    const NodeDescription& d = device.description;
    const std::string path = device.pci_path() + "/" + d.virtio;
    const unsigned virtio_id = d.device >= 0x1040u ? d.device - 0x1040u : d.device;
    planner.file(path + "/vendor", fmt::format("0x{:04x}\n", d.vendor));
    planner.file(path + "/device", fmt::format("0x{:04x}\n", virtio_id));
    const std::string modalias = fmt::format("virtio:d{:08X}v{:08X}", virtio_id, d.vendor);
    planner.file(path + "/modalias", modalias + "\n");
    planner.file(path + "/uevent", "DRIVER=virtio_gpu\nMODALIAS=" + modalias + "\n");
    planner.link(path + "/subsystem", "../../../../bus/virtio");
    planner.directory("/sys/bus/virtio");
}

void plan_node(Planner& planner, const PlacedDevice& device, NodeType type) {
    const NodeDescription& d = device.description;
    const bool virtio = !d.virtio.empty();
    const std::string name = device.node_name(type);
    const std::string parent = device.pci_path() + (virtio ? "/" + d.virtio : "");
    const std::string node = parent + "/drm/" + name;
    const int minor = device.minor_number(type);
    planner.file(node + "/dev", fmt::format("{}:{}\n", kDrmMajor, minor));
    planner.file(node + "/uevent",
                 fmt::format("MAJOR={}\nMINOR={}\nDEVNAME=dri/{}\nDEVTYPE=drm_minor\n", kDrmMajor,
                             minor, name));
    planner.link(node + "/device", "../../../" + (virtio ? d.virtio : device.pci_address()));
    planner.link(node + "/subsystem",
                 virtio ? "../../../../../../class/drm" : "../../../../../class/drm");

    const std::string below_sys = node.substr(4);  // "/devices/..."
    const std::string class_link = "/sys/class/drm/" + name;
    const std::string char_link = fmt::format("/sys/dev/char/{}:{}", kDrmMajor, minor);
    planner.link(class_link, "../.." + below_sys);
    planner.link(char_link, "../.." + below_sys);
    planner.own(class_link);
    planner.own(char_link);

    const std::string dev_node = "/dev/dri/" + name;
    const std::string by_path = fmt::format("/dev/dri/by-path/pci-{}-{}", device.pci_address(),
                                            type == NodeType::kRender ? "render" : "card");
    planner.node(dev_node);
    planner.link(by_path, "../" + name);
    planner.own(dev_node);
    planner.own(by_path);
}

}  // namespace

std::string PlacedDevice::pci_address() const {
    return fmt::format("0000:{:02x}:00.0", pci_bus);
}

std::string PlacedDevice::pci_path() const {
    return fmt::format("/sys/devices/pci0000:{:02x}/{}", pci_bus, pci_address());
}

std::string PlacedDevice::node_name(NodeType type) const {
    return type == NodeType::kRender ? fmt::format("renderD{}", 128 + index)
                                     : fmt::format("card{}", index);
}

int PlacedDevice::minor_number(NodeType type) const {
    // drm_drv.c: 64 minors per kind of node, primary nodes from 0, render nodes from 128.
    return type == NodeType::kRender ? 128 + index : index;
}

std::span<const char* const> listed_directories() {
    return kListed;
}

DeviceTree plan_device_tree(const std::vector<PlacedDevice>& devices,
                            const std::map<std::string, std::vector<std::string>>& machine_names) {
    Planner planner;
    for (const char* listed : kListed) planner.directory(listed);
    for (const PlacedDevice& device : devices) {
        plan_pci_device(planner, device);
        if (!device.description.virtio.empty()) plan_virtio_device(planner, device);
        plan_node(planner, device, NodeType::kPrimary);
        plan_node(planner, device, NodeType::kRender);
        for (const auto& [path, content] : device.description.module_files) {
            if (planner.has(path)) continue;  // of another device with this driver
            planner.file(path, content);
            planner.own(path);
        }
    }
    for (const auto& [directory, names] : machine_names)
        for (const std::string& name : names)
            if (const std::string path = directory + "/" + name; !planner.has(path))
                planner.link(path, path);
    return planner.take();
}

}  // namespace simgpu::node
