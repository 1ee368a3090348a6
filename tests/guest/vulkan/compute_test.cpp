// Compute shaders against the same calculation on the CPU, on the graphics and the compute queue.
#include <algorithm>
#include <cstring>

#include "tests/guest/vulkan/support.h"

// Built from shaders/*.comp; they need <cstdint> before them.
#include "affine.spv.h"
#include "atomics.spv.h"
#include "chase.spv.h"
#include "divergent.spv.h"
#include "scan.spv.h"
#include "subgroup.spv.h"

namespace viaduct::vulkan {
namespace {

class Compute : public testing::TestWithParam<QueueKind> {
  protected:
    void SetUp() override { VIADUCT_NEEDS(device_.has_queue(GetParam()), "no such queue"); }
    void run(const Commands::Recorder& record) { Commands(device_, GetParam(), record).run(); }
    void dispatch(const ComputePipeline& pipeline, uint32_t groups) {
        run([&](VkCommandBuffer commands) {
            pipeline.bind(commands);
            vkCmdDispatch(commands, groups, 1, 1);
        });
    }

    Device& device_ = shared_device();
};

std::vector<uint32_t> to_vector(const Buffer& buffer) {
    const auto values = buffer.as<uint32_t>();
    return {values.begin(), values.end()};
}

struct AffineConstants {
    uint32_t factor, width, height;
};

TEST_P(Compute, GridReachesOverTheEdge) {
    const AffineConstants constants{2654435761U, 100, 37};
    const size_t count = constants.width * constants.height;
    const Buffer source(device_, count * 4);
    const Buffer target(device_, count * 4 + 256);
    fill_pattern(source.bytes(), 1);
    fill_pattern(target.bytes(), 2);
    std::vector<uint32_t> expected = to_vector(target);
    for (size_t i = 0; i < count; ++i)
        expected[i] = source.as<uint32_t>()[i] * constants.factor + static_cast<uint32_t>(i);

    const Buffer* const buffers[] = {&source, &target};
    const ComputePipeline pipeline(device_, affine_spirv, buffers, sizeof(constants));
    run([&](VkCommandBuffer commands) {
        pipeline.bind(commands);
        pipeline.push(commands, constants);
        vkCmdDispatch(commands, (constants.width + 15) / 16, (constants.height + 3) / 4, 1);
    });
    EXPECT_TRUE(same_values(expected, target.as<uint32_t>()));
}

TEST_P(Compute, IndirectDispatchReadsItsSizeFromABuffer) {
    const AffineConstants constants{3, 64, 8};
    const size_t count = constants.width * constants.height;
    const Buffer source(device_, count * 4);
    const Buffer target(device_, count * 4);
    const Buffer size(device_, sizeof(VkDispatchIndirectCommand));
    fill_pattern(source.bytes(), 3);
    std::vector<uint32_t> expected(count);
    for (size_t i = 0; i < count; ++i)
        expected[i] = source.as<uint32_t>()[i] * 3 + static_cast<uint32_t>(i);

    const Buffer* const buffers[] = {&source, &target};
    const ComputePipeline pipeline(device_, affine_spirv, buffers, sizeof(constants));
    run([&](VkCommandBuffer commands) {
        // Written on the GPU, right before it is read.
        const VkDispatchIndirectCommand groups{4, 2, 1};
        vkCmdUpdateBuffer(commands, size.get(), 0, sizeof(groups), &groups);
        full_barrier(commands);
        pipeline.bind(commands);
        pipeline.push(commands, constants);
        vkCmdDispatchIndirect(commands, size.get(), 0);
    });
    EXPECT_TRUE(same_values(expected, target.as<uint32_t>()));
}

TEST_P(Compute, LocalMemoryAndBarriers) {
    constexpr uint32_t kGroups = 9;
    constexpr uint32_t kGroupSize = 256;
    const Buffer source(device_, kGroups * kGroupSize * 4);
    const Buffer target(device_, kGroups * kGroupSize * 4);
    fill_pattern(source.bytes(), 4);
    std::vector<uint32_t> expected = to_vector(source);
    for (size_t i = 0; i < expected.size(); ++i)
        if (i % kGroupSize != 0) expected[i] += expected[i - 1];

    const Buffer* const buffers[] = {&source, &target};
    dispatch(ComputePipeline(device_, scan_spirv, buffers), kGroups);
    EXPECT_TRUE(same_values(expected, target.as<uint32_t>()));
}

// As the shader's block of the same name.
struct Totals {
    uint32_t sum = 0;
    uint32_t smallest = ~0U;
    uint32_t largest = 0;
    int32_t smallest_signed = INT32_MAX;
    int32_t largest_signed = INT32_MIN;
    uint32_t all_bits = 0;
    uint32_t common_bits = ~0U;
    uint32_t parity = 0;
    uint32_t tickets = 0;
    uint32_t claimed = 0;
    uint32_t swapped = 0;
};

TEST_P(Compute, Atomics) {
    constexpr uint32_t kCount = 64 * 50;
    const Buffer source(device_, kCount * 4);
    const Buffer totals(device_, sizeof(Totals));
    const Buffer histogram(device_, 16 * 4);
    const Buffer tickets(device_, kCount * 4);
    fill_pattern(source.bytes(), 5);
    Totals expected;
    std::memcpy(totals.bytes().data(), &expected, sizeof(expected));
    std::ranges::fill(histogram.as<uint32_t>(), 0U);
    std::ranges::fill(tickets.as<uint32_t>(), 0U);
    std::vector<uint32_t> expected_counts(16);
    for (const uint32_t value : to_vector(source)) {
        expected.sum += value;
        expected.smallest = std::min(expected.smallest, value);
        expected.largest = std::max(expected.largest, value);
        expected.smallest_signed = std::min(expected.smallest_signed, static_cast<int32_t>(value));
        expected.largest_signed = std::max(expected.largest_signed, static_cast<int32_t>(value));
        expected.all_bits |= value;
        expected.common_bits &= value;
        expected.parity ^= value;
        ++expected_counts[value & 15U];
    }
    expected.tickets = kCount;
    expected.claimed = expected.swapped = 1;

    const Buffer* const buffers[] = {&source, &totals, &histogram, &tickets};
    dispatch(ComputePipeline(device_, atomics_spirv, buffers), kCount / 64);
    EXPECT_TRUE(same_bytes(std::as_bytes(std::span(&expected, 1)), totals.bytes()));
    EXPECT_TRUE(same_values(expected_counts, histogram.as<uint32_t>()));
    EXPECT_TRUE(same_values(std::vector<uint32_t>(kCount, 1), tickets.as<uint32_t>()));
}

// The functions of divergent.comp.
uint32_t collatz(uint32_t n) {
    uint32_t steps = 0;
    while (n != 1) {
        n = (n & 1U) == 0 ? n >> 1U : 3 * n + 1;
        if (++steps == 500) break;
    }
    return steps;
}

uint32_t by_kind(uint32_t value) {
    uint32_t result = value;
    switch (value % 7) {
        case 0:
            return value + 11;
        case 1:
            return (value * 13) ^ 0x5a5a5a5aU;
        case 2:
            return value ^ 0x5a5a5a5aU;
        case 3:
            return value / 3;
        case 4:
            for (uint32_t i = 0; i < value % 17; ++i) {
                if (i % 3 == 1) continue;
                result = result * 31 + i;
                if ((result & 0x80U) != 0) break;
            }
            return result;
        case 5:
            return value % 1000;
        default:
            return ~value;
    }
}

uint32_t divergent(uint32_t value) {
    uint32_t result = by_kind(value);
    if ((value & 4U) != 0) {
        result += collatz(value % 1000 + 1);
        if ((value & 8U) != 0) result -= collatz(value % 77 + 1);
    } else {
        do {
            result = result / 3 + 1;
        } while (result > 100);
    }
    return result;
}

TEST_P(Compute, DivergentControlFlow) {
    constexpr uint32_t kCount = 64 * 24;
    const Buffer source(device_, kCount * 4);
    const Buffer target(device_, kCount * 4);
    fill_pattern(source.bytes(), 6);
    std::vector<uint32_t> expected = to_vector(source);
    std::ranges::transform(expected, expected.begin(), divergent);

    const Buffer* const buffers[] = {&source, &target};
    dispatch(ComputePipeline(device_, divergent_spirv, buffers), kCount / 64);
    EXPECT_TRUE(same_values(expected, target.as<uint32_t>()));
}

struct Node {
    uint64_t next;
    uint64_t value;
};

// chase.comp on the CPU: `base` is the address of the first node.
uint64_t chase(std::span<const Node> nodes, uint64_t base, uint64_t head) {
    uint64_t hash = 0xcbf29ce484222325U;
    uint64_t count = 0;
    for (uint64_t at = head; at != 0; at = nodes[(at - base) / sizeof(Node)].next) {
        const uint64_t value = nodes[(at - base) / sizeof(Node)].value;
        hash = (hash ^ value) * 0x100000001b3U;
        if (value > 0x8000000000000000U) hash += value >> (count & 31U);
        if (static_cast<int64_t>(value) < 0)
            hash ^= static_cast<uint64_t>(static_cast<int64_t>(value) >> 7);
        ++count;
    }
    return hash + hash % (count + 3) - hash / (count + 1);
}

TEST_P(Compute, AddressesAndIntegersOf64Bits) {
    VIADUCT_NEEDS(device_.features().buffer_device_address && device_.features().int64,
                  "the device has no 64-bit addresses or integers");
    constexpr size_t kLists = 128;
    constexpr size_t kNodes = 1024;
    const Buffer nodes(device_, kNodes * sizeof(Node));
    const Buffer heads(device_, kLists * 8);
    const Buffer results(device_, kLists * 8);
    // Node n goes on to node n + kLists, up to a length of its own for each list.
    fill_pattern(nodes.bytes(), 7);
    const uint64_t base = nodes.address();
    std::vector<Node> list(nodes.as<Node>().begin(), nodes.as<Node>().end());
    for (size_t i = 0; i < kNodes; ++i) {
        const bool last = i + kLists >= kNodes || (i / kLists) == i % 5;
        list[i].next = last ? 0 : base + (i + kLists) * sizeof(Node);
    }
    std::ranges::copy(list, nodes.as<Node>().begin());
    std::vector<uint64_t> expected(kLists);
    for (size_t i = 0; i < kLists; ++i) {
        heads.as<uint64_t>()[i] = base + i * sizeof(Node);
        expected[i] = chase(list, base, base + i * sizeof(Node));
    }

    const uint64_t constants[] = {heads.address(), results.address()};
    const ComputePipeline pipeline(device_, chase_spirv, {}, sizeof(constants));
    run([&](VkCommandBuffer commands) {
        pipeline.bind(commands);
        pipeline.push(commands, constants);
        vkCmdDispatch(commands, kLists / 64, 1, 1);
    });
    EXPECT_TRUE(same_values(expected, results.as<uint64_t>()));
}

// As the shader's structure of the same name.
struct SubgroupResult {
    uint32_t subgroup_size, lane, scan, largest, odd_lanes, neighbour;
};

TEST_P(Compute, SubgroupOperations) {
    constexpr uint32_t kCount = 64 * 4;
    const Buffer source(device_, kCount * 4);
    const Buffer target(device_, kCount * sizeof(SubgroupResult));
    fill_pattern(source.bytes(), 8);
    const Buffer* const buffers[] = {&source, &target};
    dispatch(ComputePipeline(device_, subgroup_spirv, buffers), kCount / 64);

    const std::vector<uint32_t> values = to_vector(source);
    // Drivers may report more than the lanes that run together (anv always 32): the numbers of the
    // lanes show these.
    const auto results = target.as<SubgroupResult>();
    const uint32_t reported = results[0].subgroup_size;
    uint32_t size = 1;
    while (size < 64 && results[size].lane != 0) ++size;
    ASSERT_TRUE(size <= reported && 64 % size == 0) << size << " of " << reported;
    std::vector<SubgroupResult> expected(kCount);
    for (uint32_t i = 0; i < kCount; ++i) {
        // Lanes are numbered in the order of the invocations, as the drivers here all do.
        const auto wave = std::span(values).subspan(i / size * size, size);
        SubgroupResult& result = expected[i];
        result = {reported, i % size, 0, 0, 0, wave[(i % size) ^ 1U]};
        for (uint32_t lane = 0; lane < size; ++lane) {
            if (lane <= result.lane) result.scan += wave[lane];
            result.largest = std::max(result.largest, wave[lane]);
            result.odd_lanes += wave[lane] & 1U;
        }
    }
    EXPECT_TRUE(same_values(expected, target.as<SubgroupResult>()));
}

INSTANTIATE_TEST_SUITE_P(, Compute, testing::Values(QueueKind::kGraphics, QueueKind::kCompute),
                         [](const auto& info) {
                             return info.param == QueueKind::kGraphics ? "Graphics" : "Compute";
                         });

}  // namespace
}  // namespace viaduct::vulkan
