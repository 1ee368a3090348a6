#include "drm-context/transport/control_memory.h"

#include <gtest/gtest.h>

#include <cstring>

#include "blob/foreign_memory.h"
#include "blob/mapping.h"

namespace viaduct::transport {
namespace {

constexpr uint32_t kDriverSize = 88;

TEST(ControlMemory, RefusesSizesThatCannotWork) {
    for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{88}, uint64_t{91},
                                kMaxControlMemory + 1, uint64_t{1} << 32, uint64_t{1} << 63})
        EXPECT_EQ(create_control_memory(size, kDriverSize).error().code, EINVAL) << size;
    for (const uint64_t size : {uint64_t{92}, uint64_t{4095}, uint64_t{4097}, kMaxControlMemory})
        EXPECT_TRUE(create_control_memory(size, kDriverSize)) << size;
}

TEST(ControlMemory, NamesThePlaceOfResponsesBeforeAnyWorkerRuns) {
    const auto memory = create_control_memory(0x4000, kDriverSize);
    ASSERT_TRUE(memory);
    const auto mapping = Mapping::map_shared(memory->get(), 0, 0x4000);
    ASSERT_TRUE(mapping);
    uint32_t head[2];
    std::memcpy(head, mapping->data(), sizeof(head));
    EXPECT_EQ(head[0], 0u) << "the sequence number";
    EXPECT_EQ(head[1], kDriverSize);
}

TEST(ControlMemory, CannotShrinkUnderTheVmm) {
    const auto memory = create_control_memory(0x4000, kDriverSize);
    ASSERT_TRUE(memory);
    EXPECT_TRUE(check_mappable(memory->get(), 0, 0x4000));
}

}  // namespace
}  // namespace viaduct::transport
