#include "guest-mesa/layer/i915/engine_map.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace viaduct::guest::i915 {
namespace {

constexpr uint16_t kNone = 0xffff;
constexpr i915_engine_class_instance kHole{kNone, kNone};
constexpr i915_engine_class_instance kRender{0, 0};
constexpr i915_engine_class_instance kVideo0{2, 0};
constexpr i915_engine_class_instance kVideo1{2, 1};

uint64_t address_of(const void* object) {
    return reinterpret_cast<uintptr_t>(object);
}

struct Map {
    uint64_t extensions = 0;
    std::array<i915_engine_class_instance, 2> engines{kRender, kHole};
};

class EngineMap : public testing::Test {
  protected:
    EngineMap() {
        balancer_.engine_index = 1;
        balancer_.num_siblings = 2;
        balancer_.engines[0] = kVideo1;
        balancer_.engines[1] = kVideo0;
    }
    int pack(uint32_t size = sizeof(Map)) {
        drm_i915_gem_context_param param{};
        param.param = I915_CONTEXT_PARAM_ENGINES;
        param.size = size;
        param.value = address_of(&map_);
        packed_.clear();
        return pack_engine_map(param, packed_);
    }
    Map packed() const {
        Map map;
        EXPECT_EQ(packed_.size(), sizeof(map));
        std::memcpy(&map, packed_.data(), sizeof(map));
        return map;
    }
    void balance() { map_.extensions = address_of(&balancer_); }

    Map map_;
    I915_DEFINE_CONTEXT_ENGINES_LOAD_BALANCE(balancer_, 2){};
    std::vector<std::byte> packed_;
};

bool same(const i915_engine_class_instance& a, const i915_engine_class_instance& b) {
    return a.engine_class == b.engine_class && a.engine_instance == b.engine_instance;
}

TEST_F(EngineMap, WithoutExtensionsStaysAsItIs) {
    ASSERT_EQ(pack(), 0);
    EXPECT_EQ(packed().extensions, 0u);
    EXPECT_TRUE(same(packed().engines[0], kRender));
    EXPECT_TRUE(same(packed().engines[1], kHole));
}

TEST_F(EngineMap, HasTheFirstSiblingOfABalancedEngine) {
    balance();
    ASSERT_EQ(pack(), 0);
    EXPECT_EQ(packed().extensions, 0u) << "a pointer of the program's";
    EXPECT_TRUE(same(packed().engines[0], kRender));
    EXPECT_TRUE(same(packed().engines[1], kVideo1));
}

TEST_F(EngineMap, RefusesAsTheKernelDoes) {
    balance();
    balancer_.engine_index = 2;
    EXPECT_EQ(pack(), -EINVAL);
    balancer_.engine_index = 0;
    EXPECT_EQ(pack(), -EEXIST);
    balancer_.engine_index = 1;
    balancer_.flags = 1;
    EXPECT_EQ(pack(), -EINVAL);
    balancer_.flags = 0;
    balancer_.base.name = I915_CONTEXT_ENGINES_EXT_BOND;
    EXPECT_EQ(pack(), -ENODEV);
    balancer_.base.name = 77;
    EXPECT_EQ(pack(), -EINVAL);
    balancer_.base.name = I915_CONTEXT_ENGINES_EXT_LOAD_BALANCE;
    balancer_.num_siblings = 0;
    balancer_.base.next_extension = address_of(&balancer_);
    EXPECT_EQ(pack(), -E2BIG) << "the chain is a ring";
    EXPECT_EQ(pack(4), -EINVAL);
    EXPECT_EQ(pack(10), -EINVAL);
}

}  // namespace
}  // namespace viaduct::guest::i915
