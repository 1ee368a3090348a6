// A scene as the GPU draws it, compared with the CPU's.
#pragma once

#include <vector>

#include "tools/demo-program/scene.h"
#include "tools/demo-program/subject.h"
#include "tools/vulkan/buffer.h"
#include "tools/vulkan/canvas.h"
#include "tools/vulkan/graphics_pipeline.h"
#include "tools/vulkan/image.h"

namespace viaduct::demo {

class GpuScene final : public Subject {
  public:
    GpuScene(const vulkan::Device& device, uint32_t width, uint32_t height, Scene scene);

    std::span<const uint32_t> draw(uint32_t frame) override;
    /// Right: of 1000 pixels at most one differs by more than 3 steps of 255 in a channel. Those
    /// are at edges, where a corner's position was rounded the other way; elsewhere the GPU's
    /// filter weights, reciprocals and powers are less exact than the CPU's.
    Comparison check(uint32_t frame) override;

  private:
    /// A mesh in the buffers.
    struct Range {
        uint32_t first_index = 0, indices = 0;
        int32_t first_vertex = 0;
    };

    void upload_meshes();
    void upload_texture();
    std::vector<Placed> place(uint32_t frame) const;

    const vulkan::Device& device_;
    Scene scene_;
    std::vector<uint32_t> texels_;
    std::vector<Range> ranges_;
    vulkan::Buffer vertices_;
    vulkan::Buffer indices_;
    vulkan::Image texture_;
    vulkan::OwnedSampler sampler_;
    vulkan::Canvas canvas_;
    vulkan::GraphicsPipeline pipeline_;
    size_t compared_ = 0;  // pixels
    size_t differing_ = 0;
    int largest_ = 0;  // difference among the others
};

}  // namespace viaduct::demo
