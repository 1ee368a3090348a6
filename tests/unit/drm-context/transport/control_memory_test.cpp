#include "drm-context/transport/control_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <utility>

#include "blob/foreign_memory.h"
#include "blob/mapping.h"
#include "wire/ccmd.h"

namespace viaduct::transport {
namespace {

constexpr uint32_t kAreaOffset = 88 + sizeof(wire::GuestRing) + sizeof(wire::FinishedWork);

TEST(ControlMemory, RefusesSizesThatCannotWork) {
    for (const uint64_t size :
         {uint64_t{0}, uint64_t{1}, uint64_t{kAreaOffset}, uint64_t{kAreaOffset + 3},
          kMaxControlMemory + 1, uint64_t{1} << 32, uint64_t{1} << 63})
        EXPECT_EQ(create_control_memory(size, kAreaOffset).error().code, EINVAL) << size;
    for (const uint64_t size :
         {uint64_t{kAreaOffset + 4}, uint64_t{4095}, uint64_t{4097}, kMaxControlMemory})
        EXPECT_TRUE(create_control_memory(size, kAreaOffset)) << size;
}

TEST(ControlMemory, NamesThePlaceOfResponsesBeforeAnyWorkerRuns) {
    const auto memory = create_control_memory(0x4000, kAreaOffset);
    ASSERT_TRUE(memory);
    const auto mapping = Mapping::map_shared(memory->get(), 0, 0x4000);
    ASSERT_TRUE(mapping);
    uint32_t head[2];
    std::memcpy(head, mapping->data(), sizeof(head));
    EXPECT_EQ(head[0], 0u) << "the sequence number";
    EXPECT_EQ(head[1], kAreaOffset);
}

TEST(ControlMemory, SaysWhatIsOffered) {
    for (const Shortcuts shortcuts : {Shortcuts::kOffered, Shortcuts::kHidden}) {
        const bool offered = shortcuts == Shortcuts::kOffered;
        const auto memory = create_control_memory(0x4000, kAreaOffset, shortcuts);
        ASSERT_TRUE(memory);
        const auto mapping = Mapping::map_shared(memory->get(), 0, 0x4000);
        ASSERT_TRUE(mapping);
        struct {
            wire::GuestRing ring;
            wire::FinishedWork finished;
        } shown;
        std::memcpy(&shown, mapping->data() + kAreaOffset - sizeof(shown), sizeof(shown));
        EXPECT_EQ(shown.finished.mark, offered ? wire::FinishedWork::kMark : 0);
        for (const uint32_t request : shown.finished.requests) EXPECT_EQ(request, 0u);
        EXPECT_EQ(shown.ring.mark, offered ? wire::GuestRing::kMark : 0);
        EXPECT_EQ(shown.ring.awake, 0u) << "no worker reads it yet";
    }
}

TEST(ControlMemory, CannotShrinkUnderTheVmm) {
    const auto memory = create_control_memory(0x4000, kAreaOffset);
    ASSERT_TRUE(memory);
    EXPECT_TRUE(check_mappable(memory->get(), 0, 0x4000));
}

}  // namespace
}  // namespace viaduct::transport
