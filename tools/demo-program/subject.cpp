#include "tools/demo-program/subject.h"

#include "tools/demo-program/gpu_picture.h"
#include "tools/demo-program/gpu_scene.h"

namespace viaduct::demo {

std::unique_ptr<Subject> make_subject(std::string_view name, const vulkan::Device& device,
                                      uint32_t width, uint32_t height) {
    if (name == "mandelbrot") return std::make_unique<GpuPicture>(device, width, height);
    if (name == "cube") return std::make_unique<GpuScene>(device, width, height, cube_scene());
    if (name == "gears") return std::make_unique<GpuScene>(device, width, height, gears_scene());
    return nullptr;
}

}  // namespace viaduct::demo
