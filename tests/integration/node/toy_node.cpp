// A preload library with a toy device: enough of a driver to see every call of the toolkit arrive.
#include <drm.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "blob/memfd.h"
#include "simgpu/node/fake_node.h"
#include "tests/integration/node/toy_uapi.h"

namespace simgpu::node {

namespace {

std::atomic<int> live_files{0};

class ToyFile : public NodeFile {
  public:
    ToyFile(NodeType type, bool events) : type_(type), events_(events) { ++live_files; }
    ~ToyFile() override { --live_files; }

    int ioctl(unsigned long request, void* argument) override {
        switch (request) {
            case TOY_IOCTL_STATE: {
                auto& state = *static_cast<toy_state*>(argument);
                state.calls = ++calls_;
                state.live_files = live_files;
                state.primary = type_ == NodeType::kPrimary ? 1 : 0;
                state.flushes = flushes_;
                return 0;
            }
            case TOY_IOCTL_FAIL:
                return -ETOOMANYREFS;
            default:
                return -EINVAL;
        }
    }

    tl::expected<MapSource, int> map_source(uint64_t offset) override {
        if (offset != TOY_MAP_OFFSET) return tl::unexpected(EINVAL);
        if (!memory_) {
            auto memory = viaduct::create_sealed_memfd("toy", TOY_MAP_SIZE);
            if (!memory) return tl::unexpected(memory.error().code);
            memory_ = std::move(*memory);
        }
        return MapSource{memory_.duplicate(), 0, TOY_MAP_SIZE};
    }

    std::string fdinfo() override { return "drm-driver:\ttoy\n"; }

    void flush(Flush kind) override {
        ++flushes_;
        // For a program that is about to exit there is nobody to ask.
        const char* descriptor = ::getenv("TOY_EXIT_FD");
        if (kind == Flush::kExit && descriptor != nullptr)
            (void)!::write(::atoi(descriptor), "x", 1);
    }

    viaduct::UniqueFd take_descriptor() override {
        return viaduct::UniqueFd(events_ ? ::eventfd(1, EFD_CLOEXEC) : -1);
    }

  private:
    const NodeType type_;
    const bool events_;
    std::atomic<uint32_t> calls_{0};
    std::atomic<uint32_t> flushes_{0};
    viaduct::UniqueFd memory_;
};

// The first device hands out the toolkit's descriptors, the second its own.
class ToyDriver : public NodeDriver {
  public:
    explicit ToyDriver(bool second) : second_(second) {}
    const NodeDescription& description() const override { return second_ ? kVirtio : kPci; }
    tl::expected<std::unique_ptr<NodeFile>, int> open(NodeType type) override {
        if (::getenv("TOY_REFUSES") != nullptr) return tl::unexpected(ENOMEM);
        return std::make_unique<ToyFile>(type, second_);
    }

  private:
    inline static const NodeDescription kPci{
        0x1234, 0x5678, 0x1111, 0x2222, 0xc7, 0x030000, "toy", "",
    };
    inline static const NodeDescription kVirtio{
        0x1af4, 0x1050, 0x1af4, 0x1100, 0x01, 0x038000, "virtio-pci", "virtio0",
    };
    const bool second_;
};

std::vector<std::unique_ptr<NodeDriver>> create_drivers() {
    std::vector<std::unique_ptr<NodeDriver>> drivers;
    if (::getenv("TOY_OFF") != nullptr) return drivers;
    drivers.push_back(std::make_unique<ToyDriver>(false));
    drivers.push_back(std::make_unique<ToyDriver>(true));
    return drivers;
}

}  // namespace

constinit const Product kProduct{"toy-node", "TOY_DEBUG", create_drivers};

}  // namespace simgpu::node
