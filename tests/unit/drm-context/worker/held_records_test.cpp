#include "drm-context/worker/held_records.h"

#include <gtest/gtest.h>

#include <cstring>

#include "drm-context/transport/control_socket.h"

namespace viaduct {
namespace {

using transport::RecordType;

HeldRecords::Held record(RecordType type, uint32_t res_id) {
    const transport::ResourceCall call{1, res_id, 0};
    std::vector<std::byte> payload(sizeof(call));
    std::memcpy(payload.data(), &call, sizeof(call));
    return {type, std::move(payload), UniqueFd(), false};
}

TEST(HeldRecords, KnowsWhichResourcesChange) {
    HeldRecords held;
    held.push(record(RecordType::kDetach, 5));
    held.push(record(RecordType::kMapSource, 6));
    EXPECT_TRUE(held.changes_resource(ResourceId(5)));
    EXPECT_FALSE(held.changes_resource(ResourceId(6)));
    held.pop();
    EXPECT_FALSE(held.changes_resource(ResourceId(5)));
}

TEST(HeldRecords, IsBounded) {
    HeldRecords held;
    int count = 0;
    for (; !held.full() && count < 1'000'000; ++count) held.push(record(RecordType::kFence, 0));
    EXPECT_LT(count, 100'000);
    held.pop();
    EXPECT_FALSE(held.full());
}

TEST(HeldRecords, HoldsFewDescriptors) {
    HeldRecords held;
    int count = 0;
    for (; !held.full() && count < 10'000; ++count) {
        auto attach = record(RecordType::kAttach, 5);
        attach.descriptor = transport::create_event().value();
        held.push(std::move(attach));
    }
    EXPECT_LT(count, 100);
    EXPECT_TRUE(held.take_descriptor());
    EXPECT_FALSE(held.full());
    held.pop();
    held.push(record(RecordType::kFence, 0));
    EXPECT_FALSE(held.full()) << "the first one's was given back once";
}

}  // namespace
}  // namespace viaduct
