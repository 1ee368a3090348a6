// An open file of a node that answers every ioctl with 0 and has nothing to map.
#pragma once

#include <cerrno>

#include "simgpu/node/fake_node.h"

namespace simgpu::node {

class NullFile : public NodeFile {
  public:
    /// `live`, if given, counts the objects there are.
    explicit NullFile(int* live = nullptr) : live_(live) {
        if (live_) ++*live_;
    }
    ~NullFile() override {
        if (live_) --*live_;
    }
    int ioctl(unsigned long, void*) override { return 0; }
    tl::expected<MapSource, int> map_source(uint64_t) override { return tl::unexpected(EINVAL); }

  private:
    int* const live_;
};

}  // namespace simgpu::node
