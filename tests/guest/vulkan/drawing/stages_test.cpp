// Geometry shaders, tessellation and VK_EXT_transform_feedback on radv, against the CPU.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/guest/vulkan/drawing/picture.h"
#include "tests/guest/vulkan/support.h"

// Built from the shaders of these names.
#include "control.spv.h"
#include "evaluation.spv.h"
#include "grid.spv.h"
#include "neighbours.spv.h"
#include "plain.spv.h"
#include "squares.spv.h"
#include "unseen.spv.h"
#include "whole.spv.h"

namespace viaduct::vulkan {
namespace {

constexpr std::array<float, 4> kBlack = {0, 0, 0, 0};

/// The first `count` squares of squares.geom.
Rgba square_at(int x, int y, int count) {
    const int number = x / 4 + y / 4 * 16;
    if (x % 4 >= 2 || y % 4 >= 2 || number >= count) return {0, 0, 0, 0};
    return {number, x % 4 == 1 ? 255 : 0, 0, 255};
}

GraphicsOptions squares() {
    return {.vertex = grid_spirv,
            .fragment = plain_spirv,
            .geometry = squares_spirv,
            .attributes = {},
            .topology = VK_PRIMITIVE_TOPOLOGY_POINT_LIST};
}

TEST(Stages, AGeometryShaderDrawsSquares) {
    const Device& device = shared_device();
    VIADUCT_NEEDS(device.features().geometry_shaders, "geometry shaders");
    const Canvas canvas(device, {64, 64});
    const GraphicsPipeline pipeline(device, canvas, squares());
    canvas.draw(kBlack, [&](VkCommandBuffer commands) {
        pipeline.bind(commands);
        vkCmdDraw(commands, 256, 1, 0, 0);
    });
    expect_pixels(
        canvas, [](int x, int y) { return square_at(x, y, 256); }, 1);
}

TEST(Stages, TessellatedPatchesCoverThePicture) {
    const Device& device = shared_device();
    VIADUCT_NEEDS(device.features().tessellation_shaders, "tessellation");
    const Canvas canvas(device, {64, 64});
    const GraphicsPipeline pipeline(device, canvas,
                                    {.vertex = whole_spirv,
                                     .fragment = plain_spirv,
                                     .control = control_spirv,
                                     .evaluation = evaluation_spirv,
                                     .patch_vertices = 4,
                                     .attributes = {},
                                     .topology = VK_PRIMITIVE_TOPOLOGY_PATCH_LIST});
    canvas.draw(kBlack, [&](VkCommandBuffer commands) {
        pipeline.bind(commands);
        vkCmdDraw(commands, 16, 1, 0, 0);
    });
    expect_pixels(
        canvas,
        [](int x, int y) {
            const int patch = x / 32 + y / 32 * 2;
            return Rgba{to_byte((x % 32 + 0.5) / 32), to_byte((y % 32 + 0.5) / 32),
                        to_byte(patch / 4.0), 255};
        },
        1);
}

template <typename Function>
Function load(const Device& device, const char* name) {
    const auto function = reinterpret_cast<Function>(vkGetDeviceProcAddr(device.get(), name));
    if (function == nullptr) throw Error(VK_ERROR_EXTENSION_NOT_PRESENT, name);
    return function;
}

class QueryPool {
  public:
    QueryPool(const Device& device, VkQueryType type) : device_(device) {
        VkQueryPoolCreateInfo create{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
        create.queryType = type;
        create.queryCount = 1;
        check(vkCreateQueryPool(device.get(), &create, nullptr, &pool_), "vkCreateQueryPool");
    }
    QueryPool(const QueryPool&) = delete;
    QueryPool& operator=(const QueryPool&) = delete;
    ~QueryPool() { vkDestroyQueryPool(device_.get(), pool_, nullptr); }
    VkQueryPool get() const { return pool_; }

  private:
    const Device& device_;
    VkQueryPool pool_ = VK_NULL_HANDLE;
};

// A strip of triangles with neighbours, of which the capture lacks room for the last four points;
// then as many squares as points were captured.
TEST(Stages, TransformFeedbackIsCountedAndDrawn) {
    const Device& device = shared_device();
    VIADUCT_NEEDS(device.features().transform_feedback && device.features().geometry_shaders,
                  "transform feedback");
    constexpr size_t kNeeded = 24, kRoom = 20;
    constexpr float kUntouched = -77;
    const Buffer captured(device, {.size = (kRoom + 1) * sizeof(float),
                                   .import_fd = {},
                                   .usage = VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_BUFFER_BIT_EXT});
    const Buffer counter(device,
                         {.size = 4,
                          .import_fd = {},
                          .usage = VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_COUNTER_BUFFER_BIT_EXT});
    std::ranges::fill(captured.as<float>(), kUntouched);
    const QueryPool query(device, VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT);
    Commands(device, QueueKind::kGraphics, [&](VkCommandBuffer commands) {
        vkCmdResetQueryPool(commands, query.get(), 0, 1);
    }).run();

    const Canvas canvas(device, {64, 64});
    const GraphicsPipeline capture(
        device, canvas,
        {.vertex = grid_spirv,
         .fragment = unseen_spirv,
         .geometry = neighbours_spirv,
         .attributes = {},
         .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP_WITH_ADJACENCY});
    const auto bind = load<PFN_vkCmdBindTransformFeedbackBuffersEXT>(
        device, "vkCmdBindTransformFeedbackBuffersEXT");
    const auto begin =
        load<PFN_vkCmdBeginTransformFeedbackEXT>(device, "vkCmdBeginTransformFeedbackEXT");
    const auto end = load<PFN_vkCmdEndTransformFeedbackEXT>(device, "vkCmdEndTransformFeedbackEXT");
    const auto draw_count =
        load<PFN_vkCmdDrawIndirectByteCountEXT>(device, "vkCmdDrawIndirectByteCountEXT");
    const VkBuffer captured_buffer = captured.get(), counter_buffer = counter.get();
    const VkDeviceSize start = 0, room = kRoom * sizeof(float);
    canvas.draw(kBlack, [&](VkCommandBuffer commands) {
        capture.bind(commands);
        bind(commands, 0, 1, &captured_buffer, &start, &room);
        vkCmdBeginQuery(commands, query.get(), 0, 0);
        begin(commands, 0, 0, nullptr, nullptr);
        vkCmdDraw(commands, 12, 1, 0, 0);
        end(commands, 0, 1, &counter_buffer, &start);
        vkCmdEndQuery(commands, query.get(), 0);
    });

    // Vulkan's order of the vertices of such a strip.
    std::vector<float> expected = {0, 1, 2, 6, 4, 3, 2, 5, 6, 8, 4, 0, 4, 2, 6, 10, 8, 7, 6, 9};
    expected.push_back(kUntouched);
    EXPECT_TRUE(same_values(expected, captured.as<const float>()));
    EXPECT_EQ(counter.as<const uint32_t>()[0], kRoom * sizeof(float));
    uint64_t counts[2] = {};
    check(vkGetQueryPoolResults(device.get(), query.get(), 0, 1, sizeof(counts), counts,
                                sizeof(counts), VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
          "vkGetQueryPoolResults");
    EXPECT_EQ(counts[0], kRoom) << "written";
    EXPECT_EQ(counts[1], kNeeded) << "needed";

    const GraphicsPipeline again(device, canvas, squares());
    canvas.draw(kBlack, [&](VkCommandBuffer commands) {
        again.bind(commands);
        draw_count(commands, 1, 0, counter_buffer, 0, 0, sizeof(float));
    });
    expect_pixels(
        canvas, [](int x, int y) { return square_at(x, y, kRoom); }, 1);
}

}  // namespace
}  // namespace viaduct::vulkan
