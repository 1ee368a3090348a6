#include "tests/integration/abi/shown_image.h"

#include <amdgpu_drm.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>

#include "drm-context/i915/uapi.h"
#include "tests/integration/abi/amdgpu_driver.h"
#include "wire/i915.h"

namespace viaduct::test {

namespace {

constexpr uint32_t kFlags = kMappable | kShareable;

bool is(GuestContext& guest, std::string_view driver) {
    return guest.facts().name == driver;
}

/// As Mesa describes an image when it exports it.
int set_metadata(GuestContext& guest, uint32_t res_id) {
    namespace w = wire::amdgpu;
    w::SetMetadataRequest request{};
    request.res_id = res_id;
    return -guest.ask<w::Response>(w::Command::kSetMetadata, request).ret;
}

/// i915 is told which buffers a submission writes to.
void mark_written(Message& submission, uint32_t image) {
    for (size_t at = sizeof(wire::i915::GemExecbuffer2Request); at < submission.bytes.size();
         at += sizeof(drm_i915_gem_exec_object2)) {
        drm_i915_gem_exec_object2 object{};
        std::memcpy(&object, &submission.bytes[at], sizeof(object));
        if (object.handle == image) object.flags |= EXEC_OBJECT_WRITE;
        std::memcpy(&submission.bytes[at], &object, sizeof(object));
    }
}

}  // namespace

uint32_t create_shown_image(GuestContext& guest, uint64_t va) {
    constexpr uint32_t kGtt = AMDGPU_GEM_DOMAIN_GTT;
    const uint32_t image = is(guest, "amdgpu")
                               ? create_amdgpu_buffer(guest, kShownImageSize, kFlags, kGtt,
                                                      AMDGPU_GEM_CREATE_EXPLICIT_SYNC)
                               : guest.create_buffer(kShownImageSize, kFlags);
    if (image == 0 || guest.map(image, va, kShownImageSize) != 0) return 0;
    if (is(guest, "amdgpu") && set_metadata(guest, image) != 0) return 0;
    return image;
}

ImageWriter::ImageWriter(GuestContext& guest)
    : guest_(guest),
      image_(create_shown_image(guest, kImageAt)),
      batch_(guest.create_buffer(4096)) {
    EXPECT_NE(image_, 0u);
    EXPECT_EQ(guest.map(batch_, kBatchAt, 4096), 0);
}

ImageWriter::ImageWriter(GuestContext& guest, uint32_t image)
    : guest_(guest), image_(image), batch_(guest.create_buffer(4096)) {
    EXPECT_EQ(guest.map(image_, kImageAt, kShownImageSize), 0);
    EXPECT_EQ(guest.map(batch_, kBatchAt, 4096), 0);
}

uint64_t ImageWriter::write(uint32_t value) {
    const auto& driver = guest_.driver();
    const Words words = driver.finish(driver.write_value(kImageAt, value));
    const auto bytes = static_cast<uint32_t>(words.size() * sizeof(uint32_t));
    const MappedResource memory(batch_);
    if (!memory.valid()) return 0;
    std::memcpy(memory.words(), words.data(), bytes);
    const std::array resources{image_, batch_};
    Message submission = guest_.driver().submission(context_, kBatchAt, bytes, resources);
    if (is(guest_, "i915")) mark_written(submission, image_);
    const uint64_t fence = guest_.vmm().next_fence_id();
    if (guest_.ask(submission) != 0 || guest_.create_fence(context_.ring, fence) != 0) return 0;
    return fence;
}

HostReader::HostReader(uint32_t image) {
    virgl_renderer_resource_info info{};
    EXPECT_EQ(virgl_renderer_resource_get_info(static_cast<int>(image), &info), 0);
    // A stand-in gives way to the image as soon as the worker has answered.
    EXPECT_TRUE(eventually([&] {
        struct stat status {};
        return ::fstat(info.fd, &status) == 0 && status.st_size == kShownImageSize;
    }));
    const auto memory = simgpu::drm::memory_of(info.fd);
    EXPECT_TRUE(memory) << "the VMM has no descriptor of what it shows";
    if (!memory) return;
    reservation_ = simgpu::drm::Reservation::of_memory(*memory);
    reservation_->add_foreign(fence_, simgpu::drm::Access::kRead);
}

}  // namespace viaduct::test
