// The product that these tests are: its name in messages, and no drivers.

#include "simgpu/node/fake_node.h"

namespace simgpu::node {

constinit const Product kProduct{"node-test", "NODE_TEST_DEBUG",
                                 [] { return std::vector<std::unique_ptr<NodeDriver>>(); }};

}  // namespace simgpu::node
