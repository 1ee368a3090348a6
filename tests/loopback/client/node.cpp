// libviaduct-loopback-client.so: the emulated virtio-gpu as a DRM node of the process it is
// preloaded into.
#include <cstdlib>
#include <sstream>
#include <string>

#include "simgpu/node/fake_node.h"
#include "tests/loopback/client/gpu_file.h"

namespace viaduct::loopback {

namespace {

using simgpu::node::NodeDescription;
using simgpu::node::NodeDriver;
using simgpu::node::NodeFile;
using simgpu::node::NodeType;

class VirtgpuNodeFile final : public NodeFile {
  public:
    explicit VirtgpuNodeFile(std::unique_ptr<GpuFile> file) : file_(std::move(file)) {}

    int ioctl(unsigned long request, void* argument) override {
        return file_->ioctl(request, argument);
    }
    tl::expected<simgpu::MapSource, int> map_source(uint64_t offset) override {
        return file_->map_source(offset);
    }
    bool is_claimed() const override { return file_->has_context(); }
    std::string fdinfo() override { return "drm-driver:\tvirtio_gpu\n"; }

  private:
    std::unique_ptr<GpuFile> file_;
};

class VirtgpuDriver final : public NodeDriver {
  public:
    /// `number`: of the guest's virtio devices, from 0.
    VirtgpuDriver(std::string socket_path, size_t number) : socket_path_(std::move(socket_path)) {
        // virtio 1.2, 4.1.2: vendor 0x1af4, device 0x1040 + the device type (16: GPU).
        description_.vendor = 0x1af4;
        description_.device = 0x1050;
        description_.subsystem_vendor = 0x1af4;
        description_.subsystem_device = 0x1100;
        description_.revision = 1;
        description_.pci_class = 0x038000;
        description_.driver = "virtio-pci";
        description_.virtio = "virtio" + std::to_string(number);
    }

    const NodeDescription& description() const override { return description_; }
    tl::expected<std::unique_ptr<NodeFile>, int> open(NodeType type) override {
        return open_inherited(type, false);
    }
    tl::expected<std::unique_ptr<NodeFile>, int> open_inherited(NodeType type,
                                                                bool claimed) override {
        auto file = GpuFile::open(socket_path_, type);
        if (!file) {
            simgpu::node::complain("viaduct-loopback: " + file.error().message);
            return tl::unexpected(ENODEV);
        }
        if (claimed) (*file)->set_context_elsewhere();
        return std::make_unique<VirtgpuNodeFile>(std::move(*file));
    }

  private:
    std::string socket_path_;
    NodeDescription description_;
};

std::vector<std::unique_ptr<NodeDriver>> create_drivers() {
    std::vector<std::unique_ptr<NodeDriver>> drivers;
    const char* const sockets = std::getenv(kSocketVariable);
    if (!sockets) return drivers;
    std::istringstream list(sockets);
    for (std::string path; std::getline(list, path, kSocketSeparator);)
        drivers.push_back(std::make_unique<VirtgpuDriver>(std::move(path), drivers.size()));
    return drivers;
}

}  // namespace

}  // namespace viaduct::loopback

namespace simgpu::node {

constinit const Product kProduct{"viaduct-loopback", "VIADUCT_LOOPBACK_DEBUG",
                                 viaduct::loopback::create_drivers};

}  // namespace simgpu::node
