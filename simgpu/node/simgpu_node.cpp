// libviaduct-simgpu.so: the simulated GPU as a render node for any program.
#include <cstdlib>
#include <string>
#include <string_view>

#include "simgpu/chips.h"
#include "simgpu/inject.h"
#include "simgpu/log.h"
#include "simgpu/node/fake_node.h"
#include "simgpu/node/model_list.h"
#include "simgpu/simgpu.h"

namespace simgpu::node {

namespace {

class SimulatedFile : public NodeFile {
  public:
    explicit SimulatedFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

    int ioctl(unsigned long request, void* argument) override {
        return file_->ioctl(request, argument);
    }
    tl::expected<MapSource, int> map_source(uint64_t offset) override {
        return file_->map_source(offset);
    }
    std::string fdinfo() override { return file_->fdinfo(); }
    void flush(Flush kind) override { file_->flush(kind); }

  private:
    const std::unique_ptr<File> file_;
};

NodeDescription describe(const Chip& chip) {
    const PciIdentity& pci = chip.pci;
    NodeDescription description;
    description.vendor = pci.vendor;
    description.device = pci.device;
    description.subsystem_vendor = pci.subsystem_vendor;
    description.subsystem_device = pci.subsystem_device;
    description.revision = pci.revision;
    description.driver = chip.driver;
    if (chip.module_files) description.module_files = chip.module_files();
    return description;
}

class SimulatedDriver : public NodeDriver {
  public:
    explicit SimulatedDriver(OpenOptions options)
        : options_(std::move(options)),
          description_(describe(*find_chip(chips(), options_.model))) {}

    const NodeDescription& description() const override { return description_; }
    // A primary node is the same device: what it has beyond a render node, mode setting, is
    // refused by the simulated kernel, as by the kernel of a GPU without connectors.
    tl::expected<std::unique_ptr<NodeFile>, int> open(NodeType) override {
        return File::open(options_).map([](std::unique_ptr<File> file) {
            return std::unique_ptr<NodeFile>(std::make_unique<SimulatedFile>(std::move(file)));
        });
    }

  private:
    const OpenOptions options_;
    const NodeDescription description_;
};

std::vector<std::unique_ptr<NodeDriver>> create_drivers() {
    const char* wanted = ::getenv("VIADUCT_SIMGPU");
    const char* instance = ::getenv("VIADUCT_SIMGPU_INSTANCE");
    auto devices =
        parse_model_list(wanted != nullptr ? wanted : "", instance != nullptr ? instance : "");
    if (!devices) {
        complain(devices.error());
        return {};
    }
    if (const auto injection = injection_status(); !injection) {
        complain(injection.error().message);
        return {};
    }
    // A fault cannot be looked up in a kernel log.
    set_log_sink([](std::string_view line) { report(std::string(line)); });
    std::vector<std::unique_ptr<NodeDriver>> drivers;
    for (OpenOptions& options : *devices)
        drivers.push_back(std::make_unique<SimulatedDriver>(std::move(options)));
    return drivers;
}

}  // namespace

constinit const Product kProduct{"viaduct-simgpu", "VIADUCT_SIMGPU_DEBUG", create_drivers};

}  // namespace simgpu::node
